/** Escalations: what only a person can decide, gathered so that one screen is enough, and asked no more than once. */

import { z } from "zod";
import { changesBetween } from "../domain/changes.ts";
import type { Deliverable } from "../domain/deliverable.ts";
import type { Goal } from "../domain/goal.ts";
import { newId } from "../domain/id.ts";
import { dollars, nano, type Nano } from "../domain/money.ts";
import {
  bestVersion,
  detailOf,
  fingerprintOf,
  type Choice,
  type Decision,
  type OpenFinding,
  type Question,
} from "../domain/question.ts";
import { severity, type Review, type Verdict } from "../domain/review.ts";
import { TASK_ENDED, type Task } from "../domain/task.ts";
import { overlap, stemsOf } from "../domain/words.ts";
import { reviewsOf, versionsOf } from "../store/deliverables.ts";
import { goalQuote, needGoal } from "../store/goals.ts";
import { askQuestion, findQuestion } from "../store/questions.ts";
import { costsOfGoals, scopeState } from "../store/scopes.ts";
import { graphOf, moveTask, needTask, tasksOfGoal } from "../store/tasks.ts";
import type { Read, Store, Tx } from "../store/store.ts";
import { failTask, settleGoal } from "./engine.ts";
import { parseQuote } from "./report-file.ts";
import { suggestedAllowance } from "./stopped.ts";

/** Characters of a difference that are kept for programs; a person is shown what fits. */
const DIFF_MAX_CHARS = 20_000;

/** Two versions, by the ids of their deliverables, and what changed between them. */
export type Compared = { readonly from: string; readonly to: string; readonly text: string };

export type Ask = Pick<Question, "kind" | "title"> & {
  /** A refusal's words, or why a reply could not be read; null when reviews say what is wrong. */
  readonly why: string | null;
  readonly judged?: { readonly verdict: Verdict; readonly score: number | null };
};

/**
 * The best version against the newest, or null when they are one. `scored` is a score that is about to be stored.
 * To be called before a write: comparing texts takes longer than a transaction should.
 */
export async function compareBest(
  store: Store,
  taskId: string,
  scored: { readonly id: string; readonly score: number | null } | null = null,
): Promise<Compared | null> {
  const stored = await store.read((read) => versionsOf(read, taskId));
  const versions = stored.map((entry) => (entry.id === scored?.id ? { ...entry, score: scored.score } : entry));
  const best = bestVersion(versions);
  const newest = versions.at(-1);
  if (!best || !newest || best.id === newest.id) return null;
  return { from: best.id, to: newest.id, text: await changesBetween(best.body, newest.body, DIFF_MAX_CHARS) };
}

/**
 * Asks a person what becomes of a task, and blocks it until they answer. What was asked and answered before is not asked
 * again: the task has failed then. Nothing is ever approved here.
 */
export async function escalate(tx: Tx, goal: Goal, task: Task, ask: Ask, compared: Compared | null): Promise<void> {
  const id = newId("ask");
  const seen = await situationOf(tx, task);
  const about = { kind: ask.kind, subject: task.id, happened: ask.why, ...seen };
  const fingerprint = fingerprintOf(about);
  const earlier = await findQuestion(tx, goal.id, fingerprint, "answered");
  if (earlier) return failTask(tx, goal, task, askedBefore(earlier));
  const decision = await decisionOnTask(tx, goal, task, { id, kind: ask.kind, why: ask.why }, seen, compared);
  const best = decision.versions.find((version) => version.best);
  const question = {
    id,
    goalId: goal.id,
    taskId: task.id,
    kind: ask.kind,
    title: ask.title,
    detail: detailOf(decision),
    approveMeans: best ? `take version ${best.version} as it is (or --version N, or --edit FILE)` : "try the task once more",
    rejectMeans: "one more try with your --note, or --drop to give the task up",
  };
  const questionId = await askQuestion(tx, question, goal.rehearsal, fingerprint);
  const reason = ask.why === null ? ask.title : withWhy(ask.title, ask.why);
  await moveTask(tx, task, "blocked", { reason, ...ask.judged });
  tx.emit({ type: "task.blocked", goalId: goal.id, taskId: task.id, reason, questionId }, { rehearsal: goal.rehearsal });
  await settleGoal(tx, goal.id);
}

function askedBefore({ id, title, answer }: Question): string {
  const note = answer?.note ? ` ("${answer.note}")` : "";
  return `tried again and nothing changed since ${id} (${title}) was answered: ${answer?.choice}${note}`;
}

/** A blocked task's reason is its question's title, with what stands in the way behind it. */
const withWhy = (title: string, why: string) => `${title} (${why})`;
const whyOf = (reason: string | null, title: string) =>
  reason !== null && reason.startsWith(`${title} (`) ? reason.slice(title.length + 2, -1) : null;

