/** The Director's look at the team's own work: a dated report, five lines for the person, and at most three goals that it starts. */

import { z } from "zod";
import type { Goal } from "../domain/goal.ts";
import { LOOK_BACK_GOALS } from "../domain/goal.ts";
import type { ProductContext } from "../domain/product-context.ts";
import type { Registry } from "../domain/registry.ts";
import type { Lease, Task } from "../domain/task.ts";
import { decide, type Decision } from "../journal/decide.ts";
import type { Journal } from "../journal/journal.ts";
import { openingParts, tag } from "../skills/prompt.ts";

export const FIVE = 5;
const MAX_TOKENS = 8_000;

export const lookBackReply = z.object({
  /** Markdown, without a title. */
  report: z.string().min(1),
  /** What the person who owns the product should know, most important first. */
  five_lines: z.array(z.string().min(1)),
  goals: z.array(
    z.object({
      text: z.string().min(1),
      category: z.string().nullable(),
      priority: z.enum(["P1", "P2", "P3"]),
      why: z.string().min(1),
    }),
  ),
});
export type LookBack = z.infer<typeof lookBackReply>;

export type LookBackInput = {
  readonly goal: Pick<Goal, "id" | "text" | "priority" | "cap" | "allowed" | "rehearsal">;
  readonly context: ProductContext | null;
  readonly task: Task;
  /** What happened since the last look, from the store. */
  readonly digest: string;
  /** What the goals that it starts may cost together, in words. */
  readonly purse: string;
  readonly lease: Lease;
};

export async function lookBack(
  journal: Journal,
  registry: Registry,
  input: LookBackInput,
  signal: AbortSignal,
): Promise<Decision<LookBack>> {
  const categories = Object.keys(registry.routing.categories);
  return decide(
    journal,
    {
      key: { goalId: input.goal.id, subject: input.task.id, revision: input.task.revision, step: "look-back", round: 0 },
      lease: input.lease,
      goal: input.goal,
      skill: null,
      tier: "strong" as const,
      maxTokens: MAX_TOKENS,
      system: openingParts(registry.texts.charter, input.context, "once"),
      user: [
        {
          kind: "inputs" as const,
          text: [
            tag("goal", {}, input.goal.text),
            tag("task", { key: input.task.key, phase: input.task.phase }, input.task.brief),
            tag("state_of_work", {}, input.digest),
            `"report": Markdown with "## " headings, without a title; only what the state of work shows. "five_lines": at most ${FIVE} plain sentences for the person, the one that needs them first.`,
            `"goals": none, or at most ${LOOK_BACK_GOALS}, only where the evidence calls for one now; never one that is open already, and never another review. Each: the goal in a sentence or two as a person would say it, a category (${categories.join(", ")}) or null, a priority, and why, naming the evidence. Together they may cost ${input.purse}.`,
          ].join("\n"),
        },
      ],
    },
    lookBackReply,
    signal,
    (reply) => [
      ...(reply.five_lines.length > FIVE ? [`five_lines has ${reply.five_lines.length} lines: at most ${FIVE}`] : []),
      ...(reply.goals.length > LOOK_BACK_GOALS ? [`goals has ${reply.goals.length} entries: at most ${LOOK_BACK_GOALS}`] : []),
      ...reply.goals.flatMap(({ category }, i) =>
        category === null || categories.includes(category)
          ? []
          : [`goals.${i}: there is no category "${category}"; there are ${categories.join(", ")}`],
      ),
    ],
  );
}
