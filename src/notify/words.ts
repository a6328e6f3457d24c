/** What is told of an event, in words: the notice, or what an event makes untrue. Reads the store, changes nothing. */

import type { BudgetLevel } from "../domain/budget.ts";
import type { EventType, StoredEvent } from "../domain/event.ts";
import type { Goal } from "../domain/goal.ts";
import { DIRECTOR } from "../domain/plan.ts";
import { count } from "../domain/quantity.ts";
import type { Question } from "../domain/question.ts";
import type { healthLevel } from "../domain/result.ts";
import { currentOfGoal } from "../store/deliverables.ts";
import { effectsWaiting } from "../store/effect-waiting.ts";
import { getEffect } from "../store/effects.ts";
import { getGoal } from "../store/goals.ts";
import { getQuestion, listQuestions } from "../store/questions.ts";
import type { Read } from "../store/store.ts";
import type { z } from "zod";
import { actionDraft, actionDrafts, actionTold } from "./action-words.ts";
import type { Draft, Told } from "./draft.ts";

export type HealthLevel = z.infer<typeof healthLevel>;

/** The events that lead to a notice or take one back. */
export const TOLD: readonly EventType[] = [
  "question.asked",
  "question.answered",
  "goal.paused",
  "pipeline_blocked",
  "goal.resumed",
  "goal.completed",
  "goal.failed",
  "goal.cancelled",
  "budget.level",
  "task.done",
  "effect.proposed",
  "effect.approved",
  "effect.rejected",
  "effect.confirmed",
  "effect.failed",
  "effect.unknown",
  "effect.expired",
  "effect.stopped",
  "effect.withdrawn",
];

const NOTHING: Told = { drafts: [], overtakes: [] };
const told = (draft: Draft | null): Told => ({ drafts: draft === null ? [] : [draft], overtakes: [] });

/** What an event leads to, seen from now: what has been answered or ended since is not told. */
export async function tell(read: Read, event: StoredEvent): Promise<Told> {
  switch (event.type) {
    case "question.asked":
      return told(await questionDraft(read, event.questionId, event));
    case "question.answered":
      return { drafts: [], overtakes: [{ subject: questionSubject(event.questionId) }] };
    case "budget.level":
      return budgetTold(event);
    case "task.done":
      return { drafts: await actionDrafts(read, event.taskId), overtakes: [] };
    case "effect.proposed": {
      const effect = await getEffect(read, event.effectId);
      return told(effect && (await actionDraft(read, effect, event.at)));
    }
    case "effect.approved":
    case "effect.rejected":
    case "effect.confirmed":
    case "effect.failed":
    case "effect.unknown":
    case "effect.expired":
    case "effect.stopped":
    case "effect.withdrawn":
      return actionTold(read, event);
    default: {
      const goal = event.goalId === null ? null : await getGoal(read, event.goalId);
      return goal === null ? NOTHING : goalTold(read, event, goal);
    }
  }
}

async function goalTold(read: Read, event: StoredEvent, goal: Goal): Promise<Told> {
  const base = { subject: `goal ${goal.id}`, goalId: goal.id, rehearsal: event.rehearsal, at: event.at };
  const look = `\`show ${goal.id}\` shows it.`;
  switch (event.type) {
    case "goal.paused":
    case "pipeline_blocked": {
      // Who interrupted a run knows it; a question says more than the pause that it causes.
      const known = event.type === "goal.paused" && event.pause === "interrupted";
      if (known || goal.status !== "paused") return NOTHING;
      if ((await listQuestions(read, { goalId: goal.id, status: "open" })).length > 0) return NOTHING;
      const text = `It waits because: ${event.reason}\nTo go on: \`resume ${goal.id}\`. ${look}`;
      const draft = { ...base, kind: "goal.blocked", state: String(event.at), urgent: goal.priority === "P0", text } as const;
      return told({ ...draft, title: `Goal blocked: ${goal.title}` });
    }
    case "goal.resumed":
      return { drafts: [], overtakes: [{ goalId: goal.id, kinds: ["goal.blocked"] }] };
    case "goal.completed": {
      const lines = await reviewLines(read, goal.id);
      if (lines !== null) {
        const draft = { ...base, kind: "goal.done", state: "done", urgent: false, text: `${lines}\n${look}` } as const;
        return { drafts: [{ ...draft, title: goal.title }], overtakes: [ended(goal)] };
      }
      const text = `${await doneWords(read, goal.id, event.open)}\n${look}`;
      const draft = { ...base, kind: "goal.done", state: "done", urgent: false, text } as const;
      return { drafts: [{ ...draft, title: `Goal done: ${goal.title}` }], overtakes: [ended(goal)] };
    }
    case "goal.failed": {
      const text = `Why: ${event.reason}\n${look}`;
      const draft = { ...base, kind: "goal.failed", state: "failed", urgent: goal.priority === "P0", text } as const;
      return { drafts: [{ ...draft, title: `Goal failed: ${goal.title}` }], overtakes: [ended(goal)] };
    }
    case "goal.cancelled":
      return { drafts: [], overtakes: [ended(goal)] };
    default:
      return NOTHING;
  }
}

