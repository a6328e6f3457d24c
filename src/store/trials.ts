/** Trials of learnings in the store: one replay of a stored task with and without a statement. */

import { TRIAL_RESULTS, type TrialResult } from "../domain/statistics.ts";
import { z } from "zod";
import type { Read, Tx } from "./store.ts";

export type Trial = {
  readonly learningId: string;
  readonly taskId: string;
  readonly winner: TrialResult;
  readonly reason: string;
  readonly rehearsal: boolean;
};

const result = z.enum(TRIAL_RESULTS);

/** Keeps a trial; the same task again changes nothing. */
export async function addTrial(tx: Tx, trial: Trial): Promise<void> {
  await tx.db
    .insertInto("trials")
    .values({
      tenant: tx.tenant,
      learning_id: trial.learningId,
      task_id: trial.taskId,
      winner: trial.winner,
      reason: trial.reason,
      rehearsal: trial.rehearsal ? 1 : 0,
      created_at: tx.now,
    })
    .onConflict((conflict) => conflict.columns(["tenant", "learning_id", "task_id"]).doNothing())
    .execute();
}

/** In the order in which they were made. */
export async function trialsOf(read: Read, learningIds: readonly string[]): Promise<Trial[]> {
  if (learningIds.length === 0) return [];
  const rows = await read.db
    .selectFrom("trials")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("learning_id", "in", [...learningIds])
    .orderBy("created_at")
    .orderBy("task_id")
    .execute();
  return rows.map((row) => ({
    learningId: row.learning_id,
    taskId: row.task_id,
    winner: result.parse(row.winner),
    reason: row.reason,
    rehearsal: row.rehearsal === 1,
  }));
}

/** Finished tasks that a learning can be tried on: of its skill (null: of any), of its kind of work, not the one that taught it. Newest first. */
export async function tasksToReplay(
  read: Read,
  learning: { readonly skill: string | null; readonly taskId: string | null; readonly rehearsal: boolean },
  director: string,
): Promise<string[]> {
  let query = read.db
    .selectFrom("tasks")
    .select("id")
    .where("tenant", "=", read.tenant)
    .where("kind", "=", "work")
    .where("status", "=", "done")
    .where("deliverable_id", "is not", null)
    .where("skill", "!=", director)
    .where("rehearsal", "=", learning.rehearsal ? 1 : 0)
    .orderBy("id", "desc")
    .limit(200);
  if (learning.skill !== null) query = query.where("skill", "=", learning.skill);
  if (learning.taskId !== null) query = query.where("id", "!=", learning.taskId);
  return (await query.execute()).map((row) => row.id);
}
