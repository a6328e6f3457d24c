/** The feed of events: one cursor a store that follows `seq`, woken by commits here and by news from other processes. */

import { sql, type Kysely, type Selectable } from "kysely";
import type { StoredEvent } from "../domain/event.ts";
import type { Log } from "../log/log.ts";
import type { Schema } from "./schema.ts";

type EventRow = Selectable<Schema["events"]>;

export type FeedSource = {
  /** The newest seq, 0 when there is none. */
  newest(): number | Promise<number>;
  /** The tenant's next events after `seq`, in order, at most `limit`. */
  after(seq: number, limit: number): EventRow[] | Promise<EventRow[]>;
  /** Calls `wake` when another process may have committed. Returns how to stop. Runs only while somebody listens. */
  watch(wake: () => void): () => void;
};

export type Feed = {
  subscribe(handler: (event: StoredEvent) => void): () => void;
  /** Delivers what is committed by now. Resolves when every handler has had it. Never rejects: the next look makes up for it. */
  tell(): Promise<void>;
  /** Resolves once every subscription knows where it begins: what commits after this is delivered to it. */
  ready(): Promise<void>;
  close(): Promise<void>;
};

type Subscriber = { readonly handler: (event: StoredEvent) => void; from: number | null };

const PAGE = 500;

export function createFeed({ source, log }: { source: FeedSource; log: Log }): Feed {
  const subscribers = new Set<Subscriber>();
  let stopWatching: (() => void) | null = null;
  /** Everything up to here is delivered; null when nobody listens. */
  let cursor: number | null = null;
  let running: Promise<void> | null = null;
  let queued: Promise<void> | null = null;

  /** One pass: new subscribers get their beginning, then everybody gets what came after the cursor. */
  async function pass(): Promise<void> {
    const fresh = [...subscribers].filter((subscriber) => subscriber.from === null);
    if (fresh.length > 0) {
      const newest = source.newest();
      // Not awaited when the answer is at hand: then the subscription begins within the call of subscribe.
      const from = typeof newest === "number" ? newest : await newest;
      for (const subscriber of fresh) subscriber.from = from;
      cursor ??= from;
    }
    while (cursor !== null) {
      // Who subscribes while the page is read begins behind it.
      const audience = [...subscribers].filter((subscriber) => subscriber.from !== null);
      const rows: EventRow[] = await source.after(cursor, PAGE);
      for (const row of rows) {
        cursor = row.seq;
        deliver(toEvent(row), audience);
      }
      if (subscribers.size === 0) cursor = null;
      if (rows.length < PAGE) return;
    }
  }

  function deliver(event: StoredEvent, audience: readonly Subscriber[]): void {
    for (const subscriber of audience) {
      if (!subscribers.has(subscriber) || event.seq <= (subscriber.from ?? 0)) continue;
      try {
        subscriber.handler(event);
      } catch (error) {
        log.error("a subscriber of events failed", { error, type: event.type, seq: event.seq });
      }
    }
  }

  function start(): Promise<void> {
    running = pass().finally(() => {
      running = null;
    });
    return running;
  }

  // A pass that is under way may have read before the commit that woke us: a second one follows it, shared by all who wait.
  function wake(): Promise<void> {
    if (running === null) return start();
    queued ??= running
      .catch(() => {})
      .then(() => {
        queued = null;
        return start();
      });
    return queued;
  }

  async function tell(): Promise<void> {
    if (subscribers.size === 0) return;
    await wake().catch((error: unknown) => log.warn("the events could not be read; looking again soon", { error }));
  }

  return {
    tell,
    async ready() {
      if ([...subscribers].some((subscriber) => subscriber.from === null)) await wake();
    },
    subscribe(handler) {
      const subscriber: Subscriber = { handler, from: null };
      subscribers.add(subscriber);
      void tell();
      stopWatching ??= source.watch(() => void tell());
      return () => {
        subscribers.delete(subscriber);
        if (subscribers.size > 0) return;
        stopWatching?.();
        stopWatching = null;
        if (running === null) cursor = null;
      };
    },
    async close() {
      subscribers.clear();
      stopWatching?.();
      stopWatching = null;
      await Promise.allSettled([running, queued]);
    },
  };
}

/** The newest seq of all tenants: a subscription begins behind it. */
export async function newestSeq(db: Kysely<Schema>): Promise<number> {
  const row = await db
    .selectFrom("events")
    .select((eb) => eb.fn.max("seq").as("seq"))
    .executeTakeFirst();
  return row?.seq ?? 0;
}

/** The next events of a tenant after `seq`, in order. */
export async function eventsAfter(db: Kysely<Schema>, { tenant, seq, limit }: { tenant: string; seq: number; limit: number }) {
  return await db
    .selectFrom("events")
    .selectAll()
    .where("seq", ">", seq)
    // As an expression, so that the planner walks the few rows behind `seq` and not an index over all of the tenant's.
    .where(sql`tenant || ''`, "=", tenant)
    .orderBy("seq")
    .limit(limit)
    .execute();
}

export function toEvent(row: EventRow): StoredEvent {
  const own = JSON.parse(row.data) as object;
  const { type, goal_id: goalId, task_id: taskId, seq, at } = row;
  return { ...own, type, goalId, taskId, seq, at, rehearsal: row.rehearsal === 1 } as StoredEvent;
}
