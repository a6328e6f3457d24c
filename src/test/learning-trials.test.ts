/** Learnings earn their place: replays with and without one, judged blind; ten planted harmful ones are pruned by the numbers. */

import { describe, expect, test } from "bun:test";
import { newId } from "../domain/id.ts";
import type { Learning } from "../domain/learning.ts";
import type { Plan } from "../domain/plan.ts";
import { nano } from "../domain/money.ts";
import { callsOfGoal } from "../store/calls.ts";
import { addLearning, getLearning, listLearnings } from "../store/learnings.ts";
import { trialsOf } from "../store/trials.ts";
import { candidatesOf, validate, validationScope } from "../work/validate-learnings.ts";
import { json, reviewReplyFor, testTeam, type Asked, type TestTeam } from "./team.ts";

const never = new AbortController().signal;
const options = { cap: nano(5), stop: never };
const isComparison = (asked: Asked) => asked.text.includes("<second>");
const shown = (asked: Asked, name: "first" | "second") =>
  new RegExp(`<${name}>\\n([\\s\\S]*?)\\n</${name}>`).exec(asked.text)?.[1] ?? "";

/** One goal with so many finished pieces of the same skill. */
const pieces = (count: number): Plan => ({
  title: "Pages",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks: Array.from({ length: count }, (_, i) => ({
    key: `page-${i + 1}`,
    phase: "Create",
    skill: "copywriting",
    brief: `Write page ${i + 1}.`,
    criteria: ["It has a headline."],
    needs: [],
  })),
  assumptions: [],
  missing: [],
});

const bare = (registry: Parameters<NonNullable<NonNullable<Parameters<typeof testTeam>[0]>["registry"]>>[0]) => ({
  ...registry,
  skills: new Map([...registry.skills].map(([name, skill]) => [name, { ...skill, sections: [] }])),
});

/** A maker that follows what its prompt teaches: its text shows which of the planted statements it was given. */
const maker = (asked: Asked) => {
  const taught = [...asked.text.matchAll(/"learning":"Planted (\d+): ([^"]+)"/g)].map(
    ([, n, words]) => `It does as planted ${n} says: ${words}.`,
  );
  return { text: `# Page\n\n${"An ordinary sentence of the page. ".repeat(12)}\n\n${taught.join("\n")}\n` };
};

/** The judge takes the text without the harmful words, and with the helpful ones; it goes by nothing else. */
const judge = (asked: Asked) => {
  const worth = (text: string) => (text.match(/helpful/g) ?? []).length - (text.match(/harmful/g) ?? []).length;
  const [first, second] = [worth(shown(asked, "first")), worth(shown(asked, "second"))];
  return json({ better: first === second ? "equal" : first > second ? "first" : "second", reason: "By what it says." });
};

const scripted = () =>
  testTeam({
    registry: bare,
    override: (asked) => {
      if (isComparison(asked)) return judge(asked);
      if (asked.kind === "make") return maker(asked);
      return asked.kind === "review" ? reviewReplyFor(asked, 9) : null;
    },
  });

const SUBJECTS = "headlines buttons tables footers prices quotes videos forms colours menus banners badges".split(" ");

async function plant(it: TestTeam, n: number, kind: "helpful" | "harmful" | "plain"): Promise<Learning> {
  return need(it, await add(it, n, kind));
}

/** The id that it stands under: another one's when it was known. */
async function add(it: TestTeam, n: number, kind: "helpful" | "harmful" | "plain"): Promise<string> {
  const id = newId("learn");
  const learning = {
    id,
    statement: `Planted ${n}: ${kind} advice on ${SUBJECTS[n] ?? n}`,
    skill: "copywriting",
    category: null,
    tags: [],
    confidence: 0.5,
    evidence: "planted",
    status: "hypothesis",
    origin: "review",
    rehearsal: false,
  } as const;
  return it.store.write("learning.add", (tx) => addLearning(tx, learning, null));
}

async function need(it: TestTeam, id: string): Promise<Learning> {
  const found = await it.store.read((read) => getLearning(read, id));
  if (!found) throw new Error(`no learning ${id}`);
  return found;
}

async function validateAll(it: TestTeam, id: string | null = null): Promise<void> {
  for (const candidate of await candidatesOf(it.team, { id, rehearsal: false })) {
    const result = await validate(it.team, candidate, options, never);
    if ("kind" in result) throw new Error(result.detail);
  }
}

