/** `marketeam schedules`: what fires when and what became of it; and what a person does with a schedule. */

import type { RuntimeConfig } from "../config.ts";
import { mayBatch } from "../domain/goal.ts";
import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import { taskCosts } from "../journal/quote.ts";
import { getGoal } from "../store/goals.ts";
import { lastTicks, pausedSchedules, tickCounts } from "../store/schedules.ts";
import type { Read } from "../store/store.ts";
import { forecast, upcoming } from "../triggers/schedule-forecast.ts";
import { columns } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print, printJson } from "./output.ts";
import { loadSchedules, nextFirings, type SchedulesOptions } from "./schedules-read.ts";
import { MISSED_DAYS, schedulesJson, schedulesText, stateOf, wallClock, type ScheduleView } from "./schedules-text.ts";
import { configFor, stylesFor } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

export { nextFirings } from "./schedules-read.ts";
export { wallClock } from "./schedules-text.ts";

/** The options that each action reads; another one would be ignored, so it is refused. */
const OPTIONS = {
  list: ["rehearse"],
  next: ["rehearse"],
  run: ["force", "work", "rehearse", "concurrency", "events"],
  pause: [],
  resume: [],
  add: ["cron", "pipeline", "zone", "priority", "catchUp"],
  remove: [],
} as const;
type Action = keyof typeof OPTIONS;
const ACTIONS = ["next", "run", "pause", "resume", "add", "remove"] as const;

const NEXT_DEFAULT = 10;
const NEXT_MAX = 1000;
const DAY_MS = 86_400_000;

export async function schedules(
  typedAction: string | undefined,
  second: string | undefined,
  options: SchedulesOptions,
): Promise<number> {
  const action = actionOf(typedAction);
  checkOptions(action, options);
  if (action === "list") return list(options);
  if (action === "next") return next(second, options);
  if (second === undefined)
    throw new UsageError(`schedules ${action}: which schedule?`, "its name: see `bun run start schedules`");
  if (action === "run") return (await import("./schedules-run.ts")).runSchedule(second, options);
  const change = await import("./schedules-change.ts");
  if (action === "add") return change.add(second, options);
  if (action === "remove") return change.remove(second, options);
  return change.setPaused(second, action === "pause", options);
}

function actionOf(typed: string | undefined): Action {
  if (typed === undefined) return "list";
  const found = ACTIONS.find((action) => action === typed);
  if (found) return found;
  throw new UsageError(`schedules cannot "${oneLine(typed, 60)}"`, suggest(typed, ACTIONS));
}

function checkOptions(action: Action, options: SchedulesOptions): void {
  const read: readonly string[] = OPTIONS[action];
  const flag = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  for (const name of [
    "cron",
    "pipeline",
    "zone",
    "priority",
    "catchUp",
    "force",
    "work",
    "rehearse",
    "concurrency",
    "events",
  ] as const) {
    if (options[name] === undefined || read.includes(name)) continue;
    throw new UsageError(
      `${action === "list" ? "without an action, schedules" : `schedules ${action}`} has no use for ${flag(name)}`,
      read.length === 0 ? "leave it out" : `it takes ${read.map(flag).join(", ")}`,
    );
  }
}

async function list(options: SchedulesOptions): Promise<number> {
  const config = configFor(options);
  const { registry, all } = await loadSchedules(config);
  const now = Date.now();
  const seen = await fromStore(config, (read) => whatHappened(read, { now, rehearsal: options.rehearse ?? false }));
  const views = await Promise.all(
    Object.entries(all).map(async ([name, schedule]): Promise<ScheduleView> => ({
      ...schedule,
      name,
      pausedAt: seen?.paused.get(name) ?? null,
      usable: registry.pipelines.has(schedule.pipeline),
      batched: mayBatch(schedule.priority, schedule.batch, registry.pipelines.get(schedule.pipeline)?.batch),
      next: await nextFirings(schedule, new Date(now)),
      last: seen?.last.get(name)?.tick ?? null,
      goalStatus: seen?.last.get(name)?.goalStatus ?? null,
      missed: seen?.missed.get(name) ?? 0,
    })),
  );
  const on = Object.fromEntries(views.filter((view) => stateOf(view) === "on").map((view) => [view.name, view]));
  const { cost } = await forecast(on, registry, now, 30, seen?.costs ?? new Map());
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const view = { schedules: views, month: cost, monthCap: config.caps.month, here, now };
  if (options.json) printJson(schedulesJson(view));
  else print(schedulesText(view, stylesFor(config)));
  return EXIT.done;
}

