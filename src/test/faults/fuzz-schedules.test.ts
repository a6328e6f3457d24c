/** Schedules by chance: for any cron, zone and clock, every due tick is decided once, within what its catch-up policy allows. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { join } from "node:path";
import { nano } from "../../domain/money.ts";
import type { Registry } from "../../domain/registry.ts";
import { silentLog } from "../../log/log.ts";
import { loadRegistry } from "../../skills/registry.ts";
import { smallTeam } from "../../skills/registry.fixture.ts";
import { listGoals } from "../../store/goals.ts";
import { IN_TIME_MS, listSchedules, ticksSince } from "../../store/schedules.ts";
import { openFreshStore } from "../fresh-store.ts";
import { loadTimes } from "../../triggers/schedule-times.ts";
import { ClockError, createScheduler, type Scheduler } from "../../triggers/scheduler.ts";
import { createWorkspace } from "../../workspace/workspace.ts";
import { tempDir } from "../cli.ts";
import { harmless, NASTY, runs } from "../fuzz.ts";

const files = await smallTeam();
const { registry: loaded } = await loadRegistry({ root: files.root });
if (!loaded) throw new Error("the fixture does not load");
const registry: Registry = loaded;
const timesOf = await loadTimes();
let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(async () => {
  await dir[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const CAPS = { call: nano(2), task: nano(10), goal: nano(5), day: nano(10), month: nano(50) };

const field = (min: number, max: number) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant("*") },
    { weight: 2, arbitrary: fc.integer({ min, max }).map(String) },
    {
      weight: 1,
      arbitrary: fc.uniqueArray(fc.integer({ min, max }), { minLength: 2, maxLength: 3 }).map((list) => list.join(",")),
    },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 9 }).map((n) => `*/${n}`) },
  );
const cron = fc
  .tuple(
    field(0, 59),
    field(0, 23),
    fc.constantFrom("*", "*", "1", "L"),
    fc.constant("*"),
    fc.constantFrom("*", "*", "0", "MON-FRI"),
  )
  .map((fields) => fields.join(" "));
const zone = fc.constantFrom(
  "UTC",
  "America/New_York",
  "Europe/Berlin",
  "Australia/Lord_Howe",
  "America/Santiago",
  "Asia/Kathmandu",
  "Africa/Casablanca",
);
/** On both sides of the days on which these zones change their clocks. */
const begin = fc
  .constantFrom(
    Date.UTC(2026, 2, 8),
    Date.UTC(2026, 2, 29),
    Date.UTC(2026, 3, 5),
    Date.UTC(2026, 8, 6),
    Date.UTC(2026, 9, 4),
    Date.UTC(2026, 9, 25),
    Date.UTC(2026, 10, 1),
  )
  .chain((day) => fc.integer({ min: day - DAY, max: day + DAY }));
const policy = fc.oneof(fc.constantFrom("skip" as const, "once" as const), fc.integer({ min: 1, max: 4 }));
const jump = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 20 * MINUTE }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 30 * HOUR }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 40 * DAY }) },
);

async function world(now: () => number, storeNow = now) {
  const store = await openFreshStore({
    path: join(dir.path, `${crypto.randomUUID()}.db`),
    tenant: "default",
    now: storeNow,
    log: silentLog,
    reached: () => {},
  });
  const team = {
    ...{ store, registry, caps: CAPS, now, log: silentLog, secrets: [] },
    workspace: createWorkspace({ root: join(dir.path, "workspace"), reached: () => {} }),
    journal: { call: () => Promise.reject(new Error("a schedule makes no call")), refuseNew() {} },
  };
  return {
    store,
    daemon: (schedules: Registry["schedules"]): Scheduler => createScheduler({ team, rehearsal: false, schedules }),
    ticks: () => store.read((read) => ticksSince(read, 0, false)),
    goals: () => store.read((read) => listGoals(read, { limit: 100_000 })),
    endAll: () => store.write("t.end", (tx) => tx.db.updateTable("goals").set({ status: "completed" }).execute()),
    considered: async (name: string) =>
      (await store.read((read) => listSchedules(read, false))).get(name)?.considered ?? Number.NaN,
  };
}

test("a clock that goes forward, by minutes or weeks: each due tick is fired or told as missed, once, and none is left out", async () => {
  await fc.assert(
    fc.asyncProperty(
      cron,
      zone,
      begin,
      policy,
      fc.array(fc.record({ by: jump, restart: fc.boolean(), two: fc.boolean() }), { minLength: 1, maxLength: 8 }),
      async (cron, zone, from, catch_up, steps) => {
        let now = from;
        await using made = await world(() => now).then((it) => ({ ...it, [Symbol.asyncDispose]: () => it.store.close() }));
        const schedules = { one: { cron, zone, pipeline: "Write And Check", priority: "P2" as const, catch_up, enabled: true } };
        const times = timesOf({ cron, zone });
        let daemons = [made.daemon(schedules), made.daemon(schedules)];
        for (const daemon of daemons) await daemon.look();
        const late = catch_up === "skip" ? 0 : catch_up === "once" ? 1 : catch_up;
        for (const { by, restart, two } of steps) {
          const before = now;
          const known = new Set((await made.ticks()).map((tick) => tick.at));
          const done = await made.considered("one");
          now += by;
          if (restart) daemons = [made.daemon(schedules), made.daemon(schedules)];
          const looks = await harmless(() => Promise.all((two ? daemons : daemons.slice(0, 1)).map((daemon) => daemon.look())));
          const due = times.between(done, now, 100);
          const fresh = (await made.ticks()).filter((tick) => !known.has(tick.at));
          // Each decision is of a tick that was due just now, and they stand together for all that were.
          for (const tick of fresh) expect(tick.at > done && tick.at <= now).toBe(true);
          const fired = fresh.filter((tick) => tick.outcome === "fired");
          const inTime = due.newest.at(-1) !== undefined && now - (due.newest.at(-1) ?? 0) <= IN_TIME_MS;
          expect(fired.length).toBeLessThanOrEqual(Math.max(late, inTime ? 1 : 0));
          if (due.count === 0) expect(fresh).toEqual([]);
          else {
            expect(await made.considered("one")).toBe(due.newest.at(-1) ?? 0);
            const should = catch_up === "once" ? 1 : Math.min(due.count, Math.max(late, inTime ? 1 : 0));
            // A firing among several is held back by the goal of the one before it only where that is asked before each look.
            expect(fired.map((tick) => tick.at)).toEqual(due.newest.slice(due.newest.length - should));
            const told = fresh.reduce((sum, tick) => sum + tick.missed, 0);
            if (catch_up === "skip" || catch_up === "once") expect(told + (inTime ? 1 : 0)).toBe(due.count);
            else expect(told).toBe(due.count - (inTime ? 1 : 0));
          }
          expect(looks.flatMap((look) => look.fired).length).toBe(fired.length);
          expect(before).toBeLessThanOrEqual(now);
          await made.endAll();
        }
        expect((await made.goals()).length).toBe((await made.ticks()).filter((tick) => tick.outcome === "fired").length);
      },
    ),
    runs(8),
  );
}, 120_000);

test("a clock that is set back and forth, by minutes or months: no tick is fired twice, and what is due after it comes", async () => {
  const move = fc.oneof(jump, fc.integer({ min: -3 * HOUR, max: 0 }), fc.integer({ min: -60 * DAY, max: 0 }));
  await fc.assert(
    fc.asyncProperty(
      cron,
      zone,
      begin,
      policy,
      fc.array(fc.tuple(move, fc.boolean()), { minLength: 2, maxLength: 10 }),
      async (cron, zone, from, catch_up, moves) => {
        let now = from;
        await using made = await world(() => now).then((it) => ({ ...it, [Symbol.asyncDispose]: () => it.store.close() }));
        const schedules = { one: { cron, zone, pipeline: "Write And Check", priority: "P2" as const, catch_up, enabled: true } };
        let daemon = made.daemon(schedules);
        await daemon.look();
        const fired = new Set<number>();
        const look = async () => {
          const { fired: now_ } = await harmless(() => daemon.look());
          for (const { at } of now_) {
            expect(fired.has(at)).toBe(false);
            fired.add(at);
          }
          return now_;
        };
        for (const [by, restart] of moves) {
          now = Math.max(Date.UTC(2026, 0, 2), now + by);
          if (restart) daemon = made.daemon(schedules);
          await look();
          await made.endAll();
        }
        // Whatever came before: on a clock that goes on as it should, the next tick that nobody decided is fired in its time.
        const times = timesOf({ cron, zone });
        const known = new Set((await made.ticks()).map((tick) => tick.at));
        let next = times.next(Math.max(now, await made.considered("one"), ...known));
        for (let i = 0; i < 3 && next !== null; i++, next = times.next(next)) {
          now = next + 1_000;
          expect((await look()).map((tick) => tick.at)).toContain(next);
          await made.endAll();
        }
      },
    ),
    runs(8),
  );
}, 120_000);

test("any text for a cron or a zone, and any clock: times, or an error at once", async () => {
  const word = fc.oneof(
    cron,
    zone,
    fc.constantFrom(...NASTY),
    fc.string(),
    fc.constantFrom(
      "@reboot",
      "* * * * * *",
      "0 0 31 2 *",
      "*/0 * * * *",
      "0-59/7 1-5 * * 7",
      "H H * * *",
      "1e9 * * * *",
      "-1 * * * *",
    ),
  );
  await fc.assert(
    fc.asyncProperty(word, word, fc.integer({ min: 0, max: 8.64e15 - 400 * DAY }), async (cron, zone, at) => {
      const next = await harmless(() => {
        try {
          return timesOf({ cron, zone }).next(at);
        } catch (error) {
          return error;
        }
      });
      if (typeof next === "number") expect(next).toBeGreaterThan(at);
      else expect(next === null || next instanceof Error).toBe(true);
    }),
    runs(300),
  );
  for (const wrong of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY]) {
    await using made = await world(
      () => wrong,
      () => Date.UTC(2026, 0, 2),
    ).then((it) => ({ ...it, [Symbol.asyncDispose]: () => it.store.close() }));
    expect(
      await made
        .daemon({})
        .look()
        .catch((error: unknown) => error),
    ).toBeInstanceOf(ClockError);
  }
}, 120_000);
