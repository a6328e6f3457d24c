/** `/metrics`: what the store holds, in grouped counts, and what the running process says of its queue and health. */

import { shareUsed, type Caps, type ScopeState } from "../domain/budget.ts";
import { CALL_STATES } from "../domain/call.ts";
import { GOAL_STATUSES } from "../domain/goal.ts";
import { usd } from "../domain/money.ts";
import { DIRECTOR } from "../domain/plan.ts";
import { TIERS, type ModelsFile } from "../domain/registry.ts";
import { healthLevel } from "../domain/result.ts";
import { periods } from "../domain/budget.ts";
import { TASK_STATUSES } from "../domain/task.ts";
import type { Log } from "../log/log.ts";
import type { Distribution, QueueHealth } from "../queue/queue.ts";
import {
  countCalls,
  countGoals,
  countOpenQuestions,
  countTasks,
  oldestReady,
  type CallCount,
  type GoalCount,
  type TaskCount,
} from "../store/figures.ts";
import { countEffects, countReads } from "../store/figures-tools.ts";
import { outsideByServer } from "../store/outside-use.ts";
import { scopeState } from "../store/scopes.ts";
import type { Store } from "../store/store.ts";
import { toolFamilies, type ToolFigures } from "./metrics-tools.ts";
import { boundedSamples, prometheusText, type Counted, type Family, type Sample } from "./prometheus.ts";

/** Whoever asks more often gets the store's figures again: they cost a pass over an index. */
const FRESH_MS = 5_000;

export type QueueFigures = {
  /** Whether the queue's server answers; true for a queue in the process. */
  readonly up: boolean;
  readonly signalled: number;
  readonly delivered: number;
  /** Null for a queue in the process. */
  readonly health: QueueHealth | null;
};

export type MetricsOptions = {
  readonly store: Pick<Store, "read" | "engine">;
  readonly tiers: ModelsFile["tiers"];
  readonly caps: Pick<Caps, "day" | "month">;
  readonly health: () => Promise<{ level: string }>;
  readonly queue: () => Promise<QueueFigures>;
  /** Events from outside so far, with `source` and `decision`; null when nothing receives them. */
  readonly webhooks: (() => Promise<readonly Counted[]>) | null;
  /** Ticks of schedules so far, with `schedule` and `outcome`. */
  readonly schedules: (() => Promise<readonly Counted[]>) | null;
  /** Memory of this process, in bytes. */
  readonly memory: () => number;
  readonly now: () => number;
  readonly log: Log;
};

export type StoreFigures = {
  readonly goals: readonly GoalCount[];
  readonly tasks: readonly TaskCount[];
  readonly calls: readonly CallCount[];
  /** Seconds that the longest-waiting ready task has waited. */
  readonly oldestReady: number;
  readonly questions: number;
  readonly scopes: readonly ScopeState[];
  readonly tools: ToolFigures;
};

/** A scrape never fails: what cannot be read is left out, logged, and `marketeam_store_up` says 0 when it is the store. */
export function createMetrics(options: MetricsOptions): { text(): Promise<string> } {
  const { store, tiers, now, log } = options;
  let kept: { at: number; figures: Promise<StoreFigures> } | null = null;

  async function figures(): Promise<StoreFigures> {
    const age = kept ? now() - kept.at : -1;
    if (!kept || age < 0 || age >= FRESH_MS) kept = { at: now(), figures: readFigures(store, options.caps) };
    const mine = kept;
    try {
      return await mine.figures;
    } catch (error) {
      if (kept === mine) kept = null;
      throw error;
    }
  }

  async function attempt<T>(what: string, read: (() => Promise<T>) | null): Promise<T | null> {
    try {
      return read === null ? null : await read();
    } catch (error) {
      log.warn("figures are missing from /metrics", { what, error });
      return null;
    }
  }

  return {
    async text() {
      const found = await attempt("store", figures);
      const health = await attempt("health", options.health);
      const queue = await attempt("queue", options.queue);
      const webhooks = await attempt("webhooks", options.webhooks);
      const schedules = await attempt("schedules", options.schedules);
      return prometheusText([
        gauge("store_up", "1 when the figures of the store could be read.", [{ value: found ? 1 : 0 }]),
        ...(found ? storeFamilies(found, tiers) : []),
        ...(health ? [healthFamily(health.level)] : []),
        ...(queue ? queueFamilies(queue) : []),
        counter(
          "webhooks_total",
          "Events from outside by source and decision.",
          boundedSamples(webhooks ?? [], ["source", "decision"]),
        ),
        counter(
          "schedule_ticks_total",
          "Ticks of schedules by outcome.",
          boundedSamples(schedules ?? [], ["schedule", "outcome"]),
        ),
        gauge("process_resident_bytes", "Memory of this process.", [{ value: options.memory() }]),
      ]);
    },
  };
}

