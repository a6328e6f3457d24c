/** What happens to a task and its goal when no answer came: parked, paused, or failed, never forgotten. */

import { newId } from "../domain/id.ts";
import { dollars, NANO_PER_USD } from "../domain/money.ts";
import type { Goal, PauseReason } from "../domain/goal.ts";
import type { Lease } from "../domain/task.ts";
import type { Stopped, StopWhy } from "../journal/outcome.ts";
import { callsInBatch } from "../store/calls.ts";
import { askQuestion, listQuestions } from "../store/questions.ts";
import { enterTask, LeaseLost } from "../store/leases.ts";
import { moveTask } from "../store/tasks.ts";
import type { Store, Tx } from "../store/store.ts";
import { failTask, pauseGoal } from "./engine.ts";

const PAUSES: Partial<Record<StopWhy, PauseReason>> = {
  budget: "budget",
  cap_hits: "budget",
  spend_limit: "model_away",
  away: "model_away",
  auth: "model_away",
  unknown_model: "model_away",
};

/** A batch is answered within a day, and its answer wakes the task. That it looks by itself at last is a second string. */
const BATCH_MS = 26 * 3_600_000;

/** Puts the task back (its stored answers stay) and pauses the goal with the reason, or fails the task. */
export async function stopTask(store: Store, lease: Lease, stopped: Stopped): Promise<void> {
  if (stopped.why === "lease_lost") return;
  try {
    await store.write("task.stop", async (tx) => {
      const { goal, task } = await enterTask(tx, lease);
      if (stopped.why === "bad_request") return failTask(tx, goal, task, stopped.detail);
      // Answered while this task was on its way to rest, nobody would wake it: whoever settles its call has locked the goal.
      const waits = stopped.why === "batched" && (await callsInBatch(tx, { goalId: goal.id, subject: task.id })).calls > 0;
      const until = waits ? tx.now + BATCH_MS : tx.now;
      // It was not the task's fault: the attempt does not count.
      await moveTask(tx, task, "ready", { attempts: Math.max(0, task.attempts - 1), runAt: until });
      tx.emit(
        { type: "task.parked", goalId: goal.id, taskId: task.id, reason: stopped.detail, until },
        { rehearsal: goal.rehearsal },
      );
      const pause = PAUSES[stopped.why];
      if (pause === undefined || goal.status !== "running") return;
      if (pause === "budget") await askForBudget(tx, goal, stopped.detail);
      await pauseGoal(tx, goal, pause, stopped.detail);
    });
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
  }
}

/** What `approve` allows on a budget question: half of the goal's cap, at least a dollar. */
export function suggestedAllowance(cap: number): number {
  return Math.max(NANO_PER_USD, Math.ceil(cap / 2));
}

async function askForBudget(tx: Tx, goal: Goal, detail: string): Promise<void> {
  const open = await listQuestions(tx, { goalId: goal.id, status: "open" });
  if (open.some((question) => question.kind === "budget")) return;
  const amount = suggestedAllowance(goal.cap);
  await askQuestion(
    tx,
    {
      id: newId("ask"),
      goalId: goal.id,
      taskId: null,
      kind: "budget",
      title: `"${goal.title}" has used up its budget. Allow ${dollars(amount)} more?`,
      detail: `${detail}.\nWork that is done is kept. Another amount: resume ${goal.id} --allow USD`,
      approveMeans: `allow ${dollars(amount)} more and go on`,
      rejectMeans: "cancel the goal, keep what is done",
    },
    goal.rehearsal,
  );
}
