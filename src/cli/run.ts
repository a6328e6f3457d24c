/** `marketeam "goal"`: plan it, run it, show it, say how it ended. */

import { loadTeam, type Application, type LoadedTeam } from "../bootstrap.ts";
import type { RuntimeConfig } from "../config.ts";
import { checkGoalText, PRIORITIES, type Priority } from "../domain/goal.ts";
import { EXIT } from "../domain/exit.ts";
import { dollars, nano } from "../domain/money.ts";
import type { Plan } from "../domain/plan.ts";
import { nearest, suggest } from "../domain/problem.ts";
import type { GoalResult } from "../domain/result.ts";
import { planFromPipeline } from "../skills/pipeline-plan.ts";
import { acceptGoal, type NewWork } from "../work/accept.ts";
import { dryRun, quoteWritten, type DryRun } from "../work/dry-run.ts";
import { UsageError } from "./errors.ts";
import { onInterrupt } from "./interrupt.ts";
import { note, print, printJson } from "./output.ts";
import { planText } from "./plan-text.ts";
import { seeThrough } from "./see-through.ts";
import { noteProblems, openTeam } from "./application.ts";
import { configFor, interactive, type RunFlags } from "./session.ts";
import { storeThere } from "./store-there.ts";

type RunOptions = RunFlags & {
  readonly pipeline?: string;
  readonly dryRun?: boolean;
  readonly confirm?: boolean;
  readonly priority: string;
  readonly category?: string;
  readonly budget?: number;
  readonly daemon?: boolean;
  readonly yes?: boolean;
};

const COMMANDS =
  "status show resume cancel approvals approve reject effects costs learnings skills schedules events email queue notify tools validate evals doctor init export backup rehearsal completion help".split(
    " ",
  );

export async function run(words: readonly string[], options: RunOptions): Promise<number> {
  if (options.daemon) {
    if (words.length > 0 || options.pipeline !== undefined)
      throw new UsageError("--daemon takes no goal", "start the goal by itself: the daemon's team works on it too");
    return (await import("./daemon.ts")).daemon(options);
  }
  const text = goalText(words, options);
  if (options.json && options.events) throw new UsageError("--json and --events both want stdout", "choose one of them");
  // What was typed is checked before anything is opened: a mistake leaves no trace.
  const config = configFor(options);
  if (options.confirm && (!process.stdin.isTTY || !interactive(config)))
    throw new UsageError("--confirm needs a terminal to ask in", "leave it out, or use --dry-run to see the plan");
  const team = await loadTeam(config);
  const work = newWork(team, config, text, options);
  if (options.dryRun && work.plan !== null && !storeThere(config)) {
    noteProblems(team.problems);
    const { rehearsal } = work;
    return showPlan(
      quoteWritten(work.plan, team.registry, { rehearsal, workspace: config.workspace, now: Date.now() }),
      work,
      options,
    );
  }
  await using app = await openTeam(options, { model: !(options.dryRun && work.plan !== null), team });
  if (options.dryRun) return await showDryRun(app, work, options);
  const ready = options.confirm ? await confirmed(app, work) : work;
  if (typeof ready === "number") return ready;
  const goalId = await acceptGoal(app.team, ready);
  return await seeThrough(app, goalId, options);
}

/** The goal as typed. What looks like a mistyped command or a goal without quotes is not taken for a goal. */
function goalText(words: readonly string[], options: RunOptions): string {
  const [first] = words;
  if (first === undefined) {
    if (options.pipeline !== undefined) return "";
    throw new UsageError(
      "say what you want",
      'for example: bun run start --rehearse "Increase signup conversion by 20%" (or --help)',
    );
  }
  if (words.length > 1) {
    const near = nearest(first, COMMANDS);
    throw new UsageError(
      near === first
        ? `too many words behind "${first}"`
        : near !== null
          ? `there is no command "${first}"`
          : `${words.length} separate words: which of them is the goal?`,
      near !== null && near !== first
        ? `did you mean "${near}"? A goal goes in quotes: "${words.join(" ")}"`
        : `put the goal in quotes: "${words.join(" ")}"`,
    );
  }
  if (!/\s/.test(first) && first !== "") {
    const near = nearest(first, COMMANDS);
    if (near !== null)
      throw new UsageError(`there is no command "${first}"`, `did you mean "${near}"? A goal is a sentence, in quotes.`);
    // A word of ours is a command that we do not have, or too little to plan by. Some scripts put a sentence into one word.
    if (/^[\w.-]+$/.test(first) && options.pipeline === undefined)
      throw new UsageError(
        `"${first}" is no command, and one word is too little for a goal`,
        'say in a sentence what you want, in quotes: bun run start "Increase signup conversion by 20%" (commands: --help)',
      );
  }
  const checked = checkGoalText(first);
  if ("problem" in checked) throw new UsageError(checked.problem);
  return checked.text;
}

