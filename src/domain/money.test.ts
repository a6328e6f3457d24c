/** Money: whole nano-dollars, rounded up and never through binary fractions, and as people read it. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { dollars, nano, usd } from "./money.ts";

test("nano-dollars survive the way to USD and back, up to a hundred thousand dollars", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 100_000_000_000_000 }), (amount) => expect(nano(usd(amount))).toBe(amount)));
  expect(nano(usd(1_234_567_890_123))).toBe(1_234_567_890_123);
});

test("decimal amounts are exact: cents and their thousandths make no crumbs", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_999 }), fc.integer({ min: 0, max: 999_999 }), (whole, part) => {
      expect(nano(Number(`${whole}.${String(part).padStart(6, "0")}`))).toBe(whole * 1_000_000_000 + part * 1_000);
    }),
  );
  expect([0.1, 0.7, 1.1, 4.35].map(nano)).toEqual([100_000_000, 700_000_000, 1_100_000_000, 4_350_000_000]);
});

test("a fraction of a nano-dollar is rounded up: a hold is never too small", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 100_000, noNaN: true }), (amount) => {
      const held = nano(amount);
      expect(Number.isSafeInteger(held)).toBe(true);
      expect(held).toBeGreaterThanOrEqual(amount * 1e9 * (1 - 1e-13));
      expect(held - amount * 1e9).toBeLessThanOrEqual(1 + amount * 1e9 * 1e-13);
    }),
  );
  expect(nano(1e-10)).toBe(1);
  expect(nano(1e-30)).toBe(1);
  expect(nano(0)).toBe(0);
});

test("what is no amount of money is refused", () => {
  for (const bad of [-1, -1e-12, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => nano(bad)).toThrow("not an amount of money");
});

test("people read cents, and four digits below a cent", () => {
  expect([0, 4_200_000, 9_999_999, 10_000_000, 1_234_000_000, 12_345_678_900_000].map(dollars)).toEqual([
    "$0.00",
    "$0.0042",
    "$0.0100",
    "$0.01",
    "$1.23",
    "$12345.68",
  ]);
});
