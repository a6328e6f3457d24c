/** Hands spans to an OpenTelemetry collector: read from the feed of events behind a cursor in the store, once over all processes. */

import { z } from "zod";
import type { EffectState } from "../domain/effect.ts";
import type { Log } from "../log/log.ts";
import { eventsAfter, newestSeq } from "../store/feed.ts";
import { swapMeta, tracedCalls, tracedEffects, tracedTools } from "../store/figures-traces.ts";
import { getGoal } from "../store/goals.ts";
import { getMeta } from "../store/meta.ts";
import type { Read, Store } from "../store/store.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { collectorName, postSpans, type Collector, type Sent } from "./collector.ts";
import { callSpan, effectSpan, goalSpan, otlpBody, taskSpan, toolSpans, type Span } from "./spans.ts";

const CURSOR = "traces";
const PAGE = 500;
const PAGES_A_LOOK = 20;
/** Longer than a POST can last: who holds the cursor sends alone. */
const LEASE_MS = 30_000;
const IDLE_MS = 5_000;
const BACKOFF_MS = { first: 5_000, most: 300_000 };

export type TracerOptions = {
  readonly store: Pick<Store, "read" | "write">;
  readonly collector: Collector;
  readonly service: { readonly name: string; readonly version: string };
  /** Names this process among those that share the store. */
  readonly processId: string;
  readonly now: () => number;
  readonly log: Log;
  /** Sends a batch; `postSpans` unless a test puts something in its place. */
  readonly post?: (collector: Collector, body: object) => Promise<Sent>;
};

export interface Tracer {
  /** Sends what has ended since the last look, and says when to look next (UTC ms). Throws only what the store throws. */
  look(): Promise<{ sent: number; nextAt: number }>;
  /** Lets another process go on at once. */
  close(): Promise<void>;
}

const place = z.object({ seq: z.number().int(), owner: z.string(), until: z.number() });
type Place = z.infer<typeof place>;

export function createTracer(options: TracerOptions): Tracer {
  const { store, collector, now, log, processId } = options;
  const post = options.post ?? postSpans;
  /** Up to here nothing is to be told; the cursor in the store moves only when spans were sent. */
  let seen = 0;
  let failures = 0;
  let notBefore = 0;

  const swap = (name: "claim" | "mark" | "release", before: string | null, after: Place) => {
    const text = JSON.stringify(after);
    if (name === "claim") return store.write("trace.claim", (tx) => swapMeta(tx, CURSOR, before, text));
    if (name === "mark") return store.write("trace.mark", (tx) => swapMeta(tx, CURSOR, before, text));
    return store.write("trace.release", (tx) => swapMeta(tx, CURSOR, before, text));
  };
  const readPlace = (read: Read) => getMeta(read, CURSOR);

  /** The first look of all begins at the newest event: a collector is not flooded with what is long over. */
  async function begin(): Promise<void> {
    await store.write("trace.begin", async (tx) => {
      const seq = await newestSeq(tx.db);
      await swapMeta(tx, CURSOR, null, JSON.stringify({ seq, owner: "", until: 0 } satisfies Place));
    });
  }

  async function look(): Promise<{ sent: number; nextAt: number }> {
    let sent = 0;
    if (now() < notBefore) return { sent, nextAt: notBefore };
    for (let page = 0; page < PAGES_A_LOOK; page++) {
      const before = await store.read(readPlace);
      if (before === null) {
        await begin();
        continue;
      }
      const cursor = place.parse(JSON.parse(before));
      const mine = cursor.owner === processId;
      if (!mine && cursor.until > now()) return { sent, nextAt: cursor.until };
      const found = await store.read((read) => spansAfter(read, Math.max(cursor.seq, seen)));
      if (found.spans.length === 0) {
        seen = found.seq;
        if (found.more) continue;
        return { sent, nextAt: now() + IDLE_MS };
      }
      const held: Place = { seq: cursor.seq, owner: processId, until: now() + LEASE_MS };
      if (!(await swap("claim", before, held))) continue;
      const answer = await post(collector, otlpBody(found.spans, options.service));
      if (answer.kind === "away") return { sent, nextAt: fail(answer) };
      recover(answer, found.spans.length);
      // When this fails, the lease ran out and another process has them: they went out twice, under the same ids.
      await swap("mark", JSON.stringify(held), { seq: found.seq, owner: processId, until: now() + LEASE_MS });
      seen = found.seq;
      if (answer.kind === "taken") sent += found.spans.length - answer.rejected;
    }
    return { sent, nextAt: now() };
  }

  function fail({ detail, afterMs }: Extract<Sent, { kind: "away" }>): number {
    const wait = Math.max(afterMs ?? 0, Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** failures));
    const fields = { collector: collectorName(collector.endpoint), detail, waitMs: wait };
    if (failures === 0) log.warn("the trace collector cannot be reached; the spans wait in the store", fields);
    else log.debug("the trace collector still cannot be reached", fields);
    failures++;
    notBefore = now() + wait;
    return notBefore;
  }

  function recover(answer: Exclude<Sent, { kind: "away" }>, spans: number): void {
    const collectorAt = collectorName(collector.endpoint);
    if (failures > 0) log.info("the trace collector answers again", { collector: collectorAt });
    failures = 0;
    notBefore = 0;
    if (answer.kind === "refused")
      log.warn("the trace collector refused spans; they are left out", { collector: collectorAt, spans, detail: answer.detail });
    else if (answer.rejected > 0)
      log.warn("the trace collector rejected some spans", {
        collector: collectorAt,
        spans: answer.rejected,
        detail: answer.detail,
      });
  }

  return {
    look,
    async close() {
      const before = await store.read(readPlace);
      if (before === null) return;
      const cursor = place.parse(JSON.parse(before));
      if (cursor.owner === processId && cursor.until > now()) await swap("release", before, { ...cursor, until: 0 });
    },
  };
}

