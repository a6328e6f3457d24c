/** The day's report: what a tired person reads of a known day, on both engines; the same state gives the same text. */

import { describe, expect, test } from "bun:test";
import { nano } from "../domain/money.ts";
import { chargeUse } from "../store/outside-use.ts";
import type { Store, Tx } from "../store/store.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal, addQuestion, addTask, at, DAY, fillSmallStore, HOUR, MINUTE, NOON } from "../test/small-store.ts";
import { writeDayReport, type DayOptions, type Happened } from "./report-day.ts";

const CAPS = { day: nano(10), month: nano(50) };
const OPTIONS: DayOptions = { caps: CAPS, schedules: null, events: null };

async function reportOf(store: Pick<Store, "read">, change: Partial<DayOptions> = {}, day = NOON) {
  const written: { path: string; text: string }[] = [];
  const write = async (path: string, text: string) => void written.push({ path, text });
  const path = await writeDayReport({ ...OPTIONS, ...change, store, write }, day);
  expect(written.map((file) => file.path)).toEqual(path === null ? [] : [path]);
  return written[0] ?? null;
}

/** The bullets below a heading. */
function section(text: string, title: string): string[] {
  const part = text.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
  return part.split("\n").filter((line) => line.startsWith("- "));
}

async function addLearning(tx: Tx, id: string, statement: string, change: { rehearsal?: number; created_at?: number } = {}) {
  const row = { skill: null, category: null, tags: "[]", confidence: 0.5, evidence: "e", status: "active", origin: "review" };
  const rest = { rehearsal: 0, created_at: NOON, goal_id: null, task_id: null, ...change };
  await tx.db
    .insertInto("learnings")
    .values({ tenant: tx.tenant, id, statement, key: id, ...row, ...rest })
    .execute();
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`the day's report on ${engine.name}`, () => {
    test("a known day, whole", async () => {
      await using store = await engine.open();
      await store.write("test.fill", async (tx) => {
        await fillSmallStore(tx);
        await addLearning(tx, "learn_1", "Say the price on\nthe button");
        await addLearning(tx, "learn_2", "Of a rehearsal", { rehearsal: 1 });
        await addLearning(tx, "learn_3", "Of yesterday", { created_at: NOON - DAY });
      });
      const schedules: Happened[] = [{ name: "daily-review", outcome: "skipped", reason: "the last one still runs", n: 2 }];
      const events: Happened[] = [{ name: "traffic_drop", outcome: "started a goal", reason: null, n: 1 }];
      const report = await reportOf(at(store, NOON), { schedules: async () => schedules, events: async () => events });
      expect(report?.path).toBe("metrics/2026-11-21-report.md");
      expect(report?.text).toBe(EXPECTED);
      expect(report?.text.split("\n").length).toBeLessThan(60);
    });

    test("what vendors were used for that day stands by server", async () => {
      await using store = await engine.open();
      const limits = { unitsPerDay: null, costPerDay: null, costPerMonth: null };
      const use = { server: "seo", account: ["seo"], units: 50, cost: nano(0.25), limits };
      await store.write("test.fill", async (tx) => {
        await fillSmallStore(tx);
        for (const now of [NOON - DAY, NOON, NOON + HOUR]) await chargeUse({ ...tx, now }, use);
        await chargeUse({ ...tx, now: NOON }, { ...use, server: "x", account: ["x"], units: 1, cost: 0 });
      });
      const text = (await reportOf(at(store, NOON)))?.text ?? "";
      expect(section(text, "Used outside")).toEqual(["- seo: 2 uses, 100 units, $0.50 at most", "- x: 1 use, 1 unit"]);
    });

    test("the same state gives the same text, whenever it is written", async () => {
      await using store = await engine.open();
      await store.write("test.fill", fillSmallStore);
      const first = await reportOf(at(store, NOON));
      expect(await reportOf(at(store, NOON + 5 * DAY))).toEqual(first);
      // What happens later changes nothing about the day: an answer, a new goal, another day's money.
      await store.write("test.later", async (tx) => {
        await addGoal(tx, { id: "goal_later", created_at: NOON + DAY });
        await addQuestion(tx, { id: "ask_later", goal_id: "goal_later", created_at: NOON + DAY });
        await tx.db
          .updateTable("questions")
          .set({ status: "answered", answered_at: NOON + DAY })
          .where("id", "=", "ask_1")
          .execute();
        await tx.db
          .insertInto("scopes")
          .values({
            tenant: tx.tenant,
            kind: "day",
            id: "2026-11-22",
            rehearsal: 0,
            spent: nano(3),
            held: 0,
            allowed: 0,
            level: "normal",
          })
          .execute();
      });
      expect(await reportOf(at(store, NOON + 5 * DAY))).toEqual(first);
    });

    test("a day on which nothing happened has none; a question that waits since yesterday makes none", async () => {
      await using store = await engine.open();
      expect(await reportOf(at(store, NOON))).toBeNull();
      await store.write("test.fill", async (tx) => {
        await addGoal(tx, { id: "goal_1", created_at: NOON - 3 * DAY });
        await addQuestion(tx, { id: "ask_1", goal_id: "goal_1", created_at: NOON - 2 * DAY });
      });
      expect(await reportOf(at(store, NOON))).toBeNull();
      const skipped = async () => [{ name: "daily", outcome: "skipped", reason: "paused", n: 1 }];
      const report = await reportOf(at(store, NOON), { schedules: skipped });
      expect(section(report?.text ?? "", "Waits for you")).toEqual([
        "- Is it good enough? (since 2026-11-19; `approvals ask_1`)",
      ]);
    });

    test("the model's absence: how many goals waited, how long, and whether it came back", async () => {
      await using store = await engine.open();
      const away = (tx: Tx, goalId: string) =>
        tx.emit({ type: "goal.paused", goalId, taskId: null, pause: "model_away", reason: "r" });
      const back = (tx: Tx, goalId: string) => tx.emit({ type: "goal.resumed", goalId, taskId: null, by: "cli" });
      const turns: [number, (tx: Tx) => void][] = [
        [0, (tx) => away(tx, "goal_1")],
        [10, (tx) => away(tx, "goal_2")],
        [20, (tx) => back(tx, "goal_1")],
        [40, (tx) => back(tx, "goal_2")],
        [50, (tx) => tx.emit({ type: "goal.paused", goalId: "goal_3", taskId: null, pause: "question", reason: "r" })],
      ];
      await store.write("test.goal", (tx) => addGoal(tx, { id: "goal_1" }));
      for (const [, turn] of turns) await store.write("test.turn", async (tx) => turn(tx));
      const set = (i: number, minutes: number) =>
        store.write("test.time", async (tx) => {
          const rows = await tx.db.selectFrom("events").select("seq").orderBy("seq").execute();
          await tx.db
            .updateTable("events")
            .set({ at: NOON + minutes * MINUTE })
            .where("seq", "=", rows[i]?.seq ?? -1)
            .execute();
        });
      for (const [i, [minutes]] of turns.entries()) await set(i, minutes);
      const wrong = async () => section((await reportOf(at(store, NOON)))?.text ?? "", "Went wrong");
      expect(await wrong()).toEqual(["- the model could not be reached: 2 goals waited, 40 min 00 s in all"]);
      await store.write("test.turn", async (tx) => away(tx, "goal_1"));
      await set(5, 60);
      expect((await wrong())[0]).toContain("2 goals waited, 40 min 00 s in all, and was not back at the last word of 1 goal");
    });

    test("a busy day stays on one screen, and what is left out is counted", async () => {
      await using store = await engine.open();
      await store.write("test.fill", async (tx) => {
        for (let i = 0; i < 40; i++) {
          const id = `${i}`.padStart(2, "0");
          await addGoal(tx, {
            id: `goal_${id}`,
            title: `T${"x".repeat(500)}\n## no heading`,
            status: "completed",
            ended_at: NOON,
          });
          await addTask(tx, { id: `task_${id}`, goal_id: `goal_${id}`, status: "done", score: 8, ended_at: NOON });
          await addTask(tx, { id: `fail_${id}`, goal_id: `goal_${id}`, status: "failed", reason: "r", ended_at: NOON });
          await addQuestion(tx, { id: `ask_${id}`, goal_id: `goal_${id}` });
          await addLearning(tx, `learn_${id}`, `Statement ${id}`);
        }
      });
      const many = async () => Array.from({ length: 30 }, (_, i) => ({ name: `s${i}`, outcome: "fired", reason: null, n: 1 }));
      const { text } = (await reportOf(at(store, NOON), { schedules: many, events: many })) ?? { text: "" };
      expect(text.split("\n").length).toBeLessThan(90);
      expect(section(text, "Waits for you").at(-1)).toBe("- and 35 more");
      expect(section(text, "Goals").at(-1)).toBe("- and 34 more");
      expect(section(text, "Went wrong").at(-1)).toBe("- and 36 more failures");
      expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(260);
      expect(text).not.toContain("\n## no heading");
    });

    test("at midnight (UTC) a day begins: what happened at its end is the day's, what comes with the next is not", async () => {
      await using store = await engine.open();
      const midnight = NOON + 12 * HOUR;
      await store.write("test.fill", async (tx) => {
        await addGoal(tx, { id: "goal_1", status: "completed", created_at: midnight - 2, ended_at: midnight - 1 });
        await addGoal(tx, { id: "goal_2", status: "completed", created_at: midnight, ended_at: midnight });
      });
      const goals = async (day: number) => section((await reportOf(at(store, NOON), {}, day))?.text ?? "", "Goals");
      expect(await goals(midnight - 1)).toEqual(["- Title of goal_1: completed, $0.00, 0.0 s"]);
      expect(await goals(midnight)).toEqual(["- Title of goal_2: completed, $0.00, 0.0 s"]);
    });
  });
}

const EXPECTED = `---
day: "2026-11-21"
goals: 3
open: 1
---

# The team on 2026-11-21

3 goals begun, 1 completed; 2 deliverables accepted, 1 of 2 without a revision; $0.40 spent and $0.10 held of $10.00, $0.40 of $50.00 this month.

## Waits for you

- Is it good enough? (since 2026-11-21; \`approvals ask_1\`)

## Goals

- Title of goal_done: completed, $0.40 (quoted $0.50), 2 h 00 min

## Deliverables

- task_a (writing): 9, version 1
- task_b (editing): 8, version 2

## Reviews

- director: 3, mean 7.7, 1 sent back, 0 rejected

## Schedules

- daily-review: skipped 2 times, the last one still runs

## Events from outside

- traffic_drop: started a goal

## Learned

- Say the price on the button (all skills)

## The last 30 days

- Goals completed: 1 of 1 that ended
- Time to the first deliverable (median): 1 h 00 min
- Approved without a revision: 50 % of 2
- Questions a week: 2.0 (2 in all)
- Spend against quote: 80 % ($0.40 of $0.50 likely)
- Schedules decided in time: –
- Queue available: –

1 rehearsal besides, which are not counted here.
`;
