/** Stories of judgement: sent back, rejected, escalated, gated, refused; what a person answers; what a bad reply leads to. */

import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import type { Plan } from "../domain/plan.ts";
import { versionsOf, reviewsOf } from "../store/deliverables.ts";
import { getPlan, needGoal } from "../store/goals.ts";
import { listLearnings } from "../store/learnings.ts";
import { listQuestions } from "../store/questions.ts";
import { listEvents } from "../store/events.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { answerQuestion } from "../work/answers.ts";
import { outputPath } from "../work/output-file.ts";
import { writeGoal } from "../work/scribe.ts";
import { json, reviewReplyFor, testTeam, type TestTeam } from "./team.ts";

const YES = { choice: "approve", note: null, version: null, drop: false, body: null } as const;
const NO = { ...YES, choice: "reject" } as const;

/** Two tasks in a row, the second one builds on the first. */
export const TWO: Plan = {
  title: "Two tasks",
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
    },
    {
      key: "edit",
      phase: "Create",
      skill: "copy-editing",
      brief: "Edit the page.",
      criteria: ["It is shorter."],
      needs: ["write"],
    },
  ],
  assumptions: [],
  missing: [],
};
const ONE: Plan = { ...TWO, title: "One task", tasks: TWO.tasks.slice(0, 1) };

const taskOf = async (it: TestTeam, goalId: string, key: string) => {
  const task = (await it.store.read((read) => tasksOfGoal(read, goalId))).find((entry) => entry.key === key);
  if (!task) throw new Error(`no task ${key}`);
  return task;
};
const questionsOf = (it: TestTeam, goalId: string) => it.store.read((read) => listQuestions(read, { goalId, status: "open" }));
const eventTypes = async (it: TestTeam, goalId: string) =>
  (await it.store.read((read) => listEvents(read, { goalId }))).map((event) => event.type);

