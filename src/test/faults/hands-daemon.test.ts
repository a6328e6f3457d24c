/** Story: a daemon whose tool servers do their worst goes on working, answers, stays small, and leaves nobody behind. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startRehearsal } from "../../model/rehearsal/server.ts";
import { LOCK_FILE } from "../../tools/lock.ts";
import { cli, tempDir } from "../cli.ts";
import { fileTruth } from "../daemon/places.ts";
import { pollUntil } from "../daemon/poll.ts";
import { startDaemonProcess } from "../daemon/program.ts";
import { post, TOKEN } from "../daemon/world.ts";
import { BAD_SERVER, leftOf, makeHandsTeam, runningOf, stepsOf, type ServerEntry } from "../hands-team.ts";

type Read = { server: string; tool: string; is_error: number; text: string };
/** Each mood is a server of its own, in the hands of one skill, whose brief uses the good server first and then this. */
const MOODS: Readonly<
  Record<string, { mode?: string; tool: string | null; skill: string; then: readonly [number, RegExp] | null }>
> = {
  crashes: { mode: "crash-at-start", tool: null, skill: "copy-editing", then: null },
  hangs: { mode: "hang-at-start", tool: null, skill: "copywriting", then: null },
  dies: { tool: "die", skill: "page-cro", then: [1, /There was no answer: it ended with exit code 7/] },
  talks: { tool: "huge", skill: "form-cro", then: [1, /There was no answer: it sent a message of more than 20 MB/] },
  floods: { mode: "flood", tool: "flood", skill: "seo-audit", then: [0, /^done$/] },
  // Its answer is not waited for: the daemon is stopped in the middle.
  sleeps: { tool: "hang", skill: "ab-test-setup", then: null },
};
const READS = { echo: "read", die: "read", huge: "read", flood: "read", hang: "read", change: "read" } as const;
/** A server that describes a tool in other words once it has been called: the work after that may not use it unasked. */
const TURNS = [
  { skill: "social-content", brief: "Write one page. First ask `turns__change`." },
  { skill: "email-sequence", brief: "Write one page. First ask `turns__echo`, then `good__echo`." },
] as const;
const MORE_MB = 200;

