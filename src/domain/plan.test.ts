/** Plans: every fault is named, what is sound passes, and the graph that runs has no circle and waits for no needless gate. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  findCycle,
  gateKey,
  MAX_PLAN_TASKS,
  planNodes,
  planProblems,
  type Plan,
  type PlanRegistry,
  type PlanTask,
} from "./plan.ts";

const REGISTRY: PlanRegistry = {
  skills: new Map([
    ["writer", { squad: "makers" }],
    ["editor", { squad: "makers" }],
    ["counter", { squad: "numbers" }],
  ]),
  categories: ["content"],
  pipelines: ["Write"],
  lastSquads: ["numbers"],
};

const task = (key: string, change: Partial<PlanTask> = {}): PlanTask => ({
  key,
  phase: "Make",
  skill: "writer",
  brief: "Write.",
  criteria: [],
  needs: [],
  ...change,
});
const planOf = (tasks: PlanTask[], change: Partial<Plan> = {}): Plan => ({
  title: "A plan",
  category: "content",
  pipeline: null,
  phases: [{ name: "Make", gate: false }],
  tasks,
  assumptions: [],
  missing: [],
  ...change,
});
const problems = (plan: Plan, template = false) => planProblems(plan, REGISTRY, { template });

describe("faults", () => {
  const cases: readonly [string, Plan, string][] = [
    ["no tasks", planOf([]), "the plan has no tasks"],
    [
      "too many tasks and gates",
      planOf(
        Array.from({ length: MAX_PLAN_TASKS }, (_, i) => task(`t${i}`)),
        { phases: [{ name: "Make", gate: true }] },
      ),
      `the plan has ${MAX_PLAN_TASKS + 1} tasks and gates, the limit is ${MAX_PLAN_TASKS}`,
    ],
    ["an unknown category", planOf([task("a")], { category: "contnet" }), 'unknown category "contnet": did you mean "content"?'],
    ["an unknown pipeline", planOf([task("a")], { pipeline: "Wrte" }), 'unknown pipeline "Wrte": did you mean "Write"?'],
    [
      "a phase twice",
      planOf([task("a")], {
        phases: [
          { name: "Make", gate: false },
          { name: "Make", gate: true },
        ],
      }),
      'phase "Make" is named twice',
    ],
    ["a key twice", planOf([task("a"), task("a")]), 'task key "a" is used twice'],
    ["a key that is no name", planOf([task("A b")]), 'task "A b": a key is lower-case words joined by hyphens'],
    ["a long key", planOf([task("a".repeat(65))]), "at most 64 characters"],
    ["the key of the report", planOf([task("report")]), `task "report": this key belongs to the Director's own tasks`],
    ["the key of the planning", planOf([task("plan")]), `task "plan": this key belongs to the Director's own tasks`],
    ["the key of a gate", planOf([task("gate-1")]), `task "gate-1": this key belongs to the Director's own tasks`],
    ["an unknown skill", planOf([task("a", { skill: "wirter" })]), 'task "a": unknown skill "wirter": did you mean "writer"?'],
    ["the Director's own work", planOf([task("a", { skill: "director" })]), 'unknown skill "director"'],
    ["an unknown phase", planOf([task("a", { phase: "Mak" })]), 'task "a": unknown phase "Mak": did you mean "Make"?'],
    ["a need of nothing", planOf([task("a", { needs: ["b"] })]), 'task "a" needs "b", which is no task: did you mean "a"?'],
    ["an unknown reviewer", planOf([task("a", { reviewers: ["nobody"] })]), 'task "a": unknown reviewer "nobody"'],
    [
      "work that comes last, first",
      planOf([task("count", { skill: "counter" }), task("a", { needs: ["count"] })]),
      'task "a" needs "count" of squad numbers, whose work comes last: turn the order round',
    ],
    ["a need of itself", planOf([task("a", { needs: ["a"] })]), "in a circle: a → a"],
    [
      "a circle",
      planOf([task("a", { needs: ["c"] }), task("b", { needs: ["a"] }), task("c", { needs: ["b"] })]),
      "in a circle: a → c → b → a",
    ],
    [
      "a gate that waits for what stands behind it",
      planOf([task("first"), task("late", { needs: ["behind"] }), task("behind", { phase: "Next", needs: ["first"] })], {
        phases: [
          { name: "Make", gate: true },
          { name: "Next", gate: false },
        ],
      }),
      "a gate would wait for itself",
    ],
  ];
  for (const [name, plan, words] of cases)
    test(name, () => expect(problems(plan).find((problem) => problem.includes(words))).toBeDefined());

  test("each of these plans has that one fault alone", () => {
    for (const [name, plan] of cases) expect([name, problems(plan).length]).toEqual([name, 1]);
  });

  test("all faults come in one go", () => {
    const plan = planOf([task("A b", { skill: "x", phase: "y", needs: ["z"] })], { category: "q", pipeline: "r" });
    expect(problems(plan).length).toBe(6);
  });

  test("a template follows its own order, and may hold the Director's work", () => {
    const plan = planOf([task("count", { skill: "counter" }), task("a", { needs: ["count"] }), task("b", { skill: "director" })]);
    expect(problems(plan, true)).toEqual([]);
  });
});

/** A sound plan: each task needs only earlier ones, and no phase comes before one that it builds on. */
const validPlan = fc
  .record({
    phases: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
    tasks: fc.array(fc.record({ phase: fc.nat(), needs: fc.array(fc.nat(), { maxLength: 4 }) }), { minLength: 1, maxLength: 40 }),
  })
  .map(({ phases, tasks }) => {
    const sorted = tasks.map((entry) => ({ ...entry, phase: entry.phase % phases.length })).sort((a, b) => a.phase - b.phase);
    return planOf(
      sorted.map((entry, i) =>
        task(`t${i}`, {
          phase: `Phase ${entry.phase}`,
          needs: i === 0 ? [] : [...new Set(entry.needs.map((need) => `t${need % i}`))],
        }),
      ),
      { phases: phases.map((gate, i) => ({ name: `Phase ${i}`, gate })) },
    );
  });

