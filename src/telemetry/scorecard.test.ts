/** The scorecard: its arithmetic by rows made by hand, and what it reads from a store on both engines. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { nano } from "../domain/money.ts";
import type { GoalFigures } from "../store/figures.ts";
import type { Work } from "../store/scores.ts";
import { decideTick, type Tick } from "../store/schedules.ts";
import { ENGINES } from "../test/engines.ts";
import { at, addGoal, addQuestion, addTask, DAY, fillSmallStore, HOUR, MINUTE, NOON, quoteOf } from "../test/small-store.ts";
import {
  emptyScorecard,
  median,
  NOT_MEASURED,
  readScorecard,
  scorecard,
  scorecardLines,
  scorecardResult,
  scoreOf,
} from "./scorecard.ts";

const WINDOW = { from: NOON - 30 * DAY, to: NOON };
const NOTHING = { goals: [], works: [], questions: 0, since: null, availability: NOT_MEASURED };

const goal = (change: Partial<GoalFigures>): GoalFigures => ({
  id: "goal_1",
  title: "t",
  status: "completed",
  createdAt: NOON - DAY,
  endedAt: NOON - HOUR,
  spent: 0,
  quote: null,
  firstAt: null,
  ...change,
});
const work = (change: Partial<Work>): Work => ({
  taskId: "task_1",
  skill: "writing",
  at: NOON - HOUR,
  first: 8,
  accepted: { revision: 0, score: 8, atOnce: true },
  ...change,
});

describe("the arithmetic", () => {
  test("goals completed are counted among those that ended in the window", () => {
    const goals = [
      goal({}),
      goal({ status: "failed" }),
      goal({ status: "cancelled" }),
      goal({ status: "running", endedAt: null }),
      goal({ endedAt: WINDOW.from - 1 }),
      goal({ endedAt: WINDOW.from }),
      goal({ endedAt: WINDOW.to }),
    ];
    expect(scoreOf({ ...NOTHING, goals }, WINDOW)).toMatchObject({ goalsEnded: 4, goalsCompleted: 2 });
  });

  test("the time to the first deliverable is a median, of goals begun in the window that have one", () => {
    const begun = (wait: number | null, createdAt = NOON - DAY) =>
      goal({ createdAt, firstAt: wait === null ? null : createdAt + wait });
    const of = (...goals: GoalFigures[]) => scoreOf({ ...NOTHING, goals }, WINDOW).firstDeliverableMs;
    expect(of(begun(10 * MINUTE), begun(20 * MINUTE), begun(9 * HOUR))).toBe(20 * MINUTE);
    expect(of(begun(10 * MINUTE), begun(20 * MINUTE))).toBe(15 * MINUTE);
    expect(of(begun(null), begun(5 * MINUTE))).toBe(5 * MINUTE);
    expect(of(begun(5 * MINUTE, WINDOW.from - DAY))).toBeNull();
    // Accepted when the window was over: at its end nobody knew.
    expect(of(begun(2 * DAY))).toBeNull();
    expect(of()).toBeNull();
  });

  test("approved at once is a share of what was accepted in the window", () => {
    const works = [
      work({}),
      work({}),
      work({ accepted: { revision: 1, score: 8, atOnce: false } }),
      work({ accepted: null }),
      work({ at: WINDOW.from - 1, accepted: { revision: 2, score: 7, atOnce: false } }),
    ];
    expect(scoreOf({ ...NOTHING, works }, WINDOW)).toMatchObject({ worksAccepted: 3, approvedAtOnce: 2 / 3 });
    expect(scoreOf(NOTHING, WINDOW).approvedAtOnce).toBeNull();
  });

  test("questions a week: over the window, or over the team's age when it is younger, at least a week", () => {
    const of = (questions: number, since: number | null) => scoreOf({ ...NOTHING, questions, since }, WINDOW).questionsAWeek;
    expect(of(30, NOON - 400 * DAY)).toBeCloseTo(7);
    expect(of(4, NOON - 14 * DAY)).toBeCloseTo(2);
    expect(of(4, NOON - DAY)).toBe(4);
    expect(of(0, null)).toBe(0);
  });

  test("spend against quote counts completed goals that had a quote", () => {
    const goals = [
      goal({ spent: nano(0.3), quote: quoteOf(0.5) }),
      goal({ spent: nano(1.2), quote: quoteOf(0.5) }),
      goal({ spent: nano(7), quote: null }),
      goal({ spent: nano(7), quote: quoteOf(0) }),
      goal({ spent: nano(7), quote: quoteOf(1), status: "failed" }),
    ];
    expect(scoreOf({ ...NOTHING, goals }, WINDOW)).toMatchObject({ spentUsd: 1.5, quotedUsd: 1, spentOfQuote: 1.5 });
    expect(scoreOf(NOTHING, WINDOW).spentOfQuote).toBeNull();
  });

  test("availability is a share of what was due, null where nothing was", () => {
    const of = (availability: Parameters<typeof scoreOf>[0]["availability"]) => {
      const { schedulerAvailability, queueAvailability } = scoreOf({ ...NOTHING, availability }, WINDOW);
      return [schedulerAvailability, queueAvailability];
    };
    expect(of({ scheduler: { due: 40, inTime: 39 }, queue: { ms: 1000, upMs: 990 } })).toEqual([0.975, 0.99]);
    expect(of({ scheduler: { due: 0, inTime: 0 }, queue: { ms: 0, upMs: 0 } })).toEqual([null, null]);
    // Two clocks: never more than all of it.
    expect(of({ scheduler: null, queue: { ms: 1000, upMs: 1001 } })).toEqual([null, 1]);
  });

  test("any rows give a card of the shape that is promised", () => {
    const times = fc.integer({ min: NOON - 90 * DAY, max: NOON + DAY });
    const anyGoal = fc.record({
      status: fc.constantFrom("running", "completed", "failed", "cancelled", "paused"),
      createdAt: times,
      endedAt: fc.option(times),
      firstAt: fc.option(times),
      spent: fc.integer({ min: 0, max: 1e12 }),
      quote: fc.option(fc.integer({ min: 0, max: 100 }).map(quoteOf)),
    });
    fc.assert(
      fc.property(fc.array(anyGoal, { maxLength: 20 }), fc.nat(50), fc.option(times), (goals, questions, since) => {
        const card = scoreOf({ ...NOTHING, goals: goals.map(goal), questions, since }, WINDOW);
        expect(scorecard.parse(card)).toEqual(card);
        expect(card.goalsCompleted).toBeLessThanOrEqual(card.goalsEnded);
        expect(card.firstDeliverableMs ?? 0).toBeGreaterThanOrEqual(0);
        expect(card.questionsAWeek).toBeLessThanOrEqual(questions);
      }),
    );
  });

  test("the median of one, two and three", () => {
    expect([median([]), median([4]), median([9, 1]), median([5, 1, 100])]).toEqual([null, 4, 5, 5]);
  });

  test("for people: a dash where there is nothing to measure", () => {
    const values = scorecardLines(emptyScorecard(NOON).real, String).map((line) => line.value);
    expect(values).toEqual(["–", "–", "–", "0", "–", "–", "–"]);
  });
});

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`the scorecard on ${engine.name}`, () => {
    test("real work and rehearsals apart", async () => {
      await using store = await engine.open();
      await store.write("test.fill", fillSmallStore);
      const card = await at(store, NOON).read((read) => readScorecard(read, NOON));
      expect(scorecardResult.parse(card)).toEqual(card);
      expect(card.real).toEqual({
        goalsEnded: 1,
        goalsCompleted: 1,
        firstDeliverableMs: HOUR,
        worksAccepted: 2,
        approvedAtOnce: 0.5,
        questions: 2,
        questionsAWeek: 2,
        spentUsd: 0.4,
        quotedUsd: 0.5,
        spentOfQuote: 0.8,
        schedulerAvailability: null,
        queueAvailability: null,
      });
      expect(card.rehearsal).toMatchObject({
        goalsEnded: 1,
        goalsCompleted: 1,
        firstDeliverableMs: 20 * MINUTE,
        worksAccepted: 0,
      });
    });

    test("without a rehearsal there is no card of one; what came before the window is not counted", async () => {
      await using store = await engine.open();
      await store.write("test.fill", async (tx) => {
        await addGoal(tx, { id: "goal_old", status: "completed", created_at: NOON - 60 * DAY, ended_at: NOON - 31 * DAY });
        await addQuestion(tx, { id: "ask_old", goal_id: "goal_old", created_at: NOON - 31 * DAY });
        await addQuestion(tx, { id: "ask_new", goal_id: "goal_old", created_at: NOON - DAY });
      });
      const card = await at(store, NOON).read((read) => readScorecard(read, NOON));
      expect(card.rehearsal).toBeNull();
      expect(card.real).toMatchObject({ goalsEnded: 0, questions: 1 });
      expect(card.real.questionsAWeek).toBeCloseTo(7 / 30);
    });

    test("ticks in time: decided within ten minutes, fired or skipped; each missed one counts; pauses and hands do not", async () => {
      await using store = await engine.open();
      const tick = (name: string, at: number, rest: Partial<Tick> = {}): Tick => ({
        ...{ name, at, outcome: "fired", reason: null, detail: null, missed: 0, goalId: null, decidedAt: at + 1_000 },
        ...rest,
      });
      const skipped = (reason: Tick["reason"], rest: Partial<Tick> = {}) => ({ outcome: "skipped", reason, ...rest }) as const;
      await store.write("test.ticks", async (tx) => {
        for (const entry of [
          tick("a", NOON - 5 * HOUR),
          tick("a", NOON - 4 * HOUR, skipped("budget")),
          tick("a", NOON - 3 * HOUR, skipped("overlap", { decidedAt: NOON - 3 * HOUR + 10 * MINUTE })),
          // Nothing ran: made up for once for all three; and not at all.
          tick("b", NOON - 4 * HOUR, { missed: 3, decidedAt: NOON - 2 * HOUR }),
          tick("c", NOON - 4 * HOUR, skipped("missed", { missed: 2, decidedAt: NOON - 2 * HOUR })),
          // In time itself, after one that was not.
          tick("d", NOON - HOUR, { missed: 1 }),
          tick("e", NOON - HOUR, skipped("paused")),
          tick("e", NOON - HOUR + 1, { reason: "hand" }),
          tick("f", NOON - 31 * DAY),
        ])
          await decideTick(tx, entry, false);
        await decideTick(tx, tick("a", NOON - HOUR), true);
      });
      const card = await at(store, NOON).read((read) => readScorecard(read, NOON));
      // Of ten that were due four were decided in time.
      expect(card.real.schedulerAvailability).toBe(0.4);
    });

    test("the queue is not available while ready work stands and nobody gives a sign for more than ten minutes", async () => {
      await using store = await engine.open();
      const begun = NOON - 10 * HOUR;
      const say = (when: number, type: "task.ready" | "task.started" | "call.settled", taskId: string) =>
        store.write("test.say", (tx) =>
          tx.db
            .insertInto("events")
            .values({ tenant: tx.tenant, at: when, type, goal_id: "goal_1", task_id: taskId, rehearsal: 0, data: "{}" })
            .execute(),
        );
      const share = async () => (await at(store, NOON).read((read) => readScorecard(read, NOON))).real.queueAvailability;
      await store.write("test.fill", (tx) => addGoal(tx, { id: "goal_1", created_at: begun }));
      expect(await share()).toBeNull();
      // Taken at once; after nine minutes; and behind others that were at work.
      await say(begun, "task.ready", "a");
      await say(begun, "task.started", "a");
      await say(begun, "task.ready", "b");
      await say(begun, "task.ready", "c");
      await say(begun + 9 * MINUTE, "task.started", "b");
      await say(begun + 18 * MINUTE, "call.settled", "b");
      await say(begun + 27 * MINUTE, "task.started", "c");
      expect(await share()).toBe(1);
      // Silent for hours, but nothing was ready; what paused says "ready" again when it goes on.
      await say(begun + HOUR, "task.ready", "d");
      await say(begun + 3 * HOUR, "task.ready", "d");
      await say(begun + 3 * HOUR + MINUTE, "task.started", "d");
      expect(await share()).toBe(1);
      // Two that stood for an hour at the same time are one hour.
      for (const id of ["e", "f"]) await say(begun + 4 * HOUR, "task.ready", id);
      for (const id of ["e", "f"]) await say(begun + 5 * HOUR, "task.started", id);
      expect(await share()).toBeCloseTo(0.9);
      // And one that stands still.
      await store.write("test.add", (tx) => addTask(tx, { id: "task_g", goal_id: "goal_1", run_at: NOON - 2 * HOUR }));
      expect(await share()).toBeCloseTo(0.7);
    });
  });
}
