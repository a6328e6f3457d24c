/** A redis-server of its own for a test or a benchmark, on a free port, which can be killed, frozen and started again. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** As kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** On the same port, with the same folder and these settings besides; resolves when it answers. */
  start(more?: readonly string[]): Promise<void>;
  pid(): number;
  /** Stops answering, with its connections open: what a partition looks like. */
  freeze(): void;
  thaw(): void;
  /** One redis-cli command; returns what it prints. */
  cli(...args: readonly string[]): Promise<string>;
}

/** What a test suite uses: the server at `TEST_REDIS_URL`, one of its own, or none, in which case it is skipped. */
export type TestRedis = { readonly url: string | null; readonly stop: () => Promise<void> };

/**
 * Finds or starts a server for a suite. Without one it says so in a line, or throws where REQUIRE_SERVICES=1, so that CI
 * cannot skip unseen.
 */
export async function redisForTests(env: Readonly<Record<string, string | undefined>>): Promise<TestRedis> {
  const given = env["TEST_REDIS_URL"];
  if (given) {
    if (await answers(given)) return { url: given, stop: async () => {} };
    return absent(env, "the server at TEST_REDIS_URL does not answer");
  }
  if (redisProgram() === null) return absent(env, "TEST_REDIS_URL is not set and redis-server is not installed");
  const server = await startRedis();
  return { url: server.url, stop: async () => server[Symbol.asyncDispose]() };
}

/** For suites that kill their server and so need one of their own. Says or throws like `redisForTests`. */
export function ownRedis(env: Readonly<Record<string, string | undefined>>): boolean {
  if (redisProgram() !== null) return true;
  absent(env, "redis-server is not installed");
  return false;
}

function absent(env: Readonly<Record<string, string | undefined>>, why: string): TestRedis {
  if (env["REQUIRE_SERVICES"] === "1") throw new Error(`redis is required by REQUIRE_SERVICES=1, but: ${why}`);
  console.error(`SKIP redis: ${why}`);
  return { url: null, stop: async () => {} };
}

/** Takes away what tests left under these prefixes: the server may be somebody's own. */
export async function dropKeys(url: string, prefixes: Iterable<string>): Promise<void> {
  const client = new Redis(url);
  for (const prefix of prefixes) for (const key of await keysOf(client, prefix)) await client.unlink(key);
  client.disconnect();
}

export async function keysOf(client: Redis, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const found of client.scanStream({ match: `${prefix}:*`, count: 1_000 })) keys.push(...(found as string[]));
  return keys;
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 800, commandTimeout: 800 });
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.ping()) === "PONG";
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}

/** Where Debian's redis-server lies, or null. */
export function redisProgram(): string | null {
  return Bun.which("redis-server", { PATH: "/usr/bin:/usr/local/bin:/opt/homebrew/bin" });
}

/** Starts a server in a temporary folder, bound to 127.0.0.1. Throws when there is no redis-server. */
export async function startRedis(settings: readonly string[] = []): Promise<TestServer> {
  const program = redisProgram();
  if (program === null) throw new Error("redis-server is not installed");
  const folder = mkdtempSync(join(tmpdir(), "redis-"));
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...settings];
  const spawn = (more: readonly string[] = []) =>
    Bun.spawn([program, ...args, ...more], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  let child = spawn();
  const server: TestServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    async start(more) {
      child = spawn(more);
      await answering(child.stdout);
    },
    pid: () => child.pid,
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    async cli(...command) {
      return (
        await Bun.$`redis-cli -p ${port} ${command}`.env({ PATH: "/usr/bin:/usr/local/bin:/opt/homebrew/bin" }).quiet().text()
      ).trim();
    },
    async [Symbol.asyncDispose]() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await answering(child.stdout);
  return server;
}

/** The server says in its log when it takes connections; what it says later is read and thrown away. */
async function answering(output: ReadableStream<Uint8Array>): Promise<void> {
  const ready = Promise.withResolvers<void>();
  void (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of output) {
      if (text === "ready") continue;
      text += decoder.decode(chunk, { stream: true });
      if (!text.includes("Ready to accept connections")) continue;
      text = "ready";
      ready.resolve();
    }
    ready.reject(new Error(`redis-server ended: ${text}`));
  })();
  await ready.promise;
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
  });
  return promise;
}
