/** The event bus: takes events in, many in one commit; answers bursts that are over and what the team itself tells. */

import { hashOf } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import type { InboxEvent } from "../domain/inbox.ts";
import { createRedactor } from "../log/redact.ts";
import { dueEvents, decideWaiting, forgetInbox, getInboxEvent, insertInbox, lockInbox, nextDue } from "../store/inbox.ts";
import { StoreError } from "../store/store.ts";
import { readyToAccept, type Ready } from "../work/accept.ts";
import type { Team } from "../work/team.ts";
import { watchNext } from "./event-own.ts";
import { fireWaiting, NotReady, takeEvents, type Deciding, type How, type Incoming, type Receipt } from "./event-take.ts";

export type BusOptions = {
  readonly team: Team;
  /** Goals that it starts are rehearsals, and real events are none of its business. */
  readonly rehearsal: boolean;
  /** Called after a commit that started a goal or set a time for `look`. */
  readonly changed?: () => void;
};

export type Bus = {
  /**
   * Resolves when the event and what was decided about it are durable. Events that come while a commit runs share the next
   * one. Rejects with StoreError when the store cannot take it, with BusFull when too many wait; nothing was kept then,
   * unless the connection broke in the commit itself: sent again with the same id it is a duplicate.
   */
  accept(event: Incoming): Promise<Receipt>;
  /** Does what is due by now, and says when to look again (UTC ms, null: when something comes). Throws StoreError. Safe to repeat. */
  look(): Promise<{ readonly decided: readonly InboxEvent[]; readonly nextAt: number | null }>;
  /** Takes an event in once more, as one of its own. With `force` no cooldown holds it back. Null when there is no such event. */
  replay(id: string, how: { readonly force: boolean }): Promise<InboxEvent | null>;
  /** How many wait to be taken in. */
  waiting(): number;
};

/** More events wait than the store can take in soon. */
export class BusFull extends Error {
  readonly code = "full_bus";
}

const BATCH = 256;
const MAX_WAITING = 5_000;
const FIRE_A_LOOK = 100;
/** Events that started nothing are kept for so long, and dropped so many at a time, so often. */
const KEEP_MS = 90 * 86_400_000;
const FORGET = 500;
const FORGET_EVERY_MS = 3_600_000;

type Waiting = {
  readonly event: Incoming;
  readonly done: (receipt: Receipt) => void;
  readonly failed: (error: unknown) => void;
};

