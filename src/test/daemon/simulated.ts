/** The daemon as it is composed, in this process, on a clock that the test moves; the model is a rehearsal server behind a meter. */

import { Database } from "bun:sqlite";
import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { bootstrap, loadTeam, type Application } from "../../bootstrap.ts";
import { loadConfig } from "../../config.ts";
import { daemonSettings, openDaemon } from "../../daemon.ts";
import { startRehearsal, type Rehearsal } from "../../model/rehearsal/server.ts";
import { DATABASE } from "../kill/books.ts";
import { ROOT, tempDir } from "../cli.ts";
import { readDaemonBooks, sqliteAsk, type Ask, type DaemonBooks } from "./books.ts";
import { simulateClock } from "./clock.ts";
import { startMeter, type Meter, type Output } from "./meter.ts";
import { makeTeam, type TeamFiles } from "./root.ts";

export type Simulated = AsyncDisposable & {
  readonly app: Application;
  readonly model: Rehearsal;
  readonly meter: Meter;
  readonly ask: Ask;
  /** The door's address. */
  readonly url: string;
  books(): Promise<DaemonBooks>;
  /** Model requests of any kind that arrived so far. */
  requests(): number;
  now(): number;
  /** Until then (UTC ms), in such steps; after each, all work is done that can be done. */
  until(to: number, stepMs: number): Promise<void>;
  /** SIGTERM, as the daemon hears it; resolves when it is at rest. */
  stop(): Promise<void>;
};

/** At least so many look around by themselves: the worker, the presence, and the daemon's parts. */
const LOOKERS = 9;

export type SimulatedOptions = {
  /** UTC ms. */
  readonly start: number;
  /** The shipped schedules, events and notices where not given. */
  readonly files?: TeamFiles;
  readonly env?: Readonly<Record<string, string>>;
  /** What an answer is said to have used, in tokens, instead of what it did. */
  readonly output?: Output;
};

export async function simulate({ start, files = {}, env = {}, output }: SimulatedOptions): Promise<Simulated> {
  const dir = await tempDir();
  const [root, workspace] = [join(dir.path, "team"), join(dir.path, "workspace")];
  const shipped = (name: string) => readFile(join(ROOT, ".agents", name), "utf8");
  await makeTeam(root, { schedules: await shipped("schedules.yaml"), notify: await shipped("notify.yaml"), ...files });
  await mkdir(join(workspace, "context"), { recursive: true });
  await cp(join(ROOT, "examples/umami/product-marketing-context.md"), join(workspace, "context/product-marketing-context.md"));
  const model = startRehearsal({ seed: 1 });
  const meter = startMeter(model.url, output);
  const clock = simulateClock(start);
  const stop = new AbortController();
  try {
    const settings = { ANTHROPIC_BASE_URL: meter.url, ANTHROPIC_API_KEY: "any", PORT: "0", LOG_LEVEL: "silent" };
    const config = loadConfig({ env: { ...settings, ...env }, cwd: root, workspace });
    const team = await loadTeam(config);
    const app = await bootstrap({ config, rehearse: null, interactive: false, team, shared: true });
    const running = await openDaemon(app, await daemonSettings(config.root, team.registry, config.variable), {
      stop: stop.signal,
      abort: new AbortController().signal,
    });
    const ask = sqliteAsk(workspace);
    const looking = new Database(join(workspace, DATABASE), { readonly: true });
    const atWork = looking.query<{ n: number }, []>("select count(*) as n from goals where status = 'running'");
    const settled = () => atWork.get()?.n === 0;
    await clock.ready(LOOKERS);
    let stopping: Promise<void> | null = null;
    const end = () => (stopping ??= (stop.abort(), running.done));
    return {
      app,
      model,
      meter,
      ask,
      url: running.door.url,
      books: () => readDaemonBooks(ask),
      requests: () => model.requests().filter((line) => line.event === "request").length,
      now: clock.now,
      until: (to, stepMs) => clock.advance(to, stepMs, settled),
      stop: end,
      async [Symbol.asyncDispose]() {
        await end();
        looking.close();
        await app.shutdown();
        clock[Symbol.dispose]();
        await meter[Symbol.asyncDispose]();
        await model.stop();
        await dir[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    clock[Symbol.dispose]();
    throw error;
  }
}
