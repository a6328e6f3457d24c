/** What traces are made of, and the cursor that says how far they were handed over. */

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
  /** Names of the tools that the answer asked for, in its order. */
  readonly uses: readonly { readonly id: string; readonly name: string }[];
  readonly from: number;
  /** When the call began that brought the results back; null when there was none. */
  readonly to: number | null;
};

const askedForTools = z.object({ uses: z.array(z.object({ id: z.string(), name: z.string() })) });

/** The tools that the answers of these goals asked for. */
export async function tracedTools(read: Read, goalIds: readonly string[]): Promise<TracedTools[]> {
  if (goalIds.length === 0) return [];
  const rows = await read.db
    .selectFrom("calls")
    .select(["id", "goal_id", "reply", "rehearsal", "started_at", "ended_at"])
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
  return rows.map((row) => ({
    callId: row.id,
    goalId: row.goal_id,
    rehearsal: row.rehearsal === 1,
    uses: askedForTools.parse(JSON.parse(row.reply ?? "")).uses,
    from: row.ended_at ?? row.started_at,
    to: row.next_at,
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
