/** Bare BullMQ whose handler makes the team's own store transactions, and its calls with fetch: no worker, prompts, client or documents. */

import { Queue as BullQueue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { NO_USAGE } from "../src/domain/call.ts";
import { hashOf, type Deliverable } from "../src/domain/deliverable.ts";
import { newId } from "../src/domain/id.ts";
import type { Lease, Task } from "../src/domain/task.ts";
import { endCall, holdCall } from "../src/store/calls.ts";
import { checkLease, claimTask, enterTask } from "../src/store/leases.ts";
import type { Store } from "../src/store/store.ts";
import { conclude, deliver } from "../src/work/complete.ts";
import { finishTask } from "../src/work/engine.ts";
import type { BareCall } from "./bare-bull.ts";
import { CAPS } from "./work.ts";

export type BareOurs = AsyncDisposable & {
  /** Works on what is accepted during `accept` until that many goals are done. Comes back with ms and tasks done. */
  run(goals: number, accept: () => Promise<void>): Promise<{ ms: number; tasks: number }>;
};

type Prompts = { readonly make: BareCall; readonly judge: BareCall };
type Options = { readonly concurrency: number; readonly prompts: Prompts };

export async function openBareOurs(store: Store, redisUrl: string, modelUrl: string, options: Options): Promise<BareOurs> {
  const { concurrency, prompts } = options;
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const shared = { connection, prefix: "bare-ours" };
  const queue = new BullQueue<{ id: string }>("tasks", shared);
  await queue.waitUntilReady();
  let failed: (error: unknown) => void = () => {};

  async function call(task: Task, lease: Lease, step: string, { body, reply }: BareCall): Promise<void> {
    const id = newId("call");
    const of = { goalId: task.goalId, taskId: task.id, callId: id, step };
    await store.write("call.hold", async (tx) => {
      await checkLease(tx, lease);
      const scopes = [
        { kind: "goal", id: task.goalId, cap: CAPS.goal },
        { kind: "task", id: `${task.goalId}/${task.id}`, cap: CAPS.task },
        { kind: "day", id: "2026-11-21", cap: CAPS.day },
        { kind: "month", id: "2026-11", cap: CAPS.month },
      ] as const;
      const key = { goalId: task.goalId, subject: task.id, revision: 0, step, round: 0, attempt: 1 };
      const own = { id, skill: task.skill, model: "bench", requestHash: hashOf(body), parts: [], usage: NO_USAGE, learnings: [] };
      await holdCall(tx, { ...key, ...own, hold: 1000, rehearsal: false, scopes, processId: "bench" });
      tx.emit({ type: "call.held", ...of, model: "bench", hold: 1000, attempt: 1 });
    });
    const answer = await fetch(`${modelUrl}/v1/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": "bench", "anthropic-version": "2023-06-01" },
      body,
    });
    if (!answer.ok) throw new Error(`the model answered ${answer.status}`);
    await answer.text();
    const end = { state: "settled", cost: 10, usage: NO_USAGE, stop: "end", flags: [], reply, answeredAt: Date.now() } as const;
    await store.write("call.settle", async (tx) => {
      await endCall(tx, id, end);
      tx.emit({ type: "call.settled", ...of, model: "bench", stop: "end", cost: 10, tokens: 1, ms: 1 });
    });
  }

  async function handle(): Promise<void> {
    const filter = { owner: "bench", leaseMs: 60_000, rehearsal: false, goalId: null };
    const task = await store.write("task.claim", (tx) => claimTask(tx, filter));
    if (!task) return;
    const lease: Lease = { goalId: task.goalId, taskId: task.id, owner: "bench", epoch: task.epoch };
    if (task.kind !== "work") {
      await call(task, lease, task.kind, prompts.judge);
      await store.write("task.finish", async (tx) => finishTask(tx, (await enterTask(tx, lease)).task, {}, false));
      return;
    }
    await call(task, lease, "make", prompts.make);
    const version = versionOf(task, prompts.make.reply);
    await deliver(store, lease, version, "bench", false);
    await call(task, lease, "review", prompts.judge);
    const reply = {
      ...{ scores: [], findings: [], wrong_work: false, summary: "Good.", facts: [], claims: [], learnings: [] },
    };
    const judgement = { reviewer: "director", verdict: "APPROVE", score: 9, reply, claims: [] } as const;
    await conclude(store, lease, version, { judgements: [judgement], standing: [] }, null, 3);
  }

  const worker = new Worker<{ id: string }>("tasks", handle, { ...shared, concurrency });
  await worker.waitUntilReady();
  worker.on("failed", (_, error) => failed(error));
  return {
    async run(goals, accept) {
      let [left, tasks] = [goals, 0];
      const over = Promise.withResolvers<void>();
      failed = over.reject;
      // At once would be before the handlers may start: the goals are saved first, then the clock starts.
      const ready: string[] = [];
      let started = false;
      const add = (ids: readonly string[]) =>
        void queue.addBulk(ids.map((id) => ({ name: "task", data: { id }, opts: { removeOnComplete: true } })));
      const stop = store.subscribe((event) => {
        if (event.type === "task.ready" && event.taskId !== null) {
          if (started) add([event.taskId]);
          else ready.push(event.taskId);
        }
        if (event.type === "task.done") tasks++;
        if (event.type === "goal.completed" && --left === 0) over.resolve();
      });
      await accept();
      const began = performance.now();
      started = true;
      add(ready);
      await over.promise;
      stop();
      return { ms: performance.now() - began, tasks };
    },
    async [Symbol.asyncDispose]() {
      await worker.close();
      await queue.close();
      connection.disconnect();
    },
  };
}

function versionOf(task: Task, body: string): Deliverable {
  return {
    ...{ id: newId("dlv"), taskId: task.id, goalId: task.goalId, revision: 0, origin: "agent", skill: task.skill },
    ...{ body, hash: hashOf(body), missing: [], warnings: [], score: null, summary: null, facts: [], answers: [], claims: [] },
    createdAt: Date.now(),
  };
}
