/** Each cap by itself, what a cap that was hit leads to, and that a stopped goal makes no more calls. */

import { describe, expect, test } from "bun:test";
import type { Caps } from "../domain/budget.ts";
import { newId } from "../domain/id.ts";
import { nano } from "../domain/money.ts";
import { silentLog } from "../log/log.ts";
import { scriptedModel, textReply, type Script } from "../model/scripted/scripted.ts";
import { loadRegistry } from "../skills/registry.ts";
import { callsOfGoal } from "../store/calls.ts";
import { listEvents } from "../store/events.ts";
import { listScopes } from "../store/scopes.ts";
import type { Store } from "../store/store.ts";
import { ROOT } from "../test/cli.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addTask } from "../test/small-store.ts";
import { createJournal } from "./journal.ts";
import { priceAt } from "./prices.ts";
import type { CallSpec } from "./request.ts";

const { registry } = await loadRegistry({ root: ROOT });
if (!registry) throw new Error("the shipped registry does not load");
const { models } = registry;
const sqlite = ENGINES[0];
if (!sqlite) throw new Error("no engine");

const AMPLE = nano(1_000);
const never = new AbortController().signal;

function journalOn(store: Store, caps: Partial<Caps> = {}, script: Script = () => textReply("ok")) {
  const model = scriptedModel(script);
  const journal = createJournal({
    ...{ store, model, models, now: Date.now, random: () => 0.5, sleep: async () => {}, log: silentLog, reached() {} },
    caps: { call: AMPLE, task: AMPLE, goal: AMPLE, day: AMPLE, month: AMPLE, ...caps },
    retry: { attempts: 1, baseMs: 1, maxMs: 1 },
    processId: "proc_test",
  });
  const call = async (goal: CallSpec["goal"], subject: string, lease: CallSpec["lease"] = null) =>
    journal.call(
      {
        ...{ key: { goalId: goal.id, subject, revision: 0, step: "make", round: 0 }, lease, goal, skill: null },
        ...{ tier: "standard", maxTokens: 1_000, system: [], user: [{ kind: "inputs", text: "Write." }] },
      },
      never,
    );
  return { call, model };
}

async function newGoal(store: Store, cap = AMPLE): Promise<CallSpec["goal"]> {
  const id = newId("goal");
  await store.write("test.goal", (tx) => addGoal(tx, { id, cap }));
  return { id, priority: "P1", cap, allowed: 0, rehearsal: false };
}

const spending = (usdAmount: number): Script => {
  const price = priceAt(models, models.tiers.standard, Date.now());
  const output = (usdAmount / price.output) * 1_000_000;
  let first = true;
  return () => {
    const usage = { input: 0, output: first ? output : 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
    first = false;
    return textReply("ok", { usage });
  };
};

describe("a call that may cost more than is left", () => {
  test.each(["call", "task", "goal", "day", "month"] as const)(
    "goes out at the cap of the %s, and not a nano above",
    async (kind) => {
      await using store = await sqlite.open();
      const measured = await newGoal(store);
      await journalOn(store).call(measured, "a");
      const hold = (await store.read((read) => callsOfGoal(read, measured.id)))[0]?.hold ?? 0;
      expect(hold).toBeGreaterThan(0);
      for (const [cap, fits] of [
        [hold, true],
        [hold - 1, false],
      ] as const) {
        await using fresh = await sqlite.open();
        const goal = await newGoal(fresh, kind === "goal" ? cap : AMPLE);
        const { call, model } = journalOn(fresh, kind === "goal" ? {} : { [kind]: cap });
        expect(await call(goal, "a")).toMatchObject(fits ? { kind: "answer" } : { kind: "stopped", why: "budget" });
        expect(model.requests.length).toBe(fits ? 1 : 0);
        if (fits) continue;
        const { calls, events, scopes } = await fresh.read(async (read) => ({
          calls: await callsOfGoal(read, goal.id),
          events: await listEvents(read, { goalId: goal.id }),
          scopes: await Promise.all((["task", "goal", "day", "month"] as const).map((of) => listScopes(read, of, false))),
        }));
        expect(calls).toEqual([]);
        expect(events.filter((event) => event.type === "call.refused")).toMatchObject([{ scope: kind, cap, needed: hold }]);
        expect(scopes.flat().filter((scope) => scope.held + scope.spent > 0)).toEqual([]);
      }
    },
  );
});

test("cap hits are counted in a row: a call that fits begins a new one", async () => {
  await using store = await sqlite.open();
  const [poor, rich] = [await newGoal(store, 1), await newGoal(store)];
  const { call } = journalOn(store);
  for (const round of [1, 2, 3]) {
    for (let i = 0; i < 9; i++) expect(await call(poor, `p${round}-${i}`)).toMatchObject({ kind: "stopped", why: "budget" });
    expect(await call(rich, `r${round}`)).toMatchObject({ kind: "answer" });
  }
});

test("from 80 % of its own cap on a goal's work goes to a cheaper model", async () => {
  for (const [spent, model] of [
    [79, models.tiers.standard],
    [81, models.tiers.light],
  ] as const) {
    await using store = await sqlite.open();
    const goal = await newGoal(store, nano(100));
    const { call } = journalOn(store, {}, spending(spent));
    await call(goal, "dear");
    expect(await call(goal, "next")).toMatchObject({ kind: "answer", model });
  }
});

test("a level is told when it is reached, and not again by the calls that stay in it", async () => {
  await using store = await sqlite.open();
  const goal = await newGoal(store);
  const { call } = journalOn(store, { day: nano(100) }, spending(85));
  for (const subject of ["a", "b", "c", "d"]) await call(goal, subject);
  const told = (await store.read((read) => listEvents(read, {}))).filter((event) => event.type === "budget.level");
  expect(told).toMatchObject([{ level: "warning" }]);
});

test("a goal that was paused or cancelled makes no more calls, also for a worker that still holds its task", async () => {
  await using store = await sqlite.open();
  const goal = await newGoal(store);
  const held = { status: "running", lease_owner: "proc_test", lease_until: Date.now() + 60_000, epoch: 1 };
  await store.write("test.task", (tx) => addTask(tx, { id: "task_a", goal_id: goal.id, ...held }));
  const lease = { goalId: goal.id, taskId: "task_a", owner: "proc_test", epoch: 1 };
  const { call, model } = journalOn(store);
  expect(await call(goal, "one", lease)).toMatchObject({ kind: "answer" });
  for (const status of ["paused", "cancelled"]) {
    await store.write("test.stop", (tx) => tx.db.updateTable("goals").set({ status }).where("id", "=", goal.id).execute());
    expect(await call(goal, status, lease)).toMatchObject({ kind: "stopped", why: "goal_stopped" });
  }
  expect(model.requests.length).toBe(1);
});
