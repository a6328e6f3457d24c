/** Stories: every flag of a run does what its help says, through the real command line. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import type { StoredEvent } from "../domain/event.ts";
import { goalResult, type GoalResult } from "../domain/result.ts";
import type { LoggedRequest } from "../model/rehearsal/request-log.ts";
import { startRehearsal } from "../model/rehearsal/server.ts";
import { cli, command, lanes, ROOT, spawnCli, tempDir, type CliOptions } from "./cli.ts";

const GOAL = "Increase signup conversion by 20%";
const turn = lanes(3);
/** Each has a workspace of its own, so that several can run side by side. */
const story = (name: string, body: () => Promise<void>) => test.concurrent(name, () => turn(body), 60_000);
const { pipelines } = parse(readFileSync(join(ROOT, ".agents/pipelines.yaml"), "utf8")) as {
  pipelines: Record<string, { steps: object[] }>;
};
const BY_LENGTH = Object.entries(pipelines).toSorted((a, b) => a[1].steps.length - b[1].steps.length);
/** The one with the fewest steps, where a run only has to be a run. */
const SHORT = BY_LENGTH[0]?.[0] ?? "";
const IN_LINE = BY_LENGTH.find(([, { steps }]) => steps.length > 2 && !steps.some((step) => "parallel" in step))?.[0] ?? "";
const WIDE = Object.entries(pipelines).find(([, { steps }]) => steps.some((step) => "parallel" in step))?.[0] ?? "";

describe("--dry-run", () => {
  story("shows a plan and a quote without a key, and writes nothing but its planning call", async () => {
    await using dir = await tempDir();
    await rehearse(dir.path, ["--pipeline", SHORT]);
    const before = { files: await files(dir.path), rows: rows(dir.path) };
    const result = await rehearse(dir.path, ["--dry-run", GOAL]);
    expect(result).toMatchObject({ status: "planned", rehearsal: true, tasks: [], report: null });
    expectQuote(result);
    expect(await files(dir.path)).toEqual(before.files);
    const after = rows(dir.path);
    // A call is a row, its hold and its answer in the counters, and the two events that tell of it.
    const { calls, events, scopes, sqlite_sequence: _counter, ...rest } = after;
    const {
      calls: callsBefore = [],
      events: eventsBefore = [],
      scopes: _scopes,
      sqlite_sequence: _,
      ...restBefore
    } = before.rows;
    expect(rest).toEqual(restBefore);
    expect(calls?.slice(0, callsBefore.length)).toEqual(callsBefore);
    expect(calls?.slice(callsBefore.length).map((row) => [row.goal_id, row.step, row.state])).toEqual([
      [result.goal, "plan", "settled"],
    ]);
    expect(events?.slice(0, eventsBefore.length)).toEqual(eventsBefore);
    expect(events?.slice(eventsBefore.length).map((row) => row.type)).toEqual(["call.held", "call.settled"]);
    expect(scopes?.filter((row) => row.kind === "goal").map((row) => row.id)).toContain(result.goal);
  });

  story("with --pipeline makes no call and writes nothing at all, with or without a workspace", async () => {
    await using dir = await tempDir();
    const none = join(dir.path, "none");
    const result = await rehearse(none, ["--dry-run", "--pipeline", WIDE, "A brief"]);
    expect(result).toMatchObject({ status: "planned", tasks: [], costUsd: 0 });
    expectQuote(result);
    expect(existsSync(none)).toBe(false);
    // The plan is written down: neither a key nor a rehearsal is needed to see it.
    const real = await ran(["--dry-run", "--pipeline", WIDE, "--json", "--workspace", none]);
    expect(goalResult.parse(JSON.parse(real.stdout))).toMatchObject({ status: "planned", rehearsal: false });
    expect(existsSync(none)).toBe(false);

    await rehearse(dir.path, ["--pipeline", SHORT]);
    const before = { files: await files(dir.path), rows: rows(dir.path) };
    await rehearse(dir.path, ["--dry-run", "--pipeline", WIDE, "A brief"]);
    expect({ files: await files(dir.path), rows: rows(dir.path) }).toEqual(before);
  });

  story("as text: phases with what they cost, and what it did not do", async () => {
    await using dir = await tempDir();
    const { stdout } = await ran(["--dry-run", "--rehearse", "--workspace", dir.path, GOAL]);
    expect(stdout).toMatch(/\$\d[\d.]* to \$\d/);
    expect(stdout).toContain("Quote: likely $");
    expect(stdout).toContain("nothing was executed");
    expect(stdout).toContain("Rehearsal");
  });
});

