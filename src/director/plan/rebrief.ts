/** After a rejection: the Director briefs the task anew, once, for the same skill or another that can do it. */

import { z } from "zod";
import type { Deliverable } from "../../domain/deliverable.ts";
import type { Goal } from "../../domain/goal.ts";
import { suggest } from "../../domain/problem.ts";
import type { ProductContext } from "../../domain/product-context.ts";
import type { Registry } from "../../domain/registry.ts";
import type { Finding } from "../../domain/review.ts";
import type { Lease, Task } from "../../domain/task.ts";
import { decide, type Decision } from "../../journal/decide.ts";
import type { Journal } from "../../journal/journal.ts";
import { bullets, lines, openingParts, tag, teamText } from "../../skills/prompt.ts";

export const rebriefReply = z.object({
  skill: z.string(),
  brief: z.string().min(1),
  criteria: z.array(z.string()),
  reason: z.string(),
});
export type Rebrief = z.infer<typeof rebriefReply>;

export type RebriefInput = {
  readonly goal: Pick<Goal, "id" | "text" | "priority" | "cap" | "allowed" | "rehearsal">;
  readonly context: ProductContext | null;
  readonly task: Task;
  readonly rejected: Deliverable;
  readonly findings: readonly Finding[];
  readonly lease: Lease;
};

export async function decideRebrief(
  journal: Journal,
  registry: Registry,
  input: RebriefInput,
  signal: AbortSignal,
): Promise<Decision<Rebrief>> {
  const { task } = input;
  const spec = {
    key: { goalId: input.goal.id, subject: task.id, revision: task.revision, step: "rebrief", round: 0 },
    lease: input.lease,
    goal: input.goal,
    skill: null,
    tier: "strong" as const,
    maxTokens: 6_000,
    system: [
      ...openingParts(registry.texts.charter, input.context, "once"),
      { kind: "skill" as const, text: teamText(registry) },
    ],
    user: [
      {
        kind: "inputs" as const,
        text: [
          tag("goal", {}, input.goal.text),
          tag("task", { key: task.key, skill: task.skill, phase: task.phase }, task.brief),
          tag("criteria", {}, bullets(task.criteria)),
          tag("deliverable", { revision: input.rejected.revision }, input.rejected.body),
          tag("findings", {}, lines(input.findings)),
          "This work was rejected: revising it makes no sense. Find out why the specialist missed the task (a brief that misled, the wrong specialist, a task that cannot be done with what is known) and brief it anew, once. Name the skill that is to do it, the new brief, criteria that can be checked, and the reason in one sentence.",
        ].join("\n"),
      },
    ],
  };
  return decide(journal, spec, rebriefReply, signal, (reply) =>
    registry.skills.has(reply.skill)
      ? []
      : [`unknown skill "${reply.skill}": ${suggest(reply.skill, [...registry.skills.keys()])}`],
  );
}
