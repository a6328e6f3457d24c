/** The composition root: the only file that names an adapter. It connects the parts and returns the application. */

import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openHands, toolSettings, type ToolSettings } from "./bootstrap/hands.ts";
import { ConfigError, processInput, type RuntimeConfig } from "./config.ts";
import type { Problem } from "./domain/problem.ts";
import type { Registry } from "./domain/registry.ts";
import { createJournal, RETRY, type Journal, type RetryPolicy } from "./journal/journal.ts";
import type { Log } from "./log/log.ts";
import type { Model } from "./model/model.ts";
import type { FaultSpec } from "./model/rehearsal/faults.ts";
import type { Rehearsal, RehearsalOptions } from "./model/rehearsal/server.ts";
import type { Channel } from "./notify/channel.ts";
import type { ChannelSpec } from "./notify/settings.ts";
import type { FallbackQueue } from "./queue/fallback.ts";
import { createEmbeddedQueue } from "./queue/embedded/embedded.ts";
import type { Queue } from "./queue/queue.ts";
import { loadRegistry, type LoadedRegistry } from "./skills/registry.ts";
import { initMeta } from "./store/meta.ts";
import { isAway } from "./store/postgres/failure.ts";
import type { Store } from "./store/store.ts";
import { createPresence, type Machine, type Presence } from "./work/presence.ts";
import type { Team } from "./work/team.ts";
import { createWorkspace } from "./workspace/workspace.ts";

export type BootOptions = {
  readonly config: RuntimeConfig;
  /** Talk to a local rehearsal server that is started along, with this seed. */
  readonly rehearse: { readonly seed: number; readonly latencyMs: number } | null;
  readonly interactive: boolean;
  readonly retry?: RetryPolicy;
  /** The team's files, where they were read already. */
  readonly team?: LoadedTeam;
  /** Signals go through Redis where the settings name one: for a process that shares the work with others. */
  readonly shared?: boolean;
  /** Further texts that no log may hold: secrets that the team's files name. */
  readonly secrets?: readonly string[];
  /** For a command that only looks: neither tools.yaml nor the catalogue is read, and the team has no tools. */
  readonly looks?: boolean;
};

export interface Application extends AsyncDisposable {
  readonly config: RuntimeConfig;
  readonly registry: Registry;
  /** What was found wrong with the team's files, without being fatal. */
  readonly problems: readonly Problem[];
  readonly store: Store;
  readonly journal: Journal;
  readonly team: Team;
  /** What tools.yaml says, with its variables filled in; null when it names nothing. */
  readonly tools: ToolSettings | null;
  readonly queue: Queue;
  /** The queue on Redis with its fallback, where there is one. */
  readonly remote: FallbackQueue | null;
  readonly log: Log;
  readonly rehearsal: boolean;
  /** This process among those that share the workspace; registered when first asked for. */
  presence(): Promise<Presence>;
  shutdown(): Promise<void>;
}

/** A fault in the team's files that leaves nothing to work with. The CLI prints every problem and exits 3. */
export class RegistryError extends Error {
  readonly code = "registry";
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super("the team's files cannot be used");
    this.problems = problems;
  }
}

export type LoadedTeam = Pick<LoadedRegistry, "problems"> & { readonly registry: Registry };

/** Reads the team's files; opens and writes nothing. Throws RegistryError when they leave nothing to work with. */
export async function loadTeam(config: Pick<RuntimeConfig, "root">, looks = false): Promise<LoadedTeam> {
  const { registry, problems } = await loadRegistry({ root: config.root, tools: !looks });
  if (registry === null) throw new RegistryError(problems);
  return { registry, problems };
}

