/** `marketeam events --inbox`, `events show`, `events replay`: what came from outside, and what was decided about it. */

import { EXIT } from "../domain/exit.ts";
import { idPrefix } from "../domain/id.ts";
import type { InboxEvent } from "../domain/inbox.ts";
import { idsLike } from "../store/ids.ts";
import { getInboxEvent, listInbox } from "../store/inbox.ts";
import type { Store } from "../store/store.ts";
import { columns, stamp } from "./columns.ts";
import { printable, UsageError } from "./errors.ts";
import { oneLine, print, printJson, type Styles } from "./output.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

export type InboxOptions = CommonOptions & { readonly limit: number; readonly force?: boolean };

const NOTHING = "Nothing has come from outside yet. A daemon takes events in at POST /webhook.";

export async function showInbox(options: InboxOptions): Promise<number> {
  const config = configFor(options);
  const store = await openStoreThere(config);
  const found = store ? await store.read((read) => listInbox(read, { limit: options.limit })).finally(() => store.close()) : [];
  // Oldest first, as everywhere: what is new stands where the eye is.
  const events = found.toReversed();
  if (options.json) printJson({ inbox: events.map(inboxJson) });
  else print(events.length === 0 ? NOTHING : inboxText(events, stylesFor(config)));
  return EXIT.done;
}

export async function showEvent(typed: string, options: InboxOptions): Promise<number> {
  const config = configFor(options);
  const store = await openStoreThere(config);
  if (!store) throw new UsageError(`there is no event "${typed}"`, NOTHING);
  const event = await find(store, typed).finally(() => store.close());
  if (options.json) printJson({ ...inboxJson(event), happenedAt: event.happenedAt, data: JSON.parse(event.data) as unknown });
  else print(eventText(event));
  return EXIT.done;
}

/** Takes an event in once more, by the mappings of now. Its goal is saved; a daemon works on it, or `resume`. */
export async function replayEvent(typed: string, options: InboxOptions): Promise<number> {
  const [{ openApplication }, { createBus }] = await Promise.all([
    import("./application.ts"),
    import("../triggers/event-bus.ts"),
  ]);
  await using app = await openApplication(options);
  const { id } = await find(app.store, typed);
  const bus = createBus({ team: app.team, rehearsal: false });
  const event = await bus.replay(id, { force: options.force ?? false });
  if (event === null) throw new UsageError(`there is no event "${typed}"`, "see `bun run start events --inbox`");
  if (options.json) printJson(inboxJson(event));
  else {
    const next = event.goalId === null ? "" : `\nA daemon works on it; or now: bun run start resume ${event.goalId}`;
    const force = event.reason.startsWith("cooldown") ? "\nTo start it all the same: --force" : "";
    print(`${event.id} repeats ${id}: ${decisionText(event)}${next}${force}`);
  }
  return event.decision === "started" ? EXIT.done : EXIT.failed;
}

async function find(store: Store, typed: string): Promise<InboxEvent> {
  const prefix = idPrefix("event", typed);
  if (prefix === null) throw new UsageError(`"${typed}" is not the id of an event`, "see `bun run start events --inbox`");
  const ids = await store.read((read) => idsLike(read, "inbox", prefix));
  if (ids.length > 1) throw new UsageError(`"${typed}" is the beginning of several event ids`, "type more of it");
  const event = ids[0] === undefined ? null : await store.read((read) => getInboxEvent(read, ids[0] ?? ""));
  if (event === null) throw new UsageError(`there is no event "${typed}"`, "see `bun run start events --inbox`");
  return event;
}

function inboxJson(event: InboxEvent) {
  const { id, receivedAt, source, type, theirType, decision, reason, pipeline, goalId, dueAt, replays, rehearsal } = event;
  return { id, receivedAt, source, type, theirType, decision, reason, pipeline, goal: goalId, dueAt, replays, rehearsal };
}

/** `started SEO Cycle: drop is 25, above 20`. */
function decisionText({ decision, reason, goalId, pipeline }: InboxEvent): string {
  const what = decision === "started" ? `started ${pipeline ?? "a goal"} (${goalId})` : decision;
  return oneLine(reason === "" ? what : `${what}: ${reason}`, 300);
}

function inboxText(events: readonly InboxEvent[], { dim, green }: Styles): string {
  const rows = events.map((event) => [
    stamp(event.receivedAt),
    oneLine(event.id, 40),
    oneLine(event.source, 30),
    oneLine(event.theirType === null ? event.type : `${event.type} (${event.theirType})`, 60),
    oneLine(event.pipeline ?? "", 40),
    `${event.decision === "started" ? green("started") : event.decision}${event.reason === "" ? "" : `: ${oneLine(event.reason, 110)}`}`,
    `${event.goalId ?? ""}${event.replays === null ? "" : dim(` repeats ${event.replays}`)}${event.rehearsal ? dim(" (rehearsal)") : ""}`,
  ]);
  return columns([["time (UTC)", "event", "source", "type", "pipeline", "decision", "goal"].map(dim), ...rows], []);
}

function eventText(event: InboxEvent): string {
  const rows: [string, string | null][] = [
    ["event", event.id],
    ["source", event.source],
    ["its id there", / /.test(event.key) ? null : event.key],
    ["type", event.theirType === null ? event.type : `${event.type}, which the source calls ${event.theirType}`],
    ["received", `${stamp(event.receivedAt)} UTC`],
    ["happened", event.happenedAt === null ? null : `${stamp(event.happenedAt)} UTC`],
    ["repeats", event.replays],
    ["decision", decisionText(event)],
    ["due", event.dueAt === null ? null : `${stamp(event.dueAt)} UTC`],
    ["rehearsal", event.rehearsal ? "yes" : null],
  ];
  const told = rows.flatMap(([name, value]) => (value === null ? [] : [[name, oneLine(value, 300)]]));
  return `${columns(told, [])}\n\n${printable(JSON.stringify(JSON.parse(event.data), null, 2))}`;
}
