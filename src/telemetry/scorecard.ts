/** The scorecard: how well the team did in a stretch of time, in seven figures, from the store's rows. */

import { z } from "zod";
import { usd } from "../domain/money.ts";
import { quoteResult } from "../domain/result.ts";
import { firstGoalAt, goalFigures, questionsAsked, type GoalFigures, type Window } from "../store/figures.ts";
import { standstillMs, ticksInTime } from "../store/figures-availability.ts";
import { listWorks, type Work } from "../store/scores.ts";
import type { Read } from "../store/store.ts";

const SCORECARD_DAYS = 30;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** Ticks of schedules that were due and decided in time; the time since the first goal, without that in which ready work stood. */
export type Availability = {
  readonly scheduler: { readonly due: number; readonly inTime: number } | null;
  readonly queue: { readonly ms: number; readonly upMs: number } | null;
};
/** Left to the store's rows. */
export const NOT_MEASURED: Availability = { scheduler: null, queue: null };

const share = z.number().min(0).max(1).nullable();
export const scorecard = z.strictObject({
  /** Goals that ended in the window, and how many of them with the work done. */
  goalsEnded: z.number().int(),
  goalsCompleted: z.number().int(),
  /** From a goal's beginning to its first accepted piece of work: the median, over goals begun in the window that have one. */
  firstDeliverableMs: z.number().nullable(),
  /** Pieces of work accepted in the window, and the share whose first version was. */
  worksAccepted: z.number().int(),
  approvedAtOnce: share,
  questions: z.number().int(),
  questionsAWeek: z.number(),
  /** Of completed goals that had a quote: what they cost, and the likely figure they were quoted at. */
  spentUsd: z.number(),
  quotedUsd: z.number(),
  spentOfQuote: z.number().nullable(),
  schedulerAvailability: share,
  queueAvailability: share,
});
export type Scorecard = z.infer<typeof scorecard>;

export const scorecardResult = z.strictObject({
  days: z.number().int(),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  real: scorecard,
  /** Null when nothing was rehearsed. */
  rehearsal: scorecard.nullable(),
});
export type ScorecardResult = z.infer<typeof scorecardResult>;

export type ScoreRows = {
  readonly goals: readonly GoalFigures[];
  readonly works: readonly Work[];
  readonly questions: number;
  /** When the first goal of all began; null without one. */
  readonly since: number | null;
  readonly availability: Availability;
};

/** The arithmetic, over rows that may reach beyond the window. */
export function scoreOf({ goals, works, questions, since, availability }: ScoreRows, window: Window): Scorecard {
  const inside = (at: number | null) => at !== null && at >= window.from && at < window.to;
  const ended = goals.filter((goal) => inside(goal.endedAt));
  const completed = ended.filter((goal) => goal.status === "completed");
  const begun = goals.filter((goal) => inside(goal.createdAt));
  const waits = begun.flatMap(({ createdAt, firstAt }) =>
    firstAt !== null && firstAt < window.to ? [Math.max(0, firstAt - createdAt)] : [],
  );
  const accepted = works.filter((work) => work.accepted !== null && inside(work.at));
  const quoted = completed.flatMap(({ spent, quote }) => {
    const likely = quote === null ? 0 : quoteResult.parse(JSON.parse(quote)).likely;
    return likely > 0 ? [{ spent: usd(spent), likely }] : [];
  });
  const spentUsd = quoted.reduce((sum, goal) => sum + goal.spent, 0);
  const quotedUsd = quoted.reduce((sum, goal) => sum + goal.likely, 0);
  // A team of three days has no month to divide by; and two questions on its first day are not fourteen a week.
  const weeks = Math.max(WEEK_MS, window.to - Math.max(window.from, since ?? window.from)) / WEEK_MS;
  const { scheduler, queue } = availability;
  return {
    goalsEnded: ended.length,
    goalsCompleted: completed.length,
    firstDeliverableMs: median(waits),
    worksAccepted: accepted.length,
    approvedAtOnce: ratio(accepted.filter((work) => work.accepted?.atOnce).length, accepted.length),
    questions,
    questionsAWeek: questions / weeks,
    spentUsd,
    quotedUsd,
    spentOfQuote: ratio(spentUsd, quotedUsd),
    schedulerAvailability: scheduler && within(ratio(scheduler.inTime, scheduler.due)),
    queueAvailability: queue && within(ratio(queue.upMs, queue.ms)),
  };
}

