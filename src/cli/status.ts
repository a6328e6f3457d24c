/** `marketeam status`: how the team feels, what it works on, what waits for a person, what was spent. */

import type { RuntimeConfig } from "../config.ts";
import { budgetLevel, periods, shareUsed } from "../domain/budget.ts";
import { EXIT } from "../domain/exit.ts";
import type { StatusResult } from "../domain/result.ts";
import { diskFacts, storeFacts } from "../health/facts.ts";
import { assessHealth, type HealthFacts } from "../health/level.ts";
import { waitingInBatches } from "../store/batches.ts";
import { costsOfGoals } from "../store/scopes.ts";
import { effectsWaiting } from "../store/effect-waiting.ts";
import { getStop } from "../store/effects.ts";
import { listGoals } from "../store/goals.ts";
import { listQuestions } from "../store/questions.ts";
import { listProcesses, type ProcessRow } from "../store/processes.ts";
import { StoreError, type Read } from "../store/store.ts";
import { reportError } from "./errors.ts";
import { print, printJson } from "./output.ts";
import { taskCounts } from "./queries.ts";
import { configFor, pageOf, stylesFor, type CommonOptions } from "./session.ts";
import { statusJson, statusText, type StatusView } from "./status-text.ts";
import { openStoreThere } from "./store-there.ts";

const GOALS_READ = 1000;
/** A process says every 5 s that it lives. */
const SILENT_MS = 20_000;

/** The store is there and healthy, and this command knows no queue: what is left is for the store and the disk to say. */
const WELL: Omit<HealthFacts, "workspaceProblem" | "diskFree"> = {
  storeProblem: null,
  queue: null,
  budget: "normal",
  capsHit: false,
  modelAway: 0,
};

export async function status(options: CommonOptions & { scorecard?: boolean }): Promise<number> {
  const config = configFor(options);
  if (options.scorecard) return (await import("./status-scorecard.ts")).showScorecard(config, options);
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
    const { level } = assessHealth({ ...WELL, ...diskFacts(config.workspace), storeProblem: error.message });
    if (options.json) printJson({ level, goals: [] } satisfies StatusResult);
    else print(`Level: ${level}`);
    return reportError(error);
  }
  if (options.json) printJson(statusJson(view));
  else print(statusText(view, stylesFor(config), pageOf().columns));
  return EXIT.done;
}

async function statusView(read: Read, config: RuntimeConfig): Promise<StatusView> {
  const goals = await listGoals(read, { limit: GOALS_READ });
  const ids = goals.map((goal) => goal.id);
  const counts = await taskCounts(read, ids);
  const costs = await costsOfGoals(read, ids);
  const running = goals.filter((goal) => goal.status === "running").map((goal) => goal.id);
  const inBatches = await waitingInBatches(read, running);
  const { day, month, ...facts } = await storeFacts(read, config.caps);
  return {
    ...assessHealth({ ...WELL, ...diskFacts(config.workspace), ...facts }),
    goals: goals.map((goal) => ({
      goal,
      tasks: counts.get(goal.id)?.tasks ?? 0,
      done: counts.get(goal.id)?.done ?? 0,
      cost: costs.get(goal.id)?.spent ?? 0,
      inBatches: inBatches.get(goal.id) ?? null,
    })),
    questions: (await listQuestions(read, { status: "open" })).length,
    actions: await effectsWaiting(read),
    stopped: await getStop(read),
    atWork: (await listProcesses(read)).some((row) => isAlive(row, config.host, read.now)),
    day,
    month,
    now: read.now,
  };
}

/** Of this machine the system knows it at once; of another only its heartbeat tells. */
function isAlive(row: ProcessRow, host: string, now: number): boolean {
  if (row.host !== host) return now - row.heartbeatAt < SILENT_MS;
  try {
    process.kill(row.pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, under another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
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
  const health = assessHealth({ ...WELL, ...diskFacts(config.workspace), budget });
  return {
    ...health,
    goals: [],
    questions: 0,
    actions: { answerable: [], unknown: [] },
    stopped: null,
    atWork: false,
    ...scopes,
    now,
  };
}
