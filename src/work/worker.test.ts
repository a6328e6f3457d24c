/** The worker: never more at once than allowed, nothing left behind, a lost lease aborts, and a drain waits. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { newId } from "../domain/id.ts";
import type { Lease, Task } from "../domain/task.ts";
import { silentLog } from "../log/log.ts";
import { createEmbeddedQueue } from "../queue/embedded/embedded.ts";
import { insertGoal } from "../store/goals.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { StoreError, type Store } from "../store/store.ts";
import { insertTasks, moveTask, tasksOfGoal } from "../store/tasks.ts";
import { tempDir } from "../test/cli.ts";
import { startWorker, type WorkerOptions } from "./worker.ts";

async function scene(tasks: number) {
  const dir = await tempDir();
  const store = await openSqliteStore({
    path: join(dir.path, "t.db"),
    tenant: "default",
    now: Date.now,
    log: silentLog,
    reached: () => {},
  });
  const queue = createEmbeddedQueue();
  const goalId = newId("goal");
  await store.write("goal.accept", (tx) =>
    insertGoal(tx, {
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
    }),
  );
  const add = (count: number) =>
    store.write("goal.accept", (tx) =>
      insertTasks(
        tx,
        Array.from({ length: count }, () => {
          const id = newId("task");
          return {
            id,
            goalId,
            key: id.slice(5).replace("_", ""),
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
          };
        }),
      ),
    );
  await add(tasks);
  return {
    store,
    queue,
    add,
    start: (attempt: WorkerOptions["attempt"], change: Partial<WorkerOptions> = {}) =>
      startWorker({
        store,
        queue,
        attempt,
        sweep: async () => {},
        owner: "me",
        concurrency: 3,
        goalId,
        rehearsal: false,
        log: silentLog,
        now: Date.now,
        broken: (error) => {
          throw error;
        },
        // Nothing here waits to be looked for: a test that needs it says so.
        lookMs: 60_000,
        ...change,
      }),
    done: (task: Task) => store.write("task.finish", (tx) => moveTask(tx, task, "done")),
    statuses: async () => (await store.read((read) => tasksOfGoal(read, goalId))).map((task) => task.status),
    async [Symbol.asyncDispose]() {
      await queue.close();
      await store.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Attempts that wait until the test lets them go, and say when one has begun. */
function held() {
  const begun: { task: Task; lease: Lease; signal: AbortSignal; release: () => void }[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    begun,
    attempt(task: Task, lease: Lease, signal: AbortSignal): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => resolve(), { once: true });
      begun.push({ task, lease, signal, release: resolve });
      for (const entry of waiting) if (begun.length >= entry.count) entry.resolve();
      return promise;
    },
    until(count: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (begun.length >= count) resolve();
      waiting.push({ count, resolve });
      return promise;
    },
  };
}

describe("concurrency", () => {
  test("the limit is reached and never passed, every task is attempted once, whatever is signalled meanwhile", async () => {
    await using at = await scene(20);
    let now = 0;
    let most = 0;
    const seen: string[] = [];
    const all = Promise.withResolvers<void>();
    const worker = at.start(async (task) => {
      now++;
      most = Math.max(most, now);
      seen.push(task.id);
      at.queue.signal([task.id]);
      await at.done(task);
      now--;
      if (seen.length === 20) all.resolve();
    });
    await all.promise;
    await worker.drain();
    expect([most, seen.length, new Set(seen).size, worker.busy]).toEqual([3, 20, 20, 0]);
    expect(new Set(await at.statuses())).toEqual(new Set(["done"]));
  });

  test("a free place is filled at once, without a signal", async () => {
    await using at = await scene(4);
    const { begun, attempt, until } = held();
    const worker = at.start(attempt);
    await until(3);
    expect([begun.length, worker.busy]).toEqual([3, 3]);
    begun[1]?.release();
    await until(4);
    expect(new Set(begun.map((entry) => entry.task.id)).size).toBe(4);
    await worker.abort();
  });

  test("work that comes later is begun when the queue says so, and when nobody does, at the next look around", async () => {
    await using at = await scene(0);
    const { attempt, until } = held();
    const worker = at.start(attempt);
    await at.add(1);
    at.queue.signal(["any"]);
    await until(1);
    await worker.abort();
    await using quiet = await scene(0);
    const second = held();
    let swept = 0;
    const looking = quiet.start(second.attempt, { lookMs: 1, sweep: async () => void swept++ });
    await quiet.add(1);
    await second.until(1);
    expect(swept).toBeGreaterThan(0);
    await looking.abort();
  });

  test("an attempt that throws does not stop the others", async () => {
    await using at = await scene(5);
    let attempts = 0;
    const all = Promise.withResolvers<void>();
    const worker = at.start(
      async () => {
        if (++attempts === 5) all.resolve();
        throw new Error("a fault");
      },
      { concurrency: 1 },
    );
    await all.promise;
    await worker.drain();
    expect([attempts, worker.busy]).toEqual([5, 0]);
  });
});

