/** Notices in the store: what a person is to be told, and how far each is on its way to each channel. */

import { sql } from "kysely";
import type { Read, Tx } from "./store.ts";

/** `overtaken`: what it told was no longer so before it was sent. */
export type SendState = "wanted" | "sent" | "given_up" | "overtaken";

export type Notice = {
  readonly id: string;
  /** Kind, subject and state: what was told under a key is never told again. */
  readonly key: string;
  readonly kind: string;
  /** What it is about, as `goal goal_…`, `question ask_…`, `budget day 2026-11-21`, `health <host>`. */
  readonly subject: string;
  readonly goalId: string | null;
  /** Not held back by quiet hours. */
  readonly urgent: boolean;
  readonly title: string;
  readonly text: string;
  readonly rehearsal: boolean;
  /** When it happened, UTC ms. */
  readonly at: number;
};

/** A notice that still has to go to a channel. Without `messageId` it is in no message yet. */
export type OpenSend = {
  readonly notice: Notice;
  /** When the notice was recorded. */
  readonly createdAt: number;
  readonly dueAt: number;
  readonly messageId: string | null;
  readonly attempts: number;
  readonly leaseUntil: number | null;
};

export type NoticeSend = {
  readonly notice: Notice;
  readonly channel: string;
  readonly state: SendState;
  readonly attempts: number;
  readonly dueAt: number;
  readonly problem: string | null;
  readonly endedAt: number | null;
};

/** Changes of notices follow each other, on PostgreSQL as on SQLite: of two processes that look, one decides at a time. */
export async function lockNotices(tx: Tx): Promise<void> {
  if (tx.engine === "postgres")
    await sql`select pg_advisory_xact_lock(hashtextextended(${`marketeam notices ${tx.tenant}`}, 0))`.execute(tx.db);
}

/**
 * Records a notice as wanted by these channels, to be sent when due (UTC ms). False, and nothing is changed, when its key
 * is known.
 */
export async function wantNotice(
  tx: Tx,
  notice: Notice,
  channels: readonly { readonly name: string; readonly dueAt: number }[],
): Promise<boolean> {
  const added = await tx.db
    .insertInto("notices")
    .values({
      tenant: tx.tenant,
      id: notice.id,
      key: notice.key,
      kind: notice.kind,
      subject: notice.subject,
      goal_id: notice.goalId,
      urgent: notice.urgent ? 1 : 0,
      title: notice.title,
      text: notice.text,
      rehearsal: notice.rehearsal ? 1 : 0,
      at: notice.at,
      created_at: tx.now,
    })
    .onConflict((conflict) => conflict.columns(["tenant", "key"]).doNothing())
    .returning("id")
    .executeTakeFirst();
  if (!added) return false;
  if (channels.length > 0)
    await tx.db
      .insertInto("notice_sends")
      .values(
        channels.map(({ name, dueAt }) => ({
          tenant: tx.tenant,
          notice_id: notice.id,
          channel: name,
          state: "wanted",
          due_at: dueAt,
          message_id: null,
          message_at: null,
          attempts: 0,
          lease_until: null,
          problem: null,
          ended_at: null,
        })),
      )
      .execute();
  return true;
}

export async function noticeKnown(read: Read, key: string): Promise<boolean> {
  const row = await read.db
    .selectFrom("notices")
    .select("id")
    .where("tenant", "=", read.tenant)
    .where("key", "=", key)
    .executeTakeFirst();
  return row !== undefined;
}

/** Takes back what is in no message yet: about one subject, or of these kinds about a goal. */
export async function overtakeNotices(
  tx: Tx,
  about: { readonly subject: string } | { readonly goalId: string; readonly kinds: readonly string[] },
): Promise<void> {
  let ids = tx.db.selectFrom("notices").select("id").where("tenant", "=", tx.tenant);
  if ("subject" in about) ids = ids.where("subject", "=", about.subject);
  else ids = ids.where("goal_id", "=", about.goalId).where("kind", "in", [...about.kinds]);
  await tx.db
    .updateTable("notice_sends")
    .set({ state: "overtaken", ended_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("state", "=", "wanted")
    .where("message_id", "is", null)
    .where("notice_id", "in", ids)
    .execute();
}

function joined(read: Read) {
  return read.db
    .selectFrom("notice_sends as s")
    .innerJoin("notices as n", (join) => join.onRef("n.tenant", "=", "s.tenant").onRef("n.id", "=", "s.notice_id"))
    .select(["n.id", "n.key", "n.kind", "n.subject", "n.goal_id", "n.urgent", "n.title", "n.text", "n.rehearsal", "n.at"])
    .select(["n.created_at", "s.channel", "s.state", "s.due_at", "s.message_id", "s.attempts", "s.lease_until"])
    .select(["s.problem", "s.ended_at"])
    .where("s.tenant", "=", read.tenant);
}

type Joined = Awaited<ReturnType<ReturnType<typeof joined>["execute"]>>[number];

function toNotice(row: Joined): Notice {
  return {
    id: row.id,
    key: row.key,
    kind: row.kind,
    subject: row.subject,
    goalId: row.goal_id,
    urgent: row.urgent === 1,
    title: row.title,
    text: row.text,
    rehearsal: row.rehearsal === 1,
    at: row.at,
  };
}

/** What a channel has still to get, the oldest first, at most `limit`; whole messages, but for what the limit cuts off. */
export async function openSends(read: Read, channel: string, limit: number): Promise<OpenSend[]> {
  const rows = await joined(read)
    .where("s.channel", "=", channel)
    .where("s.state", "=", "wanted")
    .orderBy("n.created_at")
    .orderBy("n.id")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    notice: toNotice(row),
    createdAt: row.created_at,
    dueAt: row.due_at,
    messageId: row.message_id,
    attempts: row.attempts,
    leaseUntil: row.lease_until,
  }));
}

