/** Arithmetic of the evals: shares with their intervals, confusions, and the difference that a playbook makes. Pure. */

import { CHECK_FLAGS, type Brief, type Check } from "./data.ts";

/** The 97.5 % point of the normal distribution: two-sided 95 %. */
const Z = 1.959963984540054;

export type Share = {
  readonly right: number;
  readonly of: number;
  readonly share: number;
  readonly low: number;
  readonly high: number;
};

/** Wilson's 95 % interval of a share. Null for nothing: no number where nothing ran. */
export function wilson(right: number, of: number): Share | null {
  if (of === 0) return null;
  const share = right / of;
  const z2 = (Z * Z) / of;
  const middle = (share + z2 / 2) / (1 + z2);
  const half = (Z / (1 + z2)) * Math.sqrt((share * (1 - share)) / of + z2 / (4 * of));
  // Rounding must not push a bound past the end that it stands at.
  return { right, of, share, low: right === 0 ? 0 : middle - half, high: right === of ? 1 : middle + half };
}

/** A request's right skill, its neighbour, and what a router gave; null is no answer, which is wrong. */
export type Routed = { readonly wanted: string; readonly near: string | null; readonly given: string | null };

export type Confusion = { readonly wanted: string; readonly given: string | null; readonly count: number };
export type RoutingScore = {
  readonly all: Share;
  /** On requests with a neighbour alone; null when there are none. */
  readonly nearMisses: Share | null;
  /** Most frequent first. */
  readonly confusions: Confusion[];
  /** The lowest share, the first by name of equals; null when no request went wrong. */
  readonly worst: { readonly skill: string; readonly right: number; readonly of: number } | null;
};

/** Null when nothing was routed. */
export function scoreRouting(routed: readonly Routed[]): RoutingScore | null {
  const right = (list: readonly Routed[]) => list.filter((entry) => entry.given === entry.wanted).length;
  const all = wilson(right(routed), routed.length);
  if (all === null) return null;
  const near = routed.filter((entry) => entry.near !== null);
  const pairs = new Map<string, Confusion>();
  for (const { wanted, given } of routed.filter((entry) => entry.given !== entry.wanted)) {
    const key = `${wanted} ${given}`;
    pairs.set(key, { wanted, given, count: (pairs.get(key)?.count ?? 0) + 1 });
  }
  const skills = [...new Set(routed.map((entry) => entry.wanted))].sort().map((skill) => {
    const own = routed.filter((entry) => entry.wanted === skill);
    return { skill, right: right(own), of: own.length };
  });
  const lowest = skills.toSorted((a, b) => a.right / a.of - b.right / b.of)[0];
  return {
    all,
    nearMisses: wilson(right(near), near.length),
    confusions: [...pairs.values()].sort(
      (a, b) => b.count - a.count || order(a.wanted, b.wanted) || order(a.given ?? "", b.given ?? ""),
    ),
    worst: lowest === undefined || lowest.right === lowest.of ? null : lowest,
  };
}

/** Whether a text passes a check. */
export function passes(check: Check, body: string): boolean {
  return "must" in check ? new RegExp(check.must, CHECK_FLAGS).test(body) : !new RegExp(check.must_not, CHECK_FLAGS).test(body);
}

/** What the judge said of one assertion. */
export type Verdict = { readonly assertion: string; readonly pass: boolean; readonly quote: string };

/** Shorter quotes could be found in any text. */
export const MIN_QUOTE = 10;

/** Whether the quote stands in the text word for word. Line breaks, emphasis and the form of quotation marks may differ. */
export function quoted(quote: string, body: string): boolean {
  const wanted = plain(quote);
  return wanted.length >= MIN_QUOTE && plain(body).includes(wanted);
}

function plain(text: string): string {
  return text
    .replace(/[*_`]/g, "")
    .replace(/[“”„«»]/g, '"')
    .replace(/[‘’‚]/g, "'")
    .replace(/\s+/g, " ")
    .trim();
}

export type Tally = { readonly passed: number; readonly of: number };
export type ArmScore = {
  readonly assertions: Tally;
  readonly checks: Tally;
  /** Passes without a quote from the text. */ readonly unproven: number;
};

/** One deliverable against its brief. An assertion passes when the judge passed it with a quote that is there. */
export function scoreArm(brief: Pick<Brief, "assertions" | "checks">, body: string, verdicts: readonly Verdict[]): ArmScore {
  const claimed = brief.assertions.flatMap((assertion) =>
    verdicts.filter((one) => one.assertion === assertion && one.pass).slice(0, 1),
  );
  const proven = claimed.filter((verdict) => quoted(verdict.quote, body)).length;
  return {
    assertions: { passed: proven, of: brief.assertions.length },
    checks: { passed: brief.checks.filter((check) => passes(check, body)).length, of: brief.checks.length },
    unproven: claimed.length - proven,
  };
}

/** Briefs that an interval of their mean needs at least. */
const MIN_BRIEFS = 5;

export type Difference = {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly of: number;
};

/**
 * The mean of paired differences, a brief counting once, with its 95 % interval (normal); without one for few briefs.
 * Null for none.
 */
export function meanDifference(differences: readonly number[]): Difference | null {
  const of = differences.length;
  if (of === 0) return null;
  const mean = differences.reduce((sum, value) => sum + value, 0) / of;
  if (of < MIN_BRIEFS) return { mean, low: null, high: null, of };
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (of - 1);
  const half = Z * Math.sqrt(variance / of);
  return { mean, low: mean - half, high: mean + half, of };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
