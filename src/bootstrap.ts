/** The composition root: it and `bootstrap/` alone name adapters. It connects the parts and returns the application. */

import { crashPoints } from "./bootstrap/crash-points.ts";
import { openHands, toolSettings, type ToolSettings } from "./bootstrap/hands.ts";
import { thisMachine } from "./bootstrap/machine.ts";
import { openModel, type Rehearse } from "./bootstrap/model.ts";
import { openStore } from "./bootstrap/store.ts";
import { processInput, type RuntimeConfig } from "./config.ts";
import type { Problem } from "./domain/problem.ts";
import type { Registry } from "./domain/registry.ts";
import { createCollector, type Collector } from "./journal/batches.ts";
import { createJournal, RETRY, type Journal, type RetryPolicy } from "./journal/journal.ts";
import type { Log } from "./log/log.ts";
import { createSecrets } from "./log/secrets.ts";
import type { Channel } from "./notify/channel.ts";
import type { ChannelSpec } from "./notify/settings.ts";
import type { FallbackQueue } from "./queue/fallback.ts";
import { createEmbeddedQueue } from "./queue/embedded/embedded.ts";
import type { Queue } from "./queue/queue.ts";
import { loadRegistry, type LoadedRegistry } from "./skills/registry.ts";
import { initMeta } from "./store/meta.ts";
import type { Store } from "./store/store.ts";
import { createPresence, type Presence } from "./work/presence.ts";
import type { Team } from "./work/team.ts";
import { createWorkspace } from "./workspace/workspace.ts";

export type BootOptions = {
  readonly config: RuntimeConfig;
  /** Talk to a local rehearsal server that is started along, with this seed. */
  readonly rehearse: Rehearse | null;
  readonly interactive: boolean;
  readonly retry?: RetryPolicy;
  /** The team's files, where they were read already. */
  readonly team?: LoadedTeam;
  /** Signals go through Redis where the settings name one: for a process that shares the work with others. */
  readonly shared?: boolean;
  /** Further texts that no log may hold: secrets that the team's files name. */
  readonly secrets?: readonly string[];
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
  /** What sends and fetches batches for whoever stays to look; null without a key. */
  collector(): Promise<Collector | null>;
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
export async function loadTeam(config: Pick<RuntimeConfig, "root">): Promise<LoadedTeam> {
  const { registry, problems } = await loadRegistry({ root: config.root });
  if (registry === null) throw new RegistryError(problems);
  return { registry, problems };
}

export async function bootstrap(options: BootOptions): Promise<Application> {
  const { config } = options;
  const reached = crashPoints(config.crashAt);
  const { registry, problems } = options.team ?? (await loadTeam(config));
  const tools = await toolSettings(config, registry);
  // Known before the log is opened: none of them comes into it.
  const { list: secrets, learn } = createSecrets([...config.secrets, ...(options.secrets ?? []), ...(tools?.secrets ?? [])]);
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
    const { model, batches } = await openModel(options, log, closing);
    // Who shares the work stays to fetch the answers.
    const collects = batches !== null && options.shared === true;
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
        batches: collects,
      }),
    );
    const collector = async () =>
      batches &&
      createCollector({
        ...{ store, batches, models: registry.models, rehearsal: options.rehearse !== null, now, reached, sends: collects },
        processId: (await presence()).processId,
        log: log.child({ component: "batches" }),
      });
    const workspace = createWorkspace({ root: config.workspace, reached });
    const hands =
      tools &&
      (await openHands({
        ...{ config, registry, settings: tools, store, secrets, learn, now, sleep, reached, environment: processInput().env },
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
      collector,
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
