/** What is wrong inside a database file, in plain sentences. */

import type { Database } from "bun:sqlite";

/** Problems of the file's structure, none as an empty list. Reads the whole file once. */
export function quickCheck(database: Database): string[] {
  const rows = database.query<{ quick_check: string }, []>("pragma quick_check(20)").all();
  return rows.map((row) => row.quick_check).filter((line) => line !== "ok");
}

/** Rows that name a row which is not there. */
export function foreignKeyProblems(database: Database): string[] {
  const rows = database.query<{ table: string; rowid: number; parent: string }, []>("pragma foreign_key_check").all();
  return rows.map(({ table, rowid, parent }) => `row ${rowid} of ${table} names a row of ${parent} that is not there`);
}
