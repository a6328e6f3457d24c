/** What a person does to a goal: answer its questions, resume it with or without an allowance, cancel it. */

import { hashOf } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import { GOAL_ENDED, type Goal } from "../domain/goal.ts";
import { periods } from "../domain/budget.ts";
import type { Nano } from "../domain/money.ts";
import { bestVersion, PERSON, type Answer, type Question } from "../domain/question.ts";
import { TASK_ENDED, type Task } from "../domain/task.ts";
import { allowInScope } from "../store/scopes.ts";
import { resetCapHits } from "../store/breaker.ts";
import { hastenTasks } from "../store/batches.ts";
import { insertDeliverable, insertReview, versionsOf } from "../store/deliverables.ts";
import { lockGoal, moveGoal, needGoal, updateGoal } from "../store/goals.ts";
import { listQuestions, recordAnswer, withdrawQuestions } from "../store/questions.ts";
import { getTask, moveTask, needTask, tasksOfGoal } from "../store/tasks.ts";
import type { Store, Tx } from "../store/store.ts";
import { learnFrom, taughtByText } from "./answer-learnings.ts";
import { cancelTask, finishTask, settleGoal } from "./engine.ts";
import { suggestedAllowance } from "./stopped.ts";

/** Records a person's answer and does what it says. Returns a sentence when it cannot: nothing is changed then. */
export async function answerQuestion(store: Store, question: Question, given: Answer): Promise<string | null> {
  const edited = await taughtByText(store, question.taskId, given.body);
  return store.write("question.answer", async (tx) => {
    const goal = await lockGoal(tx, question.goalId);
    if (GOAL_ENDED.includes(goal.status)) return `the goal is ${goal.status}: there is nothing to answer any more`;
    const task = question.taskId === null ? null : await getTask(tx, question.taskId);
    const problem = task ? await checkTaskAnswer(tx, task, given) : null;
    if (problem !== null) return problem;
    if (!(await recordAnswer(tx, question, given, goal.rehearsal))) return "this question was answered already";
    await learnFrom(tx, goal, task, question, given, edited);
    if (task) await applyToTask(tx, goal, task, given);
    else await applyToGoal(tx, goal, question, given);
    return null;
  });
}

async function checkTaskAnswer(tx: Tx, task: Task, given: Answer): Promise<string | null> {
  if (task.status !== "blocked") return `the task ${task.key} is ${task.status}: it does not wait for an answer`;
  if (
    given.version !== null &&
    !(await versionsOf(tx, task.id)).some((version) => version.revision === (given.version ?? 0) - 1)
  ) {
    return `there is no version ${given.version} of ${task.key}`;
  }
  return null;
}

async function applyToTask(tx: Tx, goal: Goal, task: Task, given: Answer): Promise<void> {
  const versions = await versionsOf(tx, task.id);
  const revision = Math.max(task.revision, ...versions.map((version) => version.revision)) + 1;
  if (given.choice === "reject" && given.drop) await cancelTask(tx, goal, task, "a person gave it up");
  else if (given.choice === "reject" || (versions.length === 0 && given.body === null)) {
    const last = versions.at(-1);
    if (given.note !== null && last) {
      await insertReview(tx, goal.id, {
        id: newId("rev"),
        taskId: task.id,
        deliverableId: last.id,
        revision: last.revision,
        reviewer: PERSON,
        verdict: "REVISE",
        score: null,
        scores: [],
        findings: [{ severity: "major", quote: "", problem: given.note, request: given.note }],
      });
    }
    // A person's note begins a new round of revisions.
    await moveTask(tx, task, "ready", { revision, roundStart: revision, attempts: 0, runAt: tx.now, reason: given.note });
    tx.emit({ type: "task.ready", goalId: goal.id, taskId: task.id, revision }, { rehearsal: goal.rehearsal });
  } else if (given.body !== null) {
    const id = newId("dlv");
    await insertDeliverable(tx, {
      id,
      taskId: task.id,
      goalId: goal.id,
      revision,
      origin: "person",
      skill: task.skill,
      body: given.body,
      hash: hashOf(given.body),
      missing: [],
      warnings: [],
      score: null,
      summary: null,
      facts: [],
      answers: [],
      claims: [],
    });
    await finishTask(
      tx,
      task,
      { deliverableId: id, verdict: "APPROVE", score: null, revision, reason: "a person's own version" },
      goal.rehearsal,
    );
  } else {
    const chosen =
      given.version === null ? bestVersion(versions) : versions.find((version) => version.revision === (given.version ?? 0) - 1);
    if (chosen) {
      await finishTask(
        tx,
        task,
        {
          deliverableId: chosen.id,
          verdict: "APPROVE",
          score: chosen.score,
          revision: chosen.revision,
          reason: "taken by a person",
        },
        goal.rehearsal,
      );
    }
  }
  await wake(tx, goal.id, "an answer");
  await settleGoal(tx, goal.id);
}

