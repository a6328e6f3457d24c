/** Figures: quantiles close to the truth, in memory that does not grow, of the last minutes only. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { createFigures, createHistogram } from "./figures.ts";

const MINUTE = 60_000;

test("quantiles are off by 5 % at most", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.02, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 }), (values) => {
      const histogram = createHistogram(() => 0);
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((a, b) => a - b);
      const read = histogram.read();
      expect(read.n).toBe(values.length);
      expect(read.max).toBe(sorted.at(-1) ?? null);
      for (const [share, found] of [
        [0.5, read.p50],
        [0.99, read.p99],
      ] as const) {
        const truth = sorted[Math.ceil(values.length * share) - 1] ?? 0;
        expect(Math.abs((found ?? 0) - truth)).toBeLessThanOrEqual(truth * 0.05);
      }
    }),
  );
});

test("what is older than ten minutes is forgotten, what is younger than five is not", () => {
  let now = 0;
  const histogram = createHistogram(() => now);
  histogram.record(1_000);
  now = 5 * MINUTE;
  histogram.record(1);
  expect(histogram.read()).toMatchObject({ n: 2, max: 1_000 });
  now = 10 * MINUTE;
  expect(histogram.read()).toMatchObject({ n: 1, max: 1 });
  now = 20 * MINUTE;
  expect(histogram.read()).toEqual({ n: 0, p50: null, p99: null, max: null });
});

test("a start before the signal was given, by another machine's clock, counts as none", () => {
  const figures = createFigures(() => 0);
  figures.started(-5_000);
  expect(figures.read().startMs).toMatchObject({ n: 1, max: 0, p50: 0 });
});

test("a wait of days is kept, in the last bucket", () => {
  const histogram = createHistogram(() => 0);
  histogram.record(30 * 86_400_000);
  expect(histogram.read()).toMatchObject({ n: 1, max: 30 * 86_400_000 });
});
