/** How tasks end: when failures in a row stop a goal, what ends the row, and what a failed task wanted done outside. */

import { expect, test } from "bun:test";
import { getEffect, proposeEffect } from "../store/effects.ts";
import { needGoal } from "../store/goals.ts";
import { listQuestions } from "../store/questions.ts";
import { needTask } from "../store/tasks.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addTask, HOUR } from "../test/small-store.ts";
import { failTask, finishTask } from "./engine.ts";

test.each(ENGINES.filter(({ ok }) => ok))(
  "work that is done ends a row of failures, the third of a row pauses the goal: $name",
  async ({ open }) => {
    await using store = await open();
    const ids = ["a", "b", "c", "d", "e", "f", "rest"].map((name) => `task_${name}`);
    await store.write("t.fill", async (tx) => {
      await addGoal(tx, { id: "goal_a" });
      for (const id of ids) await addTask(tx, { id, goal_id: "goal_a", status: "running" });
    });
    const ends = async (id: string, how: "fails" | "is done") => {
      await store.write("t.end", async (tx) => {
        const [goal, task] = [await needGoal(tx, "goal_a"), await needTask(tx, id)];
        if (how === "fails") await failTask(tx, goal, task, "it broke");
        else await finishTask(tx, task, {}, false);
      });
      return store.read(async (read) => {
        const { status, failures } = await needGoal(read, "goal_a");
        return [status, failures, (await listQuestions(read, { goalId: "goal_a", status: "open" })).map(({ kind }) => kind)];
      });
    };
    expect(await ends("task_a", "fails")).toEqual(["running", 1, []]);
    expect(await ends("task_b", "fails")).toEqual(["running", 2, []]);
    expect(await ends("task_c", "is done")).toEqual(["running", 0, []]);
    expect(await ends("task_d", "fails")).toEqual(["running", 1, []]);
    expect(await ends("task_e", "fails")).toEqual(["running", 2, []]);
    expect(await ends("task_f", "fails")).toEqual(["paused", 3, ["failures"]]);
  },
);

test("what a failed task wanted done outside is taken back", async () => {
  const [engine] = ENGINES;
  if (!engine) throw new Error("no engine");
  await using store = await engine.open();
  const wish = { step: "make", round: 0, useIndex: 0, goalId: "goal_a", taskId: "task_a", revision: 0, skill: "writing" };
  const action = { server: "mail", tool: "send", toolHash: "h", args: "{}", class: "send" as const, preview: "Sends" };
  const id = await store.write("t.fill", async (tx) => {
    await addGoal(tx, { id: "goal_a" });
    for (const task of ["task_a", "task_b"]) await addTask(tx, { id: task, goal_id: "goal_a", status: "running" });
    const more = { recipients: 1, cost: null, tainted: false, blocked: null, expiresAt: tx.now + HOUR, rehearsal: false };
    const noted = await proposeEffect(tx, { ...wish, ...action, ...more });
    return "refused" in noted ? noted.refused : noted.effect.id;
  });
  await store.write("t.fail", async (tx) => failTask(tx, await needGoal(tx, "goal_a"), await needTask(tx, "task_a"), "it broke"));
  expect(await store.read((read) => getEffect(read, id))).toMatchObject({ state: "withdrawn" });
});
