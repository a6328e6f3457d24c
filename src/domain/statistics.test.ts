/** Statistics against textbook values, and what they may never decide. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LOOKS, summarise, TRIAL_RESULTS, wilson, Z_95, type TrialResult } from "./statistics.ts";

describe("Wilson's interval", () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, 1998, table I (method 3).
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("%d of %d: %d to %d", (successes, n, low, high) => {
    const interval = wilson(successes, n, Z_95);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  test("property: holds the share, lies in [0, 1], and narrows with n", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const successes = Math.round(share * n);
        const { low, high } = wilson(successes, n, Z_95);
        expect(low).toBeLessThanOrEqual(successes / n + 1e-9);
        expect(high).toBeGreaterThanOrEqual(successes / n - 1e-9);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        const wider = wilson(successes * 4, n * 4, Z_95);
        expect(wider.high - wider.low).toBeLessThan(high - low);
      }),
    );
  });
});

describe("trials", () => {
  const of = (wins: number, losses: number, ties = 0): TrialResult[] => [
    ...Array.from({ length: wins }, () => "with" as const),
    ...Array.from({ length: losses }, () => "without" as const),
    ...Array.from({ length: ties }, () => "tie" as const),
  ];

  test("six of six decide, five do not; ties all the way show that it is of no use", () => {
    expect(summarise(of(6, 0)).decision).toBe("helps");
    expect(summarise(of(0, 6)).decision).toBe("harms");
    expect(summarise(of(5, 0)).decision).toBe("undecided");
    expect(summarise(of(5, 1)).decision).toBe("undecided");
    expect(summarise(of(0, 0, 20)).decision).toBe("useless");
    expect(summarise(of(0, 0, 19)).decision).toBe("undecided");
  });

  test("effect is wins less losses, with its interval around it", () => {
    const { n, effect, low, high } = summarise(of(7, 3, 2));
    expect([n, effect]).toEqual([12, 4 / 12]);
    expect(low).toBeLessThan(effect);
    expect(high).toBeGreaterThan(effect);
  });

  test("property: a coin decides for or against less than one time in ten; nothing is decided between looks", () => {
    let decided = 0;
    let runs = 0;
    fc.assert(
      fc.property(fc.array(fc.constantFrom("with" as const, "without" as const), { minLength: 20, maxLength: 20 }), (results) => {
        runs += 1;
        const { decision } = summarise(results);
        if (decision === "helps" || decision === "harms") decided += 1;
      }),
      { numRuns: 3_000, seed: 7 },
    );
    expect(decided / runs).toBeLessThan(0.1);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...TRIAL_RESULTS), { maxLength: 30 }), (results) => {
        const last = LOOKS.findLast((look) => look <= results.length) ?? 0;
        expect(summarise(results).decision).toBe(summarise(results.slice(0, last)).decision);
      }),
    );
  });
});
