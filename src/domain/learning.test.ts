/** Which learnings a prompt gets: within the budget, none that is retired, the surest and newest first. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { LEARNING_STATUSES, learningKey, selectLearnings, type Learning } from "./learning.ts";

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

test("the budget is never passed and nothing retired is chosen; what was left out would not have fitted", () => {
  fc.assert(
    fc.property(many, fc.integer({ min: 0, max: 3_000 }), (candidates, budget) => {
      const chosen = selectLearnings(candidates, NOW, budget);
      const used = chosen.reduce((sum, entry) => sum + entry.statement.length, 0);
      expect(used).toBeLessThanOrEqual(budget);
      expect(chosen.filter((entry) => entry.status === "retired")).toEqual([]);
      expect(new Set(chosen).size).toBe(chosen.length);
      for (const left of candidates.filter((entry) => entry.status !== "retired" && !chosen.includes(entry)))
        expect(used + left.statement.length).toBeGreaterThan(budget);
    }),
  );
});

test("the order is the same whatever order they came in", () => {
  fc.assert(
    fc.property(many, fc.array(fc.nat()), (candidates, seed) => {
      const shuffled = candidates.toSorted((a, b) => (seed[Number(a.id.slice(6))] ?? 0) - (seed[Number(b.id.slice(6))] ?? 0));
      expect(selectLearnings(shuffled, NOW, 2_000)).toEqual(selectLearnings(candidates, NOW, 2_000));
    }),
  );
});

test("surest first; thirty days cost a tenth; equals by the newer id", () => {
  const ids = (list: Learning[]) => selectLearnings(list, NOW, 1_000).map((entry) => entry.id);
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
