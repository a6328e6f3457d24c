/** Story: evals through the real command line: offline without a key, live against a server that is taken for a real one, and from its recordings. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { evalsResult } from "../evals/report.ts";
import { startRehearsal, type Rehearsal } from "../model/rehearsal/server.ts";
import { command, lanes, tempDir } from "./cli.ts";
import { evalsRoot } from "./evals-root.ts";

const LIMIT_MS = 60_000;
const turn = lanes(3);
const story = (name: string, body: () => Promise<void>) => test(name, () => turn(body), LIMIT_MS);

let rehearsal: Rehearsal;
let foreign: ReturnType<typeof standIn>;
beforeAll(() => {
  rehearsal = startRehearsal({ seed: 1 });
  foreign = standIn(rehearsal.url);
});
afterAll(async () => {
  await foreign.stop(true);
  await rehearsal.stop();
});

/** A server that answers as the rehearsal does and does not say that it is one: it is taken for a real one. */
function standIn(behind: string) {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname !== "/v1/messages") return Response.json({ data: [] });
      return fetch(`${behind}${pathname}`, { method: "POST", headers: request.headers, body: await request.text() });
    },
  });
}

/** A team of its own with a workspace beside it. */
async function scene() {
  const root = await evalsRoot();
  const outside = await tempDir();
  const workspace = join(outside.path, "workspace");
  return {
    root: root.path,
    workspace,
    recordings: (skill: string) => join(root.path, ".agents/skills", skill, "evals/recordings"),
    run: (args: readonly string[], env: Record<string, string> = {}) =>
      command(["evals", ...args, "--workspace", workspace], { cwd: root.path, env }),
    async [Symbol.asyncDispose]() {
      await root[Symbol.asyncDispose]();
      await outside[Symbol.asyncDispose]();
    },
  };
}

const envOf = (url: string) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "any" });
const parse = (stdout: string) => evalsResult.parse(JSON.parse(stdout));

