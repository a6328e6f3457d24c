/** Scores over time: what each piece of work got at first and when it was accepted, and how its reviewers score. All of it reads. */

import { z } from "zod";
import { DIRECTOR } from "../domain/plan.ts";
import { criterionScore, type CriterionScore } from "../domain/review.ts";
import type { Read } from "./store.ts";

/** Who objects in the check at a goal's end; a version behind such an objection is a repair. */
const CONSISTENCY = "consistency";

export type ScoreFilter = {
  readonly rehearsal: boolean;
  readonly skill?: string;
  /** Without work that was over before then, UTC ms. */
  readonly since?: number;
};

/** What a skill handed in for one task. Repairs of an accepted text are no versions of it. */
export type Work = {
  readonly taskId: string;
  readonly skill: string;
  /** When the accepted version, or else the last one, was handed in; UTC ms. */
  readonly at: number;
  /** Score of the first version; null when the structural check sent it back, or nobody has read it yet. */
  readonly first: number | null;
  /** The version that was accepted, a person's own text included, which has no score. */
  readonly accepted: { readonly revision: number; readonly score: number | null; readonly atOnce: boolean } | null;
};

/** All work of a skill, or of all skills but the Director, oldest first. Real work or the rehearsal's, never both. */
export async function listWorks(read: Read, filter: ScoreFilter): Promise<Work[]> {
  const rows = await versionsQuery(read, filter).execute();
  const works: Work[] = [];
  for (const versions of Map.groupBy(rows, (row) => `${row.skill} ${row.task_id}`).values()) {
    const work = toWork(versions);
    if (work) works.push(work);
  }
  return works.toSorted((a, b) => a.at - b.at || (a.taskId < b.taskId ? -1 : 1));
}

/** One row a version, without its text. Exported for the test that looks at its plan. */
export function versionsQuery(read: Read, { rehearsal, skill, since }: ScoreFilter) {
  let query = read.db
    .selectFrom("deliverables")
    .innerJoin("tasks", (join) =>
      join.onRef("tasks.tenant", "=", "deliverables.tenant").onRef("tasks.id", "=", "deliverables.task_id"),
    )
    .select([
      "deliverables.id",
      "deliverables.task_id",
      "deliverables.skill",
      "deliverables.revision",
      "deliverables.score",
      "deliverables.created_at",
      "tasks.deliverable_id",
    ])
    .select((eb) => [
      eb
        .selectFrom("reviews")
        .select((of) => of.fn.min("reviews.revision").as("revision"))
        .whereRef("reviews.tenant", "=", "deliverables.tenant")
        .whereRef("reviews.task_id", "=", "deliverables.task_id")
        .where("reviews.reviewer", "=", CONSISTENCY)
        .as("objected"),
      eb
        .selectFrom("reviews")
        .select((of) => of.fn.countAll<number>().as("n"))
        .whereRef("reviews.tenant", "=", "deliverables.tenant")
        .whereRef("reviews.deliverable_id", "=", "deliverables.id")
        .where("reviews.reviewer", "!=", CONSISTENCY)
        .where("reviews.verdict", "!=", "APPROVE")
        .as("against"),
    ])
    .where("deliverables.tenant", "=", read.tenant)
    .where("tasks.kind", "=", "work")
    .where("tasks.rehearsal", "=", rehearsal ? 1 : 0);
  if (since !== undefined)
    query = query.where("deliverables.task_id", "in", (eb) =>
      eb
        .selectFrom("tasks as lately")
        .select("lately.id")
        .where("lately.tenant", "=", read.tenant)
        .where("lately.kind", "=", "work")
        .where((of) => of.or([of("lately.ended_at", "is", null), of("lately.ended_at", ">=", since)])),
    );
  return skill === undefined
    ? query.where("deliverables.skill", "!=", DIRECTOR)
    : query.where("deliverables.skill", "=", skill).orderBy("deliverables.created_at");
}

type Version = Awaited<ReturnType<ReturnType<typeof versionsQuery>["execute"]>>[number];