function newWork({ registry }: LoadedTeam, config: RuntimeConfig, text: string, options: RunOptions): NewWork {
  if (!PRIORITIES.includes(options.priority as Priority))
    throw new UsageError(`unknown priority "${options.priority}"`, `use one of ${PRIORITIES.join(", ")}`);
  const categories = Object.keys(registry.routing.categories);
  if (options.category !== undefined && !categories.includes(options.category)) {
    throw new UsageError(`unknown category "${options.category}"`, suggest(options.category, categories));
  }
  let plan: Plan | null = null;
  if (options.pipeline !== undefined) {
    const wanted = options.pipeline.trim().toLowerCase();
    const found = [...registry.pipelines].find(([name]) => name.toLowerCase() === wanted);
    if (!found) {
      const near = nearest(options.pipeline, registry.pipelines.keys());
      throw new UsageError(
        `unknown pipeline "${options.pipeline}"${near === null ? "" : `: did you mean "${near}"?`}`,
        `known: ${[...registry.pipelines.keys()].join(", ")}`,
      );
    }
    plan = planFromPipeline(found[0], found[1], text === "" ? null : text);
    if (options.category !== undefined) plan = { ...plan, category: options.category };
  }
  return {
    text: text === "" ? (plan?.title ?? "") : text,
    category: options.category ?? null,
    source: "cli",
    priority: options.priority as Priority,
    cap: options.budget === undefined ? config.caps.goal : nano(options.budget),
    rehearsal: options.rehearse ?? false,
    plan,
  };
}

async function showDryRun(app: Application, work: NewWork, options: RunOptions): Promise<number> {
  await using interrupt = onInterrupt(() => {});
  const outcome = await dryRun(app.team, work, AbortSignal.any([interrupt.stop, interrupt.abort]));
  if (outcome.kind === "failed") return sayFailed(outcome, interrupt.stop.aborted);
  return showPlan(outcome.result, work, options);
}

/** A plan that could not be made: why, and how to exit. */
function sayFailed({ detail, stopped }: Extract<DryRun, { kind: "failed" }>, interrupted: boolean): number {
  note(`error: ${detail}`);
  if (interrupted) return EXIT.interrupted;
  const why = stopped?.why;
  return why === "auth" || why === "unknown_model" ? EXIT.config : why ? EXIT.stopped : EXIT.failed;
}

function showPlan(result: GoalResult, work: NewWork, options: RunOptions): number {
  if (options.json) printJson(result);
  else print(planText(result, work.cap));
  return EXIT.done;
}

/** Plans, shows the plan and asks. The plan that was shown is the one that runs; without one, how to exit. */
async function confirmed(app: Application, work: NewWork): Promise<NewWork | number> {
  await using interrupt = onInterrupt(() => {});
  const outcome = await dryRun(app.team, work, AbortSignal.any([interrupt.stop, interrupt.abort]));
  if (outcome.kind === "failed") return sayFailed(outcome, interrupt.stop.aborted);
  note(planText(outcome.result, work.cap));
  const { confirm, isCancel } = await import("@clack/prompts");
  const go = await confirm({ message: `Run this plan? It may spend up to ${dollars(work.cap)}.`, output: process.stderr });
  if (isCancel(go) || !go) {
    note("Nothing was started.");
    return EXIT.stopped;
  }
  return { ...work, plan: outcome.plan };
}
