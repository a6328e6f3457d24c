/** What SQLite's error codes mean to a person: one StoreError with one hint. */

import { SQLiteError } from "bun:sqlite";
import { StoreError } from "../store.ts";

/** The StoreError for an error of SQLite or of the file system; anything else, constraints included, comes back unchanged. */
export function sqliteFailure(error: unknown, path: string): unknown {
  const code = codeOf(error);
  if (code === null) return error;
  const because = { cause: error };
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return corrupt(path, (error as Error).message, because);
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)/.test(code))
    return new StoreError(
      "full",
      `the disk is full: nothing can be saved in ${path}`,
      "free some space, then go on: nothing saved is lost",
      because,
    );
  if (/^(SQLITE_READONLY|EACCES|EROFS|EPERM)/.test(code))
    return new StoreError(
      "read_only",
      `${path} may not be written`,
      "give yourself write permission on the file and its folder",
      because,
    );
  if (/^SQLITE_(BUSY|LOCKED)/.test(code))
    return new StoreError(
      "busy",
      `another process kept ${path} locked for more than 5 s`,
      "look for a stopped process that uses this workspace, then try again",
      because,
    );
  if (/^(SQLITE_CANTOPEN|ENOENT|ENOTDIR|EISDIR|EEXIST)/.test(code))
    return new StoreError(
      "unreachable",
      `${path} cannot be opened`,
      "check that the path names a file in a folder you may write to",
      because,
    );
  if (/^(SQLITE_IOERR|EIO)/.test(code))
    return new StoreError(
      "unreachable",
      `the disk failed while reading or writing ${path} (${code})`,
      "check the disk, then run check",
      because,
    );
  return error;
}

export function corrupt(path: string, detail: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    "corrupt",
    `${path} is damaged: ${detail}`,
    "move it away with its -wal file and put a copy made by backup in its place",
    options,
  );
}

function codeOf(error: unknown): string | null {
  if (error instanceof SQLiteError) return error.code ?? null;
  return error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : null;
}
