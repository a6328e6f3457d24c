/** A wire to PostgreSQL that falls silent with its connections open. */

import { expect, test } from "bun:test";
import { silentLog } from "../log/log.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import { openPostgresStore } from "../store/postgres/store.ts";
import { StoreError } from "../store/store.ts";
import { postgresAsk } from "./daemon/books.ts";
import { startTcpProxy } from "./daemon/tcp-proxy.ts";
import { postgresService } from "./services.ts";

const service = await postgresService();

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
    // The connection that was there: nobody says that it is gone, and this waits for the system to find out.
    const caught = set("caught").catch((error: unknown) => error);
    const since = performance.now();
    const error = await set("new").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreError);
    expect((error as StoreError).message).toMatch(/does not answer|were in use for 5 s/);
    expect(performance.now() - since).toBeLessThan(10_000);
    proxy.heal();
    await set("after");
    // Now it is found out.
    await proxy[Symbol.asyncDispose]();
    expect(await caught).toBeInstanceOf(StoreError);
    await store.close();
    const again = await openPostgresStore({
      ...{ url: service.url, schema, tenant: "t", now: Date.now, log: silentLog, reached() {} },
    });
    for (const key of told) expect(await again.read((read) => getMeta(read, key))).toBe("yes");
    await again.close();
    await postgresAsk(service.url)(`drop schema "${schema}" cascade`);
  },
  60_000,
);
