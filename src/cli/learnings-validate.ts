/** `marketeam learnings validate`: replays stored work with and without a learning, and keeps what the numbers say. */

import { loadTeam } from "../bootstrap.ts";
import { noKey } from "../bootstrap/model.ts";
import type { RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { dollars, nano, usd } from "../domain/money.ts";
import { LOOKS, type TrialSummary } from "../domain/statistics.ts";
import { count } from "../domain/quantity.ts";
import { quoteReplays } from "../journal/quote.ts";
import type { Stopped, StopWhy } from "../journal/outcome.ts";
import { costsOfGoals } from "../store/scopes.ts";
import { getTask } from "../store/tasks.ts";
import { writeLearnings } from "../work/scribe.ts";
import { candidatesOf, isOpen, validate, validationScope, type Candidate, type Validated } from "../work/validate-learnings.ts";
import { printable, UsageError } from "./errors.ts";
import { onInterrupt } from "./interrupt.ts";
import { learningJson } from "./learnings-text.ts";
import { note, oneLine, print, printJson } from "./output.ts";
import { openTeam } from "./application.ts";
import { configFor, interactive, resolveId, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

export type ValidateOptions = CommonOptions & { readonly budget?: number; readonly rehearse?: boolean; readonly seed?: number };

export async function validateLearnings(typed: string | undefined, options: ValidateOptions): Promise<number> {
  const config = configFor(options);
  if (options.budget !== undefined && !(options.budget > 0))
    throw new UsageError("--budget must be a number above 0", "in USD: --budget 2");
  if (!options.rehearse && config.apiKey === null) throw noKey();
  if (!storeThere(config)) return nothing("There are no learnings yet: reviews make them as goals run.", options);
  const team = await loadTeam(config);
  await using app = await openTeam({ ...options, seed: options.seed ?? 1, latency: 0 }, { model: true, team });
  const id = typed === undefined ? null : await resolveId(app.store, "learn", typed);
  const found = await candidatesOf(app.team, { id, rehearsal: app.rehearsal });
  const ready = found.filter(isOpen);
  if (ready.length === 0) return nothing(whyNone(found), options);
  const skills = await app.store.read(async (read) => {
    const names: string[] = [];
    for (const taskId of ready.flatMap((entry) => entry.tasks)) names.push((await getTask(read, taskId))?.skill ?? "");
    return names;
  });
  const quote = quoteReplays(skills, app.registry, app.team.now());
  const budget = options.budget === undefined ? config.caps.goal : nano(options.budget);
  const [low, likely, high] = [quote.low, quote.likely, quote.high].map((amount) => dollars(nano(amount)));
  note(
    `${count(ready.length, "learning")} on ${count(skills.length, "stored task")}: about ${count(quote.calls, "call")}, ${low} to ${high}, likely ${likely}; at most ${dollars(budget)}.${app.rehearsal ? " A rehearsal: nothing is spent." : ""}`,
  );
  if (!app.rehearsal && options.budget === undefined && !(await agreed(config, quote.high)))
    return nothing("Nothing was run.", options);
  await using interrupt = onInterrupt(() => note("Stopping after the trial that is under way. Once more stops at once."));
  const scopes = ready.map((entry) => validationScope(entry.learning.id));
  const spentSince = async (before: number) => {
    const costs = await app.store.read((read) => costsOfGoals(read, scopes));
    return [...costs.values()].reduce((sum, cost) => sum + cost.spent, 0) - before;
  };
  const begun = await spentSince(0);
  const done: Validated[] = [];
  let stopped: Stopped | null = null;
  for (const candidate of ready) {
    const spent = await spentSince(begun);
    if (interrupt.stop.aborted || spent >= budget) break;
    // The learning's own spending of earlier runs counts in its scope: the rest of this run's budget is added to it.
    const scope = validationScope(candidate.learning.id);
    const own = (await app.store.read((read) => costsOfGoals(read, [scope]))).get(scope);
    const result = await validate(
      app.team,
      candidate,
      { cap: (own?.spent ?? 0) + budget - spent, stop: interrupt.stop },
      interrupt.abort,
    );
    if ("kind" in result) {
      stopped = result;
      break;
    }
    done.push(result);
    note(printable(lineOf(result)));
  }
  if (!app.rehearsal) await writeLearnings(app.team);
  if (stopped) note(`error: ${printable(stopped.detail)}\n  trials that were made are kept: the same command goes on`);
  if (options.json) printJson({ validated: done.map(resultJson), stopped: stopped?.detail ?? null });
  else print(summaryOf(done, found.length - ready.length));
  if (stopped) return stoppedCode(stopped.why);
  return interrupt.stop.aborted ? EXIT.interrupted : EXIT.done;
}

function nothing(why: string, options: ValidateOptions): number {
  if (options.json) printJson({ validated: [], stopped: null });
  else print(why);
  return EXIT.done;
}

function whyNone(found: readonly Candidate[]): string {
  if (found.length === 0) return "There is no hypothesis to try: every learning is settled, or there are none yet.";
  const least = LOOKS[0];
  return `${found.length === 1 ? "1 hypothesis" : `${found.length} hypotheses`}, and no finished work of the same skill to try them on (a first decision needs ${least} stored tasks other than the one that taught it).`;
}

function lineOf({ learning, summary, before }: Validated): string {
  const change = learning.status === before ? `stays ${before}` : `${before} → ${learning.status}`;
  return `${change}: ${oneLine(learning.statement, 90)} (${figures(summary)})`;
}

/** `7 better, 2 worse, 3 equal of 12; effect +0.42 [-0.03 to 0.75]` */
function figures({ n, wins, losses, ties, effect, low, high }: TrialSummary): string {
  const signed = (value: number) => `${value >= 0 ? "+" : ""}${value.toFixed(2)}`;
  return `${wins} better, ${losses} worse, ${ties} equal of ${n}; effect ${signed(effect)} [${signed(low)} to ${signed(high)}]`;
}

function summaryOf(done: readonly Validated[], waiting: number): string {
  const moved = (status: string) => done.filter((entry) => entry.before !== status && entry.learning.status === status).length;
  const stay = done.filter((entry) => entry.before === entry.learning.status).length;
  const parts = [
    `${moved("active")} promoted`,
    `${moved("pruned")} pruned (kept, and no longer used)`,
    `${stay} need more trials`,
  ];
  return `${parts.join(", ")}${waiting > 0 ? `; ${waiting} without stored work to try them on` : ""}.`;
}

function resultJson({ learning, summary, before }: Validated) {
  return { ...learningJson(learning), before, trials: summary };
}

async function agreed(config: RuntimeConfig, high: number): Promise<boolean> {
  if (!process.stdin.isTTY || !interactive(config))
    throw new UsageError(
      "validate spends money: it needs --budget USD, or a terminal to ask in",
      `for example --budget ${Math.max(1, Math.ceil(high))}`,
    );
  const { confirm, isCancel } = await import("@clack/prompts");
  const go = await confirm({
    message: `Make these calls? They may spend up to ${usd(config.caps.goal)} USD.`,
    output: process.stderr,
  });
  return !isCancel(go) && go;
}

function stoppedCode(why: StopWhy): number {
  if (why === "aborted") return EXIT.interrupted;
  return why === "auth" || why === "unknown_model" ? EXIT.config : EXIT.stopped;
}
