/** Calls that wait for a batch: their requests, the batches that they are in, and which of them wait for what. */

import { sql, type Selectable } from "kysely";
import type { Task } from "../domain/task.ts";
import { callsInBatch } from "./calls.ts";
import type { Schema } from "./schema.ts";
import { toTask } from "./tasks.ts";
import type { Read, Tx } from "./store.ts";

export type Batch = {
  readonly id: string;
  /** The provider's name for it; null until its answer to the sending is known. */
  readonly providerId: string | null;
  /** The process that sends it. */
  readonly owner: string;
  readonly requests: number;
  /** The provider's batches that were taken for this one, and were not. */
  readonly strangers: readonly string[];
  readonly createdAt: number;
  /** When it was last sent, as far as anybody knows: UTC ms. */
  readonly triedAt: number;
  readonly sentAt: number | null;
};

function toBatch(row: Selectable<Schema["batches"]>): Batch {
  return {
    id: row.id,
    providerId: row.provider_id,
    owner: row.owner,
    requests: row.requests,
    strangers: JSON.parse(row.strangers) as string[],
    createdAt: row.created_at,
    triedAt: row.tried_at,
    sentAt: row.sent_at,
  };
}

export type NewRequest = {
  readonly callId: string;
  readonly goalId: string;
  /** The request as JSON. */
  readonly body: string;
  readonly rehearsal: boolean;
};

export async function addRequest(tx: Tx, { callId, goalId, body, rehearsal }: NewRequest): Promise<void> {
  await tx.db
    .insertInto("batch_requests")
    .values({
      ...{ tenant: tx.tenant, call_id: callId, goal_id: goalId, body, batch_id: null },
      ...{ rehearsal: rehearsal ? 1 : 0, created_at: tx.now },
    })
    .execute();
}

/** Takes back a request that is in no batch yet. False when it is, or is no longer there. */
export async function takeBack(tx: Tx, callId: string): Promise<boolean> {
  const gone = await tx.db
    .deleteFrom("batch_requests")
    .where("tenant", "=", tx.tenant)
    .where("call_id", "=", callId)
    .where("batch_id", "is", null)
    .executeTakeFirst();
  return gone.numDeletedRows === 1n;
}

export async function dropRequest(tx: Tx, callId: string): Promise<void> {
  await tx.db.deleteFrom("batch_requests").where("tenant", "=", tx.tenant).where("call_id", "=", callId).execute();
}

/** The request of a call as it was put away; null once the call is answered. */
export async function requestOf(read: Read, callId: string): Promise<string | null> {
  const row = await read.db
    .selectFrom("batch_requests")
    .select("body")
    .where("tenant", "=", read.tenant)
    .where("call_id", "=", callId)
    .executeTakeFirst();
  return row?.body ?? null;
}

export async function requestsIn(read: Read, batchId: string): Promise<{ callId: string; body: string }[]> {
  const rows = await read.db
    .selectFrom("batch_requests")
    .select(["call_id", "body"])
    .where("tenant", "=", read.tenant)
    .where("batch_id", "=", batchId)
    .orderBy("call_id")
    .execute();
  return rows.map((row) => ({ callId: row.call_id, body: row.body }));
}

/** Batches that have not ended, oldest first. */
export async function openBatches(read: Read, rehearsal: boolean): Promise<Batch[]> {
  const rows = await read.db
    .selectFrom("batches")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .where("ended_at", "is", null)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map(toBatch);
}

export type Unsent = {
  /** Since when the oldest of them waits (UTC ms); null when none does. */
  readonly since: number | null;
  /** Whether a task is at work, or about to be, whose next call would wait as well. */
  readonly moreToCome: boolean;
  /** Calls whose goal has ended meanwhile: nobody needs their answer. */
  readonly abandoned: readonly string[];
};

