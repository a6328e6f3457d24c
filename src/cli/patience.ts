/** A start that waits for a database that is away, as work under way does: it says so once, and tries until it is there. */

import { storeIsAway } from "../bootstrap/store.ts";

const FIRST_MS = 1_000;
const MOST_MS = 15_000;

/**
 * What `open` opens, tried again while the store is away. Null when `stop` fires first. Anything else that is wrong (a
 * password, a database that does not exist, a newer schema) is thrown at once: waiting does not mend it.
 */
export async function whenThere<T>(
  open: () => Promise<T>,
  {
    stop,
    say,
    pause,
  }: { stop: AbortSignal; say: (line: string) => void; pause: (ms: number, stop: AbortSignal) => Promise<void> },
): Promise<T | null> {
  for (let wait = FIRST_MS; !stop.aborted; wait = Math.min(MOST_MS, wait * 2)) {
    try {
      return await open();
    } catch (error) {
      if (!storeIsAway(error)) throw error;
      if (wait === FIRST_MS) say(`${error.message}. Waiting for it; stop with Ctrl-C.`);
      await pause(wait, stop);
    }
  }
  return null;
}
