/** A goal comes in: its product context is taken in, the goal and its first task are saved. From here on it ends one way or another. */

import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { chooseContext } from "../director/context/choose.ts";
import { hashOf } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import { titleOf, type Goal, type Priority } from "../domain/goal.ts";
import type { Nano } from "../domain/money.ts";
import type { Plan } from "../domain/plan.ts";
import type { ProductContext } from "../domain/product-context.ts";
import type { Registry } from "../domain/registry.ts";
import { quotePlan, taskCosts } from "../journal/quote.ts";
import { insertGoal, needGoal, updateGoal } from "../store/goals.ts";
import { importContext, isContext, latestContext } from "../store/contexts.ts";
import { addPlanningTask } from "./engine.ts";
import { startPlan } from "./plan-tasks.ts";
import type { Tx } from "../store/store.ts";
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
  /** Nobody waits for it: its calls may go through batches. */
  readonly batch?: boolean;
  /** A plan that is there already (a pipeline's): no planning call is made. */
  readonly plan: Plan | null;
};

/** The product context that counts for a goal that starts now, versioned when it is new; null when there is none. */
export async function takeInContext(team: Team): Promise<ProductContext | null> {
  const { body, context, because } = await contextNow(team);
  const log = team.log.child({ component: "context" });
  if (body === null) {
    if (because === "an earlier version")
      log.warn("the product context is the store's newest: the file on this machine is an earlier version", {
        version: context?.version,
        file: team.workspace.resolve(CONTEXT_PATH),
      });
    else if (context !== null)
      log.info(`the product context is ${because === "no folder" ? "the store's newest" : "the file on this machine"}`, {
        version: context.version,
      });
    return context;
  }
  const taken = await keepContext(team, body);
  log.info("the product context is the file on this machine: taken in as a new version", { version: taken?.version });
  return taken;
}

/**
 * Takes in the file that was just written on purpose, as the next version, also where its text is an earlier one: of two
 * times within a moment nothing can say which is later.
 */
export async function takeInWritten(team: Team): Promise<ProductContext | null> {
  const body = await readContext(team);
  return body === null ? null : keepContext(team, body);
}

async function keepContext(team: Team, body: string): Promise<ProductContext | null> {
  await team.store.write("context.import", (tx) => importContext(tx, body, hashOf(body)));
  return team.store.read((read) => latestContext(read));
}

/**
 * The product context as it counts now, without a change to the store. `body` is the file's text where that is to become
 * the next version (`context` is then as it will be), else null; `because` says why the store's newest counts.
 */
export async function contextNow(
  team: Team,
): Promise<{ body: string | null; context: ProductContext | null; because: string | null }> {
  const body = await readContext(team);
  const hash = body === null ? null : hashOf(body);
  const { latest, known } = await team.store.read(async (read) => ({
    latest: await latestContext(read),
    known: hash !== null && (await isContext(read, hash)),
  }));
  const path = team.workspace.resolve(CONTEXT_PATH);
  const found = await stat(path).catch(() => null);
  const file = hash === null ? null : { hash, changedAt: found?.mtimeMs ?? 0 };
  const folder = found !== null || (await stat(dirname(path)).catch(() => null)) !== null;
  const chosen = chooseContext({ folder, file, latest, known });
  if (chosen.use === "store") return { body: null, context: latest, because: chosen.because };
  if (chosen.use === "none" || body === null || hash === null) return { body: null, context: null, because: null };
  return { body, context: { version: (latest?.version ?? 0) + 1, body, hash, createdAt: team.now() }, because: null };
}

/** The text of the context file, or null when it is missing or empty. */
export async function readContext(team: Pick<Team, "workspace">): Promise<string | null> {
  const file = await team.workspace.read(CONTEXT_PATH);
  const body = file === null ? "" : bodyOf(file);
  return body === "" ? null : body;
}

/** What an acceptance needs to know, read before its transaction. */
export type Ready = { readonly contextVersion: number; readonly costs: ReadonlyMap<string, readonly number[]> };

export async function readyToAccept(team: Team): Promise<Ready> {
  const context = await takeInContext(team);
  return { contextVersion: context?.version ?? 0, costs: await team.store.read((read) => taskCosts(read)) };
}

/** Saves a goal with its first tasks, inside a transaction that may decide more (an event, a firing). Returns its id. */
export async function acceptIn(tx: Tx, registry: Registry, work: NewWork, ready: Ready): Promise<string> {
  const id = newId("goal");
  await insertGoal(tx, {
    id,
    title: work.plan?.title ?? titleOf(work.text),
    text: work.text,
    category: work.category ?? work.plan?.category ?? null,
    source: work.source,
    pipeline: work.plan?.pipeline ?? null,
    priority: work.priority,
    rehearsal: work.rehearsal,
    batch: work.batch ?? false,
    cap: work.cap,
    contextVersion: ready.contextVersion,
  });
  const goal: Goal = await needGoal(tx, id);
  if (work.plan) {
    await startPlan(tx, goal, work.plan);
    const costs = work.rehearsal ? new Map() : ready.costs;
    await updateGoal(tx, id, { quote: JSON.stringify(quotePlan(work.plan, registry, tx.now, costs, goal)) });
  } else await addPlanningTask(tx, goal);
  return id;
}

/** Saves a goal. Returns its id after the store has made it durable. */
export async function acceptGoal(team: Team, work: NewWork): Promise<string> {
  const ready = await readyToAccept(team);
  return team.store.write("goal.accept", (tx) => acceptIn(tx, team.registry, work, ready));
}
