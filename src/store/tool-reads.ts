/** What agents read from outside, as it came: a resumed task finds it here and does not ask again. */

import type { Selectable } from "kysely";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";

/** Where in a task it was read; `subject` is the task's id. */
export type ReadPlace = {
  readonly goalId: string;
  readonly subject: string;
  readonly revision: number;
  readonly step: string;
  readonly round: number;
  readonly useIndex: number;
};

export type ToolRead = ReadPlace & {
  readonly server: string;
  readonly tool: string;
  /** Canonical JSON. */
  readonly args: string;
  readonly text: string;
  readonly isError: boolean;
  /** Of the whole answer. */
  readonly bytes: number;
  /** The file that holds all of it, where `text` is cut. */
  readonly spilled: string | null;
  readonly tainted: boolean;
  readonly ms: number;
  readonly rehearsal: boolean;
  /** UTC ms. */
  readonly at: number;
};

function toRead(row: Selectable<Schema["tool_reads"]>): ToolRead {
  return {
    goalId: row.goal_id,
    subject: row.subject,
    revision: row.revision,
    step: row.step,
    round: row.round,
    useIndex: row.use_index,
    server: row.server,
    tool: row.tool,
    args: row.args,
    text: row.text,
    isError: row.is_error === 1,
    bytes: row.bytes,
    spilled: row.spilled,
    tainted: row.tainted === 1,
    ms: row.ms,
    rehearsal: row.rehearsal === 1,
    at: row.at,
  };
}

/** Keeps what was read. The first answer at a place stays; it comes back when there was one. */
export async function storeRead(tx: Tx, read: Omit<ToolRead, "at">): Promise<ToolRead> {
  await tx.db
    .insertInto("tool_reads")
    .values({
      tenant: tx.tenant,
      goal_id: read.goalId,
      subject: read.subject,
      revision: read.revision,
      step: read.step,
      round: read.round,
      use_index: read.useIndex,
      server: read.server,
      tool: read.tool,
      args: read.args,
      text: storable(read.text),
      is_error: read.isError ? 1 : 0,
      bytes: read.bytes,
      spilled: read.spilled,
      tainted: read.tainted ? 1 : 0,
      ms: Math.round(read.ms),
      rehearsal: read.rehearsal ? 1 : 0,
      at: tx.now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const kept = await findRead(tx, read);
  if (!kept) throw new Error(`what ${read.subject} read could not be kept`);
  return kept;
}

export async function findRead(read: Read, place: ReadPlace): Promise<ToolRead | null> {
  const row = await read.db
    .selectFrom("tool_reads")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", place.goalId)
    .where("subject", "=", place.subject)
    .where("revision", "=", place.revision)
    .where("step", "=", place.step)
    .where("round", "=", place.round)
    .where("use_index", "=", place.useIndex)
    .executeTakeFirst();
  return row ? toRead(row) : null;
}

/** All that a task read, in the order of its steps; of one version if told. */
export async function readsOf(
  read: Read,
  { goalId, subject, revision }: Pick<ReadPlace, "goalId" | "subject"> & { readonly revision?: number },
): Promise<ToolRead[]> {
  let query = read.db
    .selectFrom("tool_reads")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    .where("subject", "=", subject)
    .orderBy("revision")
    .orderBy("step")
    .orderBy("round")
    .orderBy("use_index");
  if (revision !== undefined) query = query.where("revision", "=", revision);
  return (await query.execute()).map(toRead);
}

/** PostgreSQL keeps no NUL in a text, and what comes from outside may hold one. */
function storable(text: string): string {
  return text.replaceAll("\u0000", "\ufffd");
}
