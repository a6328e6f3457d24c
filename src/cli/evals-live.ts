/** The live part of `evals`: the quote first, then somebody's yes or a budget, then the calls, and how they ended. */

import type { LoadedTeam } from "../bootstrap.ts";
import { noKey } from "../bootstrap/model.ts";
import type { RuntimeConfig } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { dollars, nano, usd } from "../domain/money.ts";
import { count } from "../domain/quantity.ts";
import type { EvalSet } from "../evals/data.ts";
import { runLive, scopeId } from "../evals/live.ts";
import { quoteEvals, type EvalsQuote } from "../evals/quote.ts";
import { rehearsalShelf, type Shelf } from "../evals/recording.ts";
import type { LiveResult } from "../evals/report.ts";
import { standingOf, type Standing } from "../evals/standing.ts";
import type { StopWhy } from "../journal/outcome.ts";
import { printable, UsageError } from "./errors.ts";
import { onInterrupt } from "./interrupt.ts";
import { note } from "./output.ts";
import { openTeam } from "./application.ts";
import { interactive, type CommonOptions } from "./session.ts";

export type LiveFlags = CommonOptions & { readonly rehearse?: boolean; readonly seed: number; readonly budget?: number };

type Live = {
  readonly config: RuntimeConfig;
  readonly team: LoadedTeam;
  readonly sets: readonly EvalSet[];
  /** What stands of the real recordings. */
  readonly standing: Standing;
  readonly shelf: Shelf;
  readonly options: LiveFlags;
};

/** Runs what has no fitting recording. `result` is null when there was nothing to run. Opens nothing before somebody agreed. */
export async function goLive(live: Live): Promise<{ result: LiveResult | null; exit: number } | "declined"> {
  const { config, team, options } = live;
  if (!options.rehearse && config.apiKey === null) throw noKey();
  refuseSecrets(live.sets, config.secrets);
  const rehearsal = options.rehearse === true || (await answersAsRehearsal(config.baseURL));
  const shelf = rehearsal ? rehearsalShelf(config.workspace) : live.shelf;
  const standing = rehearsal ? await standingOf(shelf, live.sets, team.registry, true) : live.standing;
  const quote = quoteEvals(standing, team.registry, Date.now());
  if (quote.calls === 0) {
    note("Nothing to run: every recording fits.");
    return { result: null, exit: EXIT.done };
  }
  const budget = options.budget === undefined ? config.caps.goal : nano(options.budget);
  note(quoteText(quote, config, rehearsal));
  if (!rehearsal && options.budget === undefined && !(await agreed(config, quote))) {
    note("Nothing was run.");
    return "declined";
  }
  await using app = await openTeam({ ...options, latency: 0 }, { model: true, team });
  const endpoint = options.rehearse ? null : foreign(config.baseURL);
  const scope = {
    id: scopeId(standing, endpoint, rehearsal),
    priority: "P2" as const,
    cap: budget,
    allowed: 0,
    rehearsal,
  };
  await using interrupt = onInterrupt(() => {
    note("Stopping: calls in flight end first. Once more stops at once.");
    app.journal.refuseNew();
  });
  const end = await runLive(standing, {
    ...{ team: app.team, scope, shelf, endpoint, concurrency: config.concurrency, signal: interrupt.abort },
    onDone: (line) => note(printable(line)),
  });
  const { stopped, ...rest } = end;
  const result = {
    ...rest,
    rehearsal,
    quote,
    budgetUsd: usd(budget),
    failures: [...end.failures],
    stopped: stopped?.detail ?? null,
    recordings: rehearsal ? shelf("") : null,
  };
  return { result, exit: stopped ? stoppedCode(stopped.why) : end.failures.length > 0 ? EXIT.failed : EXIT.done };
}

/** A brief or its files must not carry a key out. */
function refuseSecrets(sets: readonly EvalSet[], secrets: readonly string[]): void {
  for (const { skill, briefs } of sets)
    for (const { id, prompt, files } of briefs)
      for (const text of [prompt, ...files.map((file) => file.text)])
        if (secrets.some((secret) => secret.length >= 6 && text.includes(secret)))
          throw new UsageError(
            `the brief ${skill}/${id} or one of its files holds a secret of this installation (a key or a password)`,
            "take it out: the text goes to the model",
          );
}

function quoteText(quote: EvalsQuote, config: RuntimeConfig, rehearsal: boolean): string {
  const [low, likely, high] = [quote.low, quote.likely, quote.high].map((amount) => dollars(nano(amount)));
  const sum = `Quote: at least ${count(quote.calls, "call")}, ${low} to ${high}, likely ${likely}`;
  if (rehearsal) return `${sum}. A rehearsal: nothing is spent, nothing of it is counted.`;
  const { day, month } = config.caps;
  const short =
    nano(quote.likely) > Math.min(day, month)
      ? " (a cap below the likely cost stops the run there: raise it, or take --skill or --limit)"
      : "";
  return `${sum}. Caps: ${dollars(day)} a day (BUDGET_DAILY), ${dollars(month)} a month (BUDGET_MONTHLY)${short}.`;
}

async function agreed(config: RuntimeConfig, quote: EvalsQuote): Promise<boolean> {
  if (!process.stdin.isTTY || !interactive(config))
    throw new UsageError(
      "--live spends money: it needs --budget USD, or a terminal to ask in",
      `for example --budget ${Math.ceil(quote.high)}`,
    );
  const { confirm, isCancel } = await import("@clack/prompts");
  const message = `Make these calls? They may spend up to ${dollars(config.caps.goal)} (--budget sets another amount).`;
  const go = await confirm({ message, output: process.stderr });
  return !isCancel(go) && go;
}

const PROBE_MS = 5_000;

/** Whether a rehearsal listens at a foreign address: it says so of its models. Then its answers are marked like any rehearsal's. */
async function answersAsRehearsal(baseURL: string | null): Promise<boolean> {
  const endpoint = foreign(baseURL);
  if (baseURL === null || endpoint === null) return false;
  try {
    // Not with the real key: nothing is asked of the address but its name.
    const headers = { "x-api-key": "none", "anthropic-version": "2023-06-01" };
    const answer = await fetch(`${baseURL.replace(/\/+$/, "")}/v1/models`, { headers, signal: AbortSignal.timeout(PROBE_MS) });
    return /"display_name"\s*:\s*"Rehearsal of /.test(await answer.text());
  } catch {
    return false; // Whatever is wrong with the address, the first call says it.
  }
}

/** The address without user and path, when it is not Anthropic's own. */
function foreign(baseURL: string | null): string | null {
  const url = baseURL === null ? null : new URL(baseURL);
  return url === null || url.hostname === "api.anthropic.com" ? null : url.origin;
}

function stoppedCode(why: StopWhy): number {
  if (why === "aborted") return EXIT.interrupted;
  return why === "auth" || why === "unknown_model" ? EXIT.config : EXIT.stopped;
}
