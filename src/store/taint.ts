/** Whether something from outside has a part in a goal's work. One mark for the whole goal: the Director reads across its tasks. */

import type { SelectQueryBuilder } from "kysely";
import { getGoal } from "./goals.ts";
import type { Read } from "./store.ts";

/** Sources of goals whose text strangers may have had a part in: an event's data, and what a review of earlier work asks for. */
const FROM_OUTSIDE = /^(?:event|review):/;

/** Such a goal's text and title may hold a stranger's words before anything was read for it. */
export function startedFromOutside(goal: { readonly source: string }): boolean {
  return FROM_OUTSIDE.test(goal.source);
}

/**
 * True when the goal was started from outside or by a review, when any of its tasks has read something from outside or had an
 * answer to an action, or when one of its prompts held a learning from such work. Gates, plans, findings and repairs carry
 * words from task to task, so no task of such a goal counts as clean. What is tainted stays so: nothing washes it off.
 */
export async function isTainted(read: Read, goalId: string): Promise<boolean> {
  const goal = await getGoal(read, goalId);
  if (goal !== null && startedFromOutside(goal)) return true;
  return (await hasRead(read, goalId)) || (await hasActed(read, goalId)) || (await learnedFromOutside(read, goalId));
}

async function hasRead(read: Read, goalId: string): Promise<boolean> {
  return isThere(
    read.db
      .selectFrom("tool_reads")
      .select("tool")
      .where("tenant", "=", read.tenant)
      .where("goal_id", "=", goalId)
      .where("tainted", "=", 1),
  );
}

/** What a tool answered, or why it failed, is its server's words. */
async function hasActed(read: Read, goalId: string): Promise<boolean> {
  return isThere(
    read.db
      .selectFrom("effects")
      .select("id")
      .where("tenant", "=", read.tenant)
      .where("goal_id", "=", goalId)
      .where("sent_at", "is not", null),
  );
}

async function learnedFromOutside(read: Read, goalId: string): Promise<boolean> {
  const calls = await read.db
    .selectFrom("calls")
    .select("learnings")
    .distinct()
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    .where("learnings", "!=", "[]")
    .execute();
  const ids = [...new Set(calls.flatMap((call) => JSON.parse(call.learnings) as string[]))];
  if (ids.length === 0) return false;
  return isThere(
    read.db
      .selectFrom("learnings")
      .select("id")
      .where("tenant", "=", read.tenant)
      .where("id", "in", ids)
      .where("tainted", "=", 1),
  );
}

async function isThere<D, T extends keyof D, Row>(query: SelectQueryBuilder<D, T, Row>): Promise<boolean> {
  return (await query.limit(1).executeTakeFirst()) !== undefined;
}
