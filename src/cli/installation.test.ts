/** `validate`, `schedules`, `tools` and `doctor`: what they say of a sound and of a broken installation. */

import { describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nano } from "../domain/money.ts";
import { smallTeam } from "../skills/registry.fixture.ts";
import { command, ROOT, tempDir } from "../test/cli.ts";
import { capsCheck, endpointCheck, settingChecks, type Check } from "./doctor-checks.ts";
import { nextFirings, wallClock } from "./schedules.ts";

describe("validate", () => {
  test("the shipped team has no error", async () => {
    const { code, stdout } = await command(["validate", "--json"]);
    const result = JSON.parse(stdout) as { ok: boolean; counts: object };
    expect([code, result.ok]).toEqual([0, true]);
    expect(result.counts).toMatchObject({ skills: 26, errors: 0 });
  });

  test("every problem in one run, with file and line; exit 3, and no workspace is made", async () => {
    await using team = await smallTeam();
    await team.change(".agents/pipelines.yaml", "skill: writer", "skill: writr");
    await team.change(".agents/schedules.yaml", "0 6 * * *", "0 6 * *");
    const asJson = await command(["validate", "--json"], { cwd: team.root });
    const result = JSON.parse(asJson.stdout) as {
      ok: boolean;
      problems: { file: string; line: number; hint: string | null }[];
      counts: { errors: number };
    };
    expect([asJson.code, result.ok, result.counts.errors]).toEqual([3, false, 2]);
    expect(result.problems.map(({ file }) => file)).toEqual([".agents/pipelines.yaml", ".agents/schedules.yaml"]);
    expect(result.problems[0]?.hint).toContain("writer");
    const text = await command(["validate"], { cwd: team.root });
    expect(text.stdout).toContain(`.agents/pipelines.yaml:${result.problems[0]?.line}`);
    expect(text.stdout).toContain("2 errors");
    expect(existsSync(join(team.root, "workspace"))).toBe(false);
  });
});

describe("schedules", () => {
  test("two firings, on the clock of their zone through a change of summer time", async () => {
    const after = new Date("2026-10-24T12:00:00Z");
    const next = await nextFirings({ cron: "0 6 * * *", zone: "Europe/Berlin", enabled: true }, after);
    expect(next.map((at) => at.toISOString())).toEqual(["2026-10-25T05:00:00.000Z", "2026-10-26T05:00:00.000Z"]);
    expect(next.map((at) => wallClock(at, "Europe/Berlin"))).toEqual(["Sun 2026-10-25 06:00", "Mon 2026-10-26 06:00"]);
    expect(wallClock(new Date("2026-11-22T00:00:00Z"), "UTC")).toBe("Sun 2026-11-22 00:00");
  });

  test("one that is off fires nothing, and a faulty one is told and left out", async () => {
    await using team = await smallTeam();
    await team.write(
      ".agents/schedules.yaml",
      'schedules:\n  off: { cron: "0 6 * * *", pipeline: Look Back, enabled: false }\n  bad: { cron: "0 6 * *", pipeline: Look Back }\n',
    );
    const { code, stdout, stderr } = await command(["schedules", "--json"], { cwd: team.root });
    const result = JSON.parse(stdout) as { schedules: object[] };
    expect(code).toBe(0);
    expect(result.schedules).toHaveLength(1);
    expect(result.schedules[0]).toMatchObject({ name: "off", enabled: false, next: [] });
    expect(stderr).toContain("validate");
  });

  test("the text names the zone and the daemon", async () => {
    const { stdout } = await command(["schedules"], { env: { TZ: "America/New_York", WORKSPACE_DIR: "none-of-ours" } });
    expect(stdout).toContain("here (America/New_York)");
    expect(stdout).toContain("daemon");
  });
});

describe("tools", () => {
  test("who may use each, and why one is off", async () => {
    await using team = await smallTeam();
    await team.change("skills.yaml", "sections: [Text]", "sections: [Text], tools: [search]");
    await team.write(
      "tools.yaml",
      `mcpServers:
  console: { url: "https://x/\${HOST_NAME:-y}", headers: { Authorization: "Bearer \${CONSOLE_TOKEN}" }, role: search }
  named: { command: run, args: ["--key", "\${A_KEY}", "\${B_KEY}"], skills: [checker] }
  quiet: { command: run, enabled: false, skills: [checker] }
`,
    );
    type Row = { name: string; role: string | null; skills: string[]; on: boolean; reason: string | null };
    const rows = async () => {
      const { stdout } = await command(["tools", "--json"], { cwd: team.root });
      return (JSON.parse(stdout) as { tools: Row[] }).tools.map(({ name, role, skills, on, reason }) => ({
        ...{ name, role, skills, on, reason },
      }));
    };
    await team.write(".env", "CONSOLE_TOKEN=t\nB_KEY=\n");
    expect(await rows()).toEqual([
      { name: "console", role: "search", skills: ["writer"], on: true, reason: null },
      { name: "named", role: null, skills: ["checker"], on: false, reason: "${A_KEY} and ${B_KEY} are not set" },
      { name: "quiet", role: null, skills: ["checker"], on: false, reason: "enabled is false" },
    ]);
    await team.write(".env", "A_KEY=1\nB_KEY=2\n");
    expect((await rows()).map(({ name, on }) => [name, on])).toEqual([
      ["console", false],
      ["named", true],
      ["quiet", false],
    ]);
  });

  test("none: says what a skill without tools does", async () => {
    await using team = await smallTeam();
    expect((await command(["tools"], { cwd: team.root })).stdout).toContain("advises");
  });
});

