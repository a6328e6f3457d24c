/** Several versions of one task: made from different angles, judged in pairs and both orders; a biased judge ends in a tie. */

import { describe, expect, test } from "bun:test";
import type { Plan } from "../domain/plan.ts";
import { versionsOf } from "../store/deliverables.ts";
import { listLearnings } from "../store/learnings.ts";
import { listEvents } from "../store/events.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { variantsOf } from "../store/variants.ts";
import { variantPath } from "../work/output-file.ts";
import { json, testTeam, type Asked, type TestTeam } from "./team.ts";

const PLAN: Plan = {
  title: "A page in three versions",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks: [
    {
      key: "write",
      phase: "Create",
      skill: "copywriting",
      brief: "Write the page.",
      criteria: ["It has a headline."],
      needs: [],
      variants: 3,
    },
  ],
  assumptions: [],
  missing: [],
};

const bare = (registry: Parameters<NonNullable<NonNullable<Parameters<typeof testTeam>[0]>["registry"]>>[0]) => ({
  ...registry,
  skills: new Map([...registry.skills].map(([name, skill]) => [name, { ...skill, sections: [] }])),
});
const numberOf = (asked: Asked) => Number(/<angle number="(\d)"/.exec(asked.text)?.[1]);
const LENGTHS = [20, 60, 30];
const body = (number: number) => ({
  text: `# Version ${number}\n\n${`Sentence of version ${number}. `.repeat(LENGTHS[number - 1] ?? 10)}`,
});
const shown = (asked: Asked, name: "first" | "second") =>
  new RegExp(`<${name}>\\n([\\s\\S]*?)\\n</${name}>`).exec(asked.text)?.[1] ?? "";
const isComparison = (asked: Asked) => asked.text.includes("<second>");

/** A team whose comparisons are answered by `judge`. */
const judgedBy = (judge: (first: string, second: string) => "first" | "second" | "equal") =>
  testTeam({
    registry: bare,
    override: (asked) => {
      if (asked.kind === "make") return body(numberOf(asked));
      return isComparison(asked)
        ? json({ better: judge(shown(asked, "first"), shown(asked, "second")), reason: "It shows the price." })
        : null;
    },
  });

async function outcome(it: TestTeam) {
  const goal = await it.run("Write a page", { plan: PLAN });
  expect(goal.status).toBe("completed");
  const task = (await it.store.read((read) => tasksOfGoal(read, goal.id))).find((entry) => entry.key === "write");
  if (!task) throw new Error("no task");
  return {
    task,
    variants: await it.store.read((read) => variantsOf(read, task.id)),
    versions: await it.store.read((read) => versionsOf(read, task.id)),
    learnings: await it.store.read((read) => listLearnings(read, { skill: "copywriting", rehearsal: false })),
    events: await it.store.read((read) => listEvents(read, { goalId: goal.id })),
    comparisons: it.asked.filter(isComparison).length,
  };
}

test("three versions from three angles; the one that wins in both orders is handed in, the losers are kept, the reason is a learning", async () => {
  const likesThree = (first: string, second: string) =>
    first.includes("version 3")
      ? "first"
      : second.includes("version 3")
        ? "second"
        : first.includes("version 1")
          ? "first"
          : "second";
  await using it = await judgedBy(likesThree);
  const { task, variants, versions, learnings, events } = await outcome(it);
  const made = it.asked.filter((asked) => asked.kind === "make");
  const angles = made.map((asked) => /<angle[^>]*>\n([\s\S]*?)\n<\/angle>/.exec(asked.text)?.[1]);
  expect(new Set(angles).size).toBe(3);
  expect(variants.map((entry) => entry.outcome)).toEqual(["loser", "loser", "winner"]);
  expect(versions.map((version) => version.body.slice(0, 11))).toEqual(["# Version 3"]);
  expect(learnings.find((entry) => entry.tags.includes("comparison"))?.statement).toContain("It shows the price.");
  expect(events.find((event) => event.type === "variants.compared")).toMatchObject({ variants: 3, winner: 3 });
  // The losers lie beside the winner.
  const lies = (number: number) => it.team.workspace.read(variantPath(it.team.registry, task, number));
  expect(await lies(1)).toContain("# Version 1");
  expect(await lies(2)).toContain("It shows the price.");
  expect(await lies(3)).toBeNull();
  // A reviewer reads the winner alone.
  const review = it.asked.filter((asked) => asked.kind === "review");
  expect(review.length).toBe(1);
  expect(review[0]?.text).not.toContain("version 1");
});

describe("a judge that does not judge ends in a tie", () => {
  test.each([
    ["always the first", () => "first" as const],
    ["always the second", () => "second" as const],
    ["the longer", (first: string, second: string) => (first.length > second.length ? ("first" as const) : ("second" as const))],
    ["none", () => "equal" as const],
  ])("%s", async (_name, judge) => {
    await using it = await judgedBy(judge);
    const { variants, learnings } = await outcome(it);
    // A tie takes the first, says so, and teaches nothing.
    expect(variants.map((entry) => entry.outcome)).toEqual(["winner", "loser", "loser"]);
    expect(variants[0]?.note).toContain("none was clearly better");
    expect(learnings.filter((entry) => entry.tags.includes("comparison"))).toEqual([]);
  });

  test("the shorter is no bias of length: it holds without a control", async () => {
    await using it = await judgedBy((first, second) => (first.length < second.length ? "first" : "second"));
    const { variants, comparisons } = await outcome(it);
    expect(variants.map((entry) => entry.outcome)).toEqual(["winner", "loser", "loser"]);
    expect(variants[0]?.note).toContain("It shows the price.");
    expect(comparisons).toBe(6);
  });
});

test("a version that does not pass the structural check is not compared", async () => {
  await using it = await testTeam({
    registry: bare,
    override: (asked) => {
      if (asked.kind === "make")
        return numberOf(asked) === 2 ? { text: `# Page of [Company]\n\n${"More text. ".repeat(40)}` } : body(numberOf(asked));
      return isComparison(asked) ? json({ better: "equal", reason: "Alike." }) : null;
    },
  });
  const { variants, comparisons } = await outcome(it);
  expect(variants.map((entry) => entry.outcome)).toEqual(["winner", "out", "loser"]);
  expect(comparisons).toBe(2);
});

test("comparisons that cannot be read prefer nobody: the first is taken, and the goal goes on", async () => {
  await using it = await testTeam({
    registry: bare,
    override: (asked) => {
      if (asked.kind === "make") return body(numberOf(asked));
      return isComparison(asked) ? { text: "I like both of them." } : null;
    },
  });
  const { variants, learnings } = await outcome(it);
  expect(variants.map((entry) => entry.outcome)).toEqual(["winner", "loser", "loser"]);
  expect(variants[1]?.note).toContain("could not be read");
  expect(learnings.filter((entry) => entry.tags.includes("comparison"))).toEqual([]);
});

test("one version that does not come is done without; the others are compared", async () => {
  await using it = await testTeam({
    registry: bare,
    override: (asked) => {
      if (asked.kind === "make") return numberOf(asked) === 1 ? { stop: "refusal", detail: "no" } : body(numberOf(asked));
      return isComparison(asked) ? json({ better: "equal", reason: "Alike." }) : null;
    },
  });
  const { variants } = await outcome(it);
  expect(variants.map((entry) => [entry.variant, entry.outcome])).toEqual([
    [2, "winner"],
    [3, "loser"],
  ]);
});
