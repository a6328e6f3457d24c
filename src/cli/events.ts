/** `marketeam events`: what happened, in words; what came from outside; and which outside events start which pipeline. */

import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import type { Store } from "../store/store.ts";
import { columns, stamp, START, START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { eventText } from "./event-text.ts";
import { oneLine, print, printJson, type Styles } from "./output.ts";
import { lastEvents, taskKeys } from "./queries.ts";
import { configFor, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

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
  if (options.mappings) {
    if (options.goal !== undefined)
      throw new UsageError("--mappings and --goal exclude each other", "mappings belong to no goal");
    return (await import("./events-mappings.ts")).showMappings(options);
  }
  const config = configFor(options);
  const store = await openStoreThere(config);
  if (store === null) {
    if (options.goal !== undefined) throw new UsageError("there is no goal yet", START_HINT);
    if (options.json) printJson({ events: [] });
    else print(`Nothing has happened yet. Start a goal: ${START}`);
    return EXIT.done;
  }
  try {
    return await list(store, options, stylesFor(config));
  } finally {
    await store.close();
  }
}

async function list(store: Store, options: EventsOptions, { dim }: Styles): Promise<number> {
  const goalId = options.goal === undefined ? null : await resolveId(store, "goal", options.goal);
  const { found, keys } = await store.read(async (read) => {
    const found = await lastEvents(read, { goalId, limit: options.limit });
    const keys = await taskKeys(
      read,
      found.flatMap((event) => event.taskId ?? []),
    );
    return { found, keys };
  });
  if (options.json) {
    printJson({ events: found });
    return EXIT.done;
  }
  if (found.length === 0) {
    print(`Nothing has happened yet. Start a goal: ${START}`);
    return EXIT.done;
  }
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
  if (id === undefined)
    throw new UsageError(`${known} which event?`, "its id, or the beginning of it: see `bun run start events --inbox`");
  const inbox = await import("./events-inbox.ts");
  if (known === "replay") return inbox.replayEvent(id, options);
  if (options.force) throw new UsageError("--force belongs to `events replay <id>`", "leave it out");
  return inbox.showEvent(id, options);
}
