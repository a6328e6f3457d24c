/** A wire to PostgreSQL that falls silent with its connections open. */

import { expect, test } from "bun:test";
import { silentLog } from "../../log/log.ts";
import { getMeta, setMeta } from "../../store/meta.ts";
import { openPostgresStore } from "../../store/postgres/store.ts";
import { StoreError } from "../../store/store.ts";
import { postgresAsk } from "../daemon/books.ts";
import { postgresTruth } from "../daemon/places.ts";
import { pollUntil } from "../daemon/poll.ts";
import { endedBy, openScene } from "../daemon/scene.ts";
import { startTcpProxy } from "../daemon/tcp-proxy.ts";
import { postgresService } from "../services.ts";

const service = await postgresService();
const NOTICED_MS = 30_000;

test.skipIf(!service.ok)(
  "a wire to PostgreSQL that falls silent: who comes new is told in seconds, and goes on when it speaks again; nothing told as saved is lost",
  async () => {
    if (!service.ok) return;
    const { hostname, port } = new URL(service.url);
    const schema = `t_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
    const proxy = await startTcpProxy({ host: hostname, port: Number(port || 5432) });
    const url = new URL(service.url);
    url.host = `127.0.0.1:${proxy.port}`;
    const store = await openPostgresStore({
      ...{ url: url.href, schema, tenant: "t", now: Date.now, log: silentLog, reached() {} },
    });
    const told: string[] = [];
    const set = async (key: string) => {
      await store.write("test.set", (tx) => setMeta(tx, key, "yes"));
      told.push(key);
    };
    await set("before");
    proxy.silence();
    // The connection that was there: nobody says that it is gone, and this waits until we find out.
    const caught = set("caught");
    const since = performance.now();
    const error = await set("new").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreError);
    expect((error as StoreError).message).toMatch(/does not answer/);
    expect(performance.now() - since).toBeLessThan(10_000);
    proxy.heal();
    await set("after");
    // It had not come to its commit: it is done again, on a new connection.
    await caught;
    expect(performance.now() - since).toBeLessThan(NOTICED_MS);
    await store.close();
    await proxy[Symbol.asyncDispose]();
    const again = await openPostgresStore({
      ...{ url: service.url, schema, tenant: "t", now: Date.now, log: silentLog, reached() {} },
    });
    for (const key of told) expect(await again.read((read) => getMeta(read, key))).toBe("yes");
    await again.close();
    await postgresAsk(service.url)(`drop schema "${schema}" cascade`);
  },
  60_000,
);

test.skipIf(!service.ok)(
  "a daemon whose wire to PostgreSQL falls silent: its health says so in half a minute, it goes on when the wire is back, nothing is done twice",
  async () => {
    if (!service.ok) return;
    const { hostname, port } = new URL(service.url);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port || 5432) });
    const direct = await postgresTruth(service.url);
    const url = new URL(direct.env["DATABASE_URL"] ?? "");
    url.host = `127.0.0.1:${proxy.port}`;
    await using scene = await openScene({ truth: { ...direct, env: { DATABASE_URL: url.href } }, latencyMs: 300 });
    const daemon = scene.start();
    const door = (await daemon.ready) ?? "";
    const health = async () => {
      const began = performance.now();
      const { ready, reasons } = (await (await fetch(`${door}/health`)).json()) as { ready: boolean; reasons: string[] };
      // Whoever asks for it, a supervisor for one, has no patience.
      expect(performance.now() - began).toBeLessThan(10_000);
      return { ready, reasons };
    };
    const turned = (to: boolean) =>
      pollUntil(`ready is ${to}`, async () => (await health()).ready === to, {
        ...{ limitMs: NOTICED_MS, everyMs: 200 },
        seen: () => daemon.stderr().slice(-2_000),
      });
    expect((await health()).ready).toBe(true);
    for (const id of ["a", "b", "c"]) expect(await scene.tell(door, id)).toBe(202);
    await pollUntil("the team is at work", () => scene.requests() > 3);
    proxy.silence();
    await turned(false);
    expect((await health()).reasons.join()).toMatch(/PostgreSQL|the store/);
    await pollUntil("the silent connections are given up", () => daemon.stderr().includes("fell silent and is given up"), {
      limitMs: NOTICED_MS,
      seen: () => daemon.stderr().slice(-2_000),
    });
    expect(daemon.alive()).toBe(true);
    proxy.heal();
    await turned(true);
    await scene.until("all of it is done", "select count(*)::int as n from goals where status = 'completed'", 3);
    expect(await endedBy(daemon)).toBe(0);
    expect(await scene.faults(1)).toEqual([]);
  },
  180_000,
);
