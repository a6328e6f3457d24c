import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { goalResult } from "../domain/result.ts";
import { silentLog } from "../log/log.ts";
import { smallTeam } from "../skills/registry.fixture.ts";
import { addSchedules, decideTick } from "../store/schedules.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { command, tempDir } from "../test/cli.ts";
import { cronWords } from "./schedules-words.ts";

const DAY = 86_400_000;

async function inTeam() {
  const team = await smallTeam();
  const workspace = join(team.root, "w");
  const run = (...args: string[]) =>
    command(["schedules", ...args, "--workspace", workspace], { cwd: team.root, env: { TZ: "UTC" } });
  return {
    team,
    workspace,
    run,
    async ok(...args: string[]) {
      const { code, stdout, stderr } = await run(...args);
      if (code !== 0) throw new Error(`exit ${code} of ${args.join(" ")}: ${stderr}`);
      return stdout;
    },
    async json(...args: string[]) {
      const { code, stdout, stderr } = await run(...args, "--json");
      if (code !== 0) throw new Error(`exit ${code} of ${args.join(" ")}: ${stderr}`);
      return JSON.parse(stdout) as Record<string, unknown>;
    },
    [Symbol.asyncDispose]: () => team[Symbol.asyncDispose](),
  };
}

type Row = {
  name: string;
  state: string;
  last: Record<string, unknown> | null;
  missed: number;
  when: string | null;
  next: object[];
};
const rowOf = (list: Record<string, unknown>, name: string) => (list.schedules as Row[]).find((row) => row.name === name);

test("a schedule's life: added, shown, fired by hand, paused, resumed, removed", async () => {
  await using story = await inTeam();
  const { run, ok, json } = story;
  const file = join(story.team.root, ".agents/schedules.yaml");
  const before = await readFile(file, "utf8");

  // Looking and changing the file make no workspace.
  expect(await ok()).toContain("every day at 06:00");
  const add = ["add", "posts", "--cron", "30 9 * * 1", "--zone", "europe/berlin", "--pipeline", "look back", "--catch-up", "2"];
  const added = await ok(...add, "--priority", "p1");
  expect(added).toContain("Added posts to .agents/schedules.yaml: Look Back, Mondays at 09:30 (Europe/Berlin).");
  expect(added).toMatch(/Next: Mon \d{4}-\d\d-\d\d 09:30, Mon/);
  expect(await readFile(file, "utf8")).toBe(
    `${before}  posts:\n    cron: "30 9 * * 1"\n    zone: Europe/Berlin\n    pipeline: Look Back\n    priority: P1\n    catch_up: 2\n`,
  );
  expect(rowOf(await json(), "posts")).toMatchObject({
    ...{ zone: "Europe/Berlin", pipeline: "Look Back", priority: "P1", catchUp: 2, enabled: true, state: "on" },
    ...{ when: "Mondays at 09:30", last: null, missed: 0, pausedAt: null },
  });
  const next = (await json("next", "40")).next as { name: string; inZone: string; at: string }[];
  expect(next).toHaveLength(40);
  expect(next.map((entry) => entry.at)).toEqual(next.map((entry) => entry.at).toSorted());
  for (const entry of next.filter(({ name }) => name === "posts")) expect(entry.inZone).toEndWith("09:30");
  expect(existsSync(story.workspace)).toBe(false);

  const saved = await ok("run", "posts");
  const goal = /goal_\w+/.exec(saved)?.[0] ?? "";
  expect(saved).toContain("as schedule:posts");
  expect(saved).toContain(`bun run start resume ${goal}`);
  expect(rowOf(await json(), "posts")?.last).toMatchObject({ outcome: "fired", reason: "hand", goal, goalStatus: "running" });
  expect(await ok()).toContain(`fired by hand 0 s ago: ${goal} (running)`.slice(0, 14));

  expect(await ok("pause", "posts")).toContain("Paused posts");
  expect(await json("pause", "posts")).toMatchObject({ schedule: "posts", paused: true, changed: false });
  expect(rowOf(await json(), "posts")).toMatchObject({ state: "paused", pausedAt: expect.any(String) });
  expect(((await json("next", "40")).next as { name: string }[]).map(({ name }) => name)).not.toContain("posts");
  const refused = await run("run", "posts");
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("schedule posts is paused since")]);
  const forced = await run("run", "posts", "--force", "--json");
  expect(JSON.parse(forced.stdout)).toMatchObject({
    schedule: "posts",
    source: "schedule:posts",
    title: "Look Back",
    rehearsal: false,
  });
  expect(forced.stderr).toContain(`An earlier goal of posts is not over yet: ${goal}`);
  expect(await ok("resume", "posts")).toContain("posts goes on");
  expect(await json("resume", "posts")).toMatchObject({ paused: false, pausedAt: null, changed: false });

  expect(await ok("remove", "posts")).toContain("Removed posts");
  expect(await readFile(file, "utf8")).toBe(before);
  expect(rowOf(await json(), "posts")).toBeUndefined();
}, 30_000);

