/** A learning: one short statement that a goal taught, with the evidence for it. */

import { z } from "zod";

export const LEARNING_STATUSES = ["hypothesis", "active", "retired"] as const;
export const learningStatus = z.enum(LEARNING_STATUSES);

export type Learning = {
  readonly id: string;
  readonly statement: string;
  readonly skill: string | null;
  readonly category: string | null;
  readonly tags: readonly string[];
  /** 0 to 1. A person's own learning starts at 0.9, one from a review at 0.5. */
  readonly confidence: number;
  readonly evidence: string;
  readonly status: z.infer<typeof learningStatus>;
  readonly origin: "review" | "person";
  readonly rehearsal: boolean;
  readonly createdAt: number;
};

export const LEARNING_MAX_CHARS = 400;

/** Newest and surest first, within a budget in characters. Age counts a tenth of confidence per 30 days. */
export function selectLearnings(candidates: readonly Learning[], now: number, maxChars: number): Learning[] {
  const rank = (entry: Learning) => entry.confidence - ((now - entry.createdAt) / (30 * 86_400_000)) * 0.1;
  const sorted = [...candidates]
    .filter((entry) => entry.status !== "retired")
    .sort((a, b) => rank(b) - rank(a) || (a.id < b.id ? 1 : -1));
  const chosen: Learning[] = [];
  let used = 0;
  for (const entry of sorted) {
    if (used + entry.statement.length > maxChars) continue;
    used += entry.statement.length;
    chosen.push(entry);
  }
  return chosen;
}

/** Two statements that say the same, apart from case, spaces and punctuation. */
export function learningKey(statement: string): string {
  return statement
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
