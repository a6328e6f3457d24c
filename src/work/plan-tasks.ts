/** A plan as tasks: those of its first version, and what a later version changes. All inside a transaction. */

import { newId } from "../domain/id.ts";
import type { Goal } from "../domain/goal.ts";
import { DIRECTOR, planNodes, type Plan, type PlanNode } from "../domain/plan.ts";
import { insertPlan, updateGoal } from "../store/goals.ts";
import { insertTasks, moveTask, rebriefTask, replaceNeeds, tasksOfGoal, type NewTask } from "../store/tasks.ts";
import type { Tx } from "../store/store.ts";
import { cancelTask } from "./engine.ts";

/** Makes a plan the goal's: version 1, and its tasks and gates with their needs. */
export async function startPlan(tx: Tx, goal: Goal, plan: Plan): Promise<void> {
  const version = goal.planVersion + 1;
  await insertPlan(tx, goal.id, version, plan, null);
  await updateGoal(tx, goal.id, { title: plan.title, category: plan.category, pipeline: plan.pipeline });
  const nodes = planNodes(plan);
  const ids = new Map(nodes.map((node) => [node.key, newId("task")]));
  await insertTasks(
    tx,
    nodes.map((node) => plannedTask(goal, node, ids, node.needs.length)),
  );
  emitPlanned(tx, goal, version, plan, null);
}

/** A node of the plan as a task of the goal. `ids` gives the task of each key. */
function plannedTask(goal: Goal, node: PlanNode, ids: ReadonlyMap<string, string>, unmet: number): NewTask {
  return {
    id: ids.get(node.key) ?? newId("task"),
    goalId: goal.id,
    key: node.key,
    kind: node.kind,
    phase: node.phase,
    skill: node.task?.skill ?? DIRECTOR,
    brief: node.task?.brief ?? "",
    criteria: node.task?.criteria ?? [],
    reviewers: node.task?.reviewers ?? [DIRECTOR],
    variants: node.task?.variants ?? 1,
    needs: node.needs.flatMap((key) => ids.get(key) ?? []),
    unmet,
    priority: goal.priority,
    rehearsal: goal.rehearsal,
  };
}

function emitPlanned(tx: Tx, goal: Goal, version: number, plan: Plan, why: string | null): void {
  tx.emit(
    {
      type: "goal.planned",
      goalId: goal.id,
      taskId: null,
      version,
      title: plan.title,
      tasks: plan.tasks.length,
      pipeline: plan.pipeline,
      why,
    },
    { rehearsal: goal.rehearsal },
  );
}

/** Brings the tasks in line with the next version of the plan: only what has not begun changes. */
export async function changePlan(
  tx: Tx,
  goal: Goal,
  plan: Plan,
  why: string,
  dropped: readonly { key: string; reason: string }[],
): Promise<void> {
  const version = goal.planVersion + 1;
  await insertPlan(tx, goal.id, version, plan, why);
  await updateGoal(tx, goal.id, { changes: goal.changes + 1 });
  const tasks = await tasksOfGoal(tx, goal.id);
  const byKey = new Map(tasks.map((task) => [task.key, task]));
  for (const { key, reason } of dropped) {
    const task = byKey.get(key);
    if (task && (task.status === "waiting" || task.status === "ready"))
      await cancelTask(tx, goal, task, `dropped at a gate: ${reason}`);
  }
  const nodes = planNodes(plan);
  const ids = new Map(tasks.map((task) => [task.key, task.id]));
  for (const node of nodes) if (!ids.has(node.key)) ids.set(node.key, newId("task"));
  const open = (key: string) => {
    const task = byKey.get(key);
    return task === undefined || task.status !== "done";
  };
  const added: NewTask[] = [];
  for (const node of nodes) {
    const needs = node.needs.flatMap((key) => ids.get(key) ?? []);
    const unmet = node.needs.filter(open).length;
    const existing = byKey.get(node.key);
    if (!existing) {
      added.push(plannedTask(goal, node, ids, unmet));
    } else if (existing.status === "waiting" || existing.status === "ready") {
      if (node.task) await rebriefTask(tx, existing.id, node.task.brief, node.task.criteria);
      if (existing.status === "waiting") {
        await replaceNeeds(tx, existing.id, needs, unmet);
        if (unmet === 0) {
          await moveTask(tx, existing, "ready");
          tx.emit(
            { type: "task.ready", goalId: goal.id, taskId: existing.id, revision: existing.revision },
            { rehearsal: goal.rehearsal },
          );
        }
      }
    }
  }
  await insertTasks(tx, added);
  emitPlanned(tx, goal, version, plan, why);
}
