/** Figures of handled signals in bounded memory: counters, and histograms that forget what is older than ten minutes. */

import type { Distribution } from "../queue.ts";

/** Neighbouring buckets differ by a tenth, so a quantile is off by 5 % at most. */
const GROWTH = 1.1;
const LEAST_MS = 0.01;
/** 0.01 ms to about 40 hours; what lies beyond falls into the last. */
const BUCKETS = 240;
const WINDOW_MS = 5 * 60_000;

export type Figures = {
  /** A handler starts: milliseconds since its signal was given or due. */
  started(ms: number): void;
  handled(ms: number, outcome: "completed" | "failed"): void;
  read(): { completed: number; failed: number; startMs: Distribution; handleMs: Distribution };
};

export function createFigures(now: () => number): Figures {
  const [start, handle] = [createHistogram(now), createHistogram(now)];
  const count = { completed: 0, failed: 0 };
  return {
    started: start.record,
    handled(ms, outcome) {
      handle.record(ms);
      count[outcome]++;
    },
    read: () => ({ ...count, startMs: start.read(), handleMs: handle.read() }),
  };
}

type Window = { readonly buckets: Uint32Array; n: number; max: number };

/** Two windows of five minutes: the present one and the one before. `now` in milliseconds, never backwards. */
export function createHistogram(now: () => number): { record(ms: number): void; read(): Distribution } {
  const fresh = (): Window => ({ buckets: new Uint32Array(BUCKETS), n: 0, max: 0 });
  let [before, present] = [fresh(), fresh()];
  let began = now();

  function turn(): void {
    const passed = now() - began;
    if (passed < WINDOW_MS) return;
    before = passed < 2 * WINDOW_MS ? present : fresh();
    present = fresh();
    began = now();
  }

  return {
    record(ms) {
      turn();
      // Clocks of two machines may differ: nothing starts before it was given.
      const value = Math.max(0, ms);
      const bucket = bucketOf(value);
      present.buckets[bucket] = (present.buckets[bucket] ?? 0) + 1;
      present.n++;
      present.max = Math.max(present.max, value);
    },
    read() {
      turn();
      const n = before.n + present.n;
      if (n === 0) return { n, p50: null, p99: null, max: null };
      const max = Math.max(before.max, present.max);
      const quantile = (share: number) => {
        let left = Math.ceil(n * share);
        for (let bucket = 0; bucket < BUCKETS; bucket++) {
          left -= (before.buckets[bucket] ?? 0) + (present.buckets[bucket] ?? 0);
          if (left <= 0) return Math.min(max, middleOf(bucket));
        }
        return max;
      };
      return { n, p50: quantile(0.5), p99: quantile(0.99), max };
    },
  };
}

function bucketOf(ms: number): number {
  if (ms <= LEAST_MS) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / LEAST_MS) / Math.log(GROWTH)));
}

/** The geometric middle of a bucket's bounds. */
function middleOf(bucket: number): number {
  return LEAST_MS * GROWTH ** (bucket - 0.5);
}
