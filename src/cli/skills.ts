/** `marketeam skills`: the team and how it does; with `--scores` the scores over time, drift, and how the reviewers judge. */

import { loadTeam } from "../bootstrap.ts";
import { driftOf, mean, windows, type Drift } from "../domain/drift.ts";
import { EXIT } from "../domain/exit.ts";
import { DIRECTOR } from "../domain/plan.ts";
import { suggest } from "../domain/problem.ts";
import type { Registry } from "../domain/registry.ts";
import { skillSizes } from "../skills/skill-size.ts";
import { listWorks, reviewerScores, reviewerTotals, type ReviewerScores, type ScoreFilter, type Work } from "../store/scores.ts";
import type { Read } from "../store/store.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print, printJson } from "./output.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";
import { LAST_WORKS, scoresText, teamText, type ScoresResult, type TeamResult } from "./skills-text.ts";
import { openStoreThere } from "./store-there.ts";

type SkillsOptions = CommonOptions & { readonly scores?: boolean | string; readonly rehearsal?: boolean };

export async function skills(options: SkillsOptions): Promise<number> {
  const config = configFor(options);
  const { registry } = await loadTeam(config);
  const rehearsal = options.rehearsal ?? false;
  const style = stylesFor(config);
  const store = await openStoreThere(config);
  const ask = <T>(query: (read: Read) => Promise<T>, none: T) => (store === null ? none : store.read(query));
  try {
    if (options.scores === undefined) {
      const works = await ask((read) => listWorks(read, { rehearsal }), []);
      const result = teamResultOf(registry, works, rehearsal);
      if (options.json) printJson(result);
      else print(teamText(result, style));
      return EXIT.done;
    }
    const skill = typeof options.scores === "string" ? options.scores : null;
    const filter = { rehearsal, ...(skill === null ? {} : { skill }) };
    const found = await ask((read) => readScores(read, registry, filter), { works: [], reviewers: [], criteria: [] });
    if (skill !== null && found.works.length === 0) checkSkill(registry, skill);
    const result = scoresResultOf(found, filter);
    if (options.json) printJson(result);
    else
      print(
        scoresText(result, { style, blocks: Boolean(process.stdout.isTTY) && !config.noColor, floor: registry.review.reject }),
      );
    return EXIT.done;
  } finally {
    await store?.close();
  }
}

/** A skill that has left the team keeps its scores; a name that never was one is a mistake. */
function checkSkill(registry: Registry, skill: string): void {
  if (registry.skills.has(skill)) return;
  throw new UsageError(`unknown skill "${oneLine(skill, 60)}"`, suggest(skill, [...registry.skills.keys()]));
}

/** The team in the order of its squads. Scores and shares are those of each skill's last 20 accepted works. */
export function teamResultOf(
  registry: Pick<Registry, "skills" | "squads">,
  works: readonly Work[],
  rehearsal: boolean,
): TeamResult {
  const bySkill = Map.groupBy(works, (work) => work.skill);
  const sizes = new Map(skillSizes(registry).map((size) => [size.skill, size.call.chars]));
  const order = [...registry.squads.keys()];
  const team = [...registry.skills.values()].map(({ name, squad, tier, rubric }) => {
    const accepted = (bySkill.get(name) ?? []).flatMap((work) => work.accepted ?? []);
    const last = accepted.slice(-LAST_WORKS);
    return {
      ...{ squad, skill: name, tier, rubric },
      finished: accepted.length,
      score: meanOf(last.map((entry) => entry.score)),
      approvedAtOnce: last.length === 0 ? null : rounded(last.filter((entry) => entry.atOnce).length / last.length),
      promptChars: sizes.get(name) ?? 0,
    };
  });
  return { rehearsal, skills: team.toSorted((a, b) => order.indexOf(a.squad) - order.indexOf(b.squad)) };
}

type Criterion = NonNullable<ScoresResult["criteria"]>[number];
type Found = {
  readonly works: readonly Work[];
  readonly reviewers: Awaited<ReturnType<typeof reviewerTotals>>;
  readonly criteria: Criterion[];
};

