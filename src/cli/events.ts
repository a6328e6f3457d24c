/** `marketeam events`: what happened, in words; what came from outside; and which outside events start which pipeline. */

import { RegistryError } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import { formatProblem, suggest } from "../domain/problem.ts";
import type { EventsFile } from "../domain/registry.ts";
import { loadRegistry } from "../skills/registry.ts";
import { age, columns, stamp, START, START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { eventText } from "./event-text.ts";
import { note, oneLine, print, printJson, type Styles } from "./output.ts";
import { lastEvents, taskKeys } from "./queries.ts";
import { configFor, openApplication, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

type EventsOptions = CommonOptions & {
  readonly goal?: string;
  readonly limit: number;
  readonly inbox?: boolean;
  readonly mappings?: boolean;
  readonly force?: boolean;
};

const ACTIONS = ["show", "replay"] as const;

export async function events(action: string | undefined, id: string | undefined, options: EventsOptions): Promise<number> {
  if (action !== undefined) return act(action, id, options);
  if (options.force) throw new UsageError("--force belongs to `events replay <id>`", "leave it out");
  if (options.inbox && (options.mappings || options.goal !== undefined))
    throw new UsageError("--inbox excludes --mappings and --goal", "choose one of them");
  if (options.inbox) return (await import("./events-inbox.ts")).showInbox(options);
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

async function act(action: string, id: string | undefined, options: EventsOptions): Promise<number> {
  const known = ACTIONS.find((one) => one === action);
  if (!known) throw new UsageError(`events cannot "${oneLine(action, 60)}"`, suggest(action, ACTIONS));
  const stray = options.inbox ? "--inbox" : options.mappings ? "--mappings" : options.goal !== undefined ? "--goal" : null;
  if (stray !== null) throw new UsageError(`${stray} does not belong to \`events ${known}\``, "leave it out");
  if (id === undefined) throw new UsageError(`${known} which event?`, "its id, or the beginning of it: see `events --inbox`");
  const inbox = await import("./events-inbox.ts");
  if (known === "replay") return inbox.replayEvent(id, options);
  if (options.force) throw new UsageError("--force belongs to `events replay <id>`", "leave it out");
  return inbox.showEvent(id, options);
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
      mappings: Object.entries(registry.events).map(([type, { cooldown, debounce, ...entry }]) => ({
        type,
        ...entry,
        cooldownSeconds: cooldown,
        debounceSeconds: debounce,
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
    entry.when === undefined ? "always" : `${named(entry.when.field)} above ${entry.when.above}`,
    entry.key === undefined ? "" : named(entry.key),
    entry.cooldown === 0 ? "none" : age(entry.cooldown * 1000),
    entry.debounce === 0 ? "none" : age(entry.debounce * 1000),
    entry.enabled ? style.green("on") : style.dim("off"),
  ]);
  if (rows.length === 0) return "No event starts anything. Mappings stand in .agents/events.yaml.";
  return columns([["event", "pipeline", "priority", "when", "for each", "cooldown", "debounce", ""].map(style.dim), ...rows], []);
}

const named = (field: string | readonly string[]) => oneLine(typeof field === "string" ? field : field.join(" or "), 40);
