/** A named pipeline as a plan: its steps in their order, its reviews as reviewers of what they review. */

import { titleOf } from "../domain/goal.ts";
import { DIRECTOR, type Plan, type PlanTask } from "../domain/plan.ts";
import type { Pipeline, PipelineStep } from "../domain/registry.ts";

type WorkStep = Exclude<PipelineStep, { parallel: unknown } | { review: string }>;

/**
 * The plan of a pipeline. Each task needs what stands before it: the members of a `parallel` block all need the step before
 * the block, the step after needs all members. `review: x` adds x to the reviewers of what stands before it; a task without
 * any has no `reviewers`, which leaves the review to the Director. A `director:` step is a task whose skill is `director`.
 * `brief` (null or blank for none) is added to every task. The pipeline must have passed the registry's checks.
 */
export function planFromPipeline(name: string, pipeline: Pipeline, brief: string | null): Plan {
  const wish = brief?.trim() || null;
  const tasks: PlanTask[] = [];
  const gates = new Map<string, boolean>();
  const keys = new Set<string>();
  let before: PlanTask[] = [];

  const add = (step: WorkStep, needs: readonly PlanTask[]): PlanTask => {
    const skill = "skill" in step ? step.skill : DIRECTOR;
    const work = "skill" in step ? step.brief : step[DIRECTOR];
    const task: PlanTask = {
      key: freeKey(skill, keys),
      phase: step.phase,
      skill,
      brief: wish === null ? work : `${work}\n\nFor this run: ${wish}`,
      criteria: "skill" in step ? [...step.criteria] : [],
      needs: needs.map((need) => need.key),
      ...("variants" in step && step.variants !== undefined ? { variants: step.variants } : {}),
    };
    gates.set(step.phase, (gates.get(step.phase) ?? false) || step.gate);
    tasks.push(task);
    return task;
  };

  for (const step of pipeline.steps) {
    if ("parallel" in step) {
      const members: PlanTask[] = [];
      for (const member of step.parallel) {
        if ("review" in member) members.slice(-1).forEach((task) => addReviewer(task, member.review));
        else members.push(add(member, before));
      }
      before = members;
    } else if ("review" in step) {
      for (const task of before) addReviewer(task, step.review);
    } else {
      before = [add(step, before)];
    }
  }
  return {
    title: wish === null ? name : `${name}: ${titleOf(wish)}`,
    category: pipeline.category,
    pipeline: name,
    phases: [...gates].map(([phase, gate]) => ({ name: phase, gate })),
    tasks,
    assumptions: [],
    missing: [],
  };
}

function addReviewer(task: PlanTask, reviewer: string): void {
  task.reviewers = [...new Set([...(task.reviewers ?? []), reviewer])];
}

/** The skill's name, or with -2, -3 … when a task has that key; at most 64 characters. */
function freeKey(skill: string, taken: Set<string>): string {
  for (let n = 1; ; n++) {
    const suffix = n === 1 ? "" : `-${n}`;
    const key = `${skill.slice(0, 64 - suffix.length).replace(/[-_]+$/, "")}${suffix}`;
    if (taken.has(key)) continue;
    taken.add(key);
    return key;
  }
}
