/** One frame of the live tree: the state as rows that fit the terminal, however small it is. */

import { dollars } from "../../domain/money.ts";
import { DIRECTOR } from "../../domain/plan.ts";
import type { TaskStatus } from "../../domain/task.ts";
import { oneLine, type Style, type Styles } from "../output.ts";
import { isActive, spending, workedMs, type ProgressState, type TaskState } from "./state.ts";
import { activity, cut, elapsed, fit, shortModel, thousands } from "./words.ts";

export type FrameOptions = {
  readonly columns: number;
  /** How many rows there may be; null for as many as it takes. */
  readonly rows: number | null;
  readonly now: number;
  readonly style: Styles;
  /** The last frame, which stays on the screen. */
  readonly ended: boolean;
};

const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const SPINNER_MS = 100;

/** Rows from top to bottom, none wider than the terminal. Pure: the same state and options give the same rows. */
export function frame(state: ProgressState, options: FrameOptions): string[] {
  // One column stays free: terminals differ in what they do behind a full row.
  const width = Math.max(1, options.columns - 1);
  const rows = state.phases.length === 0 ? [planningRow(state, options)] : treeRows(state, { ...options, columns: width });
  return rows.map((row) => cut(row, width));
}

function planningRow(state: ProgressState, options: FrameOptions): string {
  const task = state.tasks.find((entry) => entry.kind === "plan");
  const { style, now } = options;
  if (state.status === "failed") return style.red(`✖ Planning failed: ${oneLine(state.reason ?? "", 1_000)}`);
  if (options.ended || !task)
    return `${style.yellow("‖")} Planning${state.status === "running" ? "" : ` ${state.status}`}${state.reason === null ? "" : `: ${oneLine(state.reason, 1_000)}`}`;
  const trouble = task.trouble === null ? "" : `, ${activity(state, task)}`;
  const facts = [`Planning${trouble}`, shortModel(task.model), elapsed(now - state.since), style.dim("ctrl-c to stop")];
  return `${mark(state, task, options)} ${facts.filter((fact) => fact !== "").join("  ")}`;
}

function treeRows(state: ProgressState, options: FrameOptions): string[] {
  const { rows: limit, style, columns } = options;
  const table = columnsFor(state, columns);
  const row = (task: TaskState, indent = "  ") => taskRow(state, task, indent, table, options);
  const title = style.bold(oneLine(state.title, columns));
  const end = [...report(state).map((task) => row(task, "")), ...goalRows(state, style), footer(state, options)];
  const whole = [
    title,
    ...state.phases.flatMap((phase) => [heading(state, phase, style), ...inPhase(state, phase).map((task) => row(task))]),
  ];
  if (limit === null || whole.length + end.length + 1 <= limit) return [...whole, "", ...end];
  if (whole.length + end.length <= limit) return [...whole, ...end];
  // Phases where nothing happens fold to their heading.
  const open = (phase: string) => inPhase(state, phase).filter((task) => matters(state, task));
  const folded = [
    title,
    ...state.phases.flatMap((phase) => [heading(state, phase, style), ...open(phase).map((task) => row(task))]),
  ];
  if (folded.length + end.length <= limit) return [...folded, ...end];
  // What is at work, and counts of the rest.
  const work = state.tasks.filter((task) => task.kind === "work" || task.kind === "gate");
  const active = work.filter((task) => isActive(state, task));
  const counts = countsRow(state, work, style);
  const room = Math.max(1, limit - 1 - end.length);
  const shown = active.slice(0, active.length > room ? room - 1 : room).map((task) => row(task, ""));
  const more = active.length - shown.length;
  const busy = [...shown, ...(more > 0 && room > 1 ? [style.dim(`  and ${more} more at work`)] : []), counts, ...end];
  return busy.slice(-Math.max(1, limit));
}

const inPhase = (state: ProgressState, phase: string) =>
  state.tasks.filter((task) => task.phase === phase && (task.kind === "work" || task.kind === "gate"));
