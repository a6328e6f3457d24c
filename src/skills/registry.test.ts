import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { formatProblem } from "../domain/problem.ts";
import { loadRegistry } from "./registry.ts";
import { playbookText, skillText, smallTeam, type Team } from "./registry.fixture.ts";

async function load(team: Team) {
  const loaded = await loadRegistry({ root: team.root });
  expect(loaded.registry === null).toBe(loaded.fatal);
  return { ...loaded, lines: loaded.problems.map((problem) => `${problem.severity} ${formatProblem(problem)}`) };
}

/** Loads the small team after one change to a file. */
async function loadChanged(file: string, from: string, to: string) {
  await using team = await smallTeam();
  await team.change(file, from, to);
  return await load(team);
}

const SKILLS = "skills.yaml";
const PIPELINES = ".agents/pipelines.yaml";
const ROUTING = ".agents/routing.yaml";
const SCHEDULES = ".agents/schedules.yaml";
const EVENTS = ".agents/events.yaml";
const MODELS = ".agents/models.yaml";

describe("a sound registry", () => {
  test("loads whole, without problems, with defaults filled in", async () => {
    await using team = await smallTeam();
    const { registry, lines, off } = await load(team);
    expect(lines).toEqual([]);
    expect([...off.skills, ...off.pipelines]).toEqual([]);
    expect(registry?.skills.get("writer")).toEqual({
      name: "writer",
      squad: "makers",
      role: "Writes.",
      tier: "standard",
      rubric: "text",
      needs: ["basics"],
      feeds: ["checker"],
      sections: ["Text"],
      tools: [],
      description: "Does writer work.",
      body: `${playbookText("Text")}\nSee references/styles.md.`,
      references: [{ path: "references/styles.md", chars: 9 }],
    });
    expect([...(registry?.pipelines.keys() ?? [])]).toEqual(["Write And Check", "Look Back"]);
    expect(registry?.schedules["daily"]).toEqual({
      cron: "0 6 * * *",
      zone: "UTC",
      pipeline: "Write And Check",
      priority: "P2",
      catch_up: "skip",
      enabled: true,
    });
    expect(registry?.events["drop"]?.cooldown).toBe(3600);
    expect(registry?.tools).toEqual({ mcpServers: {} });
    expect(registry?.texts).toEqual({ charter: "Lead well.", house: "Be true.", reviewer: "Be fair." });
  });

  test("reads references on demand, of known skills only", async () => {
    await using team = await smallTeam();
    const { registry } = await load(team);
    expect(await registry?.readReference("writer", "references/styles.md")).toBe("# Styles\n");
    expect(await registry?.readReference("writer", "references/other.md")).toBeNull();
    expect(await registry?.readReference("checker", "references/styles.md")).toBeNull();
    expect(await registry?.readReference("../skills/writer", "references/styles.md")).toBeNull();
  });

  test("cannot be changed, and has no inherited names", async () => {
    await using team = await smallTeam();
    const { registry } = await load(team);
    expect(() => Object.assign(registry?.skills.get("writer") ?? {}, { tier: "strong" })).toThrow();
    expect(() => Object.assign(registry?.models.models["big"]?.prices[0] ?? {}, { input: 0 })).toThrow();
    expect(registry?.events["constructor"]).toBeUndefined();
    expect(registry?.schedules["toString"]).toBeUndefined();
    expect(registry?.routing.categories["valueOf"]).toBeUndefined();
  });

  test("does not expand variables", async () => {
    const { registry } = await loadChanged(SKILLS, "role: Writes.", 'role: "Writes ${HOME}."');
    expect(registry?.skills.get("writer")?.role).toBe("Writes ${HOME}.");
  });
});

