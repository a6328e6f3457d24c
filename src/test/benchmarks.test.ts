/** The benchmarks' page is what the kept runs draw, and a new run is compared with them as the page says. No benchmark runs here. */

import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CHARTS_FOLDER, drawCharts, drawPage, PAGE } from "../../bench/charts.ts";
import { sample, type Figure } from "../../bench/figure.ts";
import { keep, keptText, missing, readKept, regressions, RESULTS, toKept, type Kept } from "../../bench/keep.ts";
import { noiseOf, othersSince } from "../../bench/machine.ts";
import { barsSvg } from "../../bench/svg.ts";
import { tempDir } from "./cli.ts";

const figure = (change: Partial<Figure> = {}): Figure => ({
  ...{ key: "tasks", what: "tasks a second", unit: "tasks/s", better: "higher", value: sample([90, 100, 110]) },
  ...{ base: { what: "bare", value: sample([200]) }, ...change },
});
const machine = { cpu: "A processor", cores: 2, bun: "1.4.5", load: 0.5, others: 0, seconds: 3 };
const run = (...figures: Figure[]): Kept["runs"][number] => ({
  ...{ at: "2026-11-21T12:00:00.000Z", ...machine },
  figures: figures.map((entry) => toKept(entry, "ok: ratio ≥ 0.5 (promise)")),
});
const kept = (...figures: Figure[]): Kept => ({ name: "bench", exact: false, runs: [run(...figures)] });
const worse = (before: Kept, now: Figure) => regressions(before, [toKept(now, "")]).map(({ text }) => text);

test("the page and its charts are what the kept runs draw: `bun bench/charts.ts`", async () => {
  const results = await readKept();
  const page = await readFile(PAGE, "utf8");
  expect(page).toBe(drawPage(page, results));
  const charts = drawCharts(results);
  const files = (await readdir(CHARTS_FOLDER)).toSorted();
  expect(files).toEqual([...charts.keys()].map((name) => `${name}.svg`).toSorted());
  for (const [name, svg] of charts) expect(await readFile(join(CHARTS_FOLDER, `${name}.svg`), "utf8")).toBe(svg);
  // Everything kept is drawn somewhere.
  for (const name of results.keys()) expect(page).toMatch(new RegExp(`<!-- table ${name}\\b`));
});

test("a kept file is written as it is read, and newest first", async () => {
  for (const [name, result] of await readKept()) {
    expect(await readFile(join(RESULTS, `${name}.json`), "utf8")).toBe(keptText(result));
    const times = result.runs.map(({ at }) => at);
    expect(times).toEqual(times.toSorted().toReversed());
  }
});

test("five runs are kept, the newest in front; a file that is none of ours is named", async () => {
  await using dir = await tempDir();
  const folder = join(dir.path, "results");
  for (let i = 0; i < 7; i++) {
    const before = i === 0 ? null : ((await readKept(folder)).get("bench") ?? null);
    await keep("bench", false, { ...run(figure()), seconds: i }, before, folder);
  }
  expect((await readKept(folder)).get("bench")?.runs.map(({ seconds }) => seconds)).toEqual([6, 5, 4, 3, 2]);
  await Bun.write(join(folder, "other.json"), `{"name": "other"}`);
  expect(readKept(folder)).rejects.toThrow("other.json");
});