export async function bootstrap(options: BootOptions): Promise<Application> {
  const { config } = options;
  const reached = crashPoints(config.crashAt);
  const { registry, problems } = options.team ?? (await loadTeam(config, options.looks));
  const tools = options.looks ? null : await toolSettings(config, registry);
  // Known before the log is opened: none of them comes into it.
  const secrets = [...config.secrets, ...(options.secrets ?? []), ...(tools?.secrets ?? [])];
  const { createLog } = await import("./log/pino.ts");
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat ?? (options.interactive ? "pretty" : "json"),
    stream: 2,
    secrets,
    color: options.interactive && !config.noColor,
  });
  const store = await openStore(config, { now: Date.now, log: log.child({ component: "store" }), reached });
  // One clock for all that is compared with what is stored.
  const now = () => store.now();
  const closing: (() => Promise<void>)[] = [() => store.close()];
  try {
    const local = createEmbeddedQueue({ log: log.child({ component: "queue" }) });
    const remote = options.shared ? await openRemoteQueue(config, store, local, log.child({ component: "queue" })) : null;
    const queue = remote ?? local;
    closing.push(() => queue.close());
    const model = await openModel(options, log, closing);
    let present: Promise<Presence> | null = null;
    const presence = () => (present ??= createPresence({ store, machine: thisMachine(config) }));
    // The journal needs the process's id for its holds; commands that make no call do not register one.
    const journal = lazyJournal(async () =>
      createJournal({
        store,
        model,
        models: registry.models,
        caps: config.caps,
        retry: options.retry ?? RETRY,
        now,
        random: Math.random,
        sleep,
        processId: (await presence()).processId,
        log: log.child({ component: "journal" }),
        reached,
      }),
    );
    const workspace = createWorkspace({ root: config.workspace, reached });
    const hands =
      tools &&
      (await openHands({
        ...{ config, registry, settings: tools, store, secrets, now, sleep, reached, environment: processInput().env },
        processId: async () => (await presence()).processId,
        log: log.child({ component: "tools" }),
      }));
    if (hands) closing.push(() => hands.toolbox.close());
    const team: Team = {
      store,
      journal,
      registry,
      workspace,
      secrets,
      caps: config.caps,
      hands,
      now,
      log: log.child({ component: "work" }),
    };
    let down: Promise<void> | null = null;
    const shutdown = () =>
      (down ??= (async () => {
        if (present) await (await present).close();
        for (const close of closing.toReversed()) await close();
      })());
    return {
      config,
      registry,
      problems,
      store,
      journal,
      team,
      tools,
      queue,
      remote,
      log,
      rehearsal: options.rehearse !== null,
      presence,
      shutdown,
      [Symbol.asyncDispose]: shutdown,
    };
  } catch (error) {
    for (const close of closing.toReversed()) await close();
    throw error;
  }
}

/** The queue on Redis, with this process's own behind it; null when the settings name no Redis. Throws QueueError `refused`. */
async function openRemoteQueue(config: RuntimeConfig, store: Store, local: Queue, log: Log): Promise<FallbackQueue | null> {
  const { redisUrl } = config.daemon;
  if (redisUrl === null) return null;
  const [{ createBullmqQueue, queuePrefix }, { createFallbackQueue }] = await Promise.all([
    import("./queue/bullmq/bullmq.ts"),
    import("./queue/fallback.ts"),
  ]);
  // Who shares the store shares the signals, however its address is written: two projects on one Redis have two stores.
  const project = await store.write("project.name", (tx) => initMeta(tx, "project", crypto.randomUUID()));
  const remote = await createBullmqQueue({ url: redisUrl, prefix: queuePrefix({ tenant: "default", project }), log });
  return createFallbackQueue({ remote, local, now: Date.now, log });
}

/** The channels of .agents/notify.yaml, each as its adapter. */
export async function openChannels(specs: readonly ChannelSpec[], log: Log): Promise<Channel[]> {
  return Promise.all(
    specs.map(async (spec) => {
      if (spec.type === "slack") return (await import("./notify/slack/slack.ts")).createSlackChannel(spec);
      if (spec.type === "webhook")
        return (await import("./notify/webhook/webhook.ts")).createWebhookChannel({ ...spec, now: () => Date.now() });
      return (await import("./notify/log/log-channel.ts")).createLogChannel({ name: spec.name, log });
    }),
  );
}

export const DATABASE = ".marketeam/marketeam.db";