/** What is left of a goal that is done: tasks that were not, actions that a person has not answered. */
async function doneWords(read: Read, goalId: string, open: number): Promise<string> {
  const answerable = (await effectsWaiting(read, { goalId })).answerable.filter((effect) => !effect.rehearsal);
  const left = open === 0 ? "" : `${count(open, "task")} ${open === 1 ? "was" : "were"} left open`;
  if (answerable.length === 0) return left === "" ? "Everything that was asked for is done." : `${left}.`;
  const waits = `${count(answerable.length, "action")} outside ${answerable.length === 1 ? "waits" : "wait"} for your yes`;
  return `${left === "" ? "The work is done" : left}; ${waits} (\`approvals\`).`;
}

/** The five lines of a review by the Director; null when the goal is none. */
async function reviewLines(read: Read, goalId: string): Promise<string | null> {
  const [work] = [...(await currentOfGoal(read, goalId)).values()].filter((version) => version.skill === DIRECTOR);
  return work?.summary ?? null;
}

const ended = (goal: Goal) => ({ goalId: goal.id, kinds: ["question.waiting", "goal.blocked"] as const });
const questionSubject = (id: string) => `question ${id}`;

/** The notice of a question that still waits; null when it does not. */
export async function questionDraft(
  read: Read,
  id: string,
  event: { readonly at: number; readonly rehearsal: boolean } | null,
): Promise<Draft | null> {
  const question = await getQuestion(read, id);
  if (question === null || question.status !== "open") return null;
  const goal = await getGoal(read, question.goalId);
  return {
    kind: "question.waiting",
    subject: questionSubject(id),
    state: "open",
    goalId: question.goalId,
    urgent: goal?.priority === "P0",
    title: `A question waits: ${question.title}`,
    text: questionText(question, goal),
    rehearsal: event?.rehearsal ?? goal?.rehearsal ?? false,
    at: event?.at ?? question.createdAt,
  };
}

function questionText(question: Question, goal: Goal | null): string {
  return [
    ...(goal === null ? [] : [`Goal: ${goal.title}`]),
    `approve: ${question.approveMeans}`,
    `reject: ${question.rejectMeans}`,
    `To decide: \`approvals ${question.id}\`, then \`approve ${question.id}\` or \`reject ${question.id}\`.`,
  ].join("\n");
}

const CHANGES: Readonly<Record<Exclude<BudgetLevel, "normal">, string>> = {
  warning: "Nothing changes yet.",
  tight: "Only goals of priority P0 and P1 go on.",
  critical: "Only P0 goals go on, on cheaper models.",
  exhausted: "Nothing goes on until a person allows an amount: `resume <goal> --allow USD`.",
};

function budgetTold(event: Extract<StoredEvent, { type: "budget.level" }>): Told {
  const subject = `budget ${event.scope}${event.rehearsal ? " rehearsal" : ""}`;
  const overtakes = [{ subject }];
  if (event.level === "normal") return { drafts: [], overtakes };
  const used = `${Math.round(event.share * 100)} % used`;
  const draft: Draft = {
    kind: "budget.level",
    subject,
    state: event.level,
    goalId: null,
    urgent: event.level === "critical" || event.level === "exhausted",
    title: `Budget of the ${event.scope}: ${used} (${event.level})`,
    text: `${CHANGES[event.level]}\n\`costs\` shows where it went.`,
    rehearsal: event.rehearsal,
    at: event.at,
  };
  return { drafts: [draft], overtakes };
}

/** The notice that the health of a place (a host) is at another level. */
export function healthDraft(health: {
  readonly where: string;
  readonly level: HealthLevel;
  readonly reasons: readonly string[];
  readonly at: number;
}): Draft {
  const { where, level, reasons, at } = health;
  return {
    kind: "health.level",
    subject: `health ${where}`,
    state: `${level} ${at}`,
    goalId: null,
    urgent: level === "minimal" || level === "offline",
    title: level === "full" ? `Health of ${where}: everything works again` : `Health of ${where}: ${level}`,
    text: [...reasons.map((reason) => `- ${reason}`), "`status` and `doctor` show more."].join("\n"),
    rehearsal: false,
    at,
  };
}

/** The notice with the figures of a day. */
export function digestDraft(day: string, lines: readonly string[], at: number): Draft {
  return {
    kind: "digest.daily",
    subject: `digest ${day}`,
    state: "daily",
    goalId: null,
    urgent: false,
    title: `The team's day, ${day}`,
    text: lines.length === 0 ? "Nothing to report." : lines.join("\n"),
    rehearsal: false,
    at,
  };
}
