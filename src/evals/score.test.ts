/** The arithmetic against textbook values, and what counts as passed. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { meanDifference, passes, quoted, scoreArm, scoreRouting, wilson } from "./score.ts";

describe("Wilson's interval", () => {
  // Newcombe, Statistics in Medicine 17 (1998), table I, method 3; and 8 of 10, a usual example.
  for (const [right, of, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
    [8, 10, 0.4902, 0.9433],
    [10, 10, 0.7225, 1],
  ] as const) {
    test(`${right} of ${of}`, () => {
      const found = wilson(right, of);
      expect(found?.low).toBeCloseTo(low, 4);
      expect(found?.high).toBeCloseTo(high, 4);
    });
  }

  test("nothing has none", () => expect(wilson(0, 0)).toBeNull());

  test("holds the share, within 0 and 1", () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(500), (of, some) => {
        const { share, low, high } = wilson(Math.min(some, of), of) ?? { share: -1, low: 0, high: 0 };
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(share).toBeGreaterThanOrEqual(low);
        expect(share).toBeLessThanOrEqual(high);
      }),
    ));
});

describe("routing", () => {
  const routed = (wanted: string, given: string | null, near: string | null = null) => ({ wanted, given, near });

  test("accuracy, near-misses alone, confusions by count, the worst skill", () => {
    const score = scoreRouting([
      routed("a", "a"),
      routed("a", "b", "b"),
      routed("a", "b"),
      routed("b", "b", "a"),
      routed("b", null),
      routed("c", "c"),
    ]);
    expect(score?.all).toMatchObject({ right: 3, of: 6, share: 0.5 });
    expect(score?.nearMisses).toMatchObject({ right: 1, of: 2 });
    expect(score?.confusions).toEqual([
      { wanted: "a", given: "b", count: 2 },
      { wanted: "b", given: null, count: 1 },
    ]);
    expect(score?.worst).toEqual({ skill: "a", right: 1, of: 3 });
  });

  test("nothing routed is no score; nothing wrong has no worst; no neighbours is no share of them", () => {
    expect(scoreRouting([])).toBeNull();
    expect(scoreRouting([routed("a", "a")])).toMatchObject({ nearMisses: null, worst: null, confusions: [] });
  });
});

describe("a deliverable", () => {
  const body = "# Page\n\nThe plan costs **49 EUR** a month,\nbilled “yearly”. Start the trial.";

  test("a quote counts when it stands there, whatever its line breaks, emphasis and quotation marks", () => {
    expect(quoted('costs 49 EUR a month, billed "yearly"', body)).toBe(true);
    expect(quoted("costs 59 EUR a month", body)).toBe(false);
    expect(quoted("", body)).toBe(false);
    expect(quoted("month", body)).toBe(false);
  });

  test("a pass without a quote from the text is a fail, and is told", () => {
    const brief = { assertions: ["one", "two", "three"], checks: [] };
    const verdict = (assertion: string, pass: boolean, quote: string) => ({ assertion, pass, quote });
    const score = scoreArm(brief, body, [
      verdict("one", true, "The plan costs 49 EUR"),
      verdict("two", true, "We guarantee results within a week"),
      verdict("three", false, "Start the trial."),
      verdict("four", true, "Start the trial."),
    ]);
    expect(score).toEqual({ assertions: { passed: 1, of: 3 }, checks: { passed: 0, of: 0 }, unproven: 1 });
  });

  test("an assertion that the judge left out is a fail, also when it decided another twice", () => {
    const verdict = { assertion: "one", pass: true, quote: "Start the trial." };
    expect(scoreArm({ assertions: ["one", "two"], checks: [] }, body, [verdict, verdict]).assertions).toEqual({
      passed: 1,
      of: 2,
    });
  });

  test("checks: must and must_not, over lines and without case", () => {
    expect(passes({ must: "^the PLAN costs", why: "" }, body)).toBe(true);
    expect(passes({ must_not: "trial\\.$", why: "" }, body)).toBe(false);
    expect(
      scoreArm(
        {
          assertions: ["x"],
          checks: [
            { must: "49", why: "" },
            { must: "50", why: "" },
          ],
        },
        body,
        [],
      ).checks,
    ).toEqual({
      passed: 1,
      of: 2,
    });
  });
});

describe("the mean of differences", () => {
  test("has its interval from five briefs on", () => {
    expect(meanDifference([])).toBeNull();
    expect(meanDifference([0.5, 0.1])).toMatchObject({ mean: 0.3, low: null, high: null, of: 2 });
    // Standard deviation 0.2, standard error 0.2 / √5, times 1.96.
    const found = meanDifference([0.1, 0.2, 0.3, 0.4, 0.5].map((value) => value * 1.264911064));
    expect(found?.mean).toBeCloseTo(0.37947, 5);
    expect((found?.high ?? 0) - (found?.mean ?? 0)).toBeCloseTo((1.959964 * 0.2) / Math.sqrt(5), 5);
  });
});
