import { describe, expect, test } from "bun:test";
import type { Effect } from "../domain/effect.ts";
import type { Goal } from "../domain/goal.ts";
import { nano } from "../domain/money.ts";
import { statusResult } from "../domain/result.ts";
import { styles } from "./output.ts";
import { statusJson, statusText, statusWord, type StatusGoal, type StatusView } from "./status-text.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const plain = styles(false);

function goal(change: Partial<Goal> = {}): Goal {
  return {
    id: "goal_01k9x7h3zqf0v8w2m4n6p8r0t2",
    title: "More signups",
    text: "More signups, please",
    category: "optimization",
    source: "cli",
    pipeline: null,
    priority: "P1",
    status: "completed",
    pause: null,
    reason: null,
    rehearsal: false,
    cap: nano(5),
    allowed: 0,
    planVersion: 1,
    batch: false,
    failures: 0,
    changes: 0,
    contextVersion: 0,
    createdAt: NOW - 3 * 3_600_000,
    endedAt: NOW,
    ...change,
  };
}

const entry = (change: Partial<Goal> = {}, rest: Partial<StatusGoal> = {}): StatusGoal => ({
  goal: goal(change),
  tasks: 4,
  done: 3,
  cost: nano(1.5),
  ...rest,
});

function view(change: Partial<StatusView> = {}): StatusView {
  const scope = { spent: nano(2), held: 0, allowed: 0 };
  return {
    level: "full",
    reasons: [],
    goals: [entry()],
    questions: 0,
    actions: { answerable: [], unknown: [] },
    stopped: null,
    atWork: true,
    day: { kind: "day", id: "2026-11-21", cap: nano(10), ...scope },
    month: { kind: "month", id: "2026-11", cap: nano(50), ...scope },
    now: NOW,
    ...change,
  };
}

