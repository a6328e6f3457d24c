/** Stories of questions to a person: what they show, that none is asked twice, what each answer sets going and teaches. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Goal } from "../domain/goal.ts";
import type { Learning } from "../domain/learning.ts";
import { nano } from "../domain/money.ts";
import type { Plan } from "../domain/plan.ts";
import { detailOf, type Answer, type Decision, type Question } from "../domain/question.ts";
import type { Registry } from "../domain/registry.ts";
import type { Store } from "../store/store.ts";
import { versionsOf } from "../store/deliverables.ts";
import { needGoal } from "../store/goals.ts";
import { listLearnings } from "../store/learnings.ts";
import { askQuestion, listQuestions } from "../store/questions.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { answerQuestion } from "../work/answers.ts";
import { decisionOf } from "../work/escalation.ts";
import { ENGINES } from "./engines.ts";
import { runs } from "./fuzz.ts";
import { reviewReplyFor, testTeam, type Asked, type TeamOptions, type TestTeam } from "./team.ts";

const YES: Answer = { choice: "approve", note: null, version: null, drop: false, body: null };
const NO: Answer = { ...YES, choice: "reject" };

const task = (key: string, needs: string[] = [], skill = "copywriting") => ({
  key,
  phase: "Create",
  skill,
  brief: `Write the ${key}: who it is for, what it does, what it costs.`,
  criteria: [`The ${key} has a headline.`, "It names the price."],
  needs,
});
const planOf = (...tasks: Plan["tasks"]): Plan => ({
  title: "A page",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks,
  assumptions: [],
  missing: [],
});
const ONE = planOf(task("page"));
const CHAIN = planOf(task("page"), task("mail", ["page"]), task("posts", ["mail"]));
const THREE = planOf(task("page"), task("mail", ["page"]), task("posts", ["mail"]), task("ads"));

/** Short texts pass the structural check: no skill needs sections. */
const bare = (registry: Registry): Registry => ({
  ...registry,
  skills: new Map([...registry.skills].map(([name, skill]) => [name, { ...skill, sections: [] }])),
});
const FILL = "A sentence that stays as it is. ".repeat(10).trim();
const text = (words: string, answers: readonly string[] = []) =>
  `# Page\n\n${words}\n\n${FILL}\n\n<handoff>\n${answers.length > 0 ? `answers:\n${answers.map((line) => `- ${line}`).join("\n")}\n` : ""}missing:\n- none\nassumed:\n- none\n</handoff>`;
const body = (words: string) => `# Page\n\n${words}\n\n${FILL}`;

const revisionOf = (asked: Asked) => Number(/<deliverable revision="(\d+)"/.exec(asked.text)?.[1]);
const keyOf = (asked: Asked) => /<task key="([^"]+)"/.exec(asked.text)?.[1] ?? "";
const finding = (problem: string, severity = "major", quote = "") => ({
  severity,
  quote,
  problem,
  request: `Mend it: ${problem}`,
});

type Script = {
  /** Texts of the versions, or a refusal's words, by how often a version was made. */
  readonly make: (n: number, asked: Asked) => { text: string } | { refusal: string };
  readonly score?: (revision: number) => number;
  readonly findings?: (revision: number) => object[];
  readonly summary?: (revision: number) => string;
  readonly options?: TeamOptions;
};

/** A team whose maker and reviewers follow a script. */
function scripted({ make, score, findings, summary, options }: Script): Promise<TestTeam> {
  let made = 0;
  return testTeam({
    registry: bare,
    ...options,
    override: (asked) => {
      if (asked.kind === "make") {
        const said = make(made++, asked);
        return "text" in said ? { text: said.text } : { stop: "refusal", text: "", detail: said.refusal };
      }
      if (asked.kind !== "review") return null;
      const revision = revisionOf(asked);
      return reviewReplyFor(asked, score?.(revision) ?? 6, {
        findings: findings?.(revision) ?? [finding("it misses the point")],
        summary: summary?.(revision) ?? "A summary.",
      });
    },
  });
}

