/** A change is told only when it is on the disk; changes that wait at the same time share one sync. */

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../log/log.ts";
import { getMeta, setMeta } from "../meta.ts";
import { openSqliteStore } from "./store.ts";

/** A disk whose syncs end when the test says so. */
function slowDisk() {
  const waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  let asked = Promise.withResolvers<void>();
  return {
    count: () => count,
    waiting,
    /** The next sync that has begun. */
    async begun() {
      while (waiting.length === 0) await asked.promise;
      const next = waiting.shift();
      if (!next) throw new Error("no sync");
      return next;
    },
    sync: () => {
      count++;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push({ resolve, reject });
      asked.resolve();
      asked = Promise.withResolvers();
      return promise;
    },
  };
}
let count = 0;

async function open(disk?: ReturnType<typeof slowDisk>) {
  count = 0;
  const folder = mkdtempSync(join(tmpdir(), "durable-"));
  const path = join(folder, "store.db");
  const options = { path, tenant: "default", now: Date.now, log: silentLog, reached() {} };
  const store = await openSqliteStore({ ...options, ...(disk && { sync: disk.sync }) });
  return {
    store,
    set: (key: string) => store.write("test.set", (tx) => setMeta(tx, key, "yes")),
    async [Symbol.asyncDispose]() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test("a change resolves after its sync, and those that committed meanwhile share the next one", async () => {
  const disk = slowDisk();
  await using at = await open(disk);
  const told: string[] = [];
  const tell = (key: string) => at.set(key).then(() => void told.push(key));
  const first = tell("a");
  const sync = await disk.begun();
  const later = ["b", "c", "d"].map(tell);
  // They are committed, and still wait: others may read them already.
  const seen = async () => at.store.read((read) => getMeta(read, "d"));
  while ((await seen()) === null) await Bun.sleep(0);
  expect(told).toEqual([]);
  sync.resolve();
  await first;
  expect(told).toEqual(["a"]);
  (await disk.begun()).resolve();
  await Promise.all(later);
  expect(told.toSorted()).toEqual(["a", "b", "c", "d"]);
  expect(disk.count()).toBe(2);
});

test("a change that commits while a sync is under way is not told by it", async () => {
  const disk = slowDisk();
  await using at = await open(disk);
  const inside = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const first = at.set("a");
  const sync = await disk.begun();
  // Its rows are changed before the sync ends, its commit comes after.
  const second = at.store.write("test.slow", async (tx) => {
    await setMeta(tx, "b", "yes");
    inside.resolve();
    await go.promise;
  });
  await inside.promise;
  sync.resolve();
  await first;
  go.resolve();
  (await disk.begun()).resolve();
  await second;
  expect(disk.count()).toBe(2);
});

test("a change that changed nothing waits for no disk", async () => {
  const disk = slowDisk();
  await using at = await open(disk);
  await at.store.write("test.look", (tx) => getMeta(tx, "nothing"));
  expect(disk.count()).toBe(0);
});

test("a lazy change is told at once, takes the disk with it, and closing waits for that", async () => {
  const disk = slowDisk();
  await using at = await open(disk);
  await at.store.write("test.lazy", (tx) => setMeta(tx, "a", "yes"), { lazy: true });
  const sync = await disk.begun();
  let closed = false;
  const closing = at.store.close().then(() => (closed = true));
  expect(await Promise.race([closing, Bun.sleep(0)])).toBeUndefined();
  expect(closed).toBe(false);
  sync.resolve();
  await closing;
  expect(disk.count()).toBe(1);
});

test("a disk that refuses once is trusted no more: nothing after it is told as saved", async () => {
  const disk = slowDisk();
  await using at = await open(disk);
  const lost = at.set("a").catch((error: unknown) => error);
  (await disk.begun()).reject(Object.assign(new Error("EIO"), { code: "EIO", syscall: "fdatasync" }));
  expect(await lost).toMatchObject({ code: "unreachable" });
  expect(await at.set("b").catch((error: unknown) => error)).toMatchObject({ code: "unreachable" });
  expect(disk.count()).toBe(1);
});

test("on a real disk it is the log that is synced", async () => {
  await using at = await open();
  await Promise.all(["a", "b", "c"].map(at.set));
  expect(await at.store.read((read) => getMeta(read, "c"))).toBe("yes");
});
