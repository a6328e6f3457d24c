/** Leases: the claim that gives a task to one worker, its renewal, and the check that a late worker cannot pass. */

import { sql } from "kysely";
import { TASK_TRANSITIONS, taskStatus, type Lease, type Task } from "../domain/task.ts";
import { transition } from "../domain/state.ts";
import type { Read, Tx } from "./store.ts";
import type { Goal } from "../domain/goal.ts";
import { lockGoal } from "./goals.ts";
import { moveTask, needTask, toTask } from "./tasks.ts";

export type ClaimFilter = {
  readonly owner: string;
  readonly leaseMs: number;
  readonly rehearsal: boolean;
  /** A one-shot claims only its own goal. */
  readonly goalId: string | null;
  /** Tasks that the owner has in hand: a clock that jumped ahead must not give it the same one twice. */
  readonly except?: readonly string[];
};

/**
 * Claims one task: ready and due, or held under a lease that has run out. The epoch grows, so that whoever held it
 * before can change nothing any more. Who takes over goes on with the same attempt: a death is counted, not an attempt.
 * Null when there is nothing to do.
 */
export async function claimTask(tx: Tx, filter: ClaimFilter): Promise<Task | null> {
  const found = await nextTask(tx, filter);
  if (!found) return null;
  const from = taskStatus.parse(found.status);
  // A task found in `running` stays there: only its lease changes hands.
  if (from !== "running") transition(`task ${found.id}`, TASK_TRANSITIONS, from, "running");
  const rested = from === "ready";
  const row = await tx.db
    .updateTable("tasks")
    .set((eb) => ({
      status: "running",
      lease_owner: filter.owner,
      lease_until: tx.now + filter.leaseMs,
      epoch: eb("epoch", "+", 1),
      attempts: eb("attempts", "+", rested ? 1 : 0),
      deaths: rested ? 0 : eb("deaths", "+", 1),
      started_at: eb.fn.coalesce("started_at", sql<number>`${tx.now}`),
    }))
    .where("tenant", "=", tx.tenant)
    .where("id", "=", found.id)
    .returningAll()
    .executeTakeFirst();
  if (!row) return null;
  const task = toTask(row);
  tx.emit(
    {
      type: "task.started",
      goalId: task.goalId,
      taskId: task.id,
      key: task.key,
      skill: task.skill,
      revision: task.revision,
      attempt: task.attempts,
    },
    { rehearsal: filter.rehearsal },
  );
  return task;
}

/** The most urgent task that may be claimed. */
async function nextTask(tx: Tx, filter: ClaimFilter): Promise<{ id: string; status: string } | null> {
  let open = tx.db
    .selectFrom("tasks")
    .innerJoin("goals", (join) => join.onRef("goals.id", "=", "tasks.goal_id").onRef("goals.tenant", "=", "tasks.tenant"))
    .select(["tasks.id", "tasks.status", "tasks.priority", "tasks.run_at"])
    .where("tasks.tenant", "=", tx.tenant)
    .where("tasks.rehearsal", "=", filter.rehearsal ? 1 : 0)
    .where("goals.status", "=", "running")
    .orderBy("tasks.priority")
    .orderBy("tasks.run_at")
    .orderBy("tasks.id")
    .limit(1);
  if (filter.goalId !== null) open = open.where("tasks.goal_id", "=", filter.goalId);
  if (filter.except && filter.except.length > 0) open = open.where("tasks.id", "not in", [...filter.except]);
  if (tx.engine === "postgres") {
    const either = open.where((where) =>
      where.or([
        where.and([where("tasks.status", "=", "ready"), where("tasks.run_at", "<=", tx.now)]),
        where.and([where("tasks.status", "in", ["running", "reviewing"]), where("tasks.lease_until", "<", tx.now)]),
      ]),
    );
    return (await either.forUpdate("tasks").skipLocked().executeTakeFirst()) ?? null;
  }
  // Asked for apart, SQLite finds the first of the ready ones in its index; together, it sorts all that are open for each claim.
  const ready = await open.where("tasks.status", "=", "ready").where("tasks.run_at", "<=", tx.now).executeTakeFirst();
  const held = await open
    .where("tasks.status", "in", ["running", "reviewing"])
    .where("tasks.lease_until", "<", tx.now)
    .executeTakeFirst();
  if (!ready || !held) return ready ?? held ?? null;
  const keys = (task: typeof ready) => [task.priority, task.run_at, task.id] as const;
  const [ours, theirs] = [keys(ready), keys(held)];
  const at = ours.findIndex((key, i) => key !== theirs[i]);
  return (ours[at] ?? "") < (theirs[at] ?? "") ? ready : held;
}

