/** Disks that lie, fail or fill up: what was told as saved is there, and nothing else was told. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, copyFileSync, existsSync, fdatasync, mkdirSync, rmSync, statSync } from "node:fs";
import { rm, statfs, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createDoor } from "../../api/door.ts";
import { silentLog } from "../../log/log.ts";
import { setMeta } from "../../store/meta.ts";
import type { Sync } from "../../store/sqlite/durable.ts";
import { openSqliteStore } from "../../store/sqlite/store.ts";
import { openBus } from "../bus.ts";
import { tempDir } from "../cli.ts";
import { pollUntil } from "../daemon/poll.ts";
import { endedBy, openScene, type Scene } from "../daemon/scene.ts";
import { post, TOKEN } from "../daemon/world.ts";
import { DATABASE } from "../kill/books.ts";

const LIMIT_MS = 90_000;

let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir[Symbol.asyncDispose]());

const onDisk: Sync = (file) => new Promise((resolve, reject) => fdatasync(file, (error) => (error ? reject(error) : resolve())));

/**
 * A disk that keeps of a database what was there when the last sync that ended well began: the least that a power cut leaves.
 * With `lies` it says that it has synced and has kept nothing since its beginning.
 */
function disk(path: string, image: string, { lies = false } = {}) {
  let passes = 0;
  const take = () => {
    for (const side of ["", "-wal"]) if (existsSync(path + side)) copyFileSync(path + side, image + side);
  };
  return {
    passes: () => passes,
    sync: (async (file) => {
      // Nobody writes meanwhile: SQLite works in this thread.
      if (!lies || passes === 0) take();
      await onDisk(file);
      passes++;
    }) satisfies Sync,
  };
}

