/** The queue port on BullMQ and Redis: every signal is a job with a task's id, and any process of the project may get it. */

import { DelayedError, type Job, Queue as BullQueue, Worker } from "bullmq";
import { type Log, silentLog } from "../../log/log.ts";
import type { Handler, RemoteQueue, SignalHints } from "../queue.ts";
import { createFigures } from "./figures.ts";
import { clock, jobOf, type JobSettings, MOST_DEAD, type Signal, workerOptions, type WorkerSettings } from "./job.ts";
import { openLink, within } from "./link.ts";

export type BullmqOptions = JobSettings &
  WorkerSettings & {
    /** redis:// or rediss://, with user and password as needed. */
    readonly url: string;
    /** From `queuePrefix`: the same for every process of a project, and no other's. */
    readonly prefix: string;
    readonly log?: Log;
    readonly now?: () => number;
    /** How long Redis may take to answer, and how often it is asked whether it is there. */
    readonly limitMs?: number;
    readonly probeMs?: number;
  };

const NAME = "signals";
const CHUNK = 500;
/** A place whose signal found no room stays empty for so long: others take it, or it waits in Redis. */
const FULL_MS = 200;
/** How long a close waits for handlers, and half as long for Redis. */
const CLOSE_MS = 2_000;

type Batch = { readonly signals: Map<string, { taskId: string; hints: SignalHints }>; readonly sent: Promise<void> };

/** The prefix of a project's keys. Two projects on one Redis never see each other's signals. */
export function queuePrefix({ tenant, project }: { tenant: string; project: string }): string {
  return `marketeam:${encodeURIComponent(tenant)}:${encodeURIComponent(project)}`;
}

/**
 * Connects, waits for an answer as long as the limit, and returns a queue in any case: it comes back by itself.
 * Throws QueueError `refused` for a Redis that does not let us in or may evict what it holds.
 */
