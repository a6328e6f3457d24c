/** The engine: how a task ends, what may run then, and when a goal is at its end. All inside a transaction. */

import { newId } from "../domain/id.ts";
import { GOAL_ENDED, type Goal, type PauseReason } from "../domain/goal.ts";
import { DIRECTOR } from "../domain/plan.ts";
import { TASK_ENDED, type Task } from "../domain/task.ts";
import { versionsOf } from "../store/deliverables.ts";
import { listEffects, withdrawEffects } from "../store/effects.ts";
import { getGoal, moveGoal, updateGoal } from "../store/goals.ts";
import { askQuestion, listQuestions, withdrawQuestions } from "../store/questions.ts";
import { graphOf, insertTasks, moveTask, releaseDependents, tasksOfGoal, type NewTask } from "../store/tasks.ts";
import type { Tx } from "../store/store.ts";

const MAX_FAILURES_IN_A_ROW = 3;

/** The task that a goal without a plan begins with. */
export async function addPlanningTask(tx: Tx, goal: Pick<Goal, "id" | "priority" | "rehearsal">): Promise<void> {
  await insertTasks(tx, [directorTask(goal, "plan", "plan", "Plan")]);
}

function directorTask(
  goal: Pick<Goal, "id" | "priority" | "rehearsal">,
  kind: "plan" | "check" | "report",
  key: string,
  phase: string,
): NewTask {
  return {
    id: newId("task"),
    goalId: goal.id,
    key,
    kind,
    phase,
    skill: DIRECTOR,
    brief: "",
    criteria: [],
    reviewers: [],
    variants: 1,
    needs: [],
    unmet: 0,
    priority: goal.priority,
    rehearsal: goal.rehearsal,
  };
}

export async function cancelTask(
  tx: Tx,
  goal: Pick<Goal, "id" | "rehearsal">,
  task: Pick<Task, "id" | "status">,
  reason: string,
): Promise<void> {
  await moveTask(tx, task, "cancelled", { reason });
  await keepWishesOf(tx, task.id, null);
  tx.emit({ type: "task.cancelled", goalId: goal.id, taskId: task.id, reason }, { rehearsal: goal.rehearsal });
}

/** A repair of an accepted text came to nothing: the text that was accepted stays, and what it contradicts is told in the report. */
export async function keepAccepted(tx: Tx, goal: Goal, task: Task, why: string): Promise<void> {
  const accepted = (await versionsOf(tx, task.id)).find((version) => version.id === task.deliverableId);
  const { revision, score } = accepted ?? task;
  const change = { revision, score, verdict: "APPROVE" as const, reason: `not repaired: ${why}` };
  await finishTask(tx, { ...task, revision }, change, goal.rehearsal);
}

/** A task ended without a result: what needs it is cancelled, with its name; three in a row pause the goal. */
export async function failTask(tx: Tx, goal: Goal, task: Task, reason: string): Promise<void> {
  if (task.deliverableId !== null) return keepAccepted(tx, goal, task, reason);
  await moveTask(tx, task, "failed", { reason });
  await keepWishesOf(tx, task.id, null);
  tx.emit({ type: "task.failed", goalId: goal.id, taskId: task.id, reason }, { rehearsal: goal.rehearsal });
  const failures = goal.failures + 1;
  await updateGoal(tx, goal.id, { failures });
  if (failures >= MAX_FAILURES_IN_A_ROW && goal.status === "running") {
    tx.emit(
      { type: "pipeline_blocked", goalId: goal.id, taskId: null, reason: `${failures} tasks failed in a row` },
      { rehearsal: goal.rehearsal },
    );
    await askQuestion(
      tx,
      {
        id: newId("ask"),
        goalId: goal.id,
        taskId: null,
        kind: "failures",
        title: `${failures} tasks of "${goal.title}" failed in a row. Go on?`,
        detail: `The last one: ${task.key} (${task.skill}): ${reason}`,
        approveMeans: "go on with what is left",
        rejectMeans: "cancel the goal",
      },
      goal.rehearsal,
    );
    await pauseGoal(tx, goal, "question", `${failures} tasks failed in a row`);
  }
  await settleGoal(tx, goal.id);
}

export async function pauseGoal(tx: Tx, goal: Goal, pause: PauseReason, reason: string): Promise<void> {
  if (goal.status !== "running") return;
  await moveGoal(tx, goal, "paused", { pause, reason });
  tx.emit({ type: "goal.paused", goalId: goal.id, taskId: null, pause, reason }, { rehearsal: goal.rehearsal });
}

async function endGoal(tx: Tx, goal: Goal, to: "completed" | "failed", note: { open: number; reason: string }): Promise<void> {
  await moveGoal(tx, goal, to, { reason: to === "failed" ? note.reason : null });
  await withdrawQuestions(tx, goal.id);
  tx.emit(
    to === "completed"
      ? { type: "goal.completed", goalId: goal.id, taskId: null, open: note.open }
      : { type: "goal.failed", goalId: goal.id, taskId: null, reason: note.reason },
    { rehearsal: goal.rehearsal },
  );
}

/**
 * Looks at a goal after any of its tasks changed: cancels what can no longer run, adds the report when the work is over,
 * pauses when only a person can go on, and ends the goal when the report is written.
 */