describe("status", () => {
  test("the JSON is the shape that the domain says, also when there is nothing", () => {
    const json = statusJson(
      view({ goals: [entry(), entry({ status: "paused", pause: "budget" }, { tasks: 0, done: 0, cost: 0 })] }),
    );
    expect(statusResult.parse(json)).toEqual(json);
    expect(json.goals[0]).toMatchObject({ tasks: 4, tasksDone: 3, costUsd: 1.5, status: "completed" });
    expect(statusResult.parse(statusJson(view({ goals: [] })))).toEqual({ level: "full", goals: [] });
  });

  test("what waits in batches is in the JSON as it is in the text: of running goals, with since when and at which share", () => {
    const inBatches = { calls: 2, since: NOW - 60_000, share: 0.5 };
    const of = view({
      goals: [
        entry({ status: "running", endedAt: null }, { inBatches }),
        entry({}, { inBatches }),
        entry({}, { inBatches: null }),
      ],
    });
    const json = statusJson(of);
    expect(statusResult.parse(json)).toEqual(json);
    expect(json.goals.map((each) => each.inBatches)).toEqual([
      { calls: 2, since: "2026-11-21T11:59:00.000Z", share: 0.5 },
      null,
      null,
    ]);
    expect(statusText(of, plain).match(/2 calls in a batch since 2026-11-21 11:59:00 UTC, half price/g)).toHaveLength(1);
  });

  test("a goal is one row with its whole id, its tasks, cost and age", () => {
    const row = statusText(view(), plain)
      .split("\n")
      .find((line) => line.startsWith("goal_"));
    expect(row).toMatch(/^goal_01k9x7h3zqf0v8w2m4n6p8r0t2 {2}More signups +completed +3\/4 +\$1\.50 +3 h$/);
  });

  test("in a narrow terminal a goal takes two lines, and none is broken", () => {
    const lines = statusText(view(), plain, 64).split("\n");
    expect(lines[2]).toBe("More signups");
    expect(lines[3]).toMatch(/^ {2}goal_01k9x7h3zqf0v8w2m4n6p8r0t2 {2}3\/4 {2}\$1\.50 {2}3 h {2}completed$/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(64);
  });

  test("the level says why only when it is not full", () => {
    expect(statusText(view(), plain)).toStartWith("Level: full, everything works\n\n");
    expect(statusText(view({ level: "limited", reasons: ["it is late"] }), plain)).toStartWith("Level: limited\n  it is late\n");
  });

  test("an empty workspace says how to begin", () => {
    const text = statusText(view({ goals: [] }), plain);
    expect(text).toContain("No goals yet");
    expect(text).toContain("--rehearse");
    expect(text).not.toContain("goal_");
  });

  test("questions come with the command that shows them", () => {
    expect(statusText(view({ questions: 1 }), plain)).toContain("1 question waits for you: bun run start approvals");
    expect(statusText(view({ questions: 2 }), plain)).toContain("2 questions wait for you");
    expect(statusText(view(), plain)).not.toContain("approvals");
  });

  test("actions that wait, that may have happened, and the kill switch; rehearsals wait for nobody", () => {
    const action = (rehearsal: boolean) => ({ rehearsal }) as Effect;
    const actions = { answerable: [action(false), action(false), action(true)], unknown: [action(false)] };
    const text = statusText(view({ actions, stopped: { at: NOW, by: "a person" } }), plain);
    expect(text).toContain("2 actions outside wait for your yes: bun run start approvals\n");
    expect(text).toContain("1 action outside may have happened, nobody knows: bun run start approvals\n");
    expect(text).toContain("Stopped: everything outside was stopped by a person at 2026-11-21 12:00 UTC.\n");
    expect(text).toContain("bun run start effects --resume");
    expect(statusText(view({ actions: { answerable: [action(true)], unknown: [] } }), plain)).not.toContain("action");
  });

  test("what stands still names its reason and the command that makes it go on", () => {
    const paused = entry({ status: "paused", pause: "budget", reason: "the day's budget is used up", endedAt: null });
    const text = statusText(view({ goals: [paused] }), plain);
    expect(text).toContain("paused (budget)");
    expect(text).toContain("the day's budget is used up");
    expect(text).toContain("bun run start resume goal_01k9x7h3zqf0v8w2m4n6p8r0t2\n");
  });

  test("a running goal stands still only when no process is alive", () => {
    const running = entry({ status: "running", endedAt: null, rehearsal: true });
    expect(statusText(view({ goals: [running], atWork: true }), plain)).not.toContain("resume");
    expect(statusText(view({ goals: [running], atWork: false }), plain)).toContain(
      "bun run start resume goal_01k9x7h3zqf0v8w2m4n6p8r0t2\n",
    );
  });

  test("a goal that waits for an answer is told of with the questions, not as standing still", () => {
    const asked = entry({ status: "paused", pause: "question", endedAt: null });
    expect(statusText(view({ goals: [asked], questions: 1 }), plain)).not.toContain("resume");
  });

  test("a rehearsal's cost stands in brackets, and the words say why", () => {
    const text = statusText(view({ goals: [entry({ rehearsal: true })] }), plain);
    expect(text).toContain("($1.50)");
    expect(text).toContain("nothing was spent");
  });

  test("titles from outside stay on their row", () => {
    const text = statusText(view({ goals: [entry({ title: "a\nb\x1b[31mc" })] }), plain);
    expect(text).toContain("a b[31mc");
    expect(text).not.toContain("\x1b");
  });

  test("spend stands against the cap with what was allowed on top", () => {
    const day = { kind: "day", id: "2026-11-21", cap: nano(10), spent: nano(9), held: nano(2), allowed: nano(5) } as const;
    expect(statusText(view({ day }), plain)).toContain("Today $9.00 spent and $2.00 held of $15.00 (with $5.00 allowed on top)");
  });

  test("many goals: the newest are shown, the rest is counted", () => {
    const text = statusText(view({ goals: Array.from({ length: 23 }, () => entry()) }), plain);
    expect(text.match(/^goal_/gm)).toHaveLength(20);
    expect(text).toContain("and 3 older");
  });

  test("every pause has its word", () => {
    expect(statusWord({ status: "paused", pause: "question" })).toBe("paused (waits for you)");
    expect(statusWord({ status: "paused", pause: "model_away" })).toBe("paused (model away)");
    expect(statusWord({ status: "failed", pause: null })).toBe("failed");
  });
});