export async function createBullmqQueue(options: BullmqOptions): Promise<RemoteQueue> {
  const { url, prefix, log = silentLog, now = Date.now, limitMs = 2_000, probeMs = 1_000 } = options;
  const listeners = new Set<{ handler: Handler }>();
  const figures = createFigures(now);
  const handling = new Set<Promise<void>>();
  let bull: { queue: BullQueue<Signal>; worker: Worker<Signal> } | null = null;
  let batch: Batch | null = null;
  let [signalled, delivered] = [0, 0];
  let closing: Promise<void> | null = null;

  const link = openLink({ url, marker: `${prefix}:epoch`, limitMs, probeMs, log, now, up: open, missed: () => void tell(null) });

  /** BullMQ's parts wait for a connection without a limit: they are made when there is one. */
  function open(): void {
    if (bull || closing) return;
    const shared = { connection: link.client, prefix };
    const queue = new BullQueue<Signal>(NAME, { ...shared, streams: { events: { maxLen: 100 } } });
    const worker = new Worker<Signal>(NAME, handle, { ...shared, ...workerOptions(options) });
    // Lost connections are the link's affair; what else there is (a lock that is gone, …) costs a signal at most.
    const told = (error: Error) => log.debug("the queue on Redis had an error", { error });
    queue.on("error", told);
    worker.on("error", told);
    worker.on("failed", (job, error) => {
      if (!job || job.finishedOn)
        log.error("a signal failed every time: it is a dead letter now", { task: job?.data.taskId, error });
    });
    bull = { queue, worker };
    run();
  }

  /**
   * The first listener starts it for good: BullMQ's pause either goes on reading, and swallows the mark that tells other
   * processes of a job, or tears its connection down and up in a race with itself ("Command queue state error").
   */
  function run(): void {
    if (!bull || closing || listeners.size === 0 || bull.worker.isRunning()) return;
    void bull.worker.run().catch((error: unknown) => log.error("the queue on Redis cannot run", { error }));
  }

  function handle(job: Job<Signal>, token = ""): Promise<void> {
    const handled = take(job, token);
    handling.add(handled);
    // Both ways out, so that nobody has to wait for it.
    const forget = () => void handling.delete(handled);
    handled.then(forget, forget);
    return handled;
  }

  async function take(job: Job<Signal>, token: string): Promise<void> {
    const { taskId, at } = job.data;
    if (listeners.size > 0 && (await timed(job, [taskId], at))) return;
    // Nobody here has room for it, or nobody listens any more: it is for another process.
    // Not `moveToWait`: with a priority that sets no mark, and idle processes sleep on.
    await job.moveToDelayed(Date.now() + 1, token);
    // Its place stays taken for a while, so that this process does not fetch the same signal again at once.
    if (!closing) await pause(FULL_MS);
    throw new DelayedError();
  }

  /** Whether somebody had room for it. Throws what a handler threw. */
  async function timed(job: Job<Signal>, taskIds: readonly string[], at: number): Promise<boolean> {
    const began = clock();
    if (job.attemptsStarted <= 1) figures.started(began - at);
    delivered++;
    try {
      const room = await tell(taskIds);
      if (room) figures.handled(clock() - began, "completed");
      return room;
    } catch (error) {
      figures.handled(clock() - began, "failed");
      throw error;
    }
  }

  /** Tells every listener, whatever the others do with it; then throws the first failure. */
  async function tell(taskIds: readonly string[] | null): Promise<boolean> {
    const told = [...listeners].map(async (listener) => (listeners.has(listener) ? listener.handler(taskIds) : false));
    const ends = await Promise.allSettled(told);
    const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
    for (const error of failures) log.error("a listener of the queue failed", { error });
    // Nobody to try again for: this was no signal of Redis.
    if (failures.length > 0 && taskIds !== null) throw failures[0];
    return ends.some((end) => end.status === "fulfilled" && end.value !== false);
  }

  async function flush({ signals }: Pick<Batch, "signals">): Promise<void> {
    if (!bull) throw link.away();
    const jobs = [...signals.values()].map(({ taskId, hints }) => jobOf(taskId, hints, options));
    for (let from = 0; from < jobs.length; from += CHUNK)
      await link.within(bull.queue.addBulk(jobs.slice(from, from + CHUNK)), "send signals");
  }

  function send(taskIds: readonly string[], hints: SignalHints = {}): Promise<void> {
    if (closing || taskIds.length === 0) return Promise.resolve();
    signalled += taskIds.length;
    if (!link.state().up) return Promise.reject(link.away());
    // Signals of the same moment go in one round trip.
    if (!batch) {
      const signals: Batch["signals"] = new Map();
      const mine: Batch = {
        signals,
        sent: Promise.resolve().then(() => {
          batch = null;
          return flush(mine);
        }),
      };
      batch = mine;
    }
    for (const taskId of taskIds) batch.signals.set(`${taskId} ${hints.at ?? ""}`, { taskId, hints });
    return batch.sent;
  }

  /** Handlers in flight may end, and Redis may hear of it. BullMQ's own unforced close waits for both without a limit. */
  async function closeBull({ queue, worker }: NonNullable<typeof bull>): Promise<void> {
    await worker.pause(true);
    await within(Promise.allSettled(handling), CLOSE_MS, "handlers still run").catch((error: unknown) =>
      log.warn("closed too early", { error }),
    );
    // Answered after all that was said before.
    if (link.state().up) await within(link.client.ping(), CLOSE_MS / 2, "no answer").catch(() => {});
    await worker.close(true);
    await queue.close();
  }

  /** What asks Redis for something must not wait for it when it is away. */
  async function ask<T>(what: string, question: (queue: BullQueue<Signal>) => Promise<T>): Promise<T> {
    if (!bull || closing || !link.state().up) throw link.away();
    return link.within(question(bull.queue), what);
  }

  try {
    await link.opened();
  } catch (error) {
    link.close();
    throw error;
  }
  return {
    signal(taskIds, hints) {
      send(taskIds, hints).catch((error: unknown) =>
        log.warn("signals were not sent: the store's sweep finds the tasks", { error }),
      );
    },
    send,
    listen(handler) {
      const listener = { handler };
      if (closing) return () => {};
      listeners.add(listener);
      run();
      return () => void listeners.delete(listener);
    },
    counts: async () => ({ signalled, delivered }),
    link: link.state,
    async health() {
      const held = await ask("count signals", (queue) =>
        queue.getJobCounts("wait", "prioritized", "delayed", "active", "failed"),
      ).catch(() => null);
      const of = (...states: string[]) => states.reduce((sum, state) => sum + (held?.[state] ?? 0), 0);
      return {
        held: held && { waiting: of("wait", "prioritized"), delayed: of("delayed"), active: of("active"), dead: of("failed") },
        ...figures.read(),
      };
    },
    async deadLetters(limit) {
      const jobs = await ask("read dead letters", (queue) => queue.getFailed(0, limit - 1));
      return jobs.map((job) => ({
        taskId: job.data.taskId,
        reason: job.failedReason ?? "",
        attempts: job.attemptsMade,
        at: job.finishedOn ?? job.timestamp,
      }));
    },
    redrive: (taskId) =>
      ask("send dead letters again", async (queue) => {
        const dead = await queue.getFailed(0, MOST_DEAD - 1);
        const jobs = taskId === undefined ? dead : dead.filter((job) => job.data.taskId === taskId);
        const moved = await Promise.allSettled(
          jobs.map(async (job) => {
            await job.updateData({ taskId: job.data.taskId, at: clock() });
            await job.retry("failed", { resetAttemptsMade: true, resetAttemptsStarted: true });
          }),
        );
        // One that somebody else has sent again meanwhile is not ours to count.
        return moved.filter((end) => end.status === "fulfilled").length;
      }),
    close: () =>
      (closing ??= (async () => {
        listeners.clear();
        await batch?.sent.catch(() => {});
        if (bull) await closeBull(bull);
        link.close();
      })()),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