describe("--budget and --priority", () => {
  story("a tiny budget stops with a question, is never passed, and `resume --allow` completes the goal", async () => {
    await using dir = await tempDir();
    const rich = join(dir.path, "rich");
    const workspace = join(dir.path, "tight");
    const args = ["--rehearse", "--concurrency", "1", "--priority", "P0", "--json", "--pipeline", IN_LINE];
    await ran([...args, "--workspace", rich]);
    // The same run again, with a little less than what it once needed at the same time.
    const cap = Math.floor(mostTaken(await eventsOf(rich)) / 1e7 - 1) / 100;
    const run = await command([...args, "--budget", String(cap), "--workspace", workspace]);
    expect(run.code).toBe(4);
    const stopped = goalResult.parse(JSON.parse(run.stdout));
    expect(stopped.status).toBe("paused");
    const asked = JSON.parse((await ran(["approvals", "--json", "--workspace", workspace])).stdout) as { approvals: object[] };
    expect(asked.approvals).toMatchObject([{ kind: "budget", goal: stopped.goal }]);
    const events = await eventsOf(workspace);
    expect(events[0]).toMatchObject({ type: "goal.accepted", priority: "P0" });
    const most = mostTaken(events);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(cap * 1e9);
    expect(stopped.costUsd).toBeLessThanOrEqual(cap);

    const again = await command(["resume", "last", "--rehearse", "--workspace", workspace]);
    expect([again.code, again.stdout]).toEqual([4, expect.stringContaining("--allow")]);
    const resumed = await rehearse(workspace, ["resume", "last", "--allow", "20"]);
    expect(resumed).toMatchObject({ goal: stopped.goal, status: "completed" });
    expect(mostTaken(await eventsOf(workspace))).toBeLessThanOrEqual((cap + 20) * 1e9);
    expect(await readFile(join(workspace, resumed.report ?? ""), "utf8")).toContain("priority: P0\n");
  });
});

story("--events: every line on stdout is an event, in order, and the goal's end is told once", async () => {
  await using dir = await tempDir();
  const { stdout } = await ran(["--events", "--rehearse", "--workspace", dir.path, "--pipeline", SHORT], {}, cli);
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as StoredEvent);
  expect(events.length).toBeGreaterThan(8);
  for (const [i, event] of events.entries()) {
    expect(event.type).toBeString();
    expect(event.rehearsal).toBe(true);
    expect(event.seq).toBeGreaterThan(events[i - 1]?.seq ?? 0);
  }
  const ends = events.filter((event) => event.type === "goal.completed");
  expect(ends.length).toBe(1);
  expect(events.indexOf(ends[0]!)).toBeGreaterThanOrEqual(events.length - 3);
  // What the stream told is what the store kept.
  const kept = await eventsOf(dir.path);
  expect(kept.slice(-events.length).map((event) => [event.seq, event.type])).toEqual(
    events.map((event) => [event.seq, event.type]),
  );
});

describe("a foreign server by ANTHROPIC_BASE_URL", () => {
  story("is worked with like the real one, and --concurrency limits the calls in flight", async () => {
    await using dir = await tempDir();
    await using server = await startServer(join(dir.path, "calls.jsonl"), ["--latency", "40"]);
    const env = { ANTHROPIC_BASE_URL: server.url, ANTHROPIC_API_KEY: "any-key-at-all" };
    const workspace = join(dir.path, "workspace");
    const one = await real(workspace, ["--concurrency", "1", "--pipeline", WIDE], { env });
    expect(one).toMatchObject({ status: "completed", rehearsal: false });
    const narrow = server.requests();
    expect(narrow.length).toBeGreaterThan(5);
    expect(Math.max(...narrow.map((line) => line.inFlight))).toBe(1);

    const eight = await real(workspace, ["--concurrency", "8", "--pipeline", WIDE], { env });
    expect(eight.status).toBe("completed");
    const wide = server.requests().slice(narrow.length);
    expect(Math.max(...wide.map((line) => line.inFlight))).toBeGreaterThan(1);

    // Real work: it counts against the day and the month, and no document calls itself a rehearsal's.
    const costs = JSON.parse((await ran(["costs", "--json", "--workspace", workspace])).stdout) as {
      today: { spentUsd: number };
    };
    expect(costs.today.spentUsd).toBeCloseTo(one.costUsd + eight.costUsd, 4);
    expect(await readFile(join(workspace, one.report ?? ""), "utf8")).toContain("rehearsal: false\n");
    const capped = await command(["--pipeline", WIDE, "--json", "--workspace", workspace], {
      env: { ...env, BUDGET_MONTHLY: "0.01" },
    });
    expect(capped.code).toBe(4);
  });
});

