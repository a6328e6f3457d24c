/**
 * A clock that a test moves: this process's time and its long timers, so that the daemon as it is composed lives through days.
 * Between two moves it runs on at the pace of the real one, as a daemon's clock does; short waits stay real.
 */

import { pollUntil } from "./poll.ts";

export type Clock = Disposable & {
  /** UTC ms. */
  now(): number;
  /** Resolves when so many wait for the clock, and nobody else comes to it. */
  ready(waiting: number): Promise<void>;
  /**
   * Moves on to `to` (UTC ms) in steps, and after each lets what is due run, each timer once: as on a machine that slept for
   * the step. `settled` answers whether the work that was set in motion is at rest; it is asked until it says so.
   */
  advance(to: number, stepMs: number, settled: () => boolean | Promise<boolean>): Promise<void>;
};

/** Shorter waits are pauses within a piece of work, not a pace at which something looks around. */
const LONG_MS = 2_000;
const LIMIT_MS = 60_000;

type Entry = { due: number; readonly every: number | null; readonly run: () => void };
type Handle = ReturnType<typeof setTimeout>;

/** Takes the place of `Date.now` and of the global timers until it is disposed. */
export function simulateClock(start: number): Clock {
  const real = { setTimeout, clearTimeout, setInterval, clearInterval };
  const realNow = Date.now;
  let base = start;
  let since = performance.now();
  const entries = new Map<object, Entry>();
  /** So many wait for the clock when all is at rest. */
  let lookers = 0;
  const now = () => Math.floor(base + performance.now() - since);
  const add = (run: () => void, ms: number, every: number | null): Handle => {
    const handle = { ref: () => handle, unref: () => handle, hasRef: () => false };
    entries.set(handle, { due: now() + ms, every, run });
    return handle as unknown as Handle;
  };
  type Run = (...args: unknown[]) => void;
  const clear = (handle: unknown) => {
    if (typeof handle === "object" && handle !== null && entries.delete(handle)) return;
    real.clearTimeout(handle as Handle);
  };
  Object.assign(globalThis, {
    setTimeout: (run: Run, ms = 0, ...args: unknown[]) =>
      ms < LONG_MS ? real.setTimeout(run, ms, ...args) : add(() => run(...args), ms, null),
    setInterval: (run: Run, ms = 0, ...args: unknown[]) =>
      ms < LONG_MS ? real.setInterval(run, ms, ...args) : add(() => run(...args), ms, ms),
    clearTimeout: clear,
    clearInterval: clear,
  });
  Date.now = now;

  /** Lets everything run that is due, in the order in which it was. */
  function fire(): void {
    const due = [...entries].filter(([, entry]) => entry.due <= now()).sort(([, a], [, b]) => a.due - b.due);
    for (const [handle, entry] of due) {
      // What ran before it may have ended it.
      if (!entries.has(handle)) continue;
      if (entry.every === null) entries.delete(handle);
      else entry.due = now() + entry.every;
      entry.run();
    }
  }

  return {
    now,
    async ready(waiting) {
      let seen = 0;
      let same = 0;
      const quiet = () => {
        same = entries.size === seen ? same + 1 : 0;
        seen = entries.size;
        return seen >= waiting && same >= 20;
      };
      await pollUntil("everybody has looked for the first time", quiet, { everyMs: 1 });
      lookers = seen;
    },
    async advance(to, stepMs, settled) {
      while (now() < to) {
        base = Math.min(to, (Math.floor(now() / stepMs) + 1) * stepMs);
        since = performance.now();
        // Whoever looks around sets its next look when the present one is over; work goes on by timers of its own.
        const atRest = () => {
          fire();
          return entries.size >= lookers && settled();
        };
        await pollUntil("everybody who was due has looked, and the work is at rest", atRest, {
          limitMs: LIMIT_MS,
          everyMs: 1,
          seen: () => `(${entries.size} of ${lookers} wait)`,
        });
      }
    },
    [Symbol.dispose]() {
      Object.assign(globalThis, real);
      Date.now = realNow;
    },
  };
}
