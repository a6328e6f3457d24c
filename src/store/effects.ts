/** The effect ledger in the store: its rows, what agents want done outside, the one way from state to state, and the kill switch. */

import { sql, type Insertable, type Selectable, type Updateable } from "kysely";
import { actionClass } from "../domain/action.ts";
import { actionHash, EFFECT_STATES, toEffect as moved, type Effect, type EffectState } from "../domain/effect.ts";
import type { EventBody } from "../domain/event.ts";
import { newId } from "../domain/id.ts";
import { getMeta, deleteMeta, setMeta } from "./meta.ts";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";

const DAY_MS = 86_400_000;
const STOP = "effects.stopped";

/** Where in a task an agent asked: the same place asks once, however often it is replayed. */
export type EffectPlace = { readonly step: string; readonly round: number; readonly useIndex: number };
export type NewEffect = EffectPlace &
  Omit<
    Effect,
    "id" | "hash" | "state" | "approvedBy" | "approvedAt" | "sender" | "sentAt" | "endedAt" | "result" | "note" | "createdAt"
  >;

/** `refused` is a sentence; nothing was changed then. */
export type Refused = { readonly refused: string };

type Row = Selectable<Schema["effects"]>;

export function toEffect(row: Row): Effect {
  const state = EFFECT_STATES.find((known) => known === row.state);
  if (state === undefined) throw new Error(`effect ${row.id} is in the unknown state "${row.state}"`);
  return {
    id: row.id,
    hash: row.hash,
    server: row.server,
    tool: row.tool,
    toolHash: row.tool_hash,
    args: row.args,
    class: actionClass.parse(row.class),
    goalId: row.goal_id,
    taskId: row.task_id,
    revision: row.revision,
    skill: row.skill,
    preview: row.preview,
    recipients: row.recipients,
    cost: row.cost,
    tainted: row.tainted === 1,
    state,
    blocked: row.blocked,
    approvedBy: row.approved_by,
    approvedAt: row.approved_at,
    expiresAt: row.expires_at,
    sender: row.sender,
    sentAt: row.sent_at,
    endedAt: row.ended_at,
    result: row.result,
    note: row.note,
    rehearsal: row.rehearsal === 1,
    createdAt: row.created_at,
  };
}

function toRow(tenant: string, id: string, effect: NewEffect, now: number): Insertable<Schema["effects"]> {
  return {
    tenant,
    id,
    goal_id: effect.goalId,
    task_id: effect.taskId,
    revision: effect.revision,
    skill: effect.skill,
    step: effect.step,
    round: effect.round,
    use_index: effect.useIndex,
    server: effect.server,
    tool: effect.tool,
    tool_hash: effect.toolHash,
    args: effect.args,
    hash: actionHash(effect),
    class: effect.class,
    preview: effect.preview,
    recipients: effect.recipients,
    cost: effect.cost,
    tainted: effect.tainted ? 1 : 0,
    state: "intent",
    blocked: effect.blocked,
    approved_by: null,
    approved_at: null,
    expires_at: effect.expiresAt,
    sender: null,
    sent_at: null,
    ended_at: null,
    result: null,
    note: null,
    rehearsal: effect.rehearsal ? 1 : 0,
    created_at: now,
  };
}

/** Changes of the ledger follow each other, on PostgreSQL as on SQLite: limits and the kill switch count on it. */
export async function lockLedger(tx: Tx): Promise<void> {
  if (tx.engine === "postgres")
    await sql`select pg_advisory_xact_lock(hashtextextended(${`marketeam effects ${tx.tenant}`}, 0))`.execute(tx.db);
}

export const effectRows = (read: Read) => read.db.selectFrom("effects").selectAll().where("tenant", "=", read.tenant);

export async function getEffect(read: Read, id: string): Promise<Effect | null> {
  const row = await effectRows(read).where("id", "=", id).executeTakeFirst();
  return row ? toEffect(row) : null;
}

export type EffectFilter = {
  readonly states?: readonly EffectState[];
  readonly goalId?: string;
  readonly taskId?: string;
  readonly limit?: number;
};

/** Newest first. */
export async function listEffects(read: Read, filter: EffectFilter = {}): Promise<Effect[]> {
  const narrow = filter.states !== undefined || filter.goalId !== undefined || filter.taskId !== undefined;
  // What narrows it down is to be looked up (see tasksOfGoal); else the newest are the first in the order of the ids.
  let query = narrow ? effectRows(read).orderBy(sql`id || ''`, "desc") : effectRows(read).orderBy("id", "desc");
  if (filter.states) query = query.where("state", "in", [...filter.states]);
  if (filter.goalId !== undefined) query = query.where("goal_id", "=", filter.goalId);
  if (filter.taskId !== undefined) query = query.where("task_id", "=", filter.taskId);
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  return (await query.execute()).map(toEffect);
}

/**
 * Notes what an agent wants. The same place, or the same action of the same task, is noted once: the effect that is there
 * comes back, `fresh` false. One that never left (withdrawn, expired, stopped, or not yet answered) may be asked for again
 * by a later revision. Refuses while everything is stopped.
 */
export async function proposeEffect(tx: Tx, effect: NewEffect): Promise<{ effect: Effect; fresh: boolean } | Refused> {
  await lockLedger(tx);
  const { taskId, revision, step, round, useIndex } = effect;
  const place = await effectRows(tx)
    .where("task_id", "=", taskId)
    .where("revision", "=", revision)
    .where("step", "=", step)
    .where("round", "=", round)
    .where("use_index", "=", useIndex)
    .executeTakeFirst();
  if (place) return { effect: toEffect(place), fresh: false };
  const same = (await sameAction(tx, taskId, actionHash(effect))).find(
    (other) => other.revision === revision || !NEVER_LEFT.includes(other.state),
  );
  if (same) return { effect: same, fresh: false };
  const stop = await getStop(tx);
  if (stop) return { refused: stoppedWords(stop) };
  const id = newId("act");
  await tx.db
    .insertInto("effects")
    .values(toRow(tx.tenant, id, effect, tx.now))
    .execute();
  const made = await needEffect(tx, id);
  emit(tx, made, { type: "effect.proposed", class: made.class, recipients: made.recipients });
  return { effect: made, fresh: true };
}

