/** A call whose answer could not be saved: its hold does not stay behind when the step is called again. */

import { expect, test } from "bun:test";
import { sql } from "kysely";
import { nano } from "../domain/money.ts";
import { newId } from "../domain/id.ts";
import { silentLog } from "../log/log.ts";
import type { Model } from "../model/model.ts";
import { scriptedModel, stopReply, textReply } from "../model/scripted/scripted.ts";
import { loadRegistry } from "../skills/registry.ts";
import { callsOfGoal, orphanHolds } from "../store/calls.ts";
import { insertGoal } from "../store/goals.ts";
import { claimTask } from "../store/leases.ts";
import { listEvents } from "../store/events.ts";
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

/** A goal with one task that is in hand, and the call that the task makes. */
async function inHand(store: Store, using: Store, model: Model) {
  const goalId = newId("goal");
  const of = { priority: "P1", rehearsal: false } as const;
  await store.write("goal.accept", async (tx) => {
    const goal = { title: "t", text: "t", category: null, source: "test", pipeline: null, cap: CAP, contextVersion: 0 };
    await insertGoal(tx, { id: goalId, ...goal, ...of });
    const task = { phase: "P", skill: "s", brief: "b", criteria: [], reviewers: [], variants: 1, needs: [], unmet: 0 };
    await insertTasks(tx, [{ id: newId("task"), goalId, key: "t", kind: "work", ...task, ...of }]);
  });
  const task = await store.write("task.claim", (tx) => claimTask(tx, { owner: "p", leaseMs: 60_000, rehearsal: false, goalId }));
  if (!task) throw new Error("nothing to claim");
  const journal = createJournal({
    ...{ store: using, model, models, caps: { call: nano(2), task: CAP, goal: CAP, day: CAP, month: CAP } },
    ...{ retry: { attempts: 3, baseMs: 1, maxMs: 2 }, now: Date.now, random: () => 0.5, sleep: async () => {} },
    ...{ processId: "p", log: silentLog, reached: () => {} },
  });
  return {
    call: (epoch = task.epoch) =>
      journal.call(
        {
          key: { goalId, subject: task.id, revision: 0, step: "make", round: 0 },
          lease: { goalId, taskId: task.id, owner: "p", epoch },
          goal: { id: goalId, cap: CAP, allowed: 0, ...of },
          ...{ skill: "s", tier: "standard", maxTokens: 1_000, system: [], user: [{ kind: "inputs", text: "Write." }] },
        },
        never,
      ),
    /** As after a lease that ran out; returns the new epoch. */
    async takeOver() {
      await store.write("t.expire", (tx) =>
        tx.db.updateTable("tasks").set({ lease_until: 0 }).where("id", "=", task.id).execute(),
      );
      const again = await store.write("task.claim", (tx) =>
        claimTask(tx, { owner: "p", leaseMs: 60_000, rehearsal: false, goalId }),
      );
      if (!again) throw new Error("nothing to claim");
      return again.epoch;
    },
    stored: async () =>
      (await store.read((read) => read.db.selectFrom("calls").select("reply").where("goal_id", "=", goalId).execute())).flatMap(
        ({ reply }) => (reply === null ? [] : [(JSON.parse(reply) as { text: string }).text]),
      ),
    states: async () => (await store.read((read) => callsOfGoal(read, goalId))).map((entry) => entry.state),
    lost: async () =>
      (await store.read((read) => listEvents(read, { goalId }))).filter((event) => event.type === "call.unknown").length,
  };
}

