/** A model outage: waiting goals try one at a time, later each time, and all go on when one gets through. */

import { expect, test } from "bun:test";
import { silentLog } from "../log/log.ts";
import { insertGoal, listGoals, lockGoal } from "../store/goals.ts";
import type { StoredEvent } from "../domain/event.ts";
import { nano } from "../domain/money.ts";
import { newId } from "../domain/id.ts";
import { testTeam, type TestTeam } from "../test/team.ts";
import { pauseGoal } from "./engine.ts";
import { createOutage } from "./outage.ts";

async function paused(it: TestTeam, pause: "model_away" | "budget" = "model_away"): Promise<string> {
  const id = newId("goal");
  await it.store.write("goal.accept", async (tx) => {
    await insertGoal(tx, {
      id,
      title: "t",
      text: "t",
      category: null,
      source: "test",
      pipeline: null,
      priority: "P1",
      rehearsal: false,
      cap: nano(1),
      contextVersion: 0,
    });
    await pauseGoal(tx, await lockGoal(tx, id), pause, "the model is away");
  });
  return id;
}
const waiting = async (it: TestTeam) =>
  (await it.store.read((read) => listGoals(read, { limit: 50, status: ["paused"] }))).filter(
    (goal) => goal.pause === "model_away",
  ).length;
const settled = (stop: string) => ({ type: "call.settled", rehearsal: false, stop }) as StoredEvent;
const away = { type: "goal.paused", rehearsal: false, pause: "model_away" } as StoredEvent;

test("one goal tries after a while, then later each time; an answer lets all go on; other pauses are not touched", async () => {
  await using it = await testTeam();
  let clock = 1_000_000;
  const outage = createOutage({ store: it.store, rehearsal: false, log: silentLog, now: () => clock });
  expect(await outage.look()).toBeNull();
  for (let i = 0; i < 3; i++) await paused(it);
  await paused(it, "budget");
  expect(outage.hear(away)).toBe(true);
  const first = await outage.look();
  expect([first, await waiting(it)]).toEqual([clock + 15_000, 3]);
  clock += 15_000;
  const second = await outage.look();
  expect([second, await waiting(it)]).toEqual([clock + 30_000, 2]);
  // Too early: nobody tries.
  clock += 29_000;
  await outage.look();
  expect(await waiting(it)).toBe(2);
  // A refused call is no answer.
  expect(outage.hear(settled("overloaded"))).toBe(false);
  expect(outage.hear(settled("end"))).toBe(true);
  await outage.look();
  expect(await waiting(it)).toBe(0);
  const all = await it.store.read((read) => listGoals(read, { limit: 50, status: ["paused"] }));
  expect(all.map((goal) => goal.pause)).toEqual(["budget"]);
});
