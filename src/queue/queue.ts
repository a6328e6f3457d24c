/** The queue port. It may only say "look now": lease, attempts, priority and time are columns of the task in the store. */

import type { Priority } from "../domain/goal.ts";

export interface Queue {
  /** Says that these tasks may be ready. May be lost or doubled: the claim in the store decides. Never throws. */
  signal(taskIds: readonly string[], hints?: SignalHints): void;
  /** Calls the handler for signals from now on, also with none known (null: look for anything). Returns how to stop. */
  listen(handler: Handler): () => void;
  /** Signals given and delivered so far, for health. */
  counts(): Promise<{ signalled: number; delivered: number }>;
  close(): Promise<void>;
}

/** What a courier may make of a signal's urgency. A queue may ignore it: the store's own columns decide. */
export type SignalHints = {
  /** P2 when left out. */
  readonly priority?: Priority;
  /** When the task is due, in epoch milliseconds. A signal that comes before costs one look for nothing. */
  readonly at?: number;
};

/**
 * What it returns is waited for. One that fails (throws or rejects) is called again later where the queue can do that.
 * False: this process has no room now; a queue between processes then offers the signal to another one.
 */
export type Handler = (taskIds: readonly string[] | null) => unknown;

/** A queue on another server, which may be away. */
export interface RemoteQueue extends Queue {
  /** As `signal`, and resolves when the server has it. Rejects within the call's limit when it has not (it may have it all the same). */
  send(taskIds: readonly string[], hints?: SignalHints): Promise<void>;
  /** Whether the server answers, since when (epoch milliseconds), and why not. */
  link(): Link;
  health(): Promise<QueueHealth>;
  /** Signals whose handler failed every time, the newest first. Rejects when the server does not answer. */
  deadLetters(limit: number): Promise<DeadLetter[]>;
  /** Sends every dead letter again, or those of one task, and tells how many. Rejects when the server does not answer. */
  redrive(taskId?: string): Promise<number>;
}

export type Link = { readonly up: boolean; readonly since: number; readonly why: string | null };

export type DeadLetter = { readonly taskId: string; readonly reason: string; readonly attempts: number; readonly at: number };

export type QueueHealth = {
  /** What the server holds for all processes; null while it does not answer. */
  readonly held: { waiting: number; delayed: number; active: number; dead: number } | null;
  /** Signals that this process has dealt with, and handlers that failed, since its start. */
  readonly completed: number;
  readonly failed: number;
  /** From being given (or due) to its handler's start, and how long handlers took: this process, the last 5 to 10 minutes. */
  readonly startMs: Distribution;
  readonly handleMs: Distribution;
};

/** Quantiles of a bounded histogram (off by 5 % at most), in milliseconds; null without values. */
export type Distribution = {
  readonly n: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
};

/** `refused`: a fault of the installation, nothing to wait for. `away`: no answer (yet). */
export class QueueError extends Error {
  readonly code: "refused" | "away";
  readonly hint: string;
  constructor(code: "refused" | "away", message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}
