/** A goal comes in: its product context is taken in, the goal and its first task are saved. From here on it ends one way or another. */

import { hashOf } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import { titleOf, type Goal, type Priority } from "../domain/goal.ts";
import type { Nano } from "../domain/money.ts";
import type { Plan } from "../domain/plan.ts";
import type { ProductContext } from "../domain/product-context.ts";
import { quotePlan, taskCosts } from "../journal/quote.ts";
import { insertGoal, needGoal, updateGoal } from "../store/goals.ts";
import { importContext, latestContext } from "../store/records.ts";
import { addPlanningTask, startPlan } from "./engine.ts";
import { bodyOf } from "../workspace/document.ts";
import type { Team } from "./team.ts";

export const CONTEXT_PATH = "context/product-marketing-context.md";

export type NewWork = {
  readonly text: string;
  readonly category: string | null;
  readonly source: string;
  readonly priority: Priority;
  readonly cap: Nano;
  readonly rehearsal: boolean;
  /** A plan that is there already (a pipeline's): no planning call is made. */
  readonly plan: Plan | null;
};

/** The product context as it lies in the workspace, versioned when it changed; null when there is none. */
export async function takeInContext(team: Team): Promise<ProductContext | null> {
  const body = await readContext(team);
  const latest = await team.store.read((read) => latestContext(read));
  if (body === null || hashOf(body) === latest?.hash) return body === null ? null : latest;
  await team.store.write("context.import", (tx) => importContext(tx, body, hashOf(body)));
  return team.store.read((read) => latestContext(read));
}

/** The text of the context file, or null when it is missing or empty. */
export async function readContext(team: Pick<Team, "workspace">): Promise<string | null> {
  const file = await team.workspace.read(CONTEXT_PATH);
  const body = file === null ? "" : bodyOf(file);
  return body === "" ? null : body;
}

/** Saves a goal. Returns its id after the store has made it durable. */
export async function acceptGoal(team: Team, work: NewWork): Promise<string> {
  const context = await takeInContext(team);
  const id = newId("goal");
  const history = work.plan ? await team.store.read((read) => taskCosts(read)) : new Map<string, number[]>();
  await team.store.write("goal.accept", async (tx) => {
    await insertGoal(tx, {
      id,
      title: work.plan?.title ?? titleOf(work.text),
      text: work.text,
      category: work.category ?? work.plan?.category ?? null,
      source: work.source,
      pipeline: work.plan?.pipeline ?? null,
      priority: work.priority,
      rehearsal: work.rehearsal,
      cap: work.cap,
      contextVersion: context?.version ?? 0,
    });
    const goal: Goal = await needGoal(tx, id);
    if (work.plan) {
      await startPlan(tx, goal, work.plan);
      await updateGoal(tx, id, {
        quote: JSON.stringify(quotePlan(work.plan, team.registry, tx.now, work.rehearsal ? new Map() : history)),
      });
    } else await addPlanningTask(tx, goal);
  });
  return id;
}
