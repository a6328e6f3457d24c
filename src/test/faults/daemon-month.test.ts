/** Days and a month of the daemon, on a clock that the test moves: what it does when nothing is to be done, and what its schedules cost. */

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { usd } from "../../domain/money.ts";
import { taskCosts } from "../../journal/quote.ts";
import { readSchedules } from "../../triggers/schedule-file.ts";
import { forecast } from "../../triggers/schedule-forecast.ts";
import { acceptGoal } from "../../work/accept.ts";
import { ROOT } from "../cli.ts";
import { readScorecard } from "../../telemetry/scorecard.ts";
import { tickFaults } from "../daemon/checks.ts";
import type { Metered } from "../daemon/meter.ts";
import { simulate } from "../daemon/simulated.ts";
import { post, TOKEN } from "../daemon/world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LIMIT_MS = 180_000;
/** A Monday evening: the month ahead begins with the first of December. */
const START = Date.UTC(2026, 10, 30, 23, 30);

test(
  "a day on which nothing is due and nothing happens makes no request to the model",
  async () => {
    const schedules = (await readFile(join(ROOT, ".agents/schedules.yaml"), "utf8")).replace(
      /^ {4}cron:/gm,
      "    enabled: false\n$&",
    );
    await using it = await simulate({
      start: START,
      files: { schedules, events: "events:\n  quick: { pipeline: Short }\n" },
      env: { WEBHOOK_TOKEN: TOKEN },
    });
    expect((await readSchedules(it.app.config.root))["daily-social"]?.enabled).toBe(false);
    // Not an empty place: work that is done, and work that waits for a person's money.
    await post(it.url, { id: "a", type: "quick", data: {} });
    const work = { category: null, source: "cli", priority: "P0", rehearsal: false, plan: null } as const;
    await acceptGoal(it.app.team, { ...work, text: "Write a page.", cap: 1 });
    await it.until(START + 10 * MINUTE, MINUTE);
    const states = async () => (await it.books()).goals.map(({ status, pause }) => `${status} ${pause}`).sort();
    expect(await states()).toEqual(["completed null", "paused budget"]);
    const before = it.requests();
    expect(before).toBeGreaterThan(2);

    await it.until(START + 10 * MINUTE + DAY, MINUTE);
    expect(it.requests()).toBe(before);
    expect(await states()).toEqual(["completed null", "paused budget"]);
    // It was awake.
    const [alive] = await it.ask<{ at: number }>("select heartbeat_at as at from processes");
    expect(it.now() - (alive?.at ?? 0)).toBeLessThan(2 * MINUTE);
    await it.stop();
    expect(it.requests()).toBe(before);
  },
  LIMIT_MS,
);

test(
  "a month of the shipped schedules: each fires at its times and once, and costs what was said before, by the meter too",
  async () => {
    await using it = await simulate({ start: START });
    const { registry, store } = it.app;
    const ahead = await forecast(registry.schedules, registry, START, 30, await store.read((read) => taskCosts(read)));
    // To every whole hour, where the shipped schedules have their times.
    await it.until(START + 30 * DAY, HOUR);
    await it.stop();
    const books = await it.books();

    const due = expectedFirings(START, START + 30 * DAY);
    expect(books.ticks.map(({ name, at, outcome }) => `${name} ${new Date(at).toISOString()} ${outcome}`)).toEqual(
      due.map(({ name, at }) => `${name} ${new Date(at).toISOString()} fired`),
    );
    const counts = Map.groupBy(due, (tick) => tick.name);
    expect(ahead.schedules.map(({ name, firings }) => [name, firings])).toEqual(
      ahead.schedules.map(({ name }) => [name, counts.get(name)?.length ?? 0]),
    );
    // Each firing is one goal, each goal one firing; all came to their end, and a review found nothing to start.
    expect(tickFaults(books)).toEqual([]);
    expect(books.goals.filter((goal) => goal.status !== "completed")).toEqual([]);
    expect(books.sources.filter((goal) => !goal.source.startsWith("schedule:"))).toEqual([]);
    // The meter on the wire, the journal and the budget's books say the same, and no more than was said before.
    const prices = await readPrices();
    const bill = sum(it.meter.read.map(({ at, model, usage, share }) => share * cost(prices, at, model, usage)));
    const settled = books.calls.filter((call) => call.state === "settled");
    expect([settled.length, it.meter.read.length]).toEqual([books.calls.length, it.requests()]);
    expect(usd(sum(books.calls.map((call) => call.cost)))).toBeCloseTo(bill, 6);
    const spentIn = (kind: string) => usd(sum(books.scopes.filter((scope) => scope.kind === kind).map((scope) => scope.spent)));
    expect([spentIn("goal"), spentIn("day"), spentIn("month")].map((spent) => spent.toFixed(6))).toEqual(
      Array(3).fill(bill.toFixed(6)),
    );
    // The weekly ones go through batches, and nothing else does.
    const weekly = books.sources.filter((goal) => goal.source.startsWith("schedule:weekly-")).map((goal) => goal.id);
    type Shared = { goal_id: string; n: number };
    const batched = await it.ask<Shared>(
      "select goal_id, count(*) as n from calls where batch_share is not null group by goal_id",
    );
    expect(batched.map((row) => row.goal_id).sort()).toEqual(weekly.sort());
    expect(sum(batched.map((row) => row.n))).toBe(it.meter.read.filter((answer) => answer.share === 0.5).length);
    expect(bill).toBeLessThan(ahead.cost.likely);
    for (const line of ahead.schedules) {
      const goals = books.sources.filter((goal) => goal.source === `schedule:${line.name}`).map((goal) => goal.id);
      const spent = usd(sum(books.scopes.filter((scope) => goals.includes(scope.id)).map((scope) => scope.spent)));
      expect([line.name, spent > 0, spent <= line.cost.high]).toEqual([line.name, true, true]);
    }
    // The rehearsal writes little and does not think. Its calls, with answers as long as a model's, are within the quote.
    type Row = { step: string; started_at: number; model: string; usage: string; batch_share: number | null };
    const longer = sum(
      (await it.ask<Row>("select step, started_at, model, usage, batch_share from calls where state = 'settled'")).map(
        ({ step, started_at, model, usage, batch_share }) => {
          const kind = step.split(":")[0] ?? "";
          const output = LONG_ANSWERS[kind] ?? OTHER_ANSWERS;
          return (batch_share ?? 1) * cost(prices, started_at, model, { ...(JSON.parse(usage) as Metered["usage"]), output });
        },
      ),
    );
    expect(longer).toBeGreaterThan(ahead.cost.low);
    expect(longer).toBeLessThan(ahead.cost.high);

    const { real } = await store.read((read) => readScorecard(read, it.now()));
    expect([real.schedulerAvailability, real.queueAvailability]).toEqual([1, 1]);
    expect([real.goalsEnded, real.goalsCompleted]).toEqual([due.length, due.length]);
  },
  LIMIT_MS,
);

