/** What stands of the recordings today: which answers still fit their inputs, which are stale, and what was never run. */

import type { Problem } from "../domain/problem.ts";
import type { Registry, Skill } from "../domain/registry.ts";
import type { CallSpec } from "../journal/request.ts";
import type { Make } from "../work/make-spec.ts";
import type { Brief, EvalSet, Request } from "./data.ts";
import { judgeHash } from "./judge.ts";
import { ARMS, armHash, armJob, type Arm } from "./quality.ts";
import { readRecordings, type RecordedArm, type RoutedAnswer, type Shelf } from "./recording.ts";
import { routeHash, ROUTER_TIER } from "./routing.ts";

/** `marked`: made by a rehearsal where a real one is wanted, or the other way round. Only `fits` is counted. */
export type State = "fits" | "stale" | "marked" | "none";

export type RequestStanding = {
  readonly request: Request;
  readonly hash: string;
  readonly state: State;
  /** Null unless it fits. */
  readonly answer: RoutedAnswer | null;
};

export type ArmStanding = {
  readonly job: Make;
  readonly hash: string;
  /** The recorded deliverable, when its inputs still fit. */
  readonly made: RecordedArm | null;
  /** Whether its judgement fits, too: a changed assertion needs a new judgement, not a new deliverable. */
  readonly judged: boolean;
};

export type BriefStanding = {
  readonly brief: Brief;
  readonly skill: Skill;
  readonly arms: Readonly<Record<Arm, ArmStanding>>;
  readonly state: State;
};

export type Standing = {
  readonly requests: readonly RequestStanding[];
  readonly briefs: readonly BriefStanding[];
  readonly problems: readonly Problem[];
};

/** Reads the recordings on a shelf against the evals, texts and models as they are now. `rehearsal`: the mark that counts there. */
export async function standingOf(
  shelf: Shelf,
  sets: readonly EvalSet[],
  registry: Registry,
  rehearsal: boolean,
): Promise<Standing> {
  const requests: RequestStanding[] = [];
  const briefs: BriefStanding[] = [];
  const problems: Problem[] = [];
  const skills = [...registry.skills.values()];
  const router = registry.models.tiers[ROUTER_TIER];
  for (const set of sets) {
    const skill = registry.skills.get(set.skill);
    if (!skill) continue;
    const found = await readRecordings(shelf, set.skill);
    problems.push(...found.problems);
    const answers = found.recordings.flatMap((entry) =>
      entry.kind === "routing" ? entry.answers.map((answer) => ({ answer, rehearsal: entry.rehearsal })) : [],
    );
    for (const request of set.requests) {
      const hash = routeHash(skills, request.ask, router);
      const own = answers.filter(({ answer }) => answer.ask === request.ask);
      const answer = own.find((entry) => entry.rehearsal === rehearsal && entry.answer.hash === hash)?.answer ?? null;
      requests.push({ request, hash, answer, state: stateOf(answer !== null, own, rehearsal) });
    }
    for (const brief of set.briefs) {
      const own = found.recordings.flatMap((entry) => (entry.kind === "quality" && entry.id === brief.id ? [entry] : []));
      const usable = own.find((entry) => entry.rehearsal === rehearsal) ?? null;
      const standingArm = async (arm: Arm): Promise<ArmStanding> => {
        const job = armJob(brief, skill, arm, NOBODY);
        const hash = await armHash(registry, job);
        const made = usable !== null && usable[arm].hash === hash ? usable[arm] : null;
        return { job, hash, made, judged: made?.judgement.hash === judgeHash(brief, made?.body ?? "", registry.models) };
      };
      const arms = { with: await standingArm("with"), without: await standingArm("without") };
      const fits = ARMS.every((arm) => arms[arm].made !== null && arms[arm].judged);
      briefs.push({ brief, skill, arms, state: stateOf(fits, own, rehearsal) });
    }
  }
  return { requests, briefs, problems };
}

function stateOf(fits: boolean, own: readonly { rehearsal: boolean }[], rehearsal: boolean): State {
  if (fits) return "fits";
  if (own.length === 0) return "none";
  return own.some((entry) => entry.rehearsal === rehearsal) ? "stale" : "marked";
}

/** For prompts that are only looked at: whose budget a call counts in is no part of its text. */
const NOBODY: CallSpec["goal"] = { id: "", priority: "P2", cap: 0, allowed: 0, rehearsal: false };
