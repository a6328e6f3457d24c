/** Events as they are kept: of a goal, or of some types. How they are told as they happen: feed.ts. */

import { sql } from "kysely";
import type { StoredEvent } from "../domain/event.ts";
import { toEvent } from "./feed.ts";
import type { Read } from "./store.ts";

/** Events after `seq`, in order. */
export async function listEvents(
  read: Read,
  filter: { after?: number; goalId?: string; limit?: number },
): Promise<StoredEvent[]> {
  let query = read.db
    .selectFrom("events")
    .selectAll()
    .where("seq", ">", filter.after ?? 0)
    .orderBy("seq")
    .limit(filter.limit ?? 1000);
  if (filter.goalId !== undefined) query = query.where("tenant", "=", read.tenant).where("goal_id", "=", filter.goalId);
  // As an expression, so that the planner walks the rows behind `seq` and does not sort all of the tenant's.
  else query = query.where(sql`tenant || ''`, "=", read.tenant);
  return (await query.execute()).map(
    (row) =>
      ({
        seq: row.seq,
        at: row.at,
        type: row.type,
        goalId: row.goal_id,
        taskId: row.task_id,
        rehearsal: row.rehearsal === 1,
        ...(JSON.parse(row.data) as object),
      }) as StoredEvent,
  );
}

/** The newest seq of all events; nothing that becomes visible later has a smaller one. */
export async function newestEvent(read: Read): Promise<number> {
  const row = await read.db
    .selectFrom("events")
    .select((eb) => eb.fn.max("seq").as("seq"))
    .executeTakeFirst();
  return Number(row?.seq ?? 0);
}

/** The events of these types with `after` < seq ≤ `upTo`, in order; at most `limit`. */
export async function eventsOf(
  read: Read,
  { types, after, upTo, limit }: { types: readonly string[]; after: number; upTo: number; limit: number },
): Promise<StoredEvent[]> {
  const rows = await read.db
    .selectFrom("events")
    .selectAll()
    // As an expression, as in the feed: the planner shall walk the few rows behind `after`.
    .where(sql`tenant || ''`, "=", read.tenant)
    .where("seq", ">", after)
    .where("seq", "<=", upTo)
    .where("type", "in", [...types])
    .orderBy("seq")
    .limit(limit)
    .execute();
  return rows.map(toEvent);
}
