/** Which learnings a prompt gets: within the budget, none that is retired, the surest and newest first. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { disputes, LEARNING_STATUSES, learningKey, nearlyTheSame, selectLearnings, UNUSED, type Learning } from "./learning.ts";

const NOW = Date.UTC(2026, 10, 21);
const DAY = 86_400_000;

const learning = (change: Partial<Learning>): Learning => ({
  id: "learn_0",
  statement: "Short.",
  skill: null,
  category: null,
  tags: [],
  confidence: 0.5,
  evidence: "",
  status: "active",
  origin: "review",
  rehearsal: false,
  goalId: null,
  taskId: null,
  createdAt: NOW,
  ...change,
});
const many = fc
  .array(
    fc.record({
      statement: fc.string({ minLength: 1, maxLength: 400 }),
      confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      status: fc.constantFrom(...LEARNING_STATUSES),
      age: fc.integer({ min: 0, max: 1_000 }),
    }),
    { maxLength: 40 },
  )
  .map((list) => list.map(({ age, ...entry }, i) => learning({ ...entry, id: `learn_${i}`, createdAt: NOW - age * DAY })));

test("choosing from ten times the learnings takes about ten times as long", () => {
  const candidates = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      learning({
        id: `learn_${i}`,
        statement: `Readers of page ${i} stay when its first line names the price`,
        createdAt: NOW - i,
      }),
    );
  const timed = (count: number) => {
    const list = candidates(count);
    // The best of three: what else the machine does is not counted.
    const times = [1, 2, 3].map(() => {
      const began = performance.now();
      selectLearnings(list, { now: NOW, maxChars: 3_000, about: "A page about the price" });
      return performance.now() - began;
    });
    return Math.min(...times);
  };
  timed(100);
  const [few, many] = [Math.max(5, timed(200)), timed(2_000)];
  // Each against each would be a hundred times as much.
  expect(many / few).toBeLessThan(35);
});

test("the budget is never passed and nothing retired is chosen; what was left out would not have fitted", () => {
  fc.assert(
    fc.property(many, fc.integer({ min: 0, max: 3_000 }), (candidates, budget) => {
      const chosen = selectLearnings(candidates, { now: NOW, maxChars: budget, about: "" });
      const used = chosen.reduce((sum, entry) => sum + entry.statement.length, 0);
      expect(used).toBeLessThanOrEqual(budget);
      expect(chosen.filter((entry) => UNUSED.includes(entry.status))).toEqual([]);
      expect(new Set(chosen).size).toBe(chosen.length);
      for (const left of candidates.filter((entry) => !UNUSED.includes(entry.status) && !chosen.includes(entry))) {
        // One that is disputed takes the other along: both have to fit.
        const along = candidates.filter(
          (other) => !UNUSED.includes(other.status) && !chosen.includes(other) && disputes(left, other),
        );
        const size = [left, ...along].reduce((sum, entry) => sum + entry.statement.length, 0);
        expect(used + size).toBeGreaterThan(budget);
      }
    }),
  );
});

test("the order is the same whatever order they came in", () => {
  fc.assert(
    fc.property(many, fc.array(fc.nat()), (candidates, seed) => {
      const shuffled = candidates.toSorted((a, b) => (seed[Number(a.id.slice(6))] ?? 0) - (seed[Number(b.id.slice(6))] ?? 0));
      expect(selectLearnings(shuffled, { now: NOW, maxChars: 2_000, about: "" })).toEqual(
        selectLearnings(candidates, { now: NOW, maxChars: 2_000, about: "" }),
      );
    }),
  );
});

test("surest first; thirty days cost a tenth; equals by the newer id", () => {
  const ids = (list: Learning[]) => selectLearnings(list, { now: NOW, maxChars: 1_000, about: "" }).map((entry) => entry.id);
  expect(
    ids([
      learning({ id: "learn_old", confidence: 0.9, createdAt: NOW - 90 * DAY }),
      learning({ id: "learn_new", confidence: 0.7 }),
      learning({ id: "learn_a" }),
      learning({ id: "learn_b" }),
    ]),
  ).toEqual(["learn_new", "learn_old", "learn_b", "learn_a"]);
});

test("statements that differ in case, space and punctuation only are the same", () => {
  expect(learningKey("  Never offer—a DISCOUNT!  ")).toBe(learningKey("never offer a discount"));
  expect(learningKey("Größe zählt")).not.toBe(learningKey("Größe zahlt"));
});

test("what fits the work comes before what is only surer", () => {
  const about = "Write the pricing page for small teams, with one plan recommended.";
  const chosen = selectLearnings(
    [
      learning({ id: "learn_a", statement: "Webinars on Tuesdays draw more guests.", confidence: 0.7 }),
      learning({ id: "learn_b", statement: "A recommended plan on the pricing page helps small teams decide.", confidence: 0.5 }),
    ],
    { now: NOW, maxChars: 80, about },
  );
  expect(chosen.map((entry) => entry.id)).toEqual(["learn_b"]);
});

describe("disputes and doubles", () => {
  const pair = (a: string, b: string) =>
    [learning({ id: "learn_a", statement: a }), learning({ id: "learn_b", statement: b })] as const;

  test.each([
    ["Name the price on the first screen of the page.", "Never name the price on the first screen of the page."],
    ["Subject lines with 4 words are opened most.", "Subject lines with 9 words are opened most."],
    ["Short headlines win on the pricing page.", "Long headlines win on the pricing page."],
    ["Show the form before the proof.", "Show the form after the proof."],
  ])("%s / %s", (a, b) => {
    const [one, other] = pair(a, b);
    expect([disputes(one, other), nearlyTheSame(a, b)]).toEqual([true, false]);
    // Both are shown, or none: one alone would settle what is not settled.
    const both = selectLearnings([one, other], { now: NOW, maxChars: 1_000, about: "" });
    expect(both.map((entry) => entry.id).sort()).toEqual(["learn_a", "learn_b"]);
    expect(selectLearnings([one, other], { now: NOW, maxChars: a.length + 2, about: "" })).toEqual([]);
  });

  test.each([
    ["Name the price on the first screen.", "Webinars on Tuesdays draw more guests."],
    ["Name the price on the first screen.", "Never promise a feature that is not shipped."],
  ])("not about the same: %s / %s", (a, b) => {
    const [one, other] = pair(a, b);
    expect([disputes(one, other), nearlyTheSame(a, b)]).toEqual([false, false]);
  });

  test.each([
    ["Trial users answer to setup time, not to features.", "Trial users answer to the setup time, and not to features!"],
    ["Name the price on the first screen of the page.", "On the first screen of the page, name the price."],
  ])("the same in other words: %s / %s", (a, b) => {
    expect(nearlyTheSame(a, b)).toBe(true);
  });
});
