/** Connections that fall silent: who is given up, and who only takes his time. */

import { expect, test } from "bun:test";
import { silentLog } from "../../log/log.ts";
import { postgresService } from "../services.ts";
import { startTcpProxy } from "../daemon/tcp-proxy.ts";
import { openPool } from "../../store/postgres/connect.ts";

const service = await postgresService();
const LIMITS = { lookMs: 200, againMs: 100, awayMs: 2_000 };

async function scene() {
  if (!service.ok) throw new Error("no PostgreSQL");
  const { hostname, port } = new URL(service.url);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port || 5432) });
  const url = new URL(service.url);
  url.host = `127.0.0.1:${proxy.port}`;
  const pool = await openPool({ url: url.href, schema: "public", log: silentLog, limits: LIMITS });
  return {
    proxy,
    pool,
    async [Symbol.asyncDispose]() {
      await pool.end();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const outcome = (work: Promise<unknown>) =>
  work.then(
    () => "answered",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

test.skipIf(!service.ok)("a statement that takes long is left alone, also one that waits for a lock", async () => {
  await using it = await scene();
  const slow = outcome(it.pool.query("select pg_sleep(1.5)"));
  const holder = await it.pool.connect();
  await holder.query("select pg_advisory_lock(4711)");
  const waiting = outcome(it.pool.query("select pg_advisory_xact_lock(4711)"));
  expect(await slow).toBe("answered");
  await holder.query("select pg_advisory_unlock(4711)");
  holder.release();
  expect(await waiting).toBe("answered");
});

test.skipIf(!service.ok)("a connection that only the server still has is given up, and a new one serves", async () => {
  await using it = await scene();
  const client = await it.pool.connect();
  await client.query("begin");
  it.proxy.silence();
  const asked = outcome(client.query("select 1"));
  it.proxy.heal();
  expect(await asked).toBe("Connection terminated");
  client.release(true);
  expect((await it.pool.query("select 1 as n")).rows).toEqual([{ n: 1 }]);
});

test.skipIf(!service.ok)(
  "while nobody can be reached a statement is given up only when that has lasted",
  async () => {
    await using it = await scene();
    const client = await it.pool.connect();
    it.proxy.silence();
    const began = performance.now();
    expect(await outcome(client.query("select pg_sleep(0.1)"))).toBe("Connection terminated");
    expect(performance.now() - began).toBeGreaterThan(LIMITS.awayMs);
    client.release(true);
    it.proxy.heal();
  },
  60_000,
);

test.skipIf(!service.ok)(
  "who waits for a free connection waits longer than one waits for a server that does not answer",
  async () => {
    await using it = await scene();
    const all = Array.from({ length: 10 }, () => it.pool.query("select pg_sleep(5.5)"));
    const last = outcome(it.pool.query("select 1"));
    await Promise.all(all);
    expect(await last).toBe("answered");
  },
  60_000,
);
