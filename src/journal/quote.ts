/** The quote: what a plan will cost, low / likely / high per phase, from this workspace's own runs or from shipped priors. */

import { sql } from "kysely";
import { NO_USAGE } from "../domain/call.ts";
import { usd } from "../domain/money.ts";
import type { Plan } from "../domain/plan.ts";
import type { ModelsFile, Registry, Tier } from "../domain/registry.ts";
import type { Read } from "../store/store.ts";
import { batchShareAt, costOf, priceAt } from "./prices.ts";

export type Band = { readonly low: number; readonly likely: number; readonly high: number };
export type Quote = Band & {
  readonly phases: readonly (Band & { readonly name: string })[];
  readonly basis: "priors" | "history";
};

/**
 * Priors in tokens (2026-11-21): sizes of the shipped playbooks, house rules and typical deliverables at four bytes a
 * token, thinking included in the output. `shared` is read from the cache after its first use.
 */
const MAKE = { shared: 7_000, fresh: 4_000, output: { low: 3_000, likely: 5_500, high: 11_000 } };
const REVIEW = { shared: 3_500, fresh: 5_000, output: { low: 1_200, likely: 2_200, high: 4_500 } };
const GATE = { shared: 6_000, fresh: 9_000, output: { low: 600, likely: 1_200, high: 3_000 } };
const REPORT = { shared: 2_500, fresh: 3_000, output: { low: 500, likely: 900, high: 2_000 } };
const COMPARE = { shared: 3_500, fresh: 11_000, output: { low: 300, likely: 600, high: 1_500 } };
const CHECK = { shared: 2_500, fresh: 3_000, output: { low: 200, likely: 500, high: 1_500 } };
/** Calls of a comparison: both orders, and the control for length in every second one. */
const COMPARISON = 2.5;
/** Versions of a deliverable: most are approved at once or after one revision. */
const ROUNDS = { low: 1, likely: 1.4, high: 3 };
/** Fewer finished tasks of a skill than this say little. */
const MIN_SAMPLES = 3;

type Call = typeof MAKE;

/** `cached` is false for a call in a batch, which marks nothing for the cache. */
function callCost(call: Call, tier: Tier, models: ModelsFile, now: number, band: keyof Band, cached = true): number {
  const price = priceAt(models, models.tiers[tier], now);
  if (!cached) return usd(costOf({ ...NO_USAGE, input: call.shared + call.fresh, output: call.output[band] }, price));
  // Low: everything shared is read; high: it is written once more at the dearest rate.
  const cold = band === "high" ? call.shared : band === "likely" ? call.shared * 0.4 : 0;
  const usage = {
    input: call.fresh,
    cacheRead: call.shared - cold,
    cacheWrite1h: cold,
    cacheWrite5m: 0,
    output: call.output[band],
  };
  return usd(costOf(usage, price));
}

/**
 * USD for a plan whose planning is already done. `history` holds finished real tasks' costs by skill, at the full price.
 * `of.batch`: its calls go through batches, at their share of the price.
 */
