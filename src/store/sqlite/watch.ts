/** News of commits by other processes: a watch on the -wal file, and a slow look for what the watch did not see. */

import { watch, type FSWatcher } from "node:fs";
import type { Log } from "../../log/log.ts";

const POLL_MS = 1000;
/** The file changes before the commit can be seen: the disk's sync lies between, a quarter of a millisecond or a hundred. */
const LOOKS_MS = [1, 3, 12, 48, 192];

export type WalNews = {
  readonly wake: () => void;
  /** Whether another process committed since it was last asked: the file changes with our own commits too. */
  readonly changed: () => boolean;
  readonly log: Log;
};

/** Calls `wake` soon after another process has committed, and every second. Keeps no process alive. Returns how to stop. */
export function watchWal(path: string, { wake, changed, log }: WalNews): () => void {
  let watcher: FSWatcher | null = null;
  let look: Timer | undefined;

  function lookAfter(step: number): void {
    clearTimeout(look);
    look = setTimeout(() => {
      if (changed()) wake();
      if (step + 1 < LOOKS_MS.length) lookAfter(step + 1);
    }, LOOKS_MS[step]);
    look.unref();
  }

  try {
    watcher = watch(`${path}-wal`, { persistent: false }, () => lookAfter(0));
    watcher.on("error", (error) => log.debug("the watch on the -wal file ended", { error }));
  } catch (error) {
    log.debug("the -wal file cannot be watched: looking once a second instead", { error });
  }
  const poll = setInterval(wake, POLL_MS);
  poll.unref();
  return () => {
    watcher?.close();
    clearTimeout(look);
    clearInterval(poll);
  };
}
