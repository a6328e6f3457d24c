/** The daemon, composed: work, schedules, events, the HTTP door, notices, traces and daily documents around one application. */

import { version } from "../package.json";
import { createApprovalPages } from "./api/approval-pages.ts";
import { createDoor, type Door } from "./api/door.ts";
import { createSlackActions } from "./api/slack-actions.ts";
import { parseTokens } from "./api/tokens.ts";
import { openChannels, type Application } from "./bootstrap.ts";
import { periods } from "./domain/budget.ts";
import type { Problem } from "./domain/problem.ts";
import type { Registry } from "./domain/registry.ts";
import { diskFacts, storeFacts } from "./health/facts.ts";
import { inTime } from "./health/in-time.ts";
import { assessHealth, type HealthLevel } from "./health/level.ts";
import { createNotifier } from "./notify/notifier.ts";
import { notifySettings, resolveSettings, type Resolved } from "./notify/settings.ts";
import { readYamlFile } from "./skills/yaml-file.ts";
import { inboxBetween, inboxCounts } from "./store/inbox.ts";
import { tickCounts, ticksSince } from "./store/schedules.ts";
import { StoreError } from "./store/store.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { createTracer, type Tracer } from "./telemetry/tracer.ts";
import { createBus } from "./triggers/event-bus.ts";
import { resolveSources, type ResolvedSources } from "./triggers/event-sources.ts";
import { readSchedules } from "./triggers/schedule-file.ts";
import { createScheduler } from "./triggers/scheduler.ts";
import { createTrials } from "./triggers/trials.ts";
import { createApprovalLinks } from "./work/effect-links.ts";
import { fired, startDaemon, type Daemon, type DaemonPart } from "./work/daemon.ts";
import { dayLines } from "./work/day-lines.ts";
import { writeDayReport } from "./work/report-day.ts";
import { writeDocument } from "./work/scribe.ts";

const NOTIFY_FILE = ".agents/notify.yaml";
const EVENTS_FILE = ".agents/events.yaml";
const DRAIN_MS = 25_000;
const DAY_MS = 86_400_000;
const HEALTH_MS = 10_000;
/** Longer is not waited for the store when health is asked for. */
const STORE_MS = 3_000;

/** What the daemon's files name by variable, filled in: read before the log is opened, so that no secret reaches it. */
export type Settings = {
  readonly notify: Resolved;
  readonly sources: ResolvedSources;
  readonly problems: readonly Problem[];
  readonly secrets: readonly string[];
};

export async function daemonSettings(
  root: string,
  registry: Registry,
  variable: (name: string) => string | null,
): Promise<Settings> {
  const file = await readYamlFile({ root, file: NOTIFY_FILE, required: false, hint: "it says where notices go" }, notifySettings);
  const notify = resolveSettings(file.value ?? notifySettings.parse({}), { file: NOTIFY_FILE, variable });
  const sources = resolveSources(registry.sources, { file: EVENTS_FILE, variable });
  return {
    notify,
    sources,
    problems: [...file.problems, ...notify.problems, ...sources.problems],
    secrets: [...notify.secrets, ...sources.secrets],
  };
}

export type RunningDaemon = Pick<Daemon, "faults" | "done"> & { readonly door: Door };