describe("revision", () => {
  test("work that is sent back is made again with the previous version and the findings, then approved", async () => {
    await using it = await testTeam({
      override: (asked) =>
        asked.kind === "review" ? reviewReplyFor(asked, asked.text.includes('<deliverable revision="0">') ? 6 : 9) : null,
    });
    const goal = await it.run("Write a page", { plan: ONE });
    expect(goal.status).toBe("completed");
    const task = await taskOf(it, goal.id, "write");
    expect([task.status, task.revision, task.verdict, task.score]).toEqual(["done", 1, "APPROVE", 9]);
    const second = it.asked.filter((asked) => asked.kind === "make").at(-1);
    expect(second?.text).toContain('<previous_version revision="0">');
    expect(second?.text).toContain("it misses the point");
    const review = it.asked.filter((asked) => asked.kind === "review").at(-1);
    expect(review?.text).toContain("<earlier_findings>");
    expect((await it.store.read((read) => versionsOf(read, task.id))).map((version) => version.score)).toEqual([6, 9]);
  });

  test("after three revisions the best version goes to a person, all versions kept, and an answer goes on with the goal", async () => {
    let score = 0;
    const scores = [5, 7, 6, 5];
    await using it = await testTeam({
      override: (asked) =>
        asked.kind === "review" && asked.skill === "copywriting" ? reviewReplyFor(asked, scores[score++] ?? 5) : null,
    });
    const paused = await it.run("Write a page", { plan: TWO });
    expect([paused.status, paused.pause]).toEqual(["paused", "question"]);
    const write = await taskOf(it, paused.id, "write");
    expect([write.status, write.revision]).toEqual(["blocked", 3]);
    expect((await taskOf(it, paused.id, "edit")).status).toBe("waiting");
    const [question] = await questionsOf(it, paused.id);
    expect(question?.kind).toBe("quality");
    expect(question?.approveMeans).toContain("version 2");
    if (!question) return;
    expect(await answerQuestion(it.store, question, YES)).toBeNull();
    expect(await answerQuestion(it.store, question, YES)).not.toBeNull();
    const done = await it.work(paused.id);
    expect(done.status).toBe("completed");
    const taken = await taskOf(it, paused.id, "write");
    expect([taken.status, taken.revision, taken.score]).toEqual(["done", 1, 7]);
    const edit = it.asked.find((asked) => asked.kind === "make" && asked.skill === "copy-editing");
    const second = (await it.store.read((read) => versionsOf(read, write.id)))[1];
    expect(edit?.text).toContain(second?.body.slice(0, 200) ?? "never");
  });

  test("a person's no with a note begins a new round, and the note becomes a learning", async () => {
    let reviews = 0;
    await using it = await testTeam({
      override: (asked) => (asked.kind === "review" ? reviewReplyFor(asked, ++reviews > 4 ? 9 : 5) : null),
    });
    const paused = await it.run("Write a page", { plan: ONE });
    const [question] = await questionsOf(it, paused.id);
    if (!question) throw new Error("no question");
    await answerQuestion(it.store, question, { ...NO, note: "Never offer a discount." });
    const done = await it.work(paused.id);
    expect(done.status).toBe("completed");
    expect((await taskOf(it, paused.id, "write")).revision).toBe(4);
    expect(it.asked.filter((asked) => asked.kind === "make").at(-1)?.text).toContain("Never offer a discount.");
    const learned = await it.store.read((read) => listLearnings(read, { skill: "copywriting", rehearsal: false }));
    expect(learned.find((entry) => entry.origin === "person")?.statement).toBe("Never offer a discount.");
  });

  test("--drop gives a task up: what needs it is cancelled with its name, the goal ends", async () => {
    await using it = await testTeam({ override: (asked) => (asked.kind === "review" ? reviewReplyFor(asked, 5) : null) });
    const paused = await it.run("Write a page", { plan: TWO });
    const [question] = await questionsOf(it, paused.id);
    if (!question) throw new Error("no question");
    await answerQuestion(it.store, question, { ...NO, drop: true });
    const ended = await it.store.read((read) => needGoal(read, paused.id));
    expect(ended.status).toBe("failed");
    expect((await taskOf(it, paused.id, "edit")).reason).toContain("write");
  });

  test("structural checks send work back without a reviewer's call", async () => {
    let makes = 0;
    await using it = await testTeam({
      override: (asked) =>
        asked.kind === "make" && makes++ === 0
          ? { text: `# Page\n\nWelcome to [Company], the best. ${"More text. ".repeat(40)}` }
          : asked.kind === "review"
            ? reviewReplyFor(asked, 9)
            : null,
    });
    const goal = await it.run("Write a page", { plan: ONE });
    expect(goal.status).toBe("completed");
    const task = await taskOf(it, goal.id, "write");
    const [first] = await it.store.read((read) => reviewsOf(read, task.id));
    expect(first?.reviewer).toBe("structure");
    expect(first?.findings.some((finding) => finding.quote === "[Company]")).toBe(true);
    expect(it.asked.filter((asked) => asked.kind === "review").length).toBe(1);
  });

  test("a secret of the installation never passes the structural check", async () => {
    let makes = 0;
    await using it = await testTeam({
      override: (asked) =>
        asked.kind === "make" && makes++ === 0
          ? { text: `# Page\n\nUse the key sk-test-canary-123. ${"Text. ".repeat(60)}` }
          : null,
    });
    const goal = await it.run("Write a page", { plan: ONE });
    const task = await taskOf(it, goal.id, "write");
    expect(task.revision).toBe(1);
    const [first] = await it.store.read((read) => reviewsOf(read, task.id));
    expect(first).toMatchObject({ reviewer: "structure", revision: 0, verdict: "REVISE" });
    // Its form is not sound either: without the credential it would be sent back too.
    expect(first?.findings.map(({ severity, problem }) => `${severity}: ${problem}`)).toContain(
      "blocker: The text contains a credential of this installation.",
    );
    const file = await it.team.workspace.read(outputPath(it.team.registry, task));
    expect(file).not.toContain("canary");
  });
});

