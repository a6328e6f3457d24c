/** The live run against the rehearsal's wire: what is recorded, what is counted, what is paid, and what bad replies do. */

import { describe, expect, test } from "bun:test";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nano } from "../domain/money.ts";
import type { Registry } from "../domain/registry.ts";
import { callsOfGoal } from "../store/calls.ts";
import { evalFiles, evalsFolderWith } from "../test/evals-root.ts";
import { json, testTeam, type TestTeam } from "../test/team.ts";
import { runLive, scopeId } from "./live.ts";
import { quoteEvals } from "./quote.ts";
import { recording, type Recording } from "./recording.ts";
import { evalsReport, reportOf } from "./report.ts";
import type { Standing } from "./standing.ts";

type Folder = Awaited<ReturnType<typeof evalsFolderWith>>;
const never = new AbortController().signal;

async function go(at: TestTeam, folder: Folder, options: { cap?: number; standing?: Standing; rehearsal?: boolean } = {}) {
  const rehearsal = options.rehearsal ?? false;
  const standing = options.standing ?? (await folder.stand(rehearsal));
  const scope = {
    id: scopeId(standing, null, rehearsal),
    priority: "P2" as const,
    cap: options.cap ?? nano(20),
    allowed: 0,
    rehearsal,
  };
  const end = await runLive(standing, {
    ...{ team: at.team, scope, shelf: folder.shelf, endpoint: null, concurrency: 2, signal: never, onDone: () => {} },
  });
  return { ...end, scope };
}

async function report(at: TestTeam, folder: Folder, registry: Registry = at.team.registry) {
  return evalsReport.parse(reportOf(await folder.load(), await folder.stand(false, registry), registry));
}

async function recordings(folder: Folder, skill: string): Promise<[string, Recording][]> {
  const names = await readdir(folder.shelf(skill));
  return Promise.all(
    names
      .sort()
      .map(async (name) => [name, recording.parse(JSON.parse(await readFile(join(folder.shelf(skill), name), "utf8")))]),
  );
}

test("nothing recorded: nothing is counted, and no number is given but the baseline's", async () => {
  await using at = await testTeam();
  await using folder = await evalsFolderWith(at.team.registry);
  const { routing, quality } = await report(at, folder);
  expect(routing?.lexical.score.all.of).toBe(4);
  expect(routing?.model).toMatchObject({ counted: 0, notRun: 4, score: null, costUsd: null, from: null });
  expect(quality).toMatchObject({ counted: 0, notRun: 3, overall: null, costUsd: null });
  for (const skill of quality?.skills ?? [])
    expect([skill.with, skill.without, skill.difference, skill.costUsd]).toEqual([null, null, null, null]);
  expect(at.asked).toEqual([]);
});

test("a live run records every request and brief once, within the books, and the report counts them", async () => {
  await using at = await testTeam();
  await using folder = await evalsFolderWith(at.team.registry);
  const quote = quoteEvals(await folder.stand(), at.team.registry, Date.now());
  const end = await go(at, folder);
  expect(end).toMatchObject({ requests: 4, briefs: 3, failures: [], stopped: null });
  const calls = await at.store.read((read) => callsOfGoal(read, end.scope.id));
  expect(calls.every((call) => call.state === "settled")).toBe(true);
  expect(calls.length).toBeGreaterThanOrEqual(quote.calls);
  expect(quote.calls).toBe(1 + 3 * 4);
  expect(quote.low).toBeLessThan(quote.likely);
  expect(quote.likely).toBeLessThan(quote.high);
  const spent = calls.reduce((sum, call) => sum + call.cost, 0) / 1e9;
  expect(end.spentUsd).toBeCloseTo(spent, 9);
  const { routing, quality } = await report(at, folder);
  expect(routing?.model).toMatchObject({ counted: 4, notRun: 0, score: { all: { of: 4 }, nearMisses: { of: 2 } } });
  expect(quality).toMatchObject({ counted: 3, notRun: 0, overall: { difference: { of: 3, low: null } } });
  expect((routing?.model.costUsd ?? 0) + (quality?.costUsd ?? 0)).toBeCloseTo(spent, 6);
  expect((await recordings(folder, "copywriting")).map(([name]) => name)).toEqual([
    "quality-home-page.json",
    "quality-price-page.json",
    "routing.json",
  ]);
});

