/** Presence: what a dead process held is free at once and its calls' answers are lost; what a live one holds stays its own. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { sql } from "kysely";
import { newId } from "../domain/id.ts";
import { NO_USAGE } from "../domain/call.ts";
import { silentLog } from "../log/log.ts";
import { callsOfGoal, holdCall, orphanHolds } from "../store/calls.ts";
import { insertGoal } from "../store/goals.ts";
import { claimTask } from "../store/leases.ts";
import { listEvents } from "../store/events.ts";
import { listProcesses } from "../store/processes.ts";
import { openPostgresStore } from "../store/postgres/store.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { insertTasks } from "../store/tasks.ts";
import { tempDir } from "../test/cli.ts";
import { ENGINES } from "../test/engines.ts";
import { postgresService } from "../test/services.ts";
import { addCall, addGoal } from "../test/small-store.ts";
import { createPresence, holders, type Presence } from "./presence.ts";

/** A store with a clock of its own, machines whose processes run as the test says, and a goal of ready tasks. */
async function scene() {
  const dir = await tempDir();
  let now = Date.UTC(2026, 10, 21);
  const store = await openSqliteStore({
    path: join(dir.path, "t.db"),
    tenant: "default",
    now: () => now,
    log: silentLog,
    reached: () => {},
  });
  const running = new Map<number, string>();
  const opened: Presence[] = [];
  const goalId = newId("goal");
  await store.write("goal.accept", async (tx) => {
    await insertGoal(tx, {
      id: goalId,
      title: "t",
      text: "t",
      category: null,
      source: "test",
      pipeline: null,
      priority: "P1",
      rehearsal: false,
      cap: 1_000,
      contextVersion: 0,
    });
    await insertTasks(
      tx,
      Array.from({ length: 4 }, (_, i) => ({
        id: newId("task"),
        goalId,
        key: `t${i}`,
        kind: "work" as const,
        phase: "P",
        skill: "s",
        brief: "b",
        criteria: [],
        reviewers: [],
        variants: 1,
        needs: [],
        unmet: 0,
        priority: "P1" as const,
        rehearsal: false,
      })),
    );
  });
  const claim = (owner: string, leaseMs = 3_600_000) =>
    store.write("task.claim", (tx) => claimTask(tx, { owner, leaseMs, rehearsal: false, goalId }));
  return {
    store,
    goalId,
    running,
    claim,
    pass: (ms: number) => (now += ms),
    /** Time passes, and the process looks around meanwhile. Returns how many calls were lost. */
    async look(presence: Presence, ms: number) {
      let lost = 0;
      for (let left = ms; left > 0; left -= 10_000) {
        now += Math.min(left, 10_000);
        lost += await presence.sweep();
      }
      return lost;
    },
    async join(host: string, pid: number, started = "boot-1") {
      const presence = await createPresence({
        store,
        machine: { host, pid, started, startedOf: (of) => running.get(of) ?? null },
      });
      opened.push(presence);
      return presence;
    },
    /** Takes a task and holds 100 nano-dollars for its call, as a worker in the middle of one. */
    async begin(processId: string) {
      const task = await claim(processId);
      if (!task) throw new Error("nothing to claim");
      await store.write("call.hold", (tx) =>
        holdCall(tx, {
          id: newId("call"),
          goalId,
          subject: task.id,
          revision: 0,
          step: "make",
          round: 0,
          attempt: 1,
          skill: "s",
          model: "m",
          requestHash: "",
          parts: [],
          hold: 100,
          usage: NO_USAGE,
          rehearsal: false,
          learnings: [],
          scopes: [{ kind: "goal", id: goalId, cap: 1_000 }],
          processId,
        }),
      );
      return task;
    },
    calls: async () => (await store.read((read) => callsOfGoal(read, goalId))).map((call) => call.state),
    processes: async () => (await store.read((read) => listProcesses(read))).map((row) => row.id).sort(),
    async [Symbol.asyncDispose]() {
      for (const presence of opened) await presence.close();
      await store.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

describe("on this machine", () => {
  test("a process that does not run any more loses its leases at once and its calls are unknown", async () => {
    await using at = await scene();
    const dead = await at.join("here", 100);
    const task = await at.begin(dead.processId);
    const me = await at.join("here", 1);
    expect(await me.sweep()).toBe(1);
    expect([await at.calls(), await at.processes()]).toEqual([["unknown"], [me.processId]]);
    // Its lease had an hour to go: the task is found again without waiting, under a new epoch.
    at.pass(1);
    const claimed = [
      await at.claim(me.processId),
      await at.claim(me.processId),
      await at.claim(me.processId),
      await at.claim(me.processId),
    ];
    const again = claimed.find((entry) => entry?.id === task.id);
    expect([again?.epoch, again?.leaseOwner]).toEqual([task.epoch + 1, me.processId]);
    const events = await at.store.read((read) => listEvents(read, { goalId: at.goalId }));
    expect(events.filter((event) => event.type === "call.unknown").length).toBe(1);
    expect(await me.sweep()).toBe(0);
  });

  test("a number that another process has got since is not the one that died", async () => {
    await using at = await scene();
    const dead = await at.join("here", 100, "boot-1");
    await at.begin(dead.processId);
    at.running.set(100, "boot-2");
    expect(await (await at.join("here", 1)).sweep()).toBe(1);
    expect(await at.calls()).toEqual(["unknown"]);
  });

  test("a live one keeps everything, however long it was silent; so does the one that looks", async () => {
    await using at = await scene();
    const live = await at.join("here", 100);
    at.running.set(100, "boot-1");
    await at.begin(live.processId);
    const me = await at.join("here", 1);
    await at.begin(me.processId);
    at.pass(10 * 60_000);
    expect(await me.sweep()).toBe(0);
    expect([await at.calls(), (await at.processes()).length]).toEqual([["held", "held"], 2]);
  });
});

describe("on another machine", () => {
  test("silence of a minute is too short to judge by, more is the end", async () => {
    await using at = await scene();
    const far = await at.join("far", 100);
    await at.begin(far.processId);
    const me = await at.join("here", 1);
    expect(await at.look(me, 60_000)).toBe(0);
    expect(await at.calls()).toEqual(["held"]);
    at.pass(1);
    expect([await me.sweep(), await at.calls()]).toEqual([1, ["unknown"]]);
    expect(await at.processes()).toEqual([me.processId]);
  });

  test("who was cut off itself, or has only come, waits a minute before it calls others silent", async () => {
    await using at = await scene();
    const far = await at.join("far", 100);
    await at.begin(far.processId);
    const me = await at.join("here", 1);
    // The store was away for all of us, and we are the first to be back.
    at.pass(10 * 60_000);
    expect([await me.sweep(), await at.calls()]).toEqual([0, ["held"]]);
    const late = await at.join("here", 2);
    at.running.set(1, "boot-1");
    at.running.set(2, "boot-1");
    expect([await late.sweep(), await at.calls()]).toEqual([0, ["held"]]);
    expect(await at.look(me, 60_000)).toBe(0);
    at.pass(1);
    expect([await me.sweep(), await at.calls()]).toEqual([1, ["unknown"]]);
  });

  test("one that was taken for dead and is not says its name again", async () => {
    await using at = await scene();
    const far = await at.join("far", 100);
    const me = await at.join("here", 1);
    await at.look(me, 60_000);
    at.pass(1);
    await me.sweep();
    expect(await at.processes()).toEqual([me.processId]);
    await far.sweep();
    expect(await at.processes()).toEqual([far.processId, me.processId].sort());
  });

  test("a process here of the same number says nothing about it", async () => {
    await using at = await scene();
    const far = await at.join("far", 100);
    at.running.set(100, "boot-9");
    await at.begin(far.processId);
    expect(await (await at.join("here", 1)).sweep()).toBe(0);
    expect(await at.calls()).toEqual(["held"]);
  });
});

const service = await postgresService();

test.skipIf(!service.ok)("on PostgreSQL a heartbeat has the database's time, whatever the machine's clock says", async () => {
  const url = service.ok ? service.url : "";
  const schema = `t_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  const at = (wrong: number) =>
    openPostgresStore({ url, schema, tenant: "t", now: () => Date.now() + wrong, log: silentLog, reached() {} });
  const [ahead, behind] = [await at(600_000), await at(-600_000)];
  const machine = { pid: 1, started: "1", startedOf: () => "1" };
  const a = await createPresence({ store: ahead, machine: { host: "a", ...machine } });
  const b = await createPresence({ store: behind, machine: { host: "b", ...machine } });
  const beats = (await ahead.read((read) => listProcesses(read))).map((row) => row.heartbeatAt);
  expect(Math.abs((beats[0] ?? 0) - (beats[1] ?? 0))).toBeLessThan(60_000);
  expect([await a.sweep(), await b.sweep(), (await behind.read((read) => listProcesses(read))).length]).toEqual([0, 0, 2]);
  await a.close();
  await b.close();
  await behind.close();
  await ahead.write("test.end", ({ db }) => sql.raw(`drop schema "${schema}" cascade`).execute(db));
  await ahead.close();
});

test("two that look at once count a lost call once", async () => {
  await using at = await scene();
  const dead = await at.join("here", 100);
  await at.begin(dead.processId);
  at.running.set(1, "boot-1");
  at.running.set(2, "boot-1");
  const [a, b] = [await at.join("here", 1), await at.join("here", 2)];
  const counts = await Promise.all([a.sweep(), b.sweep()]);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
  expect(await at.calls()).toEqual(["unknown"]);
});

const postgres = ENGINES.find(({ name }) => name === "postgres");
test.skipIf(!postgres?.ok)("on PostgreSQL too, however many look at the same moment", async () => {
  if (!postgres) return;
  await using store = await postgres.open();
  await store.write("test.calls", async (tx) => {
    await addGoal(tx, { id: "goal_a" });
    for (let i = 0; i < 20; i++)
      await addCall(tx, { id: `call_${i}`, goal_id: "goal_a", state: "held", process_id: "proc_dead", ended_at: null });
  });
  const counts = await Promise.all(
    Array.from({ length: 6 }, () => store.write("test.lose", (tx) => orphanHolds(tx, ["proc_dead"]))),
  );
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20);
  const told = (await store.read((read) => listEvents(read, { goalId: "goal_a" }))).filter(({ type }) => type === "call.unknown");
  expect(told.length).toBe(20);
});

test("who leaves is gone, and who holds a lease can be named", async () => {
  await using at = await scene();
  const [a, b] = [await at.join("here", 1), await at.join("far", 2)];
  expect(await holders(at.store, [b.processId])).toMatchObject([{ id: b.processId, host: "far", pid: 2 }]);
  await b.close();
  expect(await at.processes()).toEqual([a.processId]);
});

test("who leaves in the middle of a call leaves no hold that nobody would ever end", async () => {
  await using at = await scene();
  const me = await at.join("here", 1);
  const task = await at.begin(me.processId);
  await me.close();
  expect([await at.calls(), await at.processes()]).toEqual([["unknown"], []]);
  // Nobody has to wait for the end of its lease either.
  const next = await at.join("here", 2);
  at.pass(1);
  const claimed = await Promise.all([1, 2, 3, 4].map(() => at.claim(next.processId)));
  expect(claimed.map((entry) => entry?.id)).toContain(task.id);
});
