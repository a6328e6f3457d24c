/** The inbox in the store: every event from outside with what was decided about it. */

import { sql, type Insertable, type Selectable } from "kysely";
import { inboxDecision, type InboxDecision, type InboxEvent } from "../domain/inbox.ts";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";

type Row = Selectable<Schema["inbox"]>;

function toEvent(row: Row): InboxEvent {
  return {
    id: row.id,
    source: row.source,
    key: row.key,
    hash: row.hash,
    type: row.type,
    theirType: row.their_type,
    mayAsk: row.may_ask === 1,
    happenedAt: row.happened_at,
    data: row.data,
    rehearsal: row.rehearsal === 1,
    receivedAt: row.received_at,
    decision: inboxDecision.parse(row.decision),
    reason: row.reason,
    pipeline: row.pipeline,
    topic: row.topic,
    goalId: row.goal_id,
    startedAt: row.started_at,
    dueAt: row.due_at,
    burstAt: row.burst_at,
    burst: row.burst,
    replays: row.replays,
  };
}

function toRow(tenant: string, event: InboxEvent): Insertable<Schema["inbox"]> {
  return {
    tenant,
    id: event.id,
    source: event.source,
    key: event.key,
    hash: event.hash,
    type: event.type,
    their_type: event.theirType,
    may_ask: event.mayAsk ? 1 : 0,
    happened_at: event.happenedAt,
    data: event.data,
    rehearsal: event.rehearsal ? 1 : 0,
    received_at: event.receivedAt,
    decision: event.decision,
    reason: event.reason,
    pipeline: event.pipeline,
    topic: event.topic,
    goal_id: event.goalId,
    started_at: event.startedAt,
    due_at: event.dueAt,
    burst_at: event.burstAt,
    burst: event.burst,
    replays: event.replays,
  };
}

/** Decisions about events follow each other, on PostgreSQL as on SQLite: of several daemons one decides at a time. */
export async function lockInbox(tx: Tx): Promise<void> {
  if (tx.engine === "postgres")
    await sql`select pg_advisory_xact_lock(hashtextextended(${`marketeam inbox ${tx.tenant}`}, 0))`.execute(tx.db);
}

// A statement for each size would be compiled for each: these few are compiled once.
const SIZES = [64, 8, 1] as const;

function inSizes<T>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  let from = 0;
  for (const size of SIZES) for (; items.length - from >= size; from += size) parts.push(items.slice(from, from + size));
  return parts;
}

/** The events of a source with one of these keys. */
export async function eventsByKey(
  read: Read,
  { source, keys, rehearsal }: { source: string; keys: readonly string[]; rehearsal: boolean },
): Promise<InboxEvent[]> {
  const found: InboxEvent[] = [];
  for (const part of inSizes([...new Set(keys)])) {
    const rows = await read.db
      .selectFrom("inbox")
      .selectAll()
      .where("tenant", "=", read.tenant)
      .where("rehearsal", "=", rehearsal ? 1 : 0)
      .where("source", "=", source)
      .where("key", "in", part)
      .execute();
    found.push(...rows.map(toEvent));
  }
  return found;
}

export async function insertInbox(tx: Tx, events: readonly InboxEvent[]): Promise<void> {
  for (const part of inSizes(events))
    await tx.db
      .insertInto("inbox")
      .values(part.map((event) => toRow(tx.tenant, event)))
      .execute();
}

/** Gives an event's key free for another event; it stays in the inbox under its own id. (No sender's id has a space in it.) */
export async function freeKey(tx: Tx, event: Pick<InboxEvent, "id">): Promise<void> {
  await changed(tx, [event.id], { key: `past ${event.id}` });
}

type Change = Partial<
  Pick<Row, "key" | "decision" | "reason" | "pipeline" | "topic" | "goal_id" | "started_at" | "due_at" | "burst_at" | "burst">
>;

async function changed(tx: Tx, ids: readonly string[], set: Change): Promise<void> {
  await tx.db
    .updateTable("inbox")
    .set(set)
    .where("tenant", "=", tx.tenant)
    .where("id", "in", [...ids])
    .execute();
}

/** What was decided about an event that waited. */
export async function decideWaiting(
  tx: Tx,
  id: string,
  {
    decision,
    reason,
    pipeline,
    topic,
    goalId,
    startedAt,
  }: Pick<InboxEvent, "reason" | "pipeline" | "topic" | "goalId" | "startedAt"> & {
    decision: InboxDecision;
  },
): Promise<void> {
  await changed(tx, [id], { decision, reason, pipeline, topic, goal_id: goalId, started_at: startedAt, due_at: null });
}

