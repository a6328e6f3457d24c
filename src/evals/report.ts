/** The report: what the evals say today, computed anew from recordings that fit and from the lexical baseline. No number where nothing ran. */

import { z } from "zod";
import type { Registry } from "../domain/registry.ts";
import type { LoadedEvals } from "./load.ts";
import { JUDGE_TIER } from "./judge.ts";
import { LEXICAL, lexicalRouter } from "./lexical.ts";
import { ARMS } from "./quality.ts";
import type { RecordedArm } from "./recording.ts";
import { ROUTER_TIER } from "./routing.ts";
import { meanDifference, scoreArm, scoreRouting, wilson, type ArmScore, type Tally } from "./score.ts";
import type { BriefStanding, RequestStanding, Standing, State } from "./standing.ts";

const whole = z.number().int().nonnegative();
const share = z.strictObject({ right: whole, of: whole, share: z.number(), low: z.number(), high: z.number() });
const routingScore = z.strictObject({
  all: share,
  nearMisses: share.nullable(),
  confusions: z.array(z.strictObject({ wanted: z.string(), given: z.string().nullable(), count: whole })),
  worst: z.strictObject({ skill: z.string(), right: whole, of: whole }).nullable(),
});
/** What stands behind a part: only `counted` is in its numbers. */
const counts = { counted: whole, stale: whole, rehearsed: whole, notRun: whole };
/** Where and when what is counted was recorded, and what it cost; null and empty when nothing is. */
const origin = {
  costUsd: z.number().nullable(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  /** Addresses other than Anthropic's own. */
  endpoints: z.array(z.string()),
};
const tally = z.strictObject({ passed: whole, of: whole });
const armScore = z.strictObject({ assertions: tally, checks: tally, unproven: whole });
const armOverall = z.strictObject({ assertions: share, checks: share.nullable() });

export const evalsReport = z.strictObject({
  skills: whole,
  without: z.array(z.string()),
  routing: z
    .strictObject({
      requests: whole,
      nearMisses: whole,
      lexical: z.strictObject({ method: z.string(), score: routingScore }),
      model: z.strictObject({ model: z.string(), ...counts, score: routingScore.nullable(), ...origin }),
    })
    .nullable(),
  quality: z
    .strictObject({
      briefs: whole,
      ...counts,
      judge: z.string(),
      skills: z.array(
        z.strictObject({
          skill: z.string(),
          model: z.string(),
          briefs: whole,
          counted: whole,
          with: armScore.nullable(),
          without: armScore.nullable(),
          /** Share of assertions passed with the playbook minus without, mean over briefs. */
          difference: z.number().nullable(),
          costUsd: z.number().nullable(),
        }),
      ),
      overall: z
        .strictObject({
          with: armOverall,
          without: armOverall,
          difference: z.strictObject({ mean: z.number(), low: z.number().nullable(), high: z.number().nullable(), of: whole }),
        })
        .nullable(),
      ...origin,
    })
    .nullable(),
});
export type EvalsReport = z.infer<typeof evalsReport>;

const band = z.strictObject({ calls: whole, low: z.number(), likely: z.number(), high: z.number() });
/** What a live run did; null when nothing was to be run. */
const liveResult = z.strictObject({
  rehearsal: z.boolean(),
  quote: band,
  budgetUsd: z.number(),
  spentUsd: z.number(),
  requests: whole,
  briefs: whole,
  failures: z.array(z.strictObject({ what: z.string(), detail: z.string() })),
  /** Why the rest was not begun, in a sentence. */
  stopped: z.string().nullable(),
  /** Where the recordings of a rehearsal lie. */
  recordings: z.string().nullable(),
});
export type LiveResult = z.infer<typeof liveResult>;

/** What `evals --json` prints. */
export const evalsResult = evalsReport.extend({ live: liveResult.nullable() });

/** `routing` or `quality` is null when there is nothing to measure of it (or it was not asked for). */
export function reportOf(evals: Pick<LoadedEvals, "sets" | "without">, standing: Standing, registry: Registry): EvalsReport {
  return {
    skills: evals.sets.length,
    without: [...evals.without],
    routing: routingReport(standing.requests, registry),
    quality: qualityReport(standing.briefs, registry),
  };
}

function routingReport(requests: readonly RequestStanding[], registry: Registry): EvalsReport["routing"] {
  const route = lexicalRouter([...registry.skills.values()]);
  const routed = (given: (entry: RequestStanding) => string | null) => (entry: RequestStanding) => ({
    wanted: entry.request.skill,
    near: entry.request.near,
    given: given(entry),
  });
  const lexical = scoreRouting(requests.map(routed(({ request }) => route(request.ask))));
  if (lexical === null) return null;
  const answered = requests.filter((entry) => entry.answer !== null);
  return {
    requests: requests.length,
    nearMisses: requests.filter((entry) => entry.request.near !== null).length,
    lexical: { method: LEXICAL, score: lexical },
    model: {
      model: registry.models.tiers[ROUTER_TIER],
      ...countsOf(requests),
      score: scoreRouting(answered.map(routed(({ answer }) => answer?.given ?? null))),
      ...originOf(answered.flatMap(({ answer }) => (answer ? [answer] : []))),
    },
  };
}

type Counted = { readonly standing: BriefStanding; readonly arms: Record<"with" | "without", RecordedArm> };

function qualityReport(briefs: readonly BriefStanding[], registry: Registry): EvalsReport["quality"] {
  if (briefs.length === 0) return null;
  const counted = briefs.flatMap((standing): Counted[] => {
    const { with: made, without } = { with: standing.arms.with.made, without: standing.arms.without.made };
    return standing.state === "fits" && made && without ? [{ standing, arms: { with: made, without } }] : [];
  });
  const scored = counted.map(({ standing: { brief }, arms }) => ({
    skill: brief.skill,
    with: scoreArm(brief, arms.with.body, arms.with.judgement.verdicts),
    without: scoreArm(brief, arms.without.body, arms.without.judgement.verdicts),
  }));
  const difference = (list: typeof scored) =>
    meanDifference(list.map((entry) => rate(entry.with.assertions) - rate(entry.without.assertions)));
  const paid = (list: readonly Counted[]) => list.flatMap(({ arms }) => ARMS.flatMap((arm) => [arms[arm], arms[arm].judgement]));
  const skills = [...new Set(briefs.map(({ brief }) => brief.skill))].map((skill) => {
    const own = scored.filter((entry) => entry.skill === skill);
    return {
      skill,
      model: registry.models.tiers[registry.skills.get(skill)?.tier ?? "strong"],
      briefs: briefs.filter(({ brief }) => brief.skill === skill).length,
      counted: own.length,
      with: sum(own.map((entry) => entry.with)),
      without: sum(own.map((entry) => entry.without)),
      difference: difference(own)?.mean ?? null,
      costUsd: originOf(paid(counted.filter(({ standing }) => standing.brief.skill === skill))).costUsd,
    };
  });
  const overall = difference(scored);
  const [made, without] = [overallOf(scored.map((entry) => entry.with)), overallOf(scored.map((entry) => entry.without))];
  return {
    briefs: briefs.length,
    ...countsOf(briefs),
    judge: registry.models.tiers[JUDGE_TIER],
    skills,
    overall: overall && made && without ? { with: made, without, difference: overall } : null,
    ...originOf(paid(counted)),
  };
}

function overallOf(scores: readonly ArmScore[]): z.infer<typeof armOverall> | null {
  const all = sum(scores);
  const assertions = wilson(all?.assertions.passed ?? 0, all?.assertions.of ?? 0);
  return assertions === null ? null : { assertions, checks: wilson(all?.checks.passed ?? 0, all?.checks.of ?? 0) };
}

function sum(scores: readonly ArmScore[]): ArmScore | null {
  if (scores.length === 0) return null;
  const add = (pick: (score: ArmScore) => Tally) => ({
    passed: scores.reduce((total, score) => total + pick(score).passed, 0),
    of: scores.reduce((total, score) => total + pick(score).of, 0),
  });
  return {
    assertions: add((score) => score.assertions),
    checks: add((score) => score.checks),
    unproven: scores.reduce((total, score) => total + score.unproven, 0),
  };
}

function rate({ passed, of }: Tally): number {
  return passed / of;
}

function countsOf(list: readonly { readonly state: State }[]) {
  const of = (state: State) => list.filter((entry) => entry.state === state).length;
  return { counted: of("fits"), stale: of("stale"), rehearsed: of("marked"), notRun: of("none") };
}

function originOf(paid: readonly { costUsd: number; date: string; endpoint: string | null }[]) {
  const dates = paid.map((entry) => entry.date).sort();
  return {
    costUsd: paid.length === 0 ? null : paid.reduce((total, entry) => total + entry.costUsd, 0),
    from: dates[0] ?? null,
    to: dates.at(-1) ?? null,
    endpoints: [...new Set(paid.flatMap((entry) => entry.endpoint ?? []))].sort(),
  };
}