export function createBus({ team, rehearsal, changed = () => {} }: BusOptions): Bus {
  const { store, registry, caps, log } = team;
  const waiting: Waiting[] = [];
  let flushing = false;
  let forgottenAt = Number.NEGATIVE_INFINITY;

  const clean = createRedactor(team.secrets);
  const deciding = (ready: Ready | null): Deciding => ({ registry, cap: caps.goal, rehearsal, ready, clean });

  /** Runs a decision; what starting a goal needs is read only when one starts. */
  async function decide<T>(run: (deciding: Deciding) => Promise<T>): Promise<T> {
    try {
      return await run(deciding(null));
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
    }
    return run(deciding(await readyToAccept(team)));
  }

  const take = (events: readonly Incoming[]) =>
    decide((how) =>
      store.write("inbox.take", async (tx) => {
        await lockInbox(tx);
        return takeEvents(tx, how, events);
      }),
    );

  /** One event alone. What cannot be decided for a fault of ours is kept all the same: it can be replayed. */
  async function takeOne(event: Incoming): Promise<Receipt> {
    try {
      const [receipt] = await take([event]);
      if (receipt) return receipt;
      throw new Error("no receipt");
    } catch (error) {
      if (error instanceof StoreError) throw error;
      log.error("an event could not be decided; it is kept", { error, type: event.type, source: event.source });
      return keep(event);
    }
  }

  async function keep({ data, ...event }: Incoming): Promise<Receipt> {
    const id = newId("event");
    const kept: InboxEvent = { ...event, ...UNDECIDED, id, data: JSON.stringify(data), rehearsal, receivedAt: team.now() };
    await store.write("inbox.keep", (tx) => insertInbox(tx, [kept]));
    return { status: "accepted", event: kept };
  }

  async function flush(): Promise<void> {
    if (flushing) return;
    flushing = true;
    try {
      while (waiting.length > 0) {
        // Requests that have arrived by now get to say so: they share the commit.
        await new Promise<void>((resolve) => setImmediate(resolve));
        await takeBatch(waiting.splice(0, BATCH));
      }
    } finally {
      flushing = false;
    }
  }

  async function takeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const receipts = await take(batch.map((one) => one.event));
      batch.forEach((one, i) => one.done(receipts[i] as Receipt));
      tellChanged(receipts.map((receipt) => receipt.event));
      return;
    } catch (error) {
      if (error instanceof StoreError) return batch.forEach((one) => one.failed(error));
    }
    // One of them is at fault: each by itself, so that the others do not pay for it.
    for (const one of batch) {
      try {
        const receipt = await takeOne(one.event);
        one.done(receipt);
        tellChanged([receipt.event]);
      } catch (error) {
        one.failed(error);
      }
    }
  }

  function tellChanged(events: readonly InboxEvent[]): void {
    if (events.some((event) => event.decision === "started" || event.decision === "waiting")) changed();
  }

  /** A burst that is over. Null when another process was first. */
  const fire = (id: string) =>
    decide((how) =>
      store.write("inbox.fire", async (tx) => {
        await lockInbox(tx);
        const event = await getInboxEvent(tx, id);
        if (event?.decision !== "waiting" || event.dueAt === null || event.dueAt > tx.now) return null;
        return { ...event, ...(await fireWaiting(tx, how, event)) };
      }),
    );

  async function fireOrRefuse(event: InboxEvent): Promise<InboxEvent | null> {
    try {
      return await fire(event.id);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      log.error("an event could not be decided; it is kept", { error, type: event.type, event: event.id });
      const decided = { ...event, ...UNDECIDED };
      await store.write("inbox.refuse", (tx) => decideWaiting(tx, event.id, decided));
      return decided;
    }
  }

  /** The next of the team's own events. One that cannot be decided is passed by: it must not stand in the way of the others. */
  async function watch(): ReturnType<typeof watchNext> {
    try {
      return await decide((how) => watchNext(store, how));
    } catch (error) {
      if (error instanceof StoreError) throw error;
      log.error("an event of the team's own could not be decided; it is passed by", { error });
      return watchNext(store, { ...deciding(null), registry: { ...registry, events: {} } });
    }
  }

  return {
    waiting: () => waiting.length,
    accept(event) {
      if (waiting.length >= MAX_WAITING) return Promise.reject(new BusFull(`${MAX_WAITING} events wait to be taken in`));
      const { promise, resolve, reject } = Promise.withResolvers<Receipt>();
      waiting.push({ event, done: resolve, failed: reject });
      void flush();
      return promise;
    },
    async look() {
      const done: InboxEvent[] = [];
      for (const event of await store.read((read) => dueEvents(read, rehearsal, FIRE_A_LOOK))) {
        const decided = await fireOrRefuse(event);
        if (decided) done.push(decided);
      }
      for (;;) {
        const told = await watch();
        if (told === false) break;
        if (told?.status === "accepted") done.push(told.event);
      }
      const now = team.now();
      if (now - forgottenAt >= FORGET_EVERY_MS) {
        const dropped = await store.write("inbox.forget", (tx) => forgetInbox(tx, { before: now - KEEP_MS, limit: FORGET }));
        if (dropped < FORGET) forgottenAt = now;
      }
      return { decided: done, nextAt: await store.read((read) => nextDue(read, rehearsal)) };
    },
    async replay(id, { force }) {
      const first = await store.read((read) => getInboxEvent(read, id));
      if (first === null) return null;
      const again: Incoming = {
        ...first,
        key: `replay ${newId("event")}`,
        hash: hashOf(first.data),
        data: JSON.parse(first.data),
      };
      const how: How = { force, now: true, replays: first.id };
      const [receipt] = await decide((about) =>
        store.write("inbox.replay", async (tx) => {
          await lockInbox(tx);
          return takeEvents(tx, { ...about, rehearsal: first.rehearsal }, [again], how);
        }),
      );
      if (!receipt) throw new Error(`no receipt for the replay of ${id}`);
      tellChanged([receipt.event]);
      return receipt.event;
    },
  };
}

const UNDECIDED = {
  decision: "refused",
  reason: "it could not be decided, see the log: `events replay` tries again",
  pipeline: null,
  topic: null,
  goalId: null,
  startedAt: null,
  dueAt: null,
  burstAt: null,
  burst: 1,
  replays: null,
} as const;
