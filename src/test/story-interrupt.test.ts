/** Stories: a run that is interrupted, shared by two processes or cancelled from outside; the rehearsal server's log is the witness. */

import { expect, test } from "bun:test";
import { readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { goalResult, statusResult, type GoalResult } from "../domain/result.ts";
import type { LoggedRequest } from "../model/rehearsal/request-log.ts";
import { startRehearsal } from "../model/rehearsal/server.ts";
import { cli, command, ROOT, spawnCli, tempDir } from "./cli.ts";

const LATENCY_MS = 300;
/** So long that no answer comes before the test is over. */
const NEVER_MS = 60_000;
const LIMIT_MS = 60_000;
const { pipelines } = parse(readFileSync(join(ROOT, ".agents/pipelines.yaml"), "utf8")) as {
  pipelines: Record<string, { steps: object[] }>;
};
/** One after the other, so that there is always something left to do; long enough to be found at it. */
const IN_LINE =
  Object.entries(pipelines).find(([, { steps }]) => steps.length === 4 && !steps.some((step) => "parallel" in step))?.[0] ?? "";

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test.concurrent(
    `${signal} parks the goal, loses no answer, and resume repeats none`,
    async () => {
      await using it = await startScene(LATENCY_MS);
      const { run, goal } = await interrupted(it, signal, ["--json"]);
      const stopped = goalResult.parse(JSON.parse(run.stdout));
      expect(stopped).toMatchObject({ goal, status: "paused" });
      expect(run.stderr).toContain(`resume ${goal}`);
      expect(run.stderr).not.toContain("    at ");
      const answered = it.answered();
      expect(answered.length).toBeGreaterThan(0);
      expect(await settledCalls(it)).toBe(answered.length);

      const resumed = await it.cli(["resume", "last", "--json"]);
      expect([resumed.code, resumed.stderr]).toEqual([0, ""]);
      expect(goalResult.parse(JSON.parse(resumed.stdout))).toMatchObject({ goal, status: "completed" });
      expectEachOnce(it);
      expect(it.answered().length).toBeGreaterThan(answered.length);
      expect(await settledCalls(it)).toBe(it.answered().length);
    },
    LIMIT_MS,
  );
}

test.concurrent(
  "a second SIGINT stops at once, and the goal can still be resumed",
  async () => {
    await using it = await startScene(NEVER_MS);
    const run = it.start(["--pipeline", IN_LINE, "--json"]);
    await it.until(({ requests }) => requests.length > 0);
    run.kill("SIGINT");
    // It says that it heard the first one: only then is the other one the second.
    const stderr = await readUntil(run.stderr, "Stopping");
    const second = performance.now();
    run.kill("SIGINT");
    const [code, stdout] = await Promise.all([run.exited, new Response(run.stdout).text()]);
    expect(performance.now() - second).toBeLessThan(NEVER_MS / 6);
    expect(code).toBe(130);
    expect(stderr).not.toContain("    at ");
    const { goal, status } = goalResult.parse(JSON.parse(stdout));
    expect(status).toBe("paused");

    await using fast = startServer(join(it.folder, "fast.jsonl"), 0);
    const resumed = await it.cli(["resume", goal, "--json"], fast.url);
    expect(resumed.code).toBe(0);
    expect(goalResult.parse(JSON.parse(resumed.stdout))).toMatchObject({ goal, status: "completed" });
  },
  LIMIT_MS,
);

test.concurrent(
  "several processes on one goal share the work: no call is made twice, and a late one says who works",
  async () => {
    await using it = await startScene(LATENCY_MS);
    const { run, goal } = await interrupted(it, "SIGINT", []);
    // Without --json, the last lines say how to go on.
    expect(run.stdout).toContain(`resume ${goal}`);
    expect(run.stderr).toContain("Stopping");
    const before = it.requests().length;
    const both = [it.start(["resume", "last", "--json"]), it.start(["resume", "last", "--json"])];
    await it.until(({ requests }) => requests.length > before);
    const late = await it.alone(["resume", "last", "--json"]);
    expect([late.code, late.stderr]).toEqual([0, expect.stringMatching(/process \d+ .*works on this goal/i)]);
    expect(both.map((run) => String(run.pid))).toContain(/process (\d+)/i.exec(late.stderr)?.[1] ?? "");
    const ends = await Promise.all(
      both.map(async (run) => ({ code: await run.exited, stdout: await new Response(run.stdout).text() })),
    );
    for (const end of [...ends, late]) {
      expect(end.code).toBe(0);
      expect(goalResult.parse(JSON.parse(end.stdout))).toMatchObject({ goal, status: "completed" });
    }
    expectEachOnce(it);
    expect(await settledCalls(it)).toBe(it.answered().length);
  },
  LIMIT_MS,
);

