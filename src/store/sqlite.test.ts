/** The contract on SQLite, and what is its own: damaged files, settings, errors of the disk. */

import { describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { silentLog } from "../log/log.ts";
import { storeContract } from "./contract.ts";
import { saveFile } from "./contract-child.ts";
import { sqliteFailure } from "./sqlite/failure.ts";
import { openSqliteStore } from "./sqlite/store.ts";
import { StoreError } from "./store.ts";

const base = { tenant: "t", now: Date.now, log: silentLog, reached() {} };

function folder() {
  const path = mkdtempSync(join(tmpdir(), "store-sqlite-"));
  return { path, file: join(path, "deep", "store.db"), [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

describe("the store's contract on SQLite", () => {
  storeContract(async () => {
    const temp = folder();
    return {
      module: join(import.meta.dir, "sqlite/store.ts"),
      opener: "openSqliteStore",
      where: { path: temp.file },
      open: (options) => openSqliteStore({ ...options, path: temp.file }),
      filesOfBackup: async (path) => {
        using copy = new Database(path, { readonly: true });
        return copy
          .query<{ path: string }, []>("select path from files order by path")
          .all()
          .map((row) => row.path);
      },
      remove: async () => temp[Symbol.dispose](),
    };
  });
});

test("processes that open a new file at the same moment all get it", async () => {
  using temp = folder();
  const files = Array.from({ length: 20 }, (_, n) => join(temp.path, `${n}.db`));
  // Each opens one file after the other, all of them the same one at the same time.
  const child = `
    const { openSqliteStore } = await import(${JSON.stringify(join(import.meta.dir, "sqlite/store.ts"))});
    const quiet = () => {};
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet, child: () => log };
    console.log("ready");
    const start = Number(await new Response(Bun.stdin.stream()).text());
    for (const [n, path] of ${JSON.stringify(files)}.entries()) {
      while (Date.now() < start + n * 60);
      await (await openSqliteStore({ path, tenant: "t", now: Date.now, log, reached: quiet })).close();
    }`;
  const children = Array.from({ length: 3 }, () =>
    Bun.spawn([process.execPath, "-e", child], { stdin: "pipe", stdout: "pipe", stderr: "pipe" }),
  );
  for (const { stdout } of children) await stdout.getReader().read();
  const start = String(Date.now() + 20);
  for (const { stdin } of children) {
    stdin.write(start);
    await stdin.end();
  }
  for (const each of children) expect([await each.exited, await new Response(each.stderr).text()]).toEqual([0, ""]);
});

/** A store with enough rows to fill some pages, closed. */
async function filled(file: string): Promise<void> {
  const store = await openSqliteStore({ ...base, path: file });
  for (let n = 0; n < 200; n++) await saveFile(store, `${"long/".repeat(40)}${n}`);
  await store.close();
}

const refusal = (file: string) =>
  openSqliteStore({ ...base, path: file }).then(
    (store) => store.close(),
    (error: unknown) => error,
  );

describe("a damaged file is refused with a hint about backup", () => {
  const isCorrupt = { code: "corrupt", hint: expect.stringContaining("backup") };

  test("cut off", async () => {
    using temp = folder();
    await filled(temp.file);
    truncateSync(temp.file, statSync(temp.file).size / 2);
    expect(await refusal(temp.file)).toMatchObject(isCorrupt);
  });

  test("overwritten in the middle", async () => {
    using temp = folder();
    await filled(temp.file);
    const bytes = readFileSync(temp.file);
    bytes.fill(0x5a, bytes.length / 2);
    writeFileSync(temp.file, bytes);
    expect(await refusal(temp.file)).toMatchObject(isCorrupt);
  });

  test("something else altogether", async () => {
    using temp = folder();
    await filled(temp.file);
    writeFileSync(temp.file, "these are my notes, not a database\n".repeat(50));
    expect(await refusal(temp.file)).toMatchObject(isCorrupt);
  });

  test("emptied while its journal still holds data", async () => {
    using temp = folder();
    const store = await openSqliteStore({ ...base, path: temp.file });
    await saveFile(store, "a");
    truncateSync(temp.file, 0);
    expect(await refusal(temp.file)).toMatchObject(isCorrupt);
    expect(statSync(`${temp.file}-wal`).size).toBeGreaterThan(0);
    await store.close().catch(() => {});
  });
});

test("durable settings, and reads that cannot write", async () => {
  using temp = folder();
  const store = await openSqliteStore({ ...base, path: temp.file });
  const pragma = (name: string) =>
    store.write(
      "x",
      async ({ db }) => Object.values((await sql<object>`${sql.raw(`pragma ${name}`)}`.execute(db)).rows[0] ?? {})[0],
    );
  expect(await pragma("journal_mode")).toBe("wal");
  // The commit itself is not forced to the disk: what follows it is (see the tests of durable.ts).
  expect(await pragma("synchronous")).toBe(1);
  expect(await pragma("foreign_keys")).toBe(1);
  expect(await pragma("busy_timeout")).toBe(5000);
  const writing = store.read(({ db }) => db.deleteFrom("files").execute());
  expect(await writing.catch((error: unknown) => error)).toMatchObject({ code: "read_only" });
  await store.close();
  expect(existsSync(`${temp.file}-wal`)).toBe(false);
});

test("a read inside a change does not hang: it sees what was committed before", async () => {
  using temp = folder();
  const store = await openSqliteStore({ ...base, path: temp.file });
  const count = await store.write("x", async (tx) => {
    await tx.db.insertInto("meta").values({ key: "k", value: "v" }).execute();
    return await store.read(async ({ db }) => (await db.selectFrom("meta").selectAll().execute()).length);
  });
  expect(count).toBe(0);
  await store.close();
});

test("errors of the disk become one code and one hint; others stay what they are", async () => {
  using temp = folder();
  await filled(temp.file);
  const caught = (act: () => unknown): unknown => {
    try {
      act();
    } catch (error) {
      return sqliteFailure(error, temp.file);
    }
    return expect.unreachable("it should have failed");
  };
  using database = new Database(temp.file);
  using second = new Database(temp.file);
  using reading = new Database(temp.file, { readonly: true });
  const grow = "insert into files select tenant, path || '+', hash, task_id, written_at from files";
  expect(caught(() => reading.run(grow))).toMatchObject({ code: "read_only" });
  database.run("begin immediate");
  expect(caught(() => second.run("begin immediate"))).toMatchObject({ code: "busy" });
  database.run("pragma max_page_count = 10");
  expect(caught(() => database.run(grow))).toMatchObject({ code: "full" });
  expect(caught(() => new Database(join(temp.path, "no", "such.db")))).toMatchObject({ code: "unreachable" });
  database.run("rollback");
  const constraint = caught(() => second.run("insert into files (path) values (null)"));
  expect(constraint).not.toBeInstanceOf(StoreError);
  expect(constraint).toMatchObject({ code: "SQLITE_CONSTRAINT_NOTNULL" });
});

test("a full disk in the middle of a change undoes it, and the store goes on when there is room", async () => {
  using temp = folder();
  const store = await openSqliteStore({ ...base, path: temp.file });
  await store.write("x", async ({ db }) => void (await sql`pragma max_page_count = 1`.execute(db)));
  const large = "x".repeat(500_000);
  const failed = await store
    .write("x", async (tx) => {
      await tx.db.insertInto("meta").values({ key: "small", value: "" }).execute();
      await tx.db.insertInto("meta").values({ key: "large", value: large }).execute();
    })
    .catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: "full", hint: expect.stringContaining("space") });
  await store.write("x", async ({ db }) => void (await sql`pragma max_page_count = 100000`.execute(db)));
  await store.write("x", async ({ db }) => void (await db.insertInto("meta").values({ key: "large", value: large }).execute()));
  expect(await store.read(({ db }) => db.selectFrom("meta").select("key").execute())).toEqual([{ key: "large" }]);
  await store.close();
});

test("a path that cannot be a database is one clear error", async () => {
  using temp = folder();
  writeFileSync(join(temp.path, "a-file"), "");
  expect(await refusal(join(temp.path, "a-file", "store.db"))).toMatchObject({ code: "unreachable" });
  expect(await refusal(temp.path)).toMatchObject({ code: "unreachable" });
});
