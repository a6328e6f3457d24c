/** Deliverables and their reviews: every version of what was handed in, and what was said of it. */

import { sql, type Selectable } from "kysely";
import { z } from "zod";
import { claim, fact, findingAnswer, type Deliverable } from "../domain/deliverable.ts";
import { criterionScore, finding, verdict, type Review } from "../domain/review.ts";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";
import { isTainted } from "./taint.ts";

const strings = z.array(z.string());

function toDeliverable(row: Selectable<Schema["deliverables"]>): Deliverable {
  return {
    id: row.id,
    taskId: row.task_id,
    goalId: row.goal_id,
    revision: row.revision,
    origin: row.origin === "person" ? "person" : "agent",
    skill: row.skill,
    body: row.body,
    hash: row.hash,
    missing: strings.parse(JSON.parse(row.missing)),
    warnings: strings.parse(JSON.parse(row.warnings)),
    score: row.score,
    summary: row.summary,
    facts: z.array(fact).parse(JSON.parse(row.facts)),
    answers: z.array(findingAnswer).parse(JSON.parse(row.answers)),
    claims: z.array(claim).parse(JSON.parse(row.claims)),
    createdAt: row.created_at,
  };
}

/** Inserts a version; a replay of the same revision changes nothing. */
export async function insertDeliverable(tx: Tx, deliverable: Omit<Deliverable, "createdAt">): Promise<void> {
  await tx.db
    .insertInto("deliverables")
    .values({
      tenant: tx.tenant,
      id: deliverable.id,
      goal_id: deliverable.goalId,
      task_id: deliverable.taskId,
      revision: deliverable.revision,
      origin: deliverable.origin,
      skill: deliverable.skill,
      body: deliverable.body,
      hash: deliverable.hash,
      missing: JSON.stringify(deliverable.missing),
      warnings: JSON.stringify(deliverable.warnings),
      score: deliverable.score,
      summary: deliverable.summary,
      facts: JSON.stringify(deliverable.facts),
      answers: JSON.stringify(deliverable.answers),
      claims: JSON.stringify(deliverable.claims),
      // A person's own words are theirs, whatever they were made from.
      tainted: deliverable.origin === "agent" && (await isTainted(tx, deliverable.goalId)) ? 1 : 0,
      created_at: tx.now,
    })
    .onConflict((conflict) => conflict.columns(["tenant", "task_id", "revision"]).doNothing())
    .execute();
}

export async function versionsOf(read: Read, taskId: string): Promise<Deliverable[]> {
  const rows = await read.db
    .selectFrom("deliverables")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("task_id", "=", taskId)
    .orderBy("revision")
    .execute();
  return rows.map(toDeliverable);
}

/** The version of each task that counts: the accepted one, or the newest. By task id. */
export async function currentOfGoal(read: Read, goalId: string): Promise<Map<string, Deliverable>> {
  const rows = await read.db
    .selectFrom("deliverables")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    .orderBy("revision")
    .execute();
  const accepted = new Map(
    (
      await read.db
        .selectFrom("tasks")
        .select(["id", "deliverable_id"])
        .where("tenant", "=", read.tenant)
        .where("goal_id", "=", goalId)
        .execute()
    ).map((row) => [row.id, row.deliverable_id]),
  );
  const current = new Map<string, Deliverable>();
  for (const row of rows) {
    const chosen = accepted.get(row.task_id);
    if (chosen === null || chosen === undefined || chosen === row.id) current.set(row.task_id, toDeliverable(row));
  }
  return current;
}

export async function setJudgement(
  tx: Tx,
  id: string,
  judgement: {
    score: number | null;
    summary: string | null;
    facts: Deliverable["facts"];
    claims: Deliverable["claims"];
  },
): Promise<void> {
  await tx.db
    .updateTable("deliverables")
    .set({
      score: judgement.score,
      summary: judgement.summary,
      facts: JSON.stringify(judgement.facts),
      claims: JSON.stringify(judgement.claims),
    })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", id)
    .execute();
}

function toReview(row: Selectable<Schema["reviews"]>): Review {
  return {
    id: row.id,
    taskId: row.task_id,
    deliverableId: row.deliverable_id,
    revision: row.revision,
    reviewer: row.reviewer,
    verdict: verdict.parse(row.verdict),
    score: row.score,
    scores: z.array(criterionScore).parse(JSON.parse(row.scores)),
    findings: z.array(finding).parse(JSON.parse(row.findings)),
    createdAt: row.created_at,
  };
}

export async function insertReview(tx: Tx, goalId: string, review: Omit<Review, "createdAt">): Promise<void> {
  await tx.db
    .insertInto("reviews")
    .values({
      tenant: tx.tenant,
      id: review.id,
      goal_id: goalId,
      task_id: review.taskId,
      deliverable_id: review.deliverableId,
      revision: review.revision,
      reviewer: review.reviewer,
      verdict: review.verdict,
      score: review.score,
      scores: JSON.stringify(review.scores),
      findings: JSON.stringify(review.findings),
      created_at: tx.now,
    })
    .onConflict((conflict) => conflict.columns(["tenant", "deliverable_id", "reviewer"]).doNothing())
    .execute();
}

export async function reviewsOf(read: Read, taskId: string): Promise<Review[]> {
  const rows = await read.db
    .selectFrom("reviews")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("task_id", "=", taskId)
    .orderBy("revision")
    .orderBy("id")
    .execute();
  return rows.map(toReview);
}

export async function reviewsOfGoal(read: Read, goalId: string): Promise<Review[]> {
  const rows = await read.db
    .selectFrom("reviews")
    .selectAll()
    .where("tenant", "=", read.tenant)
    // By its tasks: no index knows a review's goal. (For the order see tasksOfGoal.)
    .where("task_id", "in", (eb) =>
      eb.selectFrom("tasks").select("tasks.id").where("tasks.tenant", "=", read.tenant).where("tasks.goal_id", "=", goalId),
    )
    .orderBy(sql`id || ''`)
    .execute();
  return rows.map(toReview);
}