test("one good server among seven bad ones: the work is done, the door answers, and a stop in the middle of a call ends all of them", async () => {
  await using dir = await tempDir();
  const [root, workspace] = [join(dir.path, "team"), join(dir.path, "workspace")];
  const entry = (mode: string, skills: readonly string[]): ServerEntry => ({
    command: "bun",
    args: [BAD_SERVER, mode],
    env: { MARK: dir.path },
    actions: READS,
    skills,
  });
  const tools = {
    good: entry("normal", ["*"]),
    turns: entry(
      "normal",
      TURNS.map(({ skill }) => skill),
    ),
    ...Object.fromEntries(Object.entries(MOODS).map(([name, { mode = "normal", skill }]) => [name, entry(mode, [skill])])),
  };
  const brief = (mood: string, tool: string | null) =>
    `Write one page. First ask \`good__echo\`${tool === null ? "" : `, then \`${mood}__${tool}\``}.`;
  await makeHandsTeam(root, {
    tools,
    pipelines: Object.entries(MOODS)
      .map(([mood, { tool, skill }]) => stepsOf(mood, [{ skill, brief: brief(mood, tool) }]))
      .join("")
      // Two pieces of work, one after the other.
      .concat(stepsOf("turns", TURNS.slice(0, 1)), stepsOf("turned", TURNS.slice(1))),
    events: `events:\n${[...Object.keys(MOODS), "turns", "turned"]
      .map((mood) => `  ${mood}: { pipeline: ${mood}, cooldown: 0 }\n`)
      .join("")}`,
  });
  await mkdir(workspace);
  expect(await cli(["tools", "test", "good", "--workspace", workspace], { cwd: root })).toMatchObject({ code: 0, stderr: "" });
  // They are one program and list the same tools: what is accepted of one is accepted of all.
  const lock = JSON.parse(await readFile(join(root, LOCK_FILE), "utf8")) as { servers: Record<string, unknown> };
  for (const mood of [...Object.keys(MOODS), "turns"]) lock.servers[mood] = lock.servers["good"];
  await writeFile(join(root, LOCK_FILE), JSON.stringify(lock));

  const model = startRehearsal({ seed: 1, latencyMs: 0 });
  const { ask } = fileTruth(workspace);
  const daemon = startDaemonProcess({
    root,
    workspace,
    env: {
      ...{ ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "any", WEBHOOK_TOKEN: TOKEN },
      ...{ MAX_PARALLEL_AGENTS: "8", LOG_LEVEL: "info" },
    },
  });
  try {
    const url = (await daemon.ready) ?? "";
    const small = rssOf(daemon.pid, "VmRSS");
    for (const mood of Object.keys(MOODS))
      expect(await post(url, { id: mood, type: mood, data: {} })).toMatchObject({ body: { decision: "started" } });
    expect(await post(url, { id: "turns", type: "turns", data: {} })).toMatchObject({ body: { decision: "started" } });
    const done = async () => (await ask<{ n: number }>("select count(*) as n from goals where status = 'completed'"))[0]?.n;
    await pollUntil(
      "the server has turned",
      async () => (await ask("select 1 from tool_reads where tool = 'change'")).length > 0,
    );
    await post(url, { id: "turned", type: "turned", data: {} });
    let slowest = 0;
    await pollUntil(
      "all goals but the one that hangs are done",
      async () => {
        const began = performance.now();
        const health = (await (await fetch(`${url}/health`)).json()) as { ready: boolean };
        slowest = Math.max(slowest, performance.now() - began);
        expect(health).toMatchObject({ ready: true });
        return (await done()) === Object.keys(MOODS).length + 1;
      },
      { limitMs: 100_000, everyMs: 200, seen: () => daemon.stderr().slice(-2_000) },
    );
    expect(slowest).toBeLessThan(5_000);

    const reads = await ask<Read & { skill: string }>(
      "select r.server, r.tool, r.is_error, r.text, t.skill from tool_reads r join tasks t on t.id = r.subject",
    );
    for (const [mood, { skill, tool, then }] of Object.entries(MOODS)) {
      const own = reads.filter((read) => read.skill === skill);
      const good = own.filter((read) => read.server === "good");
      expect([mood, good.length > 0, good.every((read) => read.is_error === 0 && read.tool === "echo")]).toEqual([
        mood,
        true,
        true,
      ]);
      const bad = own.filter((read) => read.server === mood);
      expect([mood, [...new Set(bad.map((read) => read.tool))]]).toEqual([mood, then === null ? [] : [tool ?? ""]]);
      // A later version may find it restarting, or given up.
      if (then) expect([mood, bad[0]?.is_error, bad[0]?.text]).toEqual([mood, then[0], expect.stringMatching(then[1])]);
    }
    // What was a read before its words changed waits for a person now, and nothing else was asked for.
    const effects = await ask<{ server: string; tool: string; class: string; state: string }>(
      "select distinct server, tool, class, state from effects where state <> 'withdrawn'",
    );
    expect(effects).toEqual([{ server: "turns", tool: "echo", class: "read", state: "intent" }]);
    expect(reads.filter((read) => read.server === "turns").every((read) => read.tool === "change")).toBe(true);
    expect(reads.some((read) => read.skill === TURNS[1].skill && read.server === "good")).toBe(true);
    const log = daemon.stderr();
    expect(log).toMatch(/"server":"crashes".*it last wrote: fatal: the key none is not valid/);
    expect(log).toMatch(/"server":"hangs".*it did not start within 30 s/);
    // Neither the 100 MB nor the floods stay in memory, and none of it in the log.
    expect(rssOf(daemon.pid, "VmHWM") - small).toBeLessThan(MORE_MB);
    expect(log.length).toBeLessThan(1_000_000);
    expect(runningOf(dir.path).some((command) => command.includes("bad-server"))).toBe(true);

    // The first signal lets what is under way come to its end, the second does not wait for it.
    daemon.signal("SIGTERM");
    expect(await daemon.said("Stopping")).toBe(true);
    daemon.signal("SIGTERM");
    expect(await daemon.exited).toBe(0);
    expect(await leftOf(dir.path)).toEqual([]);
  } finally {
    if (daemon.alive()) daemon.signal("SIGKILL");
    await daemon.exited;
    await model.stop();
  }
}, 180_000);

/** In MB: what it has in memory now (VmRSS), or had at most (VmHWM). */
function rssOf(pid: number, what: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}