export async function settleGoal(tx: Tx, goalId: string): Promise<void> {
  const goal = await getGoal(tx, goalId);
  if (!goal || GOAL_ENDED.includes(goal.status)) return;
  const tasks = await cancelUnreachable(tx, goal, await tasksOfGoal(tx, goalId));
  const planning = tasks.find((task) => task.kind === "plan");
  if (planning?.status === "failed") return endGoal(tx, goal, "failed", { open: 0, reason: planning.reason ?? "no plan" });
  const work = tasks.filter((task) => task.kind === "work" || task.kind === "gate");
  if (work.length === 0) return;
  const open = work.filter((task) => !TASK_ENDED.includes(task.status));
  if (open.length === 0) return closeGoal(tx, goal, tasks);
  const moving = open.some((task) => task.status === "ready" || task.status === "running" || task.status === "reviewing");
  if (!moving && goal.status === "running") {
    const questions = await listQuestions(tx, { goalId, status: "open" });
    const reason = questions.length === 1 ? (questions[0]?.title ?? "a question waits") : `${questions.length} questions wait`;
    await pauseGoal(tx, goal, "question", reason);
  }
}

async function closeGoal(tx: Tx, goal: Goal, tasks: readonly Task[]): Promise<void> {
  const work = tasks.filter((task) => task.kind === "work");
  const done = work.filter((task) => task.status === "done");
  const report = tasks.find((task) => task.kind === "report");
  if (done.length === 0) {
    const reason = work.find((task) => task.status === "failed")?.reason ?? "nothing that was asked for remains";
    return endGoal(tx, goal, "failed", { open: work.length, reason });
  }
  const check = tasks.find((task) => task.kind === "check");
  if (!check && mayContradict(goal, done)) return insertTasks(tx, [directorTask(goal, "check", "check", "Check")]);
  if (check && !TASK_ENDED.includes(check.status)) return;
  if (!report) return insertTasks(tx, [directorTask(goal, "report", "report", "Report")]);
  if (TASK_ENDED.includes(report.status)) return endGoal(tx, goal, "completed", { open: work.length - done.length, reason: "" });
}

/** There are two texts to compare, or one and a product context. */
function mayContradict(goal: Goal, done: readonly Task[]): boolean {
  const texts = done.filter((task) => task.skill !== DIRECTOR).length;
  return texts + (goal.contextVersion > 0 ? 1 : 0) > 1 && texts > 0;
}

/** What waits for a task that ended without a result can never run. A gate still opens on what did come in. */
async function cancelUnreachable(tx: Tx, goal: Goal, tasks: readonly Task[]): Promise<Task[]> {
  const now = new Map(tasks.map((task) => [task.id, task]));
  const graph = await graphOf(tx, goal.id);
  for (let changed = true; changed;) {
    changed = false;
    for (const task of now.values()) {
      if (task.status !== "waiting") continue;
      const needs = graph.flatMap((edge) => (edge.taskId === task.id ? (now.get(edge.needId) ?? []) : []));
      const lost = needs.filter((need) => need.status === "failed" || need.status === "cancelled");
      if (lost.length === 0) continue;
      if (task.kind === "gate" && needs.some((need) => need.status === "done")) {
        if (!needs.every((need) => TASK_ENDED.includes(need.status))) continue;
        await moveTask(tx, task, "ready");
        tx.emit({ type: "task.ready", goalId: goal.id, taskId: task.id, revision: 0 }, { rehearsal: goal.rehearsal });
        now.set(task.id, { ...task, status: "ready" });
      } else {
        await cancelTask(
          tx,
          goal,
          task,
          `needs ${lost.map((need) => `${need.key} (${need.id})`).join(", ")}, which was not done`,
        );
        now.set(task.id, { ...task, status: "cancelled" });
      }
      changed = true;
    }
  }
  return [...now.values()];
}

/** The number of a task's next version: above its own count and above every version that is kept. */
export async function nextRevision(tx: Tx, task: Task): Promise<number> {
  const versions = await versionsOf(tx, task.id);
  return Math.max(task.revision, ...versions.map((version) => version.revision)) + 1;
}

/** What other versions than the accepted one asked for outside is taken back: nobody may approve it any more. */
async function keepWishesOf(tx: Tx, taskId: string, deliverableId: string | null): Promise<void> {
  const wishes = await listEffects(tx, { taskId, states: ["intent"] });
  if (wishes.length === 0) return;
  const versions = await versionsOf(tx, taskId);
  const accepted = versions.find((version) => version.id === deliverableId);
  const made = versions.findLast((version) => version.origin === "agent" && version.revision <= (accepted?.revision ?? -1));
  await withdrawEffects(tx, taskId, made?.revision ?? null);
}

/** A task is done: its dependents come nearer, the run of failures ends. */
export async function finishTask(tx: Tx, task: Task, change: Parameters<typeof moveTask>[3], rehearsal: boolean): Promise<void> {
  await moveTask(tx, task, "done", change);
  tx.emit(
    { type: "task.done", goalId: task.goalId, taskId: task.id, score: change?.score ?? null, revision: task.revision },
    { rehearsal },
  );
  if (task.kind === "work") {
    await updateGoal(tx, task.goalId, { failures: 0 });
    await keepWishesOf(tx, task.id, change?.deliverableId ?? task.deliverableId);
  }
  // A task that had been done before was counted then.
  if (task.deliverableId === null) await releaseDependents(tx, task.id, rehearsal);
  await settleGoal(tx, task.goalId);
}
