/** Gates: the Director reads what a phase brought in and may re-brief, add or drop later tasks, within bounds. */

import { z } from "zod";
import type { Goal } from "../../domain/goal.ts";
import { planProblems, planTask, type Plan } from "../../domain/plan.ts";
import type { ProductContext } from "../../domain/product-context.ts";
import type { Registry } from "../../domain/registry.ts";
import type { Lease } from "../../domain/task.ts";
import { decide, type Decision } from "../../journal/decide.ts";
import type { Journal } from "../../journal/journal.ts";
import { lines, openingParts, tag, teamText } from "../../skills/prompt.ts";
import { resultBlocks, type Result } from "../results.ts";
import { planRegistry } from "./plan.ts";

export const MAX_CHANGES = 3;
const MAX_TOKENS = 8_000;

export const gateReply = z.object({
  decision: z.enum(["go_on", "change"]),
  note: z.string(),
  rebrief: z.array(z.object({ key: z.string(), brief: z.string(), criteria: z.array(z.string()) })),
  add: z.array(planTask.omit({ reviewers: true, variants: true })),
  drop: z.array(z.object({ key: z.string(), reason: z.string() })),
});

export type GateDecision = {
  /** The changed plan, or null when work goes on as planned. */
  readonly plan: Plan | null;
  readonly note: string;
  readonly dropped: readonly { key: string; reason: string }[];
};

export type GateInput = {
  readonly goal: Pick<Goal, "id" | "text" | "priority" | "cap" | "allowed" | "rehearsal" | "changes">;
  readonly context: ProductContext | null;
  readonly plan: Plan;
  readonly phase: string;
  readonly results: readonly Result[];
  /** Keys of tasks that have not begun: only these may change. */
  readonly open: ReadonlySet<string>;
  /** Keys of all tasks that the goal has or had: a dropped one does not come back under its name. */
  readonly taken: ReadonlySet<string>;
  readonly lease: Lease;
};

/** Decides at a gate. A change that breaks the plan is repaired once, then work goes on as planned (and the note says so). */
export async function decideGate(
  journal: Journal,
  registry: Registry,
  input: GateInput,
  signal: AbortSignal,
): Promise<Decision<GateDecision>> {
  const later = input.plan.tasks.filter((task) => input.open.has(task.key));
  const left = MAX_CHANGES - input.goal.changes;
  const spec = {
    key: { goalId: input.goal.id, subject: input.lease.taskId, revision: 0, step: "gate", round: 0 },
    lease: input.lease,
    goal: input.goal,
    skill: null,
    tier: "strong" as const,
    maxTokens: MAX_TOKENS,
    system: [
      ...openingParts(registry.texts.charter, input.context, "once"),
      { kind: "skill" as const, text: teamText(registry) },
    ],
    user: [
      {
        kind: "inputs" as const,
        text: [
          tag("goal", {}, input.goal.text),
          tag("gate", { phase: input.phase }, resultBlocks(input.results, { full: true })),
          tag("later_tasks", {}, lines(later)),
          `Read what this phase brought in. If the later tasks still serve the goal as they are, decide go_on: that is the usual answer. If what came in makes a brief wrong, or shows a task that is missing or pointless, decide change and say exactly what.
You may re-brief, add or drop tasks that are listed under later_tasks; what is done stays done. ${left} of ${MAX_CHANGES} changes to this goal are left. "note" tells a person in two sentences what you saw and what follows from it.`,
        ].join("\n"),
      },
    ],
  };
  const decision = await decide(journal, spec, gateReply, signal, (reply) =>
    reply.decision === "go_on" || left <= 0 ? [] : changeProblems(reply, input, registry),
  );
  if (decision.kind === "unreadable") {
    return {
      kind: "decided",
      model: "",
      value: {
        plan: null,
        note: `The gate's decision could not be read (${decision.detail}); work goes on as planned.`,
        dropped: [],
      },
    };
  }
  if (decision.kind === "stopped") return decision;
  const { value } = decision;
  const nothing = value.rebrief.length + value.add.length + value.drop.length === 0;
  if (value.decision === "go_on" || nothing || left <= 0)
    return { ...decision, value: { plan: null, note: value.note, dropped: [] } };
  return { ...decision, value: { plan: applyChange(value, input.plan), note: value.note, dropped: value.drop } };
}

type Reply = z.infer<typeof gateReply>;

function changeProblems(reply: Reply, input: GateInput, registry: Registry): string[] {
  const fixed = [...reply.rebrief, ...reply.drop].filter((entry) => !input.open.has(entry.key));
  const problems = fixed.map((entry) => `"${entry.key}" cannot change: it is not one of the later tasks`);
  for (const task of reply.add) if (input.taken.has(task.key)) problems.push(`the key "${task.key}" is taken`);
  if (problems.length > 0) return problems;
  return planProblems(applyChange(reply, input.plan), planRegistry(registry), { template: true });
}

/** The next version of the plan. What needed a dropped task goes on without it. */
function applyChange(reply: Reply, plan: Plan): Plan {
  const dropped = new Set(reply.drop.map((entry) => entry.key));
  const briefs = new Map(reply.rebrief.map((entry) => [entry.key, entry]));
  const kept = plan.tasks
    .filter((task) => !dropped.has(task.key))
    .map((task) => {
      const changed = briefs.get(task.key);
      const needs = task.needs.filter((need) => !dropped.has(need));
      return changed ? { ...task, needs, brief: changed.brief, criteria: changed.criteria } : { ...task, needs };
    });
  const names = new Set(plan.phases.map((phase) => phase.name));
  const added = [...new Set(reply.add.map((task) => task.phase))]
    .filter((name) => !names.has(name))
    .map((name) => ({ name, gate: false }));
  return { ...plan, phases: [...plan.phases, ...added], tasks: [...kept, ...reply.add] };
}
