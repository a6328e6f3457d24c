/** A plan: named phases, and tasks whose order comes from `needs` alone. A change is a new version, never an edit. */

import { z } from "zod";
import { SLUG } from "./id.ts";
import { suggest } from "./problem.ts";

export const MAX_PLAN_TASKS = 50;
/** From so many tasks, phases or needs of one task on nothing else of a plan is looked at. */
const FAR_TOO_MANY = 4 * MAX_PLAN_TASKS;
export const MAX_VARIANTS = 5;
export const DIRECTOR = "director";
/** Keys of the tasks that the engine adds to a goal: a plan's own task of that name would stand in their place. */
const RESERVED_KEY = /^(?:plan|check|report|gate-\d+)$/;

export const planPhase = z.object({ name: z.string().trim().min(1).max(80), gate: z.boolean() });

export const planTask = z.object({
  key: z.string(),
  phase: z.string(),
  skill: z.string(),
  brief: z.string().trim().min(1),
  criteria: z.array(z.string().trim().min(1)),
  needs: z.array(z.string()),
  reviewers: z.array(z.string()).optional(),
  /** How many versions are made side by side and compared; one unless it says more. */
  variants: z.number().int().min(1).max(MAX_VARIANTS).optional(),
});
export type PlanTask = z.infer<typeof planTask>;

export const plan = z.object({
  title: z.string().trim().min(1).max(160),
  category: z.string(),
  /** The template it was made from, if any. */
  pipeline: z.string().nullable(),
  phases: z.array(planPhase),
  tasks: z.array(planTask),
  assumptions: z.array(z.string()),
  missing: z.array(z.string()),
});
export type Plan = z.infer<typeof plan>;

/** What a plan is checked against. */
export type PlanRegistry = {
  readonly skills: ReadonlyMap<string, { readonly squad: string }>;
  readonly categories: readonly string[];
  readonly pipelines: readonly string[];
  /** Squads whose tasks come last in plans that the Director makes: nothing outside them may need their work. */
  readonly lastSquads: readonly string[];
};

/** Every fault of a plan in one go, as sentences its author can act on. `template`: it follows a pipeline's own order. */
export function planProblems(candidate: Plan, registry: PlanRegistry, options: { template: boolean }): string[] {
  const problems: string[] = [];
  const { tasks, phases } = candidate;
  if (tasks.length === 0) problems.push("the plan has no tasks");
  const size = tasks.length + phases.filter((phase) => phase.gate).length;
  if (size > MAX_PLAN_TASKS) problems.push(`the plan has ${size} tasks and gates, the limit is ${MAX_PLAN_TASKS}`);
  // Comparing all names with all others takes minutes where a reply is nothing but tasks.
  const most = tasks.reduce((sum, task) => Math.max(sum, task.needs.length), Math.max(size, phases.length));
  if (most > FAR_TOO_MANY) return problems.length > 0 ? problems : [`the plan has ${most} phases, or needs of one task`];
  if (!registry.categories.includes(candidate.category)) {
    problems.push(`unknown category "${candidate.category}": ${suggest(candidate.category, registry.categories)}`);
  }
  if (candidate.pipeline !== null && !registry.pipelines.includes(candidate.pipeline)) {
    problems.push(`unknown pipeline "${candidate.pipeline}": ${suggest(candidate.pipeline, registry.pipelines)}`);
  }
  const phaseNames = phases.map((phase) => phase.name);
  for (const name of duplicates(phaseNames)) problems.push(`phase "${name}" is named twice`);
  const byKey = new Map(tasks.map((task) => [task.key, task]));
  for (const key of duplicates(tasks.map((task) => task.key))) problems.push(`task key "${key}" is used twice`);
  for (const task of tasks) {
    const at = `task "${task.key}"`;
    if (!SLUG.test(task.key) || task.key.length > 64)
      problems.push(`${at}: a key is lower-case words joined by hyphens, at most 64 characters`);
    if (RESERVED_KEY.test(task.key)) problems.push(`${at}: this key belongs to the Director's own tasks, take another`);
    // A template may hold a step that the Director does itself.
    if (!registry.skills.has(task.skill) && !(options.template && task.skill === DIRECTOR))
      problems.push(`${at}: unknown skill "${task.skill}": ${suggest(task.skill, [...registry.skills.keys()])}`);
    if (!phaseNames.includes(task.phase))
      problems.push(`${at}: unknown phase "${task.phase}": ${suggest(task.phase, phaseNames)}`);
    for (const need of task.needs) {
      if (!byKey.has(need)) problems.push(`${at} needs "${need}", which is no task: ${suggest(need, [...byKey.keys()])}`);
    }
    for (const reviewer of task.reviewers ?? []) {
      if (reviewer !== DIRECTOR && !registry.skills.has(reviewer)) problems.push(`${at}: unknown reviewer "${reviewer}"`);
    }
    if (!options.template) problems.push(...lastSquadProblems(task, byKey, registry));
  }
  const circle = findCycle(tasks);
  if (circle) problems.push(`the tasks need each other in a circle: ${circle.join(" → ")}`);
  // A task that needs work of a later phase can make its own phase's gate wait for itself.
  const behindGate = circle ? null : findCycle(planNodes(candidate));
  if (behindGate)
    problems.push(
      `a gate would wait for itself: ${behindGate.join(" → ")}; no task of a phase with a gate may need what stands behind the gate`,
    );
  return problems;
}