describe("doctor", () => {
  type Result = { ok: boolean; checks: Check[] };
  const find = (result: Result, name: string) => result.checks.find((check) => check.name === name);

  test("makes neither a workspace nor a database, and nothing is broken without them", async () => {
    await using dir = await tempDir();
    const workspace = join(dir.path, "w");
    const { code, stdout } = await command(["doctor", "--json", "--workspace", workspace]);
    const result = JSON.parse(stdout) as Result;
    expect([code, result.ok]).toEqual([0, true]);
    expect(find(result, "key")?.state).toBe("warn");
    expect(find(result, "store")?.detail).toContain("nothing in it yet");
    expect(existsSync(workspace)).toBe(false);
    await mkdir(workspace);
    await command(["doctor", "--workspace", workspace]);
    expect(existsSync(join(workspace, ".marketeam"))).toBe(false);
  });

  test("a workspace that is a file is told, not stumbled over", async () => {
    await using dir = await tempDir();
    const workspace = join(dir.path, "w");
    await writeFile(workspace, "a file");
    const { code, stdout } = await command(["doctor", "--json", "--workspace", workspace]);
    expect([code, find(JSON.parse(stdout) as Result, "workspace")?.state]).toEqual([3, "fail"]);
  });

  test("a counter that is not the sum of its calls is broken; so is a damaged file", async () => {
    await using dir = await tempDir();
    const from = join(dir.path, "a.md");
    await writeFile(from, "## Pains\nNo-shows.\n");
    await command(["init", "--rehearse", "--from", from, "--workspace", dir.path]);
    const run = async () => {
      const { code, stdout } = await command(["doctor", "--json", "--workspace", dir.path]);
      return { code, result: JSON.parse(stdout) as Result };
    };
    const sound = await run();
    expect([sound.code, find(sound.result, "money")?.state, find(sound.result, "store")?.state]).toEqual([0, "ok", "ok"]);
    expect(find(sound.result, "product context")).toMatchObject({
      state: "warn",
      detail: expect.stringContaining("made in a rehearsal"),
    });
    const file = join(dir.path, ".marketeam/marketeam.db");
    {
      using store = new Database(file);
      store.run("update scopes set spent = spent + 1 where kind = 'goal'");
    }
    const off = await run();
    expect([off.code, find(off.result, "money")?.state]).toEqual([3, "fail"]);
    await writeFile(file, "this is no database, and long enough to be read as one".repeat(100));
    const damaged = await run();
    expect([damaged.code, find(damaged.result, "store")?.state]).toEqual([3, "fail"]);
  }, 30_000);

  test("settings that cannot be used are a finding, with the variable's name; secrets are never shown", async () => {
    const broken = await command(["doctor", "--json"], { env: { BUDGET_DAILY: "lots" } });
    expect([broken.code, find(JSON.parse(broken.stdout) as Result, "settings")?.detail]).toEqual([
      3,
      expect.stringContaining("BUDGET_DAILY"),
    ]);
    await using dir = await tempDir();
    const env = { ANTHROPIC_API_KEY: "sk-canary-1", ANTHROPIC_BASE_URL: "http://me:hunter2@127.0.0.1:1/x" };
    const { code, stdout, stderr } = await command(["doctor", "--workspace", dir.path], { env });
    expect(`${stdout}${stderr}`).not.toMatch(/sk-canary-1|hunter2/);
    expect(stdout).toContain("ANTHROPIC_API_KEY");
    expect([code, stdout]).toEqual([3, expect.stringContaining("http://127.0.0.1:1 cannot be reached")]);
  });

  test("an address that answers anything is reached; Anthropic's own is left alone", async () => {
    await using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(null, { status: 404 }) });
    expect(await endpointCheck(`http://127.0.0.1:${server.port}/v1`)).toMatchObject([
      { state: "ok", detail: expect.stringContaining("404") },
    ]);
    expect(await endpointCheck("https://api.anthropic.com")).toMatchObject([
      { state: "ok", detail: expect.stringContaining("not contacted") },
    ]);
    expect(await endpointCheck(null)).toEqual([]);
  });

  test("caps that let nothing through, or cannot be reached, are told", () => {
    const caps = { month: nano(50), day: nano(10), goal: nano(5), task: nano(2), call: nano(1) };
    expect(capsCheck(caps).state).toBe("ok");
    expect(capsCheck({ ...caps, call: 0 }).state).toBe("warn");
    expect(capsCheck({ ...caps, day: nano(60) }).state).toBe("warn");
  });

  test("a setting says where it came from", () => {
    expect(settingChecks([{ name: "LOG_LEVEL", value: "warn", origin: ".env", secret: false }])[0]?.detail).toBe("warn (.env)");
    expect(settingChecks([{ name: "DATABASE_URL", value: "(set)", origin: "environment", secret: true }])[0]?.detail).toBe(
      "set (environment)",
    );
  });

  test("the repository's own root is where its team lies", async () => {
    await using dir = await tempDir();
    const { stdout } = await command(["doctor", "--workspace", dir.path], { cwd: dir.path });
    expect(stdout).toContain(ROOT);
  });
});
