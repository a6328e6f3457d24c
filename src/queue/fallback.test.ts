/** The queue that falls back: with Redis killed, emptied, silent or full, real tasks in a real store are each done exactly once. */

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { newId } from "../domain/id.ts";
import { silentLog } from "../log/log.ts";
import { insertGoal } from "../store/goals.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { insertTasks, moveTask, tasksOfGoal } from "../store/tasks.ts";
import { tempDir } from "../test/cli.ts";
import { startWorker } from "../work/worker.ts";
import { createBullmqQueue, queuePrefix } from "./bullmq/bullmq.ts";
import { dropKeys, ownRedis, redisForTests, startRedis } from "./bullmq/test-server.ts";
import { queueContract } from "./contract.ts";
import { createEmbeddedQueue } from "./embedded/embedded.ts";
import { createFallbackQueue, type FallbackQueue } from "./fallback.ts";

const own = ownRedis(process.env);
const shared = await redisForTests(process.env);
const prefixes = new Set<string>();
afterAll(async () => {
  if (shared.url !== null) await dropKeys(shared.url, prefixes);
  await shared.stop();
});

async function fallbackAt(url: string, limitMs = 500): Promise<FallbackQueue> {
  const prefix = queuePrefix({ tenant: "test", project: crypto.randomUUID() });
  prefixes.add(prefix);
  const remote = await createBullmqQueue({ url, prefix, limitMs, probeMs: 30 });
  return createFallbackQueue({ remote, local: createEmbeddedQueue(), now: Date.now });
}

describe.skipIf(shared.url === null)("with Redis there", () => {
  queueContract({
    name: "fallback to Redis",
    create: () => fallbackAt(shared.url ?? ""),
    skip: [
      {
        reason: "through Redis each id travels as a job of its own",
        tests: ["delivers signals of the same moment as one, each id once"],
      },
      { reason: "the way there is Redis's alone: bullmq.test.ts does it", tests: ["delivers ten thousand ids"] },
    ],
  });
});

// Nothing listens on port 1.
queueContract({ name: "fallback without Redis", create: () => fallbackAt("redis://127.0.0.1:1", 20) });

/** Tasks in a real store and a real worker that is woken by signals alone: it does not look around by itself. */
async function scene(queue: FallbackQueue) {
  const dir = await tempDir();
  const base = { tenant: "default", now: Date.now, log: silentLog, reached: () => {} };
  const store = await openSqliteStore({ ...base, path: join(dir.path, "t.db") });
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
  const done: string[] = [];
  let check = () => {};
  const worker = startWorker({
    store,
    queue,
    async attempt(task) {
      await store.write("task.finish", (tx) => moveTask(tx, task, "done"));
      done.push(task.id);
      check();
    },
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
    lookMs: 600_000,
  });
  return {
    done,
    /** Saves tasks, then says so, as the engine does: one signal each. */
    async accept(count: number): Promise<void> {
      const ids = Array.from({ length: count }, () => newId("task"));
      await store.write("goal.accept", (tx) => insertTasks(tx, ids.map(newTask)));
      for (const id of ids) queue.signal([id], { priority: "P1" });
    },
    until: (count: number) =>
      new Promise<void>((resolve) => {
        check = () => void (done.length >= count && resolve());
        check();
      }),
    statuses: async () => new Set((await store.read((read) => tasksOfGoal(read, goalId))).map((task) => task.status)),
    async [Symbol.asyncDispose]() {
      await worker.drain();
      await queue.close();
      await store.close();
      await dir[Symbol.asyncDispose]();
    },
  };

  function newTask(id: string) {
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
  }
}

/** Resolves when the queue goes this way; it tells of each change. */
function until(queue: FallbackQueue, path: "redis" | "embedded"): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (queue.state().path !== path) return;
      stop();
      resolve();
    };
    const stop = queue.listen((taskIds) => void (taskIds === null && check()));
    check();
  });
}