async function readScores(read: Read, registry: Registry, filter: ScoreFilter): Promise<Found> {
  const works = await listWorks(read, filter);
  const reviewers = await reviewerTotals(read, filter);
  if (filter.skill === undefined) return { works, reviewers, criteria: [] };
  const { recent, before } = windows(works.filter(isScored));
  const given = await reviewerScores(
    read,
    [...recent, ...before].map(({ taskId, accepted }) => ({ taskId, revision: accepted.revision })),
  );
  // The Director scores with the maker's rubric, another skill with its own.
  const rubricOf = (reviewer: string) =>
    registry.skills.get(reviewer === DIRECTOR ? (filter.skill ?? "") : reviewer)?.rubric ?? null;
  const sides = { recent: new Set(recent.map((work) => work.taskId)), before: new Set(before.map((work) => work.taskId)) };
  return { works, reviewers, criteria: criteriaOf(given, rubricOf, sides) };
}

/** Means by rubric and criterion, of the latest works and of those before. */
export function criteriaOf(
  given: readonly ReviewerScores[],
  rubricOf: (reviewer: string) => string | null,
  { recent, before }: { readonly recent: ReadonlySet<string>; readonly before: ReadonlySet<string> },
): Criterion[] {
  const all = given.flatMap(({ taskId, reviewer, scores }) =>
    scores.map(({ criterion, score }) => ({ taskId, rubric: rubricOf(reviewer), criterion, score })),
  );
  return [...Map.groupBy(all, (entry) => `${entry.rubric ?? ""} ${entry.criterion}`).values()].flatMap((entries) => {
    const [first] = entries;
    if (!first) return [];
    const of = (tasks: ReadonlySet<string>) =>
      meanOf(entries.filter(({ taskId }) => tasks.has(taskId)).map(({ score }) => score));
    return [{ rubric: first.rubric, criterion: first.criterion, scores: entries.length, recent: of(recent), before: of(before) }];
  });
}

/** What `--scores` shows. `works` counts accepted works that have a score; a person's own text has none. */
export function scoresResultOf({ works, reviewers, criteria }: Found, { rehearsal, skill }: ScoreFilter): ScoresResult {
  const bySkill = Map.groupBy(works, (work) => work.skill);
  return {
    rehearsal,
    skills: [...bySkill]
      .map(([name, own]) => historyOf(name, own))
      .filter((entry) => entry.works > 0 || entry.first !== null)
      .toSorted((a, b) => (a.skill < b.skill ? -1 : 1)),
    criteria: skill === undefined ? null : criteria,
    reviewers: reviewers.map((entry) => ({ ...entry, mean: rounded(entry.mean) })),
  };
}

function historyOf(skill: string, works: readonly Work[]): ScoresResult["skills"][number] {
  const scores = works.filter(isScored).map((work) => work.accepted.score);
  return {
    skill,
    works: scores.length,
    first: meanOf(works.flatMap((work) => work.first ?? []).slice(-LAST_WORKS)),
    accepted: meanOf(scores.slice(-LAST_WORKS)),
    drift: roundedDrift(driftOf(scores)),
    last: scores.slice(-LAST_WORKS),
    weeks: [...Map.groupBy(works, (work) => weekOf(work.at))].map(([week, own]) => ({
      week,
      works: own.filter(isScored).length,
      first: meanOf(own.map((work) => work.first)),
      accepted: meanOf(own.map((work) => work.accepted?.score ?? null)),
    })),
  };
}

type Scored = Work & { readonly accepted: { readonly revision: number; readonly score: number } };

function isScored(work: Work): work is Scored {
  return work.accepted !== null && work.accepted.score !== null;
}

/** The Monday of the week, in UTC: `2026-11-16`. */
export function weekOf(at: number): string {
  const day = new Date(at);
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}

function roundedDrift(drift: Drift): Drift {
  if (drift.state === "unknown") return drift;
  const side = ({ works, mean: value }: typeof drift.recent) => ({ works, mean: rounded(value) });
  return {
    ...drift,
    recent: side(drift.recent),
    before: side(drift.before),
    change: rounded(drift.change),
    t: drift.t === null ? null : rounded(drift.t),
    df: rounded(drift.df),
  };
}

/** Mean of what is there, null of nothing. */
function meanOf(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null);
  return there.length === 0 ? null : rounded(mean(there));
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