/** True when the lease still holds; renews it. A false means that somebody else has the task: stop working on it. */
export async function renewLease(tx: Tx, lease: Lease, leaseMs: number): Promise<boolean> {
  const result = await tx.db
    .updateTable("tasks")
    .set({ lease_until: tx.now + leaseMs })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", lease.taskId)
    .where("lease_owner", "=", lease.owner)
    .where("epoch", "=", lease.epoch)
    .where("status", "in", ["running", "reviewing"])
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** How many workers in a row died, or lost the store, while at work on the task. It begins anew when the task came to rest. */
export async function deathsOf(read: Read, taskId: string): Promise<number> {
  const row = await read.db
    .selectFrom("tasks")
    .select("deaths")
    .where("tenant", "=", read.tenant)
    .where("id", "=", taskId)
    .executeTakeFirst();
  return row?.deaths ?? 0;
}

/** The attempt ended in an error: the task may be begun again at once, and the attempt counts. Throws for a late worker. */
export async function endAttempt(tx: Tx, lease: Lease): Promise<void> {
  await checkLease(tx, lease);
  await moveTask(tx, await needTask(tx, lease.taskId), "ready", { runAt: tx.now });
}

export class LeaseLost extends Error {
  readonly code = "lease_lost";
}

/** Throws LeaseLost unless the lease is the task's present one. On PostgreSQL the row stays locked until the commit. */
export async function checkLease(tx: Tx, lease: Lease): Promise<void> {
  let query = tx.db
    .selectFrom("tasks")
    .select(["lease_owner", "epoch", "status"])
    .where("tenant", "=", tx.tenant)
    .where("id", "=", lease.taskId);
  if (tx.engine === "postgres") query = query.forUpdate();
  const row = await query.executeTakeFirst();
  const held =
    row !== undefined &&
    row.lease_owner === lease.owner &&
    row.epoch === lease.epoch &&
    (row.status === "running" || row.status === "reviewing");
  if (!held) throw new LeaseLost(`task ${lease.taskId} is no longer ours`);
}

/** Begins a change of a held task: its goal is locked, the lease is checked. Throws LeaseLost for a late worker. */
export async function enterTask(tx: Tx, lease: Lease): Promise<{ goal: Goal; task: Task }> {
  const goal = await lockGoal(tx, lease.goalId);
  await checkLease(tx, lease);
  return { goal, task: await needTask(tx, lease.taskId) };
}

/** The leases of these processes end now: their tasks may be claimed at once. */
export async function endLeasesOf(tx: Tx, owners: readonly string[]): Promise<void> {
  if (owners.length === 0) return;
  await tx.db
    .updateTable("tasks")
    .set({ lease_until: 0 })
    .where("tenant", "=", tx.tenant)
    .where("lease_owner", "in", [...owners])
    .where("status", "in", ["running", "reviewing"])
    .execute();
}

/** Who holds tasks of a goal now: owner and until when. */
export async function leasesOf(read: Read, goalId: string): Promise<{ taskId: string; owner: string; until: number }[]> {
  const rows = await read.db
    .selectFrom("tasks")
    .select(["id", "lease_owner", "lease_until"])
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    .where("status", "in", ["running", "reviewing"])
    .execute();
  return rows.flatMap((row) =>
    row.lease_owner === null ? [] : [{ taskId: row.id, owner: row.lease_owner, until: row.lease_until ?? 0 }],
  );
}