describe("where the workspace is", () => {
  story("--workspace before WORKSPACE_DIR before .env", async () => {
    await using dir = await tempDir();
    writeFileSync(join(dir.path, ".env"), "WORKSPACE_DIR=from-env-file\n");
    const [file, variable, flag] = ["from-env-file", "from-variable", "from-flag"];
    const args = ["--rehearse", "--json", "--pipeline", SHORT];
    const env = { WORKSPACE_DIR: variable };
    const runs = [
      await ran(args, { cwd: dir.path }),
      await ran(args, { cwd: dir.path, env }),
      await ran([...args, "--workspace", flag], { cwd: dir.path, env }),
    ];
    const found = runs.map((run) => goalResult.parse(JSON.parse(run.stdout)).workspace);
    expect(found).toEqual([file, variable, flag].map((name) => join(dir.path, name)));
    for (const place of found) expect(existsSync(join(place, ".marketeam/marketeam.db"))).toBe(true);
  });

  story("a key in .env is a key", async () => {
    await using dir = await tempDir();
    const server = startRehearsal({ seed: 1 });
    await using _ = { [Symbol.asyncDispose]: () => server.stop() };
    writeFileSync(join(dir.path, ".env"), `ANTHROPIC_API_KEY=any\nANTHROPIC_BASE_URL=${server.url}\n`);
    const result = await real(join(dir.path, "workspace"), ["--dry-run", GOAL], { cwd: dir.path });
    expect(result).toMatchObject({ status: "planned", rehearsal: false });
    expect(server.requests().filter((line) => line.event === "request").length).toBe(1);
  });
});

story("without a key: exit 3 and one error that names the variable and the rehearsal", async () => {
  await using dir = await tempDir();
  const workspace = join(dir.path, "none");
  const run = await cli([GOAL, "--workspace", workspace], { cwd: dir.path });
  expect(run.code).toBe(3);
  expect(run.stdout).toBe("");
  expect(run.stderr).toContain("ANTHROPIC_API_KEY");
  expect(run.stderr).toContain("--rehearse");
  expect(run.stderr.match(/error/g)?.length).toBe(1);
  expect(existsSync(workspace)).toBe(false);
});

story("--confirm without a terminal asks nobody and starts nothing", async () => {
  await using dir = await tempDir();
  const workspace = join(dir.path, "none");
  const run = await cli([GOAL, "--confirm", "--rehearse", "--workspace", workspace], { stdin: "y\n" });
  expect(run.code).toBe(2);
  expect(run.stderr).toContain("terminal");
  expect(existsSync(workspace)).toBe(false);
});

story("through pipes there are no escape codes, with and without NO_COLOR", async () => {
  await using dir = await tempDir();
  for (const env of [{ TERM: "xterm-256color" }, { NO_COLOR: "1", FORCE_COLOR: "1" }]) {
    const workspace = join(dir.path, String(Object.keys(env).length));
    for (const args of [["--rehearse", "--pipeline", SHORT], ["status"], ["show"]]) {
      const { stdout, stderr } = await ran([...args, "--workspace", workspace], { env }, cli);
      expect(stdout).not.toBe("");
      expect(stdout + stderr).not.toContain("\x1b");
    }
  }
});

describe("help", () => {
  story("--version prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect((await ran(["--version"])).stdout).toBe(`${version}\n`);
  });

  story("--help names every command and every flag of a run, and each command's help has an example", async () => {
    const { stdout } = await ran(["--help"]);
    const commands = [...(/\nTo begin:\n([^]*?)\nExamples/.exec(stdout)?.[1] ?? "").matchAll(/^ {2}([a-z]+)/gm)].map(
      (match) => match[1] ?? "",
    );
    const wanted =
      "status show resume cancel approvals approve reject costs learnings schedules events tools validate doctor init export";
    for (const name of wanted.split(" ")) expect(commands).toContain(name);
    for (const flag of "pipeline dry-run priority budget confirm category json events workspace rehearse concurrency help version".split(
      " ",
    ))
      expect(stdout).toContain(`--${flag}`);
    const helps = await Promise.all(commands.filter((name) => name !== "help").map((name) => ran([name, "--help"])));
    for (const [i, help] of helps.entries()) {
      expect(help.stdout).toContain("Example");
      expect(help.stdout).toContain(`marketeam ${commands.filter((name) => name !== "help")[i]}`);
      expect(help.stderr).toBe("");
    }
  });
});