export function quotePlan(
  plan: Plan,
  registry: Registry,
  now: number,
  history: ReadonlyMap<string, readonly number[]>,
  of: { readonly batch: boolean } = { batch: false },
): Quote {
  const { models } = registry;
  const batched = of.batch ? batchShareAt(models, now) : null;
  const share = batched ?? 1;
  const costOfCall = (call: Call, tier: Tier, band: keyof Band) => callCost(call, tier, models, now, band, batched === null);
  let known = 0;
  // Versions made side by side: the first round costs as many, and each pair is compared.
  const variantsCost = (skillName: string, variants: number, band: keyof Band): number => {
    const tier = registry.skills.get(skillName)?.tier ?? "strong";
    const pairs = (variants * (variants - 1)) / 2;
    return (variants - 1) * costOfCall(MAKE, tier, band) + pairs * COMPARISON * costOfCall(COMPARE, "strong", band);
  };
  const taskCost = (skillName: string, reviewers: number, band: keyof Band): number => {
    const samples = history.get(skillName);
    if (samples && samples.length >= MIN_SAMPLES)
      return percentile(samples, band === "low" ? 0.1 : band === "likely" ? 0.5 : 0.9);
    const tier = registry.skills.get(skillName)?.tier ?? "strong";
    return ROUNDS[band] * (costOfCall(MAKE, tier, band) + reviewers * costOfCall(REVIEW, "strong", band));
  };
  const phases = plan.phases.map((phase) => {
    const tasks = plan.tasks.filter((task) => task.phase === phase.name);
    known += tasks.filter((task) => (history.get(task.skill)?.length ?? 0) >= MIN_SAMPLES).length;
    const sum = (band: keyof Band) =>
      tasks.reduce(
        (total, task) =>
          total +
          taskCost(task.skill, Math.max(1, task.reviewers?.length ?? 1), band) +
          variantsCost(task.skill, task.variants ?? 1, band),
        0,
      ) + (phase.gate ? costOfCall(GATE, "strong", band) : 0);
    const priced = (band: keyof Band) => cents(share * sum(band));
    return { name: phase.name, low: priced("low"), likely: priced("likely"), high: priced("high") };
  });
  const total = (band: keyof Band) =>
    cents(
      phases.reduce((sum, phase) => sum + phase[band], 0) +
        share *
          (costOfCall(REPORT, "light", band) +
            // One call compares the texts, where there are two.
            (plan.tasks.length > 1 ? costOfCall(CHECK, "standard", band) : 0)),
    );
  return {
    low: total("low"),
    likely: total("likely"),
    high: total("high"),
    phases,
    basis: plan.tasks.length > 0 && known * 2 >= plan.tasks.length ? "history" : "priors",
  };
}

/** USD for replaying tasks of these skills, each once with and once without a learning, and comparing the two. */
export function quoteReplays(skills: readonly string[], registry: Registry, now: number): Band & { readonly calls: number } {
  const { models } = registry;
  const sum = (band: keyof Band) =>
    cents(
      skills.reduce((total, name) => {
        const tier = registry.skills.get(name)?.tier ?? "standard";
        return total + 2 * callCost(MAKE, tier, models, now, band) + COMPARISON * callCost(COMPARE, "strong", models, now, band);
      }, 0),
    );
  return { low: sum("low"), likely: sum("likely"), high: sum("high"), calls: skills.length * 4 };
}

/** Costs in USD of the last finished real tasks, by skill, as they would have been at the full price. */
export async function taskCosts(read: Read): Promise<Map<string, number[]>> {
  // The tasks first, then their calls by their index: the other way round reads every call there ever was.
  const newest = read.db
    .selectFrom("tasks")
    .select(["tenant", "id", "goal_id", "skill"])
    .where("tenant", "=", read.tenant)
    .where("kind", "=", "work")
    .where("status", "=", "done")
    .where("rehearsal", "=", 0)
    .orderBy("id", "desc")
    .limit(500)
    .as("newest");
  const rows = await read.db
    .selectFrom(newest)
    .innerJoin("calls", (join) =>
      join
        .onRef("calls.tenant", "=", "newest.tenant")
        .onRef("calls.goal_id", "=", "newest.goal_id")
        .onRef("calls.subject", "=", "newest.id"),
    )
    .select(["newest.id", "newest.skill"])
    .select(sql<number>`sum(calls.cost / coalesce(calls.batch_share, 1.0))`.as("cost"))
    .groupBy(["newest.id", "newest.skill"])
    .orderBy("newest.id", "desc")
    .execute();
  const bySkill = new Map<string, number[]>();
  for (const row of rows) bySkill.set(row.skill, [...(bySkill.get(row.skill) ?? []), usd(Number(row.cost))]);
  return bySkill;
}

function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function cents(value: number): number {
  return Math.ceil(value * 10_000) / 10_000;
}
