/** Prometheus' text format, version 0.0.4: families with HELP and TYPE, escaped, in a fixed order. */

export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A name's rows that come from outside stay bounded: what is over it is counted together. */
const MAX_SERIES = 200;
const MAX_LABEL_CHARS = 120;

export type Sample = {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** `_sum` or `_count` of a summary. */
  readonly suffix?: "_sum" | "_count";
};
export type Family = {
  /** Without `marketeam_`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "summary";
  readonly help: string;
  readonly samples: readonly Sample[];
};

/** One text for all families; those without a sample are left out. */
export function prometheusText(families: readonly Family[]): string {
  return families
    .filter((family) => family.samples.length > 0)
    .map(({ name, type, help, samples }) =>
      [
        `# HELP marketeam_${name} ${escapeHelp(help)}`,
        `# TYPE marketeam_${name} ${type}`,
        ...samples.map(
          ({ labels, value, suffix }) => `marketeam_${name}${suffix ?? ""}${labelText(labels ?? {})} ${numberText(value)}`,
        ),
        "",
      ].join("\n"),
    )
    .join("");
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Backslash, quote and newline are escaped; half a surrogate pair is no UTF-8. */
function escapeLabel(value: string): string {
  return value.toWellFormed().replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(value: string): string {
  return value.toWellFormed().replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

export function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}

export type Counted = { readonly labels: Readonly<Record<string, string>>; readonly n: number };

/**
 * Counts whose labels may come from outside, as samples: equal labels are added up, long ones cut, the largest 200 kept
 * and the rest counted under "other". `names` are the labels that each sample gets, in their order.
 */
export function boundedSamples(rows: readonly Counted[], names: readonly string[]): Sample[] {
  const sums = new Map<string, { labels: Record<string, string>; value: number }>();
  const add = (labels: Record<string, string>, n: number) => {
    const key = JSON.stringify(Object.values(labels));
    const there = sums.get(key);
    if (there) there.value += n;
    else sums.set(key, { labels, value: n });
  };
  for (const row of rows)
    add(
      Object.fromEntries(names.map((name) => [name, (row.labels[name] ?? "").slice(0, MAX_LABEL_CHARS).toWellFormed()])),
      row.n,
    );
  const order = (a: { labels: Record<string, string> }, b: { labels: Record<string, string> }) =>
    JSON.stringify(a.labels) < JSON.stringify(b.labels) ? -1 : 1;
  const all = [...sums.values()].sort((a, b) => b.value - a.value || order(a, b));
  const kept = all.slice(0, MAX_SERIES).sort(order);
  const rest = all.slice(MAX_SERIES).reduce((sum, sample) => sum + sample.value, 0);
  return rest === 0 ? kept : [...kept, { labels: Object.fromEntries(names.map((name) => [name, "other"])), value: rest }];
}
