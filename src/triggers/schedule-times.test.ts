import { describe, expect, test } from "bun:test";
import { CronExpressionParser } from "cron-parser";
import fc from "fast-check";
import { COUNT_LIMIT, loadTimes, type Times } from "./schedule-times.ts";

const timesOf = await loadTimes();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `03:00 GMT-4` on the wall of the zone. */
function wall(at: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    ...{ timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "shortOffset" },
  } as Intl.DateTimeFormatOptions);
  return format.format(at);
}

function dayOf(at: number, timeZone: string): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" }).format(at);
}

/** Every tick of a day in its zone, as looks once a minute find them, each look with nothing but its own minute to know. */
function ticksOfDay(times: Times, zone: string, day: string): string[] {
  const begin = Date.parse(`${day}T00:00:00Z`) - 15 * HOUR;
  const found = new Set<number>();
  for (let at = begin; at < begin + 54 * HOUR; at += MINUTE) {
    const next = times.next(at);
    // A look of this minute finds what is due in it.
    if (next !== null && next <= at + MINUTE) found.add(next);
  }
  return [...found]
    .sort((a, b) => a - b)
    .filter((at) => dayOf(at, zone) === day)
    .map((at) => wall(at, zone));
}

describe("02:30 every day, on each day of 2026 and 2027 on which clocks change", () => {
  test.each([
    ["America/New_York", "2026-03-08", "03:00 GMT-4"],
    ["America/New_York", "2026-11-01", "02:30 GMT-5"],
    ["America/New_York", "2027-03-14", "03:00 GMT-4"],
    ["America/New_York", "2027-11-07", "02:30 GMT-5"],
    ["Europe/Berlin", "2026-03-29", "03:00 GMT+2"],
    ["Europe/Berlin", "2026-10-25", "02:30 GMT+2"],
    ["Europe/Berlin", "2027-03-28", "03:00 GMT+2"],
    ["Europe/Berlin", "2027-10-31", "02:30 GMT+2"],
    ["Australia/Lord_Howe", "2026-04-05", "02:30 GMT+10:30"],
    ["Australia/Lord_Howe", "2026-10-04", "02:30 GMT+11"],
    ["Australia/Lord_Howe", "2027-04-04", "02:30 GMT+10:30"],
    ["Australia/Lord_Howe", "2027-10-03", "02:30 GMT+11"],
    ["Asia/Kolkata", "2026-03-08", "02:30 GMT+5:30"],
    ["Asia/Kolkata", "2027-10-31", "02:30 GMT+5:30"],
  ])("%s %s: once, at %s", (zone, day, expected) => {
    expect(ticksOfDay(timesOf({ cron: "30 2 * * *", zone }), zone, day)).toEqual([expected]);
  });

  test.each(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"])(
    "%s: once on every day of the two years",
    (zone) => {
      const times = timesOf({ cron: "30 2 * * *", zone });
      const found: string[] = [];
      for (let at = times.next(Date.UTC(2026, 0, 1, 12)); at !== null && at < Date.UTC(2027, 11, 31, 12); at = times.next(at))
        found.push(dayOf(at, zone));
      const days = Array.from({ length: 729 }, (_, i) => new Date(Date.UTC(2026, 0, 2 + i)).toISOString().slice(0, 10));
      expect(found).toEqual(days);
    },
  );
});

