/** The call journal's rows and the budget scopes: a hold is taken in every scope or in none, and ends exactly once. */

import type { Selectable } from "kysely";
import { z } from "zod";
import type { Scope } from "../domain/budget.ts";
import {
  CALL_TRANSITIONS,
  callState,
  PART_KINDS,
  usage,
  type Call,
  type CallKey,
  type CallState,
  type Usage,
} from "../domain/call.ts";
import type { Nano } from "../domain/money.ts";
import { transition } from "../domain/state.ts";
import type { Schema } from "./schema.ts";
import { HoldRefused, noteLevel, scopeState } from "./scopes.ts";
import type { Read, Tx } from "./store.ts";

const parts = z.array(z.object({ kind: z.enum(PART_KINDS), chars: z.number() }));
const strings = z.array(z.string());
const scopeKeys = z.array(z.object({ kind: z.enum(["task", "goal", "day", "month"]), id: z.string(), cap: z.number() }));

function toCall(row: Omit<Selectable<Schema["calls"]>, "reply">): Call {
  return {
    id: row.id,
    goalId: row.goal_id,
    subject: row.subject,
    revision: row.revision,
    step: row.step,
    round: row.round,
    attempt: row.attempt,
    state: callState.parse(row.state),
    skill: row.skill,
    model: row.model,
    requestHash: row.request_hash,
    batchShare: row.batch_share,
    parts: parts.parse(JSON.parse(row.parts)),
    hold: row.hold,
    cost: row.cost,
    usage: usage.parse(JSON.parse(row.usage)),
    stop: row.stop,
    flags: strings.parse(JSON.parse(row.flags)),
    rehearsal: row.rehearsal === 1,
    learnings: strings.parse(JSON.parse(row.learnings)),
    startedAt: row.started_at,
    answeredAt: row.answered_at,
    endedAt: row.ended_at,
  };
}

export type NewCall = Pick<
  Call,
  | "id"
  | "goalId"
  | "subject"
  | "revision"
  | "step"
  | "round"
  | "attempt"
  | "skill"
  | "model"
  | "requestHash"
  | "parts"
  | "hold"
  | "usage"
  | "rehearsal"
  | "learnings"
> &
  Partial<Pick<Call, "batchShare">> & { readonly scopes: readonly Scope[]; readonly processId: string };

/**
 * Takes the hold in every scope (in the order given, the same for all callers) and journals the call. When a scope
 * refuses, nothing is left behind: the caller must roll back, so this returns the refusal only through `HoldRefused`.
 */
export async function holdCall(tx: Tx, call: NewCall): Promise<void> {
  const flag = call.rehearsal ? 1 : 0;
  for (const scope of call.scopes) {
    const update = tx.db
      .updateTable("scopes")
      .set((eb) => ({ held: eb("held", "+", call.hold) }))
      .where("tenant", "=", tx.tenant)
      .where("kind", "=", scope.kind)
      .where("id", "=", scope.id)
      .where("rehearsal", "=", flag)
      .where((where) =>
        where(where("spent", "+", where.ref("held")), "<=", where(where.val(scope.cap - call.hold), "+", where.ref("allowed"))),
      )
      .returning(["spent", "held", "allowed", "level"]);
    let updated = await update.executeTakeFirst();
    if (!updated) {
      // A refusal, or the first call of a scope: only that one pays for adding it.
      await addScope(tx, scope, flag);
      updated = await update.executeTakeFirst();
    }
    if (!updated) throw new HoldRefused(await scopeState(tx, scope, call.rehearsal), call.hold);
    await noteLevel(tx, { ...scope, ...updated }, updated.level, call.goalId, call.rehearsal);
  }
  await tx.db
    .insertInto("calls")
    .values({
      tenant: tx.tenant,
      id: call.id,
      goal_id: call.goalId,
      subject: call.subject,
      revision: call.revision,
      step: call.step,
      round: call.round,
      attempt: call.attempt,
      state: "held",
      skill: call.skill,
      model: call.model,
      request_hash: call.requestHash,
      parts: JSON.stringify(call.parts),
      hold: call.hold,
      cost: 0,
      scopes: JSON.stringify(call.scopes.map(({ kind, id, cap }) => ({ kind, id, cap }))),
      usage: JSON.stringify(call.usage),
      stop: null,
      flags: "[]",
      learnings: JSON.stringify(call.learnings),
      batch_share: call.batchShare ?? null,
      reply: null,
      rehearsal: flag,
      process_id: call.processId,
      started_at: tx.now,
      answered_at: null,
      ended_at: null,
    })
    .execute();
}

