/** How a signal travels as a job of BullMQ, and how its workers take it. */

import type { BulkJobOptions, WorkerOptions } from "bullmq";
import { PRIORITIES } from "../../domain/goal.ts";
import type { SignalHints } from "../queue.ts";

export type Signal = {
  readonly taskId: string;
  /** When it was given or due, in epoch milliseconds with fractions. */
  readonly at: number;
};

export type JobSettings = {
  /** How often a signal is handled before it is a dead letter, and the first wait between; each wait is twice the last. */
  readonly attempts?: number;
  readonly backoffMs?: number;
};

export type WorkerSettings = {
  /** How many handlers run at once. They only look for work, so this is no limit on the work. */
  readonly concurrency?: number;
  /** After this a signal whose process has died goes to another one. */
  readonly stalledMs?: number;
};

/** Dead letters kept; a signal is no work, which stands in the store. */
export const MOST_DEAD = 1_000;

type BulkJob = { readonly name: string; readonly data: Signal; readonly opts: BulkJobOptions };

/** A signal for now, or for the time in its hints. */
export function jobOf(
  taskId: string,
  { priority = "P2", at = 0 }: SignalHints,
  { attempts = 4, backoffMs = 1_000 }: JobSettings,
): BulkJob {
  const delay = Math.max(0, at - Date.now());
  return {
    name: "look",
    data: { taskId, at: clock() + delay },
    opts: {
      // 1 is BullMQ's most urgent; without one a job would overtake them all.
      priority: PRIORITIES.indexOf(priority) + 1,
      delay,
      attempts,
      backoff: { type: "exponential", delay: backoffMs },
      // Who signals the same task again and again adds nothing; while it is being handled, one more follows. A later time is
      // a signal of its own: it must not hold back one for now.
      deduplication: { id: delay > 0 ? `${taskId}@${at}` : taskId, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: { count: MOST_DEAD },
    },
  };
}

export function workerOptions({ concurrency = 8, stalledMs = 15_000 }: WorkerSettings): Omit<WorkerOptions, "connection"> {
  return {
    autorun: false,
    concurrency,
    lockDuration: stalledMs,
    stalledInterval: Math.ceil(stalledMs / 3),
    maxStalledCount: 3,
    // Seconds until an idle worker looks without a mark: one that was killed may have taken the mark with it.
    drainDelay: 2,
  };
}

/** Epoch milliseconds with fractions. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}