async function readFigures(store: MetricsOptions["store"], caps: MetricsOptions["caps"]): Promise<StoreFigures> {
  return store.read(async (read) => {
    const { day, month } = periods(read.now);
    const oldest = await oldestReady(read);
    return {
      goals: await countGoals(read),
      tasks: await countTasks(read),
      calls: await countCalls(read, store.engine),
      oldestReady: oldest === null ? 0 : Math.max(0, read.now - oldest) / 1000,
      questions: await countOpenQuestions(read),
      scopes: [
        await scopeState(read, { kind: "day", id: day, cap: caps.day }, false),
        await scopeState(read, { kind: "month", id: month, cap: caps.month }, false),
      ],
      tools: {
        reads: await countReads(read),
        effects: await countEffects(read),
        outside: await outsideByServer(read, read.now),
      },
    };
  });
}

function storeFamilies(figures: StoreFigures, tiers: ModelsFile["tiers"]): Family[] {
  const real = figures.calls.filter((call) => !call.rehearsal);
  const tierOf = (model: string) => TIERS.find((tier) => tiers[tier] === model) ?? "other";
  const byUse = sums(real, (call) => ({ skill: call.skill ?? DIRECTOR, tier: tierOf(call.model), model: call.model }));
  const tokens = {
    input: (call: CallCount) => call.input,
    output: (call: CallCount) => call.output,
    cache_read: (call: CallCount) => call.cacheRead,
    cache_write: (call: CallCount) => call.cacheWrite5m + call.cacheWrite1h,
  };
  const total = (rows: readonly CallCount[], of: (row: CallCount) => number) => rows.reduce((sum, row) => sum + of(row), 0);
  const done = figures.tasks.filter((task) => task.status === "done" && !task.rehearsal);
  const scope = (of: (scope: ScopeState) => number): Sample[] =>
    figures.scopes.map((entry) => ({ labels: { period: entry.kind }, value: of(entry) }));
  return [
    gauge(
      "goals",
      "Goals by state.",
      byState(figures.goals, GOAL_STATUSES, (goal) => goal.status),
    ),
    gauge(
      "goals_paused",
      "Paused goals of real work by reason.",
      sums(
        figures.goals.filter((goal) => goal.status === "paused" && !goal.rehearsal),
        (goal) => ({ reason: goal.pause ?? "none" }),
      ).map(({ labels, rows }) => ({ labels, value: count(rows) })),
    ),
    gauge(
      "tasks",
      "Tasks by state.",
      byState(figures.tasks, TASK_STATUSES, (task) => task.status),
    ),
    {
      name: "task_duration_seconds",
      type: "summary",
      help: "From the first start to the end of finished tasks of real work, by skill.",
      samples: sums(done, (task) => ({ skill: task.skill })).flatMap(({ labels, rows }): Sample[] => [
        { labels, suffix: "_sum", value: rows.reduce((sum, row) => sum + row.ms, 0) / 1000 },
        { labels, suffix: "_count", value: count(rows) },
      ]),
    },
    gauge("oldest_ready_task_seconds", "How long the longest-waiting ready task of real work has waited.", [
      { value: figures.oldestReady },
    ]),
    gauge("questions_open", "Questions that wait for a person.", [{ value: figures.questions }]),
    gauge(
      "calls",
      "Model calls by state.",
      byState(figures.calls, CALL_STATES, (call) => call.state),
    ),
    {
      name: "call_duration_seconds",
      type: "summary",
      help: "From the hold to the end of settled model calls of real work, batches apart.",
      samples: sums(
        real.filter((call) => call.state === "settled" && !call.batch),
        (call) => ({ model: call.model }),
      ).flatMap(({ labels, rows }): Sample[] => [
        { labels, suffix: "_sum", value: total(rows, (row) => row.ms) / 1000 },
        { labels, suffix: "_count", value: count(rows) },
      ]),
    },
    counter(
      "tokens_total",
      "Tokens of real work; input is without what was read from or written to the cache.",
      byUse.flatMap(({ labels, rows }) =>
        Object.entries(tokens).map(([kind, of]) => ({ labels: { ...labels, kind }, value: total(rows, of) })),
      ),
    ),
    counter(
      "cost_usd_total",
      "Money spent on settled model calls of real work.",
      byUse.map(({ labels, rows }) => ({ labels, value: usd(total(rows, (row) => row.cost)) })),
    ),
    gauge("budget_used_ratio", "Spent and held as a share of the cap with what a person allowed on top.", scope(shareUsed)),
    gauge(
      "budget_spent_usd",
      "Money spent in the running UTC period.",
      scope((entry) => usd(entry.spent)),
    ),
    gauge(
      "budget_held_usd",
      "Money held for calls on their way or lost.",
      scope((entry) => usd(entry.held)),
    ),
    gauge(
      "budget_cap_usd",
      "Cap with what a person allowed on top.",
      scope((entry) => usd(entry.cap + entry.allowed)),
    ),
    ...toolFamilies(figures.tools),
  ];
}

