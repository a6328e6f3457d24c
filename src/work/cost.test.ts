/** What a goal costs, held: nothing is written to the cache that nobody reads, what is sent again is read, light calls are light. */

import { expect, test } from "bun:test";
import { usd } from "../domain/money.ts";
import type { Call } from "../domain/call.ts";
import { promptTokens } from "../journal/cache-share.ts";
import { costOf, priceAt } from "../journal/prices.ts";
import { planFromPipeline } from "../skills/pipeline-plan.ts";
import { callsOfGoal } from "../store/calls.ts";
import { testTeam } from "../test/team.ts";

/** A day on which the shipped prices hold. */
const DAY = Date.UTC(2026, 10, 21);
/** Calls of a form that comes once in a goal, or hours apart. */
const ONCE = ["plan", "gate", "rebrief", "report", "consistency", "look-back"];

/** All calls of a shipped pipeline. `returns`: the share of first versions that is sent back. */
async function callsOf(pipeline: string, returns: number) {
  await using it = await testTeam({ returns });
  const { pipelines, models } = it.team.registry;
  const entry = pipelines.get(pipeline);
  if (!entry) throw new Error(`no pipeline "${pipeline}"`);
  const goal = await it.run("", { plan: planFromPipeline(pipeline, entry, null) });
  expect(goal.status).toBe("completed");
  return { calls: await it.store.read((read) => callsOfGoal(read, goal.id)), models };
}

const written = ({ usage }: Call) => usage.cacheWrite5m + usage.cacheWrite1h;
const sum = (calls: readonly Call[], of: (call: Call) => number) => calls.reduce((total, call) => total + of(call), 0);

test("a pipeline's prompts are mostly read from the cache, and nothing is written for an hour or for nobody", async () => {
  const { calls, models } = await callsOf("Page Launch", 0.4);
  expect(calls.some((call) => call.revision > 0)).toBe(true);
  const once = calls.filter((call) => ONCE.includes(call.step));
  expect(once.map((call) => call.step)).toContain("gate");
  expect(once.filter((call) => written(call) > 0).map((call) => call.step)).toEqual([]);
  expect(sum(calls, (call) => call.usage.cacheWrite1h)).toBe(0);
  const again = calls.filter((call) => !once.includes(call));
  expect(sum(again, (call) => call.usage.cacheRead) / sum(again, (call) => promptTokens(call.usage))).toBeGreaterThan(0.35);
  // The prompts in dollars, beside the same ones without a breakpoint.
  const dollars = (plain: boolean) =>
    sum(calls, ({ usage, model }) => {
      const uncached = { input: promptTokens(usage), output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
      return usd(costOf(plain ? uncached : { ...usage, output: 0 }, priceAt(models, model, DAY)));
    });
  expect(dollars(false) / dollars(true)).toBeLessThan(0.8);
});

test("a second version reads all that the first one was given; a chain of readers reads the work once", async () => {
  const { calls } = await callsOf("Copywriting Review Chain", 1);
  const makes = calls.filter((call) => call.step === "make");
  const next = makes.find((call) => call.revision > 0);
  expect(next).toBeDefined();
  const given = (makes[0]?.parts ?? []).reduce((chars, part) => chars + part.chars, 0) / 4;
  expect(next?.usage.cacheRead ?? 0).toBeGreaterThan(given * 0.9);
  const readers = calls.filter((call) => call.step.startsWith("review:") && call.revision === 0);
  expect(readers.length).toBeGreaterThan(2);
  for (const reader of readers.slice(1)) expect(reader.usage.cacheRead / promptTokens(reader.usage)).toBeGreaterThan(0.5);
});

test("the closing word goes to the light model, judgements to the strong one", async () => {
  const { calls, models } = await callsOf("Social Content", 0);
  const tiers = new Map(calls.map((call) => [call.step, call.model]));
  expect(tiers.get("report")).toBe(models.tiers.light);
  expect(tiers.get("review:director")).toBe(models.tiers.strong);
  expect(tiers.get("make")).toBe(models.tiers.standard);
});
