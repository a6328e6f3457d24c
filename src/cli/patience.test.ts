/** A start while the database is away: it waits and says so once; what waiting does not mend is told at once. */

import { expect, test } from "bun:test";
import { silentLog } from "../log/log.ts";
import { openPostgresStore } from "../store/postgres/store.ts";
import { StoreError } from "../store/store.ts";
import { whenThere } from "./patience.ts";

/** A port on which nobody listens. */
async function nobody(): Promise<number> {
  const unused = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = unused.port ?? 0;
  await unused.stop(true);
  return port;
}

const away = async () => {
  const url = `postgresql://me@127.0.0.1:${await nobody()}/db`;
  return openPostgresStore({ url, tenant: "t", now: Date.now, log: silentLog, reached() {} });
};

function scene() {
  const said: string[] = [];
  const waits: number[] = [];
  const controller = new AbortController();
  const options = {
    stop: controller.signal,
    say: (line: string) => void said.push(line),
    pause: async (ms: number) => void waits.push(ms),
  };
  return { said, waits, controller, options };
}

test("it waits longer and longer, says so once, and goes on when the database is there", async () => {
  const { said, waits, options } = scene();
  let tries = 0;
  expect(await whenThere<unknown>(() => (++tries < 7 ? away() : Promise.resolve("open")), options)).toBe("open");
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(said).toEqual([expect.stringContaining("does not answer")]);
});

test("a stop ends the waiting", async () => {
  const { controller, options } = scene();
  expect(await whenThere(away, { ...options, pause: async () => controller.abort() })).toBeNull();
});

test("a refused login, a newer schema or a fault of ours is thrown at once", async () => {
  const { waits, options } = scene();
  const refused = new StoreError("unreachable", "refuses the login", "check", {
    cause: Object.assign(new Error("no"), { code: "28P01" }),
  });
  for (const error of [refused, new StoreError("newer", "newer", "upgrade"), new Error("ours")])
    expect(await whenThere(() => Promise.reject(error), options).catch((caught: unknown) => caught)).toBe(error);
  expect(waits).toEqual([]);
});
