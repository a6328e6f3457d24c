/** The way of notices through the store: from events, into messages, to an end. Sends nothing itself. */

import { quietUntil, type QuietHours } from "../domain/quiet-hours.ts";
import { createRedactor } from "../log/redact.ts";
import {
  beginTry,
  bindMessage,
  lockNotices,
  messageFailed,
  messagesSince,
  messageSent,
  noticesOf,
  openSends,
  overtakeNotices,
  wantNotice,
} from "../store/notices.ts";
import { eventsOf, newestEvent } from "../store/events.ts";
import { openQuestionIds } from "../store/questions.ts";
import { getStop, type Stop } from "../store/effects.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import type { Read, Store, Tx } from "../store/store.ts";
import { actionDrafts, stopDraft } from "./action-words.ts";
import type { Channel, Delivery, Message, NoticeKind } from "./channel.ts";
import { cleanText, cleanTitle, messageOf } from "./message.ts";
import { GATHER_MS, nextStep, restUntil, retryAt, WINDOW_MS, type Step } from "./pace.ts";
import type { Draft, Told } from "./draft.ts";
import { claimEdit, editsChanged, nextEdit, rejectedBy, settleEdit, shownAt, type Edit } from "./edits.ts";
import { askedIn, waitingAction, type Links } from "./waiting-action.ts";
import { questionDraft, tell, TOLD } from "./words.ts";

export type OutboxOptions = {
  readonly store: Store;
  readonly channels: readonly Channel[];
  readonly route: (kind: NoticeKind) => readonly string[];
  readonly quiet: QuietHours | null;
  /** Texts that leave in no message. */
  readonly secrets: readonly string[];
  /** Where a browser answers an effect; none when not given. */
  readonly links?: Links;
};

/** `edit`: a message that was sent, and whose actions stand otherwise now. */
export type Claimed = { readonly message: Message; readonly attempt: number; readonly edit: Edit | null };
export type Claim = Claimed | { readonly givenUp: string } | { readonly until: number | null };

const CURSOR = "notify.cursor";
const STOPPED = "notify.stopped";
const PAGE = 500;
/** Events without a notice move the stored cursor only so often: it is one write. */
const CURSOR_LAG = 5000;
const OPEN_SENDS = 2000;
/** A try ends within seconds; after this it belongs to a process that is gone. */
const LEASE_MS = 60_000;

