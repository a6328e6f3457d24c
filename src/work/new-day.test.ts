/** A new day's budget: who waited for the day or the month goes on when it may; who waits for anything else waits on. */

import { describe, expect, test } from "bun:test";
import type { Goal, Priority } from "../domain/goal.ts";
import { newId } from "../domain/id.ts";
import { nano } from "../domain/money.ts";
import { silentLog } from "../log/log.ts";
import { insertGoal, lockGoal, needGoal } from "../store/goals.ts";
import { askQuestion, listQuestions } from "../store/questions.ts";
import { listEvents } from "../store/events.ts";
import type { Store } from "../store/store.ts";
import { ENGINES } from "../test/engines.ts";
import { addScope, addTask, at } from "../test/small-store.ts";
import { pauseGoal } from "./engine.ts";
import { createNewDay } from "./new-day.ts";

const CAPS = { day: nano(10), month: nano(100) };
const EVENING = Date.UTC(2026, 10, 29, 20);
const NEXT = Date.UTC(2026, 10, 30, 0, 1);
const NEXT_MONTH = Date.UTC(2026, 11, 1, 0, 1);

type Waiting = {
  /** What refused its calls; nothing: ten caps in a row. */
  readonly scopes?: readonly ("day" | "month" | "goal" | "task" | "call")[];
  readonly priority?: Priority;
  readonly rehearsal?: boolean;
  readonly pause?: "budget" | "model_away" | "question";
  readonly asks?: boolean;
};

/** A goal that was stopped in the evening, with its question. */
async function wait(
  store: Store,
  { scopes = ["day"], priority = "P1", rehearsal = false, pause = "budget", asks }: Waiting = {},
) {
  const id = newId("goal");
  await store.write("test.wait", async (tx) => {
    const title = { title: "t", text: "t", category: null, source: "test", pipeline: null };
    await insertGoal(tx, { id, ...title, priority, rehearsal, cap: nano(5), contextVersion: 0 });
    await addTask(tx, { id: `task_${id}`, goal_id: id, rehearsal: rehearsal ? 1 : 0 });
    for (const scope of scopes)
      await tx.db
        .insertInto("events")
        .values({
          ...{ tenant: tx.tenant, at: EVENING, type: "call.refused", goal_id: id, task_id: null, rehearsal: rehearsal ? 1 : 0 },
          data: JSON.stringify({ scope, cap: 1, needed: 1 }),
        })
        .execute();
    const question = { goalId: id, title: "?", detail: "d", approveMeans: "a", rejectMeans: "r" };
    if (pause === "budget") await askQuestion(tx, { ...question, id: newId("ask"), taskId: null, kind: "budget" }, rehearsal);
    if (asks) await askQuestion(tx, { ...question, id: newId("ask"), taskId: `task_${id}`, kind: "quality" }, rehearsal);
    await pauseGoal(tx, await lockGoal(tx, id), pause, "no money");
  });
  return id;
}

const lookAt = (store: Store, now: number) =>
  createNewDay({ store: { ...store, ...at(store, now) }, caps: CAPS, rehearsal: false, log: silentLog, now: () => now });
const goal = (store: Store, id: string): Promise<Goal> => store.read((read) => needGoal(read, id));
const status = async (store: Store, id: string) => (await goal(store, id)).status;

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`a new day's budget on ${engine.name}`, () => {
    test("it waits on the same day; on the next its question is withdrawn, it runs, and its work is told of", async () => {
      await using store = await engine.open();
      const id = await wait(store);
      expect(await lookAt(store, EVENING + 3_600_000).look()).toBe(NEXT);
      expect(await status(store, id)).toBe("paused");
      await Promise.all([lookAt(store, NEXT).look(), lookAt(store, NEXT).look()]);
      expect(await goal(store, id)).toMatchObject({ status: "running", pause: null, allowed: 0 });
      const questions = await store.read((read) => listQuestions(read, { goalId: id }));
      expect(questions.map((question) => question.status)).toEqual(["withdrawn"]);
      const told = (await store.read((read) => listEvents(read, { goalId: id }))).map((event) => event.type);
      expect(told.slice(-2)).toEqual(["goal.resumed", "task.ready"]);
    });

    test("what its own cap, a call's cap, ten caps in a row, a person or the model stopped is left alone", async () => {
      await using store = await engine.open();
      const others: Waiting[] = [
        { scopes: ["goal"] },
        { scopes: ["day", "task"] },
        { scopes: ["call"] },
        { scopes: [] },
        { asks: true },
        { pause: "question" },
        { pause: "model_away" },
        { rehearsal: true },
      ];
      const ids = await Promise.all(others.map((other) => wait(store, other)));
      await lookAt(store, NEXT_MONTH).look();
      expect(await Promise.all(ids.map((id) => status(store, id)))).toEqual(others.map(() => "paused"));
    });

    test("what the month refused waits for the next month; what the new day's level does not let work waits too", async () => {
      await using store = await engine.open();
      const month = await wait(store, { scopes: ["month", "day"] });
      const low = await wait(store, { priority: "P2" });
      const high = await wait(store, { priority: "P1" });
      await store.write("test.spend", (tx) => addScope(tx, { kind: "month", id: "2026-11", spent: nano(92) }));
      await lookAt(store, NEXT).look();
      expect(await Promise.all([month, low, high].map((id) => status(store, id)))).toEqual(["paused", "paused", "running"]);
      await lookAt(store, NEXT_MONTH).look();
      expect(await Promise.all([month, low].map((id) => status(store, id)))).toEqual(["running", "running"]);
    });

    test("stopped once more on the new day, it waits for the one after it", async () => {
      await using store = await engine.open();
      const id = await wait(store);
      await lookAt(store, NEXT).look();
      await store.write("test.again", async (tx) => {
        await tx.db
          .insertInto("events")
          .values({
            ...{ tenant: tx.tenant, at: NEXT + 1, type: "call.refused", goal_id: id, task_id: null, rehearsal: 0 },
            data: JSON.stringify({ scope: "day", cap: 1, needed: 1 }),
          })
          .execute();
        await pauseGoal(tx, await lockGoal(tx, id), "budget", "no money");
      });
      await lookAt(store, NEXT + 2).look();
      expect(await status(store, id)).toBe("paused");
      await lookAt(store, NEXT_MONTH).look();
      expect(await status(store, id)).toBe("running");
    });
  });
}
