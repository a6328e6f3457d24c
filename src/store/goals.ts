/** Goals and their plan versions in the store. */

import type { Selectable } from "kysely";
import {
  GOAL_TRANSITIONS,
  goalStatus,
  pauseReason,
  priority,
  type Goal,
  type GoalStatus,
  type PauseReason,
} from "../domain/goal.ts";
import { plan as planSchema, type Plan } from "../domain/plan.ts";
import { transition } from "../domain/state.ts";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";

function toGoal(row: Selectable<Schema["goals"]>): Goal {
  return {
    id: row.id,
    title: row.title,
    text: row.text,
    category: row.category,
    source: row.source,
    pipeline: row.pipeline,
    priority: priority.parse(row.priority),
    status: goalStatus.parse(row.status),
    pause: row.pause === null ? null : pauseReason.parse(row.pause),
    reason: row.reason,
    rehearsal: row.rehearsal === 1,
    batch: row.batch === 1,
    cap: row.cap,
    allowed: row.allowed,
    planVersion: row.plan_version,
    failures: row.failures,
    changes: row.changes,
    contextVersion: row.context_version,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}

export type NewGoal = Pick<
  Goal,
  "id" | "title" | "text" | "category" | "source" | "pipeline" | "priority" | "rehearsal" | "cap" | "contextVersion"
> &
  Partial<Pick<Goal, "batch">>;

export async function insertGoal(tx: Tx, goal: NewGoal): Promise<void> {
  await tx.db
    .insertInto("goals")
    .values({
      tenant: tx.tenant,
      id: goal.id,
      title: goal.title,
      text: goal.text,
      category: goal.category,
      source: goal.source,
      pipeline: goal.pipeline,
      priority: goal.priority,
      status: "running",
      pause: null,
      reason: null,
      rehearsal: goal.rehearsal ? 1 : 0,
      batch: goal.batch ? 1 : 0,
      cap: goal.cap,
      allowed: 0,
      plan_version: 0,
      failures: 0,
      changes: 0,
      context_version: goal.contextVersion,
      quote: null,
      created_at: tx.now,
      ended_at: null,
    })
    .execute();
  tx.emit(
    { type: "goal.accepted", goalId: goal.id, taskId: null, title: goal.title, priority: goal.priority, source: goal.source },
    { rehearsal: goal.rehearsal },
  );
}

export async function getGoal(read: Read, id: string): Promise<Goal | null> {
  const row = await read.db
    .selectFrom("goals")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("id", "=", id)
    .executeTakeFirst();
  return row ? toGoal(row) : null;
}

/** The goal, which the caller knows to exist. */
export async function needGoal(read: Read, id: string): Promise<Goal> {
  const goal = await getGoal(read, id);
  if (!goal) throw new Error(`no goal ${id}`);
  return goal;
}

/** The goal, locked until the commit: changes of one goal's tasks follow each other, so that each sees what the last one did. */
export async function lockGoal(tx: Tx, id: string): Promise<Goal> {
  if (tx.engine === "postgres") {
    await tx.db.selectFrom("goals").select("id").where("tenant", "=", tx.tenant).where("id", "=", id).forUpdate().execute();
  }
  return needGoal(tx, id);
}

/** Newest first. */
export async function listGoals(read: Read, options: { limit?: number; status?: GoalStatus[] } = {}): Promise<Goal[]> {
  let query = read.db
    .selectFrom("goals")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .orderBy("id", "desc")
    .limit(options.limit ?? 50);
  if (options.status) query = query.where("status", "in", options.status);
  return (await query.execute()).map(toGoal);
}

type GoalChange = { pause?: PauseReason | null; reason?: string | null };

/** Moves a goal to another status; impossible transitions throw. Says whether anything changed. */
export async function moveGoal(tx: Tx, goal: Goal, to: GoalStatus, change: GoalChange = {}): Promise<void> {
  transition(`goal ${goal.id}`, GOAL_TRANSITIONS, goal.status, to);
  await tx.db
    .updateTable("goals")
    .set({
      status: to,
      pause: change.pause ?? null,
      reason: change.reason ?? null,
      ended_at: to === "completed" || to === "failed" || to === "cancelled" ? tx.now : null,
    })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", goal.id)
    .execute();
}

export async function updateGoal(
  tx: Tx,
  id: string,
  set: {
    title?: string;
    category?: string;
    pipeline?: string | null;
    failures?: number;
    changes?: number;
    allowed?: number;
    cap?: number;
    quote?: string;
  },
): Promise<void> {
  await tx.db.updateTable("goals").set(set).where("tenant", "=", tx.tenant).where("id", "=", id).execute();
}

/** Keeps a plan as the next version and makes it the goal's. `why` says what changed, for a person. */
export async function insertPlan(tx: Tx, goalId: string, version: number, plan: Plan, why: string | null): Promise<void> {
  await tx.db
    .insertInto("plans")
    .values({ tenant: tx.tenant, goal_id: goalId, version, plan: JSON.stringify(plan), why, created_at: tx.now })
    .execute();
  await tx.db
    .updateTable("goals")
    .set({ plan_version: version })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", goalId)
    .execute();
}

export async function getPlan(read: Read, goalId: string, version: number): Promise<Plan | null> {
  const row = await read.db
    .selectFrom("plans")
    .select("plan")
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    .where("version", "=", version)
    .executeTakeFirst();
  return row ? planSchema.parse(JSON.parse(row.plan)) : null;
}

export async function listPlans(
  read: Read,
  goalId: string,
): Promise<{ version: number; why: string | null; createdAt: number }[]> {
  const rows = await read.db
    .selectFrom("plans")
    .select(["version", "why", "created_at"])
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    .orderBy("version")
    .execute();
  return rows.map((row) => ({ version: row.version, why: row.why, createdAt: row.created_at }));
}

export async function goalQuote(read: Read, goalId: string): Promise<string | null> {
  const row = await read.db
    .selectFrom("goals")
    .select("quote")
    .where("tenant", "=", read.tenant)
    .where("id", "=", goalId)
    .executeTakeFirst();
  return row?.quote ?? null;
}