/** What waits to be sent. A paused goal's requests wait on. */
export async function unsentRequests(read: Read, rehearsal: boolean): Promise<Unsent> {
  const flag = rehearsal ? 1 : 0;
  const rows = await read.db
    .selectFrom("batch_requests as r")
    .innerJoin("goals as g", (join) => join.onRef("g.id", "=", "r.goal_id").onRef("g.tenant", "=", "r.tenant"))
    .select(["r.call_id", "r.created_at", "g.status"])
    .where("r.tenant", "=", read.tenant)
    .where("r.rehearsal", "=", flag)
    .where("r.batch_id", "is", null)
    .execute();
  if (rows.length === 0) return { since: null, moreToCome: false, abandoned: [] };
  const running = rows.filter((row) => row.status === "running").map((row) => row.created_at);
  const abandoned = rows.filter((row) => row.status !== "running" && row.status !== "paused").map((row) => row.call_id);
  const at = await read.db
    .selectFrom("tasks as t")
    .innerJoin("goals as g", (join) => join.onRef("g.id", "=", "t.goal_id").onRef("g.tenant", "=", "t.tenant"))
    .select("t.id")
    .where("t.tenant", "=", read.tenant)
    .where("g.status", "=", "running")
    .where("g.batch", "=", 1)
    .where("g.rehearsal", "=", flag)
    .where((where) =>
      where.or([
        where("t.status", "in", ["running", "reviewing"]),
        where.and([where("t.status", "=", "ready"), where("t.run_at", "<=", read.now)]),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  const since = running.length === 0 ? null : running.reduce((a, b) => Math.min(a, b));
  return { since, moreToCome: at !== undefined, abandoned };
}

/** A batch may hold so many requests, of so many characters together. */
export type BatchLimits = { readonly requests: number; readonly chars: number };

/** Puts what waits into a new batch, oldest first, which is then this process's to send. Null when nothing waits. */
export async function gatherBatch(
  tx: Tx,
  { id, owner, rehearsal, limits }: { id: string; owner: string; rehearsal: boolean; limits: BatchLimits },
): Promise<Batch | null> {
  const flag = rehearsal ? 1 : 0;
  let query = tx.db
    .selectFrom("batch_requests as r")
    .innerJoin("goals as g", (join) => join.onRef("g.id", "=", "r.goal_id").onRef("g.tenant", "=", "r.tenant"))
    .select((eb) => ["r.call_id", eb.fn<number>("length", ["r.body"]).as("chars")])
    .where("r.tenant", "=", tx.tenant)
    .where("r.rehearsal", "=", flag)
    .where("r.batch_id", "is", null)
    .where("g.status", "=", "running")
    .orderBy("r.created_at")
    .orderBy("r.call_id")
    .limit(limits.requests);
  // What another process is just gathering is in its batch.
  if (tx.engine === "postgres") query = query.forUpdate("r").skipLocked();
  const ids: string[] = [];
  let chars = 0;
  for (const row of await query.execute()) {
    chars += Number(row.chars);
    if (ids.length > 0 && chars > limits.chars) break;
    ids.push(row.call_id);
  }
  if (ids.length === 0) return null;
  const batch: Selectable<Schema["batches"]> = {
    ...{ tenant: tx.tenant, id, provider_id: null, owner, requests: ids.length, strangers: "[]", rehearsal: flag },
    ...{ created_at: tx.now, tried_at: tx.now, sent_at: null, ended_at: null },
  };
  await tx.db.insertInto("batches").values(batch).execute();
  // Within the parameters that a statement may have.
  for (let from = 0; from < ids.length; from += 1000) {
    await tx.db
      .updateTable("batch_requests")
      .set({ batch_id: id })
      .where("tenant", "=", tx.tenant)
      .where("call_id", "in", ids.slice(from, from + 1000))
      .execute();
  }
  return toBatch(batch);
}

/** Takes a batch that never arrived, to send it again. Null when another process was first. */
export async function retakeBatch(tx: Tx, batch: Batch, owner: string): Promise<Batch | null> {
  const taken = await tx.db
    .updateTable("batches")
    .set({ owner, tried_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", batch.id)
    .where("owner", "=", batch.owner)
    .where("tried_at", "=", batch.triedAt)
    .where("provider_id", "is", null)
    .where("ended_at", "is", null)
    .executeTakeFirst();
  return taken.numUpdatedRows === 1n ? { ...batch, owner, triedAt: tx.now } : null;
}

/** The batch is the provider's from now on, under this name. False when it has one already. */
export async function nameBatch(tx: Tx, id: string, providerId: string): Promise<boolean> {
  const named = await tx.db
    .updateTable("batches")
    .set({ provider_id: providerId, sent_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", id)
    .where("provider_id", "is", null)
    .where("ended_at", "is", null)
    .executeTakeFirst();
  return named.numUpdatedRows === 1n;
}

/** The batch ended, and all of its calls. False when it had ended before. */
export async function endBatch(tx: Tx, id: string): Promise<boolean> {
  const ended = await tx.db
    .updateTable("batches")
    .set({ ended_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", id)
    .where("ended_at", "is", null)
    .executeTakeFirst();
  return ended.numUpdatedRows === 1n;
}

/** What was taken for this batch is somebody else's: it is looked for again. */
export async function disownBatch(tx: Tx, batch: Batch): Promise<void> {
  await tx.db
    .updateTable("batches")
    .set({ provider_id: null, sent_at: null, strangers: JSON.stringify([...batch.strangers, batch.providerId]) })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", batch.id)
    .where("provider_id", "=", batch.providerId)
    .execute();
}

/** Which of these names of the provider's are batches of this store. */
export async function knownBatches(read: Read, providerIds: readonly string[]): Promise<Set<string>> {
  if (providerIds.length === 0) return new Set();
  const rows = await read.db
    .selectFrom("batches")
    .select("provider_id")
    .where("tenant", "=", read.tenant)
    .where("provider_id", "in", [...providerIds])
    .execute();
  return new Set(rows.flatMap((row) => row.provider_id ?? []));
}

/** The task that a call is of, locked after its goal; null for a call that is no task's. */
export async function lockTaskOf(tx: Tx, subject: string): Promise<Task | null> {
  let query = tx.db.selectFrom("tasks").selectAll().where("tenant", "=", tx.tenant).where("id", "=", subject);
  if (tx.engine === "postgres") query = query.forUpdate();
  const row = await query.executeTakeFirst();
  return row ? toTask(row) : null;
}

/** A task that waits for batches, and none of whose calls is in one any more, is due now. */
export async function wakeTask(tx: Tx, task: Task, rehearsal: boolean): Promise<void> {
  if (task.status !== "ready" || task.runAt <= tx.now) return;
  if ((await callsInBatch(tx, { goalId: task.goalId, subject: task.id })).calls > 0) return;
  await tx.db.updateTable("tasks").set({ run_at: tx.now }).where("tenant", "=", tx.tenant).where("id", "=", task.id).execute();
  tx.emit({ type: "task.ready", goalId: task.goalId, taskId: task.id, revision: task.revision }, { rehearsal });
}

/** A goal's tasks that wait for batches look for their answers now. */
export async function hastenTasks(tx: Tx, goalId: string, rehearsal: boolean): Promise<void> {
  const due = await tx.db
    .updateTable("tasks")
    .set({ run_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("goal_id", "=", goalId)
    .where("status", "=", "ready")
    .where("run_at", ">", tx.now)
    .returning(["id", "revision"])
    .execute();
  for (const { id, revision } of due) tx.emit({ type: "task.ready", goalId, taskId: id, revision }, { rehearsal });
}

/** What of a goal waits in batches: how many calls, since when (UTC ms), at which share of the price. */
export type InBatches = { readonly calls: number; readonly since: number; readonly share: number };

export async function waitingInBatches(read: Read, goalIds: readonly string[]): Promise<Map<string, InBatches>> {
  if (goalIds.length === 0) return new Map();
  const rows = await read.db
    .selectFrom("calls")
    .select((eb) => [
      "goal_id",
      eb.fn.countAll().as("calls"),
      eb.fn.min("started_at").as("since"),
      eb.fn.max("batch_share").as("share"),
    ])
    .where("tenant", "=", read.tenant)
    .where("goal_id", "in", [...goalIds])
    .where("state", "=", "held")
    .where("batch_share", "is not", null)
    .groupBy("goal_id")
    .execute();
  return new Map(
    rows.map((row) => [row.goal_id, { calls: Number(row.calls), since: Number(row.since), share: Number(row.share ?? 1) }]),
  );
}

/** What batches saved on the real calls that ended in a window (UTC ms, `to` excluded), against the full price. */
export async function savedByBatches(read: Read, { from, to }: { from: number; to: number }): Promise<number> {
  const row = await read.db
    .selectFrom("calls")
    .select(sql<number>`sum(cost / batch_share - cost)`.as("saved"))
    .where("tenant", "=", read.tenant)
    .where("state", "=", "settled")
    .where("rehearsal", "=", 0)
    .where("batch_share", "is not", null)
    .where("ended_at", ">=", from)
    .where("ended_at", "<", to)
    .executeTakeFirst();
  return Math.round(Number(row?.saved ?? 0));
}
