/** Learnings in the store. */

import type { Selectable } from "kysely";
import { z } from "zod";
import { learningKey, learningStatus, nearlyTheSame, UNUSED, type Learning } from "../domain/learning.ts";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";
import { isTainted } from "./taint.ts";

/** Of goals that taught the same, the first and latest ones are named. */
const EVIDENCE_MAX_CHARS = 600;

function toLearning(row: Selectable<Schema["learnings"]>): Learning {
  return {
    id: row.id,
    statement: row.statement,
    skill: row.skill,
    category: row.category,
    tags: z.array(z.string()).parse(JSON.parse(row.tags)),
    confidence: row.confidence,
    evidence: row.evidence,
    status: learningStatus.parse(row.status),
    origin: row.origin === "person" ? "person" : "review",
    rehearsal: row.rehearsal === 1,
    goalId: row.goal_id,
    taskId: row.task_id,
    createdAt: row.created_at,
  };
}

/**
 * Adds a learning; one that says (nearly) the same for the same skill gains confidence and evidence instead, unless nobody
 * uses it any more: what a person retired or trials pruned does not come back by being said again. Returns the id it stands under.
 */
export async function addLearning(
  tx: Tx,
  learning: Omit<Learning, "createdAt" | "goalId" | "taskId">,
  goalId: string | null,
  taskId: string | null = null,
): Promise<string> {
  const key = learningKey(learning.statement);
  const ofSkill = await tx.db
    .selectFrom("learnings")
    .select(["id", "statement", "confidence", "evidence", "status"])
    .where("tenant", "=", tx.tenant)
    .where("skill", learning.skill === null ? "is" : "=", learning.skill)
    .where("rehearsal", "=", learning.rehearsal ? 1 : 0)
    .orderBy("id")
    .execute();
  const same = ofSkill.find((row) => nearlyTheSame(row.statement, learning.statement));
  if (same) {
    if (UNUSED.includes(same.status)) return same.id;
    const confidence = Math.min(0.95, same.confidence + 0.1);
    const evidence = same.evidence.includes(learning.evidence)
      ? same.evidence
      : `${same.evidence}; ${learning.evidence}`.slice(0, EVIDENCE_MAX_CHARS);
    await tx.db
      .updateTable("learnings")
      .set({ confidence, evidence })
      .where("tenant", "=", tx.tenant)
      .where("id", "=", same.id)
      .execute();
    return same.id;
  }
  await tx.db
    .insertInto("learnings")
    .values({
      tenant: tx.tenant,
      id: learning.id,
      statement: learning.statement,
      key,
      skill: learning.skill,
      category: learning.category,
      tags: JSON.stringify(learning.tags),
      confidence: learning.confidence,
      evidence: learning.evidence,
      status: learning.status,
      origin: learning.origin,
      rehearsal: learning.rehearsal ? 1 : 0,
      goal_id: goalId,
      task_id: taskId,
      tainted: learning.origin !== "person" && goalId !== null && (await isTainted(tx, goalId)) ? 1 : 0,
      created_at: tx.now,
    })
    .execute();
  tx.emit(
    {
      type: "learning.added",
      goalId,
      taskId: null,
      learningId: learning.id,
      statement: learning.statement,
      skill: learning.skill,
    },
    { rehearsal: learning.rehearsal },
  );
  return learning.id;
}

export async function listLearnings(
  read: Read,
  filter: { skill?: string; category?: string; rehearsal: boolean; retired?: boolean },
): Promise<Learning[]> {
  let query = read.db
    .selectFrom("learnings")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", filter.rehearsal ? 1 : 0)
    .orderBy("id", "desc");
  if (!filter.retired) query = query.where("status", "not in", [...UNUSED]);
  const { skill, category } = filter;
  // A learning without a skill or category holds for all.
  if (skill !== undefined) query = query.where((where) => where.or([where("skill", "=", skill), where("skill", "is", null)]));
  if (category !== undefined)
    query = query.where((where) => where.or([where("category", "=", category), where("category", "is", null)]));
  return (await query.execute()).map(toLearning);
}

export async function getLearning(read: Read, id: string): Promise<Learning | null> {
  const row = await read.db
    .selectFrom("learnings")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("id", "=", id)
    .executeTakeFirst();
  return row ? toLearning(row) : null;
}

export async function changeLearning(
  tx: Tx,
  id: string,
  change: { statement?: string; confidence?: number; status?: Learning["status"] },
): Promise<void> {
  await tx.db
    .updateTable("learnings")
    .set({ ...change, ...(change.statement === undefined ? {} : { key: learningKey(change.statement) }) })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", id)
    .execute();
}
