/** Stories of work that can wait, through the real command line: a schedule's calls go through batches, at half the price by the wire's own figures. */

import { expect, test } from "bun:test";
import { usd } from "../domain/money.ts";
import { statusResult } from "../domain/result.ts";
import { priceAt, costOf } from "../journal/prices.ts";
import { parseFault } from "../model/rehearsal/faults.ts";
import { loadRegistry } from "../skills/registry.ts";
import { cli, ROOT } from "./cli.ts";
import { startMeter, type Metered } from "./daemon/meter.ts";
import { endedBy, openScene, type Scene } from "./daemon/scene.ts";

const LIMIT_MS = 120_000;
const HOUR_BACK = "update schedules set considered = considered - 7200000";
/** Every hour, and far from now: it comes due only by the way back, also when the story is told around the hour. */
const MINUTE = (new Date().getUTCMinutes() + 20) % 60;
const schedule = (more: string) => `{ cron: "${MINUTE} * * * *", pipeline: Short, catch_up: once${more} }`;
const LATER = `schedules:\n  later: ${schedule(", batch: allowed")}\n`;
const SCHEDULES = `schedules:\n  later: ${schedule(", batch: allowed")}\n  now: ${schedule("")}\n  urgent: ${schedule(", priority: P1, batch: allowed")}\n`;

test(
  "a schedule that may wait: killed while its batch is under way, it goes on, and costs half of what the same goal costs at once",
  async () => {
    await using it = await openScene({ schedules: SCHEDULES });
    await using meter = startMeter(it.model.url);
    const env = { ANTHROPIC_BASE_URL: meter.url };
    await makeDue(it, 3);
    it.model.setFaults([fault("batch_slow:4000")]);

    const second = it.start({ env });
    const url = (await second.ready) ?? "";
    const completed = "select count(*) as n from goals where status = 'completed'";
    await it.until("what does not wait is done", completed, 2);
    await it.until(
      "a batch is under way",
      "select count(*) as n from batches where provider_id is not null and ended_at is null",
      1,
    );
    const [waits] = await it.truth.ask<{ id: string }>("select id from goals where status = 'running'");
    // Nobody takes it for stuck.
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ ready: true, level: "full", reasons: [] });
    const told = /1 call in a batch since [-\d]+ [\d:]+ UTC, half price; a batch is answered within 24 h/;
    expect(await ask(it, "status")).toMatch(told);
    const { goals } = statusResult.parse(JSON.parse(await ask(it, "status", "--json")));
    expect(goals.flatMap((goal) => (goal.inBatches ? [[goal.goal, goal.inBatches.calls, goal.inBatches.share]] : []))).toEqual([
      [waits?.id ?? "", 1, 0.5],
    ]);
    expect(await ask(it, "show", waits?.id ?? "")).toMatch(told);
    second.signal("SIGKILL");
    await second.exited;

    const third = it.start({ env });
    await it.until("all goals are done", completed, 3);
    expect(await endedBy(third)).toBe(0);
    const books = await it.books();
    expect(await it.faults(0)).toEqual([]);

    const { registry } = await loadRegistry({ root: ROOT });
    if (!registry) throw new Error("the shipped registry does not load");
    const bill = (answers: readonly Metered[]) =>
      answers.reduce(
        (sum, { at, model, usage, share }) => sum + share * usd(costOf(usage, priceAt(registry.models, model, at))),
        0,
      );
    const spent = (source: string) => {
      const goal = books.sources.find((entry) => entry.source === `schedule:${source}`)?.id;
      const calls = books.calls.filter((call) => call.goal_id === goal);
      return { calls: calls.length, usd: usd(calls.reduce((sum, call) => sum + call.cost, 0)) };
    };
    const batched = meter.read.filter((answer) => answer.share === 0.5);
    expect(batched.length).toBe(spent("later").calls);
    expect(spent("later").usd).toBeCloseTo(bill(batched), 7);
    expect(spent("now").usd + spent("urgent").usd).toBeCloseTo(bill(meter.read.filter((answer) => answer.share === 1)), 7);
    // The same goal, with the same answers: the same tokens at once would have been twice as dear.
    expect(bill(batched.map((answer) => ({ ...answer, share: 1 })))).toBeCloseTo(2 * spent("later").usd, 7);
    const tokens = (answers: readonly Metered[]) => answers.reduce((sum, { usage }) => sum + usage.output, 0);
    expect(tokens(batched)).toBeGreaterThan(0);
    expect(await ask(it, "show", waits?.id ?? "")).toMatch(/Batches saved \$\d/);
  },
  LIMIT_MS,
);

test(
  "a person goes on with a goal whose batch is under way: the answer is fetched, what is still to be asked is asked at once",
  async () => {
    await using it = await openScene({ schedules: LATER });
    await makeDue(it, 1);
    it.model.setFaults([fault("batch_slow:2000")]);
    const second = it.start();
    await it.until("a batch is under way", "select count(*) as n from batches where provider_id is not null", 1);
    expect(await endedBy(second)).toBe(0);
    await resumeTheGoal(it);
    const { calls } = await it.books();
    const shares = await it.truth.ask<{ n: number }>("select count(*) as n from calls where batch_share is not null");
    expect([shares[0]?.n, calls.length > 1, calls.every((call) => call.state === "settled")]).toEqual([1, true, true]);
    expect(await it.faults(0)).toEqual([]);
  },
  LIMIT_MS,
);

test(
  "a person goes on with a goal whose call is in no batch yet: it is taken back, and asked at once at the full price",
  async () => {
    await using it = await openScene({ schedules: LATER });
    await makeDue(it, 1);
    const second = it.start({ env: { MARKETEAM_CRASH_AT: "batch.gather:before-commit#1" } });
    await second.exited;
    expect(second.killed()).toBe(true);
    await resumeTheGoal(it);
    const rows = await it.truth.ask<{ state: string; stop: string; n: number }>(
      "select state, stop, count(*) as n from calls where batch_share is not null group by state, stop",
    );
    expect(rows).toEqual([{ state: "released", stop: "taken_back", n: 1 }]);
    expect(await it.faults(0)).toEqual([]);
  },
  LIMIT_MS,
);

/** A daemon comes to know so many schedules and stops; when the next one starts, an hour of them is due. */
async function makeDue(it: Scene, schedules: number): Promise<void> {
  const daemon = it.start();
  await daemon.ready;
  await it.until("the schedules are known", "select count(*) as n from schedules", schedules);
  expect(await endedBy(daemon)).toBe(0);
  await it.truth.change(HOUR_BACK);
}

/** As a person does who does not wait for the batch. */
async function resumeTheGoal(it: Scene): Promise<void> {
  const [goal] = await it.truth.ask<{ id: string }>("select id from goals");
  await ask(it, "resume", goal?.id ?? "");
}

async function ask(it: Scene, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli([...args, "--workspace", it.workspace], {
    cwd: `${it.folder}/team`,
    env: { ANTHROPIC_BASE_URL: it.model.url, ANTHROPIC_API_KEY: "any" },
  });
  if (code !== 0) throw new Error(`${args.join(" ")} exits ${code}: ${stderr}`);
  return stdout;
}

function fault(text: string) {
  const parsed = parseFault(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.fault;
}
