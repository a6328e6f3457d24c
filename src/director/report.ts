/** The Director's closing word on a goal: what it means and what to do next. The figures beside it come from the store. */

import { z } from "zod";
import type { Goal } from "../domain/goal.ts";
import type { ProductContext } from "../domain/product-context.ts";
import type { Registry } from "../domain/registry.ts";
import type { Lease } from "../domain/task.ts";
import { decide, type Decision } from "../journal/decide.ts";
import type { Journal } from "../journal/journal.ts";
import { bullets, openingParts, tag } from "../skills/prompt.ts";
import { resultBlocks, type Result } from "./results.ts";

export const reportReply = z.object({
  headline: z.string().min(1),
  summary: z.array(z.string()),
  next_steps: z.array(z.string()),
  open_questions: z.array(z.string()),
});
export type ClosingWord = z.infer<typeof reportReply>;

export type ReportInput = {
  readonly goal: Pick<Goal, "id" | "text" | "priority" | "cap" | "allowed" | "rehearsal">;
  readonly context: ProductContext | null;
  readonly results: readonly Result[];
  /** What was not done, and what was missing: a line each. */
  readonly open: readonly string[];
  readonly lease: Lease;
};

export async function closingWord(
  journal: Journal,
  registry: Registry,
  input: ReportInput,
  signal: AbortSignal,
): Promise<Decision<ClosingWord>> {
  const spec = {
    key: { goalId: input.goal.id, subject: input.lease.taskId, revision: 0, step: "report", round: 0 },
    lease: input.lease,
    goal: input.goal,
    skill: null,
    // What the reviews have summed up is put together: nothing is judged anew.
    tier: "light" as const,
    maxTokens: 4_000,
    system: openingParts(registry.texts.charter, input.context, "once"),
    user: [
      {
        kind: "inputs" as const,
        text: [
          tag("goal", {}, input.goal.text),
          resultBlocks(input.results, { full: false }),
          tag("open", {}, bullets(input.open)),
          "Tell the person who asked how their goal stands. headline: one sentence. summary: three to six sentences on what was found and made, the most important first. next_steps: what they should do now, in order, each one action naming the deliverable it comes from. open_questions: what only they can answer. Say nothing that the results do not say.",
        ].join("\n"),
      },
    ],
  };
  return decide(journal, spec, reportReply, signal);
}
