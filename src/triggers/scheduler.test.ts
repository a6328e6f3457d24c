import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Caps } from "../domain/budget.ts";
import { nano } from "../domain/money.ts";
import type { Registry } from "../domain/registry.ts";
import { silentLog, type Log } from "../log/log.ts";
import { loadRegistry } from "../skills/registry.ts";
import { smallTeam } from "../skills/registry.fixture.ts";
import { listGoals, moveGoal, needGoal } from "../store/goals.ts";
import { lastTicks, pauseSchedule, tickCounts, ticksSince, type Tick } from "../store/schedules.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { StoreError, type Store } from "../store/store.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { ENGINES } from "../test/engines.ts";
import { tempDir } from "../test/cli.ts";
import type { Team } from "../work/team.ts";
import { createWorkspace } from "../workspace/workspace.ts";
import { fireByHand } from "./schedule-hand.ts";
import { ClockError, createScheduler } from "./scheduler.ts";

const files = await smallTeam();
const { registry: loaded } = await loadRegistry({ root: files.root });
if (!loaded) throw new Error("the fixture does not load");
const registry: Registry = loaded;
afterAll(() => rm(files.root, { recursive: true, force: true }));

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const CAPS: Caps = { call: nano(2), task: nano(10), goal: nano(5), day: nano(10), month: nano(50) };
/** Saturday, noon. */
const NOON = Date.UTC(2026, 10, 21, 12);

type Schedule = Registry["schedules"][string];
function schedule(change: Partial<Schedule> = {}): Schedule {
  return {
    cron: "0 6 * * *",
    zone: "UTC",
    pipeline: "Write And Check",
    priority: "P2",
    catch_up: "skip",
    enabled: true,
    ...change,
  };
}

function setUp(store: Store, at = NOON) {
  const clock = { at };
  const team: Team = {
    store,
    registry,
    workspace: createWorkspace({ root: join(files.root, "workspace"), reached: () => {} }),
    journal: { call: () => Promise.reject(new Error("a schedule makes no call")), refuseNew() {} },
    secrets: [],
    caps: CAPS,
    now: () => clock.at,
    log: silentLog,
  };
  return {
    clock,
    team,
    /** A daemon's scheduler: it has looked once, so that it knows its schedules from now on. */
    async daemon(schedules: Registry["schedules"], options: { rehearsal?: boolean; log?: Log } = {}) {
      const scheduler = createScheduler({
        team: { ...team, log: options.log ?? silentLog },
        rehearsal: options.rehearsal ?? false,
        schedules,
      });
      await scheduler.look();
      return scheduler;
    },
    goals: () => store.read((read) => listGoals(read, { limit: 1000 })),
    async endAll() {
      await store.write("test.end", async (tx) => {
        for (const goal of await listGoals(tx, { limit: 1000, status: ["running", "paused"] }))
          await moveGoal(tx, goal, "completed");
      });
    },
    pause: (name: string, paused: boolean) =>
      store.write("test.pause", (tx) => pauseSchedule(tx, name, { paused, at: clock.at })),
  };
}

/** What a look did, in short: `fired 06:00`, `missed 06:00 (3)`. */
function told({ fired, skipped }: { fired: readonly Tick[]; skipped: readonly Tick[] }): string[] {
  const word = (tick: Tick) => (tick.outcome === "fired" ? "fired" : String(tick.reason));
  return [...fired, ...skipped].map(
    (tick) => `${word(tick)} ${new Date(tick.at).toISOString().slice(8, 16)}${tick.missed > 0 ? ` (${tick.missed})` : ""}`,
  );
}

