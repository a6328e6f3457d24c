/** The team at work day and night: claims whatever is ready, writes the documents, and keeps its parts going until it is told to stop. */

import type { StoredEvent } from "../domain/event.ts";
import type { StoreError } from "../store/store.ts";
import type { Queue } from "../queue/queue.ts";
import { AT_ONCE } from "../tools/leaving.ts";
import { attempt } from "./attempt.ts";
import { startKeeper, type Part } from "./keeper.ts";
import { createNewDay } from "./new-day.ts";
import { createOutage } from "./outage.ts";
import type { Presence } from "./presence.ts";
import { createScribe } from "./scribe.ts";
import type { Team } from "./team.ts";
import { startWorker } from "./worker.ts";

/** What looks around beside the work; `hears` says which events concern it. */
export type DaemonPart = Part & { readonly hears?: (event: StoredEvent) => boolean };

export type DaemonOptions = {
  readonly team: Team;
  readonly queue: Queue;
  readonly presence: Presence;
  readonly concurrency: number;
  readonly rehearsal: boolean;
  readonly parts: readonly DaemonPart[];
  /** Fires on the first signal: nothing new is begun, calls in flight may finish. */
  readonly stop: AbortSignal;
  /** Fires on the second one: calls in flight are aborted. */
  readonly abort: AbortSignal;
  /** How long calls in flight may take after the first signal, in ms. */
  readonly drainMs: number;
  readonly refuseCalls: () => void;
};

export interface Daemon {
  /** What is wrong at the moment, a line each; empty when nothing is. */
  faults(): readonly string[];
  readonly busy: number;
  /** Lets a part look now. */
  wake(name: string): void;
  /** Resolves when it has come to rest after `stop`. */
  readonly done: Promise<void>;
}

const OUTAGE = "model outage";
const NEW_DAY = "new day's budget";
/** How long a fault of the store is told after it was last met. */
const FAULT_MS = 10_000;

export function startDaemon(options: DaemonOptions): Daemon {
  const { team, queue } = options;
  const { store, log, now } = team;
  let storeFault: { readonly message: string; readonly at: number } | null = null;
  const broken = (error: StoreError) => {
    // The worker looks again every two seconds; what it held is free when its lease ends.
    if (storeFault === null || now() - storeFault.at > FAULT_MS) log.error("the store cannot be used", { error });
    storeFault = { message: error.message, at: now() };
  };
  const scribe = createScribe(team, () => true);
  const outage = createOutage({ store, rehearsal: options.rehearsal, log, now });
  const newDay = createNewDay({ store, caps: team.caps, rehearsal: options.rehearsal, log, now });
  const parts = [
    ...options.parts,
    { name: OUTAGE, look: () => outage.look(), everyMs: 30_000, hears: outage.hear },
    { name: NEW_DAY, look: () => newDay.look(), everyMs: 15 * 60_000 },
  ];
  const keeper = startKeeper(parts, { log, now });
  const unsubscribe = store.subscribe((event) => {
    if (event.type === "task.ready" && event.taskId !== null) queue.signal([event.taskId]);
    for (const part of parts) if (part.hears?.(event)) keeper.wake(part.name);
  });
  const worker = startWorker({
    store,
    queue,
    attempt: (task, lease, signal) => attempt(team, task, lease, signal),
    sweep: () => options.presence.sweep(),
    owner: options.presence.processId,
    concurrency: options.concurrency,
    goalId: null,
    rehearsal: options.rehearsal,
    log,
    now,
    broken,
  });

  async function rest(): Promise<void> {
    await fired(options.stop);
    options.refuseCalls();
    team.hands?.toolbox.leave();
    let late: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => {
      late = setTimeout(resolve, options.drainMs);
    });
    const looks = keeper.close();
    await Promise.race([Promise.all([looks, worker.drain()]), limit, fired(options.abort)]);
    clearTimeout(late);
    team.hands?.toolbox.leave(AT_ONCE);
    await worker.abort();
    // What a part has in hand may still come into the store.
    await looks;
    unsubscribe();
    await scribe.close().catch((error: unknown) => log.error("a document could not be written", { error }));
  }

  return {
    faults: () => [
      ...(storeFault !== null && now() - storeFault.at <= FAULT_MS ? [`store: ${storeFault.message}`] : []),
      ...[...keeper.faults()].map(([name, message]) => `${name}: ${message}`),
    ],
    get busy() {
      return worker.busy;
    },
    wake: (name) => keeper.wake(name),
    done: rest(),
  };
}

/** Resolves when the signal has fired, also when it had before. */
export function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
