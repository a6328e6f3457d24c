/** Whether something from outside has a part in a task: what it read, what started its goal, or what its work is made from. */

import { getGoal } from "./goals.ts";
import { needsOf } from "./tasks.ts";
import type { Read } from "./store.ts";

/** Sources of goals whose text a stranger may have written. */
const FROM_OUTSIDE = /^event:/;

/**
 * True when the task, a version of it, anything that it builds on, or one of the learnings that it works by has read from
 * outside; and for every task of a goal that an event started. What is tainted stays so: nothing washes it off.
 */
export async function isTainted(read: Read, taskId: string, learnings: readonly string[] = []): Promise<boolean> {
  if (learnings.length > 0 && (await taintedLearning(read, learnings))) return true;
  const seen = new Set<string>();
  const open = [taskId];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    if (await taintedItself(read, id)) return true;
    open.push(...(await needsOf(read, id)));
  }
  const task = await read.db
    .selectFrom("tasks")
    .select("goal_id")
    .where("tenant", "=", read.tenant)
    .where("id", "=", taskId)
    .executeTakeFirst();
  const goal = task ? await getGoal(read, task.goal_id) : null;
  return goal !== null && FROM_OUTSIDE.test(goal.source);
}

async function taintedItself(read: Read, taskId: string): Promise<boolean> {
  const seen = await read.db
    .selectFrom("tool_reads")
    .select("server")
    .where("tenant", "=", read.tenant)
    .where("subject", "=", taskId)
    .where("tainted", "=", 1)
    .limit(1)
    .executeTakeFirst();
  if (seen) return true;
  const made = await read.db
    .selectFrom("deliverables")
    .select("id")
    .where("tenant", "=", read.tenant)
    .where("task_id", "=", taskId)
    .where("tainted", "=", 1)
    .limit(1)
    .executeTakeFirst();
  return made !== undefined;
}

async function taintedLearning(read: Read, ids: readonly string[]): Promise<boolean> {
  const found = await read.db
    .selectFrom("learnings")
    .select("id")
    .where("tenant", "=", read.tenant)
    .where("id", "in", [...ids])
    .where("tainted", "=", 1)
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}
