/** Redis that refuses, is not there, dies, is emptied or falls silent: what the queue says, and how soon. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Log, silentLog } from "../../log/log.ts";
import { QueueError, type RemoteQueue } from "../../queue/queue.ts";
import { type BullmqOptions, createBullmqQueue } from "../../queue/bullmq/bullmq.ts";
import { ownRedis, startRedis } from "../../queue/bullmq/test-server.ts";
import { ROOT } from "../cli.ts";

const there = ownRedis(process.env);
const quick = { prefix: "test", limitMs: 500, probeMs: 30 } as const;

/** A queue that closes with its scope. */
async function queueAt(url: string, options: Partial<BullmqOptions> = {}): Promise<RemoteQueue & AsyncDisposable> {
  const queue = await createBullmqQueue({ url, ...quick, ...options });
  return { ...queue, [Symbol.asyncDispose]: () => queue.close() };
}

/** Lines of a log, and a promise for the next one with these words. */
function listeningLog() {
  const lines: string[] = [];
  const waiting: { words: string; resolve: () => void }[] = [];
  const line = (message: string, fields?: Record<string, unknown>) => {
    lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
    for (const each of waiting) if (message.includes(each.words)) each.resolve();
  };
  const log: Log = { ...silentLog, info: line, warn: line, error: line };
  const next = (words: string) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ words, resolve });
    return promise;
  };
  return { log, lines, next };
}

/** Resolves with the next "look for anything". */
const nextLook = (queue: RemoteQueue) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = queue.listen((taskIds) => {
    if (taskIds !== null) return;
    stop();
    resolve();
  });
  return promise;
};

const nextIds = (queue: RemoteQueue) => {
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const stop = queue.listen((taskIds) => {
    if (taskIds === null) return;
    stop();
    resolve(taskIds);
  });
  return promise;
};

async function refusal(promise: Promise<unknown>): Promise<QueueError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof QueueError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

