/** A call whose answer could not be saved: its hold does not stay behind when the step is called again. */

import { expect, test } from "bun:test";
import { nano } from "../domain/money.ts";
import { newId } from "../domain/id.ts";
import { silentLog } from "../log/log.ts";
import { scriptedModel, textReply } from "../model/scripted/scripted.ts";
import { loadRegistry } from "../skills/registry.ts";
import { callsOfGoal } from "../store/calls.ts";
import { insertGoal } from "../store/goals.ts";
import { claimTask } from "../store/leases.ts";
import { listEvents } from "../store/records.ts";
import { StoreError, type Store } from "../store/store.ts";
import { insertTasks } from "../store/tasks.ts";
import { ROOT } from "../test/cli.ts";
import { ENGINES } from "../test/engines.ts";
import { createJournal } from "./journal.ts";

const { registry } = await loadRegistry({ root: ROOT });
if (!registry) throw new Error("the shipped registry does not load");
const { models } = registry;
const CAP = nano(1_000);
const never = new AbortController().signal;

for (const engine of ENGINES)
  test.skipIf(!engine.ok)(
    `${engine.name}: the store was away when the answer came; the next attempt calls the first one lost`,
    async () => {
      await using store = await engine.open();
      const goalId = newId("goal");
      const of = { priority: "P1", rehearsal: false } as const;
      await store.write("goal.accept", async (tx) => {
        const goal = { title: "t", text: "t", category: null, source: "test", pipeline: null, cap: CAP, contextVersion: 0 };
        await insertGoal(tx, { id: goalId, ...goal, ...of });
        const task = { phase: "P", skill: "s", brief: "b", criteria: [], reviewers: [], variants: 1, needs: [], unmet: 0 };
        await insertTasks(tx, [{ id: newId("task"), goalId, key: "t", kind: "work", ...task, ...of }]);
      });
      const task = await store.write("task.claim", (tx) =>
        claimTask(tx, { owner: "p", leaseMs: 60_000, rehearsal: false, goalId }),
      );
      if (!task) throw new Error("nothing to claim");
      let away = true;
      const flaky: Store = {
        ...store,
        write: (name, change) =>
          name === "call.settle" && away
            ? Promise.reject(new StoreError("unreachable", "away", "wait"))
            : store.write(name, change),
      };
      const model = scriptedModel(() => textReply("the answer"));
      const journal = createJournal({
        ...{ store: flaky, model, models, caps: { call: nano(2), task: CAP, goal: CAP, day: CAP, month: CAP } },
        ...{ retry: { attempts: 3, baseMs: 1, maxMs: 2 }, now: Date.now, random: () => 0.5, sleep: async () => {} },
        ...{ processId: "p", log: silentLog, reached: () => {} },
      });
      const call = () =>
        journal.call(
          {
            key: { goalId, subject: task.id, revision: 0, step: "make", round: 0 },
            lease: { goalId, taskId: task.id, owner: "p", epoch: task.epoch },
            goal: { id: goalId, cap: CAP, allowed: 0, ...of },
            ...{ skill: "s", tier: "standard", maxTokens: 1_000, system: [], user: [{ kind: "inputs", text: "Write." }] },
          },
          never,
        );
      expect(await call().catch((error: unknown) => error)).toBeInstanceOf(StoreError);
      const states = async () => (await store.read((read) => callsOfGoal(read, goalId))).map((entry) => entry.state);
      expect(await states()).toEqual(["held"]);
      away = false;
      expect(await call()).toMatchObject({ kind: "answer", text: "the answer", replayed: false });
      expect(await states()).toEqual(["unknown", "settled"]);
      const events = await store.read((read) => listEvents(read, { goalId }));
      expect(events.filter((event) => event.type === "call.unknown")).toHaveLength(1);
      expect(await call()).toMatchObject({ replayed: true });
    },
  );
