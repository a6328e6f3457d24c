/** Judging a version: its reviewers read it one after the other; at a revision only those who objected read again. */

import { changesBetween } from "../domain/changes.ts";
import type { Deliverable } from "../domain/deliverable.ts";
import { DIRECTOR } from "../domain/plan.ts";
import type { Review } from "../domain/review.ts";
import { MAX_ASKED } from "../director/claims/claims.ts";
import { reviewDeliverable, type Judged, type Judgement } from "../director/review/review.ts";
import { reviewsOf, versionsOf } from "../store/deliverables.ts";
import { block } from "./complete.ts";
import { stopTask } from "./stopped.ts";
import type { Job, Team } from "./team.ts";

/** Characters of what changed that a reviewer is shown. */
const CHANGES_MAX_CHARS = 12_000;

/** Null when the task came to rest without a judgement. */
export async function judge(team: Team, job: Job, deliverable: Deliverable): Promise<Judged | null> {
  const { goal, context, task, lease, signal } = job;
  // The Director's own work has no reviewer above it.
  if (task.skill === DIRECTOR) return { judgements: [], standing: [] };
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
    const before =
      last && read
        ? {
            findings: last.findings,
            answers: deliverable.answers.filter((entry) => entry.reviewer === reviewer),
            changes: await changesBetween(read.body, deliverable.body, CHANGES_MAX_CHARS),
          }
        : null;
    // One reader says what the open claims rest on: the last, which is the Director where it reads.
    const claims = i === reading.length - 1 ? open : [];
    const decision = await reviewDeliverable(
      team.journal,
      team.registry,
      { goal, context, task, deliverable, reviewer, before, claims, shared: reading.length > 1, lease },
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
  return { judgements, standing };
}
