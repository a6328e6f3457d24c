/** What the schedules will fire when, and what that will cost: for the first start of a daemon, and for `schedules`. */

import { mayBatch } from "../domain/goal.ts";
import type { Registry } from "../domain/registry.ts";
import { quotePlan, type Band } from "../journal/quote.ts";
import { planFromPipeline } from "../skills/pipeline-plan.ts";
import { loadTimes } from "./schedule-times.ts";

const DAY_MS = 86_400_000;
const FIRST = 3;
const NOTHING: Band = { low: 0, likely: 0, high: 0 };

export type Forecast = {
  readonly days: number;
  /** Those that are on, in their order. */
  readonly schedules: readonly {
    readonly name: string;
    readonly pipeline: string;
    /** The first firings, UTC ms. */
    readonly next: readonly number[];
    readonly firings: number;
    /** USD of one firing; null when its pipeline cannot be used: then it fires nothing. */
    readonly each: Band | null;
    /** USD of all its firings. */
    readonly cost: Band;
  }[];
  /** USD of all of them, when every tick fires: overlaps and the budget only make it less. */
  readonly cost: Band;
};

/** The ticks of the next `days` after `now` (UTC ms). `costs`: USD of finished tasks by skill (`taskCosts`), where there are some. */
export async function forecast(
  schedules: Registry["schedules"],
  registry: Registry,
  now: number,
  days: number,
  costs: ReadonlyMap<string, readonly number[]> = new Map(),
): Promise<Forecast> {
  const timesOf = await loadTimes();
  const quotes = new Map<string, Band | null>();
  const quoteOf = (name: string, batch: boolean): Band | null => {
    const key = `${name} ${batch}`;
    const known = quotes.get(key);
    if (known !== undefined) return known;
    const pipeline = registry.pipelines.get(name);
    const quote = pipeline ? quotePlan(planFromPipeline(name, pipeline, null), registry, now, costs, { batch }) : null;
    const band = quote && { low: quote.low, likely: quote.likely, high: quote.high };
    quotes.set(key, band);
    return band;
  };
  const lines = Object.entries(schedules).flatMap(([name, schedule]) => {
    if (!schedule.enabled) return [];
    const times = timesOf(schedule);
    const next: number[] = [];
    let firings = 0;
    for (let at = times.next(now); at !== null && at <= now + days * DAY_MS; at = times.next(at)) {
      firings++;
      if (next.length < FIRST) next.push(at);
    }
    const batch = mayBatch(schedule.priority, schedule.batch, registry.pipelines.get(schedule.pipeline)?.batch);
    const each = quoteOf(schedule.pipeline, batch);
    return [{ name, pipeline: schedule.pipeline, next, firings, each, cost: multiplied(each, firings) }];
  });
  return { days, schedules: lines, cost: lines.reduce((sum, line) => plus(sum, line.cost), NOTHING) };
}

/** The next `count` firings of all that are on, in order of time. */
export async function upcoming(
  schedules: Registry["schedules"],
  now: number,
  count: number,
): Promise<{ name: string; at: number }[]> {
  const timesOf = await loadTimes();
  const heads = Object.entries(schedules).flatMap(([name, schedule]) => {
    if (!schedule.enabled) return [];
    const times = timesOf(schedule);
    return [{ name, times, at: times.next(now) }];
  });
  const found: { name: string; at: number }[] = [];
  while (found.length < count) {
    const first = heads.reduce<(typeof heads)[number] | null>(
      (best, head) => (head.at !== null && (best?.at == null || head.at < best.at) ? head : best),
      null,
    );
    if (first?.at == null) break;
    found.push({ name: first.name, at: first.at });
    first.at = first.times.next(first.at);
  }
  return found;
}

function multiplied(band: Band | null, factor: number): Band {
  if (!band) return NOTHING;
  return { low: band.low * factor, likely: band.likely * factor, high: band.high * factor };
}

function plus(a: Band, b: Band): Band {
  return { low: a.low + b.low, likely: a.likely + b.likely, high: a.high + b.high };
}
