/** A task: one agent's piece of work inside a goal; planning, gates and the final report are tasks too. */

import { z } from "zod";

export const TASK_STATUSES = ["waiting", "ready", "running", "reviewing", "done", "failed", "blocked", "cancelled"] as const;
export const taskStatus = z.enum(TASK_STATUSES);
export type TaskStatus = z.infer<typeof taskStatus>;

const TASK_KINDS = ["plan", "work", "gate", "check", "report"] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

export const TASK_TRANSITIONS: Record<TaskStatus, readonly TaskStatus[]> = {
  waiting: ["ready", "blocked", "cancelled"],
  ready: ["running", "blocked", "cancelled"],
  // running → ready is a lost lease, a retry or a parked call; reviewing → running is a take-over after a crash.
  running: ["reviewing", "ready", "done", "failed", "blocked", "cancelled"],
  reviewing: ["running", "ready", "done", "failed", "blocked", "cancelled"],
  blocked: ["ready", "waiting", "done", "failed", "cancelled"],
  // A contradiction with other work sends a finished piece back once, at the goal's end.
  done: ["ready"],
  failed: [],
  cancelled: [],
};

export const TASK_ENDED: readonly TaskStatus[] = ["done", "failed", "cancelled"];

export type Task = {
  readonly id: string;
  readonly goalId: string;
  readonly key: string;
  readonly kind: TaskKind;
  readonly phase: string;
  readonly skill: string;
  readonly brief: string;
  readonly criteria: readonly string[];
  readonly reviewers: readonly string[];
  readonly status: TaskStatus;
  /** 0 for the first version, +1 for each time it was sent back. */
  readonly revision: number;
  /** The revision at which the current round of revisions began: a re-brief or a person's note starts a new one. */
  readonly roundStart: number;
  /** How many needs are not done yet. */
  readonly unmet: number;
  readonly attempts: number;
  readonly epoch: number;
  readonly leaseOwner: string | null;
  readonly leaseUntil: number | null;
  readonly runAt: number;
  readonly rejections: number;
  readonly reason: string | null;
  readonly score: number | null;
  readonly verdict: "APPROVE" | "REVISE" | "REJECT" | null;
  readonly model: string | null;
  /** How many versions are made side by side at first, to be compared; 1 for one. */
  readonly variants: number;
  /** The deliverable that goes downstream once the task is done. */
  readonly deliverableId: string | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
};

/** Proof that a worker holds a task: every write it makes names the epoch, and a stale one changes nothing. */
export type Lease = { readonly goalId: string; readonly taskId: string; readonly owner: string; readonly epoch: number };
