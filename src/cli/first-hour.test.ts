/** What people do in their first hour, right and wrong: each time they are told what to do next. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { command, tempDir } from "../test/cli.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir[Symbol.asyncDispose]());

test("a goal's files can be opened as they are printed, the next step is named, and a goal that ended says so", async () => {
  const here = { cwd: dir.path, env: { WORKSPACE_DIR: "mine" } };
  const run = await command(["--rehearse", "--pipeline", "Social Content", "Say hello to trial users"], here);
  expect(run.code).toBe(0);
  const paths = [...run.stdout.matchAll(/\bmine\/\S+\.md/g)].map(([path]) => path);
  expect(paths.map((path) => path.split("/")[1])).toEqual(["outputs", "goals"]);
  for (const path of paths) expect((await readFile(join(dir.path, path), "utf8")).length).toBeGreaterThan(100);
  expect(run.stdout).toEndWith("about it:\n  bun run start init\n");
  expect(run.stderr).toContain("`bun run start init`");

  const shown = await command(["show"], here);
  for (const path of paths) expect(shown.stdout).toContain(path);
  const id = /goal_\w+/.exec(run.stderr)?.[0] ?? "";

  const again = await command(["resume", "--rehearse"], here);
  expect(again.code).toBe(0);
  expect(again.stderr).toBe(`${id} has ended already (completed): there is nothing to go on with. This is what it came to.\n`);
  expect(again.stdout).toBe(run.stdout);
  expect(await command(["resume"], here)).toEqual(again);

  // With a product context nobody is sent to make one.
  expect((await command(["init", "--rehearse", "--from", join(import.meta.dir, "../../README.md")], here)).code).toBe(0);
  const informed = await command(["--rehearse", "--pipeline", "Social Content", "Say hello to trial users"], here);
  expect(informed.code).toBe(0);
  expect(informed.stdout + informed.stderr).not.toContain("start init");
}, 60_000);

test("a rehearsal that waits goes on as one, also where nobody says so again", async () => {
  const here = { cwd: dir.path, env: { WORKSPACE_DIR: "waits" } };
  const stopped = await command(["--rehearse", "--budget", "0.01", "--pipeline", "Social Content", "Say hello"], here);
  expect(stopped.code).toBe(4);
  const resumed = await command(["resume", "last", "--allow", "5"], here);
  expect([resumed.code, resumed.stderr.includes("ANTHROPIC_API_KEY")]).toEqual([0, false]);
  expect(resumed.stdout).toContain("Rehearsal: nothing was spent");
}, 60_000);

test("one word is no goal, unless a pipeline takes it as its brief or it holds a sentence", async () => {
  for (const word of ["list", "Growth", "sign-ups"]) {
    const run = await command(["--rehearse", word], { cwd: dir.path, env: { WORKSPACE_DIR: word } });
    expect([run.code, run.stdout]).toEqual([2, ""]);
    expect(run.stderr).toStartWith(`error: "${word}" is no command, and one word is too little for a goal\n  say in a sentence`);
    expect(existsSync(join(dir.path, word))).toBe(false);
  }
  for (const words of [["--pipeline", "Social Content", "Growth"], ["提高注册转化率"]])
    expect((await command(["--rehearse", "--dry-run", ...words], { env: { WORKSPACE_DIR: join(dir.path, "w") } })).code).toBe(0);
}, 60_000);

test("what commander refuses says what to do too", async () => {
  const refused = async (...args: string[]) => (await command(args, { cwd: dir.path })).stderr;
  expect(await refused("approve")).toBe(
    "error: missing required argument 'id'\n  for example: bun run start approve ask_01k9 --version 2 (or --help)\n  ids: bun run start approvals\n",
  );
  expect(await refused("notify")).toContain("\n  for example: bun run start notify test (or --help)\n");
  expect(await refused("status", "--jsn")).toContain("(Did you mean --json?)\n  for example: bun run start status --json");
  expect(await refused("--budget", "abc", "More trial users")).toBe(
    "error: option '--budget <usd>' argument 'abc' is invalid. --budget must be a number above 0.\n",
  );
});