export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

const ratio = (part: number, whole: number) => (whole > 0 ? part / whole : null);
const within = (value: number | null) => (value === null ? null : Math.min(1, Math.max(0, value)));

/** The last 30 days before `to` (UTC ms), real work and rehearsals apart. */
export async function readScorecard(read: Read, to: number): Promise<ScorecardResult> {
  const window = { from: to - SCORECARD_DAYS * DAY_MS, to };
  const of = async (rehearsal: boolean) => {
    const goals = await goalFigures(read, { ...window, rehearsal });
    const works = await listWorks(read, { rehearsal, since: window.from });
    const questions = await questionsAsked(read, { ...window, rehearsal });
    const since = await firstGoalAt(read, rehearsal);
    const availability = await readAvailability(read, { ...window, rehearsal }, since);
    return { found: goals.length > 0, card: scoreOf({ goals, works, questions, since, availability }, window) };
  };
  const real = await of(false);
  const rehearsal = await of(true);
  return {
    days: SCORECARD_DAYS,
    from: new Date(window.from).toISOString(),
    to: new Date(window.to).toISOString(),
    real: real.card,
    rehearsal: rehearsal.found ? rehearsal.card : null,
  };
}

async function readAvailability(
  read: Read,
  window: Window & { readonly rehearsal: boolean },
  since: number | null,
): Promise<Availability> {
  // Without a goal no work was ever ready, and the events need not be read.
  const stood = since === null ? null : await standstillMs(read, window);
  const ms = window.to - Math.max(window.from, since ?? window.to);
  return { scheduler: await ticksInTime(read, window), queue: stood === null ? null : { ms, upMs: ms - stood } };
}

/** What there is to say before anything was done. */
export function emptyScorecard(to: number): ScorecardResult {
  const window = { from: to - SCORECARD_DAYS * DAY_MS, to };
  return {
    days: SCORECARD_DAYS,
    from: new Date(window.from).toISOString(),
    to: new Date(to).toISOString(),
    real: scoreOf({ goals: [], works: [], questions: 0, since: null, availability: NOT_MEASURED }, window),
    rehearsal: null,
  };
}

/** A scorecard for people: what is measured and its figure; a dash where there is nothing to measure yet. */
export function scorecardLines(card: Scorecard, duration: (ms: number) => string): { name: string; value: string }[] {
  const none = "–";
  const percent = (value: number | null) => (value === null ? none : `${Math.round(value * 1000) / 10} %`);
  const money = (value: number) => `$${value.toFixed(2)}`;
  return [
    { name: "Goals completed", value: card.goalsEnded === 0 ? none : `${card.goalsCompleted} of ${card.goalsEnded} that ended` },
    {
      name: "Time to the first deliverable (median)",
      value: card.firstDeliverableMs === null ? none : duration(card.firstDeliverableMs),
    },
    {
      name: "Approved without a revision",
      value: card.approvedAtOnce === null ? none : `${percent(card.approvedAtOnce)} of ${card.worksAccepted}`,
    },
    {
      name: "Questions a week",
      value: card.questions === 0 ? "0" : `${card.questionsAWeek.toFixed(1)} (${card.questions} in all)`,
    },
    {
      name: "Spend against quote",
      value:
        card.spentOfQuote === null
          ? none
          : `${percent(card.spentOfQuote)} (${money(card.spentUsd)} of ${money(card.quotedUsd)} likely)`,
    },
    { name: "Schedules decided in time", value: percent(card.schedulerAvailability) },
    { name: "Queue available", value: percent(card.queueAvailability) },
  ];
}
