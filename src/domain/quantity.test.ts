/** Numbers and lengths of time as people read them. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { count, duration } from "./quantity.ts";

test("one thing and many", () => {
  expect([count(1, "call"), count(1200, "call")]).toEqual(["1 call", "1,200 calls"]);
});

test("durations read well at every border", () => {
  expect(
    [-5, 0, 4_200, 59_949, 59_950, 60_000, 119_400, 119_999, 3_599_400, 3_599_999, 3_600_000, 7_800_000].map(duration),
  ).toEqual([
    "0.0 s",
    "0.0 s",
    "4.2 s",
    "59.9 s",
    "1 min 00 s",
    "1 min 00 s",
    "1 min 59 s",
    "2 min 00 s",
    "59 min 59 s",
    "1 h 00 min",
    "1 h 00 min",
    "2 h 10 min",
  ]);
});

test("property: no part of a duration ever reaches sixty", () => {
  fc.assert(
    fc.property(fc.nat(1_000_000_000), (ms) => {
      const [, rest = "0"] = /(?:min|h) (\d\d) (?:s|min)$/.exec(duration(ms)) ?? [];
      expect(Number(rest)).toBeLessThan(60);
      expect(duration(ms)).not.toContain("60.0");
    }),
  );
});
