/** How often a task is begun: a worker's death is not the task's failure, an error is, and neither goes on for ever. */

import { describe, expect, test } from "bun:test";
import type { Plan } from "../domain/plan.ts";
import type { Lease, Task } from "../domain/task.ts";
import { silentLog } from "../log/log.ts";
import { createEmbeddedQueue } from "../queue/embedded/embedded.ts";
import { claimTask } from "../store/leases.ts";
import type { Store } from "../store/store.ts";
import { needTask, tasksOfGoal } from "../store/tasks.ts";
import { ENGINES } from "../test/engines.ts";
import { testTeam } from "../test/team.ts";
import { startWorker } from "./worker.ts";

const one: Plan = {
  title: "One",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks: [{ key: "text", phase: "Create", skill: "copywriting", brief: "Write it.", criteria: [], needs: [] }],
  assumptions: [],
  missing: [],
};

/** Workers that die one after the other, each in the middle of the goal's task. */
async function deaths(store: Store, goalId: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    await store.write("task.claim", (tx) => claimTask(tx, { owner: `dead-${i}`, leaseMs: -1, rehearsal: false, goalId }));
}

/** A worker whose attempts end in errors, until the task has been attempted so often. */
async function errors(store: Store, goalId: string, count: number): Promise<void> {
  const enough = Promise.withResolvers<void>();
  const hangs = Promise.withResolvers<void>();
  let attempts = 0;
  const worker = startWorker({
    store,
    queue: createEmbeddedQueue(),
    async attempt(_task: Task, _lease: Lease, signal: AbortSignal) {
      if (++attempts <= count) throw new Error("a fault of the program");
      enough.resolve();
      signal.addEventListener("abort", () => hangs.resolve());
      await hangs.promise;
    },
    sweep: async () => {},
    owner: "careless",
    concurrency: 1,
    goalId,
    rehearsal: false,
    log: silentLog,
    now: Date.now,
    broken: (error) => {
      throw error;
    },
    lookMs: 1,
  });
  await enough.promise;
  await worker.abort();
  // What it held is left as by one that was killed.
  await store.write("task.renew", ({ db }) =>
    db.updateTable("tasks").set({ lease_until: 0 }).where("goal_id", "=", goalId).execute(),
  );
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`attempts on ${engine.name}`, () => {
    test("workers that are killed, more of them than errors are allowed, do not fail the task that they met", async () => {
      await using store = await engine.open();
      await using it = await testTeam({ store });
      const goalId = await it.accept("Write it", { plan: one });
      await deaths(store, goalId, 19);
      const goal = await it.work(goalId);
      expect([goal.status, goal.reason]).toEqual(["completed", null]);
    });

    test("a task that kills its worker each time is given up in the end, with words that say so", async () => {
      await using store = await engine.open();
      await using it = await testTeam({ store });
      const goalId = await it.accept("Write it", { plan: one });
      await deaths(store, goalId, 20);
      const goal = await it.work(goalId);
      expect([goal.status, it.asked.length]).toEqual(["failed", 0]);
      expect(goal.reason).toContain("died 20 times in a row while at work on it");
      const [task] = await store.read((read) => tasksOfGoal(read, goalId));
      expect(task?.reason).toBe(goal.reason);
    });

    test("deaths in a row are counted: an attempt that came to rest begins a new row", async () => {
      await using store = await engine.open();
      await using it = await testTeam({ store });
      const goalId = await it.accept("Write it", { plan: one });
      await deaths(store, goalId, 15);
      await errors(store, goalId, 1);
      await deaths(store, goalId, 15);
      expect((await it.work(goalId)).status).toBe("completed");
    });

    test("a fifth error is the last one, and deaths in between do not make it six", async () => {
      await using store = await engine.open();
      await using it = await testTeam({ store });
      const goalId = await it.accept("Write it", { plan: one });
      for (let i = 0; i < 4; i++) {
        await errors(store, goalId, 1);
        await deaths(store, goalId, 2);
      }
      await errors(store, goalId, 1);
      const [held] = await store.read((read) => tasksOfGoal(read, goalId));
      expect((await store.read((read) => needTask(read, held?.id ?? ""))).status).toBe("running");
      const goal = await it.work(goalId);
      expect([goal.status, it.asked.length]).toEqual(["failed", 0]);
      expect(goal.reason).toContain("ended in an error 5 times");
    });
  });
}
