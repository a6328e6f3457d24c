/** Tasks through the embedded queue with nothing to do in them: accepted, ready, claimed under a lease, finished, each step on the disk. */

import { enterTask } from "../src/store/leases.ts";
import type { Queue } from "../src/queue/queue.ts";
import { silentLog } from "../src/log/log.ts";
import { finishTask } from "../src/work/engine.ts";
import { startWorker } from "../src/work/worker.ts";
import type { Work } from "./work.ts";

/** Works on that many goals of ten tasks, with their check and report, with the team's own worker; comes back with tasks a second. */
export async function plainTasks(work: Work, queue: Queue, options: { goals: number; concurrency: number }): Promise<number> {
  const { store } = work;
  await work.accept(options.goals);
  let [left, tasks] = [options.goals, 0];
  const over = Promise.withResolvers<void>();
  const stop = store.subscribe((event) => {
    if (event.type === "task.ready" && event.taskId !== null) queue.signal([event.taskId]);
    if (event.type === "task.done") tasks++;
    if (event.type === "goal.completed" && --left === 0) over.resolve();
  });
  const began = performance.now();
  const worker = startWorker({
    ...{ store, queue, owner: "bench", goalId: null, rehearsal: false, log: silentLog, now: Date.now },
    concurrency: options.concurrency,
    broken: over.reject,
    sweep: async () => {},
    attempt: (_, lease) => store.write("task.finish", async (tx) => finishTask(tx, (await enterTask(tx, lease)).task, {}, false)),
  });
  await over.promise;
  const ms = performance.now() - began;
  stop();
  await worker.drain();
  return (tasks / ms) * 1000;
}
