/** Schedules in the store: how far each is decided, whether a person paused it, and what became of every tick. */

import type { Read, Tx } from "./store.ts";

/** Decided not later than this after its time, a tick is in time: the process was busy, or the store away for a moment. Ready work may stand so long too. */
export const IN_TIME_MS = 10 * 60_000;

/** Why a tick started nothing. `missed`: nothing ran at its time, and it is not made up for. */
const SKIP_REASONS = ["overlap", "budget", "paused", "missed", "broken"] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

export type ScheduleState = {
  readonly name: string;
  /** The cron and zone that `considered` speaks of; "off" while it is not to fire. */
  readonly spec: string;
  /** Ticks up to here (UTC ms) are decided. */
  readonly considered: number;
};

export type Tick = {
  readonly name: string;
  /** When it was due, UTC ms. */
  readonly at: number;
  readonly outcome: "fired" | "skipped";
  /** `hand`: a person started it, whatever the clock said. */
  readonly reason: SkipReason | "hand" | null;
  /** The reason as a sentence. */
  readonly detail: string | null;
  /** Ticks that nothing ran for at their time, and that this decision stands for. */
  readonly missed: number;
  readonly goalId: string | null;
  readonly decidedAt: number;
};

const flag = (rehearsal: boolean) => (rehearsal ? 1 : 0);

export async function listSchedules(read: Read, rehearsal: boolean): Promise<Map<string, ScheduleState>> {
  const rows = await read.db
    .selectFrom("schedules")
    .select(["name", "spec", "considered"])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", flag(rehearsal))
    .execute();
  return new Map(rows.map((row) => [row.name, row]));
}

/** The state, locked until the commit: of two processes at one tick the second one sees what the first decided. */
export async function lockSchedule(tx: Tx, name: string, rehearsal: boolean): Promise<ScheduleState | null> {
  let query = tx.db
    .selectFrom("schedules")
    .select(["name", "spec", "considered"])
    .where("tenant", "=", tx.tenant)
    .where("name", "=", name)
    .where("rehearsal", "=", flag(rehearsal));
  if (tx.engine === "postgres") query = query.forUpdate();
  return (await query.executeTakeFirst()) ?? null;
}

/** Adds states that are not there yet; one that is there stays as it is. */
export async function addSchedules(tx: Tx, states: readonly ScheduleState[], rehearsal: boolean): Promise<void> {
  if (states.length === 0) return;
  // In one order everywhere, so that two processes that begin together wait for each other instead of locking up.
  const sorted = [...states].sort((a, b) => (a.name < b.name ? -1 : 1));
  const values = sorted.map(({ name, spec, considered }) => ({
    ...{ tenant: tx.tenant, name, rehearsal: flag(rehearsal), spec, considered, paused_at: null },
  }));
  await tx.db
    .insertInto("schedules")
    .values(values)
    .onConflict((conflict) => conflict.columns(["tenant", "name", "rehearsal"]).doNothing())
    .execute();
}

export async function setSchedule(tx: Tx, state: ScheduleState, rehearsal: boolean): Promise<void> {
  await tx.db
    .updateTable("schedules")
    .set({ spec: state.spec, considered: state.considered })
    .where("tenant", "=", tx.tenant)
    .where("name", "=", state.name)
    .where("rehearsal", "=", flag(rehearsal))
    .execute();
}

/** When a person paused each of those that are paused, by name. A rehearsal keeps to it too. */
export async function pausedSchedules(read: Read, name?: string): Promise<Map<string, number>> {
  let query = read.db
    .selectFrom("schedules")
    .select(["name", "paused_at"])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", 0)
    .where("paused_at", "is not", null);
  if (name !== undefined) query = query.where("name", "=", name);
  return new Map((await query.execute()).map((row) => [row.name, Number(row.paused_at)]));
}

/** Pauses a schedule (again: since then), or lets it go on from `at`: what was due before starts nothing. UTC ms. */
export async function pauseSchedule(tx: Tx, name: string, { paused, at }: { paused: boolean; at: number }): Promise<void> {
  await addSchedules(tx, [{ name, spec: "", considered: at }], false);
  await lockSchedule(tx, name, false);
  const change = tx.db
    .updateTable("schedules")
    .set({ paused_at: paused ? at : null })
    .where("tenant", "=", tx.tenant)
    .where("name", "=", name);
  await change.where("rehearsal", "=", 0).execute();
  if (!paused)
    await tx.db
      .updateTable("schedules")
      .set({ considered: at })
      .where("tenant", "=", tx.tenant)
      .where("name", "=", name)
      .where("considered", "<", at)
      .execute();
}

/** Records a decision. False, and nothing is changed, when this tick was decided before. */
export async function decideTick(tx: Tx, tick: Tick, rehearsal: boolean): Promise<boolean> {
  const added = await tx.db
    .insertInto("schedule_ticks")
    .values({
      tenant: tx.tenant,
      name: tick.name,
      rehearsal: flag(rehearsal),
      at: tick.at,
      outcome: tick.outcome,
      reason: tick.reason,
      detail: tick.detail,
      missed: tick.missed,
      goal_id: tick.goalId,
      decided_at: tick.decidedAt,
    })
    .onConflict((conflict) => conflict.columns(["tenant", "name", "rehearsal", "at"]).doNothing())
    .returning("at")
    .executeTakeFirst();
  return added !== undefined;
}