describe("without --live", () => {
  story("no key, no call, no store: the baseline has numbers, the rest says not run", async () => {
    await using at = await scene();
    const [json, text] = await Promise.all([at.run(["--json"]), at.run([])]);
    expect([json.code, json.stderr, text.code, text.stderr]).toEqual([0, "", 0, ""]);
    const { skills, without, routing, quality, live } = parse(json.stdout);
    expect([skills, without.length > 20, live]).toEqual([2, true, null]);
    expect(routing).toMatchObject({ requests: 4, nearMisses: 2, model: { score: null, counted: 0, notRun: 4 } });
    expect(routing?.lexical.score.all.of).toBe(4);
    expect(quality).toMatchObject({ overall: null, counted: 0, notRun: 3 });
    expect(text.stdout).toContain("not run");
    expect(text.stdout).toContain("no result: run `evals --live`");
    expect(text.stdout).toContain("Without evals, not measured:");
    expect(Math.max(...text.stdout.split("\n").map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(100);
    expect(existsSync(at.workspace)).toBe(false);
    expect(existsSync(at.recordings("copywriting"))).toBe(false);
  });

  story("--skill, --only and --limit choose", async () => {
    await using at = await scene();
    const one = parse((await at.run(["--skill", "copywriting", "--limit", "1", "--json"])).stdout);
    expect([one.routing?.requests, one.quality?.briefs, one.without]).toEqual([1, 1, []]);
    const routing = parse((await at.run(["--only", "routing", "--json"])).stdout);
    expect([routing.routing?.requests, routing.quality]).toEqual([4, null]);
    const quality = parse((await at.run(["--only", "quality", "--json"])).stdout);
    expect([quality.routing, quality.quality?.briefs]).toEqual([null, 3]);
  });
});

describe("live", () => {
  story(
    "quote, calls, recordings beside the evals; then the same numbers offline, without a key and without a call",
    async () => {
      await using at = await scene();
      const live = await at.run(["--live", "--budget", "20", "--json"], envOf(foreign.url.origin));
      expect([live.code, live.stderr]).toEqual([0, expect.stringMatching(/^Quote: at least 13 calls, \$\d.* likely \$\d/)]);
      const ran = parse(live.stdout);
      expect(ran.live).toMatchObject({ rehearsal: false, requests: 4, briefs: 3, failures: [], stopped: null, recordings: null });
      expect(ran.live?.spentUsd).toBeGreaterThan(0);
      expect(ran.routing?.model).toMatchObject({ counted: 4, notRun: 0, endpoints: [foreign.url.origin] });
      expect(ran.quality).toMatchObject({ counted: 3, overall: { with: { checks: { right: 6, of: 6 } } } });

      const calls = rehearsal.requests().length;
      const [json, text] = await Promise.all([at.run(["--json"]), at.run([])]);
      expect(json.code).toBe(0);
      expect(parse(json.stdout)).toEqual({ ...ran, live: null });
      expect(text.stdout).toContain("4 requests counted, recorded ");
      expect(text.stdout).toContain(`recorded at ${foreign.url.origin}, not at Anthropic's own address`);
      expect(Math.max(...text.stdout.split("\n").map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(100);
      const again = await at.run(["--live", "--budget", "20", "--json"], envOf(foreign.url.origin));
      expect([again.code, again.stderr]).toEqual([0, "Nothing to run: every recording fits.\n"]);
      expect(rehearsal.requests().length).toBe(calls);

      // It is spent like any money: the day's costs hold it.
      const costs = await command(["costs", "--json", "--workspace", at.workspace], { cwd: at.root });
      const { today } = JSON.parse(costs.stdout) as { today: { spentUsd: number } };
      expect(today.spentUsd).toBeCloseTo(ran.live?.spentUsd ?? -1, 6);

      const playbook = join(at.root, ".agents/skills/copywriting/SKILL.md");
      writeFileSync(playbook, `${await readFile(playbook, "utf8")}\nOne more line.\n`);
      const stale = parse((await at.run(["--json"])).stdout);
      expect(stale.quality).toMatchObject({ counted: 1, stale: 2 });
      expect(stale.quality?.skills.find((entry) => entry.skill === "copywriting")).toMatchObject({
        counted: 0,
        with: null,
        costUsd: null,
      });
      expect((await at.run([])).stdout).toContain("2 stale: not counted");
    },
  );

  story(
    "a rehearsal is marked, lies in the workspace, and is never counted: by its flag, and behind a foreign address",
    async () => {
      await using at = await scene();
      for (const [flags, env] of [
        [["--rehearse"], {}],
        [[], envOf(rehearsal.url)],
      ] as const) {
        const run = await at.run(["--live", ...flags, "--budget", "20", "--only", "routing", "--json"], env);
        expect(run.code).toBe(0);
        const { routing, live } = parse(run.stdout);
        expect(live).toMatchObject({ rehearsal: true, recordings: join(at.workspace, "evals-rehearsal") });
        expect(routing?.model).toMatchObject({ counted: 0, score: null, costUsd: null });
        expect(existsSync(at.recordings("copywriting"))).toBe(false);
        const file = join(at.workspace, "evals-rehearsal/copywriting/routing.json");
        expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ rehearsal: true });
        await Bun.file(file).delete();
        await Bun.file(join(at.workspace, "evals-rehearsal/copy-editing/routing.json")).delete();
      }
      const costs = await command(["costs", "--json", "--workspace", at.workspace], { cwd: at.root });
      expect(JSON.parse(costs.stdout)).toMatchObject({ today: { spentUsd: 0 } });
    },
  );

  story("a budget that is too small stops with what was done kept, exit 4, and goes on for the rest", async () => {
    await using at = await scene();
    const env = { ...envOf(foreign.url.origin), MAX_PARALLEL_AGENTS: "1" };
    const short = await at.run(["--live", "--budget", "0.22"], env);
    expect(short.code).toBe(4);
    expect(short.stdout).toContain("stopped: ");
    expect(short.stdout).toContain("goes on from here");
    const kept = readdirSync(at.recordings("copywriting"));
    expect(kept).toContain("routing.json");
    const rest = parse((await at.run(["--live", "--budget", "20", "--json"], env)).stdout);
    expect(rest.live?.requests).toBe(0);
    expect(rest.quality).toMatchObject({ counted: 3, notRun: 0 });
  });
});

describe("what is typed or written wrong", () => {
  for (const [name, args, env, code, ...said] of [
    ["--live without a key", ["--live", "--budget", "1"], {}, 3, "ANTHROPIC_API_KEY"],
    ["--live without a budget or a terminal", ["--live"], { ANTHROPIC_API_KEY: "any" }, 2, "Quote:", "--budget USD"],
    ["--budget without --live", ["--budget", "1"], {}, 2, "add --live"],
    ["--rehearse without --live", ["--rehearse"], {}, 2, "add --live"],
    ["a budget of nothing", ["--live", "--budget", "0"], {}, 2, "--budget"],
    ["an unknown part", ["--only", "speed"], {}, 2, "routing, quality"],
    ["an unknown skill", ["--skill", "copywritng"], {}, 2, 'did you mean "copywriting"?'],
    ["a skill without evals", ["--skill", "page-cro"], {}, 2, "has no evals"],
  ] as const)
    story(name, async () => {
      await using at = await scene();
      const run = await at.run(args, env);
      expect([run.code, run.stdout]).toEqual([code, ""]);
      for (const words of said) expect(run.stderr).toContain(words);
      expect(existsSync(at.workspace)).toBe(false);
    });

  story("a secret in a brief's file goes nowhere", async () => {
    await using at = await scene();
    writeFileSync(join(at.root, "notes/draft.md"), "Our key is sk-canary-987.");
    const env = { ANTHROPIC_API_KEY: "sk-canary-987", ANTHROPIC_BASE_URL: foreign.url.origin };
    const run = await at.run(["--live", "--budget", "1"], env);
    expect([run.code, run.stdout]).toEqual([2, ""]);
    expect(run.stderr).toContain("copy-editing/a-draft");
    expect(run.stderr).not.toContain("canary");
    expect(existsSync(at.workspace)).toBe(false);
  });

  story("bad data: every problem in one run, exit 3, no number", async () => {
    await using at = await scene();
    const folder = join(at.root, ".agents/skills/copywriting/evals");
    writeFileSync(join(folder, "routing.yaml"), "- ask: one\n  near: copy-edting\n- ask: one!\n");
    const run = await at.run(["--json"]);
    expect([run.code, run.stdout]).toEqual([3, ""]);
    expect(run.stderr).toContain('routing.yaml:2: item 1: unknown skill "copy-edting" (did you mean "copy-editing"?)');
    expect(run.stderr).toContain("routing.yaml:3: item 2: the same request stands in");
  });
});