describe("names between the files", () => {
  test.each([
    [SKILLS, "squad: makers", "squad: maker", 'skills.yaml:13: skill writer: unknown squad "maker" (did you mean "makers"?)'],
    [
      SKILLS,
      "tier: light\n    rubric: text",
      "tier: light\n    rubric: txt",
      'skills.yaml:18: skill checker: unknown rubric "txt" (did you mean "text"?)',
    ],
    [
      SKILLS,
      "needs: [basics]",
      "needs: [basic]",
      'skills.yaml:13: skill writer: needs unknown skill "basic" (did you mean "basics"?)',
    ],
    [
      SKILLS,
      "    feeds: [writer]",
      "    feeds:\n      - writer\n      - writr",
      'skills.yaml:22: skill checker: feeds unknown skill "writr" (did you mean "writer"?)',
    ],
    [
      SKILLS,
      "foundation: basics",
      "foundation: other",
      'skills.yaml:1: foundation: unknown skill "other" (known: basics, writer, checker)',
    ],
    [
      SKILLS,
      "needs: [basics]",
      "needs: [checker]",
      "skills.yaml:13: the skills need each other in a circle: writer → checker → writer (take one of these needs out)",
    ],
    [
      SKILLS,
      "needs: [basics]",
      "needs: [writer]",
      "skills.yaml:13: the skills need each other in a circle: writer → writer (take one of these needs out)",
    ],
    [
      SKILLS,
      "approve: 7.5",
      "approve: 4",
      "skills.yaml:2: review › approve must be above review › reject (7.5 and 4, for example)",
    ],
    [
      SKILLS,
      "high: yes }",
      "high: yes }\n      - { id: clarity, weight: 1, asks: a, low: a, mid: b, high: c }",
      'skills.yaml:11: rubric text: the criterion "clarity" stands twice',
    ],
    [
      SKILLS,
      "skills:\n",
      "skills:\n  director: { squad: makers, role: r, tier: light, rubric: text }\n",
      'skills.yaml:12: "director" cannot be a skill\'s name: the engine uses it (choose another name)',
    ],
    [
      PIPELINES,
      "skill: writer",
      "skill: wrter",
      'pipelines.yaml:6: pipeline "Write And Check": unknown skill "wrter" (did you mean "writer"?)',
    ],
    [
      PIPELINES,
      "category: content",
      "category: contents",
      'pipelines.yaml:3: pipeline "Write And Check": unknown category "contents" (did you mean "content"?)',
    ],
    [
      PIPELINES,
      "{ skill: checker, phase: Check, brief: Check it. }",
      "review: chekcer",
      'pipelines.yaml:11: pipeline "Write And Check": unknown reviewer "chekcer" (did you mean "checker"?)',
    ],
    [
      PIPELINES,
      "- skill: writer",
      "- review: checker\n      - skill: writer",
      'pipelines.yaml:6: pipeline "Write And Check": there is nothing before this review (put it behind the step it reviews)',
    ],
    [
      PIPELINES,
      "- { skill: checker, phase: Check, brief: Check it. }",
      "- parallel:\n          - review: checker\n          - { skill: checker, phase: Check, brief: b }",
      'pipelines.yaml:12: pipeline "Write And Check": there is nothing before this review',
    ],
    [
      PIPELINES,
      "phase: Check",
      `phase: ${"x".repeat(81)}`,
      'pipelines.yaml:11: pipeline "Write And Check": a phase\'s name has at most 80 characters',
    ],
    [
      PIPELINES,
      "Check it. }",
      "Check it. }\n      - { skill: writer, phase: Write, brief: Again. }",
      'pipelines.yaml:5: pipeline "Write And Check": a phase with a gate goes on behind its own gate',
    ],
    [
      PIPELINES,
      "    steps:\n",
      `    steps:\n${"      - { skill: writer, phase: More, brief: b }\n".repeat(48)}`,
      'pipelines.yaml:5: pipeline "Write And Check" has 51 tasks and gates, the limit is 50',
    ],
    [ROUTING, "last: [checkers]", "last: [checker]", 'routing.yaml:1: last: unknown squad "checker" (did you mean "checkers"?)'],
    [
      ROUTING,
      "squads: [makers]",
      "squads: [maker]",
      'routing.yaml:6: category content, phase "Write": unknown squad "maker" (did you mean "makers"?)',
    ],
    [
      ROUTING,
      "skills: [checker]",
      "skills: [cheker]",
      'routing.yaml:7: category content, phase "Check": unknown skill "cheker" (did you mean "checker"?)',
    ],
    [
      ROUTING,
      ", skills: [checker]",
      "",
      'routing.yaml:7: category content, phase "Check": the phase leads to nobody (name squads that have skills, or skills)',
    ],
    [MODELS, "strong: big", "strong: bigg", 'models.yaml:3: tier strong: unknown model "bigg" (did you mean "big"?)'],
    [
      MODELS,
      'from: "2026-01-01", input: 4',
      'from: "2027-01-01", input: 4',
      "models.yaml:8: model big has no price that holds on 2026-11-21 (a model without a price is never called)",
    ],
    [
      MODELS,
      'from: "2026-01-01", input: 4',
      'from: "2026-02-30", input: 4',
      "models.yaml:9: model big: there is no day 2026-02-30",
    ],
    [MODELS, "max_output: 100", "max_output: 1001", "models.yaml:7: model big: max_output is larger than context"],
  ])("%s: %j → %j stops the team", async (file, from, to, line) => {
    const { fatal, lines } = await loadChanged(file, from, to);
    expect(fatal).toBeTrue();
    expect(lines.filter((entry) => entry.startsWith(`error ${file.replace(/[^/]+$/, "")}${line}`))).toHaveLength(1);
  });

  test("prices out of order and twice on a day are told", async () => {
    const price = '{ from: "2026-01-01", input: 4, output: 20, cache_write_5m: 5, cache_write_1h: 8, cache_read: 0.2 }';
    for (const later of ["2026-01-01", "2025-12-31"]) {
      const { lines } = await loadChanged(MODELS, `- ${price}`, `- ${price}\n      - ${price.replace("2026-01-01", later)}`);
      expect(lines).toEqual(["error .agents/models.yaml:10: model big: prices stand in the order of their dates, one a day"]);
    }
  });

  test("a pipeline's gate that nothing waits for is a warning", async () => {
    const { fatal, lines } = await loadChanged(PIPELINES, "brief: Check it. }", "brief: Check it., gate: true }");
    expect(fatal).toBeFalse();
    expect(lines).toEqual([
      'warning .agents/pipelines.yaml:5: pipeline "Write And Check": no later phase waits for the gate of "Check" (a gate decides about what comes behind it)',
    ]);
  });

  test("a squad without skills and a folder without entry are warnings", async () => {
    await using team = await smallTeam();
    await team.change(SKILLS, "squads:\n", "squads:\n  idle: { title: Idle, does: nothing }\n");
    await team.write(".agents/skills/stranger/SKILL.md", skillText("stranger"));
    await team.write(".agents/skills/.hidden/SKILL.md", "x");
    const { fatal, lines } = await load(team);
    expect(fatal).toBeFalse();
    expect(lines).toEqual([
      'warning skills.yaml:4: no skill is in the squad "idle"',
      'warning .agents/skills/stranger: no entry in skills.yaml names the skill "stranger" (add one with squad, role, tier and rubric, or remove the folder)',
    ]);
  });
});