for (const engine of ENGINES) {
  test.skipIf(!engine.ok)(
    `${engine.name}: the store was away when the answer came; the next attempt calls the first one lost`,
    async () => {
      await using store = await engine.open();
      let away = true;
      const flaky: Store = {
        ...store,
        write: (name, change) =>
          name === "call.settle" && away
            ? Promise.reject(new StoreError("unreachable", "away", "wait"))
            : store.write(name, change),
      };
      const { call, states, lost } = await inHand(
        store,
        flaky,
        scriptedModel(() => textReply("the answer")),
      );
      expect(await call().catch((error: unknown) => error)).toBeInstanceOf(StoreError);
      expect(await states()).toEqual(["held"]);
      away = false;
      expect(await call()).toMatchObject({ kind: "answer", text: "the answer", replayed: false });
      expect(await states()).toEqual(["unknown", "settled"]);
      expect(await lost()).toBe(1);
      expect(await call()).toMatchObject({ replayed: true });
    },
  );

  test.skipIf(!engine.ok)(
    `${engine.name}: called lost while it was on its way, and then it breaks off: it is lost once, and the next attempt is made`,
    async () => {
      await using store = await engine.open();
      const replies = [stopReply("lost"), textReply("the answer")];
      const model: Model = {
        async respond() {
          // Another process took this one for dead.
          await store.write("t.sweep", (tx) => orphanHolds(tx, ["p"]));
          return replies.shift() ?? textReply("too many");
        },
      };
      const { call, states, lost } = await inHand(store, store, model);
      // What is known of an answer that came after all is kept: its cost is no guess any more.
      expect(await call()).toMatchObject({ kind: "answer", text: "the answer" });
      expect(await states()).toEqual(["unknown", "settled"]);
      expect(await lost()).toBe(2);
    },
  );

  test.skipIf(!engine.ok)(
    `${engine.name}: paused in a call while another took over and answered: both are paid for, the first stored answer stands`,
    async () => {
      await using store = await engine.open();
      const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
      let n = 0;
      const model: Model = { respond: async () => textReply((await answers[n++]?.promise) ?? "") };
      const { call, states, stored, takeOver } = await inHand(store, store, model);
      const sleeper = call();
      while (n < 1) await Bun.sleep(1);
      const second = call(await takeOver());
      while (n < 2) await Bun.sleep(1);
      answers[1]?.resolve("the other's");
      expect(await second).toMatchObject({ kind: "answer", text: "the other's", replayed: false });
      answers[0]?.resolve("late");
      expect(await sleeper).toMatchObject({ kind: "answer", text: "the other's", replayed: true });
      expect(await states()).toEqual(["settled", "settled"]);
      expect(await stored()).toEqual(["the other's"]);
      expect(await call(await takeOver())).toMatchObject({ text: "the other's", replayed: true });
    },
  );

  test.skipIf(!engine.ok)(
    `${engine.name}: an answer is stored between the look for it and the next hold: it is used, nothing is called again`,
    async () => {
      await using store = await engine.open();
      const answer = Promise.withResolvers<string>();
      let asked = 0;
      const model: Model = { respond: async () => textReply(asked++ === 0 ? await answer.promise : "again") };
      let first: Promise<unknown> | null = null;
      const late: Store = {
        ...store,
        async write(name, change, options) {
          if (name === "call.hold" && first !== null) {
            answer.resolve("the answer");
            await first;
          }
          return store.write(name, change, options);
        },
      };
      const { call, states, lost, takeOver } = await inHand(store, late, model);
      const sleeper = call();
      while (asked < 1) await Bun.sleep(1);
      const epoch = await takeOver();
      first = sleeper;
      expect(await call(epoch)).toMatchObject({ kind: "answer", text: "the answer", replayed: true });
      expect(asked).toBe(1);
      expect(await states()).toEqual(["settled"]);
      expect(await lost()).toBe(0);
    },
  );
}

// A process can be stopped between a settlement and its commit, with the row locked; SQLite's one writer waits for it.
test.skipIf(!ENGINES.some((engine) => engine.name === "postgres" && engine.ok))(
  "postgres: paused while its answer was being stored: who took over waits for that, uses it, and calls nothing lost",
  async () => {
    const engine = ENGINES.find(({ name }) => name === "postgres");
    await using store = await (engine as NonNullable<typeof engine>).open();
    const [stopped, wake] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let asked = 0;
    const model: Model = { respond: async () => textReply(`answer ${++asked}`) };
    const pausing: Store = {
      ...store,
      write: (name, change, options) =>
        store.write(
          name,
          async (tx) => {
            const result = await change(tx);
            if (name !== "call.settle" || asked > 1) return result;
            stopped.resolve();
            await wake.promise;
            return result;
          },
          options,
        ),
    };
    const { call, states, lost, takeOver } = await inHand(store, pausing, model);
    const sleeper = call();
    await stopped.promise;
    const second = call(await takeOver());
    const waits = sql<{ n: number }>`select count(*)::int as n from pg_locks where not granted`;
    const done = second.then(() => true);
    while (!(await Promise.race([done, waiting()]))) await Bun.sleep(1);
    async function waiting(): Promise<boolean> {
      return store.read(async (read) => ((await waits.execute(read.db)).rows[0]?.n ?? 0) > 0);
    }
    wake.resolve();
    expect(await sleeper).toMatchObject({ text: "answer 1", replayed: false });
    expect(await second).toMatchObject({ kind: "answer", text: "answer 1", replayed: true });
    expect(await states()).toEqual(["settled"]);
    expect(await lost()).toBe(0);
  },
);
