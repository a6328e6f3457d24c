/** `marketeam status`: how the team feels, what it works on, what waits for a person, what was spent. */

import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { RuntimeConfig } from "../config.ts";
import { budgetLevel, periods, shareUsed, type ScopeState } from "../domain/budget.ts";
import { EXIT } from "../domain/exit.ts";
import type { Goal } from "../domain/goal.ts";
import { dollars, usd, type Nano } from "../domain/money.ts";
import type { StatusResult } from "../domain/result.ts";
import { assessHealth, type HealthFacts, type HealthLevel } from "../health/level.ts";
import { costsOfGoals, scopeState } from "../store/calls.ts";
import { listGoals } from "../store/goals.ts";
import { listQuestions } from "../store/questions.ts";
import { listProcesses } from "../store/records.ts";
import { StoreError, type Read } from "../store/store.ts";
import { age, columns, count, START_HINT } from "./columns.ts";
import { reportError } from "./errors.ts";
import { oneLine, print, printJson, type Styles } from "./output.ts";
import { taskCounts } from "./queries.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

const GOALS_READ = 1000;
const GOALS_SHOWN = 20;
const PAUSED_SHOWN = 5;
/** A process says every 5 s that it lives. */
const SILENT_MS = 20_000;

export type StatusGoal = { readonly goal: Goal; readonly tasks: number; readonly done: number; readonly cost: Nano };
export type StatusView = {
  readonly level: HealthLevel;
  readonly reasons: readonly string[];
  /** Newest first. */
  readonly goals: readonly StatusGoal[];
  readonly questions: number;
  /** Whether any process that could work on a goal was heard of lately. */
  readonly atWork: boolean;
  readonly day: ScopeState;
  readonly month: ScopeState;
  readonly now: number;
};

export async function status(options: CommonOptions): Promise<number> {
  const config = configFor(options);
  let view: StatusView;
  try {
    const store = await openStoreThere(config);
    try {
      view = store === null ? emptyView(config, Date.now()) : await store.read((read) => statusView(read, config));
    } finally {
      await store?.close();
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const { level } = assessHealth({ ...surroundings(config), storeProblem: error.message, budget: "normal", modelAway: 0 });
    if (options.json) printJson({ level, goals: [] } satisfies StatusResult);
    else print(`Level: ${level}`);
    return reportError(error);
  }
  if (options.json) printJson(statusJson(view));
  else print(statusText(view, stylesFor(config)));
  return EXIT.done;
}

async function statusView(read: Read, config: RuntimeConfig): Promise<StatusView> {
  const goals = await listGoals(read, { limit: GOALS_READ });
  const ids = goals.map((goal) => goal.id);
  const counts = await taskCounts(read, ids);
  const costs = await costsOfGoals(read, ids);
  const empty = emptyView(config, read.now);
  // The rehearsal's money is no money: only real rows count against the caps.
  const day = await scopeState(read, empty.day, false);
  const month = await scopeState(read, empty.month, false);
  const facts = { budget: budgetLevel(Math.max(shareUsed(day), shareUsed(month))), modelAway: goals.filter(isAway).length };
  return {
    ...assessHealth({ ...surroundings(config), storeProblem: null, ...facts }),
    goals: goals.map((goal) => ({
      goal,
      tasks: counts.get(goal.id)?.tasks ?? 0,
      done: counts.get(goal.id)?.done ?? 0,
      cost: costs.get(goal.id)?.spent ?? 0,
    })),
    questions: (await listQuestions(read, { status: "open" })).length,
    atWork: (await listProcesses(read)).some((process) => read.now - process.heartbeatAt < SILENT_MS),
    day,
    month,
    now: read.now,
  };
}

/** A workspace in which nothing has happened yet. */
function emptyView(config: Pick<RuntimeConfig, "caps" | "workspace">, now: number): StatusView {
  const { day, month } = periods(now);
  const fresh = { spent: 0, held: 0, allowed: 0 };
  const scopes = {
    day: { kind: "day", id: day, cap: config.caps.day, ...fresh },
    month: { kind: "month", id: month, cap: config.caps.month, ...fresh },
  } as const;
  const budget = budgetLevel(Math.max(shareUsed(scopes.day), shareUsed(scopes.month)));
  const health = assessHealth({ ...surroundings(config), storeProblem: null, budget, modelAway: 0 });
  return { ...health, goals: [], questions: 0, atWork: false, ...scopes, now };
}

const isAway = (goal: Goal) => goal.status === "paused" && goal.pause === "model_away" && !goal.rehearsal;

/** What the disk says, of the workspace or of the folder in which it would be made. */
function surroundings(config: Pick<RuntimeConfig, "workspace">): Pick<HealthFacts, "workspaceProblem" | "diskFree"> {
  let folder = config.workspace;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  let workspaceProblem: string | null = null;
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    workspaceProblem = `no write access to ${folder}`;
  }
  try {
    const disk = statfsSync(folder);
    return { workspaceProblem, diskFree: disk.bavail * disk.bsize };
  } catch {
    return { workspaceProblem, diskFree: null };
  }
}