describe("what fails alone", () => {
  test.each([
    ["0 6 * *", "has 4 fields instead of five"],
    ["0 0 6 * * *", "has 6 fields instead of five"],
    ["@daily", "has 1 fields instead of five"],
    ["61 6 * * *", "is not a time"],
    ["0 0 31 2 *", "is not a time"],
    ["a b c d e", "is not a time"],
    ["H 6 * * *", 'uses "H", which stands for no certain time'],
  ])("the cron %j is told, and the other schedule stays", async (cron, fault) => {
    const { fatal, lines, registry } = await loadChanged(SCHEDULES, "0 6 * * *", cron);
    expect(fatal).toBeFalse();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toStartWith(`error .agents/schedules.yaml:2: schedule daily: cron "${cron}" ${fault}`);
    expect(Object.keys(registry?.schedules ?? {})).toEqual(["monthly"]);
  });

  test.each(["0 0 * * THU", "*/15 8-18 * * 1-5", "0 0 29 2 *", "0 9 * MAR-SEP *"])("the cron %j is good", async (cron) => {
    expect((await loadChanged(SCHEDULES, "0 6 * * *", cron)).lines).toEqual([]);
  });

  test.each([
    ["Europe/Berln", 'unknown time zone "Europe/Berln"'],
    ["+02:00", '"+02:00" is an offset, not a time zone'],
  ])("the zone %j is told, and the other schedule stays", async (zone, fault) => {
    const { lines, registry } = await loadChanged(SCHEDULES, "Europe/Berlin", `"${zone}"`);
    expect(lines).toEqual([`error .agents/schedules.yaml:3: schedule monthly: ${fault} (a name like "Europe/Berlin" or "UTC")`]);
    expect(Object.keys(registry?.schedules ?? {})).toEqual(["daily"]);
  });

  test("a batch mark is one word, and told where it changes nothing", async () => {
    const wrong = await loadChanged(SCHEDULES, "pipeline: Look Back", "pipeline: Look Back, batch: always");
    expect(wrong.lines).toEqual([expect.stringContaining("batch")]);
    expect(Object.keys(wrong.registry?.schedules ?? {})).toEqual(["daily"]);
    const marked = await loadChanged(SCHEDULES, "pipeline: Look Back", "pipeline: Look Back, batch: allowed");
    expect(marked.registry?.schedules["monthly"]?.batch).toBe("allowed");
    await using team = await smallTeam();
    await team.change(SCHEDULES, "pipeline: Look Back", "pipeline: Look Back, priority: P1, batch: allowed");
    const urgent = await load(team);
    expect(urgent.lines).toEqual([
      "warning .agents/schedules.yaml:3: schedule monthly: P1 never waits for a batch: `batch` changes nothing (leave it out, or make the schedule P2 or P3)",
    ]);
    expect(Object.keys(urgent.registry?.schedules ?? {})).toEqual(["daily", "monthly"]);
  });

  test("schedules and events of unknown pipelines are told and left out", async () => {
    await using team = await smallTeam();
    await team.change(SCHEDULES, "pipeline: Look Back", "pipeline: Look Bak");
    await team.change(EVENTS, "pipeline: Write And Check", "pipeline: write");
    const { fatal, lines, registry } = await load(team);
    expect(fatal).toBeFalse();
    expect(lines).toEqual([
      'error .agents/schedules.yaml:3: schedule monthly: unknown pipeline "Look Bak" (did you mean "Look Back"?)',
      'error .agents/events.yaml:2: event drop: unknown pipeline "write" (known: Write And Check, Look Back)',
    ]);
    expect(Object.keys(registry?.schedules ?? {})).toEqual(["daily"]);
    expect(Object.keys(registry?.events ?? {})).toEqual([]);
  });

  test("signed sources: what they map to exists, secrets stand by name, and no message repeats one", async () => {
    await using team = await smallTeam();
    const events = "events:\n  drop: { pipeline: Look Back }\n  goal: { pipeline: Look Back }\n";
    const sources = `sources:
  code:
    kind: github
    secret: \${CODE_SECRET}
    map:
      push: drop
      issues.opened: goal
      release.published: dropp
  shop:
    kind: stripe
    secrets:
      - \${A}
      - \${A}
  marketeam:
    kind: github
    secret: \${B}
`;
    await team.write(EVENTS, events + sources);
    const first = await load(team);
    expect(first.fatal).toBeFalse();
    expect(first.lines).toEqual([
      "error .agents/events.yaml:3: event goal: an event of this name starts a goal in words, whatever stands here (choose another name)",
      'error .agents/events.yaml:11: source code: "release.published" is mapped to the unknown event "dropp" (did you mean "drop"?)',
      "warning .agents/events.yaml:14: source shop: the same secret stands there twice",
      "error .agents/events.yaml:17: source marketeam: the name is taken by the program (choose another name)",
    ]);
    expect(Object.keys(first.registry?.events ?? {})).toEqual(["drop"]);
    expect(first.registry?.sources["code"]?.map["push"]).toBe("drop");
    await team.write(
      EVENTS,
      `${events.split("\n").slice(0, 2).join("\n")}\n${sources.replace("${CODE_SECRET}", "hunter2-hunter2-hunter2")}`,
    );
    const { lines, registry } = await load(team);
    expect(lines[0]).toBe(
      'error .agents/events.yaml:6: sources › code › secret: write the name of an environment variable: "${NAME}"',
    );
    expect(lines.join("\n")).not.toContain("hunter2");
    // The rest of the file counts.
    expect(Object.keys(registry?.events ?? {})).toEqual(["drop"]);
    expect(Object.keys(registry?.sources ?? {})).toEqual(["shop"]);
  });

  test("broken schedules, events and tools are errors and leave the team at work", async () => {
    await using team = await smallTeam();
    await team.write(SCHEDULES, "schedules: [\n");
    await team.write(EVENTS, null);
    await team.write("tools.yaml", "mcpServers:\n");
    const { fatal, lines, registry } = await load(team);
    expect(fatal).toBeFalse();
    expect(lines.map((line) => line.split(" (")[0])).toEqual([
      'error .agents/schedules.yaml:2: not valid YAML: a "[" is not closed',
      "error .agents/events.yaml: is missing",
      "error tools.yaml:1: mcpServers must be a map",
    ]);
    expect(Object.keys(registry?.schedules ?? { x: 1 })).toEqual([]);
  });

  test("tools: skills exist, and a role that nobody asks for is a warning", async () => {
    await using team = await smallTeam();
    await team.write(
      "tools.yaml",
      "mcpServers:\n  a: { command: x, skills: [writer, wrtier] }\n  b: { url: https://y, role: search }\n  c: { url: https://z, role: mail }\n",
    );
    await team.change(SKILLS, "sections: [Text]", "sections: [Text], tools: [mail]");
    const { fatal, lines, registry } = await load(team);
    expect(fatal).toBeFalse();
    expect(lines).toEqual([
      'error tools.yaml:2: server a: unknown skill "wrtier" (did you mean "writer"?)',
      'warning tools.yaml:3: server b: no skill asks for the role "search" (known: mail)',
    ]);
    expect(registry?.tools.mcpServers["a"]?.["command"]).toBe("x");
  });

  test("a skill without SKILL.md is off, with everything that needs it, and the rest works", async () => {
    await using team = await smallTeam();
    await team.write(".agents/skills/checker/SKILL.md", null);
    const { fatal, lines, registry, off } = await load(team);
    expect(fatal).toBeFalse();
    expect(lines).toEqual([
      'error .agents/pipelines.yaml:11: pipeline "Write And Check" is off: the skill "checker" is off (SKILL.md is missing)',
      'warning .agents/routing.yaml:7: category content does without the skill "checker", which is off',
      'error .agents/schedules.yaml:2: schedule daily starts nothing: the pipeline "Write And Check" is off',
      'error .agents/events.yaml:2: event drop starts nothing: the pipeline "Write And Check" is off',
      'error .agents/skills/checker/SKILL.md: SKILL.md is missing (write it, or remove "checker" from skills.yaml)',
    ]);
    expect(off.skills).toEqual(new Map([["checker", "SKILL.md is missing"]]));
    expect([...off.pipelines.keys()]).toEqual(["Write And Check"]);
    expect([...(registry?.skills.keys() ?? [])]).toEqual(["basics", "writer"]);
    expect(registry?.skills.get("writer")?.feeds).toEqual([]);
    expect([...(registry?.pipelines.keys() ?? [])]).toEqual(["Look Back"]);
    expect(registry?.routing.categories["content"]?.route.map((phase) => phase.phase)).toEqual(["Write"]);
    expect(Object.keys(registry?.schedules ?? {})).toEqual(["monthly"]);
    expect(Object.keys(registry?.events ?? {})).toEqual([]);
  });

  test("an odd SKILL.md is a warning and works", async () => {
    await using team = await smallTeam();
    await team.write(".agents/skills/writer/SKILL.md", skillText("someone"));
    const { lines, registry } = await load(team);
    expect(lines).toEqual([
      'warning .agents/skills/writer/SKILL.md:2: the name "someone" is not the folder\'s name (write "name: writer"; the folder\'s name counts)',
    ]);
    expect(registry?.skills.get("writer")?.name).toBe("writer");
  });
});