describe("rejection", () => {
  test("the Director briefs anew once, also for another skill; a second rejection is a question", async () => {
    await using it = await testTeam({
      override: (asked) => {
        if (asked.kind === "review") return reviewReplyFor(asked, 2, { wrong_work: true });
        if (asked.kind === "rebrief")
          return json({
            skill: "social-content",
            brief: "Write three posts instead.",
            criteria: ["Three posts."],
            reason: "The page was not needed.",
          });
        return null;
      },
    });
    const paused = await it.run("Write a page", { plan: ONE });
    expect([paused.status, paused.pause]).toEqual(["paused", "question"]);
    const task = await taskOf(it, paused.id, "write");
    expect([task.skill, task.brief, task.rejections, task.status]).toEqual([
      "social-content",
      "Write three posts instead.",
      1,
      "blocked",
    ]);
    expect(it.asked.filter((asked) => asked.kind === "rebrief").length).toBe(1);
    expect((await questionsOf(it, paused.id))[0]?.kind).toBe("rejected");
  });

  test("three failures in a row pause that goal alone, with pipeline_blocked and a question", async () => {
    const plan: Plan = {
      ...TWO,
      title: "Four",
      tasks: ["a", "b", "c", "d"].map((key) => ({
        key,
        phase: "Create",
        skill: "copywriting",
        brief: `Do ${key}.`,
        criteria: [],
        needs: [],
      })),
    };
    await using it = await testTeam({
      override: (asked) => (asked.kind === "make" && !asked.text.includes("Do d.") ? { text: "" } : null),
    });
    const paused = await it.run("Four things", { plan });
    const types = await eventTypes(it, paused.id);
    expect(types).toContain("pipeline_blocked");
    const questions = await questionsOf(it, paused.id);
    expect(questions.map((question) => question.kind)).toContain("failures");
    const other = await it.run("Write a page", { plan: { ...ONE, tasks: [{ ...ONE.tasks[0]!, brief: "Do d." }] } });
    expect(other.status).toBe("completed");
    const [question] = questions;
    if (!question) return;
    await answerQuestion(it.store, question, YES);
    const goal = await it.work(paused.id);
    expect(["completed", "paused"]).toContain(goal.status);
  });
});

describe("gates", () => {
  const gated: Plan = {
    ...TWO,
    title: "Gated",
    phases: [
      { name: "Audit", gate: true },
      { name: "Create", gate: false },
    ],
    tasks: [
      { key: "audit", phase: "Audit", skill: "page-cro", brief: "Audit the page.", criteria: [], needs: [] },
      { key: "write", phase: "Create", skill: "copywriting", brief: "Write the page.", criteria: [], needs: ["audit"] },
      { key: "posts", phase: "Create", skill: "social-content", brief: "Write posts.", criteria: [], needs: [] },
    ],
  };

  test("a gate re-briefs, adds and drops later tasks as a new version of the plan; what depends on no gate does not wait", async () => {
    const gate = Promise.withResolvers<void>();
    await using it = await testTeam({
      override: async (asked) => {
        if (asked.kind === "make" && asked.skill === "social-content") gate.resolve();
        if (asked.kind !== "gate") return null;
        // The gate only answers once the task that does not depend on it has begun.
        await gate.promise;
        return json({
          decision: "change",
          note: "The audit shows a form problem.",
          rebrief: [{ key: "write", brief: "Write the form's page.", criteria: ["Names the form."] }],
          add: [{ key: "form", phase: "Create", skill: "form-cro", brief: "Fix the form.", criteria: [], needs: ["audit"] }],
          drop: [],
        });
      },
    });
    const goal = await it.run("Fix the page", { plan: gated });
    expect(goal.status).toBe("completed");
    expect(goal.planVersion).toBe(2);
    const tasks = await it.store.read((read) => tasksOfGoal(read, goal.id));
    expect(tasks.filter((task) => task.kind === "work").map((task) => [task.key, task.status])).toEqual([
      ["audit", "done"],
      ["write", "done"],
      ["posts", "done"],
      ["form", "done"],
    ]);
    expect(tasks.find((task) => task.key === "write")?.brief).toBe("Write the form's page.");
    const plan = await it.store.read((read) => getPlan(read, goal.id, 2));
    expect(plan?.tasks.map((task) => task.key)).toEqual(["audit", "write", "posts", "form"]);
  });

  test("an impossible change is repaired once, then work goes on as planned", async () => {
    await using it = await testTeam({
      override: (asked) =>
        asked.kind === "gate"
          ? json({ decision: "change", note: "x", rebrief: [{ key: "audit", brief: "again", criteria: [] }], add: [], drop: [] })
          : null,
    });
    const goal = await it.run("Fix the page", { plan: gated });
    expect([goal.status, goal.planVersion]).toEqual(["completed", 1]);
    expect(it.asked.filter((asked) => asked.kind === "gate").length).toBe(2);
  });

  test("a dropped task is cancelled and the goal completes without it", async () => {
    await using it = await testTeam({
      override: (asked) =>
        asked.kind === "gate"
          ? json({
              decision: "change",
              note: "No page needed.",
              rebrief: [],
              add: [],
              drop: [{ key: "write", reason: "not needed" }],
            })
          : null,
    });
    const goal = await it.run("Fix the page", { plan: gated });
    expect(goal.status).toBe("completed");
    expect((await taskOf(it, goal.id, "write")).status).toBe("cancelled");
  });
});

