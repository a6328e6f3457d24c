/** The worker: claims ready tasks in the store, keeps their leases, and runs attempts side by side up to a limit. */

import type { Lease, Task } from "../domain/task.ts";
import type { Log } from "../log/log.ts";
import type { Queue } from "../queue/queue.ts";
import { claimTask, endAttempt, LeaseLost, renewLease, type ClaimFilter } from "../store/leases.ts";
import { StoreError, type Store, type Tx } from "../store/store.ts";

export type WorkerOptions = {
  readonly store: Store;
  readonly queue: Queue;
  readonly attempt: (task: Task, lease: Lease, signal: AbortSignal) => Promise<void>;
  /** Frees what dead processes held; run with every look around. */
  readonly sweep: () => Promise<unknown>;
  readonly owner: string;
  readonly concurrency: number;
  /** A one-shot works on its own goal only; null: on any. */
  readonly goalId: string | null;
  readonly rehearsal: boolean;
  readonly log: Log;
  readonly now: () => number;
  /** The store cannot be used (full disk, lost connection, …): nothing here can go on. May be called more than once. */
  readonly broken: (error: StoreError) => void;
  readonly leaseMs?: number;
  readonly lookMs?: number;
};

export interface Worker {
  /** Claims no more. Resolves when the attempts in flight have come to rest. */
  drain(): Promise<void>;
  /** Aborts what is in flight, and resolves when it has come to rest. */
  abort(): Promise<void>;
  readonly busy: number;
}

/** With the look around below it: what a dead worker held is begun again within 15 s, on other machines too. */
const LEASE_MS = 12_000;
/** How often to look around without being told: for lost signals, dead processes and tasks that are due later. */
const LOOK_MS = 2_000;

async function claimUpTo(tx: Tx, filter: ClaimFilter, most: number): Promise<Task[]> {
  const tasks: Task[] = [];
  while (tasks.length < most) {
    const task = await claimTask(tx, filter);
    if (!task) break;
    tasks.push(task);
  }
  return tasks;
}

export function startWorker(options: WorkerOptions): Worker {
  const { store, log } = options;
  const leaseMs = options.leaseMs ?? LEASE_MS;
  const running = new Map<Promise<void>, AbortController>();
  const inHand = new Set<string>();
  let stopping = false;
  let claiming: Promise<void> | null = null;
  let again = false;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let sweeping: Promise<void> | null = null;

  async function claimAll(): Promise<void> {
    while (!stopping && running.size < options.concurrency) {
      const filter = {
        owner: options.owner,
        leaseMs,
        rehearsal: options.rehearsal,
        goalId: options.goalId,
        except: [...inHand],
      };
      const free = options.concurrency - running.size;
      const tasks = await store.write("task.claim", (tx) => claimUpTo(tx, filter, free), { lazy: true });
      for (const task of tasks) {
        const controller = new AbortController();
        inHand.add(task.id);
        const done: Promise<void> = run(task, controller).finally(() => {
          running.delete(done);
          inHand.delete(task.id);
          look();
        });
        running.set(done, controller);
      }
      if (tasks.length < free) return;
    }
  }

  /** Looks for work now; a look during a look makes one more. */
  function look(): void {
    if (stopping) return;
    if (claiming) {
      again = true;
      return;
    }
    claiming = claimAll()
      .catch((error: unknown) => {
        if (error instanceof StoreError && error.code !== "busy") options.broken(error);
        else log.error("could not claim work", { error });
      })
      .finally(() => {
        claiming = null;
        if (again) {
          again = false;
          look();
        } else schedule();
      });
  }

  function schedule(): void {
    if (stopping || timer) return;
    timer = setTimeout(() => {
      timer = null;
      sweeping = options
        .sweep()
        .then(() => {})
        .catch((error: unknown) => log.error("the sweep failed", { error }))
        .finally(look);
    }, options.lookMs ?? LOOK_MS);
  }

  async function run(task: Task, controller: AbortController): Promise<void> {
    const lease: Lease = { goalId: task.goalId, taskId: task.id, owner: options.owner, epoch: task.epoch };
    const heartbeat = setInterval(() => {
      store
        .write("task.renew", (tx) => renewLease(tx, lease, leaseMs), { lazy: true })
        .then((held) => {
          if (!held) controller.abort();
        })
        .catch((error: unknown) => log.warn("could not renew a lease", { task: task.id, error }));
    }, leaseMs / 3);
    try {
      await options.attempt(task, lease, controller.signal);
    } catch (error) {
      if (error instanceof LeaseLost) log.warn("somebody else has this task now: its late result is dropped", { task: task.id });
      else if (error instanceof StoreError && error.code !== "busy") options.broken(error);
      else if (error instanceof StoreError) {
        // Not the task's fault: whoever takes it over goes on with this attempt.
        log.warn("the store was busy: an attempt is begun again", { task: task.id, goal: task.goalId, error });
        await store.write("task.renew", (tx) => renewLease(tx, lease, -1)).catch(() => {});
      } else {
        // Stored answers are not paid for again: the next claim counts one more attempt, and a task that always ends here is failed after a few.
        log.error("an attempt ended in an error", { task: task.id, goal: task.goalId, error });
        await store.write("task.stop", (tx) => endAttempt(tx, lease)).catch(() => {});
      }
    } finally {
      clearInterval(heartbeat);
    }
  }

  const unlisten = options.queue.listen(() => {
    // A full worker has no room now: a queue between processes then tells another one.
    if (running.size >= options.concurrency) return false;
    look();
    return true;
  });
  look();

  function stop(): void {
    stopping = true;
    unlisten();
    if (timer) clearTimeout(timer);
    timer = null;
  }

  async function settled(): Promise<void> {
    await claiming;
    // The store may be closed after this: a sweep must not meet that.
    await sweeping;
    while (running.size > 0) await Promise.allSettled(running.keys());
  }

  return {
    get busy() {
      return running.size;
    },
    async drain() {
      stop();
      await settled();
    },
    async abort() {
      stop();
      for (const controller of running.values()) controller.abort();
      // A claim that was on its way has brought its tasks by now.
      await claiming;
      for (const controller of running.values()) controller.abort();
      await settled();
    },
  };
}