describe("other times around a change", () => {
  test.each([
    // Several in the gap are one, right behind it.
    ["0,15,30 2 * * *", "America/New_York", "2026-03-08", ["03:00 GMT-4"]],
    // The first of the hour that comes twice, in the zone whose hour is half as long too.
    ["30 1 * * *", "America/New_York", "2026-11-01", ["01:30 GMT-4"]],
    ["45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["01:45 GMT+11"]],
    ["15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["02:30 GMT+11"]],
    // Midnight may be what does not exist.
    ["0 0 * * *", "America/Santiago", "2026-09-06", ["01:00 GMT-3"]],
    ["0 0 * * *", "Africa/Cairo", "2026-04-24", ["01:00 GMT+3"]],
    ["30 1-3 * * *", "Europe/Berlin", "2026-03-29", ["01:30 GMT+1", "03:00 GMT+2", "03:30 GMT+2"]],
  ])("%s in %s on %s", (cron, zone, day, expected) => {
    expect(ticksOfDay(timesOf({ cron, zone }), zone, day)).toEqual(expected);
  });

  test("every hour means elapsed time: 25 on the long day, 23 on the short one", () => {
    const times = timesOf({ cron: "30 * * * *", zone: "America/New_York" });
    expect(ticksOfDay(times, "America/New_York", "2026-11-01")).toHaveLength(25);
    expect(ticksOfDay(times, "America/New_York", "2026-03-08")).toHaveLength(23);
    const half = ticksOfDay(timesOf({ cron: "*/20 * * * *", zone: "Australia/Lord_Howe" }), "Australia/Lord_Howe", "2026-10-04");
    expect(half.slice(5, 9)).toEqual(["01:40 GMT+10:30", "02:40 GMT+11", "03:00 GMT+11", "03:20 GMT+11"]);
  });

  test("what we do not take from cron-parser: its next tick depends on where one starts", () => {
    const options = { tz: "Europe/Berlin", currentDate: new Date("2026-10-25T01:00:00Z") };
    const theirs = CronExpressionParser.parse("30 2 * * *", options).next().getTime();
    // 02:30 was half an hour ago, in summer time. A process that starts now would do it again.
    expect(wall(theirs, "Europe/Berlin")).toBe("02:30 GMT+1");
    const ours = timesOf({ cron: "30 2 * * *", zone: "Europe/Berlin" }).next(options.currentDate.getTime()) ?? 0;
    expect(dayOf(ours, "Europe/Berlin")).toBe("2026-10-26");
    // And it gives up near a half-hour change.
    const lost = { tz: "Australia/Lord_Howe", currentDate: new Date("2026-01-01T00:00:00Z") };
    expect(() => CronExpressionParser.parse("15 2 5 4 *", lost).next()).toThrow("loop limit");
    expect(timesOf({ cron: "15 2 5 4 *", zone: "Australia/Lord_Howe" }).next(lost.currentDate.getTime())).toBe(
      Date.parse("2026-04-04T15:45:00Z"),
    );
  });
});

const field = (min: number, max: number) =>
  fc.oneof(
    fc.constant("*"),
    fc.integer({ min, max }).map(String),
    fc.uniqueArray(fc.integer({ min, max }), { minLength: 2, maxLength: 4 }).map((list) => list.join(",")),
    fc.integer({ min: 2, max: 9 }).map((n) => `*/${n}`),
  );
const cron = fc
  .tuple(
    field(0, 59),
    field(0, 23),
    fc.oneof(field(1, 28), fc.constant("L")),
    field(1, 12),
    fc.oneof(field(0, 6), fc.constantFrom("MON-FRI", "1#2", "5L")),
  )
  .map((fields) => fields.join(" "));
const zone = fc.constantFrom(
  "UTC",
  "America/New_York",
  "Europe/Berlin",
  "Australia/Lord_Howe",
  "Asia/Kolkata",
  "America/Santiago",
);
const instant = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2028, 0, 1) });

describe("properties", () => {
  test("where no clock changes, ticks are those of cron-parser", () => {
    fc.assert(
      fc.property(cron, instant, (cron, at) => {
        const theirs = CronExpressionParser.parse(cron, { tz: "UTC", currentDate: new Date(at) });
        const ours = timesOf({ cron, zone: "UTC" });
        for (let i = 0, from = at; i < 5; i++) {
          const expected = theirs.next().getTime();
          expect(ours.next(from)).toBe(expected);
          from = expected;
        }
      }),
      { numRuns: 200 },
    );
  });

  test("the next tick is the same from everywhere before it", () => {
    fc.assert(
      fc.property(cron, zone, instant, fc.double({ min: 0, max: 1, noNaN: true }), (cron, zone, at, share) => {
        const times = timesOf({ cron, zone });
        const next = times.next(at);
        if (next === null) return;
        expect(next).toBeGreaterThan(at);
        expect(times.next(Math.min(next - 1, Math.floor(at + (next - at) * share)))).toBe(next);
        expect(times.between(at, next, 3)).toEqual({ newest: [next], count: 1 });
        expect(times.between(at, next - 1, 3)).toEqual({ newest: [], count: 0 });
      }),
      { numRuns: 300 },
    );
  });
});

describe("many ticks at once", () => {
  test("the newest of them, and how many", () => {
    const times = timesOf({ cron: "0 6 * * *", zone: "UTC" });
    const from = Date.UTC(2026, 10, 1, 12);
    const day = (date: number) => Date.UTC(2026, 10, date, 6);
    expect(times.between(from, day(5), 2)).toEqual({ newest: [day(4), day(5)], count: 4 });
    expect(times.between(from, day(5), 9)).toEqual({ newest: [day(2), day(3), day(4), day(5)], count: 4 });
    expect(times.between(day(5), from, 2)).toEqual({ newest: [], count: 0 });
  });

  test("ten years of minutes are not walked through", () => {
    const upTo = Date.UTC(2036, 10, 1);
    const found = timesOf({ cron: "* * * * *", zone: "Europe/Berlin" }).between(upTo - 3650 * DAY, upTo, 3);
    expect(found).toEqual({ newest: [upTo - 2 * MINUTE, upTo - MINUTE, upTo], count: COUNT_LIMIT });
  });

  test("29 February comes, 31 February does not", () => {
    expect(timesOf({ cron: "0 0 29 2 *", zone: "UTC" }).next(Date.UTC(2026, 0, 1))).toBe(Date.UTC(2028, 1, 29));
    expect(timesOf({ cron: "0 0 29 2 *", zone: "UTC" }).next(Date.UTC(2096, 2, 1))).toBe(Date.UTC(2104, 1, 29));
    expect(() => timesOf({ cron: "0 0 31 2 *", zone: "UTC" })).toThrow();
    expect(() => timesOf({ cron: "0 0 * * *", zone: "Europe/Berln" })).toThrow();
  });
});
