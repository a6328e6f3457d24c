/** `schedules add`, `remove`, `pause` and `resume`: the file and the store, changed by a person. */

import { loadTeam } from "../bootstrap.ts";
import type { RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { PRIORITIES } from "../domain/goal.ts";
import { nearest, suggest } from "../domain/problem.ts";
import { slugName } from "../domain/registry.ts";
import { pausedSchedules, pauseSchedule } from "../store/schedules.ts";
import {
  addSchedule,
  readSchedules,
  removeSchedule,
  SCHEDULES_FILE,
  type NewSchedule,
  type Refusal,
} from "../triggers/schedule-file.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print, printJson } from "./output.ts";
import { cronWords } from "./schedules-words.ts";
import { loadSchedules, nextFirings, type SchedulesOptions } from "./schedules-read.ts";
import { wallClock } from "./schedules-text.ts";
import { openApplication } from "./application.ts";
import { configFor } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

export async function add(name: string, options: SchedulesOptions): Promise<number> {
  const named = slugName.safeParse(name);
  if (!named.success)
    throw new UsageError(
      `"${oneLine(name, 60)}" cannot be a schedule's name`,
      "lower-case words joined by hyphens, at most 64 characters",
    );
  if (options.cron === undefined || options.pipeline === undefined)
    throw new UsageError(
      `schedules add ${name}: ${options.cron === undefined ? "--cron" : "--pipeline"} is missing`,
      `schedules add ${name} --cron "0 6 * * 1" --zone Europe/Berlin --pipeline <name>`,
    );
  const { root } = configFor(options);
  const { registry } = await loadTeam({ root });
  const pipelines = [...registry.pipelines.keys()];
  const schedule: NewSchedule = {
    cron: options.cron.trim(),
    ...(options.zone === undefined ? {} : { zone: zoneOf(options.zone) }),
    pipeline: pipelineOf(options.pipeline, pipelines),
    ...(options.priority === undefined ? {} : { priority: priorityOf(options.priority) }),
    ...(options.catchUp === undefined ? {} : { catch_up: catchUpOf(options.catchUp) }),
  };
  const now = Date.now();
  refuse(await addSchedule({ root, pipelines }, { name, schedule, now }));
  const zone = schedule.zone ?? "UTC";
  const next = await nextFirings({ cron: schedule.cron, zone, enabled: true }, new Date(now));
  if (options.json) {
    const written = (await readSchedules(root))[name];
    printJson({ added: { name, ...written, next: next.map((at) => at.toISOString()) }, file: SCHEDULES_FILE });
    return EXIT.done;
  }
  print(`Added ${name} to ${SCHEDULES_FILE}: ${schedule.pipeline}, ${cronWords(schedule.cron) ?? schedule.cron} (${zone}).
  Next: ${next.map((at) => wallClock(at, zone)).join(", ")}
  A daemon that runs already fires it after its next start.`);
  return EXIT.done;
}

export async function remove(name: string, options: SchedulesOptions): Promise<number> {
  const { root } = configFor(options);
  const { registry } = await loadTeam({ root });
  refuse(await removeSchedule({ root, pipelines: [...registry.pipelines.keys()] }, name));
  if (options.json) printJson({ removed: name, file: SCHEDULES_FILE });
  else
    print(`Removed ${name} from ${SCHEDULES_FILE}; what it started goes on.
  A daemon that runs already forgets it with its next start; \`schedules pause ${name}\` would have stopped it at once.`);
  return EXIT.done;
}

export async function setPaused(name: string, paused: boolean, options: SchedulesOptions): Promise<number> {
  const config = configFor(options);
  const { registry, all } = await loadSchedules(config);
  const schedule = all[name];
  // One that was removed from the file may be paused still, and can go on; a mistyped name makes no workspace.
  if (!schedule && !(await isPaused(config, name))) throw unknownSchedule(name, Object.keys(all));
  await using app = await openApplication(options, { registry, problems: [] });
  const now = Date.now();
  const before = (await app.store.read((read) => pausedSchedules(read, name))).get(name) ?? null;
  if (paused !== (before !== null)) await app.store.write("schedule.pause", (tx) => pauseSchedule(tx, name, { paused, at: now }));
  const pausedAt = paused ? new Date(before ?? now).toISOString() : null;
  if (options.json) {
    printJson({ schedule: name, paused, pausedAt, changed: paused !== (before !== null) });
    return EXIT.done;
  }
  if (paused) {
    print(
      before === null
        ? `Paused ${name}: it fires nothing until \`schedules resume ${name}\`.`
        : `${name} is paused already, since ${pausedAt}.`,
    );
    return EXIT.done;
  }
  const [next] = schedule ? await nextFirings(schedule, new Date(now)) : [];
  const then = next && schedule ? ` Next: ${wallClock(next, schedule.zone)} (${schedule.zone}).` : "";
  print(
    before === null ? `${name} was not paused.${then}` : `${name} goes on; what was due meanwhile is not made up for.${then}`,
  );
  return EXIT.done;
}

async function isPaused(config: RuntimeConfig, name: string): Promise<boolean> {
  const store = await openStoreThere(config);
  if (store === null) return false;
  try {
    return (await store.read((read) => pausedSchedules(read, name))).has(name);
  } finally {
    await store.close();
  }
}

export function unknownSchedule(name: string, known: readonly string[]): UsageError {
  return new UsageError(`there is no schedule "${oneLine(name, 60)}"`, suggest(name, known));
}

function refuse(refusal: Refusal | null): void {
  if (refusal) throw new UsageError(oneLine(refusal.problem, 200), refusal.hint);
}

function pipelineOf(typed: string, pipelines: readonly string[]): string {
  const found = pipelines.find((name) => name.toLowerCase() === typed.trim().toLowerCase());
  if (found !== undefined) return found;
  const near = nearest(typed, pipelines);
  throw new UsageError(
    `unknown pipeline "${oneLine(typed, 60)}"${near === null ? "" : `: did you mean "${near}"?`}`,
    `known: ${pipelines.join(", ")}`,
  );
}

function zoneOf(typed: string): string {
  const known = ["UTC", ...Intl.supportedValuesOf("timeZone")];
  const zone = typed.trim();
  // As people write names: europe/berlin is meant as Europe/Berlin. Old names that still work stay as they are.
  const found = known.find((name) => name.toLowerCase() === zone.toLowerCase());
  if (found !== undefined) return found;
  try {
    if (/^[A-Z]/i.test(zone)) return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    // Told below, with a suggestion.
  }
  const near = nearest(zone, known);
  throw new UsageError(
    `unknown time zone "${oneLine(typed, 60)}"`,
    near === null ? 'an IANA name like "Europe/Berlin", or "UTC"' : `did you mean "${near}"?`,
  );
}

function priorityOf(typed: string): string {
  const found = PRIORITIES.find((priority) => priority === typed.trim().toUpperCase());
  if (found) return found;
  throw new UsageError(`unknown priority "${oneLine(typed, 40)}"`, `use one of ${PRIORITIES.join(", ")}`);
}

function catchUpOf(typed: string): string | number {
  if (typed === "skip" || typed === "once") return typed;
  const count = Number(typed);
  if (/^\d+$/.test(typed) && count >= 1 && count <= 31) return count;
  throw new UsageError(`--catch-up cannot be "${oneLine(typed, 40)}"`, suggest(typed, ["skip", "once", "a number from 1 to 31"]));
}
