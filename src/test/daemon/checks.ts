/** What must hold of a daemon's work, whatever was killed on the way, as functions from what lies there to a list of faults. */

import { callFaults, eventFaults, moneyFaults, taskFaults, type CapsInForce } from "../kill/checks.ts";
import type { Seen } from "../kill/witness.ts";
import type { DaemonBooks } from "./books.ts";
import type { Received } from "./receiver.ts";
import { promptFaults } from "./wire.ts";

const ENDED = ["completed", "failed", "cancelled"];

/** An event as it was posted, under its own id, with what every acknowledgement of it said. */
export type Posted = { readonly id: string; readonly type: string; readonly receipts: ReadonlySet<string> };

/** Each event one row, and the row that every acknowledgement named; decided once and for good. */
export function inboxFaults({ inbox, sources }: DaemonBooks, posted: readonly Posted[]): string[] {
  const faults: string[] = [];
  for (const { id, type, receipts } of posted) {
    const rows = inbox.filter((row) => row.key === id);
    if (rows.length !== 1) faults.push(`event ${id} (${type}) has ${rows.length} rows`);
    if (receipts.size === 0) faults.push(`event ${id} (${type}) was never acknowledged`);
    for (const receipt of receipts)
      if (!rows.some((row) => row.id === receipt)) faults.push(`event ${id} was acknowledged as ${receipt}, which is not there`);
  }
  for (const row of inbox) {
    if (row.decision === "waiting") faults.push(`event ${row.key} still waits`);
    if ((row.decision === "started") !== (row.goal_id !== null))
      faults.push(`event ${row.key} is ${row.decision}, its goal is ${row.goal_id}`);
  }
  return [
    ...faults,
    ...pairFaults(
      "event",
      inbox.flatMap((row) => (row.goal_id === null ? [] : [row.goal_id])),
      sources.filter((goal) => goal.source.startsWith("event:")).map((goal) => goal.id),
    ),
  ];
}

/** A tick that fired has one goal, and a goal of a schedule has one tick. (The table itself allows a tick once.) */
export function tickFaults({ ticks, sources }: DaemonBooks): string[] {
  const fired = ticks.filter((tick) => tick.outcome === "fired");
  return pairFaults(
    "tick",
    fired.map((tick) => tick.goal_id ?? "none"),
    sources.filter((goal) => goal.source.startsWith("schedule:")).map((goal) => goal.id),
  );
}

function pairFaults(what: string, named: readonly string[], there: readonly string[]): string[] {
  const faults: string[] = [];
  if (new Set(named).size !== named.length) faults.push(`two ${what}s have the same goal`);
  for (const id of there) if (!named.includes(id)) faults.push(`goal ${id} was started by no ${what}`);
  for (const id of named) if (!there.includes(id)) faults.push(`the goal ${id} of a ${what} is not there`);
  return faults;
}

/** Goals at rest: over, or waiting for a person. */
export function restFaults({ goals, calls, questions }: DaemonBooks, ends: readonly string[] = ENDED): string[] {
  const faults: string[] = [];
  for (const goal of goals) {
    const asks = goal.status === "paused" && questions.some((entry) => entry.goal_id === goal.id && entry.status === "open");
    if (!ends.includes(goal.status) && !(ends.includes("paused") && asks))
      faults.push(`goal ${goal.id} ends ${goal.status} (${goal.pause})`);
  }
  for (const call of calls) if (call.state === "held") faults.push(`call ${call.id} has a hold that nobody works on`);
  return faults;
}

/** A kill is not a failure of the work that it met: where the model does all that it is asked, no task fails. */
export function failureFaults({ events }: DaemonBooks): string[] {
  return events.flatMap(({ type, task_id, data }) =>
    type === "task.failed" ? [`task ${task_id} failed: ${String(JSON.parse(data).reason)}`] : [],
  );
}

/** No notice lost: each goal that ended is told, each message arrived; a repeat only under the same id, with the same words. */
export function noticeFaults({ goals, notices, sends }: DaemonBooks, { notices: arrived }: Received): string[] {
  const faults: string[] = [];
  const texts = new Map<string, string>();
  for (const { id, text } of arrived) {
    if (!sends.some((send) => send.message_id === id)) faults.push(`message ${id} arrived, and is in no book`);
    if ((texts.get(id) ?? text) !== text) faults.push(`message ${id} came twice with different words`);
    texts.set(id, text);
  }
  for (const goal of goals.filter((entry) => entry.status === "completed" || entry.status === "failed")) {
    const about = notices.filter((notice) => notice.goal_id === goal.id && /^goal\.(done|failed)$/.test(notice.kind));
    if (about.length !== 1) faults.push(`goal ${goal.id} has ${about.length} notices of its end`);
    for (const notice of about)
      if (!sends.some((send) => send.notice_id === notice.id && send.state === "sent"))
        faults.push(`the end of goal ${goal.id} was told to nobody`);
  }
  for (const send of sends) {
    if (send.state !== "sent" && send.state !== "overtaken") faults.push(`notice ${send.notice_id} is ${send.state}`);
    if (send.state === "sent" && !texts.has(send.message_id ?? ""))
      faults.push(`notice ${send.notice_id} is said to be sent, and never arrived`);
  }
  return faults;
}

/** Every goal that ended has a span, and a span that came twice has the same id. */
export function spanFaults({ goals }: DaemonBooks, { spans }: Received): string[] {
  return goals
    .filter((goal) => ENDED.includes(goal.status))
    .flatMap((goal) => {
      const roots = new Set(spans.filter((span) => span.root && span.goal === goal.id).map((span) => span.id));
      return roots.size === 1 ? [] : [`goal ${goal.id} has ${roots.size} spans`];
    });
}

/** Money, calls, events, tasks and the wire. `kills`: how many processes lost what was on its way. */
export function workFaults(books: DaemonBooks, seen: readonly Seen[], caps: CapsInForce, kills: number): string[] {
  return [
    ...moneyFaults(books, caps),
    ...callFaults(books, kills, true),
    ...eventFaults(books),
    ...taskFaults(books),
    ...promptFaults(books, seen),
  ];
}
