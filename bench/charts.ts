/** `bun bench/charts.ts`: draws the tables and charts of docs/benchmarks.md from the kept runs, between the page's markers. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { short, spread } from "./figure.ts";
import { readKept, type Kept, type KeptFigure, type Run } from "./keep.ts";
import { barsSvg, type BarRow, type Series } from "./svg.ts";

export const PAGE = join(import.meta.dir, "../docs/benchmarks.md");
/** Beside the page; a chart is `<name>.svg` in it. */
export const CHARTS_FOLDER = join(import.meta.dir, "../docs/benchmarks");

type Results = ReadonlyMap<string, Kept>;

const OURS: Series = { name: "ours", color: "#2f81f7" };
const BARE: Series = { name: "bare", color: "#8b949e" };

/** Which figures a chart shows: rows of `benchmark key`, in words; both bars, our bar alone, or ratios of several keys a row. */
type ChartRow = { readonly label: string; readonly of: string | readonly string[] };
type Chart = {
  readonly title: string;
  readonly log?: boolean;
  readonly series?: readonly Series[];
  readonly rows: readonly ChartRow[] | { readonly all: string };
  readonly show: "both" | "ours" | "ratio";
};

const CHARTS: Record<string, Chart> = {
  tasks: {
    title: "Tasks a second (more is better)",
    show: "both",
    rows: [
      { label: "no call, embedded queue, 4 at a time", of: "daemon plain.4" },
      { label: "no call, embedded queue, 16 at a time", of: "daemon plain.16" },
      { label: "whole tasks | only their commits", of: "daemon whole" },
      { label: "BullMQ | bare, our transactions", of: "daemon bullmq" },
      { label: "BullMQ | bare, transactions by hand", of: "daemon bullmq.by-hand" },
    ],
  },
  recovery: {
    title: "Tasks begun a second after kill -9 (more is better)",
    show: "ours",
    rows: [100, 1_000, 10_000].map((n) => ({ label: `${n.toLocaleString("en")} tasks open`, of: `recovery begun.${n}` })),
  },
  webhooks: {
    title: "Events a second, each on the disk (more is better)",
    show: "both",
    rows: [
      { label: "ours | one commit each", of: "webhooks each" },
      { label: "ours | one commit for all that wait", of: "webhooks many" },
    ],
  },
  growth: {
    title: "Time with 100 × the history, as a multiple of 1 × (1 is flat; each power of ten as wide as the next)",
    show: "ratio",
    log: true,
    series: [
      { name: "SQLite", color: "#2f81f7" },
      { name: "PostgreSQL", color: "#8250df" },
    ],
    rows: [
      ["a task is claimed", "claim"],
      ["a call is held and settled", "call"],
      ["a goal is accepted", "accept"],
      ["an event from outside is decided", "event"],
      ["the sweep for dead processes", "sweep"],
      ["the facts of /health", "health"],
      ["a look for notices", "notices"],
      ["one goal, with all that is of it", "goal"],
      ["the day's budget document", "budget"],
      ["the day's report", "day"],
      ["the learnings for a prompt", "learnings"],
      ["the scorecard of 30 days", "scorecard"],
      ["/metrics, read anew", "metrics"],
    ].map(([label = "", key = ""]) => ({ label, of: [`growth ${key}`, `growth pg.${key}`] })),
  },
  cost: {
    title: "Dollars with caching, and without (less is better)",
    show: "both",
    series: [
      { name: "with caching", color: OURS.color },
      { name: "without", color: BARE.color },
    ],
    rows: { all: "cost" },
  },
  start: {
    title: "Whole processes, ms (less is better)",
    show: "both",
    series: [OURS, { name: "an empty Bun program", color: BARE.color }],
    rows: ["help", "version", "status", "dry-run"].map((key) => ({ label: key, of: `start ${key}` })),
  },
  memory: {
    title: "Memory of the daemon, MiB (less is better)",
    show: "both",
    rows: [
      { label: "idle | a program that serves a page", of: "memory idle" },
      { label: "after its tasks | idle", of: "memory end" },
    ],
  },
};

/** The page with everything between its markers drawn anew. Throws on a marker that asks for what is not known. */
export function drawPage(page: string, results: Results): string {
  return page.replaceAll(/(<!-- (table|chart|times|bars)([^>]*?) -->\n)[\s\S]*?(<!-- end -->)/g, (_, open, kind, rest, close) => {
    const words = String(rest).trim().split(/\s+/).filter(Boolean);
    const drawn =
      kind === "table"
        ? tableOf(words, results)
        : kind === "chart"
          ? imageOf(words, results)
          : kind === "bars"
            ? barsOf(results)
            : timesOf(results);
    return `${open}\n${drawn}\n\n${close}`;
  });
}

/** The charts for which there are figures, by name. */
export function drawCharts(results: Results): Map<string, string> {
  return new Map(
    Object.entries(CHARTS).flatMap(([name, chart]) => {
      const svg = svgOf(chart, results);
      return svg === null ? [] : [[name, svg] as const];
    }),
  );
}

const NOT_YET = "Not kept yet.";

