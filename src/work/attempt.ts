/** One attempt at a claimed task, from its claim to its next resting state. Every step can be replayed from the store. */

import { hashOf, type Deliverable } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import { DIRECTOR } from "../domain/plan.ts";
import type { Lease, Task } from "../domain/task.ts";
import { learningsForSkill } from "../director/learn/learn.ts";
import { decideRebrief } from "../director/plan/rebrief.ts";
import { reviewDeliverable, type Judgement } from "../director/review/review.ts";
import { structureFindings } from "../director/review/structure.ts";
import { worstVerdict } from "../domain/review.ts";
import { reviewsOf, versionsOf } from "../store/deliverables.ts";
import { needGoal } from "../store/goals.ts";
import { contextVersion } from "../store/records.ts";
import { block, conclude, deliver, fail, returnForStructure } from "./complete.ts";
import { digestOf, directorSkill } from "./director-work.ts";
import { make } from "./executor.ts";
import { inputsOf } from "./inputs.ts";
import { runGate, runPlanning, runReport } from "./director-steps.ts";
import { stopTask } from "./stopped.ts";
import type { Job, Team } from "./team.ts";

/** A task that stopped the process this often without an end is not tried again. */
const MAX_ATTEMPTS = 5;

export async function attempt(team: Team, task: Task, lease: Lease, signal: AbortSignal): Promise<void> {
  if (task.attempts > MAX_ATTEMPTS)
    return fail(team.store, lease, `it was begun ${task.attempts - 1} times and never came to an end`);
  const { goal, context } = await team.store.read(async (read) => {
    const found = await needGoal(read, task.goalId);
    return { goal: found, context: found.contextVersion === 0 ? null : await contextVersion(read, found.contextVersion) };
  });
  const job: Job = { goal, context, task, lease, signal };
  switch (task.kind) {
    case "plan":
      return runPlanning(team, job);
    case "gate":
      return runGate(team, job);
    case "report":
      return runReport(team, job);
    case "work":
      return work(team, job);
  }
}

async function work(team: Team, job: Job): Promise<void> {
  const { goal, context, task, lease, signal } = job;
  const deliverable = await handIn(team, job);
  if (!deliverable) return;
  const { rounds } = team.registry.review;
  const findings = structureFindings({
    body: deliverable.body,
    requiredSections: team.registry.skills.get(task.skill)?.sections ?? [],
    secrets: team.secrets,
  });
  if (findings.length > 0) return returnForStructure(team.store, lease, deliverable, findings, rounds);
  const judgements = await judge(team, job, deliverable);
  if (!judgements) return;
  const rejected = worstVerdict(judgements.map((judgement) => judgement.verdict)) === "REJECT" && task.rejections === 0;
  if (!rejected) return conclude(team.store, lease, deliverable, judgements, null, rounds);
  const open = judgements.flatMap((judgement) => judgement.reply.findings);
  const rebrief = await decideRebrief(
    team.journal,
    team.registry,
    { goal, context, task, rejected: deliverable, findings: open, lease },
    signal,
  );
  if (rebrief.kind === "stopped") return stopTask(team.store, lease, rebrief);
  // Without a readable brief a person decides.
  return conclude(team.store, lease, deliverable, judgements, rebrief.kind === "decided" ? rebrief.value : null, rounds);
}

/** The version of this revision: the stored one after a crash, else made now. Null when the task came to rest without one. */
async function handIn(team: Team, job: Job): Promise<Deliverable | null> {
  const { goal, context, task, lease, signal } = job;
  const before = await team.store.read(async (read) => ({
    versions: await versionsOf(read, task.id),
    reviews: await reviewsOf(read, task.id),
    learnings: await learningsForSkill(read, task.skill, goal.rehearsal),
  }));
  const stored = before.versions.find((version) => version.revision === task.revision);
  if (stored) return stored;
  const last = before.versions.at(-1);
  const previous = last
    ? {
        revision: last.revision,
        body: last.body,
        findings: before.reviews.filter((review) => review.deliverableId === last.id).flatMap((review) => review.findings),
      }
    : null;
  const skill = task.skill === DIRECTOR ? directorSkill(team.registry) : team.registry.skills.get(task.skill);
  if (!skill) {
    await fail(team.store, lease, `the skill "${task.skill}" is not in the team any more (see \`validate\`)`);
    return null;
  }
  const inputs = [...(await inputsOf(team, task)), ...(task.skill === DIRECTOR ? [await digestOf(team, goal)] : [])];
  const made = await make(team, { goal, task, skill, context, learnings: before.learnings, inputs, previous, lease }, signal);
  if (made.kind === "stopped") {
    await stopTask(team.store, lease, made);
    return null;
  }
  if (made.kind === "unusable") {
    if (made.why === "refusal")
      await block(team.store, lease, "risk", (entry) => `The model refused "${entry.key}". How should it go on?`, made.detail);
    else await fail(team.store, lease, `no usable deliverable (${made.why}): ${made.detail}`);
    return null;
  }
  const deliverable: Deliverable = {
    id: newId("dlv"),
    taskId: task.id,
    goalId: goal.id,
    revision: task.revision,
    origin: "agent",
    skill: task.skill,
    body: made.body,
    hash: hashOf(made.body),
    missing: made.missing,
    warnings: made.warnings,
    score: null,
    summary: null,
    facts: [],
    createdAt: team.now(),
  };
  await deliver(team.store, lease, deliverable, made.model, goal.rehearsal);
  return deliverable;
}

/** All reviewers read the same version, in order. Null when the task came to rest without a judgement. */
async function judge(team: Team, job: Job, deliverable: Deliverable): Promise<Judgement[] | null> {
  const { goal, context, task, lease, signal } = job;
  // The Director's own work has no reviewer above it.
  if (task.skill === DIRECTOR) return [];
  // A first version has nothing behind it.
  const reviews = deliverable.revision === 0 ? [] : await team.store.read((read) => reviewsOf(read, task.id));
  const earlier = reviews
    .filter((review) => review.revision === Math.max(-1, ...reviews.map((entry) => entry.revision)))
    .flatMap((review) => review.findings);
  const judgements: Judgement[] = [];
  for (const reviewer of task.reviewers.length > 0 ? task.reviewers : [DIRECTOR]) {
    const decision = await reviewDeliverable(
      team.journal,
      team.registry,
      { goal, context, task, deliverable, reviewer, earlier, lease },
      signal,
    );
    if (decision.kind === "stopped") {
      await stopTask(team.store, lease, decision);
      return null;
    }
    if (decision.kind === "unreadable") {
      // A review that cannot be read is never an approval.
      await block(
        team.store,
        lease,
        "quality",
        (entry) => `The review of "${entry.key}" could not be read. Take the work as it is?`,
        `${decision.why}: ${decision.detail}`,
      );
      return null;
    }
    judgements.push(decision.value);
  }
  return judgements;
}
