/** The store on PostgreSQL: the same queries on a pool of connections, in one schema of one database. */

import { Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import { createStore } from "../engine.ts";
import { eventsAfter, newestSeq } from "../feed.ts";
import { migrate, schemaProblems } from "../migrate.ts";
import { migrations as history } from "../migrations.ts";
import type { Schema } from "../schema.ts";
import { StoreError, type Store } from "../store.ts";
import type { StoreOptions } from "../transaction.ts";
import { backupPostgres } from "./backup.ts";
import { openPool, placeOf, quoted } from "./connect.ts";
import { createDatabaseClock, type DatabaseClock } from "./clock.ts";
import { isConflict, isLost, postgresFailure } from "./failure.ts";
import { CHANNEL, listenForCommits } from "./listen.ts";

const ATTEMPTS = 6;
const PAUSE_MS = 50;

export type PostgresStoreOptions = StoreOptions & {
  /** `postgresql://user:password@host:port/database`. */
  readonly url: string;
  /** The schema that holds all tables; created when missing. `public` unless told. */
  readonly schema?: string;
  /** Whose time a change has: the database's, unless a test drives the time by `now`. */
  readonly clock?: "database" | "given";
};

/**
 * Connects and brings the schema to its newest form. Transactions are READ COMMITTED: what must not change under a decision
 * is locked (`for update`) or decided in the UPDATE itself. Throws StoreError `unreachable`, `newer`, `read_only`, `full` or `busy`.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { url, schema = "public", tenant, now, log, reached, migrations = history } = options;
  const place = placeOf(url);
  const pool = await openPool({ url, schema, log });
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  const self = crypto.randomUUID();
  const clock: DatabaseClock =
    options.clock === "given"
      ? { now, refresh: async () => {} }
      : createDatabaseClock({ ask: () => databaseTime(db), elapsed: () => performance.now(), machine: now });
  /** As `run`, with the time of the transaction in hand. */
  const inTime =
    <A extends unknown[], T>(run: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      await clock.refresh();
      return run(...args);
    };
  try {
    await migrate({ db, engine: "postgres", migrations, now, reached, lock: (tx) => lockForMigration(tx, schema) });
    await clock.refresh();
  } catch (error) {
    await pool.end();
    throw postgresFailure(error, place);
  }
  return createStore(
    {
      name: "postgres",
      writer: db,
      reader: db,
      events: {
        newest: () => newestSeq(db),
        after: (seq, limit) => eventsAfter(db, { tenant, seq, limit }),
        watch: (wake) =>
          listenForCommits({
            url,
            wake,
            log,
            concerns: (payload) => payload.startsWith(`${schema} `) && payload !== `${schema} ${self}`,
          }),
      },
      // Held to the commit: events become visible in the order of their numbers, or a reader's cursor would pass some by.
      beforeEvents: (tx) =>
        sql`select pg_advisory_xact_lock(hashtextextended(${`marketeam events ${schema}`}, 0)),
          pg_notify(${CHANNEL}, ${`${schema} ${self}`})`.execute(tx),
      write: (name, run) => attempt({ name, place, run: inTime(run) }),
      read: (run) => attempt({ name: "a read", place, run: inTime(run) }),
      failure: (error) => postgresFailure(error, place),
      backup: (target) => backupPostgres({ url, schema, target }),
      check: async () => [...(await settingProblems(db)), ...(await schemaProblems({ db, engine: "postgres", migrations }))],
      close: () => pool.end(),
    },
    { ...options, now: () => clock.now() },
  );
}

/** The database's clock, and how long it took to hear of it on a connection that was there. */
function databaseTime(db: Kysely<Schema>): Promise<{ at: number; tookMs: number }> {
  return db.connection().execute(async (connection) => {
    const asked = performance.now();
    const { rows } = await sql<{ at: number }>`select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as at`.execute(
      connection,
    );
    return { at: rows[0]?.at ?? Number.NaN, tookMs: performance.now() - asked };
  });
}

/** Tries again after a conflict, and after a lost connection unless the commit was already on its way. */
async function attempt<T>({
  name,
  place,
  run,
}: {
  name: string;
  place: string;
  run: (committing: () => void) => Promise<T>;
}): Promise<T> {
  for (let tried = 1; ; tried++) {
    let committing = false;
    try {
      return await run(() => {
        committing = true;
      });
    } catch (error) {
      if (isLost(error) && committing)
        throw new StoreError(
          "unreachable",
          `the connection to PostgreSQL at ${place} was lost while ${name} was being saved: it may be saved or not`,
          "look at its state before doing it again",
          { cause: error },
        );
      if (tried === ATTEMPTS || !(isConflict(error) || isLost(error))) throw error;
      await Bun.sleep(PAUSE_MS * (tried - 1) ** 2);
    }
  }
}

async function lockForMigration(tx: Transaction<Schema>, schema: string): Promise<void> {
  // Another process may be at a migration that takes its time.
  await sql`set local lock_timeout to 0`.execute(tx);
  await sql`select pg_advisory_xact_lock(hashtextextended(${`marketeam migrate ${schema}`}, 0))`.execute(tx);
  // Asked first: "if not exists" wants the right to create even when there is nothing to create.
  const found = await sql`select 1 from pg_namespace where nspname = ${schema}`.execute(tx);
  if (found.rows.length === 0) await sql`create schema ${sql.raw(quoted(schema))}`.execute(tx);
}

/** Settings of the server under which "saved" would not mean saved. */
async function settingProblems(db: Kysely<Schema>): Promise<string[]> {
  const { rows } = await sql<{ name: string; setting: string }>`select name, setting from pg_settings
    where (name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off')
      or (name = 'server_encoding' and setting <> 'UTF8')`.execute(db);
  return rows.map(({ name, setting }) => `PostgreSQL runs with ${name} = ${setting}`);
}
