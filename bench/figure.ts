/** Figures: what a benchmark measured, beside a bare baseline of the same run, and how they are printed. */

export type Sample = { readonly n: number; readonly median: number; readonly min: number; readonly max: number };

export type Figure = {
  /** Names it within its benchmark, for good: what is kept and drawn is found by it. */
  readonly key: string;
  readonly what: string;
  readonly unit: string;
  readonly value: Sample;
  /** The same work without us, measured in the same run. */
  readonly base?: { readonly what: string; readonly value: Sample };
  /** Instead of value divided by base. */
  readonly ratio?: number;
  /** Lower when nothing is said. */
  readonly better?: "lower" | "higher";
  /** How much worse than the kept run its ratio may be, as a share; DRIFT when nothing is said. */
  readonly drift?: number;
  /** What it should be: at most or at least a value of the unit, a difference, or a ratio. */
  readonly bar?: { readonly of: "value" | "over base" | "ratio"; readonly from: string } & (
    { readonly atMost: number } | { readonly atLeast: number }
  );
  readonly note?: string;
  /** What it is made of, by name: kept and drawn beside it, not compared. */
  readonly detail?: Readonly<Record<string, number>>;
};

/** What a ratio of medians moves between two runs of a quiet machine at most; of what is measured once; of the slowest of a hundred. */
export const DRIFT = 0.25;
export const ONCE = 0.5;
export const TAIL = 1.5;

/** Median, least and most. Throws without values: a figure of nothing is a fault of the benchmark. */
export function sample(values: readonly number[]): Sample {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max, middle] = [sorted[0], sorted.at(-1), sorted.length >> 1];
  const upper = sorted[middle];
  if (min === undefined || max === undefined || upper === undefined) throw new Error("no values");
  const median = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
  return { n: sorted.length, median, min, max };
}

export function ratioOf({ value, base, ratio }: Figure): number | null {
  return ratio ?? (base && base.value.median > 0 ? value.median / base.value.median : null);
}

/** Whether the figure keeps to its bar; null when it has none. */
export function verdictOf(figure: Figure): boolean | null {
  const { bar, value, base } = figure;
  if (!bar) return null;
  const measured = { value: value.median, "over base": value.median - (base?.value.median ?? 0), ratio: ratioOf(figure) }[bar.of];
  if (measured === null) return false;
  return "atMost" in bar ? measured <= bar.atMost : measured >= bar.atLeast;
}

/** A bar in words: `ok: ratio ≤ 1.05 (promise)`. */
export function barText(figure: Figure): string {
  const { bar } = figure;
  if (!bar) return "";
  const limit = "atMost" in bar ? `≤ ${short(bar.atMost)}` : `≥ ${short(bar.atLeast)}`;
  const missed = "atMost" in bar ? "OVER" : "UNDER";
  return `${verdictOf(figure) ? "ok" : missed}: ${bar.of === "value" ? "" : `${bar.of} `}${limit} (${bar.from})`;
}

/** The figures of one benchmark as a table for people. */
export function table(title: string, figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, unit, value, base, note } = figure;
    const ratio = ratioOf(figure);
    return [
      what,
      `${spread(value)} ${unit}`,
      `n=${value.n}`,
      base ? `${spread(base.value)} (${base.what})` : "",
      ratio === null ? "" : `× ${short(ratio)}`,
      barText(figure),
      note ?? "",
    ];
  });
  const head = ["figure", "median [min–max]", "", "baseline", "ratio", "bar", ""];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [`## ${title}`, "", line(head), ...rows.map(line), ""].join("\n");
}

export function spread({ median, min, max }: Sample): string {
  return min === max ? short(median) : `${short(median)} [${short(min)}–${short(max)}]`;
}

export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3)));
}
