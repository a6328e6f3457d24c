/** The semantic review: scores with evidence and findings with quotes from the model, the verdict from code. */

import type { Deliverable } from "../../domain/deliverable.ts";
import type { Goal } from "../../domain/goal.ts";
import { DIRECTOR } from "../../domain/plan.ts";
import type { ProductContext } from "../../domain/product-context.ts";
import type { Registry, RubricCriterion, Skill } from "../../domain/registry.ts";
import { deriveVerdict, overallScore, reviewReply, type Finding, type ReviewReply, type Verdict } from "../../domain/review.ts";
import type { Lease, Task } from "../../domain/task.ts";
import { decide, type Decision } from "../../journal/decide.ts";
import type { Journal } from "../../journal/journal.ts";
import { bullets, lines, openingParts, tag } from "../../skills/prompt.ts";

const MAX_TOKENS = 8_000;

export type ReviewInput = {
  readonly goal: Pick<Goal, "id" | "text" | "priority" | "cap" | "allowed" | "rehearsal">;
  readonly context: ProductContext | null;
  readonly task: Task;
  readonly deliverable: Deliverable;
  /** `director`, or the skill whose playbook reads the work. */
  readonly reviewer: string;
  /** What was asked for last time, when this is a revision. */
  readonly earlier: readonly Finding[];
  readonly lease: Lease;
};

export type Judgement = {
  readonly reviewer: string;
  readonly verdict: Verdict;
  readonly score: number;
  readonly reply: ReviewReply;
};

/** Reviews one version. A review that cannot be read is never an approval: the decision says why there is none. */
export async function reviewDeliverable(
  journal: Journal,
  registry: Registry,
  input: ReviewInput,
  signal: AbortSignal,
): Promise<Decision<Judgement>> {
  const { task, deliverable } = input;
  const maker = registry.skills.get(task.skill);
  const playbook = input.reviewer === DIRECTOR ? maker : registry.skills.get(input.reviewer);
  const criteria = playbook ? (registry.rubrics.get(playbook.rubric)?.criteria ?? []) : [];
  const spec = {
    key: { goalId: input.goal.id, subject: task.id, revision: task.revision, step: `review:${input.reviewer}`, round: 0 },
    lease: input.lease,
    goal: input.goal,
    // A call is of the skill that makes it: a judgement of the Director is of none.
    skill: input.reviewer === DIRECTOR ? null : input.reviewer,
    tier: "strong" as const,
    maxTokens: MAX_TOKENS,
    system: [
      ...openingParts(registry.texts.reviewer, input.context),
      { kind: "skill" as const, share: "5m" as const, text: rubricText(task.skill, input.reviewer, playbook, criteria) },
    ],
    user: [
      {
        kind: "inputs" as const,
        text: [
          tag("goal", {}, input.goal.text),
          tag("task", { key: task.key, skill: task.skill, phase: task.phase }, task.brief),
          tag("criteria", {}, bullets(task.criteria)),
          tag("deliverable", { revision: deliverable.revision }, deliverable.body),
          ...(deliverable.missing.length > 0 ? [tag("missing_inputs", {}, bullets(deliverable.missing))] : []),
          ...(input.earlier.length > 0
            ? [
                `${tag("earlier_findings", {}, lines(input.earlier))}\nThese were asked for after the last version. Check each one; do not repeat what has been answered.`,
              ]
            : []),
          "Review this deliverable against its task, its acceptance criteria and the rubric. Score every criterion of the rubric.",
        ].join("\n"),
      },
    ],
  };
  const decision = await decide(journal, spec, reviewReply, signal, (reply) => {
    const scored = new Set(reply.scores.map((entry) => entry.criterion));
    return criteria
      .filter((criterion) => !scored.has(criterion.id))
      .map((criterion) => `no score for the criterion "${criterion.id}"`);
  });
  if (decision.kind !== "decided") return decision;
  const score = overallScore(decision.value.scores, criteria);
  const verdict = deriveVerdict(decision.value, score, registry.review);
  return { ...decision, value: { reviewer: input.reviewer, verdict, score, reply: decision.value } };
}

function rubricText(made: string, reviewer: string, playbook: Skill | undefined, criteria: readonly RubricCriterion[]): string {
  const quality = playbook ? sections(playbook.body, ["Quality criteria", "Weak work", "Refuse"]) : "";
  const as =
    reviewer === DIRECTOR ? "" : `\nYou read it as the specialist for ${reviewer}: judge what your discipline can judge.`;
  return `${tag("rubric", { skill: made, reviewer }, lines(criteria))}${quality ? `\n${tag("quality_criteria", { skill: playbook?.name }, quality)}` : ""}${as}`;
}

/** The named `##` sections of a playbook: a reviewer needs what good and weak work look like, not the method. */
function sections(body: string, names: readonly string[]): string {
  const pieces = body.split(/^(?=## )/m);
  return pieces
    .filter((piece) => names.some((name) => piece.startsWith(`## ${name}`)))
    .join("")
    .trim();
}
