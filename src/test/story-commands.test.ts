/** Stories: the commands that look, tidy and keep, on a workspace with rehearsed goals, through the real command line. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import type { StoredEvent } from "../domain/event.ts";
import { goalResult, statusResult, type GoalResult } from "../domain/result.ts";
import { command, ROOT, tempDir } from "./cli.ts";

const file = <T>(path: string) => parse(readFileSync(join(ROOT, path), "utf8")) as T;
const { pipelines } = file<{ pipelines: Record<string, { steps: object[] }> }>(".agents/pipelines.yaml");
const SHORT = Object.entries(pipelines).toSorted((a, b) => a[1].steps.length - b[1].steps.length)[0]?.[0] ?? "";
const SKILL = Object.keys(file<{ skills: object }>("skills.yaml").skills)[0] ?? "";
const GOAL = "Increase signup conversion by 20%";

// One after the other: they share a workspace, and some of them change it.
const story = (name: string, body: () => Promise<void>) => test(name, body, 60_000);

let dir: Awaited<ReturnType<typeof tempDir>>;
let workspace = "";
let older: GoalResult;
let newer: GoalResult;

beforeAll(async () => {
  dir = await tempDir();
  workspace = join(dir.path, "workspace");
  older = goalResult.parse(await json(["--rehearse", "--pipeline", SHORT, "An older brief"]));
  newer = goalResult.parse(await json(["--rehearse", GOAL]));
}, 60_000);
afterAll(() => dir[Symbol.asyncDispose]());

story("status lists the goals, newest first", async () => {
  const { level, goals } = statusResult.parse(await json(["status"]));
  expect(level).toBe("full");
  expect(goals.map((goal) => goal.goal)).toEqual([newer.goal, older.goal]);
  expect(goals[0]).toMatchObject({
    status: "completed",
    source: "cli",
    tasks: newer.tasks.length,
    tasksDone: newer.tasks.length,
  });
  expect(goals[1]).toMatchObject({ pipeline: SHORT, costUsd: older.costUsd });
  const text = (await ran(["status"])).stdout;
  expect(text.indexOf(newer.goal)).toBeGreaterThan(0);
  expect(text.indexOf(newer.goal)).toBeLessThan(text.indexOf(older.goal));
});

describe("show", () => {
  story("says the same as the run did, for `last`, a whole id and any unique beginning", async () => {
    const names = [[], ["last"], [uniqueBeginning(newer.goal, older.goal)], [newer.goal.slice("goal_".length)]];
    for (const shown of await Promise.all(names.map((typed) => json(["show", ...typed]))))
      expect(goalResult.parse(shown)).toEqual(newer);
    expect(goalResult.parse(await json(["show", uniqueBeginning(older.goal, newer.goal)]))).toEqual(older);
    const text = (await ran(["show", older.goal])).stdout;
    expect(text).toContain(older.title);
    expect(text).toContain(older.tasks[0]?.output ?? "?");
  });

  story("an ambiguous and an unknown beginning are said to be so", async () => {
    const shared = newer.goal.slice(
      0,
      [...newer.goal].findIndex((letter, i) => letter !== older.goal[i]),
    );
    const [two, none] = await Promise.all([shared, "goal_zzzz"].map((id) => command(["show", id, "--workspace", workspace])));
    if (!two || !none) throw new Error("two runs make two results");
    expect([two.code, two.stderr]).toEqual([2, expect.stringContaining("several goal ids")]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('no goal "goal_zzzz"')]);
    for (const run of [two, none]) expect(run.stdout).toBe("");
  });

  story("--calls, --reviews and --prompt open the books of a goal", async () => {
    const [books, judged, callsText, judgedText] = await Promise.all([
      json(["show", "--calls"]),
      json(["show", "--reviews"]),
      ran(["show", "--calls"]),
      ran(["show", "--reviews"]),
    ]);
    const { goal, calls } = books as { goal: unknown; calls: Record<string, unknown>[] };
    expect(goalResult.parse(goal)).toEqual(newer);
    expect(calls.length).toBeGreaterThan(newer.tasks.length * 2);
    const sum = calls.reduce((total, call) => total + Number(call.costUsd), 0);
    expect(sum).toBeCloseTo(newer.costUsd, 3);
    expect(calls[0]).toMatchObject({ step: "plan", state: "settled" });
    for (const kind of ["charter", "context", "skill", "learnings", "inputs", "tools"])
      expect(calls[0]?.partTokens).toHaveProperty(kind);
    expect(callsText.stdout).toContain(String(calls[0]?.id));

    const { reviews } = judged as { reviews: { skill: string; versions: { reviews: object[] }[] }[] };
    expect(reviews.map((entry) => entry.skill).toSorted()).toEqual(newer.tasks.map((task) => task.skill).toSorted());
    for (const entry of reviews) expect(entry.versions.at(-1)?.reviews.at(-1)).toMatchObject({ verdict: "APPROVE" });
    expect(judgedText.stdout).toContain("APPROVE");

    const id = String(calls[0]?.id);
    const [filled, text, goalsOwn] = await Promise.all([
      json(["show", "--prompt", id]),
      ran(["show", "--prompt", id]),
      command(["show", "--prompt", newer.goal, "--workspace", workspace]),
    ]);
    const prompt = filled as { call: string; parts: { tokens: number }[] };
    expect(prompt.call).toBe(id);
    expect(prompt.parts.reduce((total, part) => total + part.tokens, 0)).toBeGreaterThan(100);
    expect(text.stdout).toContain("charter");
    expect([goalsOwn.code, goalsOwn.stdout]).toEqual([2, ""]);
  });
});

story("costs: a rehearsal spends nothing, and its figures are told apart", async () => {
  const real = (await json(["costs"])) as { today: { spentUsd: number }; goals: object[] };
  expect(real.today.spentUsd).toBe(0);
  expect(real.goals).toEqual([]);
  const rehearsed = (await json(["costs", "--rehearsal"])) as { today: { spentUsd: number }; goals: { goal: string }[] };
  expect(rehearsed.today.spentUsd).toBeCloseTo(older.costUsd + newer.costUsd, 4);
  expect(rehearsed.goals.map((goal) => goal.goal).toSorted()).toEqual([older.goal, newer.goal]);
  expect((await ran(["costs"])).stdout).toContain("$0.00");
});

story("learnings: a person adds, changes and retires one; the document follows", async () => {
  const added = (await json(["learnings", "add", "Say the price on the button", "--skill", SKILL])) as { id: string };
  expect(added).toMatchObject({ statement: "Say the price on the button", skill: SKILL, status: "active" });
  expect(await readFile(join(workspace, "memory/learnings.md"), "utf8")).toContain("Say the price on the button");
  const edited = await json([
    "learnings",
    "edit",
    added.id,
    "--text",
    "Say the whole price on the button",
    "--confidence",
    "0.5",
  ]);
  expect(edited).toMatchObject({ id: added.id, statement: "Say the whole price on the button", confidence: 0.5 });
  expect(await json(["learnings", "--skill", SKILL])).toMatchObject({ learnings: [{ id: added.id }] });
  expect((await ran(["learnings"])).stdout).toContain("Say the whole price");
  expect(await json(["learnings", "retire", added.id])).toMatchObject({ id: added.id, status: "retired" });
  expect(await json(["learnings"])).toEqual({ learnings: [] });
  expect(await json(["learnings", "--all"])).toMatchObject({ learnings: [{ id: added.id, status: "retired" }] });
});

story("events: of one goal, the newest ones, in words", async () => {
  const { events } = (await json(["events", "--goal", older.goal, "--limit", "10000"])) as { events: StoredEvent[] };
  expect(new Set(events.map((event) => event.goalId))).toEqual(new Set([older.goal]));
  expect(events[0]?.type).toBe("goal.accepted");
  expect(events.at(-1)?.type).toBe("goal.completed");
  const last = (await json(["events", "--goal", "last", "--limit", "2"])) as { events: StoredEvent[] };
  expect(last.events.length).toBe(2);
  expect(last.events[1]).toMatchObject({ type: "goal.completed", goalId: newer.goal });
  expect((await ran(["events"])).stdout).toContain("goal completed");
  const { mappings } = (await json(["events", "--mappings"])) as { mappings: { type: string; pipeline: string }[] };
  for (const mapping of mappings) expect(Object.keys(pipelines)).toContain(mapping.pipeline);
});

story("export writes the same bytes again after everything but the database was deleted", async () => {
  const before = await documents(workspace);
  expect(Object.keys(before).length).toBeGreaterThan(newer.tasks.length * 2);
  for (const folder of await readdir(workspace))
    if (folder !== ".marketeam") await rm(join(workspace, folder), { recursive: true });
  const written = (await json(["export"])) as { written: string[]; goals: string[] };
  expect(written.goals.toSorted()).toEqual([older.goal, newer.goal]);
  expect(await documents(workspace)).toEqual(before);
  await rm(join(workspace, "outputs"), { recursive: true });
  await ran(["export", newer.goal]);
  const mine = Object.entries(before).filter(([path]) => newer.tasks.some((task) => `/${task.output}` === path));
  expect(mine.length).toBe(newer.tasks.length);
  expect(await documents(workspace)).toMatchObject(Object.fromEntries(mine));
  await ran(["export"]);
});

story("backup makes a copy that opens, and never overwrites", async () => {
  const path = join(dir.path, "copy.db");
  expect(await json(["backup", path])).toMatchObject({ backup: path, engine: "sqlite" });
  {
    using copy = new Database(path, { readonly: true });
    expect(copy.query("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
    expect(copy.query<{ n: number }, []>("select count(*) as n from goals").get()?.n).toBe(2);
  }
  const bytes = await readFile(path);
  const again = await command(["backup", path, "--workspace", workspace]);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("never overwrites")]);
  expect((await readFile(path)).equals(bytes)).toBe(true);
});

story("nothing waits for a person, and a goal that has ended stays as it is", async () => {
  expect(await json(["approvals"])).toEqual({ approvals: [], effects: [] });
  expect((await ran(["approvals"])).stdout).toContain("Nothing waits");
  const run = await command(["cancel", newer.goal, "--workspace", workspace]);
  expect([run.code, run.stderr]).toEqual([2, expect.stringContaining("completed")]);
  // There is nothing to go on with: resume says how it ended.
  expect(goalResult.parse(await json(["resume", newer.goal, "--rehearse"]))).toEqual(newer);
  // A rehearsal stays one, also where there is a key and nobody says so.
  const real = await command(["resume", newer.goal, "--json", "--workspace", workspace], { env: { ANTHROPIC_API_KEY: "any" } });
  expect([real.code, goalResult.parse(JSON.parse(real.stdout))]).toEqual([0, newer]);
});

story("validate, doctor, schedules and tools speak of this installation", async () => {
  expect(await json(["validate"])).toMatchObject({ ok: true, counts: { errors: 0, pipelines: Object.keys(pipelines).length } });
  expect((await ran(["validate"], false)).stdout).toContain("0 errors");
  const doctor = (await json(["doctor"])) as { ok: boolean; checks: { name: string; state: string; detail: string }[] };
  expect(doctor.ok).toBe(true);
  expect(doctor.checks.filter((check) => check.state === "fail")).toEqual([]);
  expect(doctor.checks.find((check) => check.name === "store")?.detail).toContain(workspace);
  const { schedules } = (await json(["schedules"], false)) as { schedules: { pipeline: string }[] };
  expect(schedules.length).toBeGreaterThan(0);
  for (const schedule of schedules) expect(Object.keys(pipelines)).toContain(schedule.pipeline);
  expect(((await json(["tools"], false)) as { tools: unknown }).tools).toBeArray();
  for (const text of await Promise.all(
    ["doctor", "schedules", "tools"].map((name) => command([name], { cwd: dir.path, env: { WORKSPACE_DIR: workspace } })),
  ))
    expect(text.stdout.length).toBeGreaterThan(20);
});

story("commands that only look make no workspace", async () => {
  const none = join(dir.path, "none");
  const looks = ["status", "costs", "learnings", "events", "approvals", "doctor", "export"];
  const runs = await Promise.all(looks.map((name) => command([name, "--json", "--workspace", none])));
  for (const [i, run] of runs.entries()) {
    expect({ command: looks[i], code: run.code, made: existsSync(none) }).toEqual({ command: looks[i], code: 0, made: false });
    expect(() => JSON.parse(run.stdout)).not.toThrow();
  }
});

async function ran(args: readonly string[], inWorkspace = true) {
  const run = await command(inWorkspace ? [...args, "--workspace", workspace] : args, { env: { WORKSPACE_DIR: workspace } });
  if (run.code !== 0) throw new Error(`exit ${run.code} of ${args.join(" ")}\n${run.stderr}\n${run.stdout}`);
  return run;
}

async function json(args: readonly string[], inWorkspace = true): Promise<unknown> {
  const command = args[0] ?? "";
  const takesWorkspace = inWorkspace && !["validate", "schedules", "tools"].includes(command);
  return JSON.parse((await ran([...args, "--json"], takesWorkspace)).stdout);
}

/** The shortest beginning of an id that is not the other's too. */
function uniqueBeginning(id: string, other: string): string {
  return id.slice(0, [...id].findIndex((letter, i) => letter !== other[i]) + 1);
}

/** Every document of the workspace, by path. */
async function documents(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith(".marketeam"));
  const texts = found.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(root.length), await readFile(path, "utf8")] as const;
  });
  return Object.fromEntries(await Promise.all(texts));
}
