/** Ids by their beginning, as people type them. */

import type { Read } from "./store.ts";

/** Ids of a table that begin with `prefix`: at most two, enough to see whether it is unique. */
export async function idsLike(
  read: Read,
  table: "goals" | "tasks" | "questions" | "learnings" | "calls" | "effects" | "inbox",
  prefix: string,
): Promise<string[]> {
  const rows = await read.db
    .selectFrom(table)
    .select("id")
    .where("tenant", "=", read.tenant)
    .where("id", ">=", prefix)
    .where("id", "<", `${prefix}~`)
    .limit(2)
    .execute();
  return rows.map((row) => row.id);
}
