/** The status as text and as JSON: the level, the goals, what stands still and what makes it go on, spend against the caps. */

import type { ScopeState } from "../domain/budget.ts";
import type { Goal } from "../domain/goal.ts";
import { dollars, usd, type Nano } from "../domain/money.ts";
import type { StatusResult } from "../domain/result.ts";
import { count } from "../domain/quantity.ts";
import type { WaitingEffects } from "../store/effect-waiting.ts";
import { stoppedWords, type Stop } from "../store/effects.ts";
import type { HealthLevel } from "../health/level.ts";
import type { InBatches } from "../store/batches.ts";
import { inBatchesWords } from "./batch-text.ts";
import { age, columns, START } from "./columns.ts";
import { fits, oneLine, wrap, type Styles } from "./output.ts";
import { waitingLines } from "./waiting-text.ts";

const GOALS_SHOWN = 20;
const STILL_SHOWN = 5;
const LEVEL_WORDS = { full: "full, everything works", limited: "limited", minimal: "minimal", offline: "offline" } as const;

export type StatusGoal = {
  readonly goal: Goal;
  readonly tasks: number;
  readonly done: number;
  readonly cost: Nano;
  readonly inBatches?: InBatches | null;
};
export type StatusView = {
  readonly level: HealthLevel;
  readonly reasons: readonly string[];
  /** Newest first. */
  readonly goals: readonly StatusGoal[];
  readonly questions: number;
  /** Rehearsals among them, which wait for nobody. */
  readonly actions: WaitingEffects;
  /** The kill switch. */
  readonly stopped: Stop | null;
  /** Whether any process that could work on a goal is alive. */
  readonly atWork: boolean;
  readonly day: ScopeState;
  readonly month: ScopeState;
  readonly now: number;
};

export function statusJson(view: StatusView): StatusResult {
  return {
    level: view.level,
    goals: view.goals.map(({ goal, tasks, done, cost, inBatches: waits }) => ({
      goal: goal.id,
      title: goal.title,
      status: goal.status,
      pipeline: goal.pipeline,
      source: goal.source,
      tasks,
      tasksDone: done,
      costUsd: usd(cost),
      inBatches: waits && goal.status === "running" ? { ...waits, since: new Date(waits.since).toISOString() } : null,
    })),
  };
}

/** `width`: the terminal's columns; null: lines may be as long as they are. */
export function statusText(view: StatusView, style: Styles, width: number | null = null): string {
  const color = { full: style.green, limited: style.yellow, minimal: style.yellow, offline: style.red }[view.level];
  const out = [`Level: ${color(LEVEL_WORDS[view.level])}`, ...view.reasons.map((reason) => `  ${reason}`), ""];
  const shown = view.goals.slice(0, GOALS_SHOWN);
  if (shown.length === 0) out.push(`No goals yet. Start one: ${START}`, "");
  else {
    const head = ["goal", "title", "status", "tasks", "cost", "age"].map(style.dim);
    const rows = shown.map((entry) => goalRow(entry, view.now, style));
    const wide = columns([head, ...rows], [3, 4, 5]);
    out.push(fits(wide, width) ? wide : narrow(rows, width));
    const more = view.goals.length - shown.length;
    if (more > 0) out.push(style.dim(`and ${more} older: status --json`));
    if (shown.some((entry) => entry.goal.rehearsal)) out.push(style.dim("(in brackets: a rehearsal, nothing was spent)"));
    out.push("");
  }
  out.push(...waiting(view, width), ...inBatches(view));
  if (view.questions > 0)
    out.push(
      `${count(view.questions, "question")} ${view.questions === 1 ? "waits" : "wait"} for you: bun run start approvals`,
      "",
    );
  const real = (of: keyof WaitingEffects) => view.actions[of].filter((effect) => !effect.rehearsal).length;
  const actions = waitingLines({ answerable: real("answerable"), unknown: real("unknown") });
  if (actions.length > 0) out.push(...actions, "");
  if (view.stopped)
    out.push(
      style.red(`Stopped: ${stoppedWords(view.stopped)}.`),
      "Nothing is done outside until: bun run start effects --resume",
      "",
    );
  out.push(wrap(`Today ${spendText(view.day)}; this month ${spendText(view.month)}.`, width));
  return out.join("\n");
}

/** The same rows where they are too wide: the title on a line of its own, the rest below it (brackets tell a rehearsal). */
function narrow(rows: readonly (readonly string[])[], width: number | null): string {
  const below = columns(
    rows.map(([id = "", , status = "", tasks = "", cost = "", old = ""]) => [
      `  ${id}`,
      tasks,
      cost,
      old,
      status.replace(", rehearsal", ""),
    ]),
    [1, 2, 3],
  ).split("\n");
  return rows.map(([, title = ""], i) => `${wrap(title, width)}\n${below[i] ?? ""}`).join("\n");
}

function goalRow({ goal, tasks, done, cost }: StatusGoal, now: number, style: Styles): string[] {
  const paint = {
    completed: style.green,
    failed: style.red,
    paused: style.yellow,
    running: style.cyan,
    planned: style.dim,
    cancelled: style.dim,
  };
  const price = goal.rehearsal ? `(${dollars(cost)})` : dollars(cost);
  return [
    goal.id,
    oneLine(goal.title, 44),
    paint[goal.status](statusWord(goal)) + (goal.rehearsal ? style.dim(", rehearsal") : ""),
    tasks === 0 ? "" : `${done}/${tasks}`,
    price,
    age(now - goal.createdAt),
  ];
}

/** The status, with the reason of a pause. */
export function statusWord(goal: Pick<Goal, "status" | "pause">): string {
  if (goal.status !== "paused") return goal.status;
  const words = { question: "waits for you", budget: "budget", model_away: "model away", interrupted: "interrupted" } as const;
  return goal.pause === null ? "paused" : `paused (${words[goal.pause]})`;
}

/** Goals that stand still and what makes them go on; those with a question are told of with the questions. */
function waiting(view: StatusView, width: number | null): string[] {
  const still = view.goals.filter(
    ({ goal }) => (goal.status === "paused" && goal.pause !== "question") || (goal.status === "running" && !view.atWork),
  );
  if (still.length === 0) return [];
  const lines = still.slice(0, STILL_SHOWN).flatMap(({ goal }) => {
    const why = goal.status === "running" ? "no process works on it now" : (goal.reason ?? statusWord(goal));
    return [wrap(`  ${oneLine(`${goal.title}: ${why}`, 160)}`, width, "  "), `    bun run start resume ${goal.id}`];
  });
  const more = still.length - STILL_SHOWN;
  return ["Stands still:", ...lines, ...(more > 0 ? [`  and ${more} more`] : []), ""];
}

/** Goals that look idle and are not. */
function inBatches(view: StatusView): string[] {
  const lines = view.goals.flatMap(({ goal, inBatches: waits }) =>
    waits && goal.status === "running" ? [`  ${oneLine(`${goal.title}: ${inBatchesWords(waits)}`, 160)}`] : [],
  );
  if (lines.length === 0) return [];
  const more = lines.length - STILL_SHOWN;
  return ["Waits for batches:", ...lines.slice(0, STILL_SHOWN), ...(more > 0 ? [`  and ${more} more`] : []), ""];
}

function spendText(scope: ScopeState): string {
  const held = scope.held > 0 ? ` and ${dollars(scope.held)} held` : "";
  const allowed = scope.allowed > 0 ? ` (with ${dollars(scope.allowed)} allowed on top)` : "";
  return `${dollars(scope.spent)} spent${held} of ${dollars(scope.cap + scope.allowed)}${allowed}`;
}