test(
  "80, 90, 95 and 100 % of a day: each is told once and changes what works; what was parked goes on the next day",
  async () => {
    const spending = { usd: 0 };
    const priority = (name: string) => `{ pipeline: Short, priority: ${name}, cooldown: 0 }`;
    const hourly = (name: string) => `{ cron: "0 * * * *", pipeline: Short, priority: ${name} }`;
    await using it = await simulate({
      start: Date.UTC(2026, 11, 1, 8, 10),
      files: {
        schedules: `schedules:\n  low: ${hourly("P2")}\n  middle: ${hourly("P1")}\n  high: ${hourly("P0")}\n`,
        events: `events:\n${["P0", "P1", "P2"].map((name) => `  ${name.toLowerCase()}: ${priority(name)}\n`).join("")}  budget_warning: ${priority("P0")}\n  budget_critical: ${priority("P0")}\n`,
      },
      env: { WEBHOOK_TOKEN: TOKEN, BUDGET_MONTHLY: "100000", BUDGET_DAILY: "1000", BUDGET_GOAL: "5000", BUDGET_TASK: "5000" },
      output: (model) => {
        const { usd: amount } = spending;
        spending.usd = 0;
        return amount === 0 ? null : Math.ceil((amount / outputPrice(model)) * 1_000_000);
      },
    });
    const { tiers } = it.app.registry.models;
    const outputPrice = (model: string) => it.app.registry.models.models[model]?.prices.at(-1)?.output ?? 0;
    const clock = (hours: number, minutes = 0) => Date.UTC(2026, 11, 1, hours, minutes);
    const goalOf = async (id: string) => {
      const books = await it.books();
      const goal = books.inbox.find((row) => row.key === id)?.goal_id;
      const { status, pause } = books.goals.find((entry) => entry.id === goal) ?? { status: "none", pause: null };
      return pause === null ? status : `${status}: ${pause}`;
    };
    const ask = async (id: string, type: string) => {
      expect((await post(it.url, { id, type, data: { id } }))?.status).toBe(202);
      await it.until(it.now() + MINUTE, MINUTE);
      return goalOf(id);
    };
    /** One answer of a P0 goal costs so much. */
    const spend = async (id: string, amount: number) => {
      spending.usd = amount;
      return ask(id, "p0");
    };
    const ticksAt = async (hours: number) => {
      await it.until(clock(hours, 10), 10 * MINUTE);
      return (await it.books()).ticks
        .filter((tick) => tick.at === clock(hours))
        .map(({ name, outcome, reason }) => `${name} ${reason ?? outcome}`);
    };
    const modelsOf = async (hours: number) => {
      const { ticks, calls, tasks } = await it.books();
      const goal = ticks.find((tick) => tick.at === clock(hours) && tick.name === "high")?.goal_id;
      const of = new Set(tasks.filter((task) => task.goal_id === goal && task.kind === "work").map((task) => task.id));
      return calls.filter((call) => of.has(call.subject)).map((call) => `${call.step.split(":")[0]} ${call.model}`);
    };
    const all = ["high fired", "low fired", "middle fired"];

    expect(await spend("to-82", 820)).toBe("completed");
    expect(await ask("p2-at-82", "p2")).toBe("completed");
    expect(await ticksAt(9)).toEqual(all);
    expect(await modelsOf(9)).toEqual([`make ${tiers.standard}`, `review ${tiers.strong}`]);

    expect(await spend("to-92", 100)).toBe("completed");
    expect(await ask("p2-at-92", "p2")).toBe("paused: budget");
    expect(await ask("p1-at-92", "p1")).toBe("completed");
    expect(await ticksAt(10)).toEqual(["high fired", "low budget", "middle fired"]);
    expect(await modelsOf(10)).toEqual(await modelsOf(9));

    expect(await spend("to-97", 50)).toBe("completed");
    expect(await ask("p1-at-97", "p1")).toBe("paused: budget");
    expect(await ticksAt(11)).toEqual(["high fired", "low budget", "middle budget"]);
    expect(await modelsOf(11)).toEqual([`make ${tiers.light}`, `review ${tiers.standard}`]);

    expect(await spend("to-102", 50)).toBe("paused: budget");
    const asked = it.requests();
    expect(await ask("p0-at-102", "p0")).toBe("paused: budget");
    expect(await ticksAt(12)).toEqual(["high budget", "low budget", "middle budget"]);
    const parked = ["p2-at-92", "p1-at-97", "to-102", "p0-at-102"];
    const questions = async () => (await it.books()).questions.map(({ kind, status }) => `${kind} ${status}`);
    expect(await questions()).toEqual(parked.map(() => "budget open"));

    // Whatever comes until midnight, nobody is asked.
    await it.until(clock(23, 59), 10 * MINUTE);
    expect(it.requests()).toBe(asked);
    expect(await Promise.all(parked.map(goalOf))).toEqual(parked.map(() => "paused: budget"));

    expect(await ticksAt(24)).toEqual(all);
    expect(await Promise.all(parked.map(goalOf))).toEqual(parked.map(() => "completed"));
    expect(await questions()).toEqual(parked.map(() => "budget withdrawn"));

    const { inbox, events, goals } = await it.books();
    expect(goals.filter((goal) => goal.status !== "completed")).toEqual([]);
    const levels = events.flatMap((event) =>
      event.type === "budget.level" ? [JSON.parse(event.data) as { level: string; scope: string }] : [],
    );
    expect(levels.map(({ level, scope }) => `${scope} ${level}`)).toEqual(
      ["warning", "tight", "critical", "exhausted"].map((level) => `day 2026-12-01 ${level}`),
    );
    expect(inbox.filter((row) => row.type.startsWith("budget_")).map((row) => `${row.type} ${row.decision}`)).toEqual([
      "budget_warning started",
      "budget_critical started",
    ]);
  },
  LIMIT_MS,
);

