/** What a person does to a goal: answer its questions, resume it with or without an allowance, cancel it. */

import { changesBetween } from "../domain/changes.ts";
import { hashOf, type Deliverable } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import { GOAL_ENDED, type Goal } from "../domain/goal.ts";
import { periods } from "../domain/budget.ts";
import type { Nano } from "../domain/money.ts";
import { LEARNING_MAX_CHARS, learningKey } from "../domain/learning.ts";
import { bestVersion, clean, PERSON, runsOf, type Answer, type Question } from "../domain/question.ts";
import type { Review } from "../domain/review.ts";
import { TASK_ENDED, type Task } from "../domain/task.ts";
import { allowInScope } from "../store/scopes.ts";
import { resetCapHits } from "../store/breaker.ts";
import { insertDeliverable, insertReview, reviewsOf, versionsOf } from "../store/deliverables.ts";
import { lockGoal, moveGoal, needGoal, updateGoal } from "../store/goals.ts";
import { addLearning } from "../store/learnings.ts";
import { listQuestions, recordAnswer, withdrawQuestions } from "../store/questions.ts";
import { getTask, moveTask, needTask, tasksOfGoal } from "../store/tasks.ts";
import type { Store, Tx } from "../store/store.ts";
import { cancelTask, finishTask, settleGoal } from "./engine.ts";
import { suggestedAllowance } from "./stopped.ts";

/** Records a person's answer and does what it says. Returns a sentence when it cannot: nothing is changed then. */
export async function answerQuestion(store: Store, question: Question, given: Answer): Promise<string | null> {
  const edited = await editLearning(store, question.taskId, given.body);
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

/**
 * Keeps what an answer teaches, with where it came from: a note is the surest learning there is; a choice against the
 * scores and a small edit (`edited`, in words) are hypotheses. Nothing where nothing was said.
 */
async function learnFrom(
  tx: Tx,
  goal: Goal,
  task: Task | null,
  question: Question,
  given: Answer,
  edited: string | null,
): Promise<void> {
  const keep = async (statement: string | null, tags: string[], sure: boolean) => {
    const text = statement?.trim().slice(0, LEARNING_MAX_CHARS) ?? "";
    if (text === "") return;
    await addLearning(
      tx,
      {
        id: newId("learn"),
        statement: text,
        skill: task?.skill ?? null,
        category: goal.category,
        tags: ["answer", ...tags],
        confidence: sure ? 0.9 : 0.6,
        evidence: `a person's answer to ${question.id}, goal ${goal.id}${task ? `, task ${task.key} (${task.id})` : ""}`,
        status: sure ? "active" : "hypothesis",
        origin: "person",
        rehearsal: goal.rehearsal,
      },
      goal.id,
      task?.id ?? null,
    );
  };
  await keep(given.note, [], true);
  if (!task || given.choice === "reject") return;
  if (given.body !== null) return keep(edited, ["edit"], false);
  if (given.version === null) return;
  const versions = await versionsOf(tx, task.id);
  const chosen = versions.find((version) => version.revision === (given.version ?? 0) - 1);
  const best = bestVersion(versions);
  if (chosen && best) await keep(taughtByChoice(chosen, best, await reviewsOf(tx, task.id)), ["version"], false);
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

/** What an own text teaches, against the version that it is nearest to. Texts are compared before the write, not in it. */
async function editLearning(store: Store, taskId: string | null, body: string | null): Promise<string | null> {
  if (taskId === null || body === null) return null;
  const size = (passages: readonly Passage[]) => passages.reduce((sum, { old, new: now }) => sum + old.length + now.length, 0);
  let nearest: Passage[] | null = null;
  for (const version of await store.read((read) => versionsOf(read, taskId))) {
    const passages = await changedPassages(version.body, body);
    if (nearest === null || size(passages) <= size(nearest)) nearest = passages;
  }
  return taughtByEdit(nearest ?? []);
}

const PASSAGE_MAX = 80;
/** More changed passages than this are a rewrite, which no quotation sums up. */
const PASSAGES_MAX = 5;
const PASSAGES_QUOTED = 3;

export type Passage = { readonly old: string; readonly new: string };

/** The passages that a person changed, each cut down to the words that differ. White space does not count. */
export async function changedPassages(before: string, after: string): Promise<Passage[]> {
  return runsOf(await changesBetween(before, after, Number.POSITIVE_INFINITY)).flatMap((run) => {
    const old = words(run.before.join(" "));
    const now = words(run.after.join(" "));
    if (old.join(" ") === now.join(" ")) return [];
    let head = 0;
    while (head < Math.min(old.length, now.length) && old[head] === now[head]) head++;
    let tail = 0;
    while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
    // A word that only went or came is told by its neighbour.
    if (Math.min(old.length, now.length) === head + tail) head = Math.max(0, head - 1);
    const between = (list: readonly string[]) => list.slice(head, list.length - tail).join(" ");
    return [{ old: between(old), new: between(now) }];
  });
}

/** What a person's small edit teaches, in their words and the team's; null when they changed too much to be quoted, or nothing. */
export function taughtByEdit(passages: readonly Passage[]): string | null {
  if (passages.length === 0 || passages.length > PASSAGES_MAX) return null;
  const quoted = (text: string) => `“${text.length <= PASSAGE_MAX ? text : `${text.slice(0, PASSAGE_MAX - 1).trimEnd()}…`}”`;
  let statement = "";
  for (const { old, new: now } of passages.slice(0, PASSAGES_QUOTED)) {
    const change =
      old === "" ? `${quoted(now)} was added` : now === "" ? `${quoted(old)} went` : `${quoted(old)} became ${quoted(now)}`;
    const longer = statement === "" ? `A person's edit: ${change}` : `${statement}; ${change}`;
    if (longer.length < LEARNING_MAX_CHARS) statement = longer;
  }
  return statement === "" ? null : `${statement}.`;
}

type Scored = Pick<Deliverable, "id" | "score" | "summary">;

/**
 * What it teaches that a person took another version than the best one by score: what reviewers held against it alone did
 * not count, or else what it is about. Null when the scores are equal, or nothing was written of either.
 */
export function taughtByChoice(
  chosen: Scored,
  best: Scored,
  reviews: readonly Pick<Review, "deliverableId" | "reviewer" | "findings">[],
): string | null {
  if (chosen.id === best.id || (chosen.score ?? 0) >= (best.score ?? 0)) return null;
  const problems = (version: Scored) =>
    new Map(
      reviews
        .filter((review) => review.deliverableId === version.id && review.reviewer !== PERSON)
        .flatMap((review) => review.findings.map((entry) => [learningKey(entry.problem), clean(entry.problem)])),
    );
  const shared = problems(best);
  const only = [...problems(chosen)].filter(([key]) => !shared.has(key)).map(([, problem]) => problem);
  if (only.length > 0) {
    let statement = `Preferred by a person, though a reviewer objected: ${cut(only[0] ?? "", 320)}`;
    for (const problem of only.slice(1, 3))
      if (statement.length + problem.length + 2 <= LEARNING_MAX_CHARS) statement += `; ${problem}`;
    return statement;
  }
  const [taken, left] = [clean(chosen.summary ?? ""), clean(best.summary ?? "")];
  if (taken === "" || taken === left) return null;
  return `Preferred by a person: ${cut(taken, 170)}${left === "" ? "" : ` Not: ${cut(left, 170)}`}`;
}

function words(text: string): string[] {
  return clean(text)
    .split(" ")
    .filter((word) => word !== "");
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).trimEnd()}…`;
}
