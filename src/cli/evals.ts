/** `marketeam evals`: how well requests find their skill, and what a playbook adds to the work. Only --live calls a model. */

import { loadTeam, RegistryError } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import { suggest, type Problem } from "../domain/problem.ts";
import type { Registry } from "../domain/registry.ts";
import type { EvalSet } from "../evals/data.ts";
import { loadEvals, type LoadedEvals } from "../evals/load.ts";
import { shippedShelf } from "../evals/recording.ts";
import { reportOf } from "../evals/report.ts";
import { standingOf } from "../evals/standing.ts";
import { goLive, type LiveFlags } from "./evals-live.ts";
import { evalsText } from "./evals-text.ts";
import { UsageError } from "./errors.ts";
import { print, printJson } from "./output.ts";
import { noteProblems } from "./application.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";

type EvalsOptions = CommonOptions &
  LiveFlags & {
    readonly skill?: string;
    readonly only?: "routing" | "quality";
    readonly live?: boolean;
    readonly limit?: number;
  };

export async function evals(options: EvalsOptions): Promise<number> {
  if (!options.live && (options.rehearse || options.budget !== undefined))
    throw new UsageError("--rehearse and --budget are for a live run", "add --live; without it no model is asked");
  const config = configFor(options);
  const team = await loadTeam(config);
  const { registry } = team;
  const loaded = await loadEvals(config.root, registry);
  refuseErrors(loaded.problems);
  const chosen = choose(loaded, registry, options);
  const shelf = shippedShelf(config.root);
  const stand = async () => {
    const standing = await standingOf(shelf, chosen.sets, registry, false);
    refuseErrors(standing.problems);
    return standing;
  };
  const before = await stand();
  const went = options.live ? await goLive({ config, team, sets: chosen.sets, standing: before, shelf, options }) : null;
  if (went === "declined") return EXIT.stopped;
  const report = reportOf(chosen, went === null ? before : await stand(), registry);
  const live = went?.result ?? null;
  if (options.json) printJson({ ...report, live });
  else print(evalsText(report, live, stylesFor(config)));
  return went?.exit ?? EXIT.done;
}

function refuseErrors(problems: readonly Problem[]): void {
  if (problems.some((problem) => problem.severity === "error")) throw new RegistryError(problems);
  noteProblems(problems);
}

/** What was asked for of what there is. */
function choose(loaded: LoadedEvals, registry: Registry, options: EvalsOptions): Pick<LoadedEvals, "sets" | "without"> {
  const { skill, only, limit = Number.POSITIVE_INFINITY } = options;
  if (skill !== undefined && !registry.skills.has(skill))
    throw new UsageError(`unknown skill "${skill}"`, suggest(skill, [...registry.skills.keys()]));
  if (skill !== undefined && loaded.without.includes(skill))
    throw new UsageError(`the skill "${skill}" has no evals`, "docs/evals.md says how to add some");
  const part = (set: EvalSet): EvalSet => ({
    skill: set.skill,
    requests: only === "quality" ? [] : set.requests.slice(0, limit),
    briefs: only === "routing" ? [] : set.briefs.slice(0, limit),
  });
  return {
    sets: loaded.sets.filter((set) => skill === undefined || set.skill === skill).map(part),
    without: skill === undefined ? loaded.without : [],
  };
}
