/** Drift against textbook values, and how often chance alone is flagged. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { randomFrom } from "../test/random.ts";
import { BEFORE, drift, driftOf, NEEDED, RECENT, welch, windows } from "./drift.ts";

describe("Welch's t", () => {
  // "Student", The Probable Error of a Mean, Biometrika 6, 1908 (R's `sleep`): t.test(extra ~ group) gives t = -1.8608, df = 17.776.
  const hyoscyamine = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
  const hyoscine = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
  // By hand: means 3 and 6, variances 2.5 and 10, so t = -3 / sqrt(0.5 + 2) and df = 2.5² / (0.5² / 4 + 2² / 4) = 100 / 17.
  const small = [1, 2, 3, 4, 5];
  const large = [2, 4, 6, 8, 10];
  // By hand, unequal sizes: means 2 and 5, variances 1 and 20 / 3, so t = -3 / sqrt(1 / 3 + 5 / 3) and df = 4 / (1 / 18 + 25 / 27) = 216 / 53.
  const three = [1, 2, 3];
  const four = [2, 4, 6, 8];

  test.each([
    ["Student's sleep data", hyoscyamine, hyoscine, -1.8608, 17.776],
    ["equal sizes, by hand", small, large, -3 / Math.sqrt(2.5), 100 / 17],
    ["unequal sizes, by hand", three, four, -3 / Math.sqrt(2), 216 / 53],
  ])("%s", (_, a, b, t, df) => {
    const found = welch(a, b);
    expect(found.t).toBeCloseTo(t, 4);
    expect(found.df).toBeCloseTo(df, 3);
    expect(welch(b, a)).toEqual({ t: -found.t, df: found.df });
  });

  test("without any spread equal samples differ by nothing and others beyond all chance", () => {
    expect(welch([8, 8], [8, 8, 8])).toEqual({ t: 0, df: 3 });
    expect(welch(Array(10).fill(7.7), Array(30).fill(7.7)).t).toBe(0);
    expect(welch([9, 9], [8, 8, 8]).t).toBe(Number.POSITIVE_INFINITY);
  });

  test("property: degrees of freedom lie between those of the smaller sample and those of both", () => {
    const sample = fc.array(fc.integer({ min: 10, max: 100 }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const { t, df } = welch(a, b);
        fc.pre(Number.isFinite(t) && t !== 0);
        expect(df).toBeGreaterThanOrEqual(Math.min(a.length, b.length) - 1 - 1e-9);
        expect(df).toBeLessThanOrEqual(a.length + b.length - 2 + 1e-9);
      }),
    );
  });
});

describe("drift", () => {
  const around = (centre: number, n: number) => Array.from({ length: n }, (_, i) => centre + (i % 2 === 0 ? 0.2 : -0.2));

  test("the last 10 stand against up to 30 before; with few works both sides get 8 first", () => {
    const sizes = (n: number) => {
      const { recent, before } = windows(Array.from({ length: n }, (_, i) => i));
      expect([...before, ...recent]).toEqual(
        Array.from({ length: recent.length + before.length }, (_, i) => n - recent.length - before.length + i),
      );
      return [before.length, recent.length];
    };
    expect([16, 17, 18, 40, 100].map(sizes)).toEqual([
      [8, 8],
      [8, 9],
      [8, 10],
      [BEFORE, RECENT],
      [BEFORE, RECENT],
    ]);
    expect([0, 9, 15].map(sizes)).toEqual([
      [0, 0],
      [0, 9],
      [5, 10],
    ]);
  });

  test("below 16 works nothing is said, however clear it looks", () => {
    expect(driftOf([])).toEqual({ state: "unknown", works: 0, needed: NEEDED });
    expect(driftOf([...around(9, 7), ...around(4, 8)])).toEqual({ state: "unknown", works: 15, needed: 16 });
    expect(driftOf([...around(9, 8), ...around(4, 8)]).state).toBe("down");
  });

  test("half a point counts, less does not; spread hides what one would see without it", () => {
    expect(driftOf([...around(7.5, 30), ...around(8, 10)])).toMatchObject({
      state: "up",
      recent: { works: 10 },
      before: { works: 30 },
    });
    expect(driftOf([...around(8, 30), ...around(7.5, 10)]).state).toBe("down");
    expect(driftOf([...around(8, 30), ...around(7.6, 10)]).state).toBe("steady");
    const wide = (centre: number, n: number) => Array.from({ length: n }, (_, i) => centre + (i % 2 === 0 ? 2 : -2));
    expect(driftOf([...wide(7, 30), ...wide(6.4, 10)]).state).toBe("steady");
    expect(driftOf([...Array(8).fill(8), ...Array(8).fill(8.5)])).toMatchObject({ state: "up", t: null, df: 14 });
  });

  test("what lies further back than 40 works does not count", () => {
    const latest = [...around(8, 30), ...around(7, 10)];
    expect(driftOf([...around(2, 50), ...latest])).toEqual(driftOf(latest));
  });

  test("property: any scores give a result that its schema takes", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 10, max: 100 }), { maxLength: 60 }), (tenths) => {
        const found = drift.parse(driftOf(tenths.map((value) => value / 10)));
        expect(found.state === "unknown").toBe(tenths.length < NEEDED);
      }),
    );
  });
});

describe("chance", () => {
  const RUNS = 2_000;
  type Draw = (random: () => number) => number;
  const tenths = (value: number) => Math.round(Math.min(10, Math.max(1, value)) * 10) / 10;
  const normal = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const DRAWS: Record<string, Draw> = {
    "narrow, as accepted works are": (random) => tenths(8.2 + 0.4 * normal(random)),
    wide: (random) => tenths(7.5 + 1.2 * normal(random)),
    "very wide": (random) => tenths(5.5 + 2.5 * normal(random)),
    "cut off below, as by a threshold": (random) => tenths(7.5 + 1.5 * random() ** 2),
    "skewed: one in eight fails": (random) => tenths((random() < 0.125 ? 4 : 8.3) + 0.5 * normal(random)),
    "even over the scale": (random) => tenths(1 + 9 * random()),
    "two values only": (random) => (random() < 0.5 ? 7 : 9),
  };
  const flagged = (draw: (random: () => number, i: number) => number, works: number) => {
    const random = randomFrom(works * 7919);
    let flags = 0;
    for (let run = 0; run < RUNS; run++) {
      const { state } = driftOf(Array.from({ length: works }, (_, i) => draw(random, i)));
      if (state !== "steady") flags += 1;
    }
    return flags / RUNS;
  };

  test.each(Object.keys(DRAWS))("property: one distribution on both sides is flagged in less than 5 %% of looks: %s", (name) => {
    const draw = DRAWS[name];
    if (!draw) throw new Error(name);
    for (const works of [16, 18, 25, 40]) expect(flagged(draw, works)).toBeLessThan(0.05);
  });

  test("a real change is found: one point at a spread of half a point, in nine looks of ten", () => {
    const falls: Parameters<typeof flagged>[0] = (random, i) => tenths((i < 30 ? 8.5 : 7.5) + 0.5 * normal(random));
    expect(flagged(falls, 40)).toBeGreaterThan(0.9);
  });
});