async function whatHappened(read: Read, { now, rehearsal }: { now: number; rehearsal: boolean }) {
  const missed = new Map<string, number>();
  for (const { name, missed: more } of await tickCounts(read, now - MISSED_DAYS * DAY_MS, rehearsal))
    missed.set(name, (missed.get(name) ?? 0) + more);
  const last = new Map<string, Pick<ScheduleView, "goalStatus"> & { tick: ScheduleView["last"] }>();
  for (const [name, tick] of await lastTicks(read, rehearsal)) {
    const goal = tick.goalId === null ? null : await getGoal(read, tick.goalId);
    last.set(name, { tick, goalStatus: goal?.status ?? null });
  }
  return { paused: await pausedSchedules(read), missed, last, costs: await taskCosts(read) };
}

/** What a query finds, or null when the workspace has no store yet: looking makes none. */
async function fromStore<T>(config: RuntimeConfig, query: (read: Read) => Promise<T>): Promise<T | null> {
  const store = await openStoreThere(config);
  if (store === null) return null;
  try {
    return await store.read(query);
  } finally {
    await store.close();
  }
}

async function next(typed: string | undefined, options: SchedulesOptions): Promise<number> {
  const count = typed === undefined ? NEXT_DEFAULT : Number(typed);
  if (!Number.isInteger(count) || count < 1 || count > NEXT_MAX)
    throw new UsageError(
      `schedules next: "${oneLine(typed ?? "", 40)}" is not a number from 1 to ${NEXT_MAX}`,
      "how many firings to show",
    );
  const config = configFor(options);
  const { registry, all } = await loadSchedules(config);
  const paused = (await fromStore(config, (read) => pausedSchedules(read))) ?? new Map<string, number>();
  const live = Object.entries(all).filter(([name, { pipeline }]) => !paused.has(name) && registry.pipelines.has(pipeline));
  const found = await upcoming(Object.fromEntries(live), Date.now(), count);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const rows = found.flatMap(({ name, at }) => {
    const schedule = all[name];
    if (!schedule) return [];
    const { zone, pipeline, priority } = schedule;
    return [{ name, at: new Date(at), zone, pipeline, priority }];
  });
  if (options.json) {
    const shown = ({ at, zone, ...row }: (typeof rows)[number]) => ({
      ...{ at: at.toISOString(), inZone: wallClock(at, zone), local: wallClock(at, here), zone, ...row },
    });
    printJson({ next: rows.map(shown) });
    return EXIT.done;
  }
  if (rows.length === 0) {
    print("No schedule is going to fire: see `bun run start schedules`.");
    return EXIT.done;
  }
  const { bold } = stylesFor(config);
  const elsewhere = rows.some((row) => row.zone !== here);
  const head = ["in its zone", "zone", ...(elsewhere ? [`here (${here})`] : []), "schedule", "pipeline", ""].map(bold);
  const cells = ({ name, at, zone, pipeline, priority }: (typeof rows)[number]) => [
    ...[wallClock(at, zone), zone, ...(elsewhere ? [wallClock(at, here)] : []), name, oneLine(pipeline, 40), priority],
  ];
  print(columns([head, ...rows.map(cells)], []));
  return EXIT.done;
}
