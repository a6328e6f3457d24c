/** A team at work for the benchmarks: the real application on a fresh workspace, the rehearsal server in a process of its own. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootstrap, type Application } from "../src/bootstrap.ts";
import { loadConfig, PACKAGE_ROOT } from "../src/config.ts";
import type { Plan } from "../src/domain/plan.ts";
import type { LoggedRequest } from "../src/model/rehearsal/request-log.ts";
import { acceptGoal } from "../src/work/accept.ts";
import { runGoal } from "../src/work/run-goal.ts";

export const CLI = join(PACKAGE_ROOT, "src/cli.ts");
export const GOAL = "Increase signup conversion by 20%";

export type Server = AsyncDisposable & { readonly url: string; requests(): LoggedRequest[] };

/** The rehearsal server as a process of its own, as a person starts it, so that it takes no time of ours. Its log is a file. */
export async function startServer(options: { latencyMs: number }): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "bench-server-"));
  const log = join(folder, "log.jsonl");
  const command = [process.execPath, CLI, "rehearsal", "--port", "0", "--latency", String(options.latencyMs), "--log", log];
  const child = Bun.spawn(command, { stdout: "ignore", stderr: "pipe" });
  const said = new TextDecoder().decode((await child.stderr.getReader().read()).value);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
  if (url === undefined) throw new Error(`the rehearsal did not start: ${said}`);
  return {
    url,
    requests: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as LoggedRequest),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type BenchTeam = AsyncDisposable & {
  readonly app: Application;
  readonly workspace: string;
  /** Takes a goal in and sees it through. `text` is planned by the model, unless a plan is given. */
  run(text: string, plan?: Plan): Promise<{ id: string; ms: number }>;
};

/** The application on a fresh workspace, talking to `url` with caps that no benchmark meets. */
export async function openTeam(url: string, options: { concurrency: number }): Promise<BenchTeam> {
  const workspace = mkdtempSync(join(tmpdir(), "bench-workspace-"));
  const config = loadConfig({
    env: { ANTHROPIC_API_KEY: "bench", ANTHROPIC_BASE_URL: url, LOG_LEVEL: "error", BUDGET_MONTHLY: "1000000" },
    cwd: PACKAGE_ROOT,
    workspace,
    concurrency: options.concurrency,
  });
  const app = await bootstrap({ config, rehearse: null, interactive: false });
  const never = new AbortController().signal;
  const presence = await app.presence();
  return {
    app,
    workspace,
    async run(text, plan) {
      const work = { text, category: null, source: "bench", priority: "P1", cap: config.caps.goal, rehearsal: true } as const;
      const began = performance.now();
      const id = await acceptGoal(app.team, { ...work, plan: plan ?? null });
      const goal = await runGoal(
        {
          team: app.team,
          queue: app.queue,
          presence,
          concurrency: config.concurrency,
          stop: never,
          abort: never,
          drainMs: 0,
          refuseCalls: () => app.journal.refuseNew(),
        },
        id,
      );
      if (goal.status !== "completed") throw new Error(`the goal is ${goal.status}: ${goal.reason}`);
      return { id, ms: performance.now() - began };
    },
    async [Symbol.asyncDispose]() {
      await app.shutdown();
      rmSync(workspace, { recursive: true, force: true });
    },
  };
}
