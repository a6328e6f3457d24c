/** Planning: a goal becomes a plan of named phases and tasks, made from the live registry, checked and repaired once. */

import { z } from "zod";
import { LOOK_BACK_SOURCE, type Goal } from "../../domain/goal.ts";
import type { Learning } from "../../domain/learning.ts";
import {
  DIRECTOR,
  MAX_VARIANTS,
  plan as planSchema,
  planPhase,
  planProblems,
  planTask,
  type Plan,
  type PlanRegistry,
} from "../../domain/plan.ts";
import type { ProductContext } from "../../domain/product-context.ts";
import type { Registry } from "../../domain/registry.ts";
import type { Lease } from "../../domain/task.ts";
import { decide, type Decision } from "../../journal/decide.ts";
import type { Journal } from "../../journal/journal.ts";
import type { CallSpec } from "../../journal/request.ts";
import { planFromPipeline } from "../../skills/pipeline-plan.ts";
import { learningsPart, lines, openingParts, tag, teamText } from "../../skills/prompt.ts";

export const planReply = z.object({
  title: z.string(),
  category: z.string(),
  pipeline: z.string().nullable(),
  phases: z.array(planPhase),
  tasks: z.array(planTask.extend({ reviewers: z.array(z.string()), variants: z.number().int() })),
  assumptions: z.array(z.string()),
  missing: z.array(z.string()),
});

export type PlanInput = {
  readonly goal: Pick<Goal, "id" | "text" | "category" | "source" | "priority" | "cap" | "allowed" | "rehearsal">;
  readonly context: ProductContext | null;
  readonly learnings: readonly Learning[];
  /** What recent goals ended with, a line each, for a plan that does not repeat them. */
  readonly recent: readonly string[];
  readonly lease: Lease | null;
};

const MAX_TOKENS = 16_000;

export function planRegistry(registry: Registry): PlanRegistry {
  return {
    skills: registry.skills,
    categories: Object.keys(registry.routing.categories),
    pipelines: [...registry.pipelines.keys()],
    lastSquads: registry.routing.last,
  };
}

/** The planning call, whole: for the live run, the dry run and the quote. */
export function planSpec(registry: Registry, input: PlanInput): Omit<CallSpec, "format" | "turns"> {
  const categories = Object.entries(registry.routing.categories).map(([category, { means, route }]) => ({
    category,
    means,
    route,
  }));
  const pipelines = [...registry.pipelines].map(([name, entry]) => {
    const { phases, tasks } = planFromPipeline(name, entry, null);
    return {
      pipeline: name,
      category: entry.category,
      fits: entry.fits,
      phases,
      tasks: tasks.map((task) => ({ ...task, reviewers: task.reviewers ?? [], variants: task.variants ?? 1 })),
    };
  });
  const recent = input.recent.length > 0 ? `${tag("recent_goals", {}, input.recent.join("\n"))}\n` : "";
  return {
    key: { goalId: input.goal.id, subject: input.lease?.taskId ?? "plan", revision: 0, step: "plan", round: 0 },
    lease: input.lease,
    goal: input.goal,
    skill: null,
    tier: "strong",
    maxTokens: MAX_TOKENS,
    learnings: input.learnings.map((entry) => entry.id),
    system: [
      ...openingParts(registry.texts.charter, input.context, "once"),
      {
        kind: "skill",
        text: [
          teamText(registry),
          tag("categories", {}, lines(categories)),
          tag("pipelines", {}, lines(pipelines)),
          tag("last_squads", {}, JSON.stringify(registry.routing.last)),
        ].join("\n"),
      },
      learningsPart(input.learnings),
    ],
    user: [
      {
        kind: "inputs",
        text: `${recent}${tag("goal", { category: input.goal.category }, input.goal.text)}
Plan this goal. Where a pipeline fits, name it and adapt its tasks to this goal; otherwise set pipeline to null and follow the route of the goal's category.
Each task: a key (lower-case words joined by hyphens), its phase, the skill that does it, a brief that the specialist can act on without asking, two to five acceptance criteria that can be checked in the text, and the keys of the tasks whose output it builds on.
Tasks that do not build on each other must not need each other: they run at the same time. "reviewers" is empty unless specialists should read the work before you do. "variants" is 1; more (at most ${MAX_VARIANTS}) only where the goal asks for alternatives or one text decides its outcome: each is made and paid for, then they are compared.
What you had to assume goes into "assumptions", what only the people behind the product can tell into "missing".`,
      },
    ],
  };
}

/** Plans a goal. The result is valid against the registry, or the decision says why there is none. */
export async function makePlan(
  journal: Journal,
  registry: Registry,
  input: PlanInput,
  signal: AbortSignal,
): Promise<Decision<Plan>> {
  const against = planRegistry(registry);
  const decision = await decide(journal, planSpec(registry, input), planReply, signal, (reply) => {
    const problems = planProblems(toPlan(reply, input.goal.category), against, { template: reply.pipeline !== null });
    // A review starts work, never another review.
    if (input.goal.source.startsWith(LOOK_BACK_SOURCE) && reply.tasks.some((task) => task.skill === DIRECTOR))
      problems.push("this goal was started by a review: it cannot be a review itself");
    const size = planSchema.safeParse(toPlan(reply, input.goal.category));
    return size.success
      ? problems
      : [...problems, ...size.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`)];
  });
  return decision.kind === "decided" ? { ...decision, value: toPlan(decision.value, input.goal.category) } : decision;
}

/** A category that the person named counts; a list of no reviewers means the Director. */
function toPlan(reply: z.infer<typeof planReply>, asked: string | null): Plan {
  return {
    ...reply,
    category: asked ?? reply.category,
    tasks: reply.tasks.map(({ reviewers, variants, ...task }) => ({
      ...task,
      ...(reviewers.length > 0 ? { reviewers } : {}),
      ...(variants > 1 ? { variants } : {}),
    })),
  };
}
