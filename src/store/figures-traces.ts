/** What traces are made of, and the cursor that says how far they were handed over. */

import { sql } from "kysely";
import { z } from "zod";
import { usage, type Usage } from "../domain/call.ts";
import type { Nano } from "../domain/money.ts";
import { metaKey } from "./meta.ts";
import type { Read, Tx } from "./store.ts";

const strings = z.array(z.string());

export type TracedCall = {
  readonly id: string;
  readonly goalId: string;
  readonly subject: string;
  readonly step: string;
  readonly revision: number;
  readonly round: number;
  readonly attempt: number;
  readonly state: string;
  readonly skill: string | null;
  readonly model: string;
  readonly cost: Nano;
  readonly usage: Usage;
  readonly stop: string | null;
  readonly flags: readonly string[];
  readonly rehearsal: boolean;
  readonly startedAt: number;
  readonly endedAt: number | null;
};

/** These calls without their prompts and replies, and whether their subject is a task of their goal. */
export async function tracedCalls(read: Read, ids: readonly string[]): Promise<(TracedCall & { ofTask: boolean })[]> {
  if (ids.length === 0) return [];
  const rows = await read.db
    .selectFrom("calls")
    .leftJoin("tasks", (join) =>
      join
        .onRef("tasks.tenant", "=", "calls.tenant")
        .onRef("tasks.id", "=", "calls.subject")
        .onRef("tasks.goal_id", "=", "calls.goal_id"),
    )
    .select([
      "calls.id",
      "calls.goal_id",
      "calls.subject",
      "calls.step",
      "calls.revision",
      "calls.round",
      "calls.attempt",
      "calls.state",
      "calls.skill",
      "calls.model",
      "calls.cost",
      "calls.usage",
      "calls.stop",
      "calls.flags",
      "calls.rehearsal",
      "calls.started_at",
      "calls.ended_at",
      "tasks.id as task",
    ])
    .where("calls.tenant", "=", read.tenant)
    .where("calls.id", "in", [...ids])
    .orderBy("calls.id")
    .execute();
  return rows.map((row) => ({
    id: row.id,
    goalId: row.goal_id,
    subject: row.subject,
    step: row.step,
    revision: row.revision,
    round: row.round,
    attempt: row.attempt,
    state: row.state,
    skill: row.skill,
    model: row.model,
    cost: row.cost,
    usage: usage.parse(JSON.parse(row.usage)),
    stop: row.stop,
    flags: strings.parse(JSON.parse(row.flags)),
    rehearsal: row.rehearsal === 1,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    ofTask: row.task !== null,
  }));
}

export type TracedTools = {
  readonly callId: string;
  readonly goalId: string;
  readonly rehearsal: boolean;
  /** The tools that the answer asked for, in its order. */
  readonly uses: readonly TracedUse[];
  readonly from: number;
  /** When the call began that brought the results back; null when there was none. */
  readonly to: number | null;
};

export type TracedUse = {
  readonly id: string;
  readonly name: string;
  /** What was read for it outside; null where nothing was: a file of ours, a refusal, an action. */
  readonly read: TracedRead | null;
  /** It became an action: that has a span of its own, when it ends. */
  readonly acted: boolean;
};

export type TracedRead = {
  readonly server: string;
  readonly tool: string;
  readonly isError: boolean;
  readonly bytes: number;
  readonly ms: number;
  /** When the answer was kept. */
  readonly at: number;
};

const askedForTools = z.object({ uses: z.array(z.object({ id: z.string(), name: z.string() })) });

type Place = {
  readonly goal_id: string;
  readonly subject: string;
  readonly revision: number;
  readonly step: string;
  readonly round: number;
  readonly use_index: number;
};
const placeKey = (place: Place) =>
  JSON.stringify([place.goal_id, place.subject, place.revision, place.step, place.round, place.use_index]);

