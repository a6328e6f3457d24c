/** One holder among all processes of this machine; the kernel frees it when the holder dies, however it dies. */

import { Database } from "bun:sqlite";
import { chmodSync } from "node:fs";

/** Between two tries. */
const RETRY_MS = 20;

/**
 * Runs `work` while it holds the lock on `path` (a file that stays). Rejects when it was not to be had within `patienceMs`.
 * SQLite's own file lock: no process id to go stale, no file to be left behind by a crash.
 */
export async function withFileLock<T>(path: string, patienceMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patienceMs;
  const file = new Database(path, { create: true });
  try {
    chmodSync(path, 0o600);
    while (!locked(file)) {
      if (performance.now() > deadline) throw new Error(`the lock ${path} is held by another process for too long`);
      await Bun.sleep(RETRY_MS);
    }
    return await work();
  } finally {
    file.close();
  }
}

function locked(file: Database): boolean {
  try {
    file.run("begin exclusive");
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY")) return false;
    throw error;
  }
}