/** The store alone, for commands that only read or repair. */
export async function openStore(
  config: RuntimeConfig,
  options: { now: () => number; log: Log; reached: (point: string) => void },
): Promise<Store> {
  const shared = { tenant: "default", ...options };
  if (config.databaseUrl !== null) {
    const { openPostgresStore } = await import("./store/postgres/store.ts");
    return openPostgresStore({ url: config.databaseUrl, ...shared });
  }
  const { openSqliteStore } = await import("./store/sqlite/store.ts");
  return openSqliteStore({ path: join(config.workspace, DATABASE), ...shared });
}

async function openModel(options: BootOptions, log: Log, closing: (() => Promise<void>)[]): Promise<Model> {
  const { config, rehearse } = options;
  // Loaded only where there is somebody to call: commands that look must be quick.
  const claude = async (apiKey: string, baseURL: string | undefined) => {
    const { createClaude } = await import("./model/claude/claude.ts");
    return createClaude({ apiKey, baseURL, log: log.child({ component: "model" }) });
  };
  if (rehearse) {
    const server = await startRehearsal({ seed: rehearse.seed, latencyMs: rehearse.latencyMs });
    closing.push(() => server.stop());
    return claude("rehearsal", server.url);
  }
  if (config.apiKey === null) return keyless;
  return claude(config.apiKey, config.baseURL ?? undefined);
}

/** The rehearsal server by itself, for the command that runs it alone. */
export async function startRehearsal(options: RehearsalOptions): Promise<Rehearsal> {
  const server = await import("./model/rehearsal/server.ts");
  return server.startRehearsal(options);
}

/** Faults as typed, or the first problem in words. */
export async function parseFaults(typed: readonly string[]): Promise<{ faults: FaultSpec[] } | { problem: string }> {
  const { parseFault } = await import("./model/rehearsal/faults.ts");
  const faults: FaultSpec[] = [];
  for (const text of typed) {
    const parsed = parseFault(text);
    if ("problem" in parsed) return parsed;
    faults.push(parsed.fault);
  }
  return { faults };
}

export function noKey(): ConfigError {
  return new ConfigError(
    "ANTHROPIC_API_KEY is not set",
    'set it in the environment or in .env; or see a whole goal without a key and without spending: bun run start --rehearse "your goal"',
  );
}

/** Without a key, every command works that makes no call. */
const keyless: Model = {
  respond() {
    return Promise.reject(noKey());
  },
};

function lazyJournal(open: () => Promise<Journal>): Journal {
  let opened: Promise<Journal> | null = null;
  let refused = false;
  return {
    async call(spec, signal) {
      const journal = await (opened ??= open());
      if (refused) journal.refuseNew();
      return journal.call(spec, signal);
    },
    refuseNew() {
      refused = true;
      void opened?.then((journal) => journal.refuseNew());
    },
  };
}

/**
 * `MARKETEAM_CRASH_AT=point#n` kills this process, as -9 does, when it passes that point for the nth time;
 * `MARKETEAM_CRASH_AT=list` writes each point that it passes to stderr instead, so that a test knows which there are.
 */
function crashPoints(crashAt: string | null): (point: string) => void {
  if (crashAt === null) return () => {};
  if (crashAt === "list") return (point) => void writeSync(2, `passed ${point}\n`);
  const [wanted, count = "1"] = crashAt.split("#");
  let left = Number(count);
  return (point) => {
    if (point === wanted && --left === 0) process.kill(process.pid, "SIGKILL");
  };
}

/** Whether a store could not be opened because its server is away: it may be there in a moment. */
export const storeIsAway = isAway;

/** Resolves after so many ms, or when the signal fires. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Linux tells boot and start time of a process; elsewhere a pid alone must do, and a lease runs out in seconds. */
function thisMachine(config: RuntimeConfig): Machine {
  const bootId = readOr("/proc/sys/kernel/random/boot_id", "");
  const startedOf = (pid: number): string | null => {
    try {
      process.kill(pid, 0);
    } catch (error) {
      // EPERM: it runs, under another user.
      if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return null;
    }
    const stat = readOr(`/proc/${pid}/stat`, "");
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return ticks === undefined ? "" : `${bootId}:${ticks}`;
  };
  return { host: config.host, pid: process.pid, started: startedOf(process.pid) ?? "", startedOf };
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return fallback;
  }
}