test.concurrent(
  "cancel from another process ends the run soon, and nothing more is called",
  async () => {
    await using it = await startScene(NEVER_MS);
    const run = it.start(["--pipeline", IN_LINE, "--json"]);
    await it.until(({ requests }) => requests.length > 0);
    const cancelled = await it.cli(["cancel", "last", "--json"]);
    expect([cancelled.code, cancelled.stderr]).toEqual([0, ""]);
    const since = performance.now();
    const [code, stdout] = await Promise.all([run.exited, new Response(run.stdout).text()]);
    expect(performance.now() - since).toBeLessThan(NEVER_MS / 6);
    expect(code).toBe(1);
    expect(goalResult.parse(JSON.parse(stdout))).toMatchObject({ status: "cancelled" });
    expect(it.requests().length).toBe(1);
    const { goals } = statusResult.parse(JSON.parse((await it.cli(["status", "--json"])).stdout));
    expect(goals).toMatchObject([{ status: "cancelled" }]);
  },
  LIMIT_MS,
);

type Scene = Awaited<ReturnType<typeof startScene>>;

/** A workspace and a server of its own; the program takes the server for a real one. */
async function startScene(latencyMs: number) {
  const dir = await tempDir();
  const workspace = join(dir.path, "workspace");
  const server = startServer(join(dir.path, "calls.jsonl"), latencyMs);
  const options = (url: string) => ({ env: { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "any" }, cwd: dir.path });
  return {
    folder: dir.path,
    ...server,
    start: (args: readonly string[]) => spawnCli([...args, "--workspace", workspace], options(server.url)),
    /** In a process of its own: it need not wait for the commands of other stories. */
    alone: (args: readonly string[]) => cli([...args, "--workspace", workspace], options(server.url)),
    cli: (args: readonly string[], url = server.url) => command([...args, "--workspace", workspace], options(url)),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Starts a goal and interrupts it while a call is in flight and another has been answered. */
async function interrupted(it: Scene, signal: "SIGINT" | "SIGTERM", flags: readonly string[]) {
  const child = it.start(["--pipeline", IN_LINE, ...flags]);
  await it.until(({ requests, answered }) => answered.length > 0 && requests.length > answered.length);
  child.kill(signal);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect(code).toBe(130);
  const { goals } = statusResult.parse(JSON.parse((await it.cli(["status", "--json"])).stdout));
  expect(goals).toMatchObject([{ status: "paused" }]);
  return { run: { stdout, stderr }, goal: goals[0]?.goal ?? "" };
}

function expectEachOnce(it: Scene): void {
  const hashes = it.answered().map((line) => line.hash);
  expect(hashes.filter((hash, i) => hashes.indexOf(hash) !== i)).toEqual([]);
}

async function settledCalls(it: Scene): Promise<number> {
  const { calls } = JSON.parse((await it.cli(["show", "--calls", "--json"])).stdout) as {
    goal: GoalResult;
    calls: { state: string }[];
  };
  return calls.filter((call) => call.state === "settled").length;
}

type Log = { readonly requests: readonly LoggedRequest[]; readonly answered: readonly LoggedRequest[] };

/** The rehearsal server in this process, with the log that outlives the program. */
function startServer(log: string, latencyMs: number) {
  writeFileSync(log, "");
  const server = startRehearsal({ seed: 1, latencyMs, logFile: log });
  const read = (): Log => {
    const lines = readFileSync(log, "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as LoggedRequest);
    return {
      requests: lines.filter((line) => line.event === "request"),
      answered: lines.filter((line) => line.event === "answered" && line.status === 200),
    };
  };
  return {
    url: server.url,
    requests: () => read().requests,
    answered: () => read().answered,
    /** Resolves when the log says so; it looks whenever a line was added. */
    until: (wanted: (log: Log) => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!wanted(read())) return;
          watcher.close();
          resolve();
        };
        const watcher = watch(log, look);
        look();
      }),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** What a stream says up to and with a text. The rest stays unread. */
async function readUntil(stream: ReadableStream<Uint8Array>, text: string): Promise<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let said = "";
  while (!said.includes(text)) {
    const part = await reader.read();
    if (part.done) throw new Error(`it ended without "${text}": ${said}`);
    said += decoder.decode(part.value, { stream: true });
  }
  reader.releaseLock();
  return said;
}
