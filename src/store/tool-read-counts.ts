/** How often was read from which server: of a goal, or of all goals in a window. */

import type { Read } from "./store.ts";

export type ReadCount = { readonly server: string; readonly n: number; readonly errors: number };

/** By server, the most read first. A goal's own, or of real goals with `from` ≤ time < `to` (UTC ms). */
export async function readCounts(
  read: Read,
  of: { readonly goalId: string } | { readonly from: number; readonly to: number },
): Promise<ReadCount[]> {
  let query = read.db
    .selectFrom("tool_reads")
    .select((eb) => ["server", eb.fn.countAll().as("n"), eb.fn.sum("is_error").as("errors")])
    .where("tenant", "=", read.tenant)
    .groupBy("server");
  query =
    "goalId" in of
      ? query.where("goal_id", "=", of.goalId)
      : query.where("rehearsal", "=", 0).where("at", ">=", of.from).where("at", "<", of.to);
  const rows = (await query.execute()).map(({ server, n, errors }) => ({ server, n: Number(n), errors: Number(errors ?? 0) }));
  return rows.toSorted((a, b) => b.n - a.n || (a.server < b.server ? -1 : 1));
}