/** An empty scope, unless there is one. */
async function addScope(tx: Tx, { kind, id }: Scope, rehearsal: number): Promise<void> {
  await tx.db
    .insertInto("scopes")
    .values({ tenant: tx.tenant, kind, id, rehearsal, spent: 0, held: 0, allowed: 0, level: "normal" })
    .onConflict((conflict) => conflict.columns(["tenant", "kind", "id", "rehearsal"]).doNothing())
    .execute();
}

export type CallEnd = {
  readonly state: Exclude<CallState, "held">;
  readonly cost: Nano;
  readonly usage: Usage;
  readonly stop: string;
  readonly flags: readonly string[];
  /** The reply as JSON, when it is one that a replay may read. */
  readonly reply: string | null;
  readonly answeredAt: number | null;
};

/**
 * Ends a hold: settled (its cost is spent), released (nothing is), unknown (the whole hold stays counted).
 * A call that has ended stays as it is: a second settlement is an error.
 */
export async function endCall(tx: Tx, id: string, end: CallEnd): Promise<Call> {
  let query = tx.db.selectFrom("calls").selectAll().where("tenant", "=", tx.tenant).where("id", "=", id);
  if (tx.engine === "postgres") query = query.forUpdate();
  const row = await query.executeTakeFirstOrThrow();
  const before = toCall(row);
  transition(`call ${id}`, CALL_TRANSITIONS, before.state, end.state);
  if (end.state !== "unknown") {
    for (const scope of scopeKeys.parse(JSON.parse(row.scopes))) {
      const updated = await tx.db
        .updateTable("scopes")
        .set((eb) => ({ held: eb("held", "-", before.hold), spent: eb("spent", "+", end.cost) }))
        .where("tenant", "=", tx.tenant)
        .where("kind", "=", scope.kind)
        .where("id", "=", scope.id)
        .where("rehearsal", "=", row.rehearsal)
        .returning(["spent", "held", "allowed", "level"])
        .executeTakeFirstOrThrow();
      await noteLevel(tx, { ...scope, ...updated }, updated.level, before.goalId, before.rehearsal);
    }
  }
  const after = {
    state: end.state,
    cost: end.cost,
    usage: JSON.stringify(end.usage),
    stop: end.stop,
    flags: JSON.stringify(end.flags),
    reply: end.reply,
    answered_at: end.answeredAt,
    ended_at: tx.now,
  };
  await tx.db.updateTable("calls").set(after).where("tenant", "=", tx.tenant).where("id", "=", id).execute();
  const { state, cost, usage: used, stop, flags, answeredAt } = end;
  return { ...before, state, cost, usage: used, stop, flags, answeredAt, endedAt: tx.now };
}

function whereKey(read: Read, key: CallKey) {
  return read.db
    .selectFrom("calls")
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", key.goalId)
    .where("subject", "=", key.subject)
    .where("revision", "=", key.revision)
    .where("step", "=", key.step)
    .where("round", "=", key.round);
}

/** The answer that a step already has, and how many attempts it took or lost so far. */
export async function findAnswer(
  read: Read,
  key: CallKey,
): Promise<{ answered: { call: Call; reply: string } | null; attempts: number }> {
  const rows = await whereKey(read, key).selectAll().orderBy("attempt").execute();
  const row = rows.find((entry) => entry.state === "settled" && entry.reply !== null);
  return {
    answered: row && row.reply !== null ? { call: toCall(row), reply: row.reply } : null,
    attempts: Math.max(0, ...rows.map((entry) => entry.attempt)),
  };
}

export async function getCall(read: Read, id: string): Promise<Call | null> {
  const row = await read.db
    .selectFrom("calls")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("id", "=", id)
    .executeTakeFirst();
  return row ? toCall(row) : null;
}

/** The call of a key that was put into a batch, whatever became of it; null when none was. */
export async function batchedCall(read: Read, key: CallKey): Promise<Call | null> {
  const row = await whereKey(read, key).selectAll().where("batch_share", "is not", null).executeTakeFirst();
  return row ? toCall(row) : null;
}

/** How many calls of a goal, or of one of its tasks, wait for their batch, and since when (UTC ms). */
export async function callsInBatch(
  read: Read,
  of: { readonly goalId: string; readonly subject?: string },
): Promise<{ calls: number; since: number | null }> {
  let query = read.db
    .selectFrom("calls")
    .select((eb) => [eb.fn.countAll().as("n"), eb.fn.min("started_at").as("since")])
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", of.goalId)
    .where("state", "=", "held")
    .where("batch_share", "is not", null);
  if (of.subject !== undefined) query = query.where("subject", "=", of.subject);
  const row = await query.executeTakeFirstOrThrow();
  return { calls: Number(row.n), since: row.since === null ? null : Number(row.since) };
}