describe("trials", () => {
  test("ten planted harmful learnings are pruned, kept and no longer read; a helpful one is promoted, one without effect stays a hypothesis", async () => {
    await using it = await scripted();
    await it.run("Write pages", { plan: pieces(7) });
    const harmful = [];
    for (let n = 1; n <= 10; n++) harmful.push(await plant(it, n, "harmful"));
    const helpful = await plant(it, 11, "helpful");
    const plain = await plant(it, 0, "plain");
    await validateAll(it);
    for (const { id } of harmful) expect((await need(it, id)).status).toBe("pruned");
    expect((await need(it, helpful.id)).status).toBe("active");
    expect((await need(it, helpful.id)).confidence).toBeGreaterThan(0.9);
    expect((await need(it, plain.id)).status).toBe("hypothesis");
    // Kept, and read by nobody.
    const all = await it.store.read((read) => listLearnings(read, { rehearsal: false, retired: true }));
    expect(all.filter((entry) => entry.status === "pruned").length).toBe(10);
    const asked = it.asked.length;
    await it.run("Write one more page", { plan: pieces(1) });
    const made = it.asked.slice(asked).find((entry) => entry.kind === "make");
    expect(made?.text).toContain("helpful advice");
    expect(made?.text).not.toContain("harmful");
  }, 20_000);

  test("what was pruned does not come back by being learned again", async () => {
    await using it = await scripted();
    await it.run("Write pages", { plan: pieces(6) });
    const { id } = await plant(it, 3, "harmful");
    await validateAll(it);
    expect(await add(it, 3, "harmful")).toBe(id);
    const again = await need(it, id);
    expect([again.status, again.confidence]).toEqual(["pruned", 0.5]);
  });

  test("both arms read the same but for the one statement; the judge reads no names and no statement", async () => {
    await using it = await scripted();
    await it.run("Write pages", { plan: pieces(1) });
    const { id } = await plant(it, 2, "helpful");
    const before = it.asked.length;
    await validateAll(it, id);
    const [one, other] = it.asked
      .slice(before)
      .filter((asked) => asked.kind === "make")
      .map((asked) => asked.text);
    const [taught, plain] = one?.includes("Planted 2") ? [one, other] : [other, one];
    expect(plain).not.toContain("Planted 2");
    const without = (text = "") => text.replace(/<learnings>[\s\S]*?the brief counts\.\n?/, "");
    expect(without(taught)).toBe(without(plain));
    for (const asked of it.asked.slice(before).filter(isComparison)) {
      expect(asked.text).not.toMatch(/"learning":|<learnings>/);
    }
    const calls = await it.store.read((read) => callsOfGoal(read, validationScope(id)));
    // Two texts, both orders, and the control for length, since the winner is the longer one.
    expect(calls.map((call) => call.step).sort()).toEqual(
      ["compare:with:without", "compare:without+:with", "compare:without:with", "replay:with", "replay:without"].filter((step) =>
        calls.some((call) => call.step === step),
      ),
    );
    expect(calls.find((call) => call.step === "replay:with")?.learnings).toEqual([id]);
    expect(calls.find((call) => call.step === "replay:without")?.learnings).toEqual([]);
  });

  test("a run that was cut off goes on without paying twice, and the same task is never counted twice", async () => {
    await using it = await scripted();
    await it.run("Write pages", { plan: pieces(6) });
    const { id } = await plant(it, 4, "harmful");
    const [candidate] = await candidatesOf(it.team, { id, rehearsal: false });
    if (!candidate) throw new Error("no candidate");
    await validate(it.team, { ...candidate, tasks: candidate.tasks.slice(0, 2) }, options, never);
    const paid = (await it.store.read((read) => callsOfGoal(read, validationScope(id)))).length;
    expect((await need(it, id)).status).toBe("hypothesis");
    // The same trials once more, as after a crash between the calls and the writing down: no call is made.
    const asked = it.asked.length;
    await validate(it.team, { ...candidate, tasks: candidate.tasks.slice(0, 2) }, options, never);
    expect(it.asked.length).toBe(asked);
    expect((await it.store.read((read) => callsOfGoal(read, validationScope(id)))).length).toBe(paid);
    expect((await it.store.read((read) => trialsOf(read, [id]))).length).toBe(2);
    await validateAll(it);
    expect((await it.store.read((read) => trialsOf(read, [id]))).length).toBe(6);
    expect((await need(it, id)).status).toBe("pruned");
  });

  test("the task that taught it is no evidence for it", async () => {
    await using it = await scripted();
    const goal = await it.run("Write pages", { plan: pieces(2) });
    const tasks = (
      await it.store.read((read) =>
        read.db.selectFrom("tasks").select("id").where("goal_id", "=", goal.id).where("kind", "=", "work").execute(),
      )
    ).map((row) => row.id);
    const id = newId("learn");
    await it.store.write("learning.add", (tx) =>
      addLearning(
        tx,
        {
          id,
          statement: "Planted 5: helpful advice",
          skill: "copywriting",
          category: null,
          tags: [],
          confidence: 0.5,
          evidence: "",
          status: "hypothesis",
          origin: "review",
          rehearsal: false,
        },
        goal.id,
        tasks[0] ?? null,
      ),
    );
    const [candidate] = await candidatesOf(it.team, { id, rehearsal: false });
    expect(candidate?.tasks).toEqual(tasks.slice(1));
  });

  test("money: the cap of a learning's replays holds", async () => {
    await using it = await testTeam({ registry: bare });
    await it.run("Write pages", { plan: pieces(2) });
    const { id } = await plant(it, 6, "helpful");
    // Two tasks lead to no look: nothing is spent on them unless somebody names the learning.
    expect((await candidatesOf(it.team, { id: null, rehearsal: false })).flatMap((entry) => entry.tasks)).toEqual([]);
    const [candidate] = await candidatesOf(it.team, { id, rehearsal: false });
    if (!candidate) throw new Error("no candidate");
    const result = await validate(it.team, candidate, { cap: nano(0.01), stop: never }, never);
    expect(result).toMatchObject({ kind: "stopped", why: "budget" });
  });
});
