/** Consistency: what a goal's texts say against each other is found at its end, and the wrong side is repaired once, or told. */

import { describe, expect, test } from "bun:test";
import type { Plan } from "../domain/plan.ts";
import { contradictionsOf } from "../store/contradictions.ts";
import { versionsOf } from "../store/deliverables.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { composeReport } from "../work/report-file.ts";
import { json, reviewReplyFor, testTeam, type Asked, type TestTeam } from "./team.ts";

const PLAN: Plan = {
  title: "A plan and a mail",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks: [
    {
      key: "plan-it",
      phase: "Create",
      skill: "launch-strategy",
      brief: "Plan the launch.",
      criteria: ["It has a date."],
      needs: [],
    },
    {
      key: "mail-it",
      phase: "Create",
      skill: "email-sequence",
      brief: "Write the mail.",
      criteria: ["It has a date."],
      needs: [],
    },
  ],
  assumptions: [],
  missing: [],
};

const bare = (registry: Parameters<NonNullable<NonNullable<Parameters<typeof testTeam>[0]>["registry"]>>[0]) => ({
  ...registry,
  skills: new Map([...registry.skills].map(([name, skill]) => [name, { ...skill, sections: [] }])),
});
const filler = "An ordinary sentence of the text. ".repeat(10);
const isCheck = (asked: Asked) => asked.text.includes("<statements>");
const confirm = (asked: Asked, contradicts: boolean) =>
  json({
    suspected: [...asked.text.matchAll(/"id":"(P\d+)"/g)].map(([, id]) => ({ id, contradicts, why: "As read." })),
    contradictions: [],
  });
const isRepair = (asked: Asked) => asked.text.includes("This contradicts");

const WHO = { plan: "This is for heads of support.", mail: "This is for florists." };

/** The plan speaks to one audience, the mail to another; `repaired` is what the mail's maker hands in when it is sent back. */
const campaign = (options: { repaired: string; score?: number; refuses?: boolean }) =>
  testTeam({
    registry: bare,
    override: (asked) => {
      if (asked.kind === "make") {
        if (isRepair(asked) && options.refuses) return { stop: "refusal", detail: "no" };
        if (isRepair(asked))
          return { text: `# Mail\n\n${options.repaired}\n\n${filler}\n\n<handoff>\nanswers:\n- F1: done\n</handoff>` };
        return { text: `# Text\n\n${asked.skill === "launch-strategy" ? WHO.plan : WHO.mail}\n\n${filler}` };
      }
      if (asked.kind === "review") {
        const quote = asked.text.includes(WHO.plan) ? WHO.plan : asked.text.includes(WHO.mail) ? WHO.mail : "";
        const again = asked.text.includes("<earlier_findings>");
        return reviewReplyFor(asked, again ? (options.score ?? 9) : 9, {
          facts: quote === "" ? [] : [{ kind: "audience", subject: "reader", value: quote, quote }],
        });
      }
      if (isCheck(asked)) {
        const id = (words: string) => new RegExp(`"id":"(S\\d+)"[^\\n]*${words}`).exec(asked.text)?.[1] ?? "";
        return json({
          suspected: [],
          contradictions: [
            {
              subject: "who it is for",
              a: id("florists"),
              b: id("heads of support"),
              context_quote: "",
              why: "They are other people.",
            },
          ],
        });
      }
      return null;
    },
  });

async function outcome(it: TestTeam) {
  const goal = await it.run("Launch it", { plan: PLAN });
  const tasks = await it.store.read((read) => tasksOfGoal(read, goal.id));
  const mail = tasks.find((task) => task.key === "mail-it");
  if (!mail) throw new Error("no mail");
  return {
    goal,
    mail,
    versions: await it.store.read((read) => versionsOf(read, mail.id)),
    found: await it.store.read((read) => contradictionsOf(read, goal.id)),
    check: tasks.find((task) => task.kind === "check"),
    report: await it.store.read((read) => composeReport(read, it.team.registry, goal.id)),
  };
}

