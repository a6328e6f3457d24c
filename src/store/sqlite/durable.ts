/** Commits on the disk: one sync of the -wal file for all changes that wait for one, while the next changes already run. */

import { closeSync, constants, fdatasync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";

export type Sync = (file: number) => Promise<void>;

export interface Durable {
  /** To be called right after each commit that changed something. */
  committed(): void;
  /**
   * Resolves when all that was committed so far is on the disk: at once where nothing waits. Rejects when the disk
   * refused; from then on always, since nobody can know what the disk still holds.
   */
  all(): Promise<void>;
  close(): void;
}

/**
 * For a database in WAL mode whose connection runs with `synchronous = normal`: SQLite then keeps the file consistent by
 * itself (it syncs the log before it moves it into the database), and syncs no commit. Who reads a change before it is on
 * the disk writes what follows from it behind it, in the same log: that is never more durable than the change.
 */
export function createDurable(path: string, sync: Sync = datasync): Durable {
  let file: number | null = null;
  let commits = 0;
  let synced = 0;
  let running: Promise<void> | null = null;
  let failure: { readonly error: unknown } | null = null;

  async function pass(): Promise<void> {
    const mark = commits;
    try {
      file ??= openLog(path);
      await sync(file);
      synced = mark;
    } catch (error) {
      failure = { error };
    } finally {
      running = null;
    }
  }

  return {
    committed: () => void commits++,
    async all() {
      const mark = commits;
      // A sync that is under way takes with it what was committed before it began: whoever came later needs another one.
      while (synced < mark && failure === null) await (running ??= pass());
      if (failure) throw failure.error;
    },
    close() {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

function openLog(path: string): number {
  const log = openSync(`${path}-wal`, constants.O_RDWR);
  // The log is a new file: its name, too, must outlive a power cut. Windows cannot sync a folder, and need not.
  if (process.platform !== "win32") {
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
  }
  return log;
}

const datasync: Sync = (file) =>
  new Promise((resolve, reject) => fdatasync(file, (error) => (error ? reject(error) : resolve())));
