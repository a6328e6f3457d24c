/** Leases between machines: whose time counts, who may take what, and that a late worker changes nothing. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { newId } from "../domain/id.ts";
import type { Lease, Task } from "../domain/task.ts";
import { silentLog } from "../log/log.ts";
import { tempDir } from "../test/cli.ts";
import { postgresService } from "../test/services.ts";
import { insertGoal } from "./goals.ts";
import { checkLease, claimTask, deathsOf, endAttempt, LeaseLost, renewLease } from "./leases.ts";
import { openPostgresStore } from "./postgres/store.ts";
import { openSqliteStore } from "./sqlite/store.ts";
import type { Store } from "./store.ts";
import { insertTasks, needTask } from "./tasks.ts";

const service = await postgresService();
const MINUTES = 60_000;
/** As in the worker. */
const LEASE_MS = 12_000;

type Opener = { open(now: () => number): Promise<Store>; [Symbol.asyncDispose](): PromiseLike<void> };

const ENGINES = [
  {
    name: "sqlite",
    ok: true,
    async fresh(): Promise<Opener> {
      const dir = await tempDir();
      const path = join(dir.path, "t.db");
      return {
        open: (now) => openSqliteStore({ path, tenant: "t", now, log: silentLog, reached() {} }),
        [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
      };
    },
  },
  {
    name: "postgres",
    ok: service.ok,
    async fresh(): Promise<Opener> {
      const url = service.ok ? service.url : "";
      const schema = `t_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
      return {
        open: (now) => openPostgresStore({ url, schema, tenant: "t", now, log: silentLog, reached() {} }),
        async [Symbol.asyncDispose]() {
          const { Client } = await import("pg");
          const client = new Client({ connectionString: url });
          await client.connect();
          await client.query(`drop schema if exists "${schema}" cascade`);
          await client.end();
        },
      };
    },
  },
] as const;

/** Stores on one database, each by the clock given, and one ready task. */
async function scene(engine: (typeof ENGINES)[number], clocks: readonly (() => number)[]) {
  const place = await engine.fresh();
  const stores: Store[] = [];
  for (const now of clocks) stores.push(await place.open(now));
  const [first] = stores;
  if (!first) throw new Error("no store");
  const [goalId, taskId] = [newId("goal"), newId("task")];
  const about = {
    title: "t",
    text: "t",
    category: null,
    source: "test",
    pipeline: null,
    priority: "P1",
    rehearsal: false,
  } as const;
  const task = { key: "a", kind: "work", phase: "P", skill: "s", brief: "b", criteria: [], reviewers: [], variants: 1 } as const;
  await first.write("goal.accept", async (tx) => {
    await insertGoal(tx, { id: goalId, ...about, cap: 1_000, contextVersion: 0 });
    await insertTasks(tx, [{ id: taskId, goalId, ...task, needs: [], unmet: 0, priority: "P1", rehearsal: false }]);
  });
  return {
    stores,
    taskId,
    claim: (store: Store | undefined, owner: string, leaseMs = LEASE_MS) =>
      store?.write("task.claim", (tx) => claimTask(tx, { owner, leaseMs, rehearsal: false, goalId })) ?? null,
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store.close();
      await place[Symbol.asyncDispose]();
    },
  };
}

const leaseOf = (task: Task, owner: string): Lease => ({ goalId: task.goalId, taskId: task.id, owner, epoch: task.epoch });

/** Asks until there is an answer: a store's time lags behind the database's by as long as one of its answers took. */
async function soon<T>(ask: () => Promise<T | null>): Promise<T | null> {
  const began = performance.now();
  let found: T | null = null;
  while (found === null && performance.now() - began < 15_000) found = await ask();
  return found;
}

async function needed<T>(value: Promise<T | null> | null): Promise<T> {
  const found = await value;
  if (found === null) throw new Error("nothing to claim");
  return found;
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`leases on ${engine.name}`, () => {
    test("a take-over goes on with the same attempt and counts a death; an error ends the attempt, and the row of deaths", async () => {
      let now = Date.now();
      await using at = await scene(engine, [() => now]);
      const [store] = at.stores;
      const counts = async () => {
        if (!store) throw new Error("no store");
        return store.read(async (read) => [(await needTask(read, at.taskId)).attempts, await deathsOf(read, at.taskId)]);
      };
      await at.claim(store, "a", -1);
      expect(await counts()).toEqual([1, 0]);
      now += 1;
      await at.claim(store, "b", -1);
      expect(await counts()).toEqual([1, 1]);
      now += 1;
      const third = await needed(at.claim(store, "c"));
      expect(await counts()).toEqual([1, 2]);
      await store?.write("task.stop", (tx) => endAttempt(tx, leaseOf(third, "c")));
      await at.claim(store, "d");
      expect(await counts()).toEqual([2, 0]);
    });

    test("who was late ends no attempt of the one who has the task now", async () => {
      await using at = await scene(engine, [Date.now]);
      const [store] = at.stores;
      const late = await needed(at.claim(store, "late", -1));
      await needed(at.claim(store, "awake"));
      const ending = store?.write("task.stop", (tx) => endAttempt(tx, leaseOf(late, "late")));
      expect(await ending?.catch((error: unknown) => error)).toBeInstanceOf(LeaseLost);
    });

    test("of many that claim at once one gets the task, once", async () => {
      await using at = await scene(engine, [Date.now, Date.now]);
      const claims = await Promise.all(
        Array.from({ length: 16 }, (_, i) => at.claim(at.stores[i % 2], `proc_${i}`) ?? Promise.resolve(null)),
      );
      expect(claims.filter((task) => task !== null)).toMatchObject([{ id: at.taskId, epoch: 1, attempts: 1 }]);
    });

    test("only the newest claim renews and changes: not another's, nor an earlier one of the same process", async () => {
      await using at = await scene(engine, [Date.now]);
      const [store] = at.stores;
      const earlier = await needed(at.claim(store, "a", -1));
      const newest = await needed(at.claim(store, "a"));
      expect(newest.epoch).toBe(earlier.epoch + 1);
      const leases = [leaseOf(newest, "a"), leaseOf(earlier, "a"), leaseOf(newest, "b")];
      const renewed = [];
      for (const lease of leases) renewed.push(await store?.write("task.renew", (tx) => renewLease(tx, lease, LEASE_MS)));
      expect(renewed).toEqual([true, false, false]);
      const checked = [];
      for (const lease of leases)
        checked.push(await store?.write("task.check", (tx) => checkLease(tx, lease)).catch((error: unknown) => error));
      expect(checked).toEqual([undefined, expect.any(LeaseLost), expect.any(LeaseLost)]);
    });
  });
}

describe.skipIf(!service.ok)("machines whose clocks are wrong", () => {
  const [, postgres] = ENGINES;
  const ahead = () => Date.now() + 10 * MINUTES;
  const behind = () => Date.now() - 10 * MINUTES;

  for (const [name, clocks] of [
    ["ahead takes nothing of a living worker", [Date.now, ahead]],
    ["behind takes nothing of a living worker", [Date.now, behind]],
    ["ahead of one that is behind takes nothing of it either", [behind, ahead]],
  ] as const)
    test(`one that is ${name}, and gets what a dead one left, in time`, async () => {
      await using at = await scene(postgres, clocks);
      const [mine, theirs] = at.stores;
      if (!mine || !theirs) throw new Error("no stores");
      for (const [holder, other] of [
        [mine, theirs],
        [theirs, mine],
      ] as const) {
        const task = await needed(soon(async () => at.claim(holder, "holder")));
        expect(await at.claim(other, "thief")).toBeNull();
        const lease = leaseOf(task, "holder");
        expect(await holder.write("task.renew", (tx) => renewLease(tx, lease, 300))).toBe(true);
        // The holder says no more: it is dead for all the others can know.
        const taken = await soon(async () => at.claim(other, "heir"));
        expect(taken?.epoch).toBe(task.epoch + 1);
        // And when it comes back, nothing that it writes counts.
        expect(await holder.write("task.renew", (tx) => renewLease(tx, lease, LEASE_MS))).toBe(false);
        const late = holder.write("task.finish", (tx) => checkLease(tx, lease));
        expect(await late.catch((error: unknown) => error)).toBeInstanceOf(LeaseLost);
        await other.write("task.stop", (tx) => endAttempt(tx, leaseOf(taken as Task, "heir")));
      }
    });

  test("what one has made ready, the others may begin at once", async () => {
    await using at = await scene(postgres, [ahead, behind]);
    expect(await soon(async () => at.claim(at.stores[1], "worker"))).not.toBeNull();
  });

  test("a clock that is set while we work changes nothing", async () => {
    let set = 0;
    await using at = await scene(postgres, [() => Date.now() + set, Date.now]);
    await needed(soon(async () => at.claim(at.stores[1], "holder")));
    set = 60 * MINUTES;
    expect(await at.claim(at.stores[0], "thief")).toBeNull();
  });
});
