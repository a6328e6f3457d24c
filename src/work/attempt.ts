/** One attempt at a claimed task, from its claim to its next resting state. Every step can be replayed from the store. */

import type { Lease, Task } from "../domain/task.ts";
import type { Deliverable } from "../domain/deliverable.ts";
import { decideRebrief } from "../director/plan/rebrief.ts";
import { structureFindings } from "../director/review/structure.ts";
import { DIRECTOR } from "../domain/plan.ts";
import { worstVerdict, type Finding } from "../domain/review.ts";
import { needGoal } from "../store/goals.ts";
import { deathsOf } from "../store/leases.ts";
import { contextVersion } from "../store/contexts.ts";
import { contradictionsOf } from "../store/contradictions.ts";
import { runCheck, settledBy } from "./check.ts";
import { conclude, concludeRepair, fail, returnForStructure } from "./complete.ts";
import { runGate, runPlanning, runReport } from "./director-steps.ts";
import { handIn } from "./hand-in.ts";
import { judge, rereadRepair } from "./judging.ts";
import { runLookBack } from "./look-back.ts";
import { stopTask } from "./stopped.ts";
import type { Job, Team } from "./team.ts";

/** A task whose attempts ended in so many errors is not tried again. */
const MAX_ERRORS = 5;
/** Workers die for reasons of their own, and many times; a task that was at hand each time kills them. */
const MAX_DEATHS = 20;

export async function attempt(team: Team, task: Task, lease: Lease, signal: AbortSignal): Promise<void> {
  const { goal, context, deaths } = await team.store.read(async (read) => {
    const found = await needGoal(read, task.goalId);
    return {
      goal: found,
      context: found.contextVersion === 0 ? null : await contextVersion(read, found.contextVersion),
      deaths: await deathsOf(read, task.id),
    };
  });
  if (deaths >= MAX_DEATHS)
    return fail(team.store, lease, `its worker died ${deaths} times in a row while at work on it: perhaps for want of memory`);
  if (task.attempts > MAX_ERRORS)
    return fail(team.store, lease, `it ended in an error ${task.attempts - 1} times: the daemon's log says in which`);
  const job: Job = { goal, context, task, lease, signal };
  switch (task.kind) {
    case "plan":
      return runPlanning(team, job);
    case "gate":
      return runGate(team, job);
    case "check":
      return runCheck(team, job);
    case "report":
      return runReport(team, job);
    case "work":
      return work(team, job);
  }
}

async function work(team: Team, job: Job): Promise<void> {
  if (job.task.skill === DIRECTOR) return runLookBack(team, job);
  const { goal, context, task, lease, signal } = job;
  const deliverable = await handIn(team, job);
  if (!deliverable) return;
  const { rounds } = team.registry.review;
  const findings = structureFindings({
    body: deliverable.body,
    requiredSections: team.registry.skills.get(task.skill)?.sections ?? [],
    secrets: team.secrets,
  });
  if (task.deliverableId !== null) return repair(team, job, deliverable, findings);
  if (findings.length > 0) return returnForStructure(team.store, lease, deliverable, findings, rounds);
  const judged = await judge(team, job, deliverable);
  if (!judged) return;
  const { judgements } = judged;
  const rejected = worstVerdict(judgements.map((judgement) => judgement.verdict)) === "REJECT" && task.rejections === 0;
  if (!rejected) return conclude(team.store, lease, deliverable, judged, null, rounds);
  const open = judgements.flatMap((judgement) => judgement.reply.findings);
  const rebrief = await decideRebrief(
    team.journal,
    team.registry,
    { goal, context, task, rejected: deliverable, findings: open, lease },
    signal,
  );
  if (rebrief.kind === "stopped") return stopTask(team.store, lease, rebrief);
  // Without a readable brief a person decides.
  return conclude(team.store, lease, deliverable, judged, rebrief.kind === "decided" ? rebrief.value : null, rounds);
}

/** A text that had been accepted and contradicts another one was revised once: it is read again, and taken or left. */
async function repair(team: Team, job: Job, deliverable: Deliverable, findings: readonly Finding[]): Promise<void> {
  const { lease, task } = job;
  const [problem] = findings;
  if (problem) return concludeRepair(team.store, lease, deliverable, null, [], problem.problem);
  const judgement = await rereadRepair(team, job, deliverable);
  if (!judgement) return;
  const open = (await team.store.read((read) => contradictionsOf(read, task.goalId))).filter(
    (entry) => entry.wrongTaskId === task.id && entry.status === "open",
  );
  const fixed = (await settledBy(team, job, open, deliverable)).map((entry) => entry.id);
  const why =
    judgement.verdict === "APPROVE"
      ? "the contradiction is still there"
      : (judgement.reply.findings[0]?.problem ?? "its review did not approve it");
  return concludeRepair(team.store, lease, deliverable, judgement, fixed, why);
}
