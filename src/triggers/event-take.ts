/** Taking events in: what was here before, what is decided about the rest, and the goals they start, all in the caller's transaction. */

import { mayBatch } from "../domain/goal.ts";
import { newId } from "../domain/id.ts";
import { SAME_EVENT_MS, type InboxDecision, type InboxEvent } from "../domain/inbox.ts";
import type { Registry } from "../domain/registry.ts";
import { planFromPipeline } from "../skills/pipeline-plan.ts";
import { decideWaiting, eventsByKey, freeKey, insertInbox, lastStarted, overtake, waitingOf } from "../store/inbox.ts";
import type { Tx } from "../store/store.ts";
import { acceptIn, type NewWork, type Ready } from "../work/accept.ts";
import { briefOf } from "./event-brief.ts";
import { matchEvent, type Match } from "./event-match.ts";

/** An event as it comes in, checked by whoever took it. */
export type Incoming = {
  readonly source: string;
  /** The sender's id of it, or what stands for one. */
  readonly key: string;
  readonly hash: string;
  readonly type: string;
  readonly theirType: string | null;
  readonly mayAsk: boolean;
  /** UTC ms. */
  readonly happenedAt: number | null;
  /** A map, not deeper than JSON and the stack allow. */
  readonly data: unknown;
};

/** `duplicate`: it was here before, and what it met then stands. `conflict`: its id was here with other content. */
export type Receipt = { readonly status: "accepted" | "duplicate" | "conflict"; readonly event: InboxEvent };

export type Deciding = {
  /** Takes this installation's secrets out of a text: an event's data may hold one, and goes into prompts. */
  readonly clean: (text: string) => string;
  readonly registry: Registry;
  /** Cap of each goal. */
  readonly cap: number;
  readonly rehearsal: boolean;
  /** What starting a goal needs; null until it is known that one starts. */
  readonly ready: Ready | null;
};

/** Thrown inside the transaction when a goal is to start and `ready` is null: read it and take the events in again. */
export class NotReady extends Error {}

type Decided = Pick<
  InboxEvent,
  "decision" | "reason" | "pipeline" | "topic" | "goalId" | "startedAt" | "dueAt" | "burstAt" | "burst"
>;

export type How = {
  /** Started goals of the topic do not count. */
  readonly force: boolean;
  /** It is decided at once. */
  readonly now: boolean;
  readonly replays: string | null;
};
const AS_IT_COMES: How = { force: false, now: false, replays: null };
const LONGEST_BURST = 10;

/**
 * Decides events in their order and keeps them. The caller holds the inbox's lock. A receipt for each, in the same order.
 */
export async function takeEvents(
  tx: Tx,
  deciding: Deciding,
  incoming: readonly Incoming[],
  how: How = AS_IT_COMES,
): Promise<Receipt[]> {
  const known = await knownEvents(tx, incoming, deciding.rehearsal);
  const view = createView(tx, deciding.rehearsal);
  const receipts: Receipt[] = [];
  for (const one of incoming) {
    const name = nameOf(one);
    const before = known.get(name);
    if (before && tx.now - before.receivedAt < SAME_EVENT_MS) {
      receipts.push({ status: before.hash === one.hash ? "duplicate" : "conflict", event: before });
      continue;
    }
    if (before) await freeKey(tx, before);
    const event: InboxEvent = {
      id: newId("event"),
      source: one.source,
      key: one.key,
      hash: one.hash,
      type: one.type,
      theirType: one.theirType,
      mayAsk: one.mayAsk,
      happenedAt: one.happenedAt,
      data: JSON.stringify(one.data),
      rehearsal: deciding.rehearsal,
      receivedAt: tx.now,
      replays: how.replays,
      ...(await decideEvent(tx, deciding, { ...one, receivedAt: tx.now, burst: 1 }, how, view)),
    };
    view.keep(event);
    known.set(name, event);
    receipts.push({ status: "accepted", event });
  }
  await insertInbox(tx, view.kept());
  await overtake(tx, view.overtaken(), OVERTAKEN);
  // An event of this batch may have been overtaken by a later one of it.
  return receipts.map((receipt) => ({ ...receipt, event: view.latest(receipt.event) }));
}

/** Decides an event whose burst is over, and keeps that. Null when another process was first. */
export async function fireWaiting(tx: Tx, deciding: Deciding, event: InboxEvent): Promise<Decided> {
  const data: unknown = JSON.parse(event.data);
  const decided = await decideEvent(
    tx,
    deciding,
    { ...event, data },
    { force: false, now: true, replays: null },
    createView(tx, deciding.rehearsal),
  );
  await decideWaiting(tx, event.id, decided);
  return decided;
}

const OVERTAKEN = "a later one of the same burst came";

const nameOf = ({ source, key }: Pick<Incoming, "source" | "key">) => JSON.stringify([source, key]);