describe("planning", () => {
  test("a plan with faults is repaired once with the reasons, then refused", async () => {
    const bad = { ...TWO, tasks: [{ ...TWO.tasks[0]!, skill: "copywritting", reviewers: [], variants: 1 }] };
    await using it = await testTeam({ override: (asked) => (asked.kind === "plan" ? json(bad) : null) });
    const goal = await it.run("Write a page");
    expect(goal.status).toBe("failed");
    expect(goal.reason).toContain('unknown skill "copywritting"');
    const plans = it.asked.filter((asked) => asked.kind === "plan");
    expect(plans.length).toBe(2);
    expect(plans[1]?.text).toContain('did you mean "copywriting"');
  });

  test("nothing outside the last squads may need their work", async () => {
    const bad = {
      ...TWO,
      tasks: [
        { ...TWO.tasks[0]!, key: "measure", skill: "analytics-tracking", reviewers: [], variants: 1 },
        { ...TWO.tasks[1]!, needs: ["measure"], reviewers: [], variants: 1 },
      ],
    };
    let plans = 0;
    await using it = await testTeam({ override: (asked) => (asked.kind === "plan" && plans++ === 0 ? json(bad) : null) });
    const goal = await it.run("Write a page");
    expect(goal.status).toBe("completed");
    expect(it.asked.filter((asked) => asked.kind === "plan")[1]?.text).toContain("whose work comes last");
  });

  test("the prompt is built from the live registry and reads the learnings of the category", async () => {
    await using it = await testTeam();
    await it.run("Write a page");
    const [plan] = it.asked;
    expect(plan?.kind).toBe("plan");
    for (const name of it.team.registry.skills.keys()) expect(plan?.text).toContain(`"skill":"${name}"`);
    expect(plan?.text).toContain(
      `You lead ${it.team.registry.skills.size} specialists in ${it.team.registry.squads.size} squads.`,
    );
  });
});

describe("a person's edit", () => {
  test("an edited output is kept as their version, goes downstream, and is never overwritten", async () => {
    const plan: Plan = {
      ...TWO,
      phases: [
        { name: "Create", gate: true },
        { name: "Edit", gate: false },
      ],
      tasks: TWO.tasks.map((task) => (task.key === "edit" ? { ...task, phase: "Edit" } : task)),
    };
    const MARK = "A sentence of a person.";
    let goalId = "";
    let edited = "";
    await using it: TestTeam = await testTeam({
      override: async (asked) => {
        if (asked.kind === "review") return reviewReplyFor(asked, 9);
        if (asked.kind !== "gate") return null;
        // The first task is done and the second waits for this gate: the moment in which a person edits the file.
        await writeGoal(it.team, goalId);
        const path = outputPath(it.team.registry, await taskOf(it, goalId, "write"));
        const text = (await it.team.workspace.read(path)) ?? "";
        edited = `${text.trimEnd()}\r\n\r\n${MARK}  \n\n`;
        await writeFile(it.team.workspace.resolve(path), edited);
        return json({ decision: "go_on", note: "As planned.", rebrief: [], add: [], drop: [] });
      },
    });
    goalId = await it.accept("Write a page", { plan });
    const goal = await it.work(goalId);
    expect(goal.status).toBe("completed");

    const write = await taskOf(it, goalId, "write");
    const versions = await it.store.read((read) => versionsOf(read, write.id));
    expect(versions.map((version) => [version.revision, version.origin])).toEqual([
      [0, "agent"],
      [1, "person"],
    ]);
    expect(versions[0]?.body).not.toContain(MARK);
    expect(versions[1]?.body).toBe(`${versions[0]?.body}\n\n${MARK}`);
    // What was reviewed and approved stays on record as the agent's.
    expect(write.deliverableId).toBe(versions[0]?.id ?? "none");

    const prompt = it.asked.find((asked) => asked.kind === "make" && asked.skill === "copy-editing")?.text ?? "";
    const input = /<input key="write"[^>]*form="full">\n([\s\S]*?)\n<\/input>/.exec(prompt)?.[1];
    expect(input).toBe(versions[1]?.body ?? "none");

    // To the last byte, also after everything was written again.
    const path = outputPath(it.team.registry, write);
    expect(await it.team.workspace.read(path)).toBe(edited);
    await writeGoal(it.team, goalId);
    expect(await it.team.workspace.read(path)).toBe(edited);
    const events = await it.store.read((read) => listEvents(read, { goalId }));
    expect(events.flatMap((event) => (event.type === "output.edited" ? [[event.path, event.revision]] : []))).toEqual([
      [path, 1],
    ]);
  });
});