const report = (state: ProgressState) => state.tasks.filter((task) => task.kind === "check" || task.kind === "report");
const matters = (state: ProgressState, task: TaskState) =>
  isActive(state, task) || task.status === "failed" || task.status === "blocked";

function heading(state: ProgressState, phase: string, style: Styles): string {
  const work = inPhase(state, phase).filter((task) => task.kind === "work");
  const done = work.filter((task) => task.status === "done").length;
  return `${oneLine(phase, 80)} ${style.dim(`${done}/${work.length}`)}`;
}

function countsRow(state: ProgressState, work: readonly TaskState[], style: Styles): string {
  const count = (of: (task: TaskState) => boolean) => work.filter((task) => task.kind === "work" && of(task)).length;
  const total = count(() => true);
  const parts = [
    `${count((task) => task.status === "done")}/${total} done`,
    ...counted(
      count((task) => task.status === "failed"),
      "failed",
      style.red,
    ),
    ...counted(
      count((task) => task.status === "blocked"),
      "blocked",
      style.yellow,
    ),
    ...counted(
      count((task) => task.status === "cancelled"),
      "cancelled",
      style.dim,
    ),
    ...counted(
      count((task) => !isActive(state, task) && (task.status === "waiting" || task.status === "ready")),
      "waiting",
      style.dim,
    ),
  ];
  return parts.join(style.dim(" · "));
}

const counted = (count: number, word: string, style: Style) => (count === 0 ? [] : [style(`${count} ${word}`)]);

type Column = "model" | "version" | "score" | "tokens" | "cost" | "time";
type Table = {
  readonly label: number;
  readonly skills: boolean;
  readonly model: number;
  readonly columns: readonly Column[];
  /** What is left for words. */
  readonly rest: number;
};

// Wide enough for any figure, so that nothing moves sideways while it grows.
const WIDTHS: Record<Column, number> = { model: 10, version: 3, score: 4, tokens: 6, cost: 7, time: 7 };
const ORDER = Object.keys(WIDTHS) as Column[];
// What goes first when the terminal is narrow.
const EXPENDABLE: readonly Column[] = ["tokens", "model", "cost", "time", "version", "score"];
const MARK = 4;
const GAP = 2;
const FEWEST_WORDS = 10;

function columnsFor(state: ProgressState, width: number): Table {
  const tasks = state.tasks.filter((task) => task.kind === "work");
  const longest = (skills: boolean) => Math.max(8, ...tasks.map((task) => Bun.stringWidth(label(task, skills))));
  const skills = longest(true) <= width * 0.35;
  // Names come before figures: what is cut off a name cannot be guessed.
  const roomy = Math.min(24, width - MARK - GAP - FEWEST_WORDS);
  const name = Math.min(longest(skills), Math.max(12, Math.floor(width * 0.42), roomy));
  const model = Math.max(WIDTHS.model, ...tasks.map((task) => Math.min(16, shortModel(task.model).length)));
  const size = (column: Column) => (column === "model" ? model : WIDTHS[column]);
  let columns = ORDER;
  const rest = () => width - MARK - name - columns.reduce((sum, column) => sum + size(column) + GAP, 0) - GAP;
  for (const column of EXPENDABLE) {
    if (rest() >= FEWEST_WORDS) break;
    columns = columns.filter((entry) => entry !== column);
  }
  return { label: name, skills, model, columns, rest: Math.max(0, rest()) };
}

function label(task: TaskState, skills: boolean): string {
  return oneLine(skills && task.skill !== task.key && task.skill !== DIRECTOR ? `${task.key} (${task.skill})` : task.key);
}

