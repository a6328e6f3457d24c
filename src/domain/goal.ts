/** A goal: what somebody asked for. Everything the team does (a sentence, a pipeline, a schedule, an event) is one. */

import { z } from "zod";
import type { Nano } from "./money.ts";

export const PRIORITIES = ["P0", "P1", "P2", "P3"] as const;
export const priority = z.enum(PRIORITIES);
export type Priority = z.infer<typeof priority>;

/** Words by which a schedule or a pipeline says that its calls may wait for a batch. There is no other. */
export const batchMark = z.literal("allowed");
export type BatchMark = z.infer<typeof batchMark>;

/** Whether a goal that nobody waits for (a schedule or an event starts it) goes through batches: one mark is enough, and P0 and P1 never wait. */
export function mayBatch(priority: Priority, ...marks: readonly (BatchMark | undefined)[]): boolean {
  return (priority === "P2" || priority === "P3") && marks.includes("allowed");
}

export const GOAL_STATUSES = ["planned", "running", "completed", "paused", "failed", "cancelled"] as const;
export const goalStatus = z.enum(GOAL_STATUSES);
export type GoalStatus = z.infer<typeof goalStatus>;

/** `planned` is the end of a dry run. Planning itself is a task of a running goal. */
export const GOAL_TRANSITIONS: Record<GoalStatus, readonly GoalStatus[]> = {
  planned: [],
  running: ["completed", "paused", "failed", "cancelled"],
  paused: ["running", "cancelled", "failed"],
  completed: [],
  failed: [],
  cancelled: [],
};

export const GOAL_ENDED: readonly GoalStatus[] = ["planned", "completed", "failed", "cancelled"];

/** Why a paused goal waits. */
const PAUSE_REASONS = ["budget", "question", "model_away", "interrupted"] as const;
export const pauseReason = z.enum(PAUSE_REASONS);
export type PauseReason = z.infer<typeof pauseReason>;

export const GOAL_MAX_CHARS = 20_000;

export type Goal = {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly category: string | null;
  /** Who asked: `cli`, `schedule:<id>`, `event:<type>`, … */
  readonly source: string;
  readonly pipeline: string | null;
  readonly priority: Priority;
  readonly status: GoalStatus;
  readonly pause: PauseReason | null;
  /** One sentence for a person: why it is paused or failed. */
  readonly reason: string | null;
  readonly rehearsal: boolean;
  /** Its calls may wait for a batch, at a share of the price. */
  readonly batch: boolean;
  readonly cap: Nano;
  /** What a person allowed on top of the cap, with `resume --allow`. */
  readonly allowed: Nano;
  readonly planVersion: number;
  /** Failures in a row; three pause the goal. */
  readonly failures: number;
  /** Changes that gates made to the plan so far. */
  readonly changes: number;
  readonly contextVersion: number;
  readonly createdAt: number;
  readonly endedAt: number | null;
};

/**
 * Checks a goal's text: trimmed, without control characters (newline and tab stay).
 * Returns the text to use, or one sentence that says what is wrong.
 */
export function checkGoalText(typed: string): { text: string } | { problem: string } {
  const text = typed.replace(/\r\n?/g, "\n").trim();
  if (text === "") return { problem: "the goal is empty: say in a sentence what you want, in quotes" };
  if (text.length > GOAL_MAX_CHARS) {
    return {
      problem: `the goal is ${text.length.toLocaleString("en")} characters long, the limit is ${GOAL_MAX_CHARS.toLocaleString("en")}: put background into the product context (init --from FILE) and say the goal in a few sentences`,
    };
  }
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]/.exec(text);
  if (control) {
    const code = control[0].charCodeAt(0).toString(16).padStart(4, "0");
    return { problem: `the goal contains a control character (U+${code}) at position ${control.index + 1}: remove it` };
  }
  return { text };
}

/** A short title from a goal's text, until the plan gives a better one. */
export function titleOf(text: string): string {
  const line = (text.split("\n")[0] ?? "").trim();
  // Not in the middle of a character that takes two units (an emoji).
  const cut = line.slice(0, 77).replace(/[\ud800-\udbff]$/, "");
  return line.length <= 80 ? line : `${cut.trimEnd()}…`;
}

/** Goals that a review of the Director started say so in their source; they start no goals themselves. */
export const LOOK_BACK_SOURCE = "review:";
export const LOOK_BACK_GOALS = 3;
