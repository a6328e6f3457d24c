/** What only these commands ask the store: counts, sums, the newest events, whose a call is. All of it reads. */

import { sql } from "kysely";
import type { Nano } from "../domain/money.ts";
import type { StoredEvent } from "../domain/event.ts";
import { listEvents } from "../store/events.ts";
import type { Read } from "../store/store.ts";

/** How many tasks of work each goal has and how many are done, by goal id. Goals without a plan are not in it. */
export async function taskCounts(read: Read, goalIds: readonly string[]): Promise<Map<string, { tasks: number; done: number }>> {
  const counts = new Map<string, { tasks: number; done: number }>();
  if (goalIds.length === 0) return counts;
  const rows = await read.db
    .selectFrom("tasks")
    .select((eb) => ["goal_id" as const, "status" as const, eb.fn.countAll<number>().as("n")])
    .where("tenant", "=", read.tenant)
    .where("kind", "=", "work")
    .where("goal_id", "in", [...goalIds])
    .groupBy(["goal_id", "status"])
    .execute();
  for (const row of rows) {
    const before = counts.get(row.goal_id) ?? { tasks: 0, done: 0 };
    const n = Number(row.n);
    counts.set(row.goal_id, { tasks: before.tasks + n, done: before.done + (row.status === "done" ? n : 0) });
  }
  return counts;
}

export type CallSum = { readonly name: string | null; readonly calls: number; readonly cost: Nano };

/** Calls and their settled cost by skill or by model, dearest first. */
export async function callSums(read: Read, by: "skill" | "model", rehearsal: boolean): Promise<CallSum[]> {
  const rows = await read.db
    .selectFrom("calls")
    .select((eb) => [eb.ref(by).as("name"), eb.fn.countAll<number>().as("calls"), eb.fn.sum<number>("cost").as("cost")])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .groupBy(by)
    .execute();
  return rows
    .map((row) => ({ name: row.name, calls: Number(row.calls), cost: Number(row.cost) }))
    .toSorted((a, b) => b.cost - a.cost || b.calls - a.calls);
}

/** The newest events, oldest of them first. */
export async function lastEvents(read: Read, filter: { goalId: string | null; limit: number }): Promise<StoredEvent[]> {
  const { goalId, limit } = filter;
  let query = read.db.selectFrom("events").select("seq").orderBy("seq", "desc").limit(1).offset(limit);
  // (See listEvents.)
  if (goalId === null) query = query.where(sql`tenant || ''`, "=", read.tenant);
  else query = query.where("tenant", "=", read.tenant).where("goal_id", "=", goalId);
  const before = await query.executeTakeFirst();
  return listEvents(read, { after: before?.seq ?? 0, limit, ...(goalId === null ? {} : { goalId }) });
}

/** Keys of tasks, by id. */
export async function taskKeys(read: Read, ids: Iterable<string>): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const rows = await read.db
    .selectFrom("tasks")
    .select(["id", "key"])
    .where("tenant", "=", read.tenant)
    .where("id", "in", wanted)
    .execute();
  return new Map(rows.map((row) => [row.id, row.key]));
}

/** The goal that a call belongs to. A dry run's calls have the id of a goal that was never kept. */
export async function goalOfCall(read: Read, callId: string): Promise<string | null> {
  const row = await read.db
    .selectFrom("calls")
    .select("goal_id")
    .where("tenant", "=", read.tenant)
    .where("id", "=", callId)
    .executeTakeFirst();
  return row?.goal_id ?? null;
}
