/** Hours of the day on ordinary days and on those when the clock is changed. */

import { describe, expect, test } from "bun:test";
import { dayAt, knownZone, quietUntil, type QuietHours } from "./quiet-hours.ts";

const at = (text: string) => Date.parse(text);
const berlin: QuietHours = { from: "22:00", to: "07:00", zone: "Europe/Berlin" };
const until = (quiet: QuietHours | null, text: string) => {
  const end = quietUntil(quiet, at(text));
  return end === null ? null : new Date(end).toISOString();
};

describe("quiet hours", () => {
  test("across midnight: both sides, and the edges", () => {
    expect(until(berlin, "2026-11-20T20:59:59Z")).toBeNull();
    expect(until(berlin, "2026-11-20T21:00:00Z")).toBe("2026-11-21T06:00:00.000Z");
    expect(until(berlin, "2026-11-21T02:00:00Z")).toBe("2026-11-21T06:00:00.000Z");
    expect(until(berlin, "2026-11-21T05:59:59Z")).toBe("2026-11-21T06:00:00.000Z");
    expect(until(berlin, "2026-11-21T06:00:00Z")).toBeNull();
  });

  test("within a day, in a zone whose day is another one, and without any", () => {
    const siesta: QuietHours = { from: "13:00", to: "15:30", zone: "Asia/Kolkata" };
    expect(until(siesta, "2026-11-21T07:30:00Z")).toBe("2026-11-21T10:00:00.000Z");
    expect(until(siesta, "2026-11-21T10:00:00Z")).toBeNull();
    expect(until({ from: "22:00", to: "07:00", zone: "Pacific/Auckland" }, "2026-11-21T10:00:00Z")).toBe(
      "2026-11-21T18:00:00.000Z",
    );
    expect(until(null, "2026-11-21T02:00:00Z")).toBeNull();
  });

  test("the night when the clock is put forward is an hour shorter", () => {
    expect(until(berlin, "2026-03-28T21:00:00Z")).toBe("2026-03-29T05:00:00.000Z");
    expect(until(berlin, "2026-03-29T05:00:00Z")).toBeNull();
  });

  test("the night when it is put back is an hour longer, and an end that comes twice is the second one", () => {
    expect(until(berlin, "2026-10-24T20:00:00Z")).toBe("2026-10-25T06:00:00.000Z");
    const early: QuietHours = { ...berlin, to: "02:30" };
    expect(until(early, "2026-10-25T00:45:00Z")).toBe("2026-10-25T01:30:00.000Z");
    expect(until(early, "2026-10-25T01:30:00Z")).toBeNull();
  });

  test("an end that does not exist comes as much later as the clock was put forward", () => {
    const early: QuietHours = { ...berlin, to: "02:30" };
    expect(until(early, "2026-03-29T00:30:00Z")).toBe("2026-03-29T01:30:00.000Z");
  });
});

test("a day's time, today and tomorrow", () => {
  const { day, due, next } = dayAt("08:30", "Europe/Berlin", at("2026-03-28T23:30:00Z"));
  expect(day).toBe("2026-03-29");
  expect(new Date(due).toISOString()).toBe("2026-03-29T06:30:00.000Z");
  expect(new Date(next).toISOString()).toBe("2026-03-30T06:30:00.000Z");
});

test("zones", () => {
  expect(["Europe/Berlin", "UTC", "Mars/Base", ""].map(knownZone)).toEqual([true, true, false, false]);
});