function toWork(rows: readonly Version[]): Work | null {
  const versions = rows
    .filter((row) => row.objected === null || row.revision <= row.objected)
    .toSorted((a, b) => a.revision - b.revision);
  const [first, last] = [versions[0], versions.at(-1)];
  if (!first || !last) return null;
  // What the check objected to had been accepted, whatever has become of its repair.
  const accepted = versions.find((row) =>
    row.objected === null ? row.id === row.deliverable_id : row.revision === row.objected,
  );
  return {
    taskId: first.task_id,
    skill: first.skill,
    at: (accepted ?? last).created_at,
    first: first.score,
    accepted: accepted
      ? {
          revision: accepted.revision,
          score: accepted.score,
          // A first version that a person took against its reviewers was not approved.
          atOnce: accepted.id === first.id && accepted.score !== null && Number(accepted.against) === 0,
        }
      : null,
  };
}

export type ReviewerScores = { readonly taskId: string; readonly reviewer: string; readonly scores: readonly CriterionScore[] };

/** What each reviewer scored these accepted works with, by criterion: the last word that counted for the accepted version. */
export async function reviewerScores(
  read: Read,
  works: readonly { readonly taskId: string; readonly revision: number }[],
): Promise<ReviewerScores[]> {
  if (works.length === 0) return [];
  const accepted = new Map(works.map((work) => [work.taskId, work.revision]));
  const rows = await read.db
    .selectFrom("reviews")
    .select(["task_id", "reviewer", "revision", "scores"])
    .where("tenant", "=", read.tenant)
    .where("task_id", "in", [...accepted.keys()])
    .where("score", "is not", null)
    .orderBy("revision")
    .execute();
  const counted = rows.filter((row) => row.revision <= (accepted.get(row.task_id) ?? -1));
  const latest = new Map(counted.map((row) => [`${row.task_id} ${row.reviewer}`, row]));
  return [...latest.values()].map((row) => ({
    taskId: row.task_id,
    reviewer: row.reviewer,
    scores: z.array(criterionScore).parse(JSON.parse(row.scores)),
  }));
}

export type ReviewerTotal = {
  readonly reviewer: string;
  readonly reviews: number;
  /** Mean of the scores it gave. */
  readonly mean: number;
  readonly revise: number;
  readonly reject: number;
};

/** How each reviewer judges, most reviews first. Checks without a score and reviews of repairs are not counted. */
export async function reviewerTotals(read: Read, { rehearsal, skill }: ScoreFilter): Promise<ReviewerTotal[]> {
  let query = read.db
    .selectFrom("reviews")
    .innerJoin("tasks", (join) => join.onRef("tasks.tenant", "=", "reviews.tenant").onRef("tasks.id", "=", "reviews.task_id"))
    .innerJoin("deliverables", (join) =>
      join.onRef("deliverables.tenant", "=", "reviews.tenant").onRef("deliverables.id", "=", "reviews.deliverable_id"),
    )
    .select((eb) => [
      "reviews.reviewer",
      eb.fn.countAll<number>().as("reviews"),
      eb.fn.avg<number>("reviews.score").as("mean"),
      eb.fn.sum<number>(eb.case().when("reviews.verdict", "=", "REVISE").then(eb.lit(1)).else(eb.lit(0)).end()).as("revise"),
      eb.fn.sum<number>(eb.case().when("reviews.verdict", "=", "REJECT").then(eb.lit(1)).else(eb.lit(0)).end()).as("reject"),
    ])
    .where("reviews.tenant", "=", read.tenant)
    .where("reviews.score", "is not", null)
    .where("tasks.kind", "=", "work")
    .where("tasks.rehearsal", "=", rehearsal ? 1 : 0)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("reviews as objection")
            .select("objection.id")
            .whereRef("objection.tenant", "=", "reviews.tenant")
            .whereRef("objection.task_id", "=", "reviews.task_id")
            .where("objection.reviewer", "=", CONSISTENCY)
            .whereRef("objection.revision", "<", "reviews.revision"),
        ),
      ),
    )
    .groupBy("reviews.reviewer");
  if (skill !== undefined) query = query.where("deliverables.skill", "=", skill);
  return (await query.execute())
    .map((row) => ({
      reviewer: row.reviewer,
      reviews: Number(row.reviews),
      mean: Number(row.mean),
      revise: Number(row.revise),
      reject: Number(row.reject),
    }))
    .toSorted((a, b) => b.reviews - a.reviews || (a.reviewer < b.reviewer ? -1 : 1));
}
