/**
 * When a schedule fires: the ticks of a cron expression in a zone, as a function of the two alone. cron-parser reads the
 * expression and says which days it means; the zone's clock is ours: the package's next tick depends on where one starts to
 * look from, so that a restart in the hour that comes twice would fire again, and it loses ticks in half-hour changes.
 */

import type { CronExpression } from "cron-parser";
import { zoneOf } from "./schedule-zone.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Longer than from one 29 February to the next one, across a century without one. */
const FAR = 12 * 366 * DAY;
/** Missed ticks beyond it are told as "at least". */
export const COUNT_LIMIT = 10_000;

export type Times = {
  /** The first tick after an instant (UTC ms), or null when there is none in the next twelve years. */
  next(after: number): number | null;
  /** Of the ticks with after < tick ≤ upTo: the newest `keep`, oldest first, and how many there are (at most COUNT_LIMIT). */
  between(after: number, upTo: number, keep: number): { newest: number[]; count: number };
};

export type Cron = Readonly<{ cron: string; zone: string }>;

/** Loads the parser. What it returns throws for an expression or zone that is none. */
export async function loadTimes(): Promise<(schedule: Cron) => Times> {
  const { CronExpressionParser } = await import("cron-parser");
  return ({ cron, zone }) => timesOf(CronExpressionParser.parse(cron, { tz: "UTC", currentDate: new Date(0) }), zone);
}

/**
 * On the day that a time does not exist it fires once, right behind the gap; on the day that it comes twice, at the first.
 * An expression for every hour means elapsed time: it goes on through both hours, and nothing is made up for a gap.
 */
function timesOf(expression: CronExpression, zoneName: string): Times {
  const zone = zoneOf(zoneName);
  const nextWall = wallTimes(expression);
  const everyHour = expression.fields.hour.values.length === 24;

  function nextFixed(after: number): number | null {
    let wall = nextWall(after + zone.offsetAt(after));
    // In the second pass of an hour, what it holds was at the first.
    while (wall !== null && zone.instantOf(wall) <= after) wall = nextWall(wall);
    return wall === null ? null : zone.instantOf(wall);
  }

  function nextElapsed(after: number): number | null {
    let [start, offset] = [after, zone.offsetAt(after)];
    let from = start + offset;
    for (;;) {
      const wall = nextWall(from);
      if (wall === null) return null;
      const at = wall - offset;
      if (zone.offsetAt(at) === offset) return at;
      // The clock changes on the way: go on from there, on the new clock.
      start = zone.changeBetween(start, at);
      offset = zone.offsetAt(start);
      from = start + offset - 1;
    }
  }

  const next = everyHour ? nextElapsed : nextFixed;

  function list(after: number, upTo: number, limit: number): number[] {
    const found: number[] = [];
    for (let at = next(after); at !== null && at <= upTo && found.length < limit; at = next(at)) found.push(at);
    return found;
  }

  return {
    next,
    between(after, upTo, keep) {
      const all = list(after, upTo, COUNT_LIMIT);
      if (all.length < COUNT_LIMIT) return { newest: all.slice(all.length - Math.min(keep, all.length)), count: all.length };
      // Too many to walk through all: the newest stand in a window at the end.
      let newest: number[] = [];
      for (let window = HOUR; newest.length < keep && upTo - window > after; window *= 4)
        newest = list(upTo - window, upTo, Number.POSITIVE_INFINITY);
      return { newest: newest.slice(newest.length - Math.min(keep, newest.length)), count: COUNT_LIMIT };
    },
  };
}

/** The next time on a wall (as UTC ms) after another that the expression means, on a clock that never jumps. */
function wallTimes(expression: CronExpression): (after: number) => number | null {
  const { hour, minute, month } = expression.fields;
  const hours: readonly number[] = hour.values;
  const minutes: readonly number[] = minute.values;
  const months = new Set<number>(month.values);
  const firstTime = (hours[0] ?? 0) * HOUR + (minutes[0] ?? 0) * MINUTE;
  let asked = { day: Number.NaN, is: false };

  /** Days of the month and of the week, with what the package knows of them: last, nth, names. */
  function meant(day: number): boolean {
    if (asked.day !== day) asked = { day, is: expression.includesDate(new Date(day * DAY + firstTime)) };
    return asked.is;
  }

  return (after) => {
    const begin = (Math.floor(after / MINUTE) + 1) * MINUTE;
    let day = Math.floor(begin / DAY);
    const end = day + FAR / DAY;
    // Only the first day has times that are over.
    for (let rest = begin - day * DAY; day < end; rest = 0) {
      const date = new Date(day * DAY);
      if (!months.has(date.getUTCMonth() + 1)) {
        day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / DAY;
        continue;
      }
      const time = meant(day) ? timeFrom(rest, hours, minutes) : null;
      if (time !== null) return day * DAY + time;
      day++;
    }
    return null;
  };
}

/** The first time of a day at or after `rest` (ms of the day), or null when they are all over. */
function timeFrom(rest: number, hours: readonly number[], minutes: readonly number[]): number | null {
  for (const hour of hours) {
    if ((hour + 1) * HOUR <= rest) continue;
    for (const minute of minutes) {
      const time = hour * HOUR + minute * MINUTE;
      if (time >= rest) return time;
    }
  }
  return null;
}
