/** What caching saves in a rehearsed goal: tokens and dollars as priced, beside the same prompts sent without a breakpoint. */

import type { Call, Usage } from "../src/domain/call.ts";
import { usd } from "../src/domain/money.ts";
import { cacheShare, promptTokens } from "../src/journal/cache-share.ts";
import { costOf, priceAt } from "../src/journal/prices.ts";
import { callsOfGoal } from "../src/store/calls.ts";
import { sample, type Figure } from "./figure.ts";
import { GOAL, openTeam, startServer } from "./team.ts";

/** Answers take a moment, as they do: calls side by side cannot read what none of them has written yet. */
const LATENCY_MS = 50;

export async function cache(): Promise<Figure[]> {
  await using server = await startServer({ latencyMs: LATENCY_MS });
  await using team = await openTeam(server.url, { concurrency: 4 });
  const { models } = team.app.registry;
  const { id } = await team.run(GOAL);
  const calls = await team.app.store.read((read) => callsOfGoal(read, id));
  const total = (of: (call: Call) => number) => sample([calls.reduce((sum, call) => sum + of(call), 0)]);
  const uncached = ({ usage }: Call): Usage => ({
    input: promptTokens(usage),
    output: usage.output,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
  });
  const prompts = { what: "all prompt tokens", value: total((call) => promptTokens(call.usage)) };
  const { eligible, share } = cacheShare(calls);
  return [
    {
      key: "cost",
      what: `a goal of ${calls.length} calls, with caching`,
      unit: "USD",
      value: total((call) => usd(call.cost)),
      base: {
        what: "the same tokens without caching",
        value: total((call) => usd(costOf(uncached(call), priceAt(models, call.model, call.startedAt)))),
      },
      note: "the rehearsal's tokens: real prompts, but shorter answers than a model's",
    },
    {
      key: "read",
      better: "higher",
      what: "tokens read from the cache",
      unit: "tokens",
      value: total((call) => call.usage.cacheRead),
      base: prompts,
    },
    {
      key: "written",
      what: "tokens written to the cache",
      unit: "tokens",
      value: total((call) => call.usage.cacheWrite5m + call.usage.cacheWrite1h),
      base: prompts,
    },
    { key: "neither", what: "tokens of neither", unit: "tokens", value: total((call) => call.usage.input), base: prompts },
    { key: "answers", what: "tokens of answers", unit: "tokens", value: total((call) => call.usage.output) },
    {
      key: "share",
      better: "higher",
      what: `stable parts that were cache reads, of the ${eligible} calls that could read`,
      unit: "%",
      value: sample([(share ?? 0) * 100]),
      note: "80 or more is the aim",
    },
  ];
}