async function rehearse(workspace: string, args: readonly string[]): Promise<GoalResult> {
  return real(workspace, [...args, "--rehearse"], {});
}

async function real(workspace: string, args: readonly string[], options: CliOptions): Promise<GoalResult> {
  return goalResult.parse(JSON.parse((await ran([...args, "--json", "--workspace", workspace], options)).stdout));
}

async function ran(args: readonly string[], options: CliOptions = {}, as: typeof command = command) {
  const run = await as(args, options);
  if (run.code !== 0) throw new Error(`exit ${run.code} of ${args.join(" ")}\n${run.stderr}\n${run.stdout}`);
  return run;
}

async function eventsOf(workspace: string): Promise<StoredEvent[]> {
  const { stdout } = await ran(["events", "--json", "--limit", "10000", "--workspace", workspace]);
  return (JSON.parse(stdout) as { events: StoredEvent[] }).events;
}

/** The most that was ever spent and held at the same time, in nano-dollars, as the events tell it. */
function mostTaken(events: readonly StoredEvent[]): number {
  let [spent, most] = [0, 0];
  const held = new Map<string, number>();
  for (const event of events) {
    if (event.type === "call.held") held.set(event.callId, event.hold);
    if (event.type === "call.settled") {
      held.delete(event.callId);
      spent += event.cost;
    }
    most = Math.max(
      most,
      [...held.values()].reduce((sum, hold) => sum + hold, spent),
    );
  }
  return most;
}

function expectQuote(result: GoalResult): void {
  const { quote } = result;
  if (quote === null) throw new Error("there is no quote");
  const names = result.plan.phases.map((phase) => phase.name);
  for (const name of names) expect(quote.phases.map((phase) => phase.name)).toContain(name);
  for (const band of [quote, ...quote.phases]) {
    expect(band.low).toBeGreaterThan(0);
    expect(band.low).toBeLessThanOrEqual(band.likely);
    expect(band.likely).toBeLessThanOrEqual(band.high);
  }
  // The whole is the phases and the closing report.
  for (const part of ["low", "likely", "high"] as const)
    expect(quote[part]).toBeGreaterThan(quote.phases.reduce((sum, phase) => sum + phase[part], 0));
}

/** Every file of the workspace with its bytes, but the database's own. */
async function files(workspace: string): Promise<Record<string, string>> {
  await mkdir(workspace, { recursive: true });
  const entries = await readdir(workspace, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith(".marketeam"));
  const texts = await Promise.all(
    found.map(
      async (entry) =>
        [
          join(entry.parentPath, entry.name).slice(workspace.length),
          await readFile(join(entry.parentPath, entry.name), "utf8"),
        ] as const,
    ),
  );
  return Object.fromEntries(texts.toSorted((a, b) => (a[0] < b[0] ? -1 : 1)));
}

/** Every row of every table. */
function rows(workspace: string): Record<string, Record<string, unknown>[]> {
  using database = new Database(join(workspace, ".marketeam/marketeam.db"), { readonly: true });
  const tables = database.query<{ name: string }, []>("select name from sqlite_master where type = 'table' order by name").all();
  return Object.fromEntries(
    tables.map(({ name }) => [name, database.query<Record<string, unknown>, []>(`select * from "${name}" order by rowid`).all()]),
  );
}

/** The rehearsal server as a process of its own, and what it was asked so far. */
async function startServer(log: string, args: readonly string[]) {
  const child = spawnCli(["rehearsal", "--port", "0", "--log", log, ...args]);
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  let url: string | undefined;
  while ((url = /http:\/\/[\d.]+:\d+/.exec(said)?.[0]) === undefined) {
    const part = await reader.read();
    if (part.done) throw new Error(`the rehearsal server did not start: ${said}`);
    said += part.value;
  }
  return {
    url,
    requests: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as LoggedRequest)
        .filter((line) => line.event === "request"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