describe.each(ENGINES.filter((engine) => engine.ok))("schedules on $name", (engine) => {
  test("a tick in time becomes a goal of the pipeline, once", async () => {
    await using store = await engine.open();
    const { clock, daemon, goals } = setUp(store);
    const scheduler = await daemon({ daily: schedule({ priority: "P3" }) });
    const six = Date.UTC(2026, 10, 22, 6);
    expect(await scheduler.look()).toEqual({ fired: [], skipped: [], nextAt: six });
    clock.at = six - 1;
    expect((await scheduler.look()).fired).toEqual([]);
    clock.at = six + 20;
    const look = await scheduler.look();
    expect(told(look)).toEqual(["fired 22T06:00"]);
    expect(look.nextAt).toBe(six + DAY);
    expect(await scheduler.look()).toEqual({ fired: [], skipped: [], nextAt: six + DAY });
    const [goal, ...more] = await goals();
    expect(more).toEqual([]);
    expect(goal).toMatchObject({
      ...{ id: look.fired[0]?.goalId ?? "", source: "schedule:daily", pipeline: "Write And Check", title: "Write And Check" },
      ...{ text: "Write And Check", priority: "P3", cap: CAPS.goal, status: "running", rehearsal: false, category: "content" },
    });
    const tasks = await store.read((read) => tasksOfGoal(read, goal?.id ?? ""));
    expect(tasks.map((task) => [task.key, task.status]).sort()).toEqual([
      ["checker", "waiting"],
      ["gate-1", "waiting"],
      ["writer", "ready"],
    ]);
  });

  test("a pipeline of the Director is a goal too", async () => {
    await using store = await engine.open();
    const { clock, daemon, goals } = setUp(store);
    const scheduler = await daemon({ look: schedule({ pipeline: "Look Back", priority: "P1" }) });
    clock.at = Date.UTC(2026, 10, 22, 6);
    expect(told(await scheduler.look())).toEqual(["fired 22T06:00"]);
    const [goal] = await goals();
    const tasks = await store.read((read) => tasksOfGoal(read, goal?.id ?? ""));
    expect(tasks.map((task) => [task.skill, task.brief])).toEqual([["director", "Look back."]]);
  });

  test("a fresh workspace catches up on nothing from before it existed", async () => {
    await using store = await engine.open();
    const { daemon } = setUp(store);
    const scheduler = await daemon({ often: schedule({ cron: "* * * * *", catch_up: 31 }) });
    expect(await scheduler.look()).toMatchObject({ fired: [], skipped: [], nextAt: NOON + MINUTE });
  });

  test("it is skipped while its last goal is not over, and fires again after that", async () => {
    await using store = await engine.open();
    const { clock, daemon, goals, endAll } = setUp(store);
    const scheduler = await daemon({ hourly: schedule({ cron: "0 * * * *" }), other: schedule({ cron: "0 * * * *" }) });
    clock.at = NOON + HOUR;
    expect(told(await scheduler.look())).toEqual(["fired 21T13:00", "fired 21T13:00"]);
    clock.at += HOUR;
    const { fired, skipped } = await scheduler.look();
    expect(fired).toEqual([]);
    const own = (await goals()).find((goal) => goal.source === "schedule:hourly");
    expect(skipped.find((tick) => tick.name === "hourly")).toMatchObject({
      ...{ reason: "overlap", detail: `its last goal ${own?.id} is not over (running)`, goalId: null, missed: 0 },
    });
    await store.write("test.end", async (tx) => moveGoal(tx, await needGoal(tx, own?.id ?? ""), "failed"));
    clock.at += HOUR;
    expect(told(await scheduler.look())).toEqual(["fired 21T15:00", "overlap 21T15:00"]);
    const second = (await goals()).find((goal) => goal.source === "schedule:hourly" && goal.status === "running");
    await store.write("test.pause", async (tx) =>
      moveGoal(tx, await needGoal(tx, second?.id ?? ""), "paused", { pause: "question", reason: "r" }),
    );
    clock.at += HOUR;
    expect((await scheduler.look()).skipped.find((tick) => tick.name === "hourly")?.detail).toBe(
      `its last goal ${second?.id} is not over (paused: question)`,
    );
    await store.write("test.end", async (tx) => moveGoal(tx, await needGoal(tx, second?.id ?? ""), "cancelled"));
    await endAll();
    const counts = await store.read((read) => tickCounts(read, 0, false));
    expect(counts.map(({ name, outcome, reason, ticks }) => `${name} ${reason ?? outcome} ${ticks}`).sort()).toEqual([
      ...["hourly fired 2", "hourly overlap 2", "other fired 1", "other overlap 3"],
    ]);
  });

  test("a budget level that does not let its priority work skips it", async () => {
    await using store = await engine.open();
    const { clock, daemon } = setUp(store);
    const scheduler = await daemon({ low: schedule(), high: schedule({ priority: "P1" }) });
    const spend = (id: string, usd: number) =>
      store.write("test.spend", async (tx) => {
        const row = { tenant: "default", kind: "day", id, spent: nano(usd), held: 0, allowed: 0, level: "normal" };
        await tx.db
          .insertInto("scopes")
          .values([
            { ...row, rehearsal: 0 },
            { ...row, rehearsal: 1, spent: 0 },
          ])
          .execute();
      });
    await spend("2026-11-22", 9.2);
    clock.at = Date.UTC(2026, 10, 22, 6);
    const { fired, skipped } = await scheduler.look();
    expect(fired.map((tick) => tick.name)).toEqual(["high"]);
    expect(skipped).toMatchObject([
      { name: "low", reason: "budget", detail: "the budget of the day 2026-11-22 is tight (92 % used): P2 waits" },
    ]);
    // The rehearsal's money is its own, and so are its ticks.
    clock.at = NOON;
    const rehearsing = await daemon({ low: schedule() }, { rehearsal: true });
    clock.at = Date.UTC(2026, 10, 22, 6);
    expect(told(await rehearsing.look())).toEqual(["fired 22T06:00"]);
    // The next day has a budget of its own.
    clock.at += DAY;
    expect((await scheduler.look()).fired.map((tick) => tick.name)).toEqual(["low"]);
  });

  test("a person's pause holds it, and what was due meanwhile is not made up for", async () => {
    await using store = await engine.open();
    const { clock, daemon, pause, endAll } = setUp(store);
    const schedules = { hourly: schedule({ cron: "0 * * * *", catch_up: 5 }) };
    const scheduler = await daemon(schedules);
    const rehearsing = await daemon(schedules, { rehearsal: true });
    await pause("hourly", true);
    clock.at = NOON + 3 * HOUR;
    const { skipped } = await scheduler.look();
    expect(skipped).toMatchObject([{ reason: "paused", detail: "paused since 2026-11-21T12:00Z", missed: 0 }]);
    expect(told(await rehearsing.look())).toEqual(["paused 21T15:00"]);
    // Nothing looks for hours, then it goes on.
    clock.at = NOON + 9 * HOUR + 30 * MINUTE;
    await pause("hourly", false);
    expect(await scheduler.look()).toMatchObject({ fired: [], skipped: [], nextAt: NOON + 10 * HOUR });
    clock.at = NOON + 10 * HOUR;
    expect(told(await scheduler.look())).toEqual(["fired 21T22:00"]);
    await endAll();
  });

  test("a schedule whose pipeline cannot be used is skipped with that reason", async () => {
    await using store = await engine.open();
    const { clock, daemon } = setUp(store);
    const scheduler = await daemon({ lost: schedule({ pipeline: "No More" }), fine: schedule() });
    clock.at = Date.UTC(2026, 10, 22, 6);
    const { fired, skipped } = await scheduler.look();
    expect(fired.map((tick) => tick.name)).toEqual(["fine"]);
    expect(skipped).toMatchObject([
      { name: "lost", reason: "broken", detail: 'the pipeline "No More" cannot be used: see `validate`' },
    ]);
  });

  describe("nothing ran for five days", () => {
    const after = Date.UTC(2026, 10, 26, 12);
    type Policies = Readonly<Record<string, readonly [Schedule["catch_up"], readonly string[]]>>;

    async function caughtUp(policies: Policies, at: number): Promise<void> {
      await using store = await engine.open();
      const { clock, daemon, goals } = setUp(store);
      const schedules = Object.fromEntries(
        Object.entries(policies).map(([name, [catchUp]]) => [name, schedule({ catch_up: catchUp })]),
      );
      await daemon(schedules);
      clock.at = at;
      const scheduler = createScheduler({ team: setUp(store, at).team, rehearsal: false, schedules });
      const { fired, skipped } = await scheduler.look();
      const of = (name: string, ticks: readonly Tick[]) => ticks.filter((tick) => tick.name === name);
      for (const [name, [, expected]] of Object.entries(policies))
        expect([name, told({ fired: of(name, fired), skipped: of(name, skipped) })]).toEqual([name, [...expected]]);
      expect(await goals()).toHaveLength(fired.length);
      expect(await scheduler.look()).toEqual({ fired: [], skipped: [], nextAt: Date.UTC(2026, 10, 27, 6) });
      const missed = new Map<string, number>();
      for (const count of await store.read((read) => tickCounts(read, 0, false)))
        missed.set(count.name, (missed.get(count.name) ?? 0) + count.missed);
      for (const name of Object.keys(policies)) expect([name, missed.get(name)]).toEqual([name, at === after ? 5 : 4]);
      const last = await store.read((read) => lastTicks(read, false));
      for (const name of Object.keys(policies)) expect(last.get(name)).toMatchObject({ at: Date.UTC(2026, 10, 26, 6) });
    }

    test("each policy makes up for what it says, and counts all", () =>
      caughtUp(
        {
          skip: ["skip", ["missed 26T06:00 (5)"]],
          once: ["once", ["fired 26T06:00 (5)"]],
          one: [1, ["fired 26T06:00 (1)", "missed 25T06:00 (4)"]],
          three: [3, ["fired 24T06:00 (1)", "fired 25T06:00 (1)", "fired 26T06:00 (1)", "missed 23T06:00 (2)"]],
          nine: [9, ["22", "23", "24", "25", "26"].map((day) => `fired ${day}T06:00 (1)`)],
        },
        after,
      ));

    test("the same when the newest is in time", () =>
      caughtUp(
        {
          skip: ["skip", ["fired 26T06:00", "missed 25T06:00 (4)"]],
          once: ["once", ["fired 26T06:00 (4)"]],
          two: [2, ["fired 25T06:00 (1)", "fired 26T06:00", "missed 24T06:00 (3)"]],
        },
        Date.UTC(2026, 10, 26, 6, 9),
      ));

    test("what holds a schedule back holds back what it missed", async () => {
      await using store = await engine.open();
      const { clock, daemon } = setUp(store);
      const scheduler = await daemon({ daily: schedule({ catch_up: 3 }) });
      clock.at = Date.UTC(2026, 10, 22, 6);
      expect(told(await scheduler.look())).toEqual(["fired 22T06:00"]);
      clock.at = after;
      expect(told(await scheduler.look())).toEqual(["overlap 26T06:00 (4)"]);
    });
  });

  describe("clocks", () => {
    test("set forward by a day: at most what the policy allows; set back: nothing twice", async () => {
      await using store = await engine.open();
      const { clock, daemon, goals, endAll } = setUp(store);
      const schedules = { hourly: schedule({ cron: "0 * * * *", catch_up: 2 }), once: schedule({ catch_up: "once" }) };
      const scheduler = await daemon(schedules);
      clock.at = NOON + DAY;
      expect((await scheduler.look()).fired.map((tick) => tick.name)).toEqual(["hourly", "hourly", "once"]);
      await endAll();
      clock.at = NOON + 8 * MINUTE;
      expect((await scheduler.look()).fired).toEqual([]);
      const seen: string[] = [];
      for (; clock.at <= NOON + DAY + 3 * HOUR; clock.at += HOUR) {
        seen.push(...(await scheduler.look()).fired.map((tick) => `${tick.name} ${tick.at}`));
        await endAll();
      }
      // Of 26 hours two had fired before their time, and one had been told as missed, for all before it.
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((tick) => tick.startsWith("hourly"))).toHaveLength(23);
      expect(seen.filter((tick) => tick.startsWith("once"))).toEqual([]);
      expect(await goals()).toHaveLength(3 + seen.length);
      clock.at = Date.UTC(2026, 10, 23, 6);
      expect((await scheduler.look()).fired.map((tick) => tick.name)).toContain("once");
    }, 60_000);

    test("a clock that was years ahead and is put right stops nothing", async () => {
      await using store = await engine.open();
      const { clock, daemon, endAll } = setUp(store);
      const schedules = { often: schedule({ cron: "* * * * *" }) };
      clock.at = NOON + 3650 * DAY;
      const scheduler = await daemon(schedules);
      clock.at += MINUTE;
      expect(told(await scheduler.look())).toHaveLength(1);
      await endAll();
      clock.at = NOON + 30_000;
      for (const looking of [scheduler, createScheduler({ team: setUp(store, clock.at).team, rehearsal: false, schedules })])
        expect(await looking.look()).toMatchObject({ fired: [], nextAt: NOON + MINUTE });
      clock.at = NOON + MINUTE;
      expect(told(await scheduler.look())).toEqual(["fired 21T12:01"]);
    });

    test("a clock that cannot be right is thrown to the caller, and nothing is written", async () => {
      await using store = await engine.open();
      const { clock, team } = setUp(store, 0);
      const scheduler = createScheduler({ team, rehearsal: false, schedules: { daily: schedule() } });
      await expect(scheduler.look()).rejects.toBeInstanceOf(ClockError);
      clock.at = Number.NaN;
      await expect(scheduler.look()).rejects.toBeInstanceOf(ClockError);
      clock.at = NOON;
      expect(await scheduler.look()).toMatchObject({ fired: [], nextAt: Date.UTC(2026, 10, 22, 6) });
    });
  });

  describe("changes of the file", () => {
    test("another cron, an entry that was off or away: ticks count from when a daemon knows it so", async () => {
      await using store = await engine.open();
      const { clock, daemon } = setUp(store);
      await daemon({
        a: schedule({ catch_up: 31 }),
        b: schedule({ catch_up: 31, enabled: false }),
        c: schedule({ catch_up: 31 }),
      });
      clock.at += 20 * DAY;
      await daemon({ a: schedule({ cron: "0 * * * *", catch_up: 31 }), b: schedule({ catch_up: 31 }) });
      clock.at += 20 * DAY;
      const scheduler = createScheduler({
        ...{ team: setUp(store, clock.at).team, rehearsal: false },
        schedules: { a: schedule({ cron: "*/5 * * * *", catch_up: 31 }), c: schedule({ catch_up: 31 }) },
      });
      expect(await scheduler.look()).toMatchObject({ fired: [], skipped: [], nextAt: clock.at + 5 * MINUTE });
    });

    test("two daemons with different files do not take each other's ticks away", async () => {
      await using store = await engine.open();
      const { clock, daemon, endAll } = setUp(store);
      const a = await daemon({ daily: schedule(), old: schedule() });
      clock.at += HOUR;
      const b = await daemon({ daily: schedule({ cron: "0 7 * * *" }) });
      clock.at = Date.UTC(2026, 10, 22, 6);
      expect((await a.look()).fired.map((tick) => tick.name)).toEqual(["daily", "old"]);
      await endAll();
      clock.at += HOUR;
      expect((await b.look()).fired.map((tick) => tick.name)).toEqual(["daily"]);
    });
  });

  test("two daemons at one store: 50 ticks, each fired by exactly one", async () => {
    await using store = await engine.open();
    const { clock, daemon, goals, endAll } = setUp(store);
    const schedules = { often: schedule({ cron: "* * * * *" }) };
    const [a, b] = [await daemon(schedules), await daemon(schedules)];
    const fired: number[] = [];
    for (let round = 1; round <= 50; round++) {
      clock.at = NOON + round * MINUTE;
      const looks = await Promise.all(round % 2 === 0 ? [a.look(), b.look()] : [b.look(), a.look()]);
      for (const look of looks) expect(look.nextAt).toBe(clock.at + MINUTE);
      fired.push(...looks.flatMap((look) => look.fired.map((tick) => tick.at)));
      expect(looks.flatMap((look) => look.skipped)).toEqual([]);
      await endAll();
    }
    expect(fired).toEqual(Array.from({ length: 50 }, (_, i) => NOON + (i + 1) * MINUTE));
    expect(await goals()).toHaveLength(50);
  }, 60_000);

  test("two daemons that begin together know each schedule once", async () => {
    await using store = await engine.open();
    const { team } = setUp(store);
    const schedules = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`s-${i}`, schedule()]));
    const reversed = Object.fromEntries(Object.entries(schedules).toReversed());
    const looks = await Promise.all(
      [schedules, reversed, schedules, reversed].map((schedules) =>
        createScheduler({ team, rehearsal: false, schedules }).look(),
      ),
    );
    for (const look of looks) expect(look.nextAt).toBe(Date.UTC(2026, 10, 22, 6));
  });

  test("no sequence of looks fires a tick twice, or more than the policy allows", async () => {
    // The same three days again and again, forward and back, and now and then a clock that is years off.
    const often = fc.integer({ min: 0, max: 3 * 24 * 3 }).map((third) => NOON + third * 20 * MINUTE);
    const rarely = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2031, 0, 1) });
    const step = fc.record({
      at: fc.oneof({ weight: 9, arbitrary: often }, { weight: 1, arbitrary: rarely }),
      restart: fc.boolean(),
      over: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
      both: fc.boolean(),
    });
    const policy = fc.oneof(fc.constant("skip" as const), fc.constant("once" as const), fc.integer({ min: 1, max: 4 }));
    const runs = engine.name === "sqlite" ? 15 : 3;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 16 }), policy, policy, async (steps, one, two) => {
        await using store = await engine.open();
        const { clock, daemon, goals, endAll } = setUp(store);
        const schedules = {
          minutes: schedule({ cron: "*/7 * * * *", catch_up: one }),
          daily: schedule({ cron: "30 2 * * *", zone: "Europe/Berlin", catch_up: two }),
        };
        const most = { minutes: one, daily: two };
        let [a, b] = [await daemon(schedules), await daemon(schedules)];
        const seen = new Set<string>();
        let count = 0;
        for (const { at, restart, over, both } of steps) {
          clock.at = at;
          if (restart) a = createScheduler({ team: setUp(store, clock.at).team, rehearsal: false, schedules });
          const looks = both ? await Promise.all([a.look(), b.look()]) : [await a.look()];
          for (const name of ["minutes", "daily"] as const) {
            const fired = looks.flatMap((look) => look.fired).filter((tick) => tick.name === name);
            const policy = most[name];
            expect(fired.length).toBeLessThanOrEqual(typeof policy === "number" ? policy : 1);
            for (const tick of fired) {
              expect(seen.has(`${name} ${tick.at}`)).toBe(false);
              expect(tick.at).toBeLessThanOrEqual(clock.at);
              seen.add(`${name} ${tick.at}`);
              count++;
            }
          }
          if (restart) a = await daemon(schedules);
          if (over) await endAll();
          if (both) [a, b] = [b, a];
        }
        expect((await goals()).filter((goal) => goal.source.startsWith("schedule:"))).toHaveLength(count);
        const ticks = await store.read((read) => ticksSince(read, 0, false));
        expect(ticks.filter((tick) => tick.outcome === "fired" && tick.goalId !== null)).toHaveLength(count);
      }),
      { numRuns: runs },
    );
  }, 120_000);

  test("fired by hand: whatever the clock says, not when paused, and its goal counts for the overlap", async () => {
    await using store = await engine.open();
    const { clock, team, daemon, pause, goals } = setUp(store);
    const schedules = { daily: schedule(), off: schedule({ enabled: false }) };
    const scheduler = await daemon(schedules);
    const hand = (name: keyof typeof schedules, force = false) =>
      fireByHand(team, { name, schedule: schedules[name], rehearsal: false, force });
    await pause("daily", true);
    expect(await hand("daily")).toMatchObject({ problem: "schedule daily is paused since 2026-11-21T12:00Z" });
    expect(await hand("off")).toMatchObject({ problem: "schedule off is off (enabled: false)" });
    expect(await goals()).toEqual([]);
    const forced = await hand("daily", true);
    await pause("daily", false);
    expect((await goals()).map((goal) => [goal.id, goal.source])).toEqual([
      ["goalId" in forced ? forced.goalId : "", "schedule:daily"],
    ]);
    expect((await store.read((read) => lastTicks(read, false))).get("daily")).toMatchObject({ outcome: "fired", reason: "hand" });
    clock.at = Date.UTC(2026, 10, 22, 6);
    expect(told(await scheduler.look())).toEqual(["overlap 22T06:00"]);
    // Exactly at a tick, by hand, is not the tick.
    clock.at += DAY;
    await hand("daily");
    expect(told(await scheduler.look())).toEqual(["overlap 23T06:00"]);
  });

  test("its goals may wait for batches where it says so at P2 or P3, never when a person starts it", async () => {
    await using store = await engine.open();
    const { clock, team, daemon, goals } = setUp(store);
    const schedules = {
      plain: schedule(),
      later: schedule({ batch: "allowed" }),
      urgent: schedule({ batch: "allowed", priority: "P1" }),
    };
    const scheduler = await daemon(schedules);
    clock.at = Date.UTC(2026, 10, 22, 6);
    await scheduler.look();
    expect((await goals()).map((goal) => [goal.source, goal.batch]).sort()).toEqual([
      ["schedule:later", true],
      ["schedule:plain", false],
      ["schedule:urgent", false],
    ]);
    const hand = await fireByHand(team, { name: "later", schedule: schedules.later, rehearsal: false, force: false });
    expect(await store.read((read) => needGoal(read, "goalId" in hand ? hand.goalId : ""))).toMatchObject({ batch: false });
  });

  test("every decision is logged with its reason, and an error of the store is thrown and tried again", async () => {
    await using store = await engine.open();
    const { clock, team } = setUp(store);
    const lines: string[] = [];
    const note = (message: string, fields?: Record<string, unknown>) =>
      void lines.push(`${message} ${String(fields?.schedule)} ${String(fields?.reason ?? "")}`.trim());
    const log: Log = { ...silentLog, info: note, warn: note, error: note, child: () => log };
    let broken = false;
    const failing: Store = {
      ...store,
      write: (name, change) =>
        broken ? Promise.reject(new StoreError("unreachable", "away", "wait")) : store.write(name, change),
    };
    const schedules = { daily: schedule({ catch_up: "once" }), lost: schedule({ pipeline: "No More" }) };
    const scheduler = createScheduler({ team: { ...team, store: failing, log }, rehearsal: false, schedules });
    await scheduler.look();
    clock.at = Date.UTC(2026, 10, 22, 6);
    broken = true;
    await expect(scheduler.look()).rejects.toMatchObject({ code: "unreachable" });
    clock.at += HOUR;
    broken = false;
    expect(told(await scheduler.look())).toEqual(["fired 22T06:00 (1)", "missed 22T06:00 (1)"]);
    expect(lines).toEqual(["schedule fired daily", "schedule skipped lost missed"]);
  });
});

test("two processes on one file: each tick fires in one of them", async () => {
  await using dir = await tempDir();
  const open = () =>
    openSqliteStore({ path: join(dir.path, "one.db"), tenant: "default", now: Date.now, log: silentLog, reached: () => {} });
  const stores = [await open(), await open()];
  try {
    const sides = stores.map((store) => setUp(store));
    const schedules = { often: schedule({ cron: "* * * * *" }) };
    const daemons = await Promise.all(sides.map((side) => side.daemon(schedules)));
    let fired = 0;
    for (let round = 1; round <= 50; round++) {
      for (const side of sides) side.clock.at = NOON + round * MINUTE;
      const looks = await Promise.all(daemons.map((daemon) => daemon.look()));
      const now = looks.reduce((sum, look) => sum + look.fired.length, 0);
      expect(now).toBe(1);
      fired += now;
      await sides[round % 2]?.endAll();
    }
    expect(fired).toBe(50);
  } finally {
    for (const store of stores) await store.close();
  }
}, 60_000);
