/** A question that only a person can answer: durable, with all that is needed to decide. A timeout never approves. */

import { z } from "zod";

export const QUESTION_KINDS = ["quality", "rejected", "failures", "budget", "risk", "model", "plan"] as const;
export const questionKind = z.enum(QUESTION_KINDS);
export type QuestionKind = z.infer<typeof questionKind>;

export const answerChoice = z.enum(["approve", "reject"]);

/** How a person answered. `version` takes an earlier version, `drop` gives the task up, `edit` brings an own text. */
export const answer = z.object({
  choice: answerChoice,
  note: z.string().nullable(),
  version: z.number().int().nullable(),
  drop: z.boolean(),
  body: z.string().nullable(),
});
export type Answer = z.infer<typeof answer>;

export type Question = {
  readonly id: string;
  readonly goalId: string;
  readonly taskId: string | null;
  readonly kind: QuestionKind;
  /** One sentence: what is asked. */
  readonly title: string;
  /** Markdown: what was asked for, what came, what is open, what each answer does and costs. */
  readonly detail: string;
  /** What `approve` and `reject` mean here, in a few words each. */
  readonly approveMeans: string;
  readonly rejectMeans: string;
  readonly status: "open" | "answered" | "withdrawn";
  readonly answer: Answer | null;
  readonly createdAt: number;
  readonly answeredAt: number | null;
};
