/** The team's own events on the bus: budget levels and blocked goals, read from the store's feed, each decided once. */

import { hashOf } from "../domain/deliverable.ts";
import type { StoredEvent } from "../domain/event.ts";
import { OWN_SOURCE } from "../domain/inbox.ts";
import { getGoal } from "../store/goals.ts";
import { lockInbox } from "../store/inbox.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import { eventsOf, newestEvent } from "../store/events.ts";
import type { Read, Store, Tx } from "../store/store.ts";
import { takeEvents, type Deciding, type Incoming, type Receipt } from "./event-take.ts";

/** The kinds of the store's events that this listens to. */
export const HEARD = ["budget.level", "pipeline_blocked"] as const;

/** An event that is older when somebody looks tells of something that is over. */
const STALE_MS = 86_400_000;
/** So far the cursor may fall behind before it is moved for its own sake. */
const FAR = 1_000;

const cursorKey = (rehearsal: boolean) => (rehearsal ? "inbox/cursor/rehearsal" : "inbox/cursor");

type Next =
  | { readonly kind: "none" }
  | { readonly kind: "far"; readonly upTo: number }
  | { readonly kind: "event"; readonly event: StoredEvent };

async function next(read: Read, rehearsal: boolean): Promise<Next> {
  const cursor = await getMeta(read, cursorKey(rehearsal));
  const newest = await newestEvent(read);
  // The first look of all: what happened before there was a bus is not answered.
  if (cursor === null) return { kind: "far", upTo: newest };
  const after = Number(cursor);
  const [event] = await eventsOf(read, { types: HEARD, after, upTo: newest, limit: 1 });
  if (event) return { kind: "event", event };
  return newest - after > FAR ? { kind: "far", upTo: newest } : { kind: "none" };
}

/**
 * Decides the next event after the cursor and moves the cursor past it, in one transaction. False when there is none, else
 * the receipt, or null for an event that nothing answers.
 */
export async function watchNext(store: Store, deciding: Deciding): Promise<Receipt | null | false> {
  const { rehearsal } = deciding;
  if ((await store.read((read) => next(read, rehearsal))).kind === "none") return false;
  return store.write("inbox.watch", async (tx) => {
    await lockInbox(tx);
    const found = await next(tx, rehearsal);
    if (found.kind === "none") return false;
    if (found.kind === "far") {
      await setMeta(tx, cursorKey(rehearsal), String(found.upTo));
      return false;
    }
    const { event } = found;
    await setMeta(tx, cursorKey(rehearsal), String(event.seq));
    const incoming = await ownEvent(tx, event, deciding);
    if (incoming === null) return null;
    return (await takeEvents(tx, deciding, [incoming]))[0] ?? null;
  });
}

/** The event as the bus knows it; null for one that no mapping names, that is stale, or that would answer itself. */
async function ownEvent(tx: Tx, event: StoredEvent, { registry, rehearsal }: Deciding): Promise<Incoming | null> {
  if (event.rehearsal !== rehearsal || tx.now - event.at > STALE_MS) return null;
  const told = await tell(tx, event);
  if (told === null || !Object.hasOwn(registry.events, told.type)) return null;
  return {
    ...told,
    source: OWN_SOURCE,
    hash: hashOf(told.key),
    theirType: null,
    mayAsk: false,
    happenedAt: event.at,
  };
}

async function tell(tx: Tx, event: StoredEvent): Promise<{ type: string; key: string; data: object } | null> {
  if (event.type === "budget.level") {
    const { level, scope, share } = event;
    if (level === "normal") return null;
    const type = level === "critical" || level === "exhausted" ? "budget_critical" : "budget_warning";
    // Once for each day and month, however often the share goes up and down.
    return { type, key: `${type} ${scope}`, data: { level, scope, percent: Math.round(share * 1000) / 10 } };
  }
  if (event.type !== "pipeline_blocked" || event.goalId === null) return null;
  const goal = await getGoal(tx, event.goalId);
  // Its own answer, blocked in turn, would start the next one, without an end.
  if (goal === null || goal.source === `event:${event.type}`) return null;
  const data = { goal: goal.id, title: goal.title, pipeline: goal.pipeline, source: goal.source, reason: event.reason };
  return { type: event.type, key: `${event.type} ${event.seq}`, data };
}
