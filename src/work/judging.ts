/** Judging a version: its reviewers read it one after the other; at a revision only those who objected read again. */

import { changesBetween } from "../domain/changes.ts";
import type { Deliverable } from "../domain/deliverable.ts";
import { DIRECTOR } from "../domain/plan.ts";
import type { Review } from "../domain/review.ts";
import { MAX_ASKED } from "../director/claims/claims.ts";
import { reviewDeliverable, type Judged, type Judgement, type ReviewInput } from "../director/review/review.ts";
import { reviewsOf, versionsOf } from "../store/deliverables.ts";
import { CONSISTENCY } from "./check.ts";
import { block } from "./complete.ts";
import { stopTask } from "./stopped.ts";
import type { Job, Team } from "./team.ts";

/** Characters of what changed that a reviewer is shown. */
const CHANGES_MAX_CHARS = 12_000;

/** Null when the task came to rest without a judgement. */
export async function judge(team: Team, job: Job, deliverable: Deliverable): Promise<Judged | null> {
  const { task } = job;
  // A first version has nothing behind it.
  const { reviews, versions } =
    deliverable.revision === 0
      ? { reviews: [], versions: [] }
      : await team.store.read(async (read) => ({
          reviews: await reviewsOf(read, task.id),
          versions: await versionsOf(read, task.id),
        }));
  const latest = (reviewer: string) =>
    reviews.findLast((review) => review.reviewer === reviewer && review.revision < deliverable.revision) ?? null;
  const chain = (task.reviewers.length > 0 ? task.reviewers : [DIRECTOR]).map((reviewer) => ({
    reviewer,
    last: latest(reviewer),
  }));
  const stands = (last: Review | null) => last?.verdict === "APPROVE" && last.revision >= task.roundStart;
  const standing = chain.flatMap(({ last }) => (last && stands(last) ? [last] : []));
  const reading = chain.filter(({ last }) => !stands(last));
  const open = deliverable.claims.filter((claim) => claim.status === "open").slice(0, MAX_ASKED);
  const judgements: Judgement[] = [];
  for (const [i, { reviewer, last }] of reading.entries()) {
    const read = last && versions.find((version) => version.id === last.deliverableId);
    const before = last && read ? await readBefore(deliverable, last, read) : null;
    // One reader says what the open claims rest on, and sums up: the last, which is the Director where it reads.
    const sums = i === reading.length - 1;
    const claims = sums ? open : [];
    const judgement = await readBy(team, job, { deliverable, reviewer, before, claims, shared: reading.length > 1, sums });
    if (!judgement) return null;
    judgements.push(judgement);
  }
  return { judgements, standing };
}

/** The repair of an accepted text is read by the last of its reviewers, with what it contradicted and what changed. */
export async function rereadRepair(team: Team, job: Job, deliverable: Deliverable): Promise<Judgement | null> {
  const { task } = job;
  const { reviews, versions } = await team.store.read(async (read) => ({
    reviews: await reviewsOf(read, task.id),
    versions: await versionsOf(read, task.id),
  }));
  const objection = reviews.findLast((review) => review.reviewer === CONSISTENCY);
  const repaired = objection && versions.find((version) => version.id === objection.deliverableId);
  const before = objection && repaired ? await readBefore(deliverable, objection, repaired) : null;
  const claims = deliverable.claims.filter((claim) => claim.status === "open").slice(0, MAX_ASKED);
  return readBy(team, job, {
    deliverable,
    reviewer: task.reviewers.at(-1) ?? DIRECTOR,
    before,
    claims,
    shared: false,
    sums: true,
  });
}

async function readBefore(deliverable: Deliverable, last: Review, read: Deliverable): Promise<ReviewInput["before"]> {
  return {
    findings: last.findings,
    answers: deliverable.answers.filter((entry) => entry.reviewer === last.reviewer),
    changes: await changesBetween(read.body, deliverable.body, CHANGES_MAX_CHARS),
  };
}

/** One reader's judgement; null when the task came to rest without it. */
async function readBy(
  team: Team,
  { goal, context, task, lease, signal }: Job,
  reading: Pick<ReviewInput, "deliverable" | "reviewer" | "before" | "claims" | "shared" | "sums">,
): Promise<Judgement | null> {
  const decision = await reviewDeliverable(team.journal, team.registry, { goal, context, task, ...reading, lease }, signal);
  if (decision.kind === "decided") return decision.value;
  if (decision.kind === "stopped") {
    await stopTask(team.store, lease, decision);
    return null;
  }
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
