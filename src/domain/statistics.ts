/** The little statistics that decisions rest on: intervals of a share, and what a run of paired comparisons shows. */

/** Two-sided quantiles of the normal distribution: 95 %, and 95 % for three looks together (5 % / 3 each, Bonferroni). */
export const Z_95 = 1.959963984540054;
const Z_LOOK = 2.3939797998185104;

/**
 * Wilson's interval of a share at a two-sided quantile of the normal distribution. `successes` may be a half count. With `n` 0: [0, 1].
 * Wilson 1927; Brown, Cai, DasGupta, "Interval Estimation for a Binomial Proportion", 2001, recommend it for small n.
 */
export function wilson(successes: number, n: number, z: number): { low: number; high: number } {
  if (n === 0) return { low: 0, high: 1 };
  const share = successes / n;
  const scale = 1 + z ** 2 / n;
  const centre = (share + z ** 2 / (2 * n)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

export const TRIAL_RESULTS = ["with", "without", "tie"] as const;
export type TrialResult = (typeof TRIAL_RESULTS)[number];

/** After so many trials a decision may fall. Between them none does: who looks after every trial finds something by chance. */
export const LOOKS = [6, 12, 20] as const;

export type TrialSummary = {
  readonly n: number;
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
  /** Wins less losses, as a share of all: -1 to 1. */
  readonly effect: number;
  readonly low: number;
  readonly high: number;
  /** `undecided` until a look shows something; `useless` when the last one shows nothing. */
  readonly decision: "helps" | "harms" | "useless" | "undecided";
};

/** What paired trials show. A tie is half a win. The decision is that of the latest look whose trials are there, in the order given. */
export function summarise(results: readonly TrialResult[]): TrialSummary {
  const whole = counted(results);
  let decision: TrialSummary["decision"] = "undecided";
  for (const look of LOOKS) {
    if (results.length < look || decision !== "undecided") break;
    const { low, high } = counted(results.slice(0, look));
    if (low > 0) decision = "helps";
    else if (high < 0) decision = "harms";
    else if (look === LOOKS.at(-1)) decision = "useless";
  }
  return { ...whole, decision };
}

function counted(results: readonly TrialResult[]): Omit<TrialSummary, "decision"> {
  const count = (of: TrialResult) => results.filter((result) => result === of).length;
  const [wins, losses, ties] = [count("with"), count("without"), count("tie")];
  const n = results.length;
  const { low, high } = wilson(wins + ties / 2, n, Z_LOOK);
  return { n, wins, losses, ties, effect: n === 0 ? 0 : (wins - losses) / n, low: low * 2 - 1, high: high * 2 - 1 };
}
