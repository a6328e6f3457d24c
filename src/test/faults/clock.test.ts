/** A clock that is set, and a process that sleeps: real daemons on one SQLite file, with the model's server as the witness. */

import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inboxFaults, restFaults, tickFaults } from "../daemon/checks.ts";
import { madeAtOnce, withoutCalls } from "../daemon/late.ts";
import { pollUntil } from "../daemon/poll.ts";
import { endedBy, openScene } from "../daemon/scene.ts";
import { callFaults, eventFaults, moneyFaults, taskFaults } from "../kill/checks.ts";
import { CAPS } from "../kill/life.ts";

const LIMIT_MS = 120_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const GOALS = 4;
const MINUTELY = `schedules:\n  minutely: { cron: "* * * * *", pipeline: Short, catch_up: 3 }\n`;

test.concurrent(
  "set forward by a day and back by an hour in the middle of calls: no answer that is stored is asked for again, no tick twice, no more than the policy makes up for",
  async () => {
    await using it = await openScene({ schedules: MINUTELY, latencyMs: 700 });
    const clock = join(it.folder, "clock");
    await writeFile(clock, "0");
    const wrong = { preload: join(import.meta.dir, "../daemon/wrong-clock.ts"), env: { WRONG_CLOCK_FILE: clock } };
    const daemon = it.start(wrong);
    const url = (await daemon.ready) ?? "";
    await it.until("the schedule is known", "select count(*) as n from schedules", 1);
    for (let n = 0; n < GOALS; n++) expect(await it.tell(url, `e${n}`)).toBe(202);
    await pollUntil("calls are on their way", () => it.requests() > 0);

    await writeFile(clock, String(DAY_MS));
    const asked = it.requests();
    await pollUntil("work goes on", () => it.requests() > asked + 2);
    await writeFile(clock, String(DAY_MS - HOUR_MS));
    await it.until("all work is done", "select count(*) as n from goals where status <> 'completed'", 0);
    expect(await endedBy(daemon)).toBe(0);
    // On the right time again, the next one goes on as if nothing had been.
    await writeFile(clock, "0");
    const next = it.start(wrong);
    expect(await it.tell((await next.ready) ?? "", "after")).toBe(202);
    await it.until("all work is done", "select count(*) as n from goals where status <> 'completed'", 0);
    expect(await endedBy(next)).toBe(0);
    const books = await it.books();
    const fired = books.ticks.filter((tick) => tick.outcome === "fired");
    // A day of minutes went by at once: three are made up for, and a few came in time, by one clock or the other.
    expect(fired.length).toBeLessThanOrEqual(3 + 3);
    expect(new Set(fired.map((tick) => tick.at)).size).toBe(fired.length);
    expect([...inboxFaults(books, it.posted()), ...tickFaults(books), ...restFaults(books, ["completed"])]).toEqual([]);
    expect([...moneyFaults(books, CAPS), ...eventFaults(books), ...taskFaults(books)]).toEqual([]);
    // Leases go by the machine's clock: what was on its way may be asked twice, once for each task, and is counted twice.
    const twice = madeAtOnce(books);
    expect(withoutCalls(callFaults(books, 0, true), twice)).toEqual([]);
    expect(twice.length).toBeLessThanOrEqual(GOALS);
    // The witness saw as many answers as the books have paid for, and nobody lost one.
    expect(books.calls.filter((call) => call.state !== "settled")).toEqual([]);
    expect(it.requests()).toBe(books.calls.length);
  },
  LIMIT_MS,
);

test.concurrent(
  "a daemon that is stopped for longer than its lease and goes on: another has its tasks, and what it writes late changes nothing",
  async () => {
    await using it = await openScene({ latencyMs: 1_500 });
    const sleeper = it.start();
    const url = (await sleeper.ready) ?? "";
    for (let n = 0; n < GOALS; n++) expect(await it.tell(url, `e${n}`)).toBe(202);
    await pollUntil("its calls are on their way", () => it.requests() >= GOALS);
    sleeper.signal("SIGSTOP");
    const held = await it.truth.ask<{ id: string; epoch: number }>(
      "select id, epoch from tasks where status in ('running', 'reviewing') order by id",
    );
    expect(held.length).toBeGreaterThan(0);
    const other = it.start();
    await other.ready;
    await it.until("the other has done all", "select count(*) as n from goals where status <> 'completed'", 0);
    const before = await it.books();
    sleeper.signal("SIGCONT");
    // It comes to itself: its calls end, one way or another.
    await it.until("nothing is on its way", "select count(*) as n from calls where state = 'held'", 0);
    expect(await Promise.all([endedBy(sleeper), endedBy(other)])).toEqual([0, 0]);
    const after = await it.books();
    const kept = ({ goals, tasks, deliverables, inbox }: typeof before) => ({ goals, tasks, deliverables, inbox });
    expect(kept(after)).toEqual(kept(before));
    for (const task of held) {
      const starts = after.events.filter((event) => event.type === "task.started" && event.task_id === task.id);
      expect(starts.length).toBeGreaterThan(1);
    }
  },
  LIMIT_MS,
);

test.concurrent(
  "work that waited for 400 days is not dropped: its goal is finished as if it had come today",
  async () => {
    await using it = await openScene({ latencyMs: 600_000 });
    const clock = join(it.folder, "clock");
    await writeFile(clock, "0");
    const wrong = { preload: join(import.meta.dir, "../daemon/wrong-clock.ts"), env: { WRONG_CLOCK_FILE: clock } };
    const first = it.start(wrong);
    const url = (await first.ready) ?? "";
    for (let n = 0; n < GOALS; n++) expect(await it.tell(url, `e${n}`)).toBe(202);
    await pollUntil("its calls are on their way", () => it.requests() > 0);
    first.signal("SIGKILL");
    await first.exited;
    await writeFile(clock, String(400 * DAY_MS));
    await using fast = await openScene();
    const next = it.start({ ...wrong, env: { ...wrong.env, ANTHROPIC_BASE_URL: fast.model.url } });
    await next.ready;
    await it.until("all are done", "select count(*) as n from goals where status = 'completed'", GOALS);
    expect(await endedBy(next)).toBe(0);
    const books = await it.books();
    expect([...inboxFaults(books, it.posted()), ...moneyFaults(books, CAPS), ...callFaults(books, 1, true)]).toEqual([]);
  },
  LIMIT_MS,
);