const open = (it: TestTeam, goalId: string) => it.store.read((read) => listQuestions(read, { goalId, status: "open" }));
const all = (it: TestTeam, goalId: string) => it.store.read((read) => listQuestions(read, { goalId }));
const taskOf = async (it: TestTeam, goalId: string, key = "page") => {
  const found = (await it.store.read((read) => tasksOfGoal(read, goalId))).find((entry) => entry.key === key);
  if (!found) throw new Error(`no task ${key}`);
  return found;
};
const learned = async (it: TestTeam, rehearsal = false): Promise<Learning[]> =>
  (await it.store.read((read) => listLearnings(read, { rehearsal }))).filter((entry) => entry.origin === "person");

/** Works on a goal until it waits, and gives its one question. */
async function asked(
  it: TestTeam,
  plan: Plan = ONE,
  more: { rehearsal?: boolean } = {},
): Promise<{ goal: Goal; question: Question }> {
  const goal = await it.run("A page for Tidewater, the tide app", { plan, ...more });
  const [question] = await open(it, goal.id);
  if (!question) throw new Error(`no question: ${goal.status} ${goal.reason}`);
  return { goal, question };
}

const WORDS = ["The price is low.", "The price is 29 USD a month.", "It costs 29 USD.", "It costs 29 USD a month, all told."];
const versions: Script = {
  make: (n) => ({ text: text(WORDS[n] ?? `Try ${n}.`) }),
  score: (revision) => [5, 7, 6, 5][revision] ?? 9,
  findings: (revision) =>
    revision > 3 ? [] : ([[finding("the price is vague")], [finding("no proof")], [], [finding("too long")]][revision] ?? []),
};