describe.skipIf(!own)("accepted work", () => {
  const all = 500;

  test("is done exactly once when Redis is killed in the middle and comes back empty", async () => {
    await using server = await startRedis();
    const queue = await fallbackAt(server.url);
    await using at = await scene(queue);
    await at.accept(150);
    await at.until(50);
    await server.kill();
    await at.accept(100);
    await at.until(250);
    await until(queue, "embedded");
    expect(queue.state().why).toMatch(/no connection|ECONNREFUSED/);
    await at.accept(100);
    await at.until(350);
    await server.start();
    await until(queue, "redis");
    const before = await queue.counts();
    await at.accept(150);
    await at.until(all);
    expect(new Set(at.done).size).toBe(all);
    expect(at.done).toHaveLength(all);
    expect(await at.statuses()).toEqual(new Set(["done"]));
    // Back on Redis: what was given last went through it.
    expect(queue.state()).toMatchObject({ path: "redis", why: null });
    expect((await queue.health()).completed).toBeGreaterThan(0);
    expect((await queue.counts()).delivered).toBeGreaterThan(before.delivered);
  }, 30_000);

  test("is done exactly once when Redis is emptied in the middle", async () => {
    await using server = await startRedis();
    const queue = await fallbackAt(server.url);
    await using at = await scene(queue);
    for (let part = 0; part < 10; part++) {
      await at.accept(all / 10);
      await server.cli("flushall");
    }
    await at.until(all);
    await server.cli("flushall");
    await at.accept(10);
    await at.until(all + 10);
    expect(new Set(at.done).size).toBe(all + 10);
    expect(at.done).toHaveLength(all + 10);
    expect(queue.state().path).toBe("redis");
  }, 30_000);

  test("is done exactly once when Redis falls silent in the middle and answers again", async () => {
    await using server = await startRedis();
    const queue = await fallbackAt(server.url);
    await using at = await scene(queue);
    await at.accept(150);
    await at.until(50);
    server.freeze();
    await at.accept(200);
    await at.until(350);
    await until(queue, "embedded");
    expect(queue.state().why).toContain("no answer");
    server.thaw();
    await until(queue, "redis");
    await at.accept(150);
    await at.until(all);
    expect(new Set(at.done).size).toBe(all);
    expect(at.done).toHaveLength(all);
  }, 30_000);

  test("goes on in this process while Redis is full, and the state says so", async () => {
    await using server = await startRedis();
    const queue = await fallbackAt(server.url);
    await using at = await scene(queue);
    await server.cli("config", "set", "maxmemory", "1");
    await at.accept(10);
    await at.until(10);
    expect(queue.state()).toMatchObject({ path: "embedded" });
    expect(queue.state().why).toContain("OOM");
    await server.cli("config", "set", "maxmemory", "0");
    await at.accept(10);
    await at.until(20);
    expect(queue.state()).toMatchObject({ path: "redis", why: null });
  }, 30_000);

  test("1,000 signals each reach a handler at least once, with Redis killed and started again meanwhile", async () => {
    await using server = await startRedis();
    const queue = await fallbackAt(server.url);
    // What is still to be done stands in a place of its own, as in the store: `null` means look there.
    const signals = 1_000;
    const open = new Set(Array.from({ length: signals }, (_, index) => `task_${index}`));
    const ids = [...open];
    const handled = new Set<string>();
    const given = new Set<string>();
    const finished = Promise.withResolvers<void>();
    queue.listen((taskIds) => {
      for (const id of taskIds ?? given) handled.add(id);
      if (handled.size === signals) finished.resolve();
    });
    const give = (from: number, to: number) => {
      for (const id of ids.slice(from, to)) {
        given.add(id);
        queue.signal([id]);
      }
    };
    give(0, 400);
    await server.kill();
    give(400, 700);
    await server.start();
    give(700, signals);
    await finished.promise;
    expect(handled).toEqual(open);
    await queue.close();
  }, 30_000);
});