export function statusJson(view: StatusView): StatusResult {
  return {
    level: view.level,
    goals: view.goals.map(({ goal, tasks, done, cost }) => ({
      goal: goal.id,
      title: goal.title,
      status: goal.status,
      pipeline: goal.pipeline,
      source: goal.source,
      tasks,
      tasksDone: done,
      costUsd: usd(cost),
    })),
  };
}

export function statusText(view: StatusView, style: Styles): string {
  const color = { full: style.green, limited: style.yellow, minimal: style.yellow, offline: style.red }[view.level];
  const out = [`Level: ${color(view.level)}`, ...view.reasons.map((reason) => `  ${reason}`), ""];
  const shown = view.goals.slice(0, GOALS_SHOWN);
  if (shown.length === 0) out.push(`No goals yet: ${START_HINT}`, "");
  else {
    const head = ["goal", "title", "status", "tasks", "cost", "age"].map(style.dim);
    out.push(columns([head, ...shown.map((entry) => goalRow(entry, view.now, style))], [3, 4, 5]));
    const more = view.goals.length - shown.length;
    if (more > 0) out.push(style.dim(`and ${more} older: status --json`));
    if (shown.some((entry) => entry.goal.rehearsal)) out.push(style.dim("(in brackets: a rehearsal, nothing was spent)"));
    out.push("");
  }
  out.push(...waiting(view));
  if (view.questions > 0)
    out.push(
      `${count(view.questions, "question")} ${view.questions === 1 ? "waits" : "wait"} for you: bun run start approvals`,
      "",
    );
  out.push(`Today ${spendText(view.day)}; this month ${spendText(view.month)}.`);
  return out.join("\n");
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
function waiting(view: StatusView): string[] {
  const still = view.goals.filter(
    ({ goal }) => (goal.status === "paused" && goal.pause !== "question") || (goal.status === "running" && !view.atWork),
  );
  if (still.length === 0) return [];
  const lines = still.slice(0, PAUSED_SHOWN).flatMap(({ goal }) => {
    const why = goal.status === "running" ? "no process works on it now" : (goal.reason ?? statusWord(goal));
    return [
      `  ${oneLine(`${goal.title}: ${why}`, 160)}`,
      `    bun run start resume ${goal.id}${goal.rehearsal ? " --rehearse" : ""}`,
    ];
  });
  const more = still.length - PAUSED_SHOWN;
  return ["Stands still:", ...lines, ...(more > 0 ? [`  and ${more} more`] : []), ""];
}

function spendText(scope: ScopeState): string {
  const held = scope.held > 0 ? ` and ${dollars(scope.held)} held` : "";
  const allowed = scope.allowed > 0 ? ` (with ${dollars(scope.allowed)} allowed on top)` : "";
  return `${dollars(scope.spent)} spent${held} of ${dollars(scope.cap + scope.allowed)}${allowed}`;
}