function lastSquadProblems(task: PlanTask, byKey: ReadonlyMap<string, PlanTask>, registry: PlanRegistry): string[] {
  const squad = registry.skills.get(task.skill)?.squad;
  if (squad === undefined || registry.lastSquads.includes(squad)) return [];
  return task.needs.flatMap((key) => {
    const need = byKey.get(key);
    const needSquad = need && registry.skills.get(need.skill)?.squad;
    return needSquad !== undefined && registry.lastSquads.includes(needSquad)
      ? [`task "${task.key}" needs "${key}" of squad ${needSquad}, whose work comes last: turn the order round`]
      : [];
  });
}

function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}

/** The keys along one circle of needs, first key repeated at the end; null when there is none. */
export function findCycle(tasks: readonly { key: string; needs: readonly string[] }[]): string[] | null {
  const needs = new Map(tasks.map((task) => [task.key, task.needs]));
  const state = new Map<string, "open" | "closed">();
  const path: string[] = [];
  const visit = (key: string): string[] | null => {
    if (state.get(key) === "closed" || !needs.has(key)) return null;
    if (state.get(key) === "open") return [...path.slice(path.indexOf(key)), key];
    state.set(key, "open");
    path.push(key);
    for (const need of needs.get(key) ?? []) {
      const circle = visit(need);
      if (circle) return circle;
    }
    path.pop();
    state.set(key, "closed");
    return null;
  };
  for (const task of tasks) {
    const circle = visit(task.key);
    if (circle) return circle;
  }
  return null;
}

export type PlanNode = {
  readonly key: string;
  readonly kind: "work" | "gate";
  readonly phase: string;
  readonly needs: readonly string[];
  readonly task: PlanTask | null;
};

/** The key of a phase's gate: a gate is a task of its own. */
export function gateKey(phase: string, phases: readonly { name: string }[]): string {
  return `gate-${phases.findIndex((entry) => entry.name === phase) + 1}`;
}

/**
 * The plan as the graph that runs: its tasks, and a gate for each phase that has one. A gate needs its phase's tasks;
 * what stands in a later phase and needs one of them needs the gate as well. What does not, does not wait for it.
 */
export function planNodes(candidate: Plan): PlanNode[] {
  const order = candidate.phases.map((phase) => phase.name);
  const phaseOf = new Map(candidate.tasks.map((task) => [task.key, task.phase]));
  const gates = candidate.phases.filter((phase) => phase.gate && candidate.tasks.some((task) => task.phase === phase.name));
  const nodes: PlanNode[] = candidate.tasks.map((task) => {
    const behind = gates.filter(
      (gate) =>
        order.indexOf(gate.name) < order.indexOf(task.phase) && task.needs.some((need) => phaseOf.get(need) === gate.name),
    );
    const needs = [...new Set([...task.needs, ...behind.map((gate) => gateKey(gate.name, candidate.phases))])];
    return { key: task.key, kind: "work", phase: task.phase, needs, task };
  });
  for (const gate of gates) {
    const needs = candidate.tasks.filter((task) => task.phase === gate.name).map((task) => task.key);
    nodes.push({ key: gateKey(gate.name, candidate.phases), kind: "gate", phase: gate.name, needs, task: null });
  }
  // A gate that nothing stands behind decides nothing.
  return nodes.filter((node) => node.kind === "work" || nodes.some((other) => other.needs.includes(node.key)));
}
