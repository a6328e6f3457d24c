/** What becomes of a schedule's due ticks, decided once: the decisions and the goals that follow are one transaction. */

import { budgetLevel, mayWork, periods, shareUsed, type Caps, type Scope } from "../domain/budget.ts";
import { mayBatch } from "../domain/goal.ts";
import type { Plan } from "../domain/plan.ts";
import type { Registry } from "../domain/registry.ts";
import { planFromPipeline } from "../skills/pipeline-plan.ts";
import {
  addSchedules,
  decideTick,
  decidedBetween,
  forgetSkipped,
  linkTick,
  lockSchedule,
  openGoalFrom,
  IN_TIME_MS,
  pausedSchedules,
  setSchedule,
  type ScheduleState,
  type SkipReason,
  type Tick,
} from "../store/schedules.ts";
import { worstLevel } from "../store/scopes.ts";
import type { Read, Tx } from "../store/store.ts";
import { acceptIn, type NewWork, type Ready } from "../work/accept.ts";
import type { Times } from "./schedule-times.ts";

export type Schedule = Registry["schedules"][string];

/** A clock that stands so far behind what was decided already has been set back. Less is a difference between machines. */
export const SET_BACK_MS = 60 * 60_000;
const KEEP_SKIPPED_MS = 90 * 86_400_000;
/** The spec of what is not to fire. */
export const OFF = "off";

export type Deciding = {
  readonly registry: Registry;
  readonly caps: Caps;
  readonly rehearsal: boolean;
  readonly ready: Ready;
  /** UTC ms. */
  readonly now: number;
};

/** What the state speaks of: when it changes, ticks count from then on. */
export function specOf(schedule: Pick<Schedule, "cron" | "zone" | "enabled">): string {
  return schedule.enabled ? `${schedule.cron.trim().split(/\s+/).join(" ")} ${schedule.zone}` : OFF;
}

export function sourceOf(name: string): string {
  return `schedule:${name}`;
}

/**
 * Decides every tick that is due and not decided. `since` (UTC ms): from when this process knows the schedule as it is.
 * Returns what was decided here, oldest first, and up to when ticks are decided now.
 */
export async function decideDue(
  tx: Tx,
  { name, schedule, times, since }: { name: string; schedule: Schedule; times: Times; since: number },
  deciding: Deciding,
): Promise<{ ticks: Tick[]; considered: number }> {
  const { now, rehearsal } = deciding;
  const begin = consideredBy(await lockOrAdd(tx, { name, spec: specOf(schedule), considered: since }, rehearsal), {
    spec: specOf(schedule),
    since,
    now,
  });
  const limit = schedule.catch_up === "skip" ? 0 : schedule.catch_up === "once" ? 1 : schedule.catch_up;
  const due = times.between(begin, now, Math.max(limit, 1) + 1);
  const considered = due.newest.at(-1) ?? begin;
  // After a clock was set back, what it shows again may be decided.
  const known = due.count === 0 ? null : await decidedBetween(tx, name, { after: begin, upTo: now }, rehearsal);
  const fresh = due.newest.filter((at) => !known?.has(at));
  const count = Math.max(fresh.length, due.count - (known?.size ?? 0));
  const ticks = await decideThese(tx, { name, schedule, fresh, count, limit }, deciding);
  await setSchedule(tx, { name, spec: specOf(schedule), considered }, rehearsal);
  if (ticks.length > 0) await forgetSkipped(tx, name, now - KEEP_SKIPPED_MS, rehearsal);
  return { ticks, considered };
}

async function lockOrAdd(tx: Tx, state: ScheduleState, rehearsal: boolean): Promise<ScheduleState> {
  const there = await lockSchedule(tx, state.name, rehearsal);
  if (there) return there;
  await addSchedules(tx, [state], rehearsal);
  return (await lockSchedule(tx, state.name, rehearsal)) ?? state;
}

type Known = { readonly spec: string; readonly since: number; readonly now: number };

/** Up to when ticks are decided: one that was another schedule until now counts from when this process knows it. */
export function knownSince(state: ScheduleState, { spec, since, now }: Known): number {
  return state.spec === spec ? state.considered : Math.max(state.considered, Math.min(since, now));
}

/** The same, on a clock that was set back: what it shows from now on is looked at again, and decided only once all the same. */
export function consideredBy(state: ScheduleState, known: Known): number {
  const considered = knownSince(state, known);
  return considered > known.now + SET_BACK_MS ? known.now : considered;
}

type Due = {
  readonly name: string;
  readonly schedule: Schedule;
  /** The newest that are not decided, oldest first: those that may fire and one more. */
  readonly fresh: readonly number[];
  readonly count: number;
  /** How many may fire late. */
  readonly limit: number;
};