/** Starts everything. Throws DoorError where the door cannot be opened. `done` resolves after `stop`, when all is at rest. */
export async function openDaemon(
  app: Application,
  settings: Settings,
  signals: { readonly stop: AbortSignal; readonly abort: AbortSignal },
): Promise<RunningDaemon> {
  const { config, store, team, log, rehearsal, registry } = app;
  const now = team.now;
  const presence = await app.presence();
  // What dead processes held is free before the first claim.
  await presence.sweep();
  const parts: DaemonPart[] = [];
  let daemon: Daemon | null = null;

  const bus = createBus({ team, rehearsal, changed: () => daemon?.wake("events") });
  parts.push({
    name: "events",
    everyMs: 30_000,
    look: async () => (await bus.look()).nextAt,
    hears: (event) => event.type === "budget.level" || event.type === "pipeline_blocked",
  });
  const scheduler = createScheduler({ team, rehearsal, schedules: await readSchedules(config.root) });
  parts.push({ name: "schedules", everyMs: 60_000, look: async () => (await scheduler.look()).nextAt });
  const collector = await app.collector();
  if (collector)
    parts.push({
      name: "batches",
      everyMs: 60_000,
      look: () => collector.look(signals.stop),
      hears: (event) => collector.hears(event),
    });
  if (registry.trials) {
    const trials = createTrials({ team, plan: registry.trials, rehearsal, ...signals });
    parts.push({ name: "trials", everyMs: 60 * 60_000, look: () => trials.look() });
  }
  // As in a single run: a rehearsal sends nothing, whoever approved it. What is approved waits for a real daemon.
  if (team.hands && !rehearsal) {
    const { effects } = team.hands;
    parts.push({
      name: "actions",
      everyMs: 60_000,
      look: () => effects.look(signals.stop),
      hears: (event) => event.type === "effect.approved",
    });
  }
  const links = createApprovalLinks({ store, publicUrl: config.daemon.publicUrl, now });
  const channels = await openChannels(settings.notify.channels, log.child({ component: "notify" }));
  const notifier = createNotifier({
    store,
    channels,
    links: links.links,
    route: settings.notify.route,
    quiet: settings.notify.quiet,
    digest: settings.notify.digest && {
      ...settings.notify.digest,
      lines: () => store.read((read) => dayLines(read, now(), team.caps)),
    },
    // Those of the tools too, and tokens that come later: the list grows.
    secrets: team.secrets,
    now,
    log: log.child({ component: "notify" }),
  });
  parts.push({
    name: "notices",
    everyMs: 60_000,
    look: async () => (await notifier.look()).next,
    hears: (event) =>
      event.type.startsWith("goal.") ||
      event.type.startsWith("question.") ||
      event.type.startsWith("effect.") ||
      event.type === "budget.level" ||
      (event.type === "task.done" && Boolean(team.hands)),
  });
  parts.push({
    name: "health",
    everyMs: HEALTH_MS,
    look: async () => {
      const { level, reasons } = await health();
      await notifier.health({ where: config.host, level, reasons });
      return null;
    },
  });
  parts.push({ name: "daily documents", everyMs: 15 * 60_000, look: daily });
  let tracer: Tracer | null = null;
  if (config.daemon.otlp) {
    const { endpoint, headers } = config.daemon.otlp;
    const sending = createTracer({
      store,
      collector: { endpoint, headers },
      service: { name: "marketeam", version },
      processId: presence.processId,
      now,
      log: log.child({ component: "traces" }),
    });
    tracer = sending;
    parts.push({ name: "traces", everyMs: 60_000, look: async () => (await sending.look()).nextAt });
  }

  /** The report of today, and of yesterday while it may still have been written too early. */
  async function daily(): Promise<number> {
    const at = now();
    for (const day of [at - DAY_MS, at]) await dayReport(day);
    return Date.parse(`${periods(at).day}T00:00:00Z`) + DAY_MS + 60_000;
  }

  async function dayReport(at: number): Promise<void> {
    await writeDayReport(
      {
        store,
        caps: team.caps,
        write: (path, text) => writeDocument(team, path, text),
        schedules: async ({ from, to }) => {
          const ticks = (await store.read((read) => ticksSince(read, from, false))).filter((tick) => tick.decidedAt < to);
          const alike = Map.groupBy(ticks, ({ name, outcome, reason }) => JSON.stringify([name, outcome, reason]));
          return [...alike.values()].flatMap((same) =>
            same.slice(0, 1).map(({ name, outcome, reason }) => ({ name, outcome, reason, n: same.length })),
          );
        },
        events: async (window) =>
          (await store.read((read) => inboxBetween(read, window, false))).map(({ type, decision, count }) => ({
            name: type,
            outcome: decision,
            reason: null,
            n: count,
          })),
      },
      at,
    );
  }

  const factsInTime = inTime(() => store.read((read) => storeFacts(read, config.caps)), STORE_MS);
  async function health(): Promise<{ ready: boolean; level: HealthLevel; reasons: string[] }> {
    const faults = daemon?.faults() ?? [];
    const state = app.remote?.state() ?? null;
    const queue = state && { up: state.path === "redis", since: state.since, why: state.why };
    const disk = diskFacts(config.workspace);
    const blank = { budget: "normal", capsHit: false, modelAway: 0 } as const;
    let facts: Omit<Parameters<typeof assessHealth>[0], "queue" | "workspaceProblem" | "diskFree">;
    try {
      const known = await factsInTime();
      facts = known
        ? { storeProblem: null, ...known }
        : { storeProblem: `the store has not answered for ${STORE_MS / 1000} s`, ...blank };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      facts = { storeProblem: `${error.message} (${error.hint})`, ...blank };
    }
    const found = assessHealth({ ...facts, queue, ...disk });
    const level = faults.length > 0 && found.level === "full" ? "limited" : found.level;
    return { ready: level !== "offline", level, reasons: [...found.reasons, ...faults] };
  }

  const metrics = createMetrics({
    store,
    tiers: registry.models.tiers,
    caps: config.caps,
    health,
    queue: async () => ({
      up: app.remote === null || app.remote.state().path === "redis",
      ...(await app.queue.counts()),
      health: app.remote ? await app.remote.health() : null,
    }),
    webhooks: async () =>
      (await store.read((read) => inboxCounts(read, rehearsal))).map(({ source, decision, count }) => ({
        labels: { source, decision },
        n: count,
      })),
    schedules: async () =>
      (await store.read((read) => tickCounts(read, 0, rehearsal))).map(({ name, outcome, ticks }) => ({
        labels: { schedule: name, outcome },
        n: ticks,
      })),
    memory: () => process.memoryUsage().rss,
    now,
    log: log.child({ component: "metrics" }),
  });

  const { hands } = team;
  const answered = () => daemon?.wake("actions");
  const answerable = settings.notify.channels.flatMap((spec) => {
    const { answers } = channels.find(({ name }) => name === spec.name) ?? {};
    return spec.type === "slack" && spec.answers && answers ? [{ ...spec.answers, answers }] : [];
  });
  const door = createDoor({
    bus,
    ...(hands && {
      approvals: createApprovalPages({ store, effects: hands.effects, links, answered }),
      ...(answerable.length > 0 && {
        slack: createSlackActions({
          store,
          effects: hands.effects,
          channels: answerable,
          answered,
          log: log.child({ component: "slack" }),
          now,
        }),
      }),
    }),
    health,
    metrics: () => metrics.text(),
    tokens: parseTokens(config.daemon.webhookToken),
    sources: settings.sources.sources,
    host: config.daemon.host,
    port: config.daemon.port,
    log: log.child({ component: "http" }),
    now,
  });
  daemon = startDaemon({
    team,
    queue: app.queue,
    presence,
    concurrency: config.concurrency,
    rehearsal,
    parts,
    ...signals,
    drainMs: DRAIN_MS,
    refuseCalls: () => app.journal.refuseNew(),
  });
  const { faults, done } = daemon;
  return {
    door,
    faults,
    // Nothing comes in while the work comes to rest.
    done: Promise.all([done, fired(signals.stop).then(() => door.stop())]).then(async () => {
      await notifier.close();
      // The next process need not wait for the end of our lease.
      await tracer?.close().catch((error: unknown) => log.warn("the traces' place could not be given free", { error }));
      await dayReport(now()).catch((error: unknown) => log.error("the day's report could not be written", { error }));
    }),
  };
}