/** A call that a person settled has had its span when its answer was lost. */
const RECONCILED = "reconciled";
const GOAL_ENDS: readonly string[] = ["goal.completed", "goal.failed", "goal.cancelled"];
/** An action comes to one of these once; what became of an unknown one is known when it is settled. */
const EFFECT_ENDS: readonly string[] = (
  ["confirmed", "failed", "rejected", "expired", "stopped", "withdrawn"] satisfies EffectState[]
).map((state) => `effect.${state}`);

/** Answered from the skill's own folder: it has no place among what goes outside. */
export const OWN_TOOLS: readonly string[] = ["read_reference"];

/**
 * The spans of the next events. A call's and an action's come with their end; those of a goal, its tasks and what they looked
 * up come with the goal's end, which no goal leaves again. So each comes once.
 */
async function spansAfter(read: Read, seq: number): Promise<{ spans: Span[]; seq: number; more: boolean }> {
  const { tenant } = read;
  const events = await eventsAfter(read.db, { tenant, seq, limit: PAGE });
  const calls = new Set<string>();
  const goals = new Set<string>();
  const effects = new Set<string>();
  for (const event of events) {
    if (event.type === "call.settled" || event.type === "call.unknown") {
      const { callId, stop } = callEvent.parse(JSON.parse(event.data));
      if (stop !== RECONCILED) calls.add(callId);
    } else if (event.goal_id !== null && GOAL_ENDS.includes(event.type)) goals.add(event.goal_id);
    else if (EFFECT_ENDS.includes(event.type)) effects.add(effectEvent.parse(JSON.parse(event.data)).effectId);
  }
  const spans: Span[] = [];
  const known = new Map<string, boolean>();
  for (const call of await tracedCalls(read, [...calls])) {
    if (!call.ofTask && !known.has(call.goalId)) known.set(call.goalId, (await getGoal(read, call.goalId)) !== null);
    const parent = call.ofTask ? call.subject : known.get(call.goalId) ? call.goalId : null;
    spans.push(callSpan(tenant, call, parent));
  }
  for (const id of goals) {
    const goal = await getGoal(read, id);
    if (!goal) continue;
    spans.push(goalSpan(tenant, goal));
    for (const task of await tasksOfGoal(read, id)) {
      const span = taskSpan(tenant, goal, task);
      if (span) spans.push(span);
    }
  }
  for (const effect of await tracedEffects(read, [...effects])) spans.push(effectSpan(tenant, effect));
  for (const asked of await tracedTools(read, [...goals], OWN_TOOLS)) spans.push(...toolSpans(tenant, asked));
  return { spans, seq: events.at(-1)?.seq ?? seq, more: events.length === PAGE };
}

const effectEvent = z.object({ effectId: z.string() });
const callEvent = z.object({ callId: z.string(), stop: z.string().optional() });
