/** Whole goals on every engine that this machine has: wide plans, shared work, a paused process that comes back late. */

import { describe, expect, test } from "bun:test";
import { newId } from "../domain/id.ts";
import type { Plan } from "../domain/plan.ts";
import { callsOfGoal } from "../store/calls.ts";
import { claimTask, LeaseLost } from "../store/leases.ts";
import { listEvents } from "../store/events.ts";
import { needTask } from "../store/tasks.ts";
import { conclude, deliver, fail } from "../work/complete.ts";
import { attempt } from "../work/attempt.ts";
import { ENGINES } from "./engines.ts";
import { testTeam } from "./team.ts";

const wide = (width: number): Plan => ({
  title: "Wide",
  category: "content",
  pipeline: null,
  phases: [
    { name: "Create", gate: false },
    { name: "Join", gate: false },
  ],
  tasks: [
    ...Array.from({ length: width }, (_, i) => ({
      key: `t${i}`,
      phase: "Create",
      skill: "copywriting",
      brief: `Write part ${i}.`,
      criteria: [],
      needs: [],
    })),
    {
      key: "join",
      phase: "Join",
      skill: "copy-editing",
      brief: "Join the parts.",
      criteria: [],
      needs: Array.from({ length: width }, (_, i) => `t${i}`),
    },
  ],
  assumptions: [],
  missing: [],
});

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`goals on ${engine.name}`, () => {
    test("tasks that end at the same moment still lead to one report and one end", async () => {
      await using store = await engine.open();
      await using it = await testTeam({ store });
      for (let i = 0; i < 2; i++) {
        const goal = await it.run("Write the parts", { plan: wide(8) });
        expect(goal.status).toBe("completed");
        const events = await store.read((read) => listEvents(read, { goalId: goal.id }));
        expect(events.filter((event) => event.type === "goal.completed").length).toBe(1);
        const done = events.flatMap((event) => (event.type === "task.done" ? [event.taskId] : []));
        expect(new Set(done).size).toBe(done.length);
        expect(events.map((event) => event.seq)).toEqual([...events.map((event) => event.seq)].sort((a, b) => a - b));
      }
    }, 60_000);

    test("two workers on one goal share it: no task done twice, no call made twice", async () => {
      await using store = await engine.open();
      await using one = await testTeam({ store });
      await using two = await testTeam({ store });
      const goalId = await one.accept("Write the parts", { plan: wide(8) });
      const [a, b] = await Promise.all([one.work(goalId), two.work(goalId)]);
      expect([a.status, b.status]).toEqual(["completed", "completed"]);
      const calls = await store.read((read) => callsOfGoal(read, goalId));
      const keys = calls.map((call) => [call.subject, call.revision, call.step, call.round].join("/"));
      expect(new Set(keys).size).toBe(keys.length);
      expect(calls.every((call) => call.state === "settled")).toBe(true);
    }, 60_000);

    test("a worker that was paused past its lease changes nothing when it comes back", async () => {
      await using store = await engine.open();
      await using it = await testTeam({ store });
      const goalId = await it.accept("Write the parts", { plan: wide(1) });
      const claim = (owner: string, leaseMs: number) =>
        store.write("task.claim", (tx) => claimTask(tx, { owner, leaseMs, rehearsal: false, goalId }));
      const first = await claim("sleeper", -1);
      if (!first) throw new Error("nothing to claim");
      const second = await claim("awake", 60_000);
      expect(second?.id).toBe(first.id);
      expect(second?.epoch).toBe(first.epoch + 1);
      const late = { goalId, taskId: first.id, owner: "sleeper", epoch: first.epoch };
      const deliverable = {
        id: newId("dlv"),
        taskId: first.id,
        goalId,
        revision: 0,
        origin: "agent",
        skill: first.skill,
        body: "late",
        hash: "",
        missing: [],
        warnings: [],
        score: null,
        summary: null,
        facts: [],
        answers: [],
        claims: [],
        createdAt: 0,
      } as const;
      const refused = async (write: Promise<void>) =>
        expect(await write.catch((error: unknown) => error)).toBeInstanceOf(LeaseLost);
      await refused(deliver(store, late, deliverable, "m", false));
      await refused(conclude(store, late, deliverable, { judgements: [], standing: [] }, null, 3));
      await refused(fail(store, late, "late"));
      // And it reaches no model: the hold checks the lease.
      await attempt(it.team, first, late, new AbortController().signal);
      expect(it.asked.length).toBe(0);
      expect(await store.read((read) => callsOfGoal(read, goalId))).toEqual([]);
      const task = await store.read((read) => needTask(read, first.id));
      expect([task.status, task.leaseOwner, task.epoch]).toEqual(["running", "awake", first.epoch + 1]);
    });
  });
}