describe("what a question shows", () => {
  test("all that is needed to decide, on one screen of 80 x 40", async () => {
    await using it = await scripted({
      make: (n) => ({
        text: text(
          WORDS[n] ?? "",
          n === 3 ? ["F1: done", "F2: declined, because the brief forbids customer names"] : ["F1: done", "F2: done"],
        ),
      }),
      score: versions.score ?? (() => 5),
      findings: (revision) => [
        finding("the second paragraph repeats the first", "minor", "A sentence that stays"),
        finding(
          revision === 3 ? "a customer's name is still missing from the proof" : "a customer's name is missing from the proof",
        ),
        ...(revision === 3 ? [finding("the total price is not what the context says", "blocker", "all told")] : []),
      ],
    });
    const { goal, question } = await asked(it, CHAIN);
    expect(`${question.title}\n\n${question.detail.replaceAll(question.id, `ask_${"0".repeat(26)}`)}`).toMatchInlineSnapshot(`
      ""page" is not good enough after 3 revisions. Take the best version?

      **Asked** of page (copywriting): Write the page: who it is for, what it does,
      what it costs.
      Done when: The page has a headline; It names the price.

      **Versions:** 1 (5), 2 (7, best), 3 (6), 4 (5, newest).

      **From version 2 to version 4:**

          @@ line 2 @@
          -The price is 29 USD a month.
          +It costs 29 USD a month, all told.

      **Still open in version 4**:
      1. blocker, director: the total price is not what the context says ("all told")
         asked for: Mend it: the total price is not what the context says
      2. major, director: a customer's name is still missing from the proof
         the maker declined: because the brief forbids customer names
      3. minor, director: the second paragraph repeats the first ("A sentence that st…
         asked for: Mend it: the second paragraph repeats the first

      **Cost so far:** $0.0084.

      **Choices**, each behind \`bun run start\`:
      - \`approve ask_00000000000000000000000000\` $0.00: take version 2 (score 7)
      - \`approve ask_00000000000000000000000000 --version N\` $0.00: take 1, 3 or 4
      - \`approve ask_00000000000000000000000000 --edit FILE\` $0.00: take your own text
      - \`reject ask_00000000000000000000000000 --note "why"\` about $0.0021:
        one more round, with your note as a finding; at most $9.99, what is left of
        its cap
      - \`reject ask_00000000000000000000000000 --drop\` $0.00:
        cancels page, mail, posts"
    `);
    const rows = question.detail.split("\n");
    expect(rows.length).toBeLessThanOrEqual(35);
    expect(Math.max(...rows.map((row) => Bun.stringWidth(row)))).toBeLessThanOrEqual(80);
    // The same parts for programs, as things stand now.
    const decision = await decisionOf(it.store, question);
    expect(detailOf(decision)).toBe(question.detail);
    expect(decision.findings.map((entry) => [entry.severity, entry.declined])).toEqual([
      ["blocker", null],
      ["major", "because the brief forbids customer names"],
      ["minor", null],
    ]);
    expect(decision.diff).toMatchObject({ from: 2, to: 4 });
    expect(decision.diff?.text).toContain("-The price is 29 USD a month.\n+It costs 29 USD a month, all told.");
    const calls = await it.store.read((read) =>
      read.db
        .selectFrom("calls")
        .selectAll()
        .where("subject", "=", question.taskId ?? "")
        .execute(),
    );
    const cost = calls.reduce((sum, call) => sum + call.cost, 0);
    expect(decision.cost).toBe(cost);
    // Four versions, each made once and read once: one more try costs a fourth of it.
    expect(decision.choices.map(({ answer, cost: amount }) => [answer, amount])).toEqual([
      ["approve", 0],
      ["version", 0],
      ["edit", 0],
      ["reject", Math.ceil(cost / 4)],
      ["drop", 0],
    ]);
    // What a drop would cancel is what it cancels.
    expect(decision.choices.at(-1)?.means).toBe("cancels page, mail, posts");
    await answerQuestion(it.store, question, { ...NO, drop: true });
    const ended = await it.store.read((read) => tasksOfGoal(read, goal.id));
    expect(ended.filter((entry) => entry.status === "cancelled").map((entry) => entry.key)).toEqual(["page", "mail", "posts"]);
  });

  test("a long difference is cut and says so; a change far into a line is shown", async () => {
    const long = (word: string) => `${"These words are the same in both versions. ".repeat(6)}${word} ends it.`;
    const many = (word: string) => Array.from({ length: 40 }, (_, i) => `Line ${i} ${word}.`).join("\n\n");
    await using it = await scripted({
      make: (n) => ({ text: text(`${long(n === 1 ? "Daylight" : "Darkness")}\n\n${many(n === 1 ? "old" : "new")}`) }),
      score: (revision) => (revision === 1 ? 7 : 5),
    });
    const { question } = await asked(it);
    const rows = question.detail.split("\n");
    expect(question.detail).toMatch(/\n {4}-….*Daylight ends it\.\n {4}\+….*Darkness ends it\.\n/);
    expect(question.detail).toMatch(/\(cut here: \d+ more lines\)/);
    expect(rows.length).toBeLessThanOrEqual(35);
    expect(Math.max(...rows.map((row) => Bun.stringWidth(row)))).toBeLessThanOrEqual(80);
    // A program gets the whole of it.
    expect((await decisionOf(it.store, question)).diff?.text).toContain("+Line 39 new.");
  });

  test("property: whatever is to be shown fits on the screen and moves no cursor", () => {
    const words = fc.array(fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom("word", "世界", "\u001b[2J", "\n\n", "```")), {
      maxLength: 60,
    });
    const said = words.map((list) => list.join(" "));
    const decisions: fc.Arbitrary<Decision> = fc.record({
      asked: fc.record({ of: fc.constant("page (copywriting)"), brief: said, criteria: fc.array(said, { maxLength: 9 }) }),
      happened: fc.option(said),
      versions: fc.array(
        fc.record({
          version: fc.nat(99),
          score: fc.option(fc.constantFrom(5, 7.5)),
          origin: fc.constantFrom("agent", "person"),
          best: fc.boolean(),
          newest: fc.boolean(),
        }),
        { maxLength: 12 },
      ),
      diff: fc.option(
        fc.record({
          from: fc.nat(9),
          to: fc.nat(9),
          text: fc.array(said.map((line) => `-${line.replaceAll("\n", " ")}`)).map((lines) => lines.join("\n")),
        }),
      ),
      findings: fc.array(
        fc.record({
          severity: fc.constantFrom("blocker", "major", "minor"),
          quote: said,
          problem: said,
          request: said,
          reviewer: fc.constant("director"),
          declined: fc.option(said),
        }),
        { maxLength: 20 },
      ),
      cost: fc.nat(),
      lost: fc.nat(),
      ahead: fc.option(said),
      choices: fc.constant([
        {
          answer: "approve",
          command: `approve ask_${"0".repeat(26)}`,
          cost: 0,
          bound: "exact",
          means: "take version 2 (score 7)",
        },
        {
          answer: "reject",
          command: `reject ask_${"0".repeat(26)} --note "why"`,
          cost: null,
          bound: "about",
          means: "one more round with your note as a finding; at most $9.93, what is left of its cap",
        },
      ] as const),
    });
    fc.assert(
      fc.property(decisions, (decision) => {
        const rows = detailOf(decision).split("\n");
        expect(rows.length).toBeLessThanOrEqual(35);
        for (const row of rows) {
          expect(Bun.stringWidth(row)).toBeLessThanOrEqual(80);
          expect(row).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a gate opens on what did come in: dropping one task before it does not cancel what stands behind it", async () => {
    const gated: Plan = {
      ...planOf(task("page"), task("ads"), task("mail", ["page"])),
      phases: [
        { name: "Create", gate: true },
        { name: "Tell", gate: false },
      ],
    };
    await using it = await testTeam({
      override: (about) =>
        about.kind === "review" ? reviewReplyFor(about, about.text.includes("Write the page") ? 5 : 9) : null,
    });
    const { goal, question } = await asked(it, {
      ...gated,
      tasks: [...gated.tasks, { ...task("posts"), phase: "Tell" }, { ...task("talk", ["page"]), phase: "Tell" }],
    });
    const drop = (await decisionOf(it.store, question)).choices.at(-1);
    await answerQuestion(it.store, question, { ...NO, drop: true });
    await it.work(goal.id);
    const cancelled = (await it.store.read((read) => tasksOfGoal(read, goal.id))).filter((entry) => entry.status === "cancelled");
    expect(cancelled.map((entry) => entry.key)).toEqual(["page", "mail", "talk"]);
    expect(drop?.means).toBe("cancels page, mail, talk");
  });

  test("a refusal says what the model said, and that there is no version; a review that cannot be read says why", async () => {
    await using refused = await scripted({ make: () => ({ refusal: "it names a competitor" }) });
    const first = (await asked(refused)).question;
    expect(first.kind).toBe("risk");
    expect(first.detail).toContain("**What happened:** it names a competitor");
    expect(first.detail).not.toContain("Versions");
    const { happened, choices } = await decisionOf(refused.store, first);
    expect(happened).toBe("it names a competitor");
    expect(choices.map((choice) => choice.answer)).toEqual(["approve", "edit", "reject", "drop"]);
    expect(choices[0]?.means).toStartWith("try once more");

    await using it = await testTeam({ faults: ["broken_json@reviewx*"] });
    const { question } = await asked(it);
    expect(question.title).toContain("could not be read");
    const decision = await decisionOf(it.store, question);
    expect(decision.happened).toStartWith("broken:");
    expect(decision.versions).toMatchObject([{ version: 1, score: null, best: true, newest: true }]);
    expect(decision.choices[0]?.means).toBe("take version 1, which has no score");
  });

  test("a budget question names the amount and what is left to do by the quote", async () => {
    await using it = await testTeam({ caps: { task: nano(0.04) } });
    const { goal, question } = await asked(it);
    expect(question.kind).toBe("budget");
    const { ahead, choices } = await decisionOf(it.store, question);
    expect(ahead).toMatch(/^1 of 1 tasks are left, by the quote about \$\d/);
    expect(choices.map(({ answer, cost, command }) => [answer, cost, command])).toEqual([
      ["approve", nano(10), `approve ${question.id}`],
      ["allow", null, `resume ${goal.id} --allow USD`],
      ["reject", 0, `reject ${question.id}`],
    ]);
  });
});

describe("the same question is never asked twice", () => {
  test("two identical refusals ask once: the task fails and names the question and its answer", async () => {
    await using it = await scripted({ make: () => ({ refusal: "it names a competitor" }) });
    const { goal, question } = await asked(it);
    await answerQuestion(it.store, question, { ...NO, note: "Leave the competitor out" });
    const ended = await it.work(goal.id);
    expect(ended.status).toBe("failed");
    expect(await all(it, goal.id)).toHaveLength(1);
    const { status, reason, deliverableId } = await taskOf(it, goal.id);
    expect([status, deliverableId]).toEqual(["failed", null]);
    expect(reason).toContain(question.id);
    expect(reason).toEndWith('was answered: reject ("Leave the competitor out")');
  });

  test("a refusal in other words is another question", async () => {
    await using it = await scripted({ make: (n) => ({ refusal: n === 0 ? "it names a competitor" : "it promises a cure" }) });
    const { goal, question } = await asked(it);
    await answerQuestion(it.store, question, YES);
    expect((await it.work(goal.id)).status).toBe("paused");
    const [second] = await open(it, goal.id);
    expect(second?.fingerprint).not.toBe(question.fingerprint);
    expect(second?.detail).toContain("it promises a cure");
  });

  test("one more round that brings the same texts and objections fails the task; it is never approved by itself", async () => {
    await using it = await scripted({ make: () => ({ text: text("The price is low.") }) });
    const { goal, question } = await asked(it);
    await answerQuestion(it.store, question, NO);
    const ended = await it.work(goal.id);
    expect(ended.status).toBe("failed");
    expect(await all(it, goal.id)).toHaveLength(1);
    const page = await taskOf(it, goal.id);
    expect([page.status, page.deliverableId]).toEqual(["failed", null]);
    expect(page.reason).toContain(question.id);
  });

  test("one more round that brings another text asks anew", async () => {
    await using it = await scripted({ make: (n) => ({ text: text(`Try ${n}.`) }) });
    const { goal, question } = await asked(it);
    await answerQuestion(it.store, question, NO);
    expect((await it.work(goal.id)).status).toBe("paused");
    expect((await open(it, goal.id)).map((entry) => entry.kind)).toEqual(["quality"]);
    expect(await all(it, goal.id)).toHaveLength(2);
  });

  test("an open question is not doubled; for a budget another cap or amount is another question", async () => {
    await using it = await testTeam({ caps: { task: nano(0.04) } });
    const { goal, question } = await asked(it);
    const { id: _, status: _s, answer: _a, fingerprint: _f, createdAt: _c, answeredAt: _n, ...same } = question;
    const ask = (id: string, title: string) =>
      it.store.write("question.test", (tx) => askQuestion(tx, { ...same, id, title }, false));
    expect(await ask("ask_again", question.title)).toBe(question.id);
    expect(await all(it, goal.id)).toHaveLength(1);
    expect(await ask("ask_amount", "Allow $99.00 more?")).toBe("ask_amount");
    await it.store.write("goal.test", (tx) => tx.db.updateTable("goals").set({ allowed: 1 }).execute());
    expect(await ask("ask_cap", question.title)).toBe("ask_cap");
  });
});

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`on ${engine.name}`, () => {
    test("a question is asked once, shown whole, answered, and what it teaches is kept", async () => {
      await using store = await engine.open();
      await using it = await scripted({ ...versions, options: { store } });
      const { goal, question } = await asked(it);
      const { cost, choices } = await decisionOf(store, question);
      expect(cost).toBeGreaterThan(0);
      expect(choices.find((choice) => choice.answer === "reject")?.cost).toBe(Math.ceil(cost / 4));
      await answerQuestion(store, question, { ...YES, version: 1, note: "Say the price first." });
      expect((await learned(it)).length).toBe(2);
      expect((await it.work(goal.id)).status).toBe("completed");

      await using refusing = await scripted({ make: () => ({ refusal: "it names a competitor" }), options: { store } });
      const refused = await asked(refusing);
      await answerQuestion(store, refused.question, NO);
      expect((await refusing.work(refused.goal.id)).status).toBe("failed");
      expect(await all(refusing, refused.goal.id)).toHaveLength(1);
    }, 60_000);
  });
}

/** The store, with the names of what is written to it. */
function watched(store: Store): { store: Store; names: string[] } {
  const names: string[] = [];
  return {
    names,
    store: {
      ...store,
      write: (name, change) => {
        names.push(name);
        return store.write(name, change);
      },
    },
  };
}

describe("an answer", () => {
  const edit = body("The price is 29 USD a month, at most.");
  const cases: { name: string; given: Answer; status: Goal["status"]; task: string; learned: string[] }[] = [
    { name: "approve", given: YES, status: "completed", task: "done", learned: [] },
    {
      name: "approve with a note",
      given: { ...YES, note: "Say the price first." },
      status: "completed",
      task: "done",
      learned: ["active 0.9 Say the price first."],
    },
    {
      name: "take version 1",
      given: { ...YES, version: 1 },
      status: "completed",
      task: "done",
      learned: ["hypothesis 0.6 Preferred by a person, though a reviewer objected: the price is vague"],
    },
    { name: "take version 2, the best", given: { ...YES, version: 2 }, status: "completed", task: "done", learned: [] },
    {
      name: "edit",
      given: { ...YES, body: edit },
      status: "completed",
      task: "done",
      learned: ["hypothesis 0.6 A person's edit: “month.” became “month, at most.”."],
    },
    {
      name: "reject with a note",
      given: { ...NO, note: "Never offer a discount." },
      status: "completed",
      task: "done",
      learned: ["active 0.9 Never offer a discount."],
    },
    { name: "reject", given: NO, status: "completed", task: "done", learned: [] },
    {
      name: "drop with a note",
      given: { ...NO, drop: true, note: "No pages in December." },
      status: "failed",
      task: "cancelled",
      learned: ["active 0.9 No pages in December."],
    },
    { name: "a note without words", given: { ...NO, drop: true, note: "  " }, status: "failed", task: "cancelled", learned: [] },
  ];
  for (const { name, given, status, task: expected, learned: lessons } of cases) {
    test(`${name}: the goal goes on in the same write, and what it teaches is kept with its evidence`, async () => {
      await using it = await scripted(versions);
      const { goal, question } = await asked(it);
      const { store, names } = watched(it.store);
      expect(await answerQuestion(store, question, given)).toBeNull();
      expect(names).toEqual(["question.answer"]);
      const after = await it.store.read((read) => needGoal(read, goal.id));
      expect(after.status).toBe(status === "failed" ? "failed" : "running");
      const kept = await learned(it);
      expect(kept.map((entry) => `${entry.status} ${entry.confidence} ${entry.statement}`)).toEqual(lessons);
      for (const entry of kept) {
        expect([entry.goalId, entry.taskId, entry.skill]).toEqual([goal.id, question.taskId, "copywriting"]);
        for (const id of [goal.id, question.id, question.taskId ?? ""]) expect(entry.evidence).toContain(id);
      }
      expect(await answerQuestion(it.store, question, given)).not.toBeNull();
      expect((await it.work(goal.id)).status).toBe(status);
      expect((await taskOf(it, goal.id)).status).toBe(expected as never);
      expect(await learned(it)).toHaveLength(lessons.length);
    });
  }

  test("a choice against the scores without objections of its own is told by what the versions are about", async () => {
    await using it = await scripted({
      ...versions,
      findings: () => [finding("it misses the point")],
      summary: (revision) => (revision === 0 ? "Opens with the sea." : "Opens with the price."),
    });
    const { question } = await asked(it);
    await answerQuestion(it.store, question, { ...YES, version: 1 });
    expect((await learned(it)).map((entry) => entry.statement)).toEqual([
      "Preferred by a person: Opens with the sea. Not: Opens with the price.",
    ]);
  });

  test("a choice among equals teaches nothing, nor does one of which nothing was written", async () => {
    await using equal = await scripted({ ...versions, score: () => 6 });
    const first = (await asked(equal)).question;
    await answerQuestion(equal.store, first, { ...YES, version: 1 });
    expect(await learned(equal)).toEqual([]);
    await using same = await scripted({ ...versions, findings: () => [finding("it misses the point")] });
    const second = (await asked(same)).question;
    await answerQuestion(same.store, second, { ...YES, version: 1 });
    expect(await learned(same)).toEqual([]);
  });

  test("of an edit at most three passages are quoted, and a rewrite is not", async () => {
    const lines = (words: readonly string[]) => words.map((word) => `The ${word} stands here.`).join("\n\n");
    const made = ["sea", "tide", "moon", "wind", "rain", "snow"];
    const changed = (n: number) => body(lines(made.map((word, i) => (i < n ? `${word} and ${"very ".repeat(30)}${i}` : word))));
    for (const [n, quoted] of [
      [2, 2],
      [5, 3],
      [6, 0],
      [0, 0],
    ] as const) {
      await using it = await scripted({ make: () => ({ text: text(lines(made)) }) });
      const { question } = await asked(it);
      await answerQuestion(it.store, question, {
        ...YES,
        body: n === 0 ? body(lines(made)).replaceAll("stands here", "stands  here") : changed(n),
      });
      const [lesson] = await learned(it);
      expect((lesson?.statement.match(/became/g) ?? []).length).toBe(quoted);
      expect(lesson?.statement.length ?? 0).toBeLessThanOrEqual(400);
      for (const [, passage = ""] of lesson?.statement.matchAll(/“([^”]*)”/g) ?? [])
        expect(passage.length).toBeLessThanOrEqual(80);
    }
  });

  test("a person's own text is taken where the model would make none", async () => {
    await using it = await scripted({ make: () => ({ refusal: "it names a competitor" }) });
    const { goal, question } = await asked(it);
    await answerQuestion(it.store, question, { ...YES, body: body("Our own words.") });
    expect((await it.work(goal.id)).status).toBe("completed");
    const page = await taskOf(it, goal.id);
    const [own] = await it.store.read((read) => versionsOf(read, page.id));
    expect([page.status, page.deliverableId, own?.origin]).toEqual(["done", own?.id ?? "none", "person"]);
    expect(await learned(it)).toEqual([]);
  });

  test("what a rehearsal's answers teach stays in the rehearsal", async () => {
    await using it = await scripted(versions);
    const { question } = await asked(it, ONE, { rehearsal: true });
    await answerQuestion(it.store, question, { ...YES, version: 1, note: "Say the price first." });
    expect(await learned(it)).toEqual([]);
    expect((await learned(it, true)).map((entry) => entry.status).sort()).toEqual(["active", "hypothesis"]);
  });

  test("a note on a question of the whole goal is kept for its category", async () => {
    await using it = await testTeam({ caps: { task: nano(0.04) } });
    const { goal, question } = await asked(it);
    await answerQuestion(it.store, question, { ...NO, note: "Pages for this product are not worth it." });
    expect((await it.store.read((read) => needGoal(read, goal.id))).status).toBe("cancelled");
    expect(await learned(it)).toMatchObject([
      { skill: null, category: "content", goalId: goal.id, taskId: null, status: "active" },
    ]);
  });

  test("property: no sequence of answers leaves a task blocked without an open question, or a goal that waits for nothing", async () => {
    const answers: readonly Answer[] = [
      YES,
      { ...YES, version: 1 },
      { ...YES, version: 9 },
      { ...YES, body: body("Our own words.") },
      NO,
      { ...NO, note: "Shorter." },
      { ...NO, drop: true },
    ];
    /** By task and by how often it was made: a good text, a bad one, the same bad one again, a refusal. */
    const luck = fc.array(fc.constantFrom("good", "bad", "same", "refused"), { minLength: 1, maxLength: 6 });
    const given = fc.array(fc.record({ which: fc.nat(3), how: fc.nat(answers.length - 1) }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(luck, given, async (fates, sequence) => {
        let made = 0;
        await using it = await testTeam({
          registry: (registry) => ({ ...bare(registry), review: { ...registry.review, rounds: 1 } }),
          override: (about) => {
            if (about.kind === "review") return reviewReplyFor(about, about.text.includes("good") ? 9 : 5);
            if (about.kind !== "make") return null;
            const fate = fates[made++ % fates.length] ?? "good";
            if (fate === "refused") return { stop: "refusal", text: "", detail: `no ${keyOf(about)}` };
            return { text: text(fate === "bad" ? `Bad ${made}.` : `A ${fate} one.`) };
          },
        });
        let goal = await it.run("A page", { plan: THREE });
        const sound = async () => {
          const tasks = await it.store.read((read) => tasksOfGoal(read, goal.id));
          const waiting = await open(it, goal.id);
          goal = await it.store.read((read) => needGoal(read, goal.id));
          for (const entry of tasks.filter((one) => one.status === "blocked")) {
            expect(["running", "paused"]).toContain(goal.status);
            expect(waiting.filter((question) => question.taskId === entry.id)).toHaveLength(1);
          }
          for (const { taskId } of waiting)
            if (taskId !== null) expect(tasks.find((one) => one.id === taskId)?.status).toBe("blocked");
          if (goal.status === "paused" && goal.pause === "question") expect(waiting.length).toBeGreaterThan(0);
          const fingerprints = (await all(it, goal.id)).map((question) => question.fingerprint);
          expect(new Set(fingerprints).size).toBe(fingerprints.length);
          return waiting;
        };
        for (const { which, how } of sequence) {
          const waiting = await sound();
          const question = waiting[which % Math.max(1, waiting.length)];
          if (!question) break;
          await answerQuestion(it.store, question, answers[how] ?? YES);
          await sound();
          goal = await it.work(goal.id);
        }
        await sound();
      }),
      runs(10),
    );
  }, 120_000);
});
