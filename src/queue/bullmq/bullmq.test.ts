/** The queue on BullMQ: the contract on a real Redis, and what only a queue between processes can do. */

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Log } from "../../log/log.ts";
import { silentLog } from "../../log/log.ts";
import { queueContract } from "../contract.ts";
import type { RemoteQueue } from "../queue.ts";
import { type BullmqOptions, createBullmqQueue, queuePrefix } from "./bullmq.ts";
import { dropKeys, keysOf, redisForTests } from "./test-server.ts";

const redis = await redisForTests(process.env);
const url = redis.url ?? "";
const prefixes = new Set<string>();

/** A prefix of its own, whose keys go when the tests have ended. */
function newPrefix(): string {
  const prefix = queuePrefix({ tenant: "test", project: crypto.randomUUID() });
  prefixes.add(prefix);
  return prefix;
}

const open: RemoteQueue[] = [];
async function queue(prefix: string, options: Partial<BullmqOptions> = {}): Promise<RemoteQueue> {
  const created = await createBullmqQueue({ url, prefix, ...options });
  open.push(created);
  return created;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

afterAll(async () => {
  if (redis.url !== null) await dropKeys(url, prefixes);
  await redis.stop();
});

/** Remembers what a queue delivers; `until` resolves when it fits. */
function hear(from: RemoteQueue, answer: (id: string, nth: number) => unknown = () => undefined) {
  const ids: string[] = [];
  let check = () => {};
  const stop = from.listen((taskIds) => {
    const id = taskIds?.[0];
    if (id === undefined) return;
    ids.push(id);
    check();
    return answer(id, ids.length);
  });
  const until = (fits: (heard: readonly string[]) => boolean) =>
    new Promise<void>((resolve) => {
      check = () => void (fits(ids) && resolve());
      check();
    });
  return { ids, until, stop };
}

/** Asks for the health again until it fits: each question waits for Redis, not for a clock. */
async function healthUntil(of: RemoteQueue, fits: (held: { waiting: number; active: number; dead: number }) => boolean) {
  for (;;) {
    const health = await of.health();
    if (health.held && fits(health.held)) return health;
  }
}

/** A log that tells when a line with these words comes at a level. */
function logUntil(words: string): { log: Log; seen: Promise<void> } {
  const seen = Promise.withResolvers<void>();
  const line = (message: string) => void (message.includes(words) && seen.resolve());
  return { log: { ...silentLog, error: line, warn: line, info: line }, seen: seen.promise };
}

describe.skipIf(redis.url === null)("BullMQ", () => {
  queueContract({
    name: "bullmq",
    create: () => createBullmqQueue({ url, prefix: newPrefix() }),
    skip: [
      {
        reason: "each id travels as a job of its own, so that several processes share what is ready",
        tests: ["delivers signals of the same moment as one, each id once"],
      },
    ],
  });

  test("signals of the same moment come once each", async () => {
    const at = await queue(newPrefix());
    at.signal(["task_1", "task_2"]);
    at.signal(["task_2"]);
    await at.send(["task_3", "task_1"]);
    const heard = hear(at);
    await heard.until((ids) => ids.includes("task_3"));
    await healthUntil(at, ({ waiting, active }) => waiting + active === 0);
    expect(heard.ids.toSorted()).toEqual(["task_1", "task_2", "task_3"]);
  });

  test("the most urgent comes first, and in order of arrival within a priority", async () => {
    const at = await queue(newPrefix(), { concurrency: 1 });
    for (const priority of ["P3", "P1", "P2", "P0"] as const) await at.send([`${priority} a`, `${priority} b`], { priority });
    await at.send(["none"]);
    const heard = hear(at);
    await heard.until((ids) => ids.length === 9);
    expect(heard.ids).toEqual(["P0 a", "P0 b", "P1 a", "P1 b", "P2 a", "P2 b", "none", "P3 a", "P3 b"]);
  });

  test("a signal for later comes when it is due, and holds back none of the same task for now", async () => {
    const at = await queue(newPrefix());
    const heard = hear(at, () => times.push(Date.now()));
    const times: number[] = [];
    const due = Date.now() + 400;
    await at.send(["task_1"], { at: due });
    expect((await at.health()).held?.delayed).toBe(1);
    await at.send(["task_1"]);
    await heard.until((ids) => ids.length === 2);
    expect(times[0]).toBeLessThan(due);
    expect(times[1]).toBeGreaterThanOrEqual(due);
  });

  test("what is signalled again while it waits comes once; while it is handled, once more", async () => {
    const at = await queue(newPrefix());
    for (let again = 0; again < 5; again++) await at.send(["task_1"]);
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const heard = hear(at, (_, nth) => {
      if (nth > 1) return;
      begun.resolve();
      return release.promise;
    });
    await begun.promise;
    for (let again = 0; again < 5; again++) await at.send(["task_1"]);
    release.resolve();
    await heard.until((ids) => ids.length === 2);
    await healthUntil(at, ({ waiting, active }) => waiting + active === 0);
    expect(heard.ids).toEqual(["task_1", "task_1"]);
  });

  test("a handler that fails is called again, and waits twice as long each time", async () => {
    const at = await queue(newPrefix(), { attempts: 4, backoffMs: 60 });
    const times: number[] = [];
    const heard = hear(at, (_, nth) => {
      times.push(performance.now());
      if (nth < 4) throw new Error("on purpose");
    });
    at.signal(["task_1"]);
    await heard.until((ids) => ids.length === 4);
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    // A timer may come a millisecond early.
    for (const [index, least] of [60, 120, 240].entries()) expect(waits[index]).toBeGreaterThanOrEqual(least - 2);
    const { completed, failed } = await healthUntil(at, ({ active }) => active === 0);
    expect({ completed, failed }).toEqual({ completed: 1, failed: 3 });
  });

  test("what fails every time is a dead letter with its cause, holds back no new signal, and can be sent again", async () => {
    const dead = logUntil("dead letter");
    const at = await queue(newPrefix(), { attempts: 2, backoffMs: 5, log: dead.log });
    let broken = true;
    const heard = hear(at, () => {
      if (broken) throw new Error("on purpose");
    });
    at.signal(["task_1"]);
    await dead.seen;
    expect(await at.deadLetters(10)).toMatchObject([{ taskId: "task_1", reason: "on purpose", attempts: 2 }]);
    expect((await at.health()).held?.dead).toBe(1);
    broken = false;
    at.signal(["task_1"]);
    await heard.until((ids) => ids.length === 3);
    expect(await at.redrive()).toBe(1);
    await heard.until((ids) => ids.length === 4);
    expect(await at.deadLetters(10)).toEqual([]);
    expect(await at.redrive()).toBe(0);
  });

  test("one dead letter can be sent again without the others", async () => {
    const both = Promise.withResolvers<void>();
    let left = 2;
    const log: Log = {
      ...silentLog,
      error: (message) => void (message.includes("dead letter") && --left === 0 && both.resolve()),
    };
    const at = await queue(newPrefix(), { attempts: 1, log });
    let broken = true;
    const heard = hear(at, () => {
      if (broken) throw new Error("on purpose");
    });
    at.signal(["task_1", "task_2"]);
    await both.promise;
    broken = false;
    expect(await at.redrive("task_3")).toBe(0);
    expect(await at.redrive("task_2")).toBe(1);
    await heard.until((ids) => ids.length === 3);
    expect(heard.ids.at(-1)).toBe("task_2");
    expect(await at.deadLetters(10)).toMatchObject([{ taskId: "task_1" }]);
  });

  test("1,000 signals each reach a handler of two processes, and leave nothing behind in Redis", async () => {
    const prefix = newPrefix();
    const [one, two] = [await queue(prefix), await queue(prefix)];
    const all = Array.from({ length: 1_000 }, (_, index) => `task_${index}`);
    const heard = new Set<string>();
    const done = Promise.withResolvers<void>();
    const add = (id: string) => void (heard.add(id).size === all.length && done.resolve());
    const [first, second] = [hear(one, add), hear(two, add)];
    for (const id of all) one.signal([id]);
    await done.promise;
    expect(heard).toEqual(new Set(all));
    expect(first.ids.length).toBeGreaterThan(0);
    expect(second.ids.length).toBeGreaterThan(0);
    await healthUntil(one, ({ waiting, active }) => waiting + active === 0);
    await Promise.all([one.close(), two.close()]);
    const client = new Redis(url);
    const keys = (await keysOf(client, prefix)).map((key) => key.slice(prefix.length + 1));
    // Counters and a short stream of BullMQ's own; no job, lock or deduplication key.
    expect(keys.filter((key) => !/^(?:epoch|signals:(?:id|meta|events|pc|stalled-check|marker))$/.test(key))).toEqual([]);
    expect(await client.xlen(`${prefix}:signals:events`)).toBeLessThan(500);
    client.disconnect();
  });

  test("two projects on one Redis never see each other's signals", async () => {
    const [mine, other] = [queuePrefix({ tenant: "t:a", project: "b" }), queuePrefix({ tenant: "t", project: "a:b" })];
    expect(mine).not.toBe(other);
    const [one, two] = [await queue(newPrefix()), await queue(newPrefix())];
    const [first, second] = [hear(one), hear(two)];
    await one.send(Array.from({ length: 100 }, (_, index) => `one_${index}`));
    await two.send(Array.from({ length: 100 }, (_, index) => `two_${index}`));
    await Promise.all([first.until((ids) => ids.length === 100), second.until((ids) => ids.length === 100)]);
    expect(first.ids.every((id) => id.startsWith("one_"))).toBe(true);
    expect(second.ids.every((id) => id.startsWith("two_"))).toBe(true);
  });

  test("a process without room gives its signals to another", async () => {
    const prefix = newPrefix();
    const [full, free] = [await queue(prefix), await queue(prefix)];
    hear(full, () => false);
    const heard = hear(free);
    const all = Array.from({ length: 20 }, (_, index) => `task_${index}`);
    await full.send(all);
    await heard.until((ids) => all.every((id) => ids.includes(id)));
  });

  test("a process that listens no more leaves signals to others", async () => {
    const prefix = newPrefix();
    const [gone, there] = [await queue(prefix), await queue(prefix)];
    const before = hear(gone);
    await gone.send(["task_0"]);
    await before.until((ids) => ids.length === 1);
    before.stop();
    await gone.send(Array.from({ length: 20 }, (_, index) => `task_${index + 1}`));
    const after = hear(there);
    await after.until((ids) => ids.length === 20);
    expect(before.ids).toEqual(["task_0"]);
    // And may listen again.
    await there.close();
    const again = hear(gone);
    await gone.send(["task_21"]);
    await again.until((ids) => ids.includes("task_21"));
  });

  test("a signal whose process is killed while handling it goes to another", async () => {
    const prefix = newPrefix();
    const script = `
      import { createBullmqQueue } from ${JSON.stringify(join(import.meta.dir, "bullmq.ts"))};
      const queue = await createBullmqQueue({ url: ${JSON.stringify(url)}, prefix: ${JSON.stringify(prefix)}, stalledMs: 900 });
      queue.listen((ids) => { console.log(ids); return new Promise(() => {}); });
      await queue.send(["task_1"]);
    `;
    const child = Bun.spawn([process.execPath, "--no-env-file", "-e", script], { stdout: "pipe", stderr: "inherit" });
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toContain("task_1");
    const at = await queue(prefix, { stalledMs: 900 });
    const heard = hear(at);
    expect(heard.ids).toEqual([]);
    child.kill("SIGKILL");
    await heard.until((ids) => ids.includes("task_1"));
  }, 20_000);

  test("health counts what waits, is handled and was handled, with latencies", async () => {
    const at = await queue(newPrefix(), { concurrency: 1 });
    await at.send(["task_1", "task_2", "task_3"]);
    expect((await at.health()).held).toEqual({ waiting: 3, delayed: 0, active: 0, dead: 0 });
    expect((await at.health()).startMs).toEqual({ n: 0, p50: null, p99: null, max: null });
    const release = Promise.withResolvers<void>();
    const heard = hear(at, () => release.promise);
    await heard.until((ids) => ids.length === 1);
    expect((await at.health()).held).toEqual({ waiting: 2, delayed: 0, active: 1, dead: 0 });
    release.resolve();
    const health = await healthUntil(at, ({ waiting, active }) => waiting + active === 0);
    expect(health).toMatchObject({ completed: 3, failed: 0, startMs: { n: 3 }, handleMs: { n: 3 } });
    expect(health.startMs.p99).toBeGreaterThan(0);
    expect(health.startMs.max).toBeLessThan(10_000);
  });
});