/** The keys that a database holds when it is opened after the cut; `torn`: the write that was under way left half of itself. */
function keysAfterCut(image: string, torn: boolean): Set<string> {
  const copy = `${image}-after`;
  for (const side of ["", "-wal", "-shm"]) rmSync(copy + side, { force: true });
  for (const side of ["", "-wal"]) if (existsSync(image + side)) copyFileSync(image + side, copy + side);
  if (torn) appendFileSync(`${copy}-wal`, crypto.getRandomValues(new Uint8Array(3_000)));
  const db = new Database(copy);
  try {
    expect(db.query("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    const rows = db.query<{ key: string }, []>("select key from meta").all();
    return new Set(rows.map(({ key }) => key.replace(/^.*\//, "")));
  } finally {
    db.close();
  }
}

/** Many writers, and 100 cuts among them. Returns how many keys were told as saved and are gone, over all cuts. */
async function lostInCuts(name: string, lies: boolean): Promise<{ lost: number; told: number }> {
  const [path, image] = [join(dir.path, `${name}.db`), join(dir.path, `${name}-image`)];
  const it = disk(path, image, { lies });
  const store = await openSqliteStore({ path, tenant: "t", now: Date.now, log: silentLog, reached() {}, sync: it.sync });
  const told: string[] = [];
  let lost = 0;
  for (let cut = 0; cut < 100; cut++) {
    // Some writes that nobody waits for any more are under way at each cut.
    const writes = Array.from({ length: 1 + (cut % 7) }, async (_, n) => {
      const key = `k${cut}-${n}`;
      await store.write("test.set", (tx) => setMeta(tx, key, "x".repeat(cut * 40)));
      told.push(key);
    });
    await Promise.race(writes);
    const there = keysAfterCut(image, cut % 2 === 1);
    lost += told.filter((key) => !there.has(key)).length;
    if (cut % 3 === 0) await Promise.all(writes);
  }
  await store.close();
  return { lost, told: told.length };
}

test(
  "100 power cuts among many writers: all that was told as saved is there, torn log or not",
  async () => {
    const { lost, told } = await lostInCuts("cuts", false);
    expect(told).toBeGreaterThan(200);
    expect(lost).toBe(0);
  },
  LIMIT_MS,
);

test(
  "the check of the cuts sees a disk that only says it has synced",
  async () => {
    expect((await lostInCuts("lies", true)).lost).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

/** A bus and its door, in this process, on a disk that refuses from this sync on. */
async function busOnDisk(good: number) {
  const path = join(dir.path, "refusing.db");
  const shared = { path, tenant: "default", now: Date.now, log: silentLog, reached() {} };
  let syncs = 0;
  const sync: Sync = (file) =>
    ++syncs > good ? Promise.reject(Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" })) : onDisk(file);
  const store = await openSqliteStore({ ...shared, sync });
  const it = await openBus("sqlite", { now: Date.now(), wrap: () => store });
  const door = createDoor({
    ...{ bus: it.bus, tokens: [TOKEN], sources: new Map(), host: "127.0.0.1", port: 0, log: silentLog, now: Date.now },
    health: () => ({ ready: true, level: "full", reasons: [] }),
    metrics: () => "",
  });
  return {
    url: door.url,
    async keysAfterRestart() {
      await store.close();
      const again = await openSqliteStore(shared);
      expect(await again.check()).toEqual([]);
      await again.close();
      using db = new Database(path, { readonly: true });
      return new Set(
        db
          .query<{ key: string }, []>("select key from inbox")
          .all()
          .map(({ key }) => key),
      );
    },
    async [Symbol.asyncDispose]() {
      await door.stop();
      await it[Symbol.asyncDispose]();
    },
  };
}

test(
  "a sync that fails: nothing after it is acknowledged at the door, and all that was is there at the next start",
  async () => {
    await using bus = await busOnDisk(6);
    const answers: number[] = [];
    const told = new Set<string>();
    for (let round = 0; round < 12; round++) {
      const ids = Array.from({ length: 5 }, (_, n) => `e${round}-${n}`);
      const statuses = await Promise.all(ids.map((id) => post(bus.url, { id, type: "noise", data: {} })));
      for (const [n, answer] of statuses.entries()) {
        answers.push(answer?.status ?? 0);
        if (answer?.status === 202) told.add(ids[n] ?? "");
      }
    }
    expect(told.size).toBeGreaterThan(5);
    // Once refused, refused for good: nobody knows what the disk still holds.
    expect(answers.slice(answers.indexOf(503))).toEqual(Array(answers.length - answers.indexOf(503)).fill(503));
    expect(answers).toContain(503);
    const there = await bus.keysAfterRestart();
    expect([...told].filter((id) => !there.has(id))).toEqual([]);
  },
  LIMIT_MS,
);

const strace = Bun.which("strace");
test.skipIf(strace === null)(
  "a daemon whose disk refuses from some sync on acknowledges nothing more, and the next one goes on with all that was",
  async () => {
    await using it = await openScene();
    // The kernel's own answer, given to a real process: EIO to each sync of a file, but for the first few of each thread.
    // -D: the process that we started is the daemon, and the tracer goes when it does.
    const inject = ["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=8+"];
    const daemon = it.start({ under: [strace ?? "", ...inject] });
    const url = (await daemon.ready) ?? "";
    let n = 0;
    await pollUntil("the disk refuses", async () => (await it.tell(url, `e${n++}`)) === 503, { seen: () => daemon.stderr() });
    for (let more = 0; more < 5; more++) expect(await it.tell(url, `late${more}`)).toBe(503);
    expect(await daemon.said("the store cannot be used")).toBe(true);
    daemon.signal("SIGKILL");
    await daemon.exited;
    const next = it.start();
    await next.ready;
    await it.until("all that was taken is done", "select count(*) as n from goals where status = 'running'", 0);
    expect(await endedBy(next)).toBe(0);
    expect(await it.faults(1)).toEqual([]);
  },
  LIMIT_MS,
);

test(
  "a disk that fills up under a daemon: the door says 503 and reading goes on; with room again it takes events and ends its goals",
  async () => {
    const disk = join(dir.path, "small");
    mkdirSync(disk);
    const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk]).exitCode === 0;
    if (!mounted) {
      const why = "a small disk needs root and the right to mount a tmpfs";
      if (process.env.REQUIRE_SERVICES === "1") throw new Error(why);
      return console.log(`skipped: ${why}`);
    }
    try {
      await using it = await openScene({ workspace: join(disk, "workspace"), latencyMs: 200 });
      await fillsUp(it, disk);
    } finally {
      Bun.spawnSync(["umount", "-l", disk]);
    }
  },
  LIMIT_MS,
);

async function fillsUp(it: Scene, disk: string): Promise<void> {
  const daemon = it.start();
  const url = (await daemon.ready) ?? "";
  for (let n = 0; n < 3; n++) expect(await it.tell(url, `before${n}`)).toBe(202);
  // Others take what is left, to the last page.
  const ballast = join(disk, "ballast");
  const { bavail, bsize } = await statfs(disk);
  await writeFile(ballast, Buffer.alloc(bavail * bsize)).catch(() => {});
  let n = 0;
  // The log has some room of its own left.
  await pollUntil("the door refuses", async () => (await it.tell(url, `full${n++}`)) === 503, { limitMs: 20_000 });
  // What there is can be read, and it says what is wrong.
  const health = (await (await fetch(`${url}/health`)).json()) as { level: string; reasons: string[] };
  expect([health.level, health.reasons.join("; ")]).toEqual(["minimal", expect.stringContaining("free on the disk")]);
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
  await truncate(ballast, 0);
  await rm(ballast);
  await pollUntil("it takes events again", async () => (await it.tell(url, "after")) === 202, { seen: () => daemon.stderr() });
  await it.until("all goals are done", "select count(*) as n from goals where status <> 'completed'", 0);
  expect(daemon.alive()).toBe(true);
  expect(await endedBy(daemon)).toBe(0);
  // A call whose answer could not be saved is lost, and asked again.
  expect(await it.faults(10)).toEqual([]);
  expect(statSync(join(it.workspace, DATABASE)).size).toBeGreaterThan(0);
}
