/** What was measured, kept: a file for each benchmark in bench/results/, and how a new run compares with the newest one in it. */

import { readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DRIFT, ratioOf, short, verdictOf, type Figure } from "./figure.ts";

export const RESULTS = join(import.meta.dir, "results");
/** Runs of a benchmark that are kept. */
const RUNS = 5;
/** What is not measured in time is the same each time: more than a word of a prompt has changed. */
const EXACT = 0.02;

const sample = z.strictObject({ n: z.number(), median: z.number(), min: z.number(), max: z.number() });
const figure = z.strictObject({
  key: z.string(),
  what: z.string(),
  unit: z.string(),
  better: z.enum(["lower", "higher"]),
  value: sample,
  base: z.strictObject({ what: z.string(), value: sample }).optional(),
  ratio: z.number().nullable(),
  drift: z.number(),
  /** The bar in words, and whether it was met. */
  bar: z.strictObject({ text: z.string(), met: z.boolean() }).optional(),
  note: z.string().optional(),
  detail: z.record(z.string(), z.number()).optional(),
});
const run = z.strictObject({
  at: z.string(),
  cpu: z.string(),
  cores: z.number(),
  bun: z.string(),
  /** Load average before the first benchmark of the run began; null when nobody looked. */
  load: z.number().nullable(),
  /** Share of the processors that others took meanwhile; null when nobody looked. */
  others: z.number().nullable(),
  /** How long the benchmark took; null when nobody looked. */
  seconds: z.number().nullable(),
  note: z.string().optional(),
  figures: z.array(figure),
});
/** Newest first. */
const kept = z.strictObject({ name: z.string(), exact: z.boolean(), runs: z.array(run).min(1) });

export type KeptFigure = z.infer<typeof figure>;
export type Run = z.infer<typeof run>;
export type Kept = z.infer<typeof kept>;

/** The form in which a figure is kept and compared. `bar`: see barText. */
export function toKept(of: Figure, bar: string): KeptFigure {
  const { key, what, unit, value, base, note, detail } = of;
  const ratio = ratioOf(of);
  const met = verdictOf(of);
  return {
    key,
    what,
    unit,
    better: of.better ?? "lower",
    value: rounded(value),
    ...(base && { base: { what: base.what, value: rounded(base.value) } }),
    ratio: ratio === null ? null : round(ratio),
    drift: of.drift ?? DRIFT,
    ...(met !== null && { bar: { text: bar, met } }),
    ...(note !== undefined && note !== "" && { note }),
    ...(detail && { detail: Object.fromEntries(Object.entries(detail).map(([name, n]) => [name, round(n)])) }),
  };
}

const round = (value: number) => Number(value.toPrecision(5));
const rounded = (of: Figure["value"]) => ({ n: of.n, median: round(of.median), min: round(of.min), max: round(of.max) });

/** All that is kept, by name. Throws on a file that is not one of ours. */
export async function readKept(folder: string = RESULTS): Promise<Map<string, Kept>> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort();
  const read = files.map(async (name) => {
    const found = kept.safeParse(await Bun.file(join(folder, name)).json());
    if (!found.success) throw new Error(`bench/results/${name}: ${z.prettifyError(found.error)}`);
    return [found.data.name, found.data] as const;
  });
  return new Map(await Promise.all(read));
}

/** Puts the run before the others. */
export async function keep(
  name: string,
  exact: boolean,
  latest: Run,
  before: Kept | null,
  folder: string = RESULTS,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const runs = [latest, ...(before?.runs ?? [])].slice(0, RUNS);
  await Bun.write(join(folder, `${name}.json`), keptText({ name, exact, runs }));
}

/** JSON with a sample in one line, as the formatter leaves it. */
export function keptText(of: Kept): string {
  const text = JSON.stringify(kept.parse(of), null, 2);
  return `${text.replaceAll(/\{\s+("n": [^}]*?)\s+\}/g, (_, inner: string) => `{ ${inner.replaceAll(/\s+/g, " ")} }`)}\n`;
}

export type Regression = { readonly key: string; readonly text: string };

/**
 * What became worse than in the kept run by more than its drift. Ratios to the baseline of the same run are compared, never
 * times: they may be another machine's. Of an `exact` benchmark, which measures no time, figures without a baseline too.
 */
export function regressions(before: Kept, now: readonly KeptFigure[]): Regression[] {
  const old = new Map(before.runs[0]?.figures.map((entry) => [entry.key, entry]));
  return now.flatMap((entry) => {
    const was = old.get(entry.key);
    if (!was) return [];
    const pick = (of: KeptFigure) => of.ratio ?? (before.exact ? of.value.median : null);
    const [from, to] = [pick(was), pick(entry)];
    const drift = before.exact ? EXACT : entry.drift;
    if (from === null || to === null || from <= 0) return [];
    const worse = entry.better === "higher" ? to < from / (1 + drift) : to > from * (1 + drift);
    const kind = entry.ratio === null ? entry.unit : "times its baseline";
    return worse
      ? [
          {
            key: entry.key,
            text: `${before.name} ${entry.key}: ${short(to)} ${kind}, was ${short(from)}; ${Math.round(drift * 100)} % are allowed`,
          },
        ]
      : [];
  });
}

/** Figures of the kept run that this one did not measure, as without a redis-server. */
export function missing(before: Kept, now: readonly KeptFigure[]): string[] {
  const keys = new Set(now.map((entry) => entry.key));
  return (before.runs[0]?.figures ?? []).map((entry) => entry.key).filter((key) => !keys.has(key));
}