/** Nothing of these is outside, or can be on its way. */
export const NEVER_LEFT: readonly EffectState[] = ["intent", "withdrawn", "expired", "stopped"];

/** What this task asked for in the same words, the newest first. */
export async function sameAction(read: Read, taskId: string, hash: string): Promise<Effect[]> {
  const found = await effectRows(read).where("task_id", "=", taskId).where("hash", "=", hash).orderBy("id", "desc").execute();
  return found.map(toEffect);
}

/** Ends what nobody answered or sent in time. Returns how many. */
export async function expireEffects(tx: Tx): Promise<number> {
  await lockLedger(tx);
  const late = await effectRows(tx)
    .where("state", "in", ["intent", "approved"])
    .where("expires_at", "<=", tx.now)
    .orderBy("id")
    .execute();
  for (const row of late) await expireEffect(tx, toEffect(row));
  return late.length;
}

/** Takes back what earlier or given-up versions of a task asked for and nobody approved; of every version with null. */
export async function withdrawEffects(tx: Tx, taskId: string, exceptRevision: number | null): Promise<number> {
  await lockLedger(tx);
  let query = effectRows(tx).where("task_id", "=", taskId).where("state", "=", "intent").orderBy("id");
  if (exceptRevision !== null) query = query.where("revision", "!=", exceptRevision);
  const found = await query.execute();
  const reason = exceptRevision === null ? "the task has ended" : `version ${exceptRevision + 1} was accepted`;
  for (const row of found)
    await moveEffect(tx, toEffect(row), "withdrawn", { note: reason, ended_at: tx.now }, { type: "effect.withdrawn", reason });
  return found.length;
}

export type Stop = { readonly at: number; readonly by: string };

export async function getStop(read: Read): Promise<Stop | null> {
  const text = await getMeta(read, STOP);
  return text === null ? null : (JSON.parse(text) as Stop);
}

/** The kill switch: all that has not left is dropped, nothing new is accepted. Returns that, and what cannot be taken back. */
export async function stopEffects(tx: Tx, by: string): Promise<{ stopped: Effect[]; gone: Effect[] }> {
  await lockLedger(tx);
  if ((await getStop(tx)) === null) await setMeta(tx, STOP, JSON.stringify({ at: tx.now, by } satisfies Stop));
  const open = await effectRows(tx).where("state", "in", ["intent", "approved"]).orderBy("id").execute();
  const stopped: Effect[] = [];
  for (const row of open) stopped.push(await dropEffect(tx, toEffect(row), by));
  const gone = await effectRows(tx)
    .where("rehearsal", "=", 0)
    .where((eb) =>
      eb.or([
        eb("state", "in", ["sent", "unknown"]),
        eb.and([eb("state", "=", "confirmed"), eb("class", "!=", "draft"), eb("sent_at", ">", tx.now - DAY_MS)]),
      ]),
    )
    .orderBy("id")
    .execute();
  return { stopped, gone: gone.map(toEffect) };
}

/** False when nothing was stopped. What was dropped stays dropped. */
export async function resumeEffects(tx: Tx): Promise<boolean> {
  await lockLedger(tx);
  if ((await getStop(tx)) === null) return false;
  await deleteMeta(tx, STOP);
  return true;
}

export function stoppedWords({ at, by }: Stop): string {
  return `everything outside was stopped by ${by} at ${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export async function needEffect(read: Read, id: string): Promise<Effect> {
  const effect = await getEffect(read, id);
  if (!effect) throw new Error(`there is no effect ${id}`);
  return effect;
}

export const failEffect = (tx: Tx, effect: Effect, reason: string) =>
  moveEffect(tx, effect, "failed", { note: reason, ended_at: tx.now }, { type: "effect.failed", reason });
export const expireEffect = (tx: Tx, effect: Effect) =>
  moveEffect(tx, effect, "expired", { ended_at: tx.now }, { type: "effect.expired" });
export const dropEffect = (tx: Tx, effect: Effect, by: string) =>
  moveEffect(tx, effect, "stopped", { note: `stopped by ${by}`, ended_at: tx.now }, { type: "effect.stopped", by });

type EffectEvent = Extract<EventBody, { effectId: string }>;
type EventOf<T> = T extends EffectEvent ? Omit<T, "goalId" | "taskId" | "effectId" | "tool"> : never;

/** The only way from one state to the next. Nobody else can have moved it since it was read: the ledger is locked. */
export async function moveEffect(
  tx: Tx,
  effect: Effect,
  to: EffectState,
  change: Updateable<Schema["effects"]>,
  event: EventOf<EffectEvent>,
): Promise<Effect> {
  const result = await tx.db
    .updateTable("effects")
    .set({ ...change, state: moved(effect.state, to) })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", effect.id)
    .where("state", "=", effect.state)
    .executeTakeFirst();
  if (result.numUpdatedRows !== 1n) throw new Error(`effect ${effect.id} is not ${effect.state} any more`);
  const after = await needEffect(tx, effect.id);
  emit(tx, after, event);
  return after;
}

function emit(tx: Tx, { id, goalId, taskId, server, tool, rehearsal }: Effect, event: EventOf<EffectEvent>): void {
  tx.emit({ ...event, goalId, taskId, effectId: id, tool: `${server}.${tool}` } as EventBody, { rehearsal });
}