test("with and without its playbook: the same brief, sections and context; the judge sees neither playbook nor arm", async () => {
  await using at = await testTeam();
  await using folder = await evalsFolderWith(at.team.registry);
  await go(at, folder);
  const skill = at.team.registry.skills.get("copywriting");
  const body = skill?.body ?? "?";
  const makes = at.asked.filter((asked) => asked.kind === "make" && asked.skill === "copywriting");
  expect(makes.some((asked) => asked.text.includes(body))).toBe(true);
  expect(makes.some((asked) => !asked.text.includes(body) && asked.text.includes("There is no playbook"))).toBe(true);
  for (const { text } of makes) {
    expect(text).toContain("booking software for clinics");
    for (const section of skill?.sections ?? []) expect(text).toContain(`- ${section}`);
    expect(text).not.toContain("The page has one button text.");
  }
  const judged = at.asked.filter((asked) => asked.text.includes("<assertions>"));
  expect(judged.length).toBe(6);
  for (const { text } of judged) {
    expect(text).toContain("The page has one button text.");
    expect(text).not.toContain(body);
    expect(text).not.toMatch(/playbook|copywriting|copy-editing/);
  }
});

test("what fits is not run again; nothing is paid twice, with the recordings lost or not", async () => {
  await using at = await testTeam();
  await using folder = await evalsFolderWith(at.team.registry);
  const first = await go(at, folder);
  const asked = at.asked.length;
  const kept = await recordings(folder, "copywriting");
  expect(await go(at, folder)).toMatchObject({ requests: 0, briefs: 0, spentUsd: 0 });
  expect(quoteEvals(await folder.stand(), at.team.registry, Date.now()).calls).toBe(0);
  for (const skill of ["copywriting", "copy-editing"]) await folder.remove(`.agents/skills/${skill}/evals/recordings`);
  expect(await go(at, folder)).toMatchObject({ requests: 4, briefs: 3, spentUsd: 0, scope: { id: first.scope.id } });
  expect(at.asked.length).toBe(asked);
  const bodies = (list: [string, Recording][]) => list.map(([, entry]) => (entry.kind === "quality" ? entry.with.body : ""));
  expect(bodies(await recordings(folder, "copywriting"))).toEqual(bodies(kept));
});

describe("what its inputs have left is stale and not counted", () => {
  const changed = (registry: Registry, name: string, more: object): Registry => {
    const skill = registry.skills.get(name);
    if (!skill) throw new Error(`no skill ${name}`);
    return { ...registry, skills: new Map([...registry.skills, [name, { ...skill, ...more }]]) };
  };

  test("a playbook, a description, a model, a brief, an assertion", async () => {
    await using at = await testTeam();
    await using folder = await evalsFolderWith(at.team.registry);
    await go(at, folder);
    const { registry } = at.team;
    const counts = async (team: Registry = registry) => {
      const { routing, quality } = await report(at, folder, team);
      return [routing?.model.counted, routing?.model.stale, quality?.counted, quality?.stale];
    };
    expect(await counts()).toEqual([4, 0, 3, 0]);
    expect(await counts(changed(registry, "copywriting", { body: "Write well." }))).toEqual([4, 0, 1, 2]);
    expect(await counts(changed(registry, "page-cro", { description: "Another one." }))).toEqual([0, 4, 3, 0]);
    const tiers = { ...registry.models.tiers, standard: registry.models.tiers.light };
    expect((await counts({ ...registry, models: { ...registry.models, tiers } }))[0]).toBe(0);
    expect((await counts({ ...registry, texts: { ...registry.texts, house: "Be brief." } })).slice(2)).toEqual([0, 3]);

    const evals = ".agents/skills/copywriting/evals/evals.json";
    const text = evalFiles()[evals] ?? "";
    await folder.write({ [evals]: text.replace("(home-page)", "(front page)") });
    expect(await counts()).toEqual([4, 0, 2, 1]);
    // A check is decided by code, anew: nothing is stale. An assertion needs a new judgement, and no new deliverable.
    await folder.write({ [evals]: text.replaceAll("guaranteed", "promised") });
    expect(await counts()).toEqual([4, 0, 3, 0]);
    await folder.write({ [evals]: text.replaceAll("49 EUR", "59 EUR") });
    expect(await counts()).toEqual([4, 0, 1, 2]);
    const quote = quoteEvals(await folder.stand(), registry, Date.now());
    expect(quote.calls).toBe(4);
    const before = at.asked.length;
    expect(await go(at, folder)).toMatchObject({ requests: 0, briefs: 2 });
    expect(at.asked.length - before).toBe(4);
    expect(await counts()).toEqual([4, 0, 3, 0]);
  });

  test("a request alone; the others stay", async () => {
    await using at = await testTeam();
    await using folder = await evalsFolderWith(at.team.registry);
    await go(at, folder);
    await folder.write({
      ".agents/skills/copywriting/evals/routing.yaml": "- ask: write me a landing page for our coffee shop\n",
    });
    expect((await report(at, folder)).routing?.model).toMatchObject({ counted: 2, stale: 0, notRun: 1 });
  });
});