function healthFamily(level: string): Family {
  const samples = healthLevel.options.map((name) => ({ labels: { level: name }, value: name === level ? 1 : 0 }));
  return gauge("health_level", "1 for the present level.", samples);
}

function queueFamilies({ up, signalled, delivered, health }: QueueFigures): Family[] {
  const seconds = (distribution: Distribution): Sample[] =>
    (["p50", "p99", "max"] as const).flatMap((name) => {
      const value = distribution[name];
      return value === null ? [] : [{ labels: { stat: name }, value: value / 1000 }];
    });
  return [
    gauge("queue_up", "1 when the queue can be used.", [{ value: up ? 1 : 0 }]),
    counter("queue_signals_total", "Signals given by this process.", [{ value: signalled }]),
    counter("queue_deliveries_total", "Signals delivered to this process.", [{ value: delivered }]),
    ...(health
      ? [
          gauge(
            "queue_held",
            "Signals on the queue's server by state.",
            Object.entries(health.held ?? {}).map(([state, value]) => ({ labels: { state }, value })),
          ),
          counter("queue_completed_total", "Signals that this process has dealt with.", [{ value: health.completed }]),
          counter("queue_failed_total", "Handlers of signals that failed in this process.", [{ value: health.failed }]),
          gauge("queue_start_seconds", "From a signal to its handler's start, lately.", seconds(health.startMs)),
          gauge("queue_handle_seconds", "How long handlers of signals took, lately.", seconds(health.handleMs)),
        ]
      : []),
  ];
}

const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({ name, type: "gauge", help, samples });
const counter = (name: string, help: string, samples: readonly Sample[]): Family => ({ name, type: "counter", help, samples });
const count = (rows: readonly { n: number }[]) => rows.reduce((sum, row) => sum + row.n, 0);

/** Every state has its row, real and rehearsed, so that a series never vanishes. */
function byState<T extends { n: number; rehearsal: boolean }>(
  rows: readonly T[],
  states: readonly string[],
  of: (row: T) => string,
): Sample[] {
  return [false, true].flatMap((rehearsal) =>
    states.map((state) => ({
      labels: { state, rehearsal: String(rehearsal) },
      value: count(rows.filter((row) => row.rehearsal === rehearsal && of(row) === state)),
    })),
  );
}

/** Rows of the same labels together, in the order of their labels. */
function sums<T>(rows: readonly T[], labelsOf: (row: T) => Record<string, string>) {
  const groups = Map.groupBy(rows, (row) => JSON.stringify(Object.values(labelsOf(row))));
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, list]) => (list[0] === undefined ? [] : [{ labels: labelsOf(list[0]), rows: list }]));
}
