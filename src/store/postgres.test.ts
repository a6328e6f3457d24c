/** The contract on PostgreSQL, and what is its own: connections that break, conflicts, listening, settings. */

import { describe, expect, test } from "bun:test";
import { sql } from "kysely";
import { join } from "node:path";
import { silentLog } from "../log/log.ts";
import { postgresService } from "../test/services.ts";
import { storeContract } from "./contract.ts";
import { saveFile } from "./contract-child.ts";
import { openPostgresStore } from "./postgres/store.ts";
import { StoreError, type Store, type Tx } from "./store.ts";

const service = await postgresService();
const url = service.ok ? service.url : "";
const base = { tenant: "t", now: Date.now, log: silentLog, reached() {} };

/** Runs one statement on a connection of its own, in `database` or that of the URL. */
async function admin(statement: string, database?: string): Promise<Record<string, unknown>[]> {
  const { Client } = await import("pg");
  const target = new URL(url);
  if (database !== undefined) target.pathname = `/${database}`;
  const client = new Client({ connectionString: String(target) });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

function freshSchema() {
  // A name that must be quoted, so that an unquoted one fails here and not with somebody's own schema.
  const schema = `Test ${crypto.randomUUID().slice(0, 8)}`;
  return { schema, [Symbol.asyncDispose]: async () => void (await admin(`drop schema if exists "${schema}" cascade`)) };
}

describe.skipIf(!service.ok)("the store's contract on PostgreSQL", () => {
  storeContract(async () => {
    const temp = freshSchema();
    return {
      module: join(import.meta.dir, "postgres/store.ts"),
      opener: "openPostgresStore",
      where: { url, schema: temp.schema },
      // The suite drives the time; whose time counts else: see leases.test.ts.
      open: (options) => openPostgresStore({ ...options, url, schema: temp.schema, clock: "given" }),
      filesOfBackup: (path) => restored(path, temp.schema),
      remove: () => temp[Symbol.asyncDispose](),
    };
  });
});

/** Restores a dump into a database of its own and reads it there. */
async function restored(path: string, schema: string): Promise<string[]> {
  const database = `restore_${crypto.randomUUID().slice(0, 8)}`;
  await admin(`create database ${database}`);
  try {
    const target = new URL(url);
    target.pathname = `/${database}`;
    const restore = Bun.spawn(["pg_restore", "--exit-on-error", `--dbname=${target}`, path], { stderr: "pipe" });
    expect(await new Response(restore.stderr).text()).toBe("");
    expect(await restore.exited).toBe(0);
    return (await admin(`select path from "${schema}".files order by path`, database)).map((row) => String(row.path));
  } finally {
    await admin(`drop database ${database} with (force)`);
  }
}

/** A store on a fresh schema, for one test. Its connections carry a name of their own, so that the test cuts no others. */
async function bench() {
  const temp = freshSchema();
  const open = (parameters: Record<string, string> = {}) => {
    const target = new URL(url);
    const named = { application_name: temp.schema, ...parameters };
    for (const [name, value] of Object.entries(named)) target.searchParams.set(name, value);
    return openPostgresStore({ ...base, url: String(target), schema: temp.schema });
  };
  const store = await open();
  const others: Store[] = [];
  return {
    ...temp,
    store,
    cut: (which: string) =>
      admin(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${temp.schema}' and ${which}`),
    another: async (parameters?: Record<string, string>) => {
      const other = await open(parameters);
      others.push(other);
      return other;
    },
    files: () =>
      store.read(async ({ db }) =>
        (await db.selectFrom("files").select("path").orderBy("path").execute()).map((row) => row.path),
      ),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([store, ...others].map((each) => each.close()));
      await temp[Symbol.asyncDispose]();
    },
  };
}

const file = (path: string) => ({ tenant: "t", path, hash: "-", task_id: null, written_at: 0 });

async function cutOff(tx: Tx): Promise<void> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx.db);
  await admin(`select pg_terminate_backend(${rows[0]?.pid})`);
}

