/** Review chains: all read the same version, one revision answers all of them, then only those who objected read again. */

import { describe, expect, test } from "bun:test";
import type { Plan } from "../domain/plan.ts";
import { reviewsOf, versionsOf } from "../store/deliverables.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { reviewReplyFor, testTeam, type Asked, type TestTeam } from "./team.ts";

const CHAIN = ["copy-editing", "page-cro", "director"];
const PLAN: Plan = {
  title: "A page, read by three",
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
      reviewers: CHAIN,
    },
  ],
  assumptions: [],
  missing: [],
};

const text = (words: string, answers: string[] = []) => ({
  text: `# Page\n\n${words}\n\n${"A sentence that stays as it is. ".repeat(12)}\n\n<handoff>\n${answers.length > 0 ? `answers:\n${answers.map((line) => `- ${line}`).join("\n")}\n` : ""}missing:\n- none\nassumed:\n- none\n</handoff>`,
});
const readerOf = (asked: Asked) => /<rubric reviewer="([^"]+)"/.exec(asked.text)?.[1] ?? "";
const versionOf = (asked: Asked) => Number(/<deliverable revision="(\d+)"/.exec(asked.text)?.[1]);
const object = (asked: Asked, problem: string) =>
  reviewReplyFor(asked, 6, { findings: [{ severity: "major", quote: "", problem, request: `Mend: ${problem}` }] });

/** A team whose copywriter needs no sections, so that short texts pass the structural check. */
const bare = (registry: Parameters<NonNullable<NonNullable<Parameters<typeof testTeam>[0]>["registry"]>>[0]) => ({
  ...registry,
  skills: new Map([...registry.skills].map(([name, skill]) => [name, { ...skill, sections: [] }])),
});

async function workTask(it: TestTeam, goalId: string) {
  const task = (await it.store.read((read) => tasksOfGoal(read, goalId))).find((entry) => entry.key === "write");
  if (!task) throw new Error("no task");
  return {
    task,
    versions: await it.store.read((read) => versionsOf(read, task.id)),
    reviews: await it.store.read((read) => reviewsOf(read, task.id)),
  };
}

describe("a chain of three", () => {
  test("one revision answers both objections; who approved does not read again, who objected sees its own findings and the change", async () => {
    let makes = 0;
    await using it = await testTeam({
      registry: bare,
      override: (asked) => {
        if (asked.kind === "make")
          return makes++ === 0
            ? text("The price is low.")
            : text("The price is 29 USD a month.", ["F1: done", "F2: declined, because the form is another task"]);
        if (asked.kind !== "review") return null;
        const reader = readerOf(asked);
        if (versionOf(asked) > 0 || reader === "copy-editing") return reviewReplyFor(asked, 9);
        return object(asked, reader === "page-cro" ? "the price is vague" : "the form is missing");
      },
    });
    const goal = await it.run("Write a page", { plan: PLAN });
    expect(goal.status).toBe("completed");
    const read = it.asked.filter((asked) => asked.kind === "review");
    expect(read.map((asked) => `${versionOf(asked)} ${readerOf(asked)}`)).toEqual([
      "0 copy-editing",
      "0 page-cro",
      "0 director",
      "1 page-cro",
      "1 director",
    ]);
    // All of the first round read the same words before their own part; nobody reads what another one thought.
    const shared = read.slice(0, 3).map((asked) => asked.text.slice(0, asked.text.indexOf("<rubric")));
    expect(new Set(shared).size).toBe(1);
    expect(shared[0]).toContain("The price is low.");
    for (const asked of read.slice(0, 3)) expect(asked.text).not.toContain("<earlier_findings>");
    // The last one to read sums up; from the others nobody takes a summary.
    expect(read.map((asked) => asked.text.includes("sums it up"))).toEqual([true, true, false, true, false]);
    // The maker gets one list.
    const revision = it.asked.filter((asked) => asked.kind === "make")[1]?.text ?? "";
    expect(revision).toContain('{"id":"F1","severity":"major","quote":"","problem":"the price is vague"');
    expect(revision).toContain('{"id":"F2","severity":"major","quote":"","problem":"the form is missing"');
    // Each objector sees its own finding, how it was answered, and what changed.
    const [again, director] = read.slice(3).map((asked) => asked.text);
    expect(again).toContain("the price is vague");
    expect(again).toContain('"answer":"done"');
    expect(again).not.toContain("the form is missing");
    expect(director).toContain('"answer":"declined","reason":"because the form is another task"');
    expect(director).toContain("-The price is low.\n+The price is 29 USD a month.");
    const { task, versions, reviews } = await workTask(it, goal.id);
    expect([task.status, task.revision, task.verdict, task.score]).toEqual(["done", 1, "APPROVE", 9]);
    expect(versions[1]?.answers.map(({ reviewer, answer }) => `${reviewer} ${answer}`)).toEqual([
      "page-cro done",
      "director declined",
    ]);
    expect(reviews.map(({ revision, reviewer, verdict }) => `${revision} ${reviewer} ${verdict}`)).toEqual([
      "0 copy-editing APPROVE",
      "0 page-cro REVISE",
      "0 director REVISE",
      "1 page-cro APPROVE",
      "1 director APPROVE",
    ]);
  });

  test("is bounded in rounds: with an objection that stays, a person gets the best version", async () => {
    await using it = await testTeam({
      registry: bare,
      override: (asked) => {
        if (asked.kind === "make") return text(`Try ${it?.asked.length}.`);
        if (asked.kind !== "review") return null;
        return readerOf(asked) === "page-cro" ? object(asked, "the price is vague") : reviewReplyFor(asked, 9);
      },
    });
    const goal = await it.run("Write a page", { plan: PLAN });
    expect([goal.status, goal.pause]).toEqual(["paused", "question"]);
    const readers = it.asked.filter((asked) => asked.kind === "review").map(readerOf);
    // Three read the first version; the one who objects reads the three revisions.
    expect(readers).toEqual([...CHAIN, "page-cro", "page-cro", "page-cro"]);
    const { task, versions } = await workTask(it, goal.id);
    expect([task.status, versions.length]).toEqual(["blocked", 4]);
  });

  test("is bounded in money: at the task's cap the goal waits for a person, with what was read kept", async () => {
    await using it = await testTeam({ registry: bare, caps: { task: 40_000_000 } });
    const goal = await it.run("Write a page", { plan: PLAN });
    expect([goal.status, goal.pause]).toEqual(["paused", "budget"]);
  });

  test("a reviewer never reads who made the text, with what model, or what score it had", async () => {
    await using it = await testTeam({
      registry: bare,
      override: (asked) =>
        asked.kind === "review" ? (versionOf(asked) === 0 ? object(asked, "vague") : reviewReplyFor(asked, 9)) : null,
    });
    await it.run("Write a page", { plan: PLAN });
    for (const asked of it.asked.filter((entry) => entry.kind === "review")) {
      const own = asked.text.slice(asked.text.indexOf("<task"));
      expect(own).not.toMatch(/<(?:task|deliverable)[^>]*(?:skill|origin|model|score|by)=/);
      expect(own).not.toContain("claude-");
      expect(own).not.toMatch(/"score":/);
    }
  });
});
