/** The store in one file: SQLite in WAL mode, one connection that writes and one that reads. */

import { Database, SQLiteError } from "bun:sqlite";
import { mkdirSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { Kysely, type Selectable } from "kysely";
import { createStore } from "../engine.ts";
import { migrate, schemaProblems } from "../migrate.ts";
import { migrations as history } from "../migrations.ts";
import type { Schema } from "../schema.ts";
import { StoreError, type Store } from "../store.ts";
import type { StoreOptions } from "../transaction.ts";
import { backupSqlite } from "./backup.ts";
import { foreignKeyProblems, quickCheck } from "./check.ts";
import { sqliteDialect } from "./dialect.ts";
import { createDurable, type Durable, type Sync } from "./durable.ts";
import { corrupt, sqliteFailure } from "./failure.ts";
import { refuseLostFile } from "./lost-file.ts";
import { inTurn } from "./turn.ts";
import { watchWal } from "./watch.ts";

const BUSY_MS = 5000;
const AGAIN_MS = 5;

export type SqliteStoreOptions = StoreOptions & {
  /** The database file. It and its folder are created when missing. */
  readonly path: string;
  /** Forces a file's contents to the disk; tests pass their own. */
  readonly sync?: Sync;
};

/**
 * Opens the file, checks it, and brings it to the newest schema. Several processes may have it open. Throws StoreError
 * `corrupt`, `newer`, `read_only`, `full`, `busy`, or `unreachable` when the path cannot be opened.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { path, tenant, now, log, reached, migrations = history } = options;
  const open: Database[] = [];
  let durable: Durable | null = null;
  const closeAll = () => {
    durable?.close();
    // The reader first: only a connection that writes can put the -wal file away when it is the last to go.
    for (const database of open.splice(0).toReversed()) database.close(true);
  };
  try {
    mkdirSync(dirname(path), { recursive: true });
    refuseLostFile(path);
    const writing = new Database(path, { create: true, readwrite: true });
    open.push(writing);
    await prepare(writing, path);
    const writer = new Kysely<Schema>({ dialect: sqliteDialect(writing) });
    const file = realpathSync(path);
    await inTurn(file, () => migrate({ db: writer, engine: "sqlite", migrations, now, reached }));
    // From here on a commit is put on the disk by `durable`, off this thread and together with others.
    writing.run("pragma synchronous = normal");
    const changed = writing.query<{ rows: number }, []>("select total_changes() as rows");
    durable = createDurable(path, options.sync);
    const onDisk = durable;

    // Reads do not queue behind changes, cannot write by mistake, and do not hang when made inside a change.
    const reading = new Database(path, { readonly: true });
    open.push(reading);
    reading.run(`pragma busy_timeout = ${BUSY_MS}`);
    const reader = new Kysely<Schema>({ dialect: sqliteDialect(reading) });
    // As plain statements: they run after every commit. (For `tenant || ''` see eventsAfter.)
    const after = reading.query<Selectable<Schema["events"]>, [number, string, number]>(
      "select * from events where seq > ? and tenant || '' = ? order by seq limit ?",
    );
    const newest = reading.query<{ seq: number }, []>("select coalesce(max(seq), 0) as seq from events");

    return createStore(
      {
        name: "sqlite",
        writer,
        reader,
        events: {
          newest: () => newest.get()?.seq ?? 0,
          after: (seq, limit) => after.all(seq, tenant, limit),
          watch: (wake) => watchWal(path, { wake, changed: othersCommits(writing), log }),
        },
        async write(_name, run, lazy) {
          const value = await inTurn(file, async () => {
            const before = changed.get()?.rows;
            const value = await run(() => {});
            if (changed.get()?.rows !== before) onDisk.committed();
            return value;
          });
          // Outside the turn: the next change runs meanwhile, and shares the next sync.
          const synced = onDisk.all();
          // A failure is met by whoever waits for the disk next.
          if (lazy) synced.catch(() => {});
          else await synced;
          return value;
        },
        read: (run) => run(),
        failure: (error) => sqliteFailure(error, path),
        backup: async (target) => backupSqlite(path, target),
        check: async () => [
          ...quickCheck(reading),
          ...foreignKeyProblems(reading),
          ...(await schemaProblems({ db: reader, engine: "sqlite", migrations })),
        ],
        async close() {
          await onDisk.all().catch(() => {});
          closeAll();
        },
      },
      options,
    );
  } catch (error) {
    closeAll();
    throw sqliteFailure(error, path);
  }
}

/** Says whether another connection than this one has committed since it was last asked. */
function othersCommits(database: Database): () => boolean {
  const version = database.query<{ data_version: number }, []>("pragma data_version");
  let known = version.get()?.data_version;
  return () => {
    const before = known;
    try {
      known = version.get()?.data_version;
    } catch {
      // Whoever reads the events meets the same trouble, and can tell of it.
      return true;
    }
    return known !== before;
  };
}

/** Two processes that switch a new file to WAL at once would wait for each other: SQLite refuses one of them without waiting. */
async function switchToWal(database: Database): Promise<string | undefined> {
  const end = performance.now() + BUSY_MS;
  for (;;)
    try {
      return database.query<{ journal_mode: string }, []>("pragma journal_mode = wal").get()?.journal_mode;
    } catch (error) {
      if (!(error instanceof SQLiteError) || !error.code?.startsWith("SQLITE_BUSY") || performance.now() > end) throw error;
      await Bun.sleep(AGAIN_MS);
    }
}

async function prepare(database: Database, path: string): Promise<void> {
  // First of all: the switch to WAL itself may find the file locked by another process.
  database.run(`pragma busy_timeout = ${BUSY_MS}`);
  if ((await switchToWal(database)) !== "wal")
    throw new StoreError(
      "unreachable",
      `${path} lies on a file system that SQLite cannot share`,
      "put the workspace on a local disk",
    );
  // For the migrations: each is on the disk when it returns.
  database.run("pragma synchronous = full");
  database.run("pragma foreign_keys = on");
  const [problem] = quickCheck(database);
  if (problem !== undefined) throw corrupt(path, problem);
}