describe("what stops the team", () => {
  test.each([SKILLS, PIPELINES, ROUTING, MODELS, ".agents/charter.md", ".agents/house-rules.md", ".agents/reviewer.md"])(
    "%s missing, empty or not text",
    async (file) => {
      await using team = await smallTeam();
      for (const content of [null, "", " \n", new Uint8Array([0xff, 0xfe, 0x00])]) {
        await team.write(file, content);
        const { fatal, lines } = await load(team);
        expect(fatal).toBeTrue();
        expect(lines.filter((line) => line.startsWith(`error ${file}`))).toHaveLength(1);
        // The fault is told once, not again by each file that names something of it.
        expect(lines.filter((line) => line.startsWith("error"))).toHaveLength(1);
        if (content === null) await team.write(file, "x");
      }
    },
  );

  test("faults of all files are told in one run, and a faulty entry is known to the others", async () => {
    await using team = await smallTeam();
    await team.change(SKILLS, "tier: light", "tier: lihgt");
    await team.change(PIPELINES, "skill: writer", "skill: wrter");
    await team.change(ROUTING, "last: [checkers]", "last: [nobody]");
    await team.change(SCHEDULES, "0 6 * * *", "0 6 * *");
    await team.change(MODELS, "strong: big", "strong: bigger");
    await team.write(".agents/house-rules.md", "");
    await team.write(".agents/skills/writer/SKILL.md", "no frontmatter");
    const { fatal, lines } = await load(team);
    expect(fatal).toBeTrue();
    expect(lines.map((line) => line.split(" (")[0])).toEqual([
      'error skills.yaml:17: skills › checker › tier: unknown value "lihgt"',
      'error .agents/routing.yaml:1: last: unknown squad "nobody"',
      'error .agents/pipelines.yaml:6: pipeline "Write And Check": unknown skill "wrter"',
      'error .agents/models.yaml:3: tier strong: unknown model "bigger"',
      "error .agents/house-rules.md: is empty",
      'error .agents/schedules.yaml:2: schedule daily: cron "0 6 * *" has 4 fields instead of five',
      "error .agents/skills/writer/SKILL.md:1: SKILL.md has no frontmatter",
    ]);
  });

  test("a folder without a registry is a list of missing files, not a crash", async () => {
    const { fatal, problems } = await loadRegistry({ root: join(import.meta.dir, "no-such-folder") });
    expect(fatal).toBeTrue();
    expect(problems.every((problem) => problem.message === "is missing")).toBeTrue();
    expect(problems).toHaveLength(9);
  });

  test("a bomb and a wall of brackets are one line each, quickly", async () => {
    await using team = await smallTeam();
    await team.write(SKILLS, `a: &a [x]\nb: [${"*a,".repeat(10_000)}]\n`);
    await team.write(PIPELINES, `pipelines: ${"[".repeat(50_000)}`);
    const started = performance.now();
    const { fatal, lines } = await load(team);
    expect(fatal).toBeTrue();
    expect(lines.map((line) => line.split(" (")[0])).toEqual([
      "error skills.yaml:2: uses 10000 aliases",
      "error .agents/pipelines.yaml:1: is nested too deeply",
    ]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
