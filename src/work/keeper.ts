/** Parts that look around by themselves (schedules, events, notices, documents): one loop each, never two looks at once, errors waited out. */

import type { Log } from "../log/log.ts";

export type Part = {
  readonly name: string;
  /** Does what is due now. Returns when to look again (UTC ms), or null for the usual pace. May throw: it is tried again. */
  readonly look: () => Promise<number | null>;
  /** The longest time between two looks, in ms. */
  readonly everyMs: number;
};

export interface Keeper {
  /** Looks now: something happened that concerns this part. A look during a look makes one more. */
  wake(name: string): void;
  /** Why parts fail at the moment, by name: for health. */
  faults(): ReadonlyMap<string, string>;
  /** Looks no more. Resolves when the looks under way are over. */
  close(): Promise<void>;
}

const SOONEST_MS = 200;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;

export function startKeeper(parts: readonly Part[], options: { readonly log: Log; readonly now: () => number }): Keeper {
  const faults = new Map<string, string>();
  const loops = new Map(parts.map((part) => [part.name, loopOf(part, faults, options)]));
  return {
    wake: (name) => loops.get(name)?.wake(),
    faults: () => faults,
    async close() {
      await Promise.all([...loops.values()].map((loop) => loop.close()));
    },
  };
}

function loopOf(part: Part, faults: Map<string, string>, { log, now }: { log: Log; now: () => number }) {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let looking: Promise<void> | null = null;
  let again = false;
  let closed = false;
  let failures = 0;

  function wake(): void {
    if (closed) return;
    if (looking) {
      again = true;
      return;
    }
    if (timer) clearTimeout(timer);
    timer = null;
    looking = once().finally(() => {
      looking = null;
      if (again) {
        again = false;
        wake();
      }
    });
  }

  async function once(): Promise<void> {
    let wait = part.everyMs;
    try {
      const next = await part.look();
      if (failures > 0) log.info(`${part.name} works again`, { failures });
      failures = 0;
      faults.delete(part.name);
      if (next !== null) wait = Math.min(wait, Math.max(SOONEST_MS, next - now()));
    } catch (error) {
      failures += 1;
      wait = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(failures - 1, 10));
      faults.set(part.name, error instanceof Error ? error.message : String(error));
      log.error(`${part.name} failed; trying again`, { error, failures, waitMs: wait });
    }
    if (!closed && !again) timer = setTimeout(wake, wait);
  }

  wake();
  return {
    wake,
    async close() {
      closed = true;
      if (timer) clearTimeout(timer);
      await looking;
    },
  };
}