/** The parts of a question that is open, as things stand now. */
export async function decisionOf(store: Store, question: Question): Promise<Decision> {
  const { taskId } = question;
  const compared = taskId === null ? null : await compareBest(store, taskId);
  return store.read(async (read) => {
    const goal = await needGoal(read, question.goalId);
    if (taskId === null) return decisionOnGoal(read, goal, question);
    const task = await needTask(read, taskId);
    const why = whyOf(task.reason, question.title);
    return decisionOnTask(read, goal, task, { ...question, why }, await situationOf(read, task), compared);
  });
}

type Situation = { readonly versions: readonly Deliverable[]; readonly findings: readonly OpenFinding[] };

/** A task's versions, and what is still open on the newest: the gravest first, with what its maker would not do. */
async function situationOf(read: Read, task: Task): Promise<Situation> {
  const versions = await versionsOf(read, task.id);
  const newest = versions.at(-1);
  if (!newest) return { versions, findings: [] };
  const reviews = (await reviewsOf(read, task.id)).filter((review) => review.deliverableId === newest.id);
  const rank = (entry: OpenFinding) => severity.options.indexOf(entry.severity);
  return { versions, findings: reviews.flatMap((review) => openFindings(review, newest)).sort((a, b) => rank(a) - rank(b)) };
}

/** From this share of words in common on, a finding says again what the maker had declined. */
const SAME_FINDING = 0.5;

function openFindings({ reviewer, findings }: Review, { answers }: Deliverable): OpenFinding[] {
  const declined = answers.filter((entry) => entry.reviewer === reviewer && entry.answer === "declined");
  return findings.map((entry) => {
    const words = stemsOf(entry.problem);
    const answer = declined.find(({ problem }) => problem === entry.problem || overlap(stemsOf(problem), words) >= SAME_FINDING);
    return { ...entry, reviewer, declined: answer?.reason ?? null };
  });
}

async function decisionOnTask(
  read: Read,
  goal: Goal,
  task: Task,
  ask: Pick<Question, "id" | "kind"> & { readonly why: string | null },
  { versions, findings }: Situation,
  compared: Compared | null,
): Promise<Decision> {
  const best = bestVersion(versions);
  const newest = versions.at(-1);
  const money = await moneyOf(read, goal, task);
  const diff = compared && compared.from === best?.id && compared.to === newest?.id ? compared : null;
  return {
    asked: { of: `${task.key} (${task.skill})`, brief: task.brief, criteria: task.criteria },
    happened: ask.why,
    versions: versions.map((version) => ({
      version: version.revision + 1,
      score: version.score,
      origin: version.origin,
      best: version === best,
      newest: version === newest,
    })),
    diff: diff && best && newest ? { from: best.revision + 1, to: newest.revision + 1, text: diff.text } : null,
    findings,
    cost: money.spent,
    lost: money.lost,
    ahead: null,
    choices: taskChoices(ask, versions, best, money, [task.key, ...(await cancelledWith(read, task))]),
  };
}

type Money = { readonly spent: Nano; readonly lost: Nano; readonly aTry: Nano | null; readonly left: Nano | null };

function taskChoices(
  ask: Pick<Question, "id" | "kind"> & { readonly why: string | null },
  versions: readonly Deliverable[],
  best: Deliverable | null,
  { aTry, left }: Money,
  cancelled: readonly string[],
): Choice[] {
  const most = left === null ? "" : `; at most ${dollars(left)}, what is left of its cap`;
  const refused = ask.kind === "risk";
  const others = versions.filter((version) => version !== best).map((version) => version.revision + 1);
  const take = best ? `take version ${best.revision + 1}${howJudged(ask.kind, best)}` : "";
  const choices: Choice[] = [
    best
      ? { answer: "approve", command: `approve ${ask.id}`, cost: 0, bound: "exact", means: take }
      : { answer: "approve", command: `approve ${ask.id}`, cost: aTry, bound: "about", means: `try once more, as it is${most}` },
    { answer: "edit", command: `approve ${ask.id} --edit FILE`, cost: 0, bound: "exact", means: "take your own text" },
    {
      answer: "reject",
      command: `reject ${ask.id} --note "why"`,
      cost: aTry,
      bound: "about",
      means: `${refused ? "try again, with your note on what to leave out or say otherwise" : "one more round, with your note as a finding"}${most}`,
    },
    {
      answer: "drop",
      command: `reject ${ask.id} --drop`,
      cost: 0,
      bound: "exact",
      means: `cancels ${cancelled.join(", ")}`,
    },
  ];
  if (others.length > 0) {
    const means = `take ${others.length === 1 ? others[0] : `${others.slice(0, -1).join(", ")} or ${others.at(-1)}`}`;
    choices.splice(1, 0, { answer: "version", command: `approve ${ask.id} --version N`, cost: 0, bound: "exact", means });
  }
  return choices;
}