describe("what only a reader can tell", () => {
  test("the wrong side by precedence is revised once, re-read by one, and takes the old one's place", async () => {
    await using it = await campaign({ repaired: "This is for the people who lead support teams." });
    const { goal, mail, versions, found, check, report } = await outcome(it);
    expect(goal.status).toBe("completed");
    expect(
      found.map(({ foundBy, kind, wrongQuote, rightSource, rightQuote, status }) => ({
        foundBy,
        kind,
        wrongQuote,
        rightSource,
        rightQuote,
        status,
      })),
    ).toEqual([
      { foundBy: "model", kind: "audience", wrongQuote: WHO.mail, rightSource: "plan-it", rightQuote: WHO.plan, status: "fixed" },
    ]);
    expect([mail.status, mail.revision, mail.deliverableId]).toEqual(["done", 1, versions[1]?.id ?? ""]);
    expect(check?.reason).toBe("1 contradiction, sent back: mail-it");
    const repair = it.asked.filter((asked) => asked.kind === "make").at(-1)?.text ?? "";
    expect(repair).toContain(WHO.plan);
    expect(repair).toContain("Change nothing else.");
    // Two first readings, and one of the repair.
    expect(it.asked.filter((asked) => asked.kind === "review").length).toBe(3);
    expect(it.asked.filter(isCheck).length).toBe(1);
    expect(report).toContain("## Contradictions that were mended");
  });

  test.each([
    ["the repair still says it", { repaired: WHO.mail }],
    ["its reader does not approve it", { repaired: "This is for the people who lead support teams.", score: 5 }],
    ["it does not pass the structural check", { repaired: "This is for [Company]." }],
  ])("one bounded revision: when %s, the text that was accepted stays, and the report tells of it", async (_name, options) => {
    await using it = await campaign(options);
    const { goal, mail, versions, found, report } = await outcome(it);
    expect(goal.status).toBe("completed");
    expect([mail.status, mail.revision, mail.deliverableId, mail.score]).toEqual(["done", 0, versions[0]?.id ?? "", 9]);
    expect(found.map((entry) => entry.status)).toEqual(["open"]);
    expect(it.asked.filter((asked) => asked.kind === "make").length).toBe(3);
    expect(report).toContain(`Contradiction: who it is for (audience): mail-it said "${WHO.mail}", plan-it says "${WHO.plan}"`);
  });

  test("a maker that refuses the repair asks nobody: the accepted text stays", async () => {
    await using it = await campaign({ repaired: "", refuses: true });
    const { goal, mail, versions, found } = await outcome(it);
    expect([goal.status, mail.status, mail.deliverableId]).toEqual(["completed", "done", versions[0]?.id ?? ""]);
    expect([versions.length, found[0]?.status]).toEqual([1, "open"]);
  });
});

describe("what code finds", () => {
  const PRICE = { plan: "The Team plan costs $29 a month.", mail: "The Team plan costs $49 a month." };
  /** Two texts with two prices; `reads` is what the reader makes of it. */
  const priced = (reads: (asked: Asked) => ReturnType<typeof json> | { text: string }) =>
    testTeam({
      registry: bare,
      override: (asked) => {
        if (isCheck(asked)) return reads(asked);
        if (asked.kind === "review") return reviewReplyFor(asked, 9);
        if (asked.kind !== "make") return null;
        const words = asked.skill === "launch-strategy" || isRepair(asked) ? PRICE.plan : PRICE.mail;
        return { text: `# Text\n\n${words}\n\n${filler}\n\n<handoff>\nanswers:\n- F1: done\n</handoff>` };
      },
    });

  test("and a reader confirms is mended on the side that counts less", async () => {
    await using it = await priced((asked) => confirm(asked, true));
    const { goal, found, mail, versions } = await outcome(it);
    expect(goal.status).toBe("completed");
    expect(found.map(({ foundBy, wrongQuote, rightQuote, status }) => [foundBy, wrongQuote, rightQuote, status])).toEqual([
      ["code", PRICE.mail, PRICE.plan, "fixed"],
    ]);
    expect(mail.deliverableId).toBe(versions[1]?.id ?? "");
  });

  test("and a reader denies is no contradiction: nobody has to change a text", async () => {
    await using it = await priced((asked) => confirm(asked, false));
    const { goal, found, versions } = await outcome(it);
    expect([goal.status, found.length, versions.length]).toEqual(["completed", 0, 1]);
  });

  test("and no reader could judge is told in the report, and no text is sent back for it", async () => {
    await using it = await priced(() => ({ text: "They look fine to me." }));
    const { goal, found, versions, report } = await outcome(it);
    expect([goal.status, found.map((entry) => entry.status), versions.length]).toEqual(["completed", ["open"], 1]);
    expect(report).toContain(PRICE.mail);
  });
});

