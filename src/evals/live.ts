/** The live run: makes what has no fitting recording, through the journal, and keeps each answer as soon as it is there. */

import type { Call } from "../domain/call.ts";
import { usd } from "../domain/money.ts";
import type { ModelsFile } from "../domain/registry.ts";
import type { Decision } from "../journal/decide.ts";
import type { Journal } from "../journal/journal.ts";
import type { Stopped } from "../journal/outcome.ts";
import type { CallSpec } from "../journal/request.ts";
import { callsOfGoal } from "../store/calls.ts";
import type { Made } from "../work/executor.ts";
import type { Team } from "../work/team.ts";
import type { Request } from "./data.ts";
import { judge, judgeHash, judgeSpec, JUDGE_TIER } from "./judge.ts";
import { armJob, makeArm, subjectOf, type Arm } from "./quality.ts";
import { inputsHash, writeRecording, type RecordedArm, type Recording, type RoutedAnswer, type Shelf } from "./recording.ts";
import { batches, route, routeHash, ROUTER_TIER, routeSpec } from "./routing.ts";
import type { BriefStanding, Standing } from "./standing.ts";

export type LiveOptions = {
  readonly team: Team;
  /** Whose budget the calls count in; its id is part of the journal's key (`scopeId`). */
  readonly scope: CallSpec["goal"];
  readonly shelf: Shelf;
  readonly endpoint: string | null;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Told of each batch and brief that was recorded, in a line. */
  readonly onDone: (line: string) => void;
};

export type LiveEnd = {
  readonly requests: number;
  readonly briefs: number;
  /** What was answered and cannot be used; it is not recorded and not counted. */
  readonly failures: readonly { readonly what: string; readonly detail: string }[];
  /** Why the rest was not begun; null when all was. */
  readonly stopped: Stopped | null;
  readonly spentUsd: number;
};

/**
 * The id under which a run's calls are kept: the same inputs, the same id, so that a run that was interrupted goes on where
 * it was and pays nothing twice. A rehearsal's never meets a real one's.
 */
export function scopeId(standing: Standing, endpoint: string | null, rehearsal: boolean): string {
  const requests = standing.requests.map((entry) => entry.hash);
  const briefs = standing.briefs.map(({ brief, arms }) => [brief.id, brief.assertions, arms.with.hash, arms.without.hash]);
  return `evals-${inputsHash([requests, briefs, endpoint]).slice(0, 12)}${rehearsal ? "-rehearsal" : ""}`;
}

/** Runs what is open. Never throws for what a model may answer; what was recorded before an end of any kind stays. */
export async function runLive(standing: Standing, options: LiveOptions): Promise<LiveEnd> {
  const { team, scope } = options;
  const calls = await team.store.read((read) => callsOfGoal(read, scope.id));
  const run: Run = {
    ...options,
    journal: comparable(team.journal, team.registry.models, calls),
    date: new Date(team.now()).toISOString().slice(0, 10),
    done: { requests: 0, briefs: 0 },
    failures: [],
    stopped: null,
    saving: Promise.resolve(),
  };
  const before = spent(calls);
  const answers = new Map<string, RoutedAnswer[]>();
  for (const { request, answer } of standing.requests)
    if (answer) answers.set(request.skill, [...(answers.get(request.skill) ?? []), answer]);
  const open = batches(standing.requests);
  // The first batch writes the cache that the others read.
  await each(run, open.slice(0, 1), (batch) => routeBatch(run, batch, answers));
  await each(run, open.slice(1), (batch) => routeBatch(run, batch, answers));
  await each(
    run,
    standing.briefs.filter((entry) => entry.state !== "fits"),
    (entry) => recordBrief(run, entry),
  );
  const after = spent(await team.store.read((read) => callsOfGoal(read, scope.id)));
  return { ...run.done, failures: run.failures, stopped: run.stopped, spentUsd: usd(after - before) };
}

type Run = LiveOptions & {
  readonly journal: Journal;
  readonly date: string;
  readonly done: { requests: number; briefs: number };
  readonly failures: { what: string; detail: string }[];
  stopped: Stopped | null;
  saving: Promise<void>;
};

/** Works on the items side by side, in order, until one says that nothing more may go out. */
async function each<T>(run: Run, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined && run.stopped === null; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: run.concurrency }, lane));
}

async function routeBatch(run: Run, batch: readonly Request[], answers: Map<string, RoutedAnswer[]>): Promise<void> {
  const { team, scope } = run;
  const skills = [...team.registry.skills.values()];
  const asks = batch.map((request) => request.ask);
  const decision = await route(run.journal, skills, asks, scope, run.signal);
  const given = usable(run, `a batch of ${batch.length} requests`, decision);
  if (given === null) return;
  const { subject, step } = routeSpec(skills, asks, scope).key;
  const cost = await costOf(run, (call) => call.subject === subject && call.step === step);
  const model = team.registry.models.tiers[ROUTER_TIER];
  for (const [i, { skill, ask }] of batch.entries()) {
    const answer = {
      ...{ ask, given: given[i] ?? "", hash: routeHash(skills, ask, model), model },
      ...{ endpoint: run.endpoint, date: run.date, costUsd: cost / batch.length },
    };
    answers.set(skill, [...(answers.get(skill) ?? []), answer]);
  }
  for (const skill of new Set(batch.map((request) => request.skill)))
    await save(run, { kind: "routing", skill, rehearsal: scope.rehearsal, answers: answers.get(skill) ?? [] });
  run.done.requests += batch.length;
  run.onDone(`routed ${batch.length} requests, $${cost.toFixed(4)}`);
}