/** The notices of a message, the oldest first: always the same ones. */
export async function noticesOf(read: Read, messageId: string): Promise<Notice[]> {
  const rows = await joined(read).where("s.message_id", "=", messageId).orderBy("n.created_at").orderBy("n.id").execute();
  return rows.map(toNotice);
}

/** When each message of a channel since then was begun, UTC ms, in order. */
export async function messagesSince(read: Read, channel: string, since: number): Promise<number[]> {
  const rows = await read.db
    .selectFrom("notice_sends")
    .select((eb) => eb.fn.min("message_at").as("at"))
    .where("tenant", "=", read.tenant)
    .where("channel", "=", channel)
    .where("message_at", ">", since)
    .groupBy("message_id")
    .execute();
  return rows.map((row) => Number(row.at)).sort((a, b) => a - b);
}

/** Puts notices of a channel into a message. They stay together from here on. */
export async function bindMessage(
  tx: Tx,
  { channel, noticeIds, messageId }: { channel: string; noticeIds: readonly string[]; messageId: string },
): Promise<void> {
  await tx.db
    .updateTable("notice_sends")
    .set({ message_id: messageId, message_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("channel", "=", channel)
    .where("state", "=", "wanted")
    .where("message_id", "is", null)
    .where("notice_id", "in", [...noticeIds])
    .execute();
}

/** One more try of a message, ours for so long. Returns the number of the try, from 1. */
export async function beginTry(tx: Tx, messageId: string, leaseMs: number): Promise<number> {
  const row = await tx.db
    .updateTable("notice_sends")
    .set((eb) => ({ attempts: eb("attempts", "+", 1), lease_until: tx.now + leaseMs }))
    .where("tenant", "=", tx.tenant)
    .where("message_id", "=", messageId)
    .where("state", "=", "wanted")
    .returning("attempts")
    .executeTakeFirst();
  return row?.attempts ?? 0;
}

/** The channel took the message: that holds whichever try it was, and when it was given up meanwhile. */
export async function messageSent(tx: Tx, messageId: string): Promise<void> {
  await tx.db
    .updateTable("notice_sends")
    .set({ state: "sent", lease_until: null, problem: null, ended_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("message_id", "=", messageId)
    .where("state", "in", ["wanted", "given_up"])
    .execute();
}

/** A try failed: again at `dueAt`, or never more when it is null. Nothing changes when a later try has begun. */
export async function messageFailed(
  tx: Tx,
  { messageId, attempt, problem, dueAt }: { messageId: string; attempt: number; problem: string; dueAt: number | null },
): Promise<void> {
  const change = dueAt === null ? { state: "given_up", ended_at: tx.now } : { due_at: dueAt };
  await tx.db
    .updateTable("notice_sends")
    .set({ ...change, lease_until: null, problem })
    .where("tenant", "=", tx.tenant)
    .where("message_id", "=", messageId)
    .where("state", "=", "wanted")
    .where("attempts", "=", attempt)
    .execute();
}

/** The latest notices and how far they are, newest first. */
export async function listSends(
  read: Read,
  filter: { readonly state?: SendState; readonly channel?: string; readonly limit?: number } = {},
): Promise<NoticeSend[]> {
  let query = joined(read);
  if (filter.state !== undefined) query = query.where("s.state", "=", filter.state);
  if (filter.channel !== undefined) query = query.where("s.channel", "=", filter.channel);
  const rows = await query
    .orderBy("n.created_at", "desc")
    .orderBy("n.id", "desc")
    .orderBy("s.channel")
    .limit(filter.limit ?? 100)
    .execute();
  return rows.map((row) => ({
    notice: toNotice(row),
    channel: row.channel,
    state: row.state === "sent" || row.state === "given_up" || row.state === "overtaken" ? row.state : "wanted",
    attempts: row.attempts,
    dueAt: row.due_at,
    problem: row.problem,
    endedAt: row.ended_at,
  }));
}