export async function linkTick(
  tx: Tx,
  { name, at, goalId }: { name: string; at: number; goalId: string },
  rehearsal: boolean,
): Promise<void> {
  await tx.db
    .updateTable("schedule_ticks")
    .set({ goal_id: goalId })
    .where("tenant", "=", tx.tenant)
    .where("name", "=", name)
    .where("rehearsal", "=", flag(rehearsal))
    .where("at", "=", at)
    .execute();
}

/** Which ticks with after < tick ≤ upTo (UTC ms) are decided; what was started by hand is no tick. */
export async function decidedBetween(
  read: Read,
  name: string,
  { after, upTo }: { after: number; upTo: number },
  rehearsal: boolean,
): Promise<Set<number>> {
  const rows = await read.db
    .selectFrom("schedule_ticks")
    .select(["at", "reason"])
    .where("tenant", "=", read.tenant)
    .where("name", "=", name)
    .where("rehearsal", "=", flag(rehearsal))
    .where("at", ">", after)
    .where("at", "<=", upTo)
    .execute();
  return new Set(rows.filter((row) => row.reason !== "hand").map((row) => row.at));
}

/** Forgets skipped ticks that were decided before then. What fired is kept for good: it must never fire again. */
export async function forgetSkipped(tx: Tx, name: string, before: number, rehearsal: boolean): Promise<void> {
  await tx.db
    .deleteFrom("schedule_ticks")
    .where("tenant", "=", tx.tenant)
    .where("name", "=", name)
    .where("rehearsal", "=", flag(rehearsal))
    .where("at", "<", before)
    .where("outcome", "=", "skipped")
    .where("decided_at", "<", before)
    .execute();
}

/** The decisions since then (UTC ms), oldest first: what a report of a day tells. */
export async function ticksSince(read: Read, since: number, rehearsal: boolean): Promise<Tick[]> {
  const rows = await ticks(read, rehearsal)
    .where("decided_at", ">=", since)
    .orderBy("decided_at")
    .orderBy("name")
    .orderBy("at")
    .execute();
  return rows.map(toTick);
}

/** The last decision of each schedule, by name. */
export async function lastTicks(read: Read, rehearsal: boolean): Promise<Map<string, Tick>> {
  const newest = read.db
    .selectFrom("schedule_ticks")
    .select((eb) => ["name" as const, eb.fn.max("at").as("at")])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", flag(rehearsal))
    .groupBy("name");
  const rows = await ticks(read, rehearsal)
    .innerJoin(newest.as("newest"), (join) =>
      join.onRef("newest.name", "=", "schedule_ticks.name").onRef("newest.at", "=", "schedule_ticks.at"),
    )
    .execute();
  return new Map(rows.map((row) => [row.name, toTick(row)]));
}

/** How many ticks were missed since then, by schedule, and how many were decided in which way. */
export async function tickCounts(
  read: Read,
  since: number,
  rehearsal: boolean,
): Promise<{ name: string; outcome: Tick["outcome"]; reason: Tick["reason"]; ticks: number; missed: number }[]> {
  const rows = await read.db
    .selectFrom("schedule_ticks")
    .select((eb) => [
      "name" as const,
      "outcome" as const,
      "reason" as const,
      eb.fn.countAll<number>().as("ticks"),
      eb.fn.sum<number>("missed").as("missed"),
    ])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", flag(rehearsal))
    .where("decided_at", ">=", since)
    .groupBy(["name", "outcome", "reason"])
    .orderBy("name")
    .execute();
  return rows.map((row) => ({ ...toOutcome(row), name: row.name, ticks: Number(row.ticks), missed: Number(row.missed) }));
}

/** A goal from this source that is not over, the newest; null when there is none. */
export async function openGoalFrom(
  read: Read,
  source: string,
  rehearsal: boolean,
): Promise<{ id: string; status: string; pause: string | null } | null> {
  const row = await read.db
    .selectFrom("goals")
    .select(["id", "status", "pause"])
    .where("tenant", "=", read.tenant)
    .where("status", "in", ["running", "paused"])
    .where("source", "=", source)
    .where("rehearsal", "=", flag(rehearsal))
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

function ticks(read: Read, rehearsal: boolean) {
  return read.db
    .selectFrom("schedule_ticks")
    .select(["schedule_ticks.name", "schedule_ticks.at", "outcome", "reason", "detail", "missed", "goal_id", "decided_at"])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", flag(rehearsal));
}

function toTick(row: Awaited<ReturnType<ReturnType<typeof ticks>["execute"]>>[number]): Tick {
  const { name, at, detail, missed } = row;
  return { name, at, ...toOutcome(row), detail, missed, goalId: row.goal_id, decidedAt: row.decided_at };
}

function toOutcome(row: { outcome: string; reason: string | null }): Pick<Tick, "outcome" | "reason"> {
  const reason = row.reason === "hand" ? "hand" : (SKIP_REASONS.find((known) => known === row.reason) ?? null);
  return { outcome: row.outcome === "fired" ? "fired" : "skipped", reason };
}