async function applyToGoal(tx: Tx, goal: Goal, question: Question, given: Answer): Promise<void> {
  if (given.choice === "reject") return cancelIn(tx, goal);
  if (question.kind === "budget") await allow(tx, goal, suggestedAllowance(goal.cap));
  if (question.kind === "failures") await updateGoal(tx, goal.id, { failures: 0 });
  await wake(tx, goal.id, "an answer");
  await settleGoal(tx, goal.id);
}

/** A paused goal goes on, unless another question still stands in the way of everything. */
export async function wake(tx: Tx, goalId: string, by: string): Promise<void> {
  const goal = await needGoal(tx, goalId);
  if (goal.status !== "paused") return;
  const whole = (await listQuestions(tx, { goalId, status: "open" })).some((question) => question.taskId === null);
  if (whole) return;
  await moveGoal(tx, goal, "running");
  tx.emit({ type: "goal.resumed", goalId, taskId: null, by }, { rehearsal: goal.rehearsal });
  for (const task of await tasksOfGoal(tx, goalId)) {
    if (task.status === "ready")
      tx.emit({ type: "task.ready", goalId, taskId: task.id, revision: task.revision }, { rehearsal: goal.rehearsal });
  }
}

/** More money for a goal: on its own cap and on the day's and month's, since a person said so. */
async function allow(tx: Tx, goal: Goal, amount: Nano): Promise<void> {
  await updateGoal(tx, goal.id, { allowed: goal.allowed + amount });
  await allowInScope(tx, { kind: "goal", id: goal.id }, amount, goal.rehearsal);
  const { day, month } = periods(tx.now);
  await allowInScope(tx, { kind: "day", id: day }, amount, goal.rehearsal);
  await allowInScope(tx, { kind: "month", id: month }, amount, goal.rehearsal);
  await resetCapHits(tx, goal.rehearsal);
}

/** Lets a goal go on. `amount` is allowed on top of its caps (nano-dollars). A running goal stays as it is. */
export async function resumeGoal(store: Store, goalId: string, amount: Nano | null): Promise<string | null> {
  return store.write("goal.resume", async (tx) => {
    const goal = await lockGoal(tx, goalId);
    if (GOAL_ENDED.includes(goal.status)) return `the goal is ${goal.status}: it cannot be resumed`;
    if (amount !== null) {
      await allow(tx, goal, amount);
      for (const question of await listQuestions(tx, { goalId, status: "open" })) {
        if (question.kind === "budget") {
          await recordAnswer(
            tx,
            question,
            { choice: "approve", note: null, version: null, drop: false, body: null },
            goal.rehearsal,
          );
        }
      }
    }
    const open = await listQuestions(tx, { goalId, status: "open" });
    if (goal.status === "paused" && goal.pause === "budget" && amount === null) {
      return `it waits for money (${goal.reason ?? "budget"}): say how much with --allow USD`;
    }
    const first = open[0];
    if (goal.status === "paused" && goal.pause === "question" && first)
      return `it waits for an answer: ${first.title} (approve ${first.id} or reject ${first.id})`;
    await wake(tx, goalId, "a person");
    if (goal.batch) await hastenTasks(tx, goalId, goal.rehearsal);
    await settleGoal(tx, goalId);
    return null;
  });
}

/** Stops a goal for good: nothing more is claimed, and calls in flight are aborted where they run. */
export async function cancelGoal(store: Store, goalId: string): Promise<string | null> {
  return store.write("goal.cancel", async (tx) => {
    const goal = await lockGoal(tx, goalId);
    if (GOAL_ENDED.includes(goal.status)) return `the goal is ${goal.status} already`;
    await cancelIn(tx, goal);
    return null;
  });
}

async function cancelIn(tx: Tx, goal: Goal): Promise<void> {
  for (const task of await tasksOfGoal(tx, goal.id)) {
    if (!TASK_ENDED.includes(task.status)) await cancelTask(tx, goal, await needTask(tx, task.id), "the goal was cancelled");
  }
  await withdrawQuestions(tx, goal.id);
  await moveGoal(tx, goal, "cancelled");
  tx.emit({ type: "goal.cancelled", goalId: goal.id, taskId: null }, { rehearsal: goal.rehearsal });
}
