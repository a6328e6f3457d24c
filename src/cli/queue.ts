/** `marketeam queue`: signals in Redis that failed every time, and tasks that failed; and sending the signals again. */

import type { Application } from "../bootstrap.ts";
import { ConfigError, type RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import { count } from "../domain/quantity.ts";
import { QueueError, type DeadLetter, type QueueHealth } from "../queue/queue.ts";
import type { Read } from "../store/store.ts";
import { age, columns, indent } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print, printJson } from "./output.ts";
import { configFor, interactive, type CommonOptions } from "./session.ts";
import { openStoreThere, storeThere } from "./store-there.ts";

const NO_REDIS =
  "No Redis is set, so there are no dead letters: what is ready stands in the store, and every worker looks there every 2 s.";
const FAILED = "A task that failed is over: `resume` does not try it again, and the goal goes on without it.";
/** As many as the queue keeps. */
const MOST_DEAD = 1_000;
const MOST_FAILED = 20;

type Held = QueueHealth["held"];
type Found = { readonly path: "redis" | "embedded"; readonly held: Held; readonly dead: readonly DeadLetter[] };
type TaskRow = {
  readonly id: string;
  readonly key: string;
  readonly status: string;
  readonly reason: string | null;
  readonly endedAt: number | null;
  readonly goal: string;
  readonly title: string;
  readonly goalStatus: string;
};

export async function queue(action: string | undefined, task: string | undefined, options: CommonOptions): Promise<number> {
  if (action !== undefined && action !== "redrive")
    throw new UsageError(`queue cannot "${oneLine(action, 60)}"`, suggest(action, ["redrive"]));
  const config = configFor(options);
  try {
    return action === "redrive" ? await redrive(config, task, options) : await list(config, options);
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    if (error.code === "refused") throw new ConfigError(error.message, error.hint);
    process.stderr.write(`error: ${error.message}\n  ${error.hint}; work goes on without it, and nothing is lost\n`);
    return EXIT.failed;
  }
}

async function redrive(config: RuntimeConfig, task: string | undefined, options: CommonOptions): Promise<number> {
  const sent = await withRedis(config, async (remote) => {
    if (task === undefined) return remote.redrive();
    const ids = [...new Set((await remote.deadLetters(MOST_DEAD)).map(({ taskId }) => taskId))];
    const meant = ids.filter((id) => id.startsWith(task) || id.startsWith(`task_${task}`));
    if (meant.length === 0)
      throw new UsageError(`there is no dead letter of "${oneLine(task, 60)}"`, "see `bun run start queue`");
    if (meant.length > 1)
      throw new UsageError(`"${oneLine(task, 60)}" is the beginning of several tasks with dead letters`, "type more of it");
    return remote.redrive(meant[0]);
  });
  if (options.json) printJson({ path: sent === null ? "embedded" : "redis", redriven: sent ?? 0 });
  else if (sent === null) print(config.daemon.redisUrl === null ? NO_REDIS : "There are no dead letters.");
  else if (sent === 0) print("There are no dead letters.");
  else print(`${count(sent, "signal")} sent again: a daemon looks at the ${sent === 1 ? "task" : "tasks"} now.`);
  return EXIT.done;
}

async function list(config: RuntimeConfig, options: CommonOptions): Promise<number> {
  const found: Found = (await withRedis(config, async (remote) => ({
    path: "redis" as const,
    dead: await remote.deadLetters(MOST_DEAD),
    held: (await remote.health()).held,
  }))) ?? { path: "embedded", dead: [], held: null };
  const store = await openStoreThere(config);
  let tasks = new Map<string, TaskRow>();
  let failed: TaskRow[] = [];
  try {
    if (store !== null) {
      const ids = found.dead.map(({ taskId }) => taskId);
      tasks = new Map((await store.read((read) => tasksOf(read, ids))).map((task) => [task.id, task]));
      failed = await store.read(failedTasks);
    }
  } finally {
    await store?.close();
  }
  if (options.json) printJson(queueJson(found, tasks, failed));
  else print(queueText(found, tasks, failed, config.daemon.redisUrl !== null));
  return EXIT.done;
}