function howJudged(kind: Question["kind"], best: Deliverable): string {
  if (best.score === null) return best.origin === "person" ? ", a person's text" : ", which has no score";
  return kind === "rejected" ? `, though rejected (${best.score})` : ` (score ${best.score})`;
}

const callScopes = z.array(z.object({ kind: z.enum(["task", "goal", "day", "month"]), id: z.string(), cap: z.number() }));

/** What a task has cost, what one more try would cost about (its makes and reviews, by revision), and what its cap leaves. */
async function moneyOf(read: Read, goal: Goal, task: Task): Promise<Money> {
  const calls = await read.db
    .selectFrom("calls")
    .select(["revision", "step", "state", "cost", "hold", "scopes"])
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goal.id)
    .where("subject", "=", task.id)
    .orderBy("id")
    .execute();
  const sum = (amounts: readonly Nano[]) => amounts.reduce((total, amount) => total + amount, 0);
  const paid = calls.filter((call) => call.cost > 0 && /^(?:make|review)(?::|$)/.test(call.step));
  const tries = new Set(paid.map((call) => call.revision)).size;
  const last = calls.at(-1);
  // The cap as it was at the last call: with what a person had allowed by then.
  const scope = last && callScopes.parse(JSON.parse(last.scopes)).find((entry) => entry.kind === "task");
  const state = scope ? await scopeState(read, scope, goal.rehearsal) : null;
  return {
    spent: sum(calls.map((call) => call.cost)),
    lost: sum(calls.flatMap((call) => (call.state === "unknown" ? [call.hold] : []))),
    aTry: tries === 0 ? null : Math.ceil(sum(paid.map((call) => call.cost)) / tries),
    left: state && Math.max(0, state.cap + state.allowed - state.spent - state.held),
  };
}

/** Keys of the tasks that the engine would cancel if this one were given up. */
async function cancelledWith(read: Read, task: Task): Promise<string[]> {
  const tasks = await tasksOfGoal(read, task.goalId);
  const graph = await graphOf(read, task.goalId);
  const lost = new Set([task.id, ...tasks.flatMap((one) => (["failed", "cancelled"].includes(one.status) ? [one.id] : []))]);
  const done = new Set(tasks.flatMap((one) => (one.status === "done" ? [one.id] : [])));
  const cancelled: string[] = [];
  for (let changed = true; changed;) {
    changed = false;
    for (const one of tasks) {
      if (one.status !== "waiting" || lost.has(one.id)) continue;
      const needs = graph.flatMap((edge) => (edge.taskId === one.id ? [edge.needId] : []));
      // A gate opens on what did come in.
      if (!needs.some((id) => lost.has(id)) || (one.kind === "gate" && needs.some((id) => done.has(id)))) continue;
      lost.add(one.id);
      cancelled.push(one.key);
      changed = true;
    }
  }
  return cancelled;
}

async function decisionOnGoal(read: Read, goal: Goal, question: Question): Promise<Decision> {
  const work = (await tasksOfGoal(read, goal.id)).filter((task) => task.kind === "work");
  const open = work.filter((task) => !TASK_ENDED.includes(task.status));
  const quote = parseQuote(await goalQuote(read, goal.id));
  const share = (phase: string) => {
    const all = work.filter((task) => task.phase === phase).length;
    return all === 0 ? 0 : open.filter((task) => task.phase === phase).length / all;
  };
  const likely = quote && nano(quote.phases.reduce((sum, phase) => sum + phase.likely * share(phase.name), 0));
  const money = (await costsOfGoals(read, [goal.id])).get(goal.id) ?? { spent: 0, held: 0 };
  const byQuote = likely === null ? "" : `, by the quote about ${dollars(likely)} of work`;
  return {
    asked: { of: `the goal "${goal.title}"`, brief: goal.text, criteria: [] },
    happened: question.detail.split("\n")[0] ?? question.detail,
    versions: [],
    diff: null,
    findings: [],
    cost: money.spent,
    lost: money.held,
    ahead: `${open.length} of ${work.length} tasks are left${byQuote}.`,
    choices: goalChoices(goal, question, likely),
  };
}

function goalChoices(goal: Goal, question: Question, likely: Nano | null): Choice[] {
  const { id, kind, approveMeans, rejectMeans } = question;
  const approve = { answer: "approve", command: `approve ${id}` } as const;
  const reject: Choice = { answer: "reject", command: `reject ${id}`, cost: 0, bound: "exact", means: rejectMeans };
  if (kind !== "budget") return [{ ...approve, cost: likely, bound: "about", means: approveMeans }, reject];
  const amount = suggestedAllowance(goal.cap);
  const command = `resume ${goal.id} --allow USD`;
  return [
    { ...approve, cost: amount, bound: "at most", means: approveMeans },
    { answer: "allow", command, cost: null, bound: "named", means: "allow the amount that you name instead" },
    reject,
  ];
}