/** The events of a burst before its last one. */
export async function overtake(tx: Tx, ids: readonly string[], reason: string): Promise<void> {
  if (ids.length > 0) await changed(tx, ids, { decision: "overtaken", reason, due_at: null });
}

/** The last event of a topic that started a goal; null when none did. */
export async function lastStarted(read: Read, topic: string, rehearsal: boolean): Promise<InboxEvent | null> {
  const row = await read.db
    .selectFrom("inbox")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("topic", "=", topic)
    .where("started_at", "is not", null)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .orderBy("started_at", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? toEvent(row) : null;
}

/** The event of a topic that waits for the end of its burst; there is one at most. */
export async function waitingOf(read: Read, topic: string, rehearsal: boolean): Promise<InboxEvent | null> {
  const row = await read.db
    .selectFrom("inbox")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("due_at", "is not", null)
    .where("topic", "=", topic)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? toEvent(row) : null;
}

/** What waits and is due by now, the longest due first. */
export async function dueEvents(read: Read, rehearsal: boolean, limit: number): Promise<InboxEvent[]> {
  const rows = await read.db
    .selectFrom("inbox")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("due_at", "is not", null)
    .where("due_at", "<=", read.now)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .orderBy("due_at")
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(toEvent);
}

/** When the next waiting event is due, UTC ms; null when none waits. */
export async function nextDue(read: Read, rehearsal: boolean): Promise<number | null> {
  const row = await read.db
    .selectFrom("inbox")
    .select((eb) => eb.fn.min("due_at").as("at"))
    .where("tenant", "=", read.tenant)
    .where("due_at", "is not", null)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .executeTakeFirst();
  return row?.at === null || row?.at === undefined ? null : Number(row.at);
}

export async function getInboxEvent(read: Read, id: string): Promise<InboxEvent | null> {
  const row = await read.db
    .selectFrom("inbox")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("id", "=", id)
    .executeTakeFirst();
  return row ? toEvent(row) : null;
}

/** The newest events, newest first. */
export async function listInbox(read: Read, { limit }: { readonly limit: number }): Promise<InboxEvent[]> {
  const rows = await read.db
    .selectFrom("inbox")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return rows.map(toEvent);
}

/** How many events of each source met each decision, of those that are still kept. */
export async function inboxCounts(
  read: Read,
  rehearsal: boolean,
): Promise<{ source: string; decision: InboxDecision; count: number }[]> {
  const rows = await read.db
    .selectFrom("inbox")
    .select((eb) => ["source" as const, "decision" as const, eb.fn.countAll<number>().as("n")])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .groupBy(["source", "decision"])
    .orderBy("source")
    .orderBy("decision")
    .execute();
  return rows.map((row) => ({ source: row.source, decision: inboxDecision.parse(row.decision), count: Number(row.n) }));
}

/** How many events of each type that came in a time (UTC ms, `to` not included) met each decision. */
export async function inboxBetween(
  read: Read,
  { from, to }: { readonly from: number; readonly to: number },
  rehearsal: boolean,
): Promise<{ type: string; decision: InboxDecision; count: number }[]> {
  const rows = await read.db
    .selectFrom("inbox")
    .select((eb) => ["type" as const, "decision" as const, eb.fn.countAll<number>().as("n")])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .where("received_at", ">=", from)
    .where("received_at", "<", to)
    .groupBy(["type", "decision"])
    .orderBy("type")
    .orderBy("decision")
    .execute();
  return rows.map((row) => ({ type: row.type, decision: inboxDecision.parse(row.decision), count: Number(row.n) }));
}

/** Drops events that started nothing and came before `before` (UTC ms), the oldest first, at most `limit`. Says how many. */
export async function forgetInbox(tx: Tx, { before, limit }: { before: number; limit: number }): Promise<number> {
  // The oldest by id, then by their time: asked for by time, a table without old events would be read to its end.
  const rows = await tx.db
    .selectFrom("inbox")
    .select(["id", "received_at"])
    .where("tenant", "=", tx.tenant)
    .where("goal_id", "is", null)
    .where("due_at", "is", null)
    .orderBy("id")
    .limit(limit)
    .execute();
  const oldest = rows.filter((row) => row.received_at < before);
  if (oldest.length === 0) return 0;
  await tx.db
    .deleteFrom("inbox")
    .where("tenant", "=", tx.tenant)
    .where(
      "id",
      "in",
      oldest.map((row) => row.id),
    )
    .execute();
  return oldest.length;
}