async function knownEvents(tx: Tx, incoming: readonly Incoming[], rehearsal: boolean): Promise<Map<string, InboxEvent>> {
  const known = new Map<string, InboxEvent>();
  for (const source of new Set(incoming.map((one) => one.source))) {
    const keys = incoming.filter((one) => one.source === source).map((one) => one.key);
    for (const event of await eventsByKey(tx, { source, keys, rehearsal })) known.set(nameOf(event), event);
  }
  return known;
}

type View = ReturnType<typeof createView>;

/** The store as the events of a batch see it: with those before them, which are not in it yet. */
function createView(tx: Tx, rehearsal: boolean) {
  const fresh = new Map<string, InboxEvent>();
  const started = new Map<string, InboxEvent | null>();
  const waiting = new Map<string, InboxEvent | null>();
  const gone: string[] = [];
  return {
    async lastStarted(topic: string): Promise<InboxEvent | null> {
      if (!started.has(topic)) started.set(topic, await lastStarted(tx, topic, rehearsal));
      return started.get(topic) ?? null;
    },
    async waiting(topic: string): Promise<InboxEvent | null> {
      if (!waiting.has(topic)) waiting.set(topic, await waitingOf(tx, topic, rehearsal));
      return waiting.get(topic) ?? null;
    },
    keep(event: InboxEvent): void {
      fresh.set(event.id, event);
      if (event.topic === null) return;
      if (event.startedAt !== null) started.set(event.topic, event);
      if (event.decision === "waiting") waiting.set(event.topic, event);
    },
    overtake(event: InboxEvent): void {
      if (fresh.has(event.id)) fresh.set(event.id, { ...event, decision: "overtaken", reason: OVERTAKEN, dueAt: null });
      else gone.push(event.id);
    },
    kept: () => [...fresh.values()],
    overtaken: () => gone,
    latest: (event: InboxEvent) => fresh.get(event.id) ?? event,
  };
}

type ToDecide = Incoming & { readonly receivedAt: number; readonly burst: number };

async function decideEvent(tx: Tx, deciding: Deciding, event: ToDecide, how: How, view: View): Promise<Decided> {
  const match = matchEvent(event, deciding.registry);
  if (!match.fits) return decided(match.decision, match.reason, match);
  const { topic } = match;
  if (topic !== null && match.cooldownMs > 0 && !how.force) {
    const last = await view.lastStarted(topic);
    if (last?.startedAt != null && Math.abs(tx.now - last.startedAt) < match.cooldownMs)
      return decided("ignored", cooldownText(last, match.cooldownMs), match);
  }
  if (topic !== null && match.debounceMs > 0 && !how.now) {
    const before = await view.waiting(topic);
    if (before) view.overtake(before);
    const burst = (before?.burst ?? 0) + 1;
    const burstAt = before?.burstAt ?? tx.now;
    // Else a burst without an end would never be answered.
    const dueAt = Math.min(tx.now + match.debounceMs, burstAt + LONGEST_BURST * match.debounceMs);
    const which = burst === 1 ? "" : `, this is number ${burst}`;
    const reason = `waits until ${clock(dueAt)} for the last of a burst${which}`;
    return { ...decided("waiting", reason, match), dueAt, burstAt, burst };
  }
  if (deciding.ready === null) throw new NotReady();
  const goalId = await acceptIn(tx, deciding.registry, workFor(event, match, deciding), deciding.ready);
  return { ...decided("started", match.because, match), goalId, startedAt: tx.now, burst: event.burst };
}

function decided(
  decision: InboxDecision,
  reason: string,
  { pipeline, topic = null }: { pipeline: string | null; topic?: string | null },
): Decided {
  return { decision, reason, pipeline, topic, goalId: null, startedAt: null, dueAt: null, burstAt: null, burst: 1 };
}

function cooldownText(last: InboxEvent, cooldownMs: number): string {
  return `cooldown until ${clock((last.startedAt ?? 0) + cooldownMs)}: ${last.id} started ${last.goalId}`;
}

const clock = (at: number) => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** The goal of an event: of its mapping's pipeline with the data in its brief, or the goal that it says. */
function workFor(event: ToDecide, match: Extract<Match, { fits: true }>, { registry, cap, rehearsal, clean }: Deciding): NewWork {
  const { type, source, data, burst } = event;
  const at = event.happenedAt ?? event.receivedAt;
  const text = clean(match.text ?? briefOf({ type, source, at, because: match.because, burst, data }));
  const pipeline = match.pipeline === null ? undefined : registry.pipelines.get(match.pipeline);
  const plan = match.pipeline === null || !pipeline ? null : planFromPipeline(match.pipeline, pipeline, text);
  const batch = mayBatch(match.priority, pipeline?.batch);
  return { text, category: null, source: `event:${type}`, priority: match.priority, cap, rehearsal, batch, plan };
}