/** `benchmark key… | detail…`: these or all of a benchmark's figures, these columns of their details; and what they were measured on. */
function tableOf([name = "", ...rest]: readonly string[], results: Results): string {
  const bar = rest.indexOf("|");
  const [keys, details] = bar < 0 ? [rest, []] : [rest.slice(0, bar), rest.slice(bar + 1)];
  const run = results.get(name)?.runs[0];
  if (!run) return NOT_YET;
  const figures = keys.length === 0 ? run.figures : keys.flatMap((key) => run.figures.find((entry) => entry.key === key) ?? []);
  if (figures.length === 0) return NOT_YET;
  const [bases, ratios, bars] = [
    figures.some((entry) => entry.base),
    figures.some((entry) => entry.ratio !== null),
    figures.some((entry) => entry.bar),
  ];
  const rows = figures.map((entry) => [
    entry.note === undefined ? entry.what : `${entry.what} (${entry.note})`,
    `${spread(entry.value)}${entry.unit === "" ? "" : ` ${entry.unit}`}${entry.value.n > 1 ? `, n=${entry.value.n}` : ""}`,
    ...(bases ? [entry.base ? `${spread(entry.base.value)}: ${entry.base.what}` : ""] : []),
    ...(ratios ? [entry.ratio === null ? "" : `${short(entry.ratio)} ${entry.better === "higher" ? "↑" : "↓"}`] : []),
    ...(bars ? [entry.bar?.text ?? ""] : []),
    ...details.map((detail) => (entry.detail?.[detail] === undefined ? "" : short(entry.detail[detail]))),
  ]);
  const head = [
    "what",
    "ours",
    ...(bases ? ["beside it"] : []),
    ...(ratios ? ["ratio"] : []),
    ...(bars ? ["bar"] : []),
    ...details,
  ];
  return `${markdown([head, ...rows])}\n\n${where(run, results.get(name)?.exact ?? false)}`;
}

/** Every figure that has a bar, whether it was met. */
function barsOf(results: Results): string {
  const rows = [...results.values()].flatMap(({ name, runs: [run] }) =>
    (run?.figures ?? []).flatMap(({ what, value, unit, ratio, bar }) =>
      bar ? [[`\`${name}\`: ${what}`, `${spread(value)} ${unit}`, ratio === null ? "" : short(ratio), bar.text]] : [],
    ),
  );
  return rows.length === 0 ? NOT_YET : markdown([["what", "ours", "ratio", "bar"], ...rows]);
}

function markdown([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

/** Of an `exact` benchmark it does not matter how busy the machine was. */
function where(run: Run, exact: boolean): string {
  const facts = [
    run.at.slice(0, 10),
    `${run.cores} × ${run.cpu}`,
    `Bun ${run.bun}`,
    ...(exact || run.load === null ? [] : [`load ${run.load}`]),
    ...(exact || run.others === null ? [] : [`${Math.round(run.others * 100)} % taken by others`]),
    ...(run.note === undefined ? [] : [run.note]),
  ];
  return `*${facts.join("; ")}.*`;
}

function imageOf([name = ""]: readonly string[], results: Results): string {
  const chart = CHARTS[name];
  if (!chart) throw new Error(`docs/benchmarks.md asks for the chart "${name}", which is not known`);
  return svgOf(chart, results) === null ? NOT_YET : `![${chart.title}](benchmarks/${name}.svg)`;
}

function svgOf(chart: Chart, results: Results): string | null {
  const find = (name: string): KeptFigure | undefined => {
    const at = name.indexOf(" ");
    return results.get(name.slice(0, at))?.runs[0]?.figures.find((entry) => entry.key === name.slice(at + 1));
  };
  const bar = (value: number | null | undefined, unit = "") =>
    value == null ? null : { value, text: `${short(value)}${unit === "" ? "" : ` ${unit}`}` };
  const wanted = "all" in chart.rows ? allRows(chart.rows.all, results) : chart.rows;
  const rows = wanted.flatMap(({ label, of }): BarRow[] => {
    const figures = (typeof of === "string" ? [of] : of).map(find);
    const [first] = figures;
    if (!first) return [];
    if (chart.show === "ratio") return [{ label, bars: figures.map((entry) => bar(entry?.ratio)) }];
    return [{ label, bars: [bar(first.value.median), ...(chart.show === "both" ? [bar(first.base?.value.median)] : [])] }];
  });
  if (rows.length === 0) return null;
  const series = chart.series ?? (chart.show === "both" ? [OURS, BARE] : [OURS]);
  return barsSvg({ title: chart.title, series, rows, ...(chart.log && { log: true }) });
}

function allRows(benchmark: string, results: Results): ChartRow[] {
  const figures = results.get(benchmark)?.runs[0]?.figures ?? [];
  return figures.map(({ key, what }) => ({ label: what, of: `${benchmark} ${key}` }));
}

function timesOf(results: Results): string {
  const rows = [...results.values()].flatMap(({ name, runs: [run] }) =>
    run?.seconds == null ? [] : [[name, run.seconds] as const],
  );
  if (rows.length === 0) return NOT_YET;
  const all = rows.reduce((sum, [, seconds]) => sum + seconds, 0);
  const list = rows.map(([name, seconds]) => `${name} ${seconds} s`).join(", ");
  return `Together ${(all / 60).toFixed(1)} minutes, as kept: ${list}.`;
}

if (import.meta.main) {
  const results = await readKept();
  await mkdir(CHARTS_FOLDER, { recursive: true });
  for (const [name, svg] of drawCharts(results)) await Bun.write(join(CHARTS_FOLDER, `${name}.svg`), svg);
  await Bun.write(PAGE, drawPage(await Bun.file(PAGE).text(), results));
}