/** Asks the queue on Redis; null where the settings name none, or where no store is there whose signals it could hold. */
async function withRedis<T>(
  config: RuntimeConfig,
  ask: (remote: NonNullable<Application["remote"]>) => Promise<T>,
): Promise<T | null> {
  if (config.daemon.redisUrl === null || !storeThere(config)) return null;
  const { bootstrap } = await import("../bootstrap.ts");
  await using app = await bootstrap({ config, rehearse: null, interactive: interactive(config), shared: true });
  return app.remote === null ? null : await ask(app.remote);
}

const taskRows = (read: Read) =>
  read.db
    .selectFrom("tasks")
    .innerJoin("goals", (join) => join.onRef("goals.id", "=", "tasks.goal_id").onRef("goals.tenant", "=", "tasks.tenant"))
    .select(["tasks.id", "tasks.key", "tasks.status", "tasks.reason", "tasks.ended_at as endedAt"])
    .select(["goals.id as goal", "goals.title", "goals.status as goalStatus"])
    .where("tasks.tenant", "=", read.tenant);

async function tasksOf(read: Read, ids: readonly string[]): Promise<TaskRow[]> {
  return ids.length === 0
    ? []
    : taskRows(read)
        .where("tasks.id", "in", [...new Set(ids)])
        .execute();
}

/** The newest tasks of real work that failed. */
async function failedTasks(read: Read): Promise<TaskRow[]> {
  return taskRows(read)
    .where("tasks.status", "=", "failed")
    .where("tasks.rehearsal", "=", 0)
    .orderBy("tasks.ended_at", "desc")
    .orderBy("tasks.id")
    .limit(MOST_FAILED)
    .execute();
}

function queueJson({ path, held, dead }: Found, tasks: ReadonlyMap<string, TaskRow>, failed: readonly TaskRow[]): object {
  const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  return {
    path,
    held,
    deadLetters: dead.map(({ taskId, reason, attempts, at }) => {
      const task = tasks.get(taskId);
      const { key = null, status = null, goal = null, title = null } = task ?? {};
      return { task: taskId, key, status, goal, title, reason, attempts, at: iso(at) };
    }),
    failedTasks: failed.map(({ id, key, goal, title, goalStatus, reason, endedAt }) => ({
      ...{ task: id, key, goal, title, goalStatus, reason, at: iso(endedAt) },
    })),
  };
}

function queueText(
  { held, dead }: Found,
  tasks: ReadonlyMap<string, TaskRow>,
  failed: readonly TaskRow[],
  redis: boolean,
): string {
  const out: string[] = [];
  const old = (at: number | null) => (at === null ? "" : `${age(Date.now() - at)} ago`);
  if (!redis) out.push(NO_REDIS);
  else if (held)
    out.push(`In Redis: ${held.waiting} waiting, ${held.delayed} for later, ${held.active} being handled, ${held.dead} dead.`);
  if (redis && dead.length === 0) out.push("There are no dead letters.");
  if (dead.length > 0) {
    const rows = dead.map(({ taskId, reason, attempts, at }) => {
      const task = tasks.get(taskId);
      const what = task ? `${task.key} (${task.status})` : "unknown here";
      return [taskId, what, task?.goal ?? "", oneLine(reason, 80), `${attempts} ×`, old(at)];
    });
    out.push(indent(columns([["task", "is", "goal", "why its signal failed", "tried", ""], ...rows], [4, 5])));
    out.push(
      "The tasks stand in the store and lose nothing. Send the signals again: bun run start queue redrive (or one: queue redrive <task>)",
    );
  }
  if (failed.length === 0) return out.join("\n");
  const rows = failed.map(({ id, key, goal, goalStatus, reason, endedAt }) => [
    ...[id, key, `${goal} (${goalStatus})`, oneLine(reason ?? "", 80), old(endedAt)],
  ]);
  out.push("", `Failed tasks, the newest${failed.length === MOST_FAILED ? ` ${MOST_FAILED}` : ""}:`);
  out.push(indent(columns([["task", "is", "goal", "why", ""], ...rows], [4])));
  out.push(`${FAILED} When the cause is gone, ask for the missing piece as a goal of its own.`);
  return out.join("\n");
}
