/** Figures: what a benchmark measured, beside a bare baseline of the same run, and how they are printed. */

export type Sample = { readonly n: number; readonly median: number; readonly min: number; readonly max: number };

export type Figure = {
  readonly what: string;
  readonly unit: string;
  readonly value: Sample;
  /** The same work without us, measured in the same run. */
  readonly base?: { readonly what: string; readonly value: Sample };
  /** Printed instead of value divided by base. */
  readonly ratio?: number;
  /** What it should be: `at most` a value of the unit, or a ratio. */
  readonly bar?: { readonly of: "value" | "over base" | "ratio"; readonly atMost: number; readonly from: string };
  readonly note?: string;
};

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
  if (bar.of === "value") return value.median <= bar.atMost;
  if (bar.of === "over base") return value.median - (base?.value.median ?? 0) <= bar.atMost;
  return (ratioOf(figure) ?? Number.POSITIVE_INFINITY) <= bar.atMost;
}

/** The figures of one benchmark as a table for people. */
export function table(title: string, figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, unit, value, base, bar, note } = figure;
    const ratio = ratioOf(figure);
    const verdict = verdictOf(figure);
    return [
      what,
      `${spread(value)} ${unit}`,
      `n=${value.n}`,
      base ? `${spread(base.value)} (${base.what})` : "",
      ratio === null ? "" : `× ${short(ratio)}`,
      bar ? `${verdict ? "ok" : "OVER"}: ${bar.of === "value" ? "" : `${bar.of} `}≤ ${short(bar.atMost)} (${bar.from})` : "",
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

function spread({ median, min, max }: Sample): string {
  return min === max ? short(median) : `${short(median)} [${short(min)}–${short(max)}]`;
}

function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3)));
}