/** The tools that the answers of these goals asked for, and what was read for each; no argument and no result. */
export async function tracedTools(
  read: Read,
  goalIds: readonly string[],
  /** Tools that are ours: they have no place among what goes outside. */
  own: readonly string[],
): Promise<TracedTools[]> {
  if (goalIds.length === 0) return [];
  const rows = await read.db
    .selectFrom("calls")
    .select(["id", "goal_id", "subject", "revision", "step", "round", "reply", "rehearsal", "started_at", "ended_at"])
    .select((eb) =>
      eb
        .selectFrom("calls as later")
        .select((of) => of.fn.min("later.started_at").as("at"))
        .whereRef("later.tenant", "=", "calls.tenant")
        .whereRef("later.goal_id", "=", "calls.goal_id")
        .whereRef("later.subject", "=", "calls.subject")
        .whereRef("later.revision", "=", "calls.revision")
        .whereRef("later.step", "=", "calls.step")
        .whereRef("later.round", ">", "calls.round")
        .as("next_at"),
    )
    .where("tenant", "=", read.tenant)
    .where("goal_id", "in", [...goalIds])
    .where("stop", "=", "tool_use")
    .where("reply", "is not", null)
    .orderBy("id")
    .execute();
  if (rows.length === 0) return [];
  const place = ["goal_id", "revision", "step", "round", "use_index"] as const;
  const reads = await read.db
    .selectFrom("tool_reads")
    .select([...place, "subject", "server", "tool", "is_error", "bytes", "ms", "at"])
    .where("tenant", "=", read.tenant)
    .where("goal_id", "in", [...goalIds])
    .execute();
  const acts = await read.db
    .selectFrom("effects")
    .select([...place, "task_id as subject"])
    .where("tenant", "=", read.tenant)
    .where("goal_id", "in", [...goalIds])
    .execute();
  const found = new Map(reads.map((row) => [placeKey(row), row]));
  const acted = new Set(acts.map(placeKey));
  return rows.map((row) => {
    let outside = 0;
    const uses = askedForTools.parse(JSON.parse(row.reply ?? "")).uses.map(({ id, name }): TracedUse => {
      if (own.includes(name)) return { id, name, read: null, acted: false };
      const key = placeKey({ ...row, use_index: outside++ });
      const one = found.get(key);
      return {
        id,
        name,
        read: one
          ? { server: one.server, tool: one.tool, isError: one.is_error === 1, bytes: one.bytes, ms: one.ms, at: one.at }
          : null,
        acted: acted.has(key),
      };
    });
    return {
      ...{ callId: row.id, goalId: row.goal_id, rehearsal: row.rehearsal === 1, uses },
      ...{ from: row.ended_at ?? row.started_at, to: row.next_at },
    };
  });
}

export type TracedEffect = {
  readonly id: string;
  readonly goalId: string;
  readonly taskId: string;
  /** The call whose answer asked for it; null when it is not there any more. */
  readonly callId: string | null;
  readonly server: string;
  readonly tool: string;
  readonly class: string;
  readonly state: string;
  readonly approvedBy: string | null;
  /** UTC ms. Null: it never left. */
  readonly sentAt: number | null;
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** Of the answer, as far as it is kept. */
  readonly bytes: number;
  readonly rehearsal: boolean;
};

/** These actions, without arguments, preview and result. */
export async function tracedEffects(read: Read, ids: readonly string[]): Promise<TracedEffect[]> {
  if (ids.length === 0) return [];
  const rows = await read.db
    .selectFrom("effects")
    .select(["id", "goal_id", "task_id", "server", "tool", "class", "state", "approved_by", "sent_at", "created_at"])
    .select(["ended_at", "rehearsal", sql<number | null>`octet_length(result)`.as("bytes")])
    .select((eb) =>
      eb
        .selectFrom("calls")
        .select((of) => of.fn.max("calls.id").as("id"))
        .whereRef("calls.tenant", "=", "effects.tenant")
        .whereRef("calls.goal_id", "=", "effects.goal_id")
        .whereRef("calls.subject", "=", "effects.task_id")
        .whereRef("calls.revision", "=", "effects.revision")
        .whereRef("calls.step", "=", "effects.step")
        .whereRef("calls.round", "=", "effects.round")
        .where("calls.stop", "=", "tool_use")
        .as("call_id"),
    )
    .where("tenant", "=", read.tenant)
    .where("id", "in", [...ids])
    .orderBy("id")
    .execute();
  return rows.map((row) => ({
    ...{ id: row.id, goalId: row.goal_id, taskId: row.task_id, callId: row.call_id },
    ...{ server: row.server, tool: row.tool, class: row.class, state: row.state, approvedBy: row.approved_by },
    ...{ sentAt: row.sent_at, createdAt: row.created_at, endedAt: row.ended_at },
    ...{ bytes: Number(row.bytes ?? 0), rehearsal: row.rehearsal === 1 },
  }));
}

/**
 * Puts a small value in place of the one that the caller read (null: none). False when another process was there first.
 * The decision falls in the statement itself, on both engines.
 */
export async function swapMeta(tx: Tx, key: string, before: string | null, after: string): Promise<boolean> {
  const name = metaKey(tx, key);
  const result =
    before === null
      ? await tx.db
          .insertInto("meta")
          .values({ key: name, value: after })
          .onConflict((conflict) => conflict.column("key").doNothing())
          .executeTakeFirst()
      : await tx.db
          .updateTable("meta")
          .set({ value: after })
          .where("key", "=", name)
          .where("value", "=", before)
          .executeTakeFirst();
  return ("numUpdatedRows" in result ? result.numUpdatedRows : result.numInsertedOrUpdatedRows) === 1n;
}
