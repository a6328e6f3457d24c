/** Kysely's view of `bun:sqlite`: one connection, statements compiled once, transactions that take the write lock when they begin. */

import { Database, type SQLQueryBindings } from "bun:sqlite";
import {
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from "kysely";

// The team's queries are some hundred texts; the default of 20 would compile most of them again and again.
Database.MAX_QUERY_CACHE_SIZE = 500;

const CHANGES_ROWS = new Set(["InsertQueryNode", "UpdateQueryNode", "DeleteQueryNode", "MergeQueryNode", "RawNode"]);

/** A dialect on an open database. Who opened the database closes it. */
export function sqliteDialect(database: Database): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createDriver: () => createDriver(database),
  };
}

function createDriver(database: Database): Driver {
  const connection: DatabaseConnection = {
    executeQuery: async <R>(query: CompiledQuery) => execute<R>(database, query),
    streamQuery: () => {
      throw new Error("Streaming is not supported on SQLite: read a page at a time, by key");
    },
  };
  return {
    init: async () => {},
    // Kysely hands out the only connection to one caller at a time: the adapter says that there is one.
    acquireConnection: async () => connection,
    // A deferred transaction that reads and then writes fails at once when another process wrote in between.
    beginTransaction: async () => void database.query("begin immediate").run(),
    commitTransaction: async () => void database.query("commit").run(),
    // A full disk ends the transaction by itself: a second rollback would hide the cause behind its own error.
    rollbackTransaction: async () => void (database.inTransaction && database.query("rollback").run()),
    releaseConnection: async () => {},
    destroy: async () => {},
  };
}

function execute<R>(database: Database, { sql, parameters, query }: CompiledQuery): QueryResult<R> {
  const statement = database.query<R, SQLQueryBindings[]>(sql);
  const bindings = parameters as SQLQueryBindings[];
  if (statement.reader) {
    const rows = statement.all(...bindings);
    // With RETURNING there is a row for each row changed.
    return statement.readonly ? { rows } : { rows, numAffectedRows: BigInt(rows.length) };
  }
  const { changes, lastInsertRowid } = statement.run(...bindings);
  if (!CHANGES_ROWS.has(query.kind)) return { rows: [] };
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
}
