/** `marketeam events`: what happened, in words; and which outside events start which pipeline. */

import { RegistryError } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import { formatProblem } from "../domain/problem.ts";
import type { EventsFile } from "../domain/registry.ts";
import { loadRegistry } from "../skills/registry.ts";
import { age, columns, stamp, START, START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { eventText } from "./event-text.ts";
import { note, oneLine, print, printJson, type Styles } from "./output.ts";
import { lastEvents, taskKeys } from "./queries.ts";
import { configFor, openApplication, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

type EventsOptions = CommonOptions & { readonly goal?: string; readonly limit: number; readonly mappings?: boolean };

export async function events(options: EventsOptions): Promise<number> {
  if (options.mappings) return showMappings(options);
  const config = configFor(options);
  if (!storeThere(config)) {
    if (options.goal !== undefined) throw new UsageError("there is no goal yet", START_HINT);
    if (options.json) printJson({ events: [] });
    else print(`Nothing has happened yet. Start a goal: ${START}`);
    return EXIT.done;
  }
  await using app = await openApplication(options);
  const goalId = options.goal === undefined ? null : await resolveId(app, "goal", options.goal);
  const { found, keys } = await app.store.read(async (read) => {
    const found = await lastEvents(read, { goalId, limit: options.limit });
    return {
      found,
      keys: await taskKeys(
        read,
        found.flatMap((event) => event.taskId ?? []),
      ),
    };
  });
  if (options.json) {
    printJson({ events: found });
    return EXIT.done;
  }
  if (found.length === 0) {
    print(`Nothing has happened yet. Start a goal: ${START}`);
    return EXIT.done;
  }
  const { dim } = stylesFor(config);
  const rows = found.map((event) => [
    stamp(event.at),
    ...(goalId === null ? [event.goalId ?? ""] : []),
    oneLine(event.taskId === null ? "" : (keys.get(event.taskId) ?? event.taskId), 40),
    `${oneLine(eventText(event), 160)}${event.rehearsal ? dim("  (rehearsal)") : ""}`,
  ]);
  const head = ["time (UTC)", ...(goalId === null ? ["goal"] : []), "task", "what"].map(dim);
  print(columns([head, ...rows], []));
  return EXIT.done;
}

/** From the team's files alone: no store is opened. */
async function showMappings(options: EventsOptions): Promise<number> {
  if (options.goal !== undefined) throw new UsageError("--mappings and --goal exclude each other", "mappings belong to no goal");
  const config = configFor(options);
  const { registry, problems } = await loadRegistry({ root: config.root });
  if (registry === null) throw new RegistryError(problems);
  for (const problem of problems)
    if (problem.file.endsWith("events.yaml")) note(`${problem.severity}: ${formatProblem(problem)}`);
  if (options.json) {
    printJson({
      mappings: Object.entries(registry.events).map(([type, { cooldown, ...entry }]) => ({
        type,
        ...entry,
        cooldownSeconds: cooldown,
      })),
    });
  } else print(mappingsText(registry.events, stylesFor(config)));
  return EXIT.done;
}

export function mappingsText(mappings: EventsFile["events"], style: Styles): string {
  const rows = Object.entries(mappings).map(([type, entry]) => [
    entry.enabled ? type : style.dim(type),
    oneLine(entry.pipeline, 40),
    entry.priority,
    entry.when === undefined ? "always" : `${oneLine(entry.when.field, 40)} above ${entry.when.above}`,
    entry.cooldown === 0 ? "none" : age(entry.cooldown * 1000),
    entry.enabled ? style.green("on") : style.dim("off"),
  ]);
  if (rows.length === 0) return "No event starts anything. Mappings stand in .agents/events.yaml.";
  return columns([["event", "pipeline", "priority", "when", "cooldown", ""].map(style.dim), ...rows], []);
}
