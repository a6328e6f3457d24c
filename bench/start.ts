/** What a command costs before and beside its work: whole processes, beside an empty Bun program, in turn. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sample, type Figure } from "./figure.ts";
import { CLI, GOAL, openTeam, startServer } from "./team.ts";
import { openStore } from "../src/bootstrap/store.ts";
import { loadConfig, PACKAGE_ROOT } from "../src/config.ts";
import { silentLog } from "../src/log/log.ts";
import { listEvents } from "../src/store/events.ts";

const RUNS = 25;
const GOALS = 7;

type Bar = NonNullable<Figure["bar"]>;

export async function start(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-start-"));
  await using server = await startServer({ latencyMs: 0 });
  // A workspace with a goal in it, left by a team that is gone.
  await using team = await openTeam(server.url, { concurrency: 4 });
  await team.run(GOAL);
  try {
    const empty = join(folder, "empty.ts");
    await Bun.write(empty, "");
    const compared = (what: string, args: readonly string[], bar?: Bar): Figure => {
      const [ours, bare]: [Timed[], Timed[]] = [[], []];
      for (let run = 0; run < RUNS + 1; run++) {
        const times = [timed([CLI, ...args], team.workspace), timed([empty], team.workspace)] as const;
        // The first pair fills the disk's cache.
        if (run > 0) [ours, bare].forEach((list, i) => list.push(times[i] ?? times[0]));
      }
      const wall = (list: readonly Timed[]) => sample(list.map((run) => run.ms));
      const note = `${Math.round(sample(ours.map((run) => run.cpuMs)).median)} ms of processor time`;
      const base = { what: "an empty Bun program", value: wall(bare) };
      return {
        key: what.split(" ")[0]?.replace(/^-+/, "") ?? "",
        what: `\`${what}\``,
        unit: "ms",
        value: wall(ours),
        base,
        note,
        ...(bar ? { bar } : {}),
      };
    };
    const figures = [
      compared("--help", ["--help"], { of: "over base", atMost: 60, from: "promise" }),
      compared("--version", ["--version"]),
      compared("status --json", ["status", "--json"]),
      // What the shell asks while somebody types: a tenth of a second is felt as at once.
      compared("complete ids", ["complete", "--", "show", ""], { of: "value", atMost: 100, from: "promise" }),
      compared("--dry-run --rehearse", ["--dry-run", "--rehearse", GOAL]),
    ];
    return [...figures, await untilSaved(folder)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function environment(workspace: string): Record<string, string | undefined> {
  return { ...process.env, WORKSPACE_DIR: workspace, NO_COLOR: "1" };
}

type Timed = { readonly ms: number; readonly cpuMs: number };

function timed(args: readonly string[], workspace: string): Timed {
  const began = performance.now();
  const run = Bun.spawnSync([process.execPath, ...args], { cwd: PACKAGE_ROOT, env: environment(workspace), stdout: "ignore" });
  if (!run.success) throw new Error(`${args.join(" ")} failed: ${run.stderr.toString()}`);
  return { ms: performance.now() - began, cpuMs: Number(run.resourceUsage.cpuTime.total) / 1000 };
}

/** From the start of the process to the event of the saved goal, on a new workspace each time. */
async function untilSaved(folder: string): Promise<Figure> {
  const times: number[] = [];
  for (let run = 0; run < GOALS; run++) {
    const workspace = join(folder, `workspace-${run}`);
    const began = Date.now();
    timed([CLI, "--rehearse", "--json", GOAL], workspace);
    const config = loadConfig({ env: {}, cwd: PACKAGE_ROOT, workspace });
    const store = await openStore(config, { now: Date.now, log: silentLog, reached() {} });
    const accepted = (await store.read((read) => listEvents(read, {}))).find((event) => event.type === "goal.accepted");
    await store.close();
    if (!accepted) throw new Error("the goal was not saved");
    times.push(accepted.at - began);
  }
  return {
    key: "saved",
    what: "start-up: process started → goal saved, new workspace, `--rehearse`",
    unit: "ms",
    value: sample(times),
    bar: { of: "value", atMost: 300, from: "promise" },
  };
}