function taskRow(state: ProgressState, task: TaskState, indent: string, table: Table, options: FrameOptions): string {
  const { style } = options;
  const words = oneLine(activity(state, task), 1_000);
  if (task.kind !== "work") {
    const name = task.kind === "gate" ? "gate" : task.kind === "check" ? "Check" : "Report";
    const said = words === "" ? "" : `  ${style.dim(words)}`;
    const text = task.status === "waiting" || task.status === "ready" ? style.dim(name) : name;
    return `${indent}${mark(state, task, options)} ${text}${said}`;
  }
  const waiting = !isActive(state, task) && WAITING.includes(task.status);
  const name = fit(label(task, table.skills), table.label);
  // Without the indent, the columns still stand where they stand with it.
  const start = `${indent}${mark(state, task, options)} ${waiting ? style.dim(name) : name}${" ".repeat(Math.max(0, 2 - indent.length))}`;
  // Where somebody must do something, the reason takes the place of the figures.
  if (STOPPED.includes(task.status))
    return `${start}  ${(task.status === "failed" ? style.red : task.status === "blocked" ? style.yellow : style.dim)(words)}`;
  const { tokens, cost } = spending(state, task.id);
  const spent = workedMs(task, options.now);
  const cells: Record<Column, string> = {
    model: fit(shortModel(task.model), table.model),
    version: fit(task.revision > 0 ? `v${task.revision + 1}` : "", WIDTHS.version),
    score: fit(task.score === null ? "" : task.score.toFixed(1), WIDTHS.score, "right"),
    tokens: fit(tokens === 0 ? "" : thousands(tokens), WIDTHS.tokens, "right"),
    cost: fit(cost === 0 ? "" : dollars(cost), WIDTHS.cost, "right"),
    time: fit(spent < 1_000 ? "" : elapsed(spent), WIDTHS.time, "right"),
  };
  const figures = table.columns.map((column) => (column === "score" ? cells.score : style.dim(cells[column])));
  const said = cut(words, table.rest);
  return [start, ...figures, said === "" ? "" : style.dim(said)].join("  ").trimEnd();
}

const STOPPED: readonly TaskStatus[] = ["failed", "blocked", "cancelled"];
const WAITING: readonly TaskStatus[] = ["waiting", "ready", "cancelled"];

function mark(state: ProgressState, task: TaskState, { style, now }: FrameOptions): string {
  if (isActive(state, task)) return style.cyan(SPINNER[Math.floor(now / SPINNER_MS) % SPINNER.length] ?? "");
  switch (task.status) {
    case "done":
      return style.green("✔");
    case "failed":
      return style.red("✖");
    case "blocked":
      return style.yellow("‖");
    case "cancelled":
      return style.dim("–");
    default:
      return style.dim("○");
  }
}

/** What the whole goal waits for or ended with. */
function goalRows(state: ProgressState, style: Styles): string[] {
  const reason = oneLine(state.reason ?? "", 1_000);
  if (state.status === "paused") return [`${style.yellow("‖")} paused: ${reason}`];
  if (state.status === "failed") return [`${style.red("✖")} failed: ${reason}`];
  const waiting = state.questions.length;
  if (state.status !== "running" || waiting === 0) return [];
  return [style.yellow(`‖ ${waiting === 1 ? "a question waits" : `${waiting} questions wait`} for you; the rest goes on`)];
}

function footer(state: ProgressState, { columns, now, style, ended }: FrameOptions): string {
  const { tokens, cost, unknown } = spending(state);
  const lost = unknown > 0 ? ` (and ${dollars(unknown)} held for a lost answer)` : "";
  const money = `${dollars(cost)} of ${dollars(state.cap)}`;
  const time = elapsed(now - state.since);
  const stop = ended ? [] : ["ctrl-c to stop"];
  const choices = [
    [`${thousands(tokens)} tokens`, state.rehearsal ? `${money} (rehearsal: nothing is spent)` : money + lost, time, ...stop],
    [state.rehearsal ? `${dollars(cost)} (rehearsal, not spent)` : money + lost, time, ...stop],
    [state.rehearsal ? `${dollars(cost)} rehearsed` : money, time, ...stop],
    [dollars(cost), time],
  ].map((parts) => parts.join(" · "));
  return style.dim(choices.find((text) => Bun.stringWidth(text) <= columns) ?? choices.at(-1) ?? "");
}