describe("what became worse", () => {
  test("is a ratio, by more than its drift, in its own direction", () => {
    // 0.5 as kept.
    const before = kept(figure());
    expect(worse(before, figure({ value: sample([81]) }))).toEqual([]);
    expect(worse(before, figure({ value: sample([79]) }))).toEqual([
      "bench tasks: 0.395 times its baseline, was 0.5; 25 % are allowed",
    ]);
    expect(worse(before, figure({ value: sample([79]), drift: 0.5 }))).toEqual([]);
    expect(worse(before, figure({ value: sample([500]) }))).toEqual([]);
    const lower = { key: "ms", unit: "ms", better: "lower" } as const;
    expect(worse(kept(figure(lower)), figure({ ...lower, value: sample([126]) }))).toHaveLength(1);
    expect(worse(kept(figure(lower)), figure({ ...lower, value: sample([124]) }))).toEqual([]);
  });

  test("is never a time of its own: the kept one may be another machine's", () => {
    const { base: _, ...alone } = figure({ key: "ms", better: "lower" });
    expect(worse(kept(alone), { ...alone, value: sample([100_000]) })).toEqual([]);
    expect(worse(kept(figure()), figure({ value: sample([1000]), base: { what: "bare", value: sample([2000]) } }))).toEqual([]);
  });

  test("may not move where no time is measured", () => {
    const { base: _, ...alone } = figure({ key: "tokens", unit: "tokens", better: "lower" });
    const exact = { ...kept(alone), exact: true };
    expect(worse(exact, { ...alone, value: sample([103]) })).toHaveLength(1);
    expect(worse(exact, { ...alone, value: sample([100]) })).toEqual([]);
  });

  test("is not what is new; what was not measured is named", () => {
    const before = kept(figure(), figure({ key: "redis" }));
    expect(worse(before, figure({ key: "new", value: sample([1]) }))).toEqual([]);
    expect(missing(before, [toKept(figure(), "")])).toEqual(["redis"]);
  });
});

test("a machine is busy by its load or by what others took of it", () => {
  expect(noiseOf({ load: 9.1, others: 0, cores: 2 })).toBe("load 9.1");
  expect(noiseOf({ load: 1.9, others: 0.05, cores: 2 })).toBeNull();
  expect(noiseOf({ load: 0.1, others: 0.4, cores: 2 })).toBe("others took 40 % of the processors");
  expect(noiseOf({ load: 0.1, others: null, cores: 2 })).toBeNull();
  const others = othersSince();
  const until = performance.now() + 50;
  while (performance.now() < until) Math.sqrt(until);
  const share = others();
  if (share !== null) expect(share).toBeWithin(0, 1.01);
});

describe("drawing", () => {
  test("replaces what stands between the markers, and nothing else", () => {
    const results = new Map([["bench", kept(figure({ note: "a|b" }))]]);
    const page = "# A\n\n<!-- table bench -->\nold\n<!-- end -->\n\nProse.\n\n<!-- table none -->\n<!-- end -->\n";
    expect(drawPage(page, results)).toBe(
      [
        "# A\n\n<!-- table bench -->\n",
        "| what | ours | beside it | ratio |",
        "|---|---|---|---|",
        "| tasks a second (a\\|b) | 100 [90–110] tasks/s, n=3 | 200: bare | 0.5 ↑ |\n",
        "*2026-11-21; 2 × A processor; Bun 1.4.5; load 0.5; 0 % taken by others.*\n",
        "<!-- end -->\n\nProse.\n\n<!-- table none -->\n\nNot kept yet.\n\n<!-- end -->\n",
      ].join("\n"),
    );
    expect(drawPage(drawPage(page, results), results)).toBe(drawPage(page, results));
    expect(() => drawPage("<!-- chart nothing -->\n<!-- end -->", results)).toThrow("nothing");
  });

  test("bars are as long as their values, also on a scale of powers of ten", () => {
    const rows = [1, 10, 100].map((value) => ({ label: `<${value}>`, bars: [{ value, text: String(value) }] }));
    const widths = (log: boolean) =>
      [
        ...barsSvg({ title: "T & t", series: [{ name: "ours", color: "red" }], rows, log }).matchAll(
          /width="(\d+)" height="12"/g,
        ),
      ].map((match) => Number(match[1]));
    const [small = 0, middle = 0, most = 0] = widths(false);
    expect([small, middle]).toEqual([Math.round(most / 100), Math.round(most / 10)]);
    const steps = widths(true);
    const [one = 0, ten = 0, hundred = 0] = steps;
    // Whole pixels.
    expect(Math.abs(hundred - ten - (ten - one))).toBeLessThanOrEqual(1);
    expect(ten - one).toBeGreaterThan(50);
    expect(barsSvg({ title: "T & t", series: [], rows, log: false })).toContain("T &amp; t");
  });
});
