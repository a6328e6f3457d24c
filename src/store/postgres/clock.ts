/**
 * The time on PostgreSQL is the database's, for all who share it: leases, heartbeats and due times of several machines are
 * compared with each other. It is read now and then, and carried on in between by a clock that nobody sets.
 */

/** Between two readings: two clocks part by a few milliseconds at most in this time. */
const FRESH_MS = 5_000;
/** A reading this old is not used any more: a change waits for a new one. */
const OLD_MS = 30_000;
/** The machine's clock and the one that nobody sets part by this: the machine has slept, or its clock was set. */
const SLEPT_MS = 2_000;
/** An answer that took longer says too little about the time: it is used where there is no better one, and asked for again. */
const QUICK_MS = 1_000;

export interface DatabaseClock {
  /** UTC ms by the database's clock, never ahead of it by more than QUICK_MS. Only after the first `refresh`. */
  now(): number;
  /**
   * Reads the clock again when the last reading is no longer fresh, and waits for it only when that is too old to go by:
   * then it throws what the query throws.
   */
  refresh(): Promise<void>;
}

export type DatabaseClockOptions = {
  /** Asks the database for its time, UTC ms. Waiting for a connection is not to be part of it. */
  readonly ask: () => Promise<{ readonly at: number; readonly tookMs: number }>;
  /** Ms since some moment, by a clock that is never set. */
  readonly elapsed: () => number;
  /** This machine's clock: it goes on while the machine sleeps, which `elapsed` does not. */
  readonly machine: () => number;
};

export function createDatabaseClock({ ask, elapsed, machine }: DatabaseClockOptions): DatabaseClock {
  let offset: number | null = null;
  let read: { readonly elapsed: number; readonly machine: number } | null = null;
  let asking: Promise<void> | null = null;

  const now = () => {
    if (offset === null) throw new Error("the database's clock was never read");
    return Math.floor(elapsed() + offset);
  };
  const age = () => {
    if (read === null) return Number.POSITIVE_INFINITY;
    const since = elapsed() - read.elapsed;
    return machine() - read.machine - since > SLEPT_MS ? Number.POSITIVE_INFINITY : since;
  };

  async function measure(): Promise<void> {
    const { at, tookMs } = await ask();
    const slow = tookMs > QUICK_MS;
    if (slow && age() <= OLD_MS) return;
    // The answer's whole way is counted as if it came before the reading: so we are behind the database, never ahead of it.
    const found = at - elapsed();
    const ahead = offset === null ? 0 : offset - found;
    // What a slow answer costs is not taken off again: time does not run backwards for it.
    if (offset === null || ahead < 0 || ahead > QUICK_MS) offset = found;
    read = slow ? null : { elapsed: elapsed(), machine: machine() };
  }

  return {
    now,
    async refresh() {
      const old = age();
      if (old <= FRESH_MS) return;
      asking ??= measure().finally(() => {
        asking = null;
      });
      if (old > OLD_MS) return asking;
      // Nobody waits for it: behind a thousand changes it would wait for a connection as long as they do.
      asking.catch(() => {});
    },
  };
}
