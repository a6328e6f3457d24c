import { expect, test } from "bun:test";
import { quotePlan } from "../journal/quote.ts";
import { planFromPipeline } from "../skills/pipeline-plan.ts";
import { loadRegistry } from "../skills/registry.ts";
import { ROOT } from "../test/cli.ts";
import { forecast, upcoming } from "./schedule-forecast.ts";

const { registry } = await loadRegistry({ root: ROOT });
if (!registry) throw new Error("the shipped registry does not load");
const NOW = Date.UTC(2026, 10, 21, 12);
const HOUR = 3_600_000;

test("a month of the shipped schedules: how often each fires, and what that costs", async () => {
  const month = await forecast(registry.schedules, registry, NOW, 30);
  expect(month.schedules.map(({ name, firings }) => [name, firings])).toEqual([
    ["daily-social", 30],
    ["daily-review", 30],
    ["weekly-content", 5],
    ["weekly-seo", 4],
    ["monthly-cro", 1],
    ["monthly-review", 1],
  ]);
  for (const line of month.schedules) {
    const pipeline = registry.pipelines.get(line.pipeline);
    if (!pipeline) throw new Error(line.pipeline);
    // What nobody reads within the day goes through batches.
    const of = { batch: line.name.startsWith("weekly-") };
    const quote = quotePlan(planFromPipeline(line.pipeline, pipeline, null), registry, NOW, new Map(), of);
    expect(line.each).toEqual({ low: quote.low, likely: quote.likely, high: quote.high });
    expect(line.cost.likely).toBeCloseTo(quote.likely * line.firings, 6);
  }
  expect(month.cost.low).toBeLessThan(month.cost.likely);
  expect(month.cost.likely).toBeLessThan(month.cost.high);
  expect(month.cost.likely).toBeCloseTo(
    month.schedules.reduce((sum, line) => sum + line.cost.likely, 0),
    6,
  );
});

test("what is off costs nothing, a pipeline that cannot be used neither; own runs change the price", async () => {
  const base = { cron: "0 6 * * *", zone: "UTC", priority: "P2", catch_up: "skip", enabled: true } as const;
  const [name = ""] = [...registry.pipelines.keys()];
  const schedules = {
    on: { ...base, pipeline: name },
    off: { ...base, pipeline: name, enabled: false },
    lost: { ...base, pipeline: "?" },
  };
  const week = await forecast(schedules, registry, NOW, 7);
  expect(week.schedules.map(({ name, firings, each }) => [name, firings, each === null])).toEqual([
    ["on", 7, false],
    ["lost", 7, true],
  ]);
  expect(week.schedules[1]?.cost).toEqual({ low: 0, likely: 0, high: 0 });
  expect(week.schedules[0]?.next).toEqual([18, 42, 66].map((hours) => NOW + hours * HOUR));
  const costs = new Map([...registry.skills.keys()].map((skill) => [skill, [10, 10, 10]]));
  const dear = await forecast(schedules, registry, NOW, 7, costs);
  expect(dear.cost.low).toBeGreaterThan(week.cost.high);
});

test("the next firings over all, in order of time", async () => {
  const names = (await upcoming(registry.schedules, NOW, 5)).map(
    ({ name, at }) => `${name} ${new Date(at).toISOString().slice(5, 16)}`,
  );
  expect(names).toEqual([
    "daily-social 11-22T06:00",
    "daily-review 11-22T09:00",
    "weekly-content 11-23T00:00",
    "daily-social 11-23T06:00",
    "daily-review 11-23T09:00",
  ]);
  expect(await upcoming({}, NOW, 5)).toEqual([]);
});
