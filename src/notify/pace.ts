/** What goes next to a channel, and when: retries, quiet hours, several notices as one summary. Pure. */

import type { Notice, OpenSend } from "../store/notices.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** How long to wait after the nth failed try; the message is given up after the last one, some six hours after the first. */
export const BACKOFF_MS: readonly number[] = [
  30 * SECOND,
  2 * MINUTE,
  8 * MINUTE,
  20 * MINUTE,
  45 * MINUTE,
  90 * MINUTE,
  180 * MINUTE,
];
export const TRIES = BACKOFF_MS.length + 1;

/** After a failure nothing else is tried on a channel for this long: what comes meanwhile goes together. */
const REST_MS = 5 * MINUTE;

/** A notice waits this long for others of the same moment; an urgent one does not. */
export const GATHER_MS = 2 * SECOND;

/** More than so many at once are one summary; so many actions stand in one message. */
export const TOGETHER = 3;

/** More actions than that at once are only counted and named: nobody answers so many in a chat. */
const ACTIONS_SHOWN = 9;

/** So many messages in a window; then ordinary ones wait for its end, urgent ones for half a minute. */
export const WINDOW_MS = 5 * MINUTE;
const MESSAGES_A_WINDOW = 5;
const URGENT_GAP_MS = 30 * SECOND;

export type Facts = {
  readonly now: number;
  readonly outside: boolean;
  /** The end of the quiet hours that an instant lies in. */
  readonly quietUntil: (at: number) => number | null;
  /** When the messages of the last window were begun, in order. */
  readonly lately: readonly number[];
  /** The channel is left alone until then. */
  readonly restUntil: number;
};

export type Step =
  | { readonly do: "again"; readonly messageId: string }
  | { readonly do: "give up"; readonly messageId: string; readonly attempts: number }
  | { readonly do: "new"; readonly noticeIds: readonly string[] }
  /** Look again at this time (UTC ms); null: nothing is open. */
  | { readonly do: "wait"; readonly until: number | null };

/** The next thing to do for a channel, from all that it has still to get (the oldest first). */
export function nextStep(open: readonly OpenSend[], facts: Facts): Step {
  if (open.length === 0) return { do: "wait", until: null };
  if (facts.restUntil > facts.now) return { do: "wait", until: facts.restUntil };
  const quietEnd = facts.outside ? facts.quietUntil(facts.now) : null;
  const soonest = [again(open, facts, quietEnd), fresh(open, facts, quietEnd)];
  const step = soonest.find((entry) => entry.do !== "wait");
  if (step !== undefined) return step;
  const times = soonest.flatMap((entry) => (entry.do === "wait" && entry.until !== null ? [entry.until] : []));
  return { do: "wait", until: times.length === 0 ? null : Math.min(...times) };
}

/** A message that was begun before and whose time has come. */
function again(open: readonly OpenSend[], facts: Facts, quietEnd: number | null): Step {
  const messages = Map.groupBy(
    open.filter((send) => send.messageId !== null),
    (send) => send.messageId ?? "",
  );
  const times = [...messages].map(([messageId, sends]) => {
    const held = sends.some((send) => send.notice.urgent) ? 0 : (quietEnd ?? 0);
    const at = Math.max(held, ...sends.map((send) => Math.max(send.dueAt, send.leaseUntil ?? 0)));
    return { messageId, at, attempts: Math.max(...sends.map((send) => send.attempts)) };
  });
  const first = times.sort((a, b) => a.at - b.at)[0];
  if (first === undefined) return { do: "wait", until: null };
  if (first.at > facts.now) return { do: "wait", until: first.at };
  // Begun so often and never heard of again: the program ended in each of the tries.
  if (first.attempts >= TRIES) return { do: "give up", messageId: first.messageId, attempts: first.attempts };
  return { do: "again", messageId: first.messageId };
}

function fresh(open: readonly OpenSend[], facts: Facts, quietEnd: number | null): Step {
  const waiting = open
    .filter((send) => send.messageId === null)
    .map((send) => ({ send, at: Math.max(send.dueAt, send.notice.urgent ? 0 : (quietEnd ?? 0)) }));
  const due = waiting.filter(({ at }) => at <= facts.now).map(({ send }) => send);
  if (due.length === 0) return { do: "wait", until: waiting.length === 0 ? null : Math.min(...waiting.map(({ at }) => at)) };
  if (!facts.outside) return { do: "new", noticeIds: ids(due.slice(0, 1)) };
  const pace = paceOf(
    facts.lately,
    due.some((send) => send.notice.urgent),
  );
  if (pace > facts.now) return { do: "wait", until: pace };
  // A digest is a document, not one of several alarms.
  const digest = due.find((send) => isDigest(send.notice));
  if (digest !== undefined) return { do: "new", noticeIds: [digest.notice.id] };
  // What a person answers in the message itself stands by itself, so that all of it can be shown.
  const alarm = due.some((send) => send.notice.urgent && !isAction(send.notice));
  if (due.some((send) => isAction(send.notice) && (send.notice.urgent || !alarm))) {
    const held = (send: OpenSend) => quietEnd !== null && !send.notice.urgent;
    const actions = waiting.flatMap(({ send }) => (isAction(send.notice) && !held(send) ? [send] : []));
    return { do: "new", noticeIds: ids(actions.length > ACTIONS_SHOWN ? actions : actions.slice(0, TOGETHER)) };
  }
  // Once one goes, what is still gathering goes with it.
  const ready = waiting.filter(({ send }) => send.notice.urgent || quietEnd === null).map(({ send }) => send);
  const group = ready.filter((send) => !isDigest(send.notice) && !isAction(send.notice));
  const heldBack = due.some((send) => !send.notice.urgent && facts.quietUntil(send.createdAt) !== null);
  const together = group.length > TOGETHER || heldBack || facts.lately.length >= MESSAGES_A_WINDOW;
  return { do: "new", noticeIds: ids(together ? group : due.slice(0, 1)) };
}

/** When the next message may go, after those of the last window. */
function paceOf(lately: readonly number[], urgent: boolean): number {
  const oldest = lately.at(-MESSAGES_A_WINDOW);
  if (oldest === undefined) return 0;
  return urgent ? (lately.at(-1) ?? 0) + URGENT_GAP_MS : oldest + WINDOW_MS;
}

const isAction = (notice: Notice) => notice.kind === "effect.waiting";
const isDigest = (notice: Notice) => notice.kind === "digest.daily";
const ids = (sends: readonly OpenSend[]) => sends.map((send) => send.notice.id);

/** When to try again after the nth failed try (UTC ms), never earlier than the channel asked for; null: no more. */
export function retryAt(attempt: number, now: number, retryAfterMs: number | null): number | null {
  const wait = BACKOFF_MS[attempt - 1];
  return wait === undefined ? null : now + Math.max(wait, retryAfterMs ?? 0);
}

/** Until when a channel is left alone after a failed try. */
export function restUntil(dueAt: number | null, now: number, retryAfterMs: number | null): number {
  return Math.max(now + (retryAfterMs ?? 0), Math.min(dueAt ?? now + REST_MS, now + REST_MS));
}