test("a check that cannot be read holds nothing up: the goal ends, and its note says so", async () => {
  await using it = await testTeam({
    registry: bare,
    override: (asked) => {
      if (isCheck(asked)) return { text: "They look fine to me." };
      if (asked.kind === "make")
        return { text: `# Text\n\n${asked.skill === "launch-strategy" ? WHO.plan : WHO.mail}\n\n${filler}` };
      if (asked.kind !== "review") return null;
      const quote = asked.text.includes(WHO.plan) ? WHO.plan : WHO.mail;
      return reviewReplyFor(asked, 9, { facts: [{ kind: "audience", subject: "reader", value: quote, quote }] });
    },
  });
  const { goal, check, found } = await outcome(it);
  expect([goal.status, check?.status, found.length]).toEqual(["completed", "done", 0]);
  expect(check?.reason).toContain("could not be used");
  expect(it.asked.filter(isCheck).length).toBe(3);
});

test("a finding with words that no text holds is repaired, then dropped", async () => {
  await using other = await testTeam({
    registry: bare,
    override: (asked) => {
      if (isCheck(asked))
        return json({ suspected: [], contradictions: [{ subject: "x", a: "S1", b: "S9", context_quote: "", why: "no" }] });
      if (asked.kind === "make")
        return { text: `# Text\n\n${asked.skill === "launch-strategy" ? WHO.plan : WHO.mail}\n\n${filler}` };
      if (asked.kind !== "review") return null;
      const quote = asked.text.includes(WHO.plan) ? WHO.plan : WHO.mail;
      return reviewReplyFor(asked, 9, { facts: [{ kind: "audience", subject: "reader", value: quote, quote }] });
    },
  });
  const { goal, found } = await outcome(other);
  expect([goal.status, found.length]).toEqual(["completed", 0]);
  expect(other.asked.filter(isCheck)[1]?.text).toContain('there is no statement "S9"');
});

describe("when there is nothing to compare", () => {
  test("one text and no product context: no check", async () => {
    await using it = await testTeam({
      registry: bare,
      override: (asked) => (asked.kind === "review" ? reviewReplyFor(asked, 9) : null),
    });
    const goal = await it.run("Write a mail", { plan: { ...PLAN, tasks: PLAN.tasks.slice(1) } });
    expect((await it.store.read((read) => tasksOfGoal(read, goal.id))).some((task) => task.kind === "check")).toBe(false);
  });

  test("texts that state nothing a reader could compare: a check without a call", async () => {
    await using it = await testTeam({
      registry: bare,
      override: (asked) => (asked.kind === "review" ? reviewReplyFor(asked, 9) : null),
    });
    const goal = await it.run("Launch it", { plan: PLAN });
    const check = (await it.store.read((read) => tasksOfGoal(read, goal.id))).find((task) => task.kind === "check");
    expect([check?.status, check?.reason]).toEqual(["done", "no contradictions"]);
    expect(it.asked.filter(isCheck)).toEqual([]);
  });
});