describe("an attempt that ends badly", () => {
  /** One attempt that throws; returns the task as the next claim finds it. */
  async function afterThrowing(error: Error): Promise<Task> {
    await using at = await scene(1);
    const second = Promise.withResolvers<Task>();
    let attempts = 0;
    const worker = at.start(
      async (task) => {
        if (++attempts === 1) throw error;
        second.resolve(task);
      },
      { concurrency: 1 },
    );
    const task = await second.promise;
    await worker.abort();
    return task;
  }

  test("an error counts as an attempt; a store that was busy is no fault of the task", async () => {
    expect((await afterThrowing(new Error("a fault"))).attempts).toBe(2);
    expect((await afterThrowing(new StoreError("busy", "all connections were in use", "wait"))).attempts).toBe(1);
  });
});

describe("leases", () => {
  test("one that somebody else has got aborts its attempt, and no other", async () => {
    await using at = await scene(2);
    const { begun, attempt, until } = held();
    const worker = at.start(attempt, { leaseMs: 60 });
    await until(2);
    const [lost, kept] = begun;
    if (!lost || !kept) throw new Error("not begun");
    const aborted = new Promise<void>((resolve) => lost.signal.addEventListener("abort", () => resolve()));
    await at.store.write("task.steal", async (tx) => {
      await tx.db
        .updateTable("tasks")
        .set({ lease_owner: "other", epoch: lost.lease.epoch + 1, lease_until: tx.now + 60_000 })
        .where("id", "=", lost.task.id)
        .execute();
    });
    await aborted;
    expect([lost.signal.aborted, kept.signal.aborted]).toEqual([true, false]);
    await worker.abort();
  });

  test("one that is kept is renewed for as long as the attempt takes", async () => {
    await using at = await scene(1);
    const { begun, attempt, until } = held();
    let renewals = 0;
    const three = Promise.withResolvers<void>();
    const store: Store = {
      ...at.store,
      async write(name, change) {
        const result = await at.store.write(name, change);
        if (name === "task.renew" && ++renewals === 3) three.resolve();
        return result;
      },
    };
    const worker = at.start(attempt, { leaseMs: 60, store });
    await until(1);
    const first = begun[0]?.task.leaseUntil ?? 0;
    await three.promise;
    const [task] = await at.store.read((read) => tasksOfGoal(read, begun[0]?.lease.goalId ?? ""));
    expect(task?.leaseUntil ?? 0).toBeGreaterThan(first);
    expect(begun[0]?.signal.aborted).toBe(false);
    await worker.abort();
  });

  test("a clock that jumps ahead does not give a worker its own task a second time", async () => {
    await using at = await scene(1);
    const { begun, attempt, until } = held();
    const worker = at.start(attempt, { concurrency: 4 });
    await until(1);
    const [first] = begun;
    if (!first) throw new Error("not begun");
    await at.store.write("task.jump", (tx) =>
      tx.db.updateTable("tasks").set({ lease_until: 0 }).where("id", "=", first.task.id).execute(),
    );
    // Whoever looks now finds its lease run out; a task that comes with it is begun, that one is not.
    await at.add(1);
    at.queue.signal([first.task.id]);
    await until(2);
    expect(begun.map(({ task }) => task.id === first.task.id)).toEqual([true, false]);
    expect(first.signal.aborted).toBe(false);
    await worker.abort();
  });
});

describe("stopping", () => {
  test("a drain begins nothing more and waits for what runs", async () => {
    await using at = await scene(5);
    const { begun, attempt, until } = held();
    const worker = at.start(attempt);
    await until(3);
    let drained = false;
    const draining = worker.drain().then(() => (drained = true));
    at.queue.signal(["any"]);
    for (const [i, entry] of begun.entries()) {
      // A round trip to the store is longer than any step of the drain.
      await at.statuses();
      expect([i, drained]).toEqual([i, false]);
      entry.release();
    }
    await draining;
    expect([begun.length, worker.busy, begun.some((entry) => entry.signal.aborted)]).toEqual([3, 0, false]);
    expect((await at.statuses()).filter((status) => status === "ready").length).toBe(2);
  });

  test("an abort reaches what runs, and also what a claim on its way brings in", async () => {
    await using at = await scene(3);
    const { begun, attempt } = held();
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const store: Store = {
      ...at.store,
      async write(name, change) {
        if (name === "task.claim") {
          asked.resolve();
          await gate.promise;
        }
        return at.store.write(name, change);
      },
    };
    const worker = at.start(attempt, { store });
    await asked.promise;
    const aborting = worker.abort();
    gate.resolve();
    await aborting;
    expect([begun.length, begun.every((entry) => entry.signal.aborted), worker.busy]).toEqual([3, true, 0]);
  });

  test("a drain waits for a sweep: the store may be closed after it", async () => {
    await using at = await scene(0);
    const sweeping = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let swept = false;
    const worker = at.start(async () => {}, {
      lookMs: 1,
      async sweep() {
        sweeping.resolve();
        await gate.promise;
        swept = true;
      },
    });
    await sweeping.promise;
    const draining = worker.drain();
    gate.resolve();
    await draining;
    expect(swept).toBe(true);
  });
});
