/** Tasks in the store: the graph, the claim with its lease and epoch, and every change of state. */

import { sql, type Selectable } from "kysely";
import { TASK_ENDED, TASK_TRANSITIONS, taskStatus, type Task, type TaskKind, type TaskStatus } from "../domain/task.ts";
import { transition } from "../domain/state.ts";
import { verdict } from "../domain/review.ts";
import type { Priority } from "../domain/goal.ts";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";

export function toTask(row: Selectable<Schema["tasks"]>): Task {
  return {
    id: row.id,
    goalId: row.goal_id,
    key: row.key,
    kind: row.kind as TaskKind,
    phase: row.phase,
    skill: row.skill,
    brief: row.brief,
    criteria: JSON.parse(row.criteria) as string[],
    reviewers: JSON.parse(row.reviewers) as string[],
    status: taskStatus.parse(row.status),
    revision: row.revision,
    roundStart: row.round_start,
    unmet: row.unmet,
    attempts: row.attempts,
    epoch: row.epoch,
    leaseOwner: row.lease_owner,
    leaseUntil: row.lease_until,
    runAt: row.run_at,
    rejections: row.rejections,
    reason: row.reason,
    score: row.score,
    verdict: row.verdict === null ? null : verdict.parse(row.verdict),
    model: row.model,
    variants: row.variants,
    deliverableId: row.deliverable_id,
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}

export type NewTask = Pick<
  Task,
  "id" | "goalId" | "key" | "kind" | "phase" | "skill" | "brief" | "criteria" | "reviewers" | "variants"
> & {
  readonly needs: readonly string[];
  /** How many of the needs are still open. */
  readonly unmet: number;
  readonly priority: Priority;
  readonly rehearsal: boolean;
};

/** Inserts tasks with their needs (ids of tasks). Those without an open need are ready at once. */
export async function insertTasks(tx: Tx, tasks: readonly NewTask[]): Promise<void> {
  if (tasks.length === 0) return;
  await tx.db
    .insertInto("tasks")
    .values(
      tasks.map((task) => ({
        tenant: tx.tenant,
        id: task.id,
        goal_id: task.goalId,
        key: task.key,
        kind: task.kind,
        phase: task.phase,
        skill: task.skill,
        brief: task.brief,
        criteria: JSON.stringify(task.criteria),
        reviewers: JSON.stringify(task.reviewers),
        status: task.unmet === 0 ? "ready" : "waiting",
        revision: 0,
        round_start: 0,
        unmet: task.unmet,
        priority: task.priority,
        rehearsal: task.rehearsal ? 1 : 0,
        attempts: 0,
        epoch: 0,
        lease_owner: null,
        lease_until: null,
        run_at: tx.now,
        rejections: 0,
        reason: null,
        score: null,
        verdict: null,
        model: null,
        variants: task.variants,
        deliverable_id: null,
        created_at: tx.now,
        started_at: null,
        ended_at: null,
      })),
    )
    .execute();
  const needs = tasks.flatMap((task) => task.needs.map((need) => ({ tenant: tx.tenant, task_id: task.id, need_id: need })));
  if (needs.length > 0) await tx.db.insertInto("task_needs").values(needs).execute();
  for (const task of tasks) {
    if (task.unmet === 0)
      tx.emit({ type: "task.ready", goalId: task.goalId, taskId: task.id, revision: 0 }, { rehearsal: task.rehearsal });
  }
}

export async function getTask(read: Read, id: string): Promise<Task | null> {
  const row = await read.db
    .selectFrom("tasks")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("id", "=", id)
    .executeTakeFirst();
  return row ? toTask(row) : null;
}

export async function needTask(read: Read, id: string): Promise<Task> {
  const task = await getTask(read, id);
  if (!task) throw new Error(`no task ${id}`);
  return task;
}

export async function tasksOfGoal(read: Read, goalId: string): Promise<Task[]> {
  const rows = await read.db
    .selectFrom("tasks")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    // As an expression: SQLite shall look the goal up, and not walk through all tasks in the order of their ids.
    .orderBy(sql`id || ''`)
    .execute();
  return rows.map(toTask);
}

/** Ids of the tasks that a task needs, or (`back`) of those that need it. */
export async function needsOf(read: Read, taskId: string): Promise<string[]> {
  const rows = await read.db
    .selectFrom("task_needs")
    .select("need_id")
    .where("tenant", "=", read.tenant)
    .where("task_id", "=", taskId)
    .execute();
  return rows.map((row) => row.need_id);
}

async function dependentsOf(read: Read, taskId: string): Promise<string[]> {
  const rows = await read.db
    .selectFrom("task_needs")
    .select("task_id")
    .where("tenant", "=", read.tenant)
    .where("need_id", "=", taskId)
    .execute();
  return rows.map((row) => row.task_id);
}

export async function graphOf(read: Read, goalId: string): Promise<{ taskId: string; needId: string }[]> {
  const rows = await read.db
    .selectFrom("task_needs")
    .select(["task_id", "need_id"])
    .where("tenant", "=", read.tenant)
    .where("task_id", "in", (eb) =>
      eb.selectFrom("tasks").select("id").where("tasks.tenant", "=", read.tenant).where("goal_id", "=", goalId),
    )
    .execute();
  return rows.map((row) => ({ taskId: row.task_id, needId: row.need_id }));
}

type TaskChange = Partial<{
  revision: number;
  roundStart: number;
  rejections: number;
  runAt: number;
  attempts: number;
  reason: string | null;
  score: number | null;
  verdict: Task["verdict"];
  model: string | null;
  deliverableId: string | null;
  skill: string;
  brief: string;
  criteria: readonly string[];
}>;

/** Moves a task to another status, with what changes along with it. The lease ends with every status but running and reviewing. */
export async function moveTask(
  tx: Tx,
  task: Pick<Task, "id" | "status">,
  to: TaskStatus,
  change: TaskChange = {},
): Promise<void> {
  transition(`task ${task.id}`, TASK_TRANSITIONS, task.status, to);
  const working = to === "running" || to === "reviewing";
  await tx.db
    .updateTable("tasks")
    .set({
      status: to,
      ...(working ? {} : { lease_owner: null, lease_until: null }),
      ...(TASK_ENDED.includes(to) ? { ended_at: tx.now } : task.status === "done" ? { ended_at: null } : {}),
      ...(change.revision === undefined ? {} : { revision: change.revision }),
      ...(change.roundStart === undefined ? {} : { round_start: change.roundStart }),
      ...(change.rejections === undefined ? {} : { rejections: change.rejections }),
      ...(change.runAt === undefined ? {} : { run_at: change.runAt }),
      ...(change.attempts === undefined ? {} : { attempts: change.attempts }),
      ...(change.reason === undefined ? {} : { reason: change.reason }),
      ...(change.score === undefined ? {} : { score: change.score }),
      ...(change.verdict === undefined ? {} : { verdict: change.verdict }),
      ...(change.model === undefined ? {} : { model: change.model }),
      ...(change.deliverableId === undefined ? {} : { deliverable_id: change.deliverableId }),
      ...(change.skill === undefined ? {} : { skill: change.skill }),
      ...(change.brief === undefined ? {} : { brief: change.brief }),
      ...(change.criteria === undefined ? {} : { criteria: JSON.stringify(change.criteria) }),
    })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", task.id)
    .execute();
}

/** Changes what a task that has not begun is to do. */
export async function rebriefTask(tx: Tx, id: string, brief: string, criteria: readonly string[]): Promise<void> {
  await tx.db
    .updateTable("tasks")
    .set({ brief, criteria: JSON.stringify(criteria) })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", id)
    .where("status", "in", ["waiting", "ready"])
    .execute();
}

/** One need of these tasks is done: those with none left become ready. Returns their ids. */
export async function releaseDependents(tx: Tx, doneId: string, rehearsal: boolean): Promise<string[]> {
  const ids = await dependentsOf(tx, doneId);
  if (ids.length === 0) return [];
  await tx.db
    .updateTable("tasks")
    .set((eb) => ({ unmet: eb("unmet", "-", 1) }))
    .where("tenant", "=", tx.tenant)
    .where("id", "in", ids)
    .execute();
  const ready = await tx.db
    .updateTable("tasks")
    .set({ status: "ready", run_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("id", "in", ids)
    .where("status", "=", "waiting")
    .where("unmet", "=", 0)
    .returning(["id", "goal_id", "revision"])
    .execute();
  for (const row of ready)
    tx.emit({ type: "task.ready", goalId: row.goal_id, taskId: row.id, revision: row.revision }, { rehearsal });
  return ready.map((row) => row.id);
}

/** Puts needs of a task in place of those it has, and says how many of them are open. */
export async function replaceNeeds(tx: Tx, taskId: string, needs: readonly string[], unmet: number): Promise<void> {
  await tx.db.deleteFrom("task_needs").where("tenant", "=", tx.tenant).where("task_id", "=", taskId).execute();
  if (needs.length > 0) {
    await tx.db
      .insertInto("task_needs")
      .values(needs.map((need) => ({ tenant: tx.tenant, task_id: taskId, need_id: need })))
      .execute();
  }
  await tx.db.updateTable("tasks").set({ unmet }).where("tenant", "=", tx.tenant).where("id", "=", taskId).execute();
}