async function recordBrief(run: Run, standing: BriefStanding): Promise<void> {
  const { brief } = standing;
  const made = await recordArm(run, standing, "with");
  if (made === null) return;
  const without = await recordArm(run, standing, "without");
  if (without === null) return;
  const { skill, id } = brief;
  await save(run, { kind: "quality", skill, id, rehearsal: run.scope.rehearsal, with: made, without });
  run.done.briefs++;
  const cost = [made, without].reduce((sum, arm) => sum + arm.costUsd + arm.judgement.costUsd, 0);
  run.onDone(`made and judged ${skill}/${id}, with and without its playbook, $${cost.toFixed(4)}`);
}

/** One deliverable and its judgement, each taken from the recording where it still fits. Null when there is none. */
async function recordArm(run: Run, { brief, skill, arms }: BriefStanding, arm: Arm): Promise<RecordedArm | null> {
  const { team, scope } = run;
  const { models } = team.registry;
  const subject = subjectOf(brief, arm);
  const common = { endpoint: run.endpoint, date: run.date };
  let deliverable: Omit<RecordedArm, "judgement"> | null = arms[arm].made;
  if (deliverable === null) {
    const outcome = await makeArm(team, run.journal, armJob(brief, skill, arm, scope), run.signal);
    const body = usable(run, `${brief.skill}/${brief.id} (${arm} the playbook)`, outcome);
    if (body === null) return null;
    const costUsd = await costOf(run, (call) => call.subject === subject && call.step === "make");
    deliverable = { body, hash: arms[arm].hash, model: models.tiers[skill.tier], costUsd, ...common };
  } else if (arms[arm].judged) return arms[arm].made;
  const spec = judgeSpec(brief, deliverable.body, scope, subject);
  const decision = await judge(run.journal, spec, brief.assertions, run.signal);
  const verdicts = usable(run, `the judgement of ${brief.skill}/${brief.id} (${arm} the playbook)`, decision);
  if (verdicts === null) return null;
  const costUsd = await costOf(run, (call) => call.subject === subject && call.step === spec.key.step);
  const hash = judgeHash(brief, deliverable.body, models);
  const { body, hash: madeHash, model, costUsd: makeCost, endpoint, date } = deliverable;
  return {
    ...{ body, hash: madeHash, model, costUsd: makeCost, endpoint, date },
    judgement: { verdicts, hash, model: models.tiers[JUDGE_TIER], costUsd, ...common },
  };
}

/** The value of an outcome; else the reason is noted, and a stop ends the run. */
function usable<T>(run: Run, what: string, outcome: Decision<T>): T | null;
function usable(run: Run, what: string, outcome: Made): string | null;
function usable<T>(run: Run, what: string, outcome: Decision<T> | Made): T | string | null {
  switch (outcome.kind) {
    case "decided":
      return outcome.value;
    case "made":
      return outcome.body;
    case "stopped":
      run.stopped ??= outcome;
      return null;
    default:
      run.failures.push({ what, detail: `${outcome.why}: ${outcome.detail}` });
      return null;
  }
}

async function save(run: Run, entry: Recording): Promise<void> {
  // One after the other: batches side by side write the same skill's file.
  run.saving = run.saving.then(() => writeRecording(run.shelf, entry));
  await run.saving;
}

async function costOf(run: Run, which: (call: Call) => boolean): Promise<number> {
  const calls = await run.team.store.read((read) => callsOfGoal(read, run.scope.id));
  return usd(spent(calls.filter(which)));
}

function spent(calls: readonly Call[]): number {
  return calls.reduce((sum, call) => sum + call.cost, 0);
}

/**
 * The journal as an eval needs it. No lease: nothing in the store is worked on. And no other model than the tier's: when a
 * cap is nearly used, the journal goes to a cheaper one, and what that hands in is no comparison. Such an answer ends the
 * run, and is passed over by the next one.
 */
function comparable(journal: Journal, models: ModelsFile, calls: readonly Call[]): Journal {
  return {
    async call(spec, signal) {
      const wanted = models.tiers[spec.tier];
      const { subject, step } = spec.key;
      const others = calls.filter((call) => call.subject === subject && call.step === step && call.model !== wanted);
      const revision = Math.max(spec.key.revision, ...others.map((call) => call.revision + 1));
      const outcome = await journal.call({ ...spec, lease: null, key: { ...spec.key, revision } }, signal);
      if (outcome.kind === "stopped" || outcome.model === wanted) return outcome;
      const detail = `so much of a cap is used that the journal went to ${outcome.model}: its answer is no comparison and is not recorded`;
      return { kind: "stopped", why: "budget", detail };
    },
    refuseNew: () => journal.refuseNew(),
  };
}