test("a rehearsal's recordings are marked and never counted, wherever they lie", async () => {
  await using at = await testTeam();
  await using folder = await evalsFolderWith(at.team.registry);
  const end = await go(at, folder, { rehearsal: true });
  expect(end.scope.id).toEndWith("-rehearsal");
  for (const [, entry] of await recordings(folder, "copywriting")) expect(entry.rehearsal).toBe(true);
  const { routing, quality } = await report(at, folder);
  expect(routing?.model).toMatchObject({ counted: 0, rehearsed: 4, score: null });
  expect(quality).toMatchObject({ counted: 0, rehearsed: 3, overall: null });
});

test("a recording that cannot be read is an error, not a smaller number", async () => {
  await using at = await testTeam();
  await using folder = await evalsFolderWith(at.team.registry);
  await go(at, folder);
  const place = (name: string) => join(folder.shelf("copywriting"), name);
  await writeFile(place("routing.json"), "{");
  await writeFile(place("quality-home-page.json"), JSON.stringify({ kind: "quality" }));
  const { problems } = await folder.stand();
  expect(problems.map((problem) => problem.severity)).toEqual(["error", "error"]);
  expect(problems.map((problem) => problem.message).join()).toContain("is no recording");
});

describe("bad replies", () => {
  const routing = (more: (answers: { id: string; skill: string }[]) => unknown) => {
    const answers = ["1", "2", "3", "4"].map((id) => ({ id, skill: "copywriting" }));
    return json({ answers: more(answers) });
  };
  const verdicts = (...ids: string[]) =>
    json({ verdicts: ids.map((id) => ({ id, reason: "r", quote: "no model wrote this", pass: true })) });
  const isRoute = (text: string) => text.includes("<requests>");
  const isJudge = (text: string) => text.includes("<assertions>");

  const bad: [string, ReturnType<typeof json>, string][] = [
    ["broken JSON", { text: '{"answers": [' }, "not JSON"],
    ["another form", json({ skills: [] }), "answers"],
    ["an unknown id", routing((answers) => [...answers, { id: "9", skill: "copywriting" }]), 'there is no request "9"'],
    ["an id twice", routing((answers) => [...answers, { id: "1", skill: "page-cro" }]), 'the request "1" is answered twice'],
    ["an answer missing", routing((answers) => answers.slice(1)), 'no answer for the request "1"'],
    [
      "a skill that is not there",
      routing(([first, ...rest]) => [{ ...first, skill: "copywritng" }, ...rest]),
      'did you mean "copywriting"?',
    ],
  ];
  for (const [name, reply, said] of bad) {
    test(`routing, ${name}: repaired with the reason`, async () => {
      const replies = [reply, routing((answers) => answers)];
      await using at = await testTeam({ override: (asked) => (isRoute(asked.text) ? (replies.shift() ?? null) : null) });
      await using folder = await evalsFolderWith(at.team.registry);
      const standing = { ...(await folder.stand()), briefs: [] };
      expect(await go(at, folder, { standing })).toMatchObject({ requests: 4, failures: [] });
      expect(at.asked.length).toBe(2);
      expect(at.asked[1]?.text).toContain(said);
      expect((await report(at, folder)).routing?.model).toMatchObject({ counted: 4, score: { all: { right: 2, of: 4 } } });
    });

    test(`routing, ${name} for ever: nothing is recorded or counted, and it is told`, async () => {
      await using at = await testTeam({ override: (asked) => (isRoute(asked.text) ? reply : null) });
      await using folder = await evalsFolderWith(at.team.registry);
      const standing = { ...(await folder.stand()), briefs: [] };
      const end = await go(at, folder, { standing });
      expect(end).toMatchObject({ requests: 0, stopped: null, failures: [{ what: "a batch of 4 requests" }] });
      expect(end.failures[0]?.detail).toStartWith("broken:");
      expect(end.spentUsd).toBeGreaterThan(0);
      expect((await report(at, folder)).routing?.model).toMatchObject({ counted: 0, score: null });
    });
  }

  for (const [name, reply] of [
    ["broken JSON", { text: "{" }],
    ["an unknown id", verdicts("1", "2", "3")],
    ["an id twice", verdicts("1", "2", "2")],
    ["a verdict missing", verdicts("1")],
    ["a refusal", { stop: "refusal" as const, detail: "no" }],
  ] as const) {
    test(`a judgement, ${name} for ever: the brief is not recorded, the others are`, async () => {
      await using at = await testTeam({
        override: (asked) => (isJudge(asked.text) && asked.text.includes("(price-page)") ? reply : null),
      });
      await using folder = await evalsFolderWith(at.team.registry);
      const end = await go(at, folder);
      expect(end).toMatchObject({ briefs: 2, stopped: null });
      expect(end.failures.map((failure) => failure.what)).toEqual([
        "the judgement of copywriting/price-page (with the playbook)",
      ]);
      expect((await report(at, folder)).quality).toMatchObject({ counted: 2, notRun: 1 });
    });
  }

  test("a pass whose quote the judge made up is counted as a fail", async () => {
    const invented = json({
      verdicts: ["1", "2"].map((id) => ({ id, reason: "r", quote: "We fill every slot, guaranteed.", pass: true })),
    });
    await using at = await testTeam({ override: (asked) => (isJudge(asked.text) ? invented : null) });
    await using folder = await evalsFolderWith(at.team.registry);
    await go(at, folder);
    const { quality } = await report(at, folder);
    for (const skill of quality?.skills ?? []) {
      expect(skill.with?.assertions.passed).toBe(0);
      expect(skill.with?.unproven).toBe(skill.with?.assertions.of ?? -1);
    }
  });

  test("a deliverable that is refused: the brief is not recorded", async () => {
    await using at = await testTeam({ faults: ["refusal@makex*"] });
    await using folder = await evalsFolderWith(at.team.registry);
    const end = await go(at, folder);
    expect([end.briefs, end.failures.length, end.requests]).toEqual([0, 3, 4]);
    expect(end.failures[0]?.detail).toStartWith("refusal:");
  });
});

