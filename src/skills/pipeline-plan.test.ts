import { describe, expect, test } from "bun:test";
import { plan as planSchema, planProblems } from "../domain/plan.ts";
import { type Pipeline, pipeline as pipelineSchema } from "../domain/registry.ts";
import { planFromPipeline } from "./pipeline-plan.ts";

const work = (skill: string, phase = "Make", extra: object = {}) => ({ skill, phase, brief: `Do ${skill}.`, ...extra });
const pipeline = (...steps: unknown[]): Pipeline => pipelineSchema.parse({ category: "content", fits: "x", steps });
const shape = (steps: unknown[]) =>
  planFromPipeline("P", pipeline(...steps), null).tasks.map(({ key, needs, reviewers }) => ({
    key,
    needs,
    ...(reviewers && { reviewers }),
  }));

describe("a pipeline as a plan", () => {
  test("steps follow each other, phases stand in the order of their first appearance, a gate on any step is the phase's", () => {
    const steps = [
      work("audit", "Audit"),
      work("more", "Audit", { gate: true, criteria: ["a", "b"] }),
      work("write", "Make"),
      work("audit", "Audit"),
    ];
    const made = planFromPipeline("Some Plan", pipeline(...steps), null);
    expect(made).toEqual({
      title: "Some Plan",
      category: "content",
      pipeline: "Some Plan",
      phases: [
        { name: "Audit", gate: true },
        { name: "Make", gate: false },
      ],
      tasks: [
        { key: "audit", phase: "Audit", skill: "audit", brief: "Do audit.", criteria: [], needs: [] },
        { key: "more", phase: "Audit", skill: "more", brief: "Do more.", criteria: ["a", "b"], needs: ["audit"] },
        { key: "write", phase: "Make", skill: "write", brief: "Do write.", criteria: [], needs: ["more"] },
        { key: "audit-2", phase: "Audit", skill: "audit", brief: "Do audit.", criteria: [], needs: ["write"] },
      ],
      assumptions: [],
      missing: [],
    });
    expect(planSchema.parse(made)).toEqual(made);
  });

  test("members of a parallel block need what stands before it, the step after it needs all of them", () => {
    expect(shape([work("a"), { parallel: [work("b"), work("c"), work("b")] }, work("d")])).toEqual([
      { key: "a", needs: [] },
      { key: "b", needs: ["a"] },
      { key: "c", needs: ["a"] },
      { key: "b-2", needs: ["a"] },
      { key: "d", needs: ["b", "c", "b-2"] },
    ]);
    expect(shape([{ parallel: [work("b"), work("c")] }, { parallel: [work("d"), work("e")] }])).toEqual([
      { key: "b", needs: [] },
      { key: "c", needs: [] },
      { key: "d", needs: ["b", "c"] },
      { key: "e", needs: ["b", "c"] },
    ]);
  });

  test("a review is a reviewer of what stands before it, in order, once, and no task of its own", () => {
    expect(
      shape([work("a"), { review: "x" }, { review: "y" }, { review: "x" }, { review: "director" }, work("b"), work("c")]),
    ).toEqual([
      { key: "a", needs: [], reviewers: ["x", "y", "director"] },
      { key: "b", needs: ["a"] },
      { key: "c", needs: ["b"] },
    ]);
  });

  test("after a parallel block a review reads all members, inside of it only the one before", () => {
    expect(shape([{ parallel: [work("a"), { review: "x" }, work("b")] }, { review: "y" }])).toEqual([
      { key: "a", needs: [], reviewers: ["x", "y"] },
      { key: "b", needs: [], reviewers: ["y"] },
    ]);
  });

  test("a director step is a task of the director", () => {
    const { tasks } = planFromPipeline("P", pipeline(work("a"), { director: "Read it.", phase: "Review" }), null);
    expect(tasks[1]).toEqual({
      key: "director",
      phase: "Review",
      skill: "director",
      brief: "Read it.",
      criteria: [],
      needs: ["a"],
    });
  });

  test("a brief is added to every task, and its first line to the title", () => {
    const steps = pipeline(work("a"), { director: "Read it.", phase: "Review" });
    const made = planFromPipeline("P", steps, `  The new plan\nfor ${"teams ".repeat(100)}`);
    expect(made.title).toBe("P: The new plan");
    for (const task of made.tasks) expect(task.brief).toContain("\n\nFor this run: The new plan\nfor teams");
    expect(planFromPipeline("P", steps, "x".repeat(5_000)).title.length).toBeLessThanOrEqual(160);
    for (const blank of [null, "", " \n "]) expect(planFromPipeline("P", steps, blank).tasks[0]?.brief).toBe("Do a.");
  });

  test("keys stay keys, however long the skill's name and however often it comes", () => {
    const long = `${"a".repeat(61)}-bc`;
    const made = planFromPipeline("P", pipeline(work(long), work(long), work(long)), null);
    const registry = { skills: new Map([[long, { squad: "s" }]]), categories: ["content"], pipelines: ["P"], lastSquads: [] };
    expect(new Set(made.tasks.map((task) => task.key)).size).toBe(3);
    expect(planProblems(made, registry, { template: true })).toEqual([]);
  });
});
