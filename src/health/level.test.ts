import { describe, expect, test } from "bun:test";
import { LEVELS } from "../domain/budget.ts";
import { healthLevel } from "../domain/result.ts";
import { assessHealth, type HealthFacts } from "./level.ts";

const WELL: HealthFacts = { storeProblem: null, budget: "normal", modelAway: 0, workspaceProblem: null, diskFree: 50e9 };
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

  test("a model that was away limits, a workspace that cannot be written stops new work", () => {
    expect(levelOf({ modelAway: 1 })).toBe("limited");
    expect(assessHealth({ ...WELL, modelAway: 3 }).reasons[0]).toContain("3 goals");
    expect(levelOf({ workspaceProblem: "permission denied" })).toBe("minimal");
  });

  test("the worst finding decides; all are named, the worst first", () => {
    const health = assessHealth({
      storeProblem: "gone",
      budget: "tight",
      modelAway: 2,
      workspaceProblem: "read-only",
      diskFree: 0,
    });
    expect(health.level).toBe("offline");
    expect(health.reasons).toHaveLength(5);
    expect(health.reasons[0]).toContain("gone");
    expect(health.reasons.at(-1)).toContain("2 goals");
  });

  test("every level is one that the program may print", () => {
    for (const budget of LEVELS) expect(healthLevel.parse(levelOf({ budget }))).toBe(levelOf({ budget }));
  });
});