/** Runs a script that uses the queue in a process of its own; resolves with what it printed when it has ended by itself. */
async function alone(url: string, body: string): Promise<{ code: number; out: string }> {
  const script = `
    import { createBullmqQueue } from ${JSON.stringify(join(ROOT, "src/queue/bullmq/bullmq.ts"))};
    const queue = await createBullmqQueue({ url: ${JSON.stringify(url)}, prefix: "test", limitMs: 300, probeMs: 30 });
    ${body}
  `;
  const child = Bun.spawn([process.execPath, "--no-env-file", "-e", script], { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out: out + err };
}

test.skipIf(!there)("a wrong or missing password is refused at once, and not repeated", async () => {
  await using server = await startRedis(["--requirepass", "correct-horse"]);
  for (const typed of [":wrong-battery@", ""]) {
    const error = await refusal(createBullmqQueue({ url: `redis://${typed}127.0.0.1:${server.port}`, ...quick }));
    expect(error.code).toBe("refused");
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
    expect(error.hint).toContain("REDIS_PASSWORD");
    expect(error.message + error.hint).not.toContain("wrong-battery");
  }
  await using queue = await queueAt(`redis://:correct-horse@127.0.0.1:${server.port}`);
  expect(queue.link().up).toBe(true);
});

test.skipIf(!there)("a Redis that evicts is refused in one line that says how to change it", async () => {
  await using server = await startRedis(["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
  const error = await refusal(createBullmqQueue({ url: server.url, ...quick }));
  expect(error).toMatchObject({ code: "refused" });
  expect(error.message).toContain(`127.0.0.1:${server.port}`);
  expect(error.message).toContain("allkeys-lru");
  expect(error.hint).toContain("maxmemory-policy noeviction");
  expect(error.message + error.hint).not.toContain("\n");
});

test.skipIf(!there)("one that comes back with eviction is not used until it is changed", async () => {
  await using server = await startRedis();
  const { log, lines, next } = listeningLog();
  await using queue = await queueAt(server.url, { log });
  await server.kill();
  const refused = next("maxmemory-policy");
  await server.start(["--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"]);
  await refused;
  expect(queue.link()).toMatchObject({ up: false });
  expect(queue.link().why).toContain("volatile-ttl");
  const back = next("Redis is back");
  await server.cli("config", "set", "maxmemory-policy", "noeviction");
  await back;
  expect(queue.link()).toMatchObject({ up: true, why: null });
  expect(lines.filter((line) => line.includes("volatile-ttl") && line.includes("hint"))).toHaveLength(1);
});

test.skipIf(!there)("without an append-only file there is one warning, with one there is none", async () => {
  await using without = await startRedis();
  await using having = await startRedis(["--appendonly", "yes"]);
  const [bare, kept] = [listeningLog(), listeningLog()];
  await using _one = await queueAt(without.url, { log: bare.log });
  await using _two = await queueAt(having.url, { log: kept.log });
  expect(bare.lines.filter((line) => line.includes("append-only"))).toHaveLength(1);
  expect(kept.lines).toEqual([]);
});

test.skipIf(!there)("one that is not there at the start is waited for within the limit, and used when it comes", async () => {
  await using server = await startRedis();
  await server.kill();
  const { log, next } = listeningLog();
  const began = performance.now();
  await using queue = await queueAt(server.url, { log });
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(queue.link()).toMatchObject({ up: false });
  expect(await refusal(queue.send(["task_1"]))).toMatchObject({ code: "away" });
  const back = next("Redis is back");
  await server.start();
  await back;
  const ids = nextIds(queue);
  await queue.send(["task_2"]);
  expect(await ids).toEqual(["task_2"]);
});

test.skipIf(!there)("killed: listeners look for anything at once and when it is back, and signals arrive again", async () => {
  await using server = await startRedis();
  await using queue = await queueAt(server.url);
  const gone = nextLook(queue);
  await server.kill();
  await gone;
  expect(queue.link().up).toBe(false);
  expect((await queue.health()).held).toBeNull();
  expect(await refusal(queue.deadLetters(1))).toMatchObject({ code: "away" });
  const back = nextLook(queue);
  await server.start();
  await back;
  expect(queue.link().up).toBe(true);
  const ids = nextIds(queue);
  await queue.send(["task_1"]);
  expect(await ids).toEqual(["task_1"]);
});

test.skipIf(!there)("with an append-only file, what was signalled before a kill is delivered after it", async () => {
  await using server = await startRedis(["--appendonly", "yes", "--appendfsync", "always"]);
  await using queue = await queueAt(server.url);
  await queue.send(["task_1"]);
  await server.kill();
  const ids = nextIds(queue);
  await server.start();
  expect(await ids).toEqual(["task_1"]);
});

test.skipIf(!there)("emptied: every process is told to look for anything, and signals go on", async () => {
  await using server = await startRedis();
  await using one = await queueAt(server.url);
  await using two = await queueAt(server.url);
  const looks = Promise.all([nextLook(one), nextLook(two)]);
  await one.send(["task_1"]);
  await server.cli("flushall");
  await looks;
  expect(one.link().up).toBe(true);
  const ids = nextIds(two);
  await one.send(["task_1"]);
  expect(await ids).toEqual(["task_1"]);
});

test.skipIf(!there)("silent with its connections open: no call hangs, and it is used again when it answers", async () => {
  await using server = await startRedis();
  await using queue = await queueAt(server.url);
  const gone = nextLook(queue);
  server.freeze();
  const began = performance.now();
  expect(await refusal(queue.send(["task_1"]))).toMatchObject({ code: "away" });
  expect((await queue.health()).held).toBeNull();
  await gone;
  expect(performance.now() - began).toBeLessThan(4 * quick.limitMs);
  expect(queue.link().why).toContain("no answer");
  const back = nextLook(queue);
  server.thaw();
  await back;
  expect(queue.link().up).toBe(true);
  const ids = nextIds(queue);
  await queue.send(["task_2"]);
  // The first may have been taken after all: signals may come late, or twice.
  expect(["task_1", "task_2"]).toContain((await ids)[0] ?? "");
});

const CLOSE = `
  const began = performance.now();
  await queue.close();
  console.log(performance.now() - began < 5_000 ? "closed in time" : "closed late");
`;

test.skipIf(!there)(
  "closes in time and leaves nothing that keeps the process alive, with Redis there or away from the start",
  async () => {
    await using server = await startRedis();
    const body = `queue.listen(() => {}); await queue.send(["task_1"]).catch(() => {}); ${CLOSE}`;
    expect(await alone(server.url, body)).toEqual({ code: 0, out: "closed in time\n" });
    await server.kill();
    expect(await alone(server.url, body)).toEqual({ code: 0, out: "closed in time\n" });
  },
  60_000,
);

test.skipIf(!there)(
  "closes in time when Redis was killed meanwhile",
  async () => {
    await using server = await startRedis();
    const body = `
    const gone = Promise.withResolvers();
    queue.listen((ids) => { if (ids === null) gone.resolve(); });
    process.kill(${server.pid()}, "SIGKILL");
    await gone.promise; ${CLOSE}`;
    expect(await alone(server.url, body)).toEqual({ code: 0, out: "closed in time\n" });
  },
  60_000,
);

test.skipIf(!there)(
  "closes in time when Redis fell silent, noticed or not",
  async () => {
    for (const wait of ["await gone.promise;", ""]) {
      await using server = await startRedis();
      const body = `
      const gone = Promise.withResolvers();
      queue.listen((ids) => { if (ids === null) gone.resolve(); });
      await queue.send(["task_1"]);
      process.kill(${server.pid()}, "SIGSTOP");
      ${wait} ${CLOSE}`;
      expect(await alone(server.url, body)).toEqual({ code: 0, out: "closed in time\n" });
    }
  },
  30_000,
);

test.skipIf(!there)(
  "closes in time when a handler does not end",
  async () => {
    await using server = await startRedis();
    const body = `
    const begun = Promise.withResolvers();
    queue.listen((ids) => { if (ids) begun.resolve(); return new Promise(() => {}); });
    queue.signal(["task_1"]);
    await begun.promise; ${CLOSE}`;
    expect(await alone(server.url, body)).toEqual({ code: 0, out: "closed in time\n" });
  },
  60_000,
);