describe.skipIf(!service.ok)("PostgreSQL only", () => {
  test("a connection that breaks inside a change is replaced and the change made again, once", async () => {
    await using at = await bench();
    let runs = 0;
    await at.store.write("x", async (tx) => {
      runs += 1;
      await tx.db
        .insertInto("files")
        .values(file(`run ${runs}`))
        .execute();
      if (runs === 1) await cutOff(tx);
      await tx.db.insertInto("files").values(file("second")).execute();
    });
    expect(runs).toBe(2);
    expect(await at.files()).toEqual(["run 2", "second"]);
  });

  test("a connection that breaks at the commit is not tried again: nobody knows whether it is saved", async () => {
    await using at = await bench();
    let runs = 0;
    const writing = at.store.write("task.claim", async (tx) => {
      runs += 1;
      await cutOff(tx);
    });
    const error = await writing.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ code: "unreachable", message: expect.stringContaining("task.claim was being saved") });
    expect(runs).toBe(1);
    await saveFile(at.store, "goes on");
    expect(await at.files()).toEqual(["goes on"]);
  });

  test("idle connections may all be cut: nothing is thrown, and the next read and write succeed", async () => {
    await using at = await bench();
    await Promise.all(Array.from({ length: 5 }, (_, n) => saveFile(at.store, `${n}`)));
    expect((await at.cut("state = 'idle'")).length).toBeGreaterThan(1);
    expect(await at.files()).toHaveLength(5);
    await saveFile(at.store, "after");
    expect(await at.files()).toHaveLength(6);
  });

  test("who stops inside a change is cut off before those who wait for its locks give up", async () => {
    await using at = await bench();
    const set = async (name: string) =>
      at.store.read(async (read) => {
        const { rows } = await sql<{ ms: number }>`select setting::int as ms from pg_settings where name = ${name}`.execute(
          read.db,
        );
        return rows[0]?.ms ?? 0;
      });
    const [idle, lock] = [await set("idle_in_transaction_session_timeout"), await set("lock_timeout")];
    expect(idle).toBeGreaterThan(0);
    expect(idle).toBeLessThanOrEqual(lock / 2);
  });

  test("a change that need not wait for the disk waits here: the server may end without those who made it", async () => {
    await using at = await bench();
    const waits = await at.store.write(
      "test.lazy",
      async (tx) =>
        (await sql<{ synchronous_commit: string }>`show synchronous_commit`.execute(tx.db)).rows[0]?.synchronous_commit,
      { lazy: true },
    );
    expect(waits).toBe("on");
  });

  test("two changes that lock each other out both end well", async () => {
    await using at = await bench();
    for (const path of ["a", "b"]) await saveFile(at.store, path);
    const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const cross = (order: readonly string[], mine: number) => {
      let first = true;
      return at.store.write("x", async (tx) => {
        const [one = "", two = ""] = order;
        const lock = (path: string) =>
          tx.db
            .updateTable("files")
            .set({ hash: `by ${mine}` })
            .where("path", "=", path)
            .execute();
        await lock(one);
        both[mine]?.resolve();
        // Only the first time: the second try finds the other one gone.
        if (first) await both[1 - mine]?.promise;
        first = false;
        await lock(two);
      });
    };
    await Promise.all([cross(["a", "b"], 0), cross(["b", "a"], 1)]);
    const hashes = await at.store.read(({ db }) => db.selectFrom("files").select("hash").execute());
    expect(new Set(hashes.map((row) => row.hash)).size).toBe(1);
  });

  test("a listener that is cut off listens again, and misses nothing", async () => {
    await using at = await bench();
    const other = await at.another();
    const seen: string[] = [];
    let wanted = Promise.withResolvers<void>();
    at.store.subscribe((event) => {
      if (event.type === "output.edited") seen.push(event.path);
      wanted.resolve();
    });
    await at.files();
    await saveFile(other, "one");
    await wanted.promise;
    wanted = Promise.withResolvers();
    expect(await at.cut("query like 'listen%'")).toHaveLength(1);
    await saveFile(other, "two");
    await wanted.promise;
    expect(seen).toEqual(["one", "two"]);
  });

  test("a server that is not there is one clear error that does not tell the password", async () => {
    const unused = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const port = unused.port;
    await unused.stop(true);
    const opening = openPostgresStore({ ...base, url: `postgresql://me:s3cret@127.0.0.1:${port}/db` });
    const error = await opening.then(
      (store) => store.close(),
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining(`127.0.0.1:${port}/db`),
      hint: expect.stringContaining("DATABASE_URL"),
    });
    expect(Bun.inspect(error)).not.toContain("s3cret");
  });

  test("a database that does not exist, and a server that only reads, are told apart", async () => {
    await using at = await bench();
    const target = new URL(url);
    target.pathname = "/no_such_database";
    const opening = openPostgresStore({ ...base, url: String(target) });
    const missing = await opening.then(
      (store) => store.close(),
      (caught: unknown) => caught,
    );
    expect(missing).toMatchObject({ code: "unreachable", hint: expect.stringContaining("createdb") });
    const writing = at.store.write("x", async (tx) => {
      await sql`set transaction read only`.execute(tx.db);
      await tx.db.insertInto("files").values(file("a")).execute();
    });
    expect(await writing.catch((caught: unknown) => caught)).toMatchObject({ code: "read_only" });
  });

  test("check tells of a setting under which saved does not mean saved", async () => {
    await using at = await bench();
    const careless = await at.another({ options: "-c synchronous_commit=off" });
    expect(await careless.check()).toEqual(["PostgreSQL runs with synchronous_commit = off"]);
  });
});
