import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LEVELS } from "../domain/budget.ts";
import { healthLevel } from "../domain/result.ts";
import { assessHealth, type HealthFacts } from "./level.ts";

const WELL: HealthFacts = {
  storeProblem: null,
  queue: null,
  budget: "normal",
  capsHit: false,
  modelAway: 0,
  workspaceProblem: null,
  diskFree: 50e9,
};
const NOON = Date.UTC(2026, 10, 21, 12);
const levelOf = (change: Partial<HealthFacts>) => assessHealth({ ...WELL, ...change }).level;

describe("health", () => {
  test("full without a reason when all is well, and when nobody can say how much disk is free", () => {
    expect(assessHealth(WELL)).toEqual({ level: "full", reasons: [] });
    expect(levelOf({ diskFree: null })).toBe("full");
  });

  test("each level of the budget", () => {
    const levels = Object.fromEntries(LEVELS.map((budget) => [budget, levelOf({ budget })]));
    expect(levels).toEqual({ normal: "full", warning: "full", tight: "limited", critical: "limited", exhausted: "minimal" });
  });

  test("a store that cannot be used is offline, and says why", () => {
    const health = assessHealth({ ...WELL, storeProblem: "the file is damaged" });
    expect(health.level).toBe("offline");
    expect(health.reasons.join()).toContain("the file is damaged");
  });

  test("disk: low limits, full stops", () => {
    const mb = 1024 * 1024;
    expect(levelOf({ diskFree: 256 * mb })).toBe("full");
    expect(levelOf({ diskFree: 256 * mb - 1 })).toBe("limited");
    expect(levelOf({ diskFree: 32 * mb - 1 })).toBe("minimal");
    expect(levelOf({ diskFree: 0 })).toBe("minimal");
  });

  test("a queue that answers, or lives in the process, is well; one that is away limits, and says since when and why", () => {
    expect(levelOf({ queue: { up: true, since: NOON, why: null } })).toBe("full");
    const health = assessHealth({ ...WELL, queue: { up: false, since: NOON, why: "connection refused" } });
    expect(health.level).toBe("limited");
    expect(health.reasons).toEqual([
      "the queue's server does not answer since 2026-11-21 12:00 UTC (connection refused): work is found in the store, a little later",
    ]);
  });

  test("a reason that a person can do something about says what", () => {
    const reasonsOf = (change: Partial<HealthFacts>) => assessHealth({ ...WELL, ...change }).reasons[0];
    expect(reasonsOf({ budget: "exhausted" })).toContain("allows an amount (`approvals`), or the next day or month begins (UTC)");
    expect(reasonsOf({ capsHit: true })).toContain("`costs`");
    expect(reasonsOf({ diskFree: 64e6 })).toBe("only 61 MB are free on the disk: make room");
  });

  test("too many cap hits in a row stop new work", () => {
    expect(levelOf({ capsHit: true })).toBe("minimal");
  });

  test("a fact that gets worse never makes the level better, and no level but full is without a reason", () => {
    const rank = (level: string) => healthLevel.options.indexOf(level as never);
    const facts = fc.record({
      storeProblem: fc.constantFrom(null, "gone"),
      queue: fc.constantFrom(null, { up: true, since: NOON, why: null }, { up: false, since: NOON, why: "refused" }),
      budget: fc.constantFrom(...LEVELS),
      capsHit: fc.boolean(),
      modelAway: fc.nat(3),
      workspaceProblem: fc.constantFrom(null, "read-only"),
      diskFree: fc.constantFrom(null, 0, 64e6, 50e9),
    });
    fc.assert(
      fc.property(facts, (found) => {
        const health = assessHealth(found);
        expect(health.reasons.length === 0).toBe(health.level === "full");
        for (const worse of [{ storeProblem: "gone" }, { capsHit: true }, { modelAway: found.modelAway + 1 }, { diskFree: 0 }])
          expect(rank(assessHealth({ ...found, ...worse }).level)).toBeGreaterThanOrEqual(rank(health.level));
      }),
    );
  });

  test("a model that was away limits, a workspace that cannot be written stops new work", () => {
    expect(levelOf({ modelAway: 1 })).toBe("limited");
    expect(assessHealth({ ...WELL, modelAway: 3 }).reasons[0]).toContain("3 goals");
    expect(levelOf({ workspaceProblem: "permission denied" })).toBe("minimal");
  });

  test("the worst finding decides; all are named, the worst first", () => {
    const health = assessHealth({
      storeProblem: "gone",
      queue: { up: false, since: NOON, why: null },
      budget: "tight",
      capsHit: false,
      modelAway: 2,
      workspaceProblem: "read-only",
      diskFree: 0,
    });
    expect(health.level).toBe("offline");
    expect(health.reasons).toHaveLength(6);
    expect(health.reasons[0]).toContain("gone");
    expect(health.reasons.at(-1)).toContain("2 goals");
  });

  test("every level is one that the program may print", () => {
    for (const budget of LEVELS) expect(healthLevel.parse(levelOf({ budget }))).toBe(levelOf({ budget }));
  });
});