async function decideThese(tx: Tx, { name, schedule, fresh, count, limit }: Due, deciding: Deciding): Promise<Tick[]> {
  const { now, rehearsal } = deciding;
  const latest = fresh.at(-1);
  if (latest === undefined) return [];
  const inTime = now - latest <= IN_TIME_MS;
  const late = count - (inTime ? 1 : 0);
  const skip = async (at: number, reason: SkipReason, detail: string, missed: number): Promise<Tick[]> => {
    const tick: Tick = { name, at, outcome: "skipped", reason, detail, missed, goalId: null, decidedAt: now };
    return (await decideTick(tx, tick, rehearsal)) ? [tick] : [];
  };

  const pausedAt = (await pausedSchedules(tx, name)).get(name);
  if (pausedAt !== undefined) return skip(latest, "paused", `paused since ${isoMinute(pausedAt)}`, 0);
  const firing = fresh.slice(fresh.length - Math.min(fresh.length, Math.max(limit, inTime ? 1 : 0)));
  if (firing.length === 0) return skip(latest, "missed", missedText(count), count);
  const work = workOf(name, schedule, deciding);
  if ("problem" in work) return skip(latest, "broken", work.problem, late);
  const held = await heldBack(tx, { name, schedule }, deciding);
  if (held) return skip(latest, held.reason, held.detail, late);

  // One goal for all of them, or one for each, and the older ones stay missed.
  const together = schedule.catch_up === "once";
  const left = together ? 0 : count - firing.length;
  const before = fresh[fresh.length - firing.length - 1];
  const ticks = left > 0 && before !== undefined ? await skip(before, "missed", missedText(left), left) : [];
  for (const at of firing) {
    const missed = together ? late : at === latest && inTime ? 0 : 1;
    const tick: Tick = { name, at, outcome: "fired", reason: null, detail: null, missed, goalId: null, decidedAt: now };
    if (!(await decideTick(tx, tick, rehearsal))) continue;
    const goalId = await acceptIn(tx, deciding.registry, work, deciding.ready);
    await linkTick(tx, { name, at, goalId }, rehearsal);
    ticks.push({ ...tick, goalId });
  }
  return ticks;
}

/** The goal that a firing starts, or why its pipeline starts none. */
export function workOf(
  name: string,
  schedule: Pick<Schedule, "pipeline" | "priority" | "batch">,
  { registry, caps, rehearsal }: Pick<Deciding, "registry" | "caps" | "rehearsal">,
): (NewWork & { readonly plan: Plan }) | { problem: string } {
  const pipeline = registry.pipelines.get(schedule.pipeline);
  if (!pipeline) return { problem: `the pipeline "${schedule.pipeline}" cannot be used: see \`validate\`` };
  const plan = planFromPipeline(schedule.pipeline, pipeline, null);
  return {
    text: plan.title,
    category: null,
    source: sourceOf(name),
    priority: schedule.priority,
    cap: caps.goal,
    rehearsal,
    batch: mayBatch(schedule.priority, schedule.batch, pipeline.batch),
    plan,
  };
}

async function heldBack(
  tx: Tx,
  { name, schedule }: { name: string; schedule: Schedule },
  { caps, rehearsal, now }: Deciding,
): Promise<{ reason: SkipReason; detail: string } | null> {
  const open = await openGoalFrom(tx, sourceOf(name), rehearsal);
  if (open) {
    const state = open.pause === null ? open.status : `${open.status}: ${open.pause.replace("_", " ")}`;
    return { reason: "overlap", detail: `its last goal ${open.id} is not over (${state})` };
  }
  const budget = await budgetProblem(tx, schedule.priority, { caps, rehearsal, now });
  return budget === null ? null : { reason: "budget", detail: budget };
}

/** Why the budget of the day or month lets nothing of this priority begin, or null. */
export async function budgetProblem(
  read: Read,
  priority: Schedule["priority"],
  { caps, rehearsal, now }: Pick<Deciding, "caps" | "rehearsal" | "now">,
): Promise<string | null> {
  const { day, month } = periods(now);
  const scopes: Scope[] = [
    { kind: "day", id: day, cap: caps.day },
    { kind: "month", id: month, cap: caps.month },
  ];
  const { level, scope } = await worstLevel(read, scopes, rehearsal);
  if (scope === null || mayWork(level, priority)) return null;
  const share = shareUsed(scope);
  return `the budget of the ${scope.kind} ${scope.id} is ${budgetLevel(share)} (${Math.floor(share * 100)} % used): ${priority} waits`;
}

function missedText(count: number): string {
  return count === 1 ? "nothing ran at its time" : `nothing ran at the times of ${count.toLocaleString("en")} of them`;
}

function isoMinute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16)}Z`;
}
