/** What goes outside, in numbers: reads by tool, actions by state. */

import { sql } from "kysely";
import type { Read } from "./store.ts";

export type ReadCount = { server: string; tool: string; isError: boolean; n: number; ms: number };
export type EffectCount = { server: string; class: string; state: string; n: number };

/** Reads of real work; `ms` is how long they took together. */
export async function countReads(read: Read): Promise<ReadCount[]> {
  const rows = await readsQuery(read).execute();
  return rows.map(({ server, tool, is_error, n, ms }) => ({
    server,
    tool,
    isError: is_error === 1,
    n: Number(n),
    ms: Number(ms ?? 0),
  }));
}

/** Exported for the test that looks at its plan. */
export function readsQuery(read: Read) {
  return read.db
    .selectFrom("tool_reads")
    .select((eb) => ["server", "tool", "is_error", eb.fn.countAll().as("n"), sql`sum(ms)`.as("ms")])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", 0)
    .groupBy(["server", "tool", "is_error"]);
}

/** Actions of real work. */
export async function countEffects(read: Read): Promise<EffectCount[]> {
  const rows = await effectsQuery(read).execute();
  return rows.map((row) => ({ ...row, n: Number(row.n) }));
}

/** Exported for the test that looks at its plan. */
export function effectsQuery(read: Read) {
  return read.db
    .selectFrom("effects")
    .select((eb) => ["server", "class", "state", eb.fn.countAll().as("n")])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", 0)
    .groupBy(["server", "class", "state"]);
}
