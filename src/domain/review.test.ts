/** Scores and verdicts: the weights stay within their scale, silence is no praise, and an open finding is no approval. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { answersTo, askedOf, deriveVerdict, overallScore, severity, VERDICTS, worstVerdict } from "./review.ts";

const IDS = ["a", "b", "c", "d", "e"];
const criteria = fc
  .array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 1, maxLength: 5 })
  .map((weights) => weights.map((weight, i) => ({ id: IDS[i] ?? "", weight })));
const scores = fc
  .array(fc.integer({ min: 1, max: 10 }), { minLength: 5, maxLength: 5 })
  .map((values) => values.map((score, i) => ({ criterion: IDS[i] ?? "", score, evidence: "" })));
const thresholds = { approve: 7.5, reject: 4 };

test("the overall score lies between the worst and the best of its criteria", () => {
  fc.assert(
    fc.property(criteria, scores, (of, given) => {
      const counted = given.slice(0, of.length).map((entry) => entry.score);
      const score = overallScore(given, of);
      expect(score).toBeGreaterThanOrEqual(Math.min(...counted));
      expect(score).toBeLessThanOrEqual(Math.max(...counted));
      expect(Math.round(score * 10) / 10).toBe(score);
    }),
  );
});

test("a criterion without a score never raises the whole; one that nobody asked for changes nothing", () => {
  fc.assert(
    fc.property(criteria, scores, fc.nat(4), (of, given, at) => {
      const whole = overallScore(given, of);
      expect(overallScore(given.toSpliced(at, 1), of)).toBeLessThanOrEqual(whole);
      expect(overallScore([...given, { criterion: "unasked", score: 10, evidence: "" }], of)).toBe(whole);
    }),
  );
});

test("the weights count, and no criteria at all are no praise", () => {
  const given = [
    { criterion: "a", score: 10, evidence: "" },
    { criterion: "b", score: 5, evidence: "" },
  ];
  expect(
    overallScore(given, [
      { id: "a", weight: 3 },
      { id: "b", weight: 1 },
    ]),
  ).toBe(8.8);
  expect(overallScore(given, [])).toBe(1);
});

const finding = fc.record({
  severity: fc.constantFrom(...severity.options),
  quote: fc.string(),
  problem: fc.string({ minLength: 1 }),
  request: fc.string(),
});

test("a blocker or major finding never approves, whatever the score; the wrong work is rejected, whatever the score", () => {
  fc.assert(
    fc.property(
      fc.array(finding, { maxLength: 4 }),
      fc.boolean(),
      fc.integer({ min: 10, max: 100 }),
      (findings, wrong_work, tenths) => {
        const verdict = deriveVerdict({ findings, wrong_work }, tenths / 10, thresholds);
        const open = findings.some((entry) => entry.severity !== "minor");
        if (wrong_work || tenths / 10 < 4) expect(verdict).toBe("REJECT");
        else expect(verdict).toBe(!open && tenths / 10 >= 7.5 ? "APPROVE" : "REVISE");
      },
    ),
  );
});

test("at a threshold the better verdict counts, a tenth below it the worse one", () => {
  const sound = { findings: [], wrong_work: false };
  expect([7.5, 7.4, 4, 3.9].map((score) => deriveVerdict(sound, score, thresholds))).toEqual([
    "APPROVE",
    "REVISE",
    "REVISE",
    "REJECT",
  ]);
});

test("of several reviewers the worst counts, in any order", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...VERDICTS), { minLength: 1 }), (verdicts) => {
      const worst = worstVerdict(verdicts);
      expect(verdicts).toContain(worst);
      for (const verdict of verdicts) expect(VERDICTS.indexOf(worst)).toBeGreaterThanOrEqual(VERDICTS.indexOf(verdict));
    }),
  );
});

describe("answers to findings", () => {
  const finding = (problem: string) => ({ severity: "major" as const, quote: "", problem, request: "Change it." });
  const asked = askedOf([
    { reviewer: "one", findings: [finding("a"), finding("b")] },
    { reviewer: "two", findings: [finding("c"), finding("d")] },
  ]);

  test("all reviewers' findings are one list, under names to answer to", () => {
    expect(asked.map(({ id, reviewer, problem }) => `${id} ${reviewer} ${problem}`)).toEqual([
      "F1 one a",
      "F2 one b",
      "F3 two c",
      "F4 two d",
    ]);
  });

  test("are read however they are dressed; refusing without a reason, and silence, are no answer", () => {
    expect(
      answersTo(asked, ["**F1**: Done.", "f2 - declined: the price is right", "F3: declined", "F9: done", "so much for that"]),
    ).toEqual([
      { reviewer: "one", problem: "a", answer: "done", reason: "" },
      { reviewer: "one", problem: "b", answer: "declined", reason: "the price is right" },
      { reviewer: "two", problem: "c", answer: "none", reason: "" },
      { reviewer: "two", problem: "d", answer: "none", reason: "" },
    ]);
  });
});