export async function callsOfGoal(read: Read, goalId: string): Promise<Call[]> {
  const rows = await read.db
    .selectFrom("calls")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    .orderBy("started_at")
    .orderBy("id")
    .execute();
  return rows.map(toCall);
}

/** Holds of processes that are gone: their answers are lost, they count in full until reconciled. Returns how many. */
export async function orphanHolds(tx: Tx, gone: readonly string[]): Promise<number> {
  if (gone.length === 0) return 0;
  const rows = await tx.db
    .selectFrom("calls")
    .select(LOST)
    .where("tenant", "=", tx.tenant)
    .where("state", "=", "held")
    // A call in a batch is the provider's: whoever comes next fetches its answer.
    .where("batch_share", "is", null)
    .where("process_id", "in", [...gone])
    .execute();
  return loseHolds(tx, rows, "process_gone");
}

/**
 * Holds of earlier attempts at a step: their answers came when they could not be saved, or never. Only for whoever has the
 * task's lease and is about to make the next attempt: nobody else waits for them. False, and nothing is done, when one of them
 * has been answered by now: that answer counts, and there is no next attempt.
 */
export async function orphanAttempts(tx: Tx, key: CallKey): Promise<boolean> {
  let query = whereKey(tx, key)
    .select([...LOST, "state"])
    .where((where) =>
      where.or([
        where.and([where("state", "=", "held"), where("batch_share", "is", null)]),
        where.and([where("state", "=", "settled"), where("reply", "is not", null)]),
      ]),
    );
  // Whoever is just storing an answer holds the row: what it commits is seen here.
  if (tx.engine === "postgres") query = query.forUpdate();
  const rows = await query.execute();
  if (rows.some((row) => row.state === "settled")) return false;
  await loseHolds(tx, rows, "not_saved");
  return true;
}

const LOST = ["id", "goal_id", "subject", "step", "hold", "rehearsal"] as const;
type LostRow = { id: string; goal_id: string; subject: string; step: string; hold: number; rehearsal: number };

async function loseHolds(tx: Tx, rows: readonly LostRow[], flag: string): Promise<number> {
  let lost = 0;
  for (const row of rows) {
    const { numUpdatedRows } = await tx.db
      .updateTable("calls")
      .set({ state: "unknown", stop: "lost", flags: JSON.stringify([flag]), ended_at: tx.now })
      .where("tenant", "=", tx.tenant)
      .where("id", "=", row.id)
      .where("state", "=", "held")
      .executeTakeFirstOrThrow();
    // Its process was alive after all, and has ended it meanwhile.
    if (numUpdatedRows === 0n) continue;
    lost++;
    tx.emit(
      {
        type: "call.unknown",
        goalId: row.goal_id,
        taskId: row.subject.startsWith("task_") ? row.subject : null,
        callId: row.id,
        step: row.step,
        hold: row.hold,
      },
      { rehearsal: row.rehearsal === 1 },
    );
  }
  return lost;
}

/** Calls of a goal and the processes that hold them, for `cancel`. */
export async function listCalls(read: Read, filter: { state?: CallState; since?: number }): Promise<Call[]> {
  let query = read.db.selectFrom("calls").selectAll().where("tenant", "=", read.tenant).orderBy("started_at").orderBy("id");
  if (filter.state) query = query.where("state", "=", filter.state);
  if (filter.since !== undefined) query = query.where("started_at", ">=", filter.since);
  return (await query.execute()).map(toCall);
}

/** What real calls of one goal, skill and model cost together. */
export type Spending = {
  readonly goalId: string;
  /** Null where the goal is gone. */
  readonly title: string | null;
  /** Null for the Director's own calls. */
  readonly skill: string | null;
  readonly model: string;
  readonly calls: number;
  readonly cost: Nano;
};

/** The real calls that began at `since` (UTC ms) or later, added up. */
export async function spendingSince(read: Read, since: number): Promise<Spending[]> {
  const rows = await read.db
    .selectFrom("calls")
    .leftJoin("goals", (join) => join.onRef("goals.id", "=", "calls.goal_id").onRef("goals.tenant", "=", "calls.tenant"))
    .select((eb) => [
      "calls.goal_id as goalId",
      "goals.title",
      "calls.skill",
      "calls.model",
      eb.fn.countAll().as("calls"),
      eb.fn.sum("calls.cost").as("cost"),
    ])
    .where("calls.tenant", "=", read.tenant)
    .where("calls.rehearsal", "=", 0)
    .where("calls.started_at", ">=", since)
    .groupBy(["calls.goal_id", "goals.title", "calls.skill", "calls.model"])
    .orderBy("calls.goal_id")
    .execute();
  return rows.map((row) => ({ ...row, calls: Number(row.calls), cost: Number(row.cost) }));
}
