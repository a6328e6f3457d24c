/** The schedules as text and as JSON: when each fires next, what became of its last tick, what a month of all costs. */

import type { Registry } from "../domain/registry.ts";
import { dollars, nano, type Nano } from "../domain/money.ts";
import { count } from "../domain/quantity.ts";
import type { Band } from "../journal/quote.ts";
import type { Tick } from "../store/schedules.ts";
import { age, columns } from "./columns.ts";
import { oneLine, type Styles } from "./output.ts";
import { cronWords } from "./schedules-words.ts";

/** Words longer than this are harder to read than the expression. */
const WORDS_MAX = 32;
export const MISSED_DAYS = 30;

export type ScheduleView = Registry["schedules"][string] & {
  readonly name: string;
  /** UTC ms; null when nobody paused it. */
  readonly pausedAt: number | null;
  /** Whether its pipeline can be used. */
  readonly usable: boolean;
  /** Whether its goals' calls wait for batches: by its own mark or its pipeline's. */
  readonly batched: boolean;
  readonly next: readonly Date[];
  readonly last: Tick | null;
  /** The status of the goal of `last`. */
  readonly goalStatus: string | null;
  /** Ticks of the last 30 days for which nothing ran. */
  readonly missed: number;
};

export type SchedulesView = {
  readonly schedules: readonly ScheduleView[];
  /** USD of a month, when all that are on fire at every tick. */
  readonly month: Band;
  readonly monthCap: Nano;
  /** The zone of this machine. */
  readonly here: string;
  readonly now: number;
};

export function stateOf(schedule: ScheduleView): "on" | "off" | "paused" | "broken" {
  if (!schedule.enabled) return "off";
  if (schedule.pausedAt !== null) return "paused";
  return schedule.usable ? "on" : "broken";
}

export function schedulesJson({ schedules, month, here }: SchedulesView) {
  const cents = (usd: number) => Math.ceil(usd * 100) / 100;
  return {
    schedules: schedules.map((schedule) => {
      const { name, cron, zone, pipeline, priority, batched, enabled, last, missed } = schedule;
      return {
        ...{ name, cron, when: cronWords(cron), zone, pipeline, priority, catchUp: schedule.catch_up, batched, enabled },
        state: stateOf(schedule),
        pausedAt: iso(schedule.pausedAt),
        next: schedule.next.map((at) => ({ at: at.toISOString(), inZone: wallClock(at, zone), local: wallClock(at, here) })),
        last: last && { ...tickJson(last), goalStatus: schedule.goalStatus },
        missed,
      };
    }),
    month: { lowUsd: cents(month.low), likelyUsd: cents(month.likely), highUsd: cents(month.high) },
  };
}

function tickJson({ at, outcome, reason, detail, missed, goalId, decidedAt }: Tick) {
  return { at: iso(at), outcome, reason, detail, missed, goal: goalId, decidedAt: iso(decidedAt) };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

export function schedulesText(view: SchedulesView, style: Styles): string {
  const { schedules, here, now } = view;
  if (schedules.length === 0)
    return 'There are no schedules. Add one: bun run start schedules add <name> --cron "0 6 * * *" --pipeline <name>';
  const elsewhere = schedules.some((schedule) => schedule.zone !== here);
  const anyMissed = schedules.some((schedule) => schedule.missed > 0);
  const paint = { on: style.green, off: style.dim, paused: style.yellow, broken: style.red };
  const head = [
    ...["schedule", "when", "zone", "pipeline", "", "", "next, in its zone"],
    ...(elsewhere ? [`next, here (${here})`] : []),
    ...(anyMissed ? ["missed"] : []),
    "last",
  ];
  const rows = schedules.map((schedule) => {
    const { name, cron, zone, pipeline, priority, batched, missed } = schedule;
    const words = cronWords(cron);
    const state = stateOf(schedule);
    const [next] = schedule.next;
    return [
      name,
      words !== null && words.length <= WORDS_MAX ? words : oneLine(cron, WORDS_MAX),
      zone,
      oneLine(pipeline, 40),
      batched ? `${priority}, batch` : priority,
      paint[state](state),
      next ? wallClock(next, zone) : "-",
      ...(elsewhere ? [next ? wallClock(next, here) : "-"] : []),
      ...(anyMissed ? [missed > 0 ? String(missed) : ""] : []),
      lastText(schedule, now, style),
    ];
  });
  const notes = [
    ...(anyMissed
      ? [`Missed: nothing ran at their time, in the last ${MISSED_DAYS} days. catch_up says what is made up for.`]
      : []),
    monthText(view),
    ...(schedules.some((schedule) => schedule.batched)
      ? ["batch: its calls wait for batches, at half the price; each is answered within a day."]
      : []),
    "Schedules fire in the daemon, while it runs. A single goal never starts one.",
  ];
  return `${columns([head.map(style.bold), ...rows], [])}\n\n${notes.map(style.dim).join("\n")}`;
}

function lastText({ last, goalStatus }: ScheduleView, now: number, style: Styles): string {
  if (last === null) return style.dim("-");
  const ago = `${age(now - last.at)} ago`;
  if (last.outcome === "skipped") return style.yellow(oneLine(`skipped ${ago}: ${last.detail ?? last.reason ?? ""}`, 120));
  const hand = last.reason === "hand" ? " by hand" : "";
  return `fired${hand} ${ago}: ${last.goalId ?? ""}${goalStatus === null ? "" : ` (${goalStatus})`}`;
}

function monthText({ schedules, month, monthCap }: SchedulesView): string {
  const on = schedules.filter((schedule) => stateOf(schedule) === "on").length;
  if (on === 0) return "None of them fires now.";
  const usd = (value: number) => dollars(nano(value));
  return `A month of the ${count(on, "schedule")} that ${on === 1 ? "is" : "are"} on: about ${usd(month.likely)} (${usd(month.low)} to ${usd(month.high)}), when every tick fires; the cap of a month is ${dollars(monthCap)}.`;
}

/** An instant as a clock on the wall of that zone shows it: `Mon 2026-11-23 06:00`. */
export function wallClock(at: Date, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const get = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? "";
  return `${get("weekday")} ${get("year")}-${get("month")}-${get("day")} ${get("hour")}:${get("minute")}`;
}