export function createOutbox({ store, channels, route, quiet, secrets, links = async () => null }: OutboxOptions) {
  const redact = createRedactor(secrets);
  /** Up to here this process has seen the events; null before the first look. */
  let seen: number | null = null;

  /** Records what the new events lead to, with the place in the feed, in one transaction a page. */
  async function takeEvents(): Promise<void> {
    for (;;) {
      const { stored, upTo, found } = await store.read(async (read) => {
        const cursor = await cursorOf(read);
        const newest = await newestEvent(read);
        const after = Math.max(cursor ?? 0, seen ?? 0);
        const events = cursor === null ? [] : await eventsOf(read, { types: TOLD, after, upTo: newest, limit: 1 });
        return { stored: cursor, upTo: newest, found: events.length > 0 || (await stopTurned(read)) !== null };
      });
      if (stored !== null && !found && upTo - stored < CURSOR_LAG) {
        seen = Math.max(seen ?? 0, upTo);
        return;
      }
      const { cursor, more } = await store.write("notice.want", (tx) => takePage(tx, upTo));
      seen = Math.max(seen ?? 0, cursor);
      if (!more) return;
    }
  }

  async function takePage(tx: Tx, upTo: number): Promise<{ cursor: number; more: boolean }> {
    await lockNotices(tx);
    await takeStop(tx);
    const cursor = await cursorOf(tx);
    if (cursor === null) return { cursor: await begin(tx), more: false };
    // Another process may have come further than what we read before the lock.
    if (cursor >= upTo) return { cursor, more: false };
    const events = await eventsOf(tx, { types: TOLD, after: cursor, upTo, limit: PAGE });
    for (const event of events) await record(tx, await tell(tx, event));
    const more = events.length === PAGE;
    const next = more ? (events.at(-1)?.seq ?? upTo) : upTo;
    await setMeta(tx, CURSOR, String(next));
    return { cursor: next, more };
  }

  /** The first look of a store tells nothing of the past, but for the questions and actions that still wait. */
  async function begin(tx: Tx): Promise<number> {
    const newest = await newestEvent(tx);
    for (const id of await openQuestionIds(tx)) {
      const draft = await questionDraft(tx, id, null);
      if (draft !== null) await want(tx, draft);
    }
    for (const draft of await actionDrafts(tx, null)) await want(tx, draft);
    await setMeta(tx, CURSOR, String(newest));
    return newest;
  }

  async function record(tx: Tx, { drafts, overtakes, changed }: Told): Promise<void> {
    for (const about of overtakes) await overtakeNotices(tx, about);
    for (const draft of drafts) await want(tx, draft);
    if (changed) await editsChanged(tx, changed);
  }

  /** The kill switch is no event: with nothing to stop, nothing happens when it is thrown. */
  async function takeStop(tx: Tx): Promise<void> {
    const turned = await stopTurned(tx);
    if (turned === null) return;
    await setMeta(tx, STOPPED, String(turned.stop?.at ?? ""));
    const draft = stopDraft(turned.stop, turned.stop?.at ?? tx.now);
    await record(tx, { drafts: [draft], overtakes: [{ subject: draft.subject }] });
  }

  /** False when it was told before. */
  async function want(tx: Tx, draft: Draft): Promise<boolean> {
    const { state, patienceMs: _, ...rest } = draft;
    const title = cleanTitle(redact(draft.title));
    const text = cleanText(redact(draft.text));
    const key = `${draft.kind} ${draft.subject} ${state}`;
    const names = route(draft.kind);
    const to = channels
      .filter((channel) => names.includes(channel.name) && !(draft.rehearsal && channel.outside))
      .map((channel) => ({ name: channel.name, dueAt: tx.now + gather(channel, draft) }));
    return await wantNotice(tx, { ...rest, id: `notice_${Bun.randomUUIDv7()}`, key, title, text }, to);
  }

  const gather = (channel: Channel, { urgent, patienceMs }: Draft) =>
    channel.outside ? (patienceMs ?? (urgent ? 0 : GATHER_MS)) : 0;

  async function stepOf(read: Read, channel: Channel): Promise<Step> {
    return nextStep(await openSends(read, channel.name, OPEN_SENDS), {
      now: read.now,
      outside: channel.outside,
      quietUntil: (at) => quietUntil(quiet, at),
      lately: await messagesSince(read, channel.name, read.now - WINDOW_MS),
      restUntil: Number((await getMeta(read, restKey(channel))) ?? 0),
    });
  }

  /** The next message of a channel, or the next that must be brought up to date, ours for a minute; or until when there is none. */
  async function claim(channel: Channel): Promise<Claim> {
    const wait = async (read: Read, step: Step & { do: "wait" }) => ({
      until: earlier(step.until, channel.answers ? await nextEdit(read, channel.name) : null),
    });
    // Decided by reading first: most looks find nothing to do and shall write nothing.
    const first = await store.read(async (read) => {
      const step = await stepOf(read, channel);
      return { now: read.now, wait: step.do === "wait" ? await wait(read, step) : null };
    });
    if (first.wait && (first.wait.until === null || first.wait.until > first.now)) return first.wait;
    const messageId = `msg_${Bun.randomUUIDv7()}`;
    type Bound = Exclude<Claim, Claimed> | { readonly id: string; readonly attempt: number; readonly edit: Edit | null };
    const claimed = await store.write("notice.claim", async (tx): Promise<Bound> => {
      await lockNotices(tx);
      const step = await stepOf(tx, channel);
      if (step.do === "wait") {
        const edit = channel.answers ? await claimEdit(tx, channel.name) : null;
        return edit ? { id: edit.messageId, attempt: edit.tries, edit } : wait(tx, step);
      }
      if (step.do === "give up") {
        const problem = "the program ended during each try";
        await messageFailed(tx, { messageId: step.messageId, attempt: step.attempts, problem, dueAt: null });
        return { givenUp: step.messageId };
      }
      const id = step.do === "again" ? step.messageId : messageId;
      if (step.do === "new") await bindMessage(tx, { channel: channel.name, noticeIds: step.noticeIds, messageId: id });
      const attempt = await beginTry(tx, id, LEASE_MS);
      return { id, attempt, edit: null };
    });
    if (!("id" in claimed)) return claimed;
    const { id, attempt, edit } = claimed;
    return { message: await built(channel, id, edit !== null), attempt, edit };
  }

  /** The same notices make the same message, but for what became of its actions, which only an edit tells. */
  async function built(channel: Channel, messageId: string, edit: boolean): Promise<Message> {
    const { notices, asked } = await store.read(async (read) => {
      const found = await noticesOf(read, messageId);
      const effects = channel.outside ? await askedIn(read, found) : [];
      const rejecters = edit ? await Promise.all(effects.map(({ effect }) => rejectedBy(read, effect.id))) : [];
      return { notices: found, asked: effects.map((one, i) => ({ one, by: rejecters[i] ?? null })) };
    });
    const actions = await Promise.all(asked.map(({ one, by }) => waitingAction(one, { links, redact, rejectedBy: by })));
    return messageOf(messageId, notices, edit ? actions : actions.map((action) => ({ ...action, became: null })));
  }

  /** What became of a try: sent, again later, or given up for good. */
  async function settle(
    channel: Channel,
    { message, attempt, edit }: Claimed,
    delivery: Delivery,
  ): Promise<"sent" | "later" | "given up"> {
    return await store.write("notice.settle", async (tx) => {
      await lockNotices(tx);
      if (edit) return settleEdit(tx, channel.name, edit, delivery);
      if (delivery.ok) {
        await messageSent(tx, message.id);
        if (delivery.ref !== undefined && message.actions !== undefined)
          await shownAt(tx, { channel: channel.name, messageId: message.id, ref: delivery.ref }, message.actions);
        return "sent";
      }
      const { problem, retryAfterMs } = delivery;
      const dueAt = retryAt(attempt, tx.now, retryAfterMs);
      await messageFailed(tx, { messageId: message.id, attempt, problem, dueAt });
      await setMeta(tx, restKey(channel), String(restUntil(dueAt, tx.now, retryAfterMs)));
      return dueAt === null ? "given up" : "later";
    });
  }

  return { takeEvents, claim, settle, record, want };
}

const restKey = (channel: Channel) => `notify.rest.${channel.name}`;

const earlier = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : Math.min(a, b));

/** The kill switch, when it stands otherwise than was told last. */
async function stopTurned(read: Read): Promise<{ readonly stop: Stop | null } | null> {
  const stop = await getStop(read);
  return ((await getMeta(read, STOPPED)) ?? "") === String(stop?.at ?? "") ? null : { stop };
}

async function cursorOf(read: Read): Promise<number | null> {
  const text = await getMeta(read, CURSOR);
  return text === null ? null : Number(text);
}
