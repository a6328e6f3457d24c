/** `--daemon`: the team day and night, until SIGTERM. The first start in a workspace says what will fire and what a month costs, and asks. */

import { DoorError } from "../api/door.ts";
import { bootstrap, loadTeam, sleep } from "../bootstrap.ts";
import { noKey } from "../bootstrap/model.ts";
import { ConfigError, type RuntimeConfig } from "../config.ts";
import { daemonSettings, openDaemon } from "../daemon.ts";
import { EXIT } from "../domain/exit.ts";
import { dollars, nano } from "../domain/money.ts";
import { taskCosts } from "../journal/quote.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import type { Store } from "../store/store.ts";
import { QueueError } from "../queue/queue.ts";
import { forecast, type Forecast } from "../triggers/schedule-forecast.ts";
import { columns, indent } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { onInterrupt } from "./interrupt.ts";
import { note } from "./output.ts";
import { whenThere } from "./patience.ts";
import { noteProblems } from "./application.ts";
import { configFor, interactive, type RunFlags } from "./session.ts";

export type DaemonFlags = RunFlags & { readonly yes?: boolean };

const MONTH_DAYS = 30;
const AGREED = "daemon.agreed";

export async function daemon(options: DaemonFlags): Promise<number> {
  const config = configFor(options);
  if (options.json || options.events)
    throw new UsageError("--daemon prints no result", "leave --json and --events out; see `events`, `status` and /metrics");
  if (!options.rehearse && config.apiKey === null) throw noKey();
  const team = await loadTeam(config);
  const settings = await daemonSettings(config.root, team.registry, config.variable);
  noteProblems([...team.problems, ...settings.problems]);
  await using interrupt = onInterrupt(() =>
    note("Stopping: calls in flight may finish (25 s at most). Once more stops at once."),
  );
  const there = await whenThere(() => opened(config, options, team, settings.secrets), {
    stop: interrupt.stop,
    say: note,
    pause: sleep,
  });
  if (there === null) return EXIT.stopped;
  await using app = there;
  if (!(await agreed(app.store, config, options, await monthAhead()))) {
    note("Nothing was started.");
    return EXIT.stopped;
  }
  try {
    const running = await openDaemon(app, settings, { stop: interrupt.stop, abort: interrupt.abort });
    note(
      `The team is at work${app.rehearsal ? " (rehearsal: nothing is spent)" : ""}. Events: POST ${running.door.url}/webhook. Health: ${running.door.url}/health. Stop with Ctrl-C.`,
    );
    await running.done;
  } catch (error) {
    if (error instanceof DoorError) throw new ConfigError(error.message, error.hint);
    throw error;
  }
  note("Stopped. What was under way goes on at the next start.");
  return EXIT.done;

  async function monthAhead(): Promise<Forecast> {
    const costs = app.rehearsal ? new Map() : await app.store.read((read) => taskCosts(read));
    return forecast(app.registry.schedules, app.registry, app.team.now(), MONTH_DAYS, costs);
  }
}

async function opened(
  config: RuntimeConfig,
  options: DaemonFlags,
  team: Awaited<ReturnType<typeof loadTeam>>,
  secrets: readonly string[],
) {
  try {
    return await bootstrap({
      config,
      rehearse: options.rehearse ? { seed: options.seed, latencyMs: options.latency } : null,
      interactive: interactive(config),
      team,
      shared: true,
      secrets,
    });
  } catch (error) {
    if (error instanceof QueueError) throw new ConfigError(error.message, error.hint);
    throw error;
  }
}

/** The first start in a workspace is agreed to: by a yes in a terminal, or with --yes. Later ones only say what is ahead. */
async function agreed(store: Store, config: RuntimeConfig, options: DaemonFlags, ahead: Forecast): Promise<boolean> {
  note(forecastText(ahead, config));
  const before = await store.read((read) => getMeta(read, AGREED));
  if (before !== null || options.rehearse) return true;
  if (!options.yes) {
    if (!process.stdin.isTTY || !interactive(config))
      throw new UsageError("the first start of the daemon needs a yes", "run it once in a terminal, or add --yes");
    const { confirm, isCancel } = await import("@clack/prompts");
    const go = await confirm({ message: "Start the team with these schedules?", output: process.stderr });
    if (isCancel(go) || !go) return false;
  }
  await store.write("daemon.agree", (tx) => setMeta(tx, AGREED, new Date(tx.now).toISOString()));
  return true;
}

function forecastText(ahead: Forecast, config: RuntimeConfig): string {
  const on = ahead.schedules.filter((entry) => entry.firings > 0);
  if (on.length === 0) return "No schedule is on: work starts when you or an event asks for it.";
  const amount = (usd: number) => dollars(nano(usd));
  const rows = on.map(({ name, pipeline, next, firings, cost }) => [
    name,
    pipeline,
    new Date(next[0] ?? 0).toISOString().slice(0, 16).replace("T", " "),
    `${firings} ×`,
    amount(cost.likely),
  ]);
  const { low, likely, high } = ahead.cost;
  const month = config.caps.month;
  const over = nano(likely) > month ? ` That is more than the month's cap: what does not fit is skipped, and told.` : "";
  return [
    `What the schedules will start in ${ahead.days} days:`,
    indent(columns([["schedule", "pipeline", "first (UTC)", "times", "likely"], ...rows], [3, 4])),
    `Together ${amount(low)} to ${amount(high)}, likely ${amount(likely)}; the month's cap is ${dollars(month)}.${over}`,
    "Change them: schedules pause <name>, or .agents/schedules.yaml.",
  ].join("\n");
}
