/** Drift: whether the scores of the latest works differ from those before them by more than chance. */

import { z } from "zod";

/** The latest works, and how many before them they are compared with. */
export const RECENT = 10;
export const BEFORE = 30;
/** On each side; below that nothing is said. */
const EACH_SIDE = 8;
export const NEEDED = 2 * EACH_SIDE;
/** Points on the scale from 1 to 10: less than that makes no difference to a reader. */
export const LEAST_CHANGE = 0.5;

/**
 * Two-sided 1 % points of Student's t for 7, 8, … 30 degrees of freedom (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2).
 * One in a hundred, not one in twenty: a look at a whole team is some thirty tests at once.
 */
const CRITICAL = [
  3.499, 3.355, 3.25, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797,
  2.787, 2.779, 2.771, 2.763, 2.756, 2.75,
] as const;
const FIRST_DF = EACH_SIDE - 1;

const side = z.strictObject({ works: z.number().int(), mean: z.number() });
export const drift = z.discriminatedUnion("state", [
  z.strictObject({ state: z.literal("unknown"), works: z.number().int(), needed: z.number().int() }),
  z.strictObject({
    state: z.enum(["steady", "up", "down"]),
    recent: side,
    before: side,
    /** Points that the latest works are above those before; below them when negative. */
    change: z.number(),
    /** Null when neither side has any spread: then every difference is beyond chance. */
    t: z.number().nullable(),
    /** Degrees of freedom. */
    df: z.number(),
  }),
]);
export type Drift = z.infer<typeof drift>;

/** The latest works and those before them, of a list from oldest to newest. Few works are shared out so that both sides can suffice. */
export function windows<T>(oldestFirst: readonly T[]): { recent: T[]; before: T[] } {
  const n = oldestFirst.length;
  const recent = Math.min(RECENT, n < NEEDED ? n : n - EACH_SIDE);
  return { recent: oldestFirst.slice(n - recent), before: oldestFirst.slice(Math.max(0, n - recent - BEFORE), n - recent) };
}

/**
 * Scores from oldest to newest: `up` or `down` when the mean of the last 10 differs from that of the up to 30 before by at least half a
 * point and Welch's t is beyond its 1 % point; `unknown` below 8 works on a side. Looking again after every work finds something
 * by chance more often than once in a hundred.
 */
export function driftOf(scores: readonly number[]): Drift {
  const { recent, before } = windows(scores);
  if (scores.length < NEEDED) return { state: "unknown", works: scores.length, needed: NEEDED };
  const [now, then] = [mean(recent), mean(before)];
  const change = now - then;
  const { t, df } = welch(recent, before);
  // Means of decimals: half a point must not be missed by a rounding of the machine.
  const drifts = Math.abs(change) >= LEAST_CHANGE - 1e-9 && Math.abs(t) > critical(df);
  return {
    state: !drifts ? "steady" : change > 0 ? "up" : "down",
    recent: { works: recent.length, mean: now },
    before: { works: before.length, mean: then },
    change,
    t: Number.isFinite(t) ? t : null,
    df,
  };
}

/**
 * Welch's t of two samples of at least two each, and its degrees of freedom (Welch 1947, by Satterthwaite's formula). Samples
 * without any spread: t is 0 when they are equal, infinite when they are not.
 */
export function welch(a: readonly number[], b: readonly number[]): { t: number; df: number } {
  const difference = mean(a) - mean(b);
  const [ea, eb] = [variance(a) / a.length, variance(b) / b.length];
  const error = ea + eb;
  // What is left of equal decimals after the machine's rounding is no spread.
  if (error < 1e-12) {
    return { t: Math.abs(difference) < 1e-9 ? 0 : Math.sign(difference) * Number.POSITIVE_INFINITY, df: a.length + b.length - 2 };
  }
  return { t: difference / Math.sqrt(error), df: error ** 2 / (ea ** 2 / (a.length - 1) + eb ** 2 / (b.length - 1)) };
}

/** Degrees are rounded down and end at 30: both ask for a little more than the exact point does. */
function critical(df: number): number {
  return CRITICAL[Math.min(Math.floor(df + 1e-9) - FIRST_DF, CRITICAL.length - 1)] ?? Number.POSITIVE_INFINITY;
}

/** NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: readonly number[]): number {
  const centre = mean(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
}