test("the list tells what became of the last tick, what was missed, and what is broken", async () => {
  await using story = await inTeam();
  await story.team.change(".agents/schedules.yaml", "pipeline: Look Back", "pipeline: Gone");
  const path = join(story.workspace, ".marketeam/marketeam.db");
  const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached: () => {} });
  const now = Date.now();
  const skipped = { outcome: "skipped", goalId: null } as const;
  await store.write("test.ticks", async (tx) => {
    await addSchedules(tx, [{ name: "daily", spec: "0 6 * * * UTC", considered: now }], false);
    const detail = "its last goal goal_1 is not over (paused: question)";
    const ticks = [
      { ...skipped, name: "daily", at: now - 40 * DAY, reason: "missed", detail: "", missed: 7, decidedAt: now - 40 * DAY },
      { ...skipped, name: "daily", at: now - 3 * DAY, reason: "missed", detail: "", missed: 2, decidedAt: now - 3 * DAY },
      { ...skipped, name: "daily", at: now - 3_700_000, reason: "overlap", detail, missed: 1, decidedAt: now - 3_700_000 },
    ] as const;
    for (const tick of ticks) await decideTick(tx, tick, false);
  });
  await store.close();
  const text = await story.ok();
  expect(text).toMatch(/daily .* on .* 3 +skipped 1 h ago: its last goal goal_1 is not over \(paused: question\)/);
  expect(text).toMatch(/monthly .* Gone .* broken /);
  expect(text).toContain("A month of the 1 schedule that is on: about $");
  const list = await story.json();
  expect(rowOf(list, "daily")).toMatchObject({ missed: 3, last: { reason: "overlap", missed: 1, goal: null } });
  expect(rowOf(list, "monthly")).toMatchObject({ state: "broken" });
  expect(list.month).toMatchObject({ likelyUsd: expect.any(Number) });
  // The rehearsal's ticks are its own.
  expect(rowOf(await story.json("--rehearse"), "daily")).toMatchObject({ missed: 0, last: null });
  const broken = await story.run("run", "monthly");
  expect([broken.code, broken.stderr]).toEqual([2, expect.stringContaining('the pipeline "Gone" cannot be used')]);
}, 30_000);

