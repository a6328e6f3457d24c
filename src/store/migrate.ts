/** Brings a database to the newest schema: each migration in one locked transaction, recorded by name and hash. */

import { sql, type Kysely, type Transaction } from "kysely";
import type { Migration } from "./migrations.ts";
import type { Schema } from "./schema.ts";
import { StoreError, type Store } from "./store.ts";

type Applied = { name: string; sha256: string; applied_at: number };
type History = { migrations: Applied };

export type MigrateOptions = {
  readonly db: Kysely<Schema>;
  readonly engine: Store["engine"];
  readonly migrations: readonly Migration[];
  readonly now: () => number;
  /** Called with `migrate <name>:before-commit` and `:after-commit`. */
  readonly reached: (point: string) => void;
  /** Runs first in each transaction, before anything is read: takes the lock where beginning does not take it. */
  readonly lock?: (db: Transaction<Schema>) => Promise<unknown>;
};

/**
 * Applies what is missing, in order. Killed at any instruction it leaves whole migrations, and the next start goes on;
 * of several processes that start together one applies and the others wait. Throws StoreError `newer`, changing nothing,
 * for a database that knows a migration we do not know.
 */
export async function migrate({ db, engine, migrations, now, reached, lock }: MigrateOptions): Promise<void> {
  // Without a lock, so that an ordinary start writes nothing.
  if (missing(await applied(db, engine), migrations, engine).length === 0) return;
  for (const migration of migrations) {
    const change = await db.transaction().execute(async (tx) => {
      await lock?.(tx);
      if (!missing(await applied(tx, engine), migrations, engine).includes(migration)) return false;
      await sql`create table if not exists migrations (name text not null primary key, sha256 text not null, applied_at bigint not null)`.execute(
        tx,
      );
      for (const statement of migration.sql(engine)) await sql.raw(statement).execute(tx);
      const row = { name: migration.name, sha256: hash(migration, engine), applied_at: now() };
      await tx.withTables<History>().insertInto("migrations").values(row).execute();
      reached(`migrate ${migration.name}:before-commit`);
      return true;
    });
    if (change) reached(`migrate ${migration.name}:after-commit`);
  }
}

/** What differs between the tables and columns that the migrations make and those that are there, in plain sentences. */
export async function schemaProblems({
  db,
  engine,
  migrations,
}: Pick<MigrateOptions, "db" | "engine" | "migrations">): Promise<string[]> {
  const wanted = await wantedColumns(migrations);
  const { rows } =
    engine === "sqlite"
      ? await sql<Column>`${sql.raw(SQLITE_COLUMNS)}`.execute(db)
      : await sql<Column>`select table_name as "table", column_name as "column" from information_schema.columns
          where table_schema = current_schema()`.execute(db);
  const there = new Map<string, Set<string>>();
  for (const { table, column } of rows) there.set(table, (there.get(table) ?? new Set()).add(column));
  const tables = new Set(wanted.map(({ table }) => table));
  const noTable = [...tables].filter((table) => !there.has(table)).map((table) => `the table ${table} is missing`);
  const noColumn = wanted
    .filter(({ table, column }) => there.get(table)?.has(column) === false)
    .map(({ table, column }) => `the column ${column} of the table ${table} is missing`);
  return [...noTable, ...noColumn];
}

/** The migrations still to apply. Throws when the database has another history than ours. */
function missing(history: readonly Applied[], migrations: readonly Migration[], engine: Store["engine"]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, hash(migration, engine)]));
  for (const { name, sha256 } of history) {
    if (!known.has(name)) throw newer(`it has the migration ${name}, which this version does not know`);
    if (known.get(name) !== sha256) throw newer(`its migration ${name} is not the one of this version`);
  }
  const done = new Set(history.map(({ name }) => name));
  return migrations.filter((migration) => !done.has(migration.name));
}

function newer(detail: string): StoreError {
  return new StoreError(
    "newer",
    `the database was written by another version of marketeam: ${detail}`,
    "use the version that wrote it, or a newer one",
  );
}

async function applied(db: Kysely<Schema>, engine: Store["engine"]): Promise<Applied[]> {
  const { rows } =
    engine === "sqlite"
      ? await sql<{ found: number }>`select 1 as found from sqlite_master where type = 'table' and name = 'migrations'`.execute(
          db,
        )
      : await sql<{ found: number }>`select 1 as found from information_schema.tables
          where table_schema = current_schema() and table_name = 'migrations'`.execute(db);
  if (rows.length === 0) return [];
  return await db.withTables<History>().selectFrom("migrations").selectAll().execute();
}

// The white space of a statement may be laid out anew; its words may not change.
function hash(migration: Migration, engine: Store["engine"]): string {
  const text = migration.sql(engine).map((statement) => statement.replace(/\s+/g, " ").trim());
  return new Bun.CryptoHasher("sha256").update(text.join(";\n")).digest("hex");
}

type Column = { table: string; column: string };

const SQLITE_COLUMNS = `select m.name as "table", c.name as "column" from sqlite_master m join pragma_table_info(m.name) c
  where m.type = 'table' and m.name not like 'sqlite~_%' escape '~'`;

/** What the migrations make, found out by making it in memory. */
async function wantedColumns(migrations: readonly Migration[]): Promise<Column[]> {
  const { Database } = await import("bun:sqlite");
  using model = new Database(":memory:");
  for (const statement of migrations.flatMap((migration) => migration.sql("sqlite"))) model.run(statement);
  return model.query<Column, []>(SQLITE_COLUMNS).all();
}
