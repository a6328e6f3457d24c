/** The quote: an honest band for any plan, the phases in it, and this workspace's own runs once there are enough. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Plan } from "../domain/plan.ts";
import type { Price, Registry } from "../domain/registry.ts";
import { loadRegistry } from "../skills/registry.ts";
import { ROOT } from "../test/cli.ts";
import { quotePlan, quoteReplays } from "./quote.ts";

const loaded = (await loadRegistry({ root: ROOT })).registry;
if (!loaded) throw new Error("the shipped registry does not load");
const registry: Registry = loaded;
const NOW = Date.UTC(2026, 10, 21);
const SKILLS = [...registry.skills.keys()];

const planOf = (phases: Plan["phases"], tasks: { phase: string; skill: string; reviewers?: string[] }[]): Plan => ({
  title: "A plan",
  category: "content",
  pipeline: null,
  phases,
  tasks: tasks.map((entry, i) => ({ key: `t${i}`, brief: "b", criteria: [], needs: [], ...entry })),
  assumptions: [],
  missing: [],
});
const anyPlan = fc
  .record({
    gates: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
    tasks: fc.array(
      fc.record({
        phase: fc.nat(),
        skill: fc.constantFrom(...SKILLS, "director"),
        reviewers: fc.option(fc.subarray(SKILLS, { minLength: 1, maxLength: 3 }), { nil: undefined }),
      }),
      { maxLength: 30 },
    ),
  })
  .map(({ gates, tasks }) =>
    planOf(
      gates.map((gate, i) => ({ name: `P${i}`, gate })),
      tasks.map(({ phase, skill, reviewers }) => ({
        phase: `P${phase % gates.length}`,
        skill,
        ...(reviewers ? { reviewers } : {}),
      })),
    ),
  );
const anyHistory = fc
  .dictionary(fc.constantFrom(...SKILLS.slice(0, 8)), fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { maxLength: 12 }))
  .map((entries) => new Map(Object.entries(entries)));
const NONE = new Map<string, number[]>();

describe("any plan", () => {
  test("through batches it is quoted at half of what it costs without a cache, to the rounding of its phases", () => {
    const prices = (of: Price): Price => ({ ...of, cache_read: of.input, cache_write_5m: of.input, cache_write_1h: of.input });
    const files = Object.entries(registry.models.models).map(([name, entry]) => [
      name,
      { ...entry, prices: entry.prices.map(prices) },
    ]);
    const uncached: Registry = { ...registry, models: { ...registry.models, models: Object.fromEntries(files) } };
    fc.assert(
      fc.property(anyPlan, anyHistory, (plan, history) => {
        const full = quotePlan(plan, uncached, NOW, history);
        const half = quotePlan(plan, registry, NOW, history, { batch: true });
        const slack = (plan.phases.length + 2) * 0.0001;
        for (const band of ["low", "likely", "high"] as const)
          expect(Math.abs(half[band] * 2 - full[band])).toBeLessThanOrEqual(2 * slack);
      }),
    );
  });

  test("low ≤ likely ≤ high, in the whole and in each phase, with and without history", () => {
    fc.assert(
      fc.property(anyPlan, anyHistory, (plan, history) => {
        const quote = quotePlan(plan, registry, NOW, history);
        for (const band of [quote, ...quote.phases]) {
          expect(band.low).toBeGreaterThanOrEqual(0);
          expect(band.low).toBeLessThanOrEqual(band.likely);
          expect(band.likely).toBeLessThanOrEqual(band.high);
        }
        expect(quote.phases.map((phase) => phase.name)).toEqual(plan.phases.map((phase) => phase.name));
      }),
    );
  });

  test("the whole is its phases and what ends a goal: the report, and the comparison of its texts where there are two", () => {
    const none = quotePlan(planOf([], []), registry, NOW, NONE);
    const phase = { name: "P", gate: false };
    const both = planOf(
      [phase],
      Array.from({ length: 2 }, () => ({ phase: "P", skill: SKILLS[0] ?? "" })),
    );
    const two = quotePlan(both, registry, NOW, NONE);
    fc.assert(
      fc.property(anyPlan, anyHistory, (plan, history) => {
        const quote = quotePlan(plan, registry, NOW, history);
        for (const band of ["low", "likely", "high"] as const) {
          const phases = quote.phases.reduce((sum, phase) => sum + phase[band], 0);
          // Figures are rounded up to a hundredth of a cent.
          const end = plan.tasks.length > 1 ? two[band] - (two.phases[0]?.[band] ?? 0) : none[band];
          expect(Math.abs(quote[band] - phases - end)).toBeLessThanOrEqual(0.000_301);
        }
      }),
    );
  });
});

describe("what it counts", () => {
  const skill = SKILLS[0] ?? "";
  const one = planOf([{ name: "P", gate: false }], [{ phase: "P", skill }]);
  const likely = (plan: Plan, history: Map<string, number[]> = NONE) =>
    quotePlan(plan, registry, NOW, history).phases[0]?.likely ?? -1;

  test("versions side by side cost their making and their comparison", () => {
    const several = (variants: number) => likely({ ...one, tasks: one.tasks.map((task) => ({ ...task, variants })) });
    expect(several(1)).toBe(likely(one));
    expect(several(2)).toBeGreaterThan(likely(one) * 1.4);
    // Three have three pairs.
    expect(several(3) - likely(one)).toBeGreaterThan((several(2) - likely(one)) * 2);
  });

  test("replays of learnings: two texts and their comparison, for each task", () => {
    const skill = SKILLS[0] ?? "";
    const quote = quoteReplays([skill, skill], registry, NOW);
    expect(quote.likely).toBeCloseTo(quoteReplays([skill], registry, NOW).likely * 2, 3);
    expect([quote.low < quote.likely, quote.likely < quote.high, quote.calls]).toEqual([true, true, 8]);
    expect(quoteReplays([], registry, NOW)).toMatchObject({ low: 0, likely: 0, high: 0, calls: 0 });
  });

  test("a gate, a second reviewer and a second task cost more", () => {
    expect(likely({ ...one, phases: [{ name: "P", gate: true }] })).toBeGreaterThan(likely(one));
    expect(likely({ ...one, tasks: one.tasks.map((task) => ({ ...task, reviewers: ["a", "b"] })) })).toBeGreaterThan(likely(one));
    expect(likely({ ...one, tasks: [...one.tasks, ...one.tasks] })).toBeGreaterThan(likely(one) * 1.9);
  });

  test("history counts from three samples on, and says so when it covers half of the tasks", () => {
    const two = new Map([[skill, [1, 1]]]);
    const three = new Map([[skill, [1, 1, 1]]]);
    expect(quotePlan(one, registry, NOW, two)).toEqual(quotePlan(one, registry, NOW, NONE));
    expect(quotePlan(one, registry, NOW, NONE).basis).toBe("priors");
    expect(quotePlan(one, registry, NOW, three)).toMatchObject({ basis: "history", phases: [{ low: 1, likely: 1, high: 1 }] });
    const mixed = (others: number) =>
      quotePlan(
        { ...one, tasks: [...one.tasks, ...Array.from({ length: others }, () => ({ ...one.tasks[0]!, skill: SKILLS[1]! }))] },
        registry,
        NOW,
        three,
      ).basis;
    expect([mixed(1), mixed(2)]).toEqual(["history", "priors"]);
    expect(quotePlan({ ...one, tasks: [] }, registry, NOW, three).basis).toBe("priors");
  });

  test("the band is the tenth, the middle and the ninetieth of the samples, in any order", () => {
    const samples = [10, 3, 7, 1, 9, 2, 8, 5, 6, 4];
    const [phase] = quotePlan(one, registry, NOW, new Map([[skill, samples]])).phases;
    expect(phase).toEqual({ name: "P", low: 2, likely: 6, high: 10 });
    expect(quotePlan(one, registry, NOW, new Map([[skill, [5, 1, 3]]])).phases).toEqual([
      { name: "P", low: 1, likely: 3, high: 5 },
    ]);
  });
});
