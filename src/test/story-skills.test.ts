/** Stories: the team and its scores over time, and the sizes of its skills, through the real command line. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { scoresResult, teamResult } from "../cli/skills-text.ts";
import { EXIT } from "../domain/exit.ts";
import { goalResult, type GoalResult } from "../domain/result.ts";
import { command, ROOT, tempDir } from "./cli.ts";

const file = <T>(path: string) => parse(readFileSync(join(ROOT, path), "utf8")) as T;
const { pipelines } = file<{ pipelines: Record<string, { steps: object[] }> }>(".agents/pipelines.yaml");
const SHORT = Object.entries(pipelines).toSorted((a, b) => a[1].steps.length - b[1].steps.length)[0]?.[0] ?? "";
const TEAM = Object.keys(file<{ skills: object }>("skills.yaml").skills);

const story = (name: string, body: () => Promise<void>) => test(name, body, 60_000);

let dir: Awaited<ReturnType<typeof tempDir>>;
let workspace = "";
let goal: GoalResult;

beforeAll(async () => {
  dir = await tempDir();
  workspace = join(dir.path, "workspace");
  goal = goalResult.parse(await json(["--rehearse", "--pipeline", SHORT, "A brief"]));
}, 60_000);
afterAll(() => dir[Symbol.asyncDispose]());

const skillsOf = () => [...new Set(goal.tasks.filter((task) => task.score !== null).map((task) => task.skill))].toSorted();

story("skills lists the whole team; a rehearsal's work counts only with --rehearsal", async () => {
  const real = teamResult.parse(await json(["skills"]));
  expect(real.skills.map((entry) => entry.skill).toSorted()).toEqual(TEAM.toSorted());
  expect(real.skills.filter((entry) => entry.finished > 0 || entry.score !== null)).toEqual([]);
  for (const entry of real.skills) expect(entry.promptChars).toBeGreaterThan(1000);
  const rehearsed = teamResult.parse(await json(["skills", "--rehearsal"]));
  const done = rehearsed.skills.filter((entry) => entry.finished > 0);
  expect(done.map((entry) => entry.skill).toSorted()).toEqual(skillsOf());
  expect(done.reduce((sum, entry) => sum + entry.finished, 0)).toBe(goal.tasks.filter((task) => task.score !== null).length);
  const text = await said(["skills"]);
  for (const skill of TEAM) expect(text).toContain(skill);
  expect(text).toContain("No work was finished yet");
});

story("skills --scores tells the scores that the goal's result has, its drift unknown, and its reviewers", async () => {
  const { skills, reviewers, criteria, rehearsal } = scoresResult.parse(await json(["skills", "--scores", "--rehearsal"]));
  expect([rehearsal, criteria]).toEqual([true, null]);
  expect(skills.map((entry) => entry.skill)).toEqual(skillsOf());
  for (const entry of skills) {
    const scores = goal.tasks.flatMap((task) => (task.skill === entry.skill ? (task.score ?? []) : []));
    expect(entry.last.toSorted()).toEqual(scores.toSorted());
    expect(entry.drift).toEqual({ state: "unknown", works: scores.length, needed: 16 });
  }
  expect(reviewers.length).toBeGreaterThan(0);
  const text = await said(["skills", "--scores", "--rehearsal"]);
  expect(text).toContain("n of 16: not enough works yet");
  for (const { reviewer } of reviewers) expect(text).toContain(reviewer);
});

story("skills --scores <skill> adds weeks and criteria", async () => {
  const [skill = ""] = skillsOf();
  const { skills, criteria } = scoresResult.parse(await json(["skills", "--scores", skill, "--rehearsal"]));
  expect(skills.map((entry) => entry.skill)).toEqual([skill]);
  expect(skills[0]?.weeks.reduce((sum, week) => sum + week.works, 0)).toBe(skills[0]?.works ?? -1);
  expect(criteria?.length).toBeGreaterThan(0);
  const text = await said(["skills", "--scores", skill, "--rehearsal"]);
  expect(text).toContain("not enough works yet (");
  for (const { criterion } of criteria ?? []) expect(text).toContain(criterion);
});

story("without scores --scores is one plain line, and no workspace is made", async () => {
  const none = join(dir.path, "none");
  for (const args of [["skills"], ["skills", "--scores"], ["skills", "--scores", TEAM[0] ?? "", "--rehearsal"]]) {
    const run = await command([...args, "--workspace", none]);
    expect([run.code, run.stderr, existsSync(none)]).toEqual([0, "", false]);
    if (args.length > 1) expect(run.stdout.trimEnd().split("\n")).toHaveLength(1);
    const asJson = await command([...args, "--json", "--workspace", none]);
    const shape = args.length > 1 ? scoresResult : teamResult;
    expect(shape.safeParse(JSON.parse(asJson.stdout)).success).toBe(true);
  }
  // Real work has no scores here: the rehearsal's are not shown for it.
  expect(await said(["skills", "--scores"])).toContain("No scores here yet");
});

story("an unknown skill is said to be so, with the nearest name", async () => {
  const [skill = ""] = TEAM;
  const run = await command(["skills", "--scores", `${skill}x`, "--workspace", workspace]);
  expect([run.code, run.stdout]).toEqual([EXIT.usage, ""]);
  expect(run.stderr).toContain(`unknown skill "${skill}x"`);
  expect(run.stderr).toContain(`did you mean "${skill}"`);
});

story("validate names the smallest and the largest skill and how to see all; --sizes shows them", async () => {
  const line = (await said(["validate"], false)).split("\n")[0] ?? "";
  expect(line).toContain("In every call of a skill: from ");
  expect(line).toEndWith("all: --sizes");
  const lines = (await said(["validate", "--sizes"], false)).split("\n");
  expect(lines[0]).toMatch(/^skill +text +in every call/);
  const rows = lines.slice(1, 1 + TEAM.length).map((row) => row.split(/\s+/));
  expect(rows.map(([skill]) => skill ?? "").toSorted()).toEqual(TEAM.toSorted());
  const sizes = rows.map(([, , size = ""]) => Number(size.replaceAll(",", "")));
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
});

async function said(args: readonly string[], inWorkspace = true): Promise<string> {
  const run = await command(inWorkspace ? [...args, "--workspace", workspace] : args);
  if (run.code !== 0) throw new Error(`exit ${run.code} of ${args.join(" ")}\n${run.stderr}\n${run.stdout}`);
  return run.stdout;
}

async function json(args: readonly string[]): Promise<unknown> {
  return JSON.parse(await said([...args, "--json"]));
}
