/** The same work in batches: which calls go together, what it costs as the program asks, and what breakpoints would make of it. Pure. */

import type { Call, Usage } from "../src/domain/call.ts";
import { usd } from "../src/domain/money.ts";
import type { ModelsFile } from "../src/domain/registry.ts";
import { promptTokens } from "../src/journal/cache-share.ts";
import { batchShareAt, costOf, priceAt } from "../src/journal/prices.ts";
import { createPromptCache } from "../src/model/rehearsal/cache.ts";
import { CACHE_MIN_TOKENS, type Chain, type Step } from "./cost-clock.ts";

export type CostRow = { readonly label: string; readonly figures: Readonly<Record<string, number>> };
export type Made = { readonly call: Call; readonly step: Step };

/** In batches: as the program asks (nothing is marked), and what breakpoints would make of it, at worst and at best. */
export function batchFigures(made: readonly Made[], chains: readonly Chain[], models: ModelsFile): Record<string, number> {
  const day = Date.parse(models.as_of);
  const share = batchShareAt(models, day) ?? 1;
  const batches = batchesOf(chains);
  if (batches.flat().length !== made.length) throw new Error(`${batches.flat().length} calls in batches, ${made.length} made`);
  const dollars = (of: (step: Step) => Usage | undefined) =>
    made.reduce((sum, { call, step }) => {
      const used = of(step);
      if (!used) throw new Error(`the call ${call.step} is in no batch`);
      return sum + usd(costOf(used, priceAt(models, call.model, day), share));
    }, 0);
  const none = replayBatches(batches, { reads: "none", ttl: "5m" });
  const within = replayBatches(batches, { reads: "within a batch", ttl: "5m" });
  const across = replayBatches(batches, { reads: "across batches", ttl: "1h" });
  return {
    batches: batches.length,
    usdBatched: dollars((step) => plain(none.get(step))),
    usdBatchedUnread: dollars((step) => none.get(step)),
    usdBatchedRead: dollars((step) => within.get(step)),
    usdBatchedHour: dollars((step) => across.get(step)),
    usdBatchedHourUnread: dollars((step) => hourly(none.get(step))),
  };
}

function plain(used: Usage | undefined): Usage | undefined {
  return used && { ...used, input: promptTokens(used), cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
}

function hourly(used: Usage | undefined): Usage | undefined {
  return used && { ...used, cacheWrite5m: 0, cacheWrite1h: used.cacheWrite5m };
}

/** All of it in batches, in USD: as the program asks, and beside it what breakpoints would cost. */
export function batchLines(rows: readonly CostRow[], together: CostRow["figures"]): string[][] {
  const sum = (name: string) => rows.reduce((total, { figures }) => total + (figures[name] ?? 0), 0);
  const lines = (of: (name: string) => number) => {
    const [base, ways] = [of("usdBatched"), ["Unread", "Read", "HourUnread", "Hour"]];
    const against = ways.map((way) => `${of(`usdBatched${way}`).toFixed(2)} (${percent(of(`usdBatched${way}`) / base - 1)})`);
    return [`${of("batches")}`, base.toFixed(2), ...against];
  };
  return [
    ["in batches, USD", "batches", "no breakpoints", "5 min, none read", "read within a batch", "1 h, none read", "all read"],
    ["each row on its own, summed", ...lines(sum)],
    ["all rows at once", ...lines((name) => together[name] ?? 0)],
  ];
}

function percent(share: number): string {
  return `${share < 0 ? "" : "+"}${Math.round(share * 100)} %`;
}

/**
 * The batches that the same work makes: all calls that nothing holds back go into one, and what follows from their answers into
 * the next.
 */
function batchesOf(chains: readonly Chain[]): Step[][] {
  const done = new Set<string>();
  // A stage's lanes go side by side: its place says how many steps of each have been made.
  const open = chains.map((chain) => ({ chain, stage: 0, place: 0 }));
  const batches: Step[][] = [];
  while (done.size < chains.length) {
    const ready = open.filter(({ chain }) => !done.has(chain.id) && chain.needs.every((need) => done.has(need)));
    if (ready.length === 0) throw new Error("nothing can begin any more");
    const batch: Step[] = [];
    const ended: string[] = [];
    for (const each of ready) {
      const { stages } = each.chain;
      const lanes = stages[each.stage] ?? [];
      batch.push(...lanes.flatMap((lane) => lane[each.place] ?? []));
      each.place++;
      if (lanes.every((lane) => lane.length <= each.place)) {
        each.stage++;
        each.place = 0;
      }
      if (each.stage >= stages.length) ended.push(each.chain.id);
    }
    for (const id of ended) done.add(id);
    if (batch.length > 0) batches.push(batch);
  }
  return batches;
}

/** What becomes of breakpoints in batches, none of which is known to run at any time. */
type BatchLuck = {
  /** Every request reads what any before it wrote, in its batch or also in earlier ones; `none`: all begin in the same moment. */
  readonly reads: "none" | "within a batch" | "across batches";
  readonly ttl: "5m" | "1h";
};

/** Usage of each call where breakpoints stay in batched requests. */
function replayBatches(batches: readonly (readonly Step[])[], { reads, ttl }: BatchLuck): Map<Step, Usage> {
  const usage = new Map<Step, Usage>();
  const fresh = () => createPromptCache({ minTokens: CACHE_MIN_TOKENS });
  let cache = fresh();
  for (const batch of batches) {
    if (reads !== "across batches") cache = fresh();
    for (const step of batch) {
      const looked = (reads === "none" ? fresh() : cache).lookUp(step.sent.request, 0);
      const { input, read, write5m, write1h } = looked.usage;
      const written = write5m + write1h;
      usage.set(step, {
        ...{ input, output: step.output, cacheRead: read },
        ...{ cacheWrite5m: ttl === "5m" ? written : 0, cacheWrite1h: ttl === "1h" ? written : 0 },
      });
      looked.begin(0);
    }
  }
  return usage;
}
