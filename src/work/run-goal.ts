/** Sees a goal through in this process: works on it until it ends, pauses, or is interrupted. */

import type { Goal } from "../domain/goal.ts";
import type { Queue } from "../queue/queue.ts";
import { lockGoal, needGoal } from "../store/goals.ts";
import { AT_ONCE } from "../tools/leaving.ts";
import type { DaemonPart } from "./daemon.ts";
import { pauseGoal } from "./engine.ts";
import { startKeeper } from "./keeper.ts";
import type { Presence } from "./presence.ts";
import { createScribe } from "./scribe.ts";
import type { Team } from "./team.ts";
import { attempt } from "./attempt.ts";
import { startWorker } from "./worker.ts";

export type RunOptions = {
  readonly team: Team;
  readonly queue: Queue;
  readonly presence: Presence;
  readonly concurrency: number;
  /** Fires on the first interrupt: nothing new is begun, calls in flight may finish. */
  readonly stop: AbortSignal;
  /** Fires on the second one: calls in flight are aborted. */
  readonly abort: AbortSignal;
  /** How long calls in flight may take after the first interrupt, in ms. */
  readonly drainMs: number;
  /** Refuses new model calls from now on; those in flight go on. */
  readonly refuseCalls: () => void;
  /** What looks around beside the work: who fetches what a daemon has sent in batches. */
  readonly parts?: readonly DaemonPart[];
};

/** Resolves with the goal as it stands when nothing more happens to it in this process, and all its documents are written. */
export async function runGoal(options: RunOptions, goalId: string): Promise<Goal> {
  const { team, queue } = options;
  const { store } = team;
  await options.presence.sweep();
  const scribe = createScribe(team, (id) => id === goalId);
  const rest = Promise.withResolvers<void>();
  const { parts = [] } = options;
  const keeper = startKeeper(parts, { log: team.log, now: team.now });
  const stopFeed = store.subscribe((event) => {
    for (const part of parts) if (part.hears?.(event)) keeper.wake(part.name);
    if (event.goalId !== goalId) return;
    if (event.type === "task.ready" && event.taskId !== null) queue.signal([event.taskId]);
    if (
      event.type === "goal.completed" ||
      event.type === "goal.failed" ||
      event.type === "goal.cancelled" ||
      event.type === "goal.paused"
    )
      rest.resolve();
  });
  const { rehearsal, status, planVersion } = await store.read((read) => needGoal(read, goalId));
  // Whoever worked on it before may have been killed between a change and its documents.
  if (planVersion > 0) scribe.catchUp(goalId);
  // It may have come to rest before we began to listen.
  if (status !== "running") rest.resolve();
  const worker = startWorker({
    store,
    queue,
    attempt: (task, lease, signal) => attempt(team, task, lease, signal),
    sweep: () => options.presence.sweep(),
    owner: options.presence.processId,
    concurrency: options.concurrency,
    goalId,
    rehearsal,
    log: team.log,
    now: team.now,
    broken: rest.reject,
  });
  const interrupted = aborted(options.stop);
  // Also when the goal is done and what the policy lets through is being sent.
  void interrupted.then(() => {
    options.refuseCalls();
    team.hands?.toolbox.leave();
  });
  void aborted(options.abort).then(() => team.hands?.toolbox.leave(AT_ONCE));
  try {
    await Promise.race([rest.promise, interrupted]);
  } catch (error) {
    stopFeed();
    await keeper.close();
    await worker.abort();
    // What could not be saved cannot be written down either; the next start does both.
    await scribe.close().catch(() => {});
    throw error;
  }
  await keeper.close();
  if (options.stop.aborted) {
    const late = timeout(options.drainMs);
    await Promise.race([worker.drain(), late.promise, aborted(options.abort)]);
    late.cancel();
    team.hands?.toolbox.leave(AT_ONCE);
    await worker.abort();
    await store.write("goal.interrupt", async (tx) => {
      const goal = await lockGoal(tx, goalId);
      if (goal.status === "running") await pauseGoal(tx, goal, "interrupted", "interrupted: nothing is lost");
    });
  } else {
    const goal = await store.read((read) => needGoal(read, goalId));
    // A cancelled goal's calls are of no use to anybody; a paused one's answers are kept.
    await (goal.status === "cancelled" ? worker.abort() : worker.drain());
  }
  stopFeed();
  // What the policy lets through waits for the work to be accepted. A rehearsal sends nothing, whoever approved it.
  if (team.hands && !rehearsal && !options.stop.aborted) await team.hands.effects.look(options.stop);
  // Calls that were in flight at a pause have changed the figures since.
  scribe.catchUp(goalId);
  await scribe.close();
  return store.read((read) => needGoal(read, goalId));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function timeout(ms: number): { promise: Promise<void>; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const promise = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
