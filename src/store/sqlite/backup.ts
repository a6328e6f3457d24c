/** A copy of the database file, made while others work on it. */

import { Database } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { StoreError } from "../store.ts";
import { quickCheck } from "./check.ts";
import { corrupt, sqliteFailure } from "./failure.ts";

/**
 * Writes a checked copy of the database at `source` to `target`. The name appears only when the copy is whole and on the
 * disk. Refuses a name that is taken (StoreError `read_only`). Blocks the process while it copies.
 */
export function backupSqlite(source: string, target: string): void {
  if (existsSync(target)) throw new StoreError("read_only", `${target} is there already`, "choose another name for the copy");
  const partial = `${target}.partial`;
  try {
    rmSync(partial, { force: true });
    using database = new Database(source, { readonly: true });
    database.run("pragma busy_timeout = 5000");
    database.query("vacuum into ?").run(partial);
    using copy = new Database(partial, { readonly: true });
    const [problem] = quickCheck(copy);
    if (problem !== undefined) throw corrupt(source, `its copy does not pass the check (${problem})`);
    sync(partial);
    renameSync(partial, target);
    sync(dirname(target));
  } catch (error) {
    rmSync(partial, { force: true });
    throw sqliteFailure(error, target);
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