test("what cannot be used is told in a line, and leaves no trace", async () => {
  await using story = await inTeam();
  const cron = ["--cron", "0 6 * * *"];
  const pipeline = ["--pipeline", "Look Back"];
  const cases: readonly (readonly [readonly string[], string, string])[] = [
    [["paus", "daily"], 'schedules cannot "paus"', 'did you mean "pause"?'],
    [["pause", "dayly"], 'there is no schedule "dayly"', 'did you mean "daily"?'],
    [["resume"], "schedules resume: which schedule?", "see `bun run start schedules`"],
    [["run", "dayly"], 'there is no schedule "dayly"', 'did you mean "daily"?'],
    [["remove", "montly"], 'there is no schedule "montly"', 'did you mean "monthly"?'],
    [["next", "many"], '"many" is not a number from 1 to 1000', "how many"],
    [["next", "0"], '"0" is not a number from 1 to 1000', "how many"],
    [["pause", "daily", "--force"], "schedules pause has no use for --force", "leave it out"],
    [["add", "x", "--work", ...cron, ...pipeline], "schedules add has no use for --work", "--catch-up"],
    [["run", "daily", "--events"], "no use for --events without --work", "--work"],
    [["add", "x", ...pipeline], "--cron is missing", "schedules add x --cron"],
    [["add", "x", ...cron], "--pipeline is missing", "schedules add x"],
    [["add", "Not A Name", ...cron, ...pipeline], "cannot be a schedule's name", "lower-case"],
    [["add", "daily", ...cron, ...pipeline], 'there is a schedule "daily" already', "another name"],
    [["add", "x", ...cron, "--pipeline", "Look Bak"], 'did you mean "Look Back"?', "known: "],
    [
      ["add", "x", ...cron, ...pipeline, "--zone", "Europe/Berln"],
      'unknown time zone "Europe/Berln"',
      'did you mean "Europe/Berlin"?',
    ],
    [["add", "x", ...cron, ...pipeline, "--priority", "P7"], 'unknown priority "P7"', "P0, P1, P2, P3"],
    [["add", "x", ...cron, ...pipeline, "--catch-up", "twice"], '--catch-up cannot be "twice"', "skip"],
    [["add", "x", "--cron", "0 0 31 2 *", ...pipeline], 'schedule x: cron "0 0 31 2 *"', "minute hour day month weekday"],
    [["add", "x", "--cron", "soon", ...pipeline], 'cron "soon" has 1 fields instead of five', "minute hour"],
  ];
  const before = await readFile(join(story.team.root, ".agents/schedules.yaml"), "utf8");
  for (const [args, message, hint] of cases) {
    const { code, stdout, stderr } = await story.run(...args);
    expect([args, code, stdout]).toEqual([args, 2, ""]);
    expect(stderr).toContain(message);
    expect(stderr).toContain(hint);
    expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  }
  expect(await readFile(join(story.team.root, ".agents/schedules.yaml"), "utf8")).toBe(before);
  expect(existsSync(join(story.workspace, ".marketeam/marketeam.db"))).toBe(false);
}, 60_000);

test("run --work works on the goal to its end", async () => {
  await using dir = await tempDir();
  const args = ["schedules", "run", "daily-social", "--rehearse", "--work", "--json", "--workspace", dir.path];
  const { code, stdout, stderr } = await command(args);
  expect([code, stderr]).toEqual([0, stderr]);
  const result = goalResult.parse(JSON.parse(stdout));
  expect(result).toMatchObject({ status: "completed", rehearsal: true });
  const status = await command(["status", "--json", "--workspace", dir.path]);
  expect((JSON.parse(status.stdout) as { goals: unknown[] }).goals).toMatchObject([
    { goal: result.goal, source: "schedule:daily-social", status: "completed" },
  ]);
  // Without a key there is nobody to work, and nothing is saved.
  const keyless = await command(["schedules", "run", "daily-social", "--work", "--workspace", join(dir.path, "none")]);
  expect([keyless.code, keyless.stderr]).toEqual([3, expect.stringContaining("ANTHROPIC_API_KEY")]);
  expect(existsSync(join(dir.path, "none"))).toBe(false);
}, 60_000);

describe("a cron in words", () => {
  test.each([
    ["0 6 * * *", "every day at 06:00"],
    ["* * * * *", "every minute"],
    ["*/15 * * * *", "every 15 minutes"],
    ["*/7 * * * *", null],
    ["5 * * * *", "every hour at :05"],
    ["0 */6 * * *", "every 6 hours at :00"],
    ["0 */5 * * *", null],
    ["0 0 * * 1", "Mondays at 00:00"],
    ["0 0 * * 7", "Sundays at 00:00"],
    ["30 9 * * MON-FRI", "Mon to Fri at 09:30"],
    ["30 9 * * 1,3,5", "Mon, Wed and Fri at 09:30"],
    ["30 9 * * 1#2", null],
    ["0 0 1 * *", "the 1st of a month at 00:00"],
    ["0 0 1,15 * *", "the 1st and 15th of a month at 00:00"],
    ["0 0 22 * *", "the 22nd of a month at 00:00"],
    ["0 0 L * *", "the last day of a month at 00:00"],
    ["0 8 24 12 *", "24 Dec at 08:00"],
    ["0 0 1 * 1", null],
    ["0 9-17 * * *", null],
  ])("%s", (cron, words) => {
    expect(cronWords(cron)).toBe(words);
  });
});