describe("money", () => {
  test("the budget ends the run in words; what was recorded stays, and a larger one goes on without paying again", async () => {
    await using at = await testTeam();
    await using folder = await evalsFolderWith(at.team.registry);
    const short = await go(at, folder, { cap: nano(0.4) });
    expect(short.stopped).toMatchObject({ why: "budget" });
    expect(short.briefs).toBeLessThan(3);
    const between = await at.store.read((read) => callsOfGoal(read, short.scope.id));
    const whole = await go(at, folder);
    expect(whole.scope.id).toBe(short.scope.id);
    expect(whole.stopped).toBeNull();
    expect((await report(at, folder)).quality).toMatchObject({ counted: 3 });
    const after = await at.store.read((read) => callsOfGoal(read, short.scope.id));
    const steps = after
      .filter((call) => call.state === "settled")
      .map((call) => `${call.subject} ${call.revision} ${call.step} ${call.round}`);
    expect(new Set(steps).size).toBe(steps.length);
    for (const call of between.filter((entry) => entry.state === "settled"))
      expect(after.map((entry) => entry.id)).toContain(call.id);
  });

  test("a cheaper model's answer is no comparison: the run ends, and the next one passes it over", async () => {
    await using at = await testTeam();
    await using folder = await evalsFolderWith(at.team.registry);
    const standing = { ...(await folder.stand()), requests: [] };
    const first = await go(at, folder, { standing, cap: nano(0.25) });
    const tiers = at.team.registry.models.tiers;
    const skillTier = (skill: string) => tiers[at.team.registry.skills.get(skill)?.tier ?? "strong"];
    expect(first.stopped?.why).toBe("budget");
    expect(first.stopped?.detail).toContain(`went to ${tiers.light}`);
    await go(at, folder, { standing: { ...(await folder.stand()), requests: [] } });
    for (const skill of ["copywriting", "copy-editing"])
      for (const [, entry] of await recordings(folder, skill)) {
        if (entry.kind !== "quality") continue;
        expect(entry.with.model).toBe(skillTier(skill));
        const calls = await at.store.read((read) => callsOfGoal(read, first.scope.id));
        const own = calls.filter((call) => call.subject === `${skill}/${entry.id}/with` && call.step === "make");
        const newest = Math.max(...own.map((call) => call.revision));
        for (const call of own.filter((one) => one.revision === newest)) expect(call.model).toBe(entry.with.model);
      }
  });
});