/** The times of the shipped schedules, said once more without cron. */
function expectedFirings(after: number, upTo: number): { name: string; at: number }[] {
  const days = Array.from({ length: 32 }, (_, i) => Math.floor(after / DAY) * DAY + i * DAY);
  const times: Record<string, (midnight: Date) => number | null> = {
    "daily-review": () => 9,
    "daily-social": () => 6,
    "monthly-cro": (day) => (day.getUTCDate() === 1 ? 0 : null),
    "monthly-review": (day) => (day.getUTCDate() === 15 ? 0 : null),
    "weekly-content": (day) => (day.getUTCDay() === 1 ? 0 : null),
    "weekly-seo": (day) => (day.getUTCDay() === 3 ? 0 : null),
  };
  return Object.entries(times).flatMap(([name, hourOf]) =>
    days.flatMap((midnight) => {
      const hour = hourOf(new Date(midnight));
      const at = midnight + (hour ?? 0) * HOUR;
      return hour !== null && at > after && at <= upTo ? [{ name, at }] : [];
    }),
  );
}

/** Tokens of a model's answer, thinking included. */
const LONG_ANSWERS: Readonly<Record<string, number>> = { make: 5_500, "look-back": 5_500, review: 2_200 };
const OTHER_ANSWERS = 900;

type Rates = Record<"input" | "output" | "cache_read" | "cache_write_5m" | "cache_write_1h", number>;
type Prices = Readonly<
  Record<string, { readonly prices: readonly (Rates & { from: string; long_prompt?: Rates & { over: number } })[] }>
>;

async function readPrices(): Promise<Prices> {
  return (parse(await readFile(join(ROOT, ".agents/models.yaml"), "utf8")) as { models: Prices }).models;
}

/** USD, at the prices of the file on that day. */
function cost(prices: Prices, at: number, model: string, usage: Metered["usage"]): number {
  const day = new Date(at).toISOString().slice(0, 10);
  const price = prices[model]?.prices.filter((entry) => entry.from <= day).at(-1);
  if (!price) throw new Error(`${model} has no price on ${day}`);
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = usage;
  const { long_prompt: long } = price;
  const rates = long && input + cacheRead + cacheWrite5m + cacheWrite1h > long.over ? long : price;
  const perMillion =
    input * rates.input +
    output * rates.output +
    cacheRead * rates.cache_read +
    cacheWrite5m * rates.cache_write_5m +
    cacheWrite1h * rates.cache_write_1h;
  return perMillion / 1_000_000;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
