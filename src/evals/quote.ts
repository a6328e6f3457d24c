/** What a live run will cost, from the real sizes of its prompts and shipped priors for what comes back. */

import { usd } from "../domain/money.ts";
import type { ModelsFile, Registry, Tier } from "../domain/registry.ts";
import { costOf, priceAt } from "../journal/prices.ts";
import type { Band } from "../journal/quote.ts";
import type { CallSpec } from "../journal/request.ts";
import { makeSpec } from "../work/make-spec.ts";
import { judgeSpec } from "./judge.ts";
import { ARMS } from "./quality.ts";
import { batches, ROUTER_TIER, routeSpec } from "./routing.ts";
import type { Standing } from "./standing.ts";

/** `calls`: without repairs, retries and continuations. */
export type EvalsQuote = Band & { readonly calls: number };

const CHARS_PER_TOKEN = 4;
/** Tokens that come back, thinking included (priors of 2026-11-21, never measured). */
const OUTPUT = {
  route: { low: 500, likely: 1_500, high: 4_000 },
  make: { low: 3_000, likely: 6_000, high: 14_000 },
  judge: { low: 700, likely: 1_800, high: 4_500 },
};
/** How often a making prompt goes out where references may be asked for. */
const TURNS = { low: 1, likely: 1.6, high: 3 };
/** A deliverable that is not there yet, as the judge will read it. */
const DELIVERABLE_CHARS = 14_000;
const BANDS = ["low", "likely", "high"] as const;

type Spec = Pick<CallSpec, "system" | "user" | "tools">;

/** USD and calls for all that does not fit any more or was never run. Nothing to do is a quote of zero. */
export function quoteEvals(standing: Standing, registry: Registry, now: number): EvalsQuote {
  const { models, texts } = registry;
  const total = { calls: 0, low: 0, likely: 0, high: 0 };
  const add = (spec: Spec, tier: Tier, output: Band, turns: Band = ONE) => {
    total.calls += 1;
    for (const band of BANDS) {
      const again = (turns[band] - 1) * callCost(spec, tier, 0, "low", models, now);
      total[band] += callCost(spec, tier, output[band], band, models, now) + again;
    }
  };
  const skills = [...registry.skills.values()];
  for (const batch of batches(standing.requests)) {
    const asks = batch.map((request) => request.ask);
    add(routeSpec(skills, asks, NOBODY), ROUTER_TIER, OUTPUT.route);
  }
  for (const { brief, arms } of standing.briefs) {
    for (const arm of ARMS) {
      const { job, made, judged } = arms[arm];
      if (made === null) {
        const spec = makeSpec(job, texts.house, { compact: false });
        add(spec, spec.tier, OUTPUT.make, job.skill.references.length > 0 ? TURNS : ONE);
      }
      if (judged) continue;
      const spec = judgeSpec(brief, made?.body ?? "x".repeat(DELIVERABLE_CHARS), NOBODY, "");
      add(spec, spec.tier, OUTPUT.judge);
    }
  }
  return total;
}

const ONE: Band = { low: 1, likely: 1, high: 1 };
const NOBODY: CallSpec["goal"] = { id: "", priority: "P2", cap: 0, allowed: 0, rehearsal: false };

/** Low: all that is shared is read from the cache; high: all of it is written once more at the dearest rate. */
function callCost(spec: Spec, tier: Tier, output: number, band: keyof Band, models: ModelsFile, now: number): number {
  const size = (parts: CallSpec["system"]) => parts.reduce((sum, part) => sum + part.text.length, 0) / CHARS_PER_TOKEN;
  const shared = size(spec.system);
  const cold = band === "high" ? shared : band === "likely" ? shared * 0.4 : 0;
  const tools = JSON.stringify(spec.tools ?? []).length / CHARS_PER_TOKEN;
  const usage = {
    input: Math.ceil(size(spec.user) + tools),
    cacheRead: Math.ceil(shared - cold),
    cacheWrite1h: Math.ceil(cold),
    cacheWrite5m: 0,
    output,
  };
  return usd(costOf(usage, priceAt(models, models.tiers[tier], now)));
}
