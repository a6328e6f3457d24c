import { describe, expect, test } from "bun:test";
import { NO_USAGE, type Call } from "../domain/call.ts";
import { nano } from "../domain/money.ts";
import { costsJson, costsText, type CostsView } from "./costs-text.ts";
import { styles } from "./output.ts";

const plain = styles(false);

function view(change: Partial<CostsView> = {}): CostsView {
  return {
    rehearsal: false,
    day: { kind: "day", id: "2026-11-21", cap: nano(10), spent: nano(9), held: nano(0.5), allowed: 0 },
    month: { kind: "month", id: "2026-11", cap: nano(50), spent: nano(20), held: nano(0.5), allowed: nano(5) },
    goals: [{ id: "goal_1", title: "Sell\nmore", spent: nano(20), held: nano(0.5) }],
    goalsInAll: 1,
    skills: [{ name: "writing", calls: 3, cost: nano(20) }],
    models: [{ name: "model-x", calls: 3, cost: nano(20) }],
    unknown: [],
    outside: [],
    ...change,
  };
}

const LOST: Call = {
  ...{ id: "call_1", goalId: "goal_1", subject: "task_1", revision: 0, step: "make", round: 0, attempt: 1 },
  ...{
    state: "unknown",
    skill: "writing",
    model: "model-x",
    requestHash: "h",
    parts: [],
    hold: nano(0.5),
    cost: 0,
    usage: NO_USAGE,
  },
  ...{ stop: "lost", flags: [], rehearsal: false, learnings: [], batchShare: null, startedAt: 0, answeredAt: null, endedAt: 1 },
};

describe("costs", () => {
  test("the JSON is in USD, with the level of what is spent and held of the cap and what was allowed on top", () => {
    const json = costsJson(view({ unknown: [LOST] }));
    expect(json.today).toEqual({
      period: "2026-11-21",
      spentUsd: 9,
      heldUsd: 0.5,
      capUsd: 10,
      allowedUsd: 0,
      share: 0.95,
      level: "critical",
    });
    expect(json.month).toMatchObject({ allowedUsd: 5, level: "normal" });
    expect(json.month.share).toBeCloseTo(20.5 / 55);
    expect(json.goals).toEqual([{ goal: "goal_1", title: "Sell\nmore", spentUsd: 20, heldUsd: 0.5 }]);
    expect(json.unknown).toEqual([
      { call: "call_1", goal: "goal_1", step: "make", model: "model-x", heldUsd: 0.5, startedAt: "1970-01-01T00:00:00.000Z" },
    ]);
  });

  test("today and month stand against their caps with their level", () => {
    const text = costsText(view(), plain);
    expect(text).toMatch(/^today +\$9\.00 +\$0\.50 +\$10\.00 +\$0\.00 +95 % +critical$/m);
    expect(text).toMatch(/^this month +\$20\.00 +\$0\.50 +\$50\.00 +\$5\.00 +37 % +normal$/m);
    expect(text).toContain("goal_1  Sell more");
    expect(text).not.toContain("answer was lost");
  });

  test("lost calls come with the command that settles them", () => {
    const text = costsText(view({ unknown: [LOST] }), plain);
    expect(text).toContain("$0.50 held  call_1");
    expect(text).toContain("costs --settle <call> --usd <amount>");
  });

  test("the rehearsal's figures say that nothing was spent; an empty place says how to begin", () => {
    expect(costsText(view({ rehearsal: true }), plain)).toStartWith("The rehearsal's figures: nothing of this was spent.");
    expect(costsText(view({ goals: [], goalsInAll: 0 }), plain)).toContain("Nothing was spent yet");
    expect(costsText(view({ rehearsal: true, goals: [], goalsInAll: 0 }), plain)).toContain("--rehearse");
  });

  test("what vendors bill stands by server, where there is any, and before the first goal too", () => {
    const outside = [
      {
        server: "seo",
        today: { calls: 3, units: 150, cost: nano(0.25) },
        month: { calls: 41, units: 2_050, cost: nano(1.75) },
      },
      { server: "x", today: { calls: 0, units: 0, cost: 0 }, month: { calls: 1, units: 0, cost: nano(0.005) } },
    ];
    for (const text of [costsText(view({ outside }), plain), costsText(view({ outside, goals: [], goalsInAll: 0 }), plain)]) {
      expect(text).toMatch(/^ +\$0\.25 +150 units +\(3 uses\) +\$1\.75 +2,050 units +\(41 uses\) +seo$/m);
      expect(text).toMatch(/^ +\$0\.00 +\(0 uses\) +\$0\.0050 +\(1 use\) +x$/m);
    }
    expect(costsText(view(), plain)).not.toContain("Outside");
    expect(costsJson(view({ outside })).outside[0]).toEqual({
      server: "seo",
      today: { calls: 3, units: 150, costUsd: 0.25 },
      month: { calls: 41, units: 2_050, costUsd: 1.75 },
    });
  });

  test("a cap of 0 is used up", () => {
    const day = { kind: "day", id: "2026-11-21", cap: 0, spent: 0, held: 0, allowed: 0 } as const;
    expect(costsJson(view({ day })).today.level).toBe("exhausted");
  });
});