describe("the graph that runs", () => {
  test("a sound plan has no problems and no circle, with all its gates", () => {
    fc.assert(
      fc.property(validPlan, (plan) => {
        fc.pre(plan.tasks.length + plan.phases.filter((phase) => phase.gate).length <= MAX_PLAN_TASKS);
        expect(problems(plan)).toEqual([]);
        expect(findCycle(planNodes(plan))).toBeNull();
      }),
    );
  });

  test("whatever needs a plan has: without problems there is no circle, so every accepted plan can run to its end", () => {
    const anyPlan = fc
      .record({
        phases: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        tasks: fc.array(fc.record({ phase: fc.nat(), needs: fc.array(fc.nat(), { maxLength: 2 }) }), {
          minLength: 1,
          maxLength: 10,
        }),
      })
      .map(({ phases, tasks }) =>
        planOf(
          tasks.map((entry, i) =>
            task(`t${i}`, {
              phase: `Phase ${entry.phase % phases.length}`,
              needs: [...new Set(entry.needs.map((need) => `t${need % tasks.length}`))],
            }),
          ),
          { phases: phases.map((gate, i) => ({ name: `Phase ${i}`, gate })) },
        ),
      );
    fc.assert(
      fc.property(anyPlan, (plan) => {
        expect(problems(plan).length === 0).toBe(findCycle(planNodes(plan)) === null);
      }),
      { numRuns: 500 },
    );
  });

  test("a gate needs exactly its phase's tasks, and waits only where work of a later phase builds on that phase", () => {
    fc.assert(
      fc.property(validPlan, (plan) => {
        const nodes = planNodes(plan);
        const order = plan.phases.map((phase) => phase.name);
        for (const node of nodes) {
          if (node.kind === "gate") {
            expect(node.needs).toEqual(plan.tasks.filter((entry) => entry.phase === node.phase).map((entry) => entry.key));
            expect(nodes.some((other) => other.needs.includes(node.key))).toBe(true);
            continue;
          }
          const own = node.task?.needs ?? [];
          expect(own.filter((need) => !node.needs.includes(need))).toEqual([]);
          const gates = plan.phases.filter(
            (phase) =>
              phase.gate &&
              order.indexOf(phase.name) < order.indexOf(node.phase) &&
              own.some((need) => plan.tasks.find((entry) => entry.key === need)?.phase === phase.name),
          );
          expect(node.needs.filter((need) => !own.includes(need)).sort()).toEqual(
            gates.map((phase) => gateKey(phase.name, plan.phases)).sort(),
          );
        }
        expect(nodes.filter((node) => node.kind === "work").map((node) => node.key)).toEqual(
          plan.tasks.map((entry) => entry.key),
        );
        expect(new Set(nodes.map((node) => node.key)).size).toBe(nodes.length);
      }),
    );
  });
});

describe("findCycle", () => {
  test("a chain, a diamond and needs of nothing are no circle", () => {
    expect(findCycle([])).toBeNull();
    expect(findCycle([{ key: "a", needs: ["gone"] }])).toBeNull();
    expect(
      findCycle([
        { key: "d", needs: ["b", "c"] },
        { key: "b", needs: ["a"] },
        { key: "c", needs: ["a"] },
        { key: "a", needs: [] },
      ]),
    ).toBeNull();
  });

  test("what is found is a circle: each key needs the next, and it ends where it began", () => {
    const graph = fc
      .array(fc.array(fc.nat(9), { maxLength: 3 }), { minLength: 1, maxLength: 10 })
      .map((list) => list.map((needs, i) => ({ key: `t${i}`, needs: needs.map((need) => `t${need}`) })));
    fc.assert(
      fc.property(graph, (tasks) => {
        const circle = findCycle(tasks);
        if (circle === null) {
          // Without a circle, taking away what needs nothing that is left takes away everything.
          let left = tasks;
          for (let before = -1; before !== left.length;) {
            before = left.length;
            const keys = new Set(left.map((entry) => entry.key));
            left = left.filter((entry) => entry.needs.some((need) => keys.has(need)));
          }
          return expect(left).toEqual([]);
        }
        expect(circle[0]).toBe(circle.at(-1));
        expect(circle.length).toBeGreaterThan(1);
        for (const [i, key] of circle.slice(0, -1).entries())
          expect(tasks.find((entry) => entry.key === key)?.needs).toContain(circle[i + 1]);
      }),
      { numRuns: 300 },
    );
  });
});
