/** Questions to a person in the store. */

import { sql, type Selectable } from "kysely";
import { hashOf } from "../domain/deliverable.ts";
import { answer, questionKind, type Answer, type NewQuestion, type Question } from "../domain/question.ts";
import { needGoal } from "./goals.ts";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";

function toQuestion(row: Selectable<Schema["questions"]>): Question {
  return {
    id: row.id,
    goalId: row.goal_id,
    taskId: row.task_id,
    kind: questionKind.parse(row.kind),
    title: row.title,
    detail: row.detail,
    approveMeans: row.approve_means,
    rejectMeans: row.reject_means,
    status: row.status === "answered" ? "answered" : row.status === "withdrawn" ? "withdrawn" : "open",
    answer: row.answer === null ? null : answer.parse(JSON.parse(row.answer)),
    fingerprint: row.fingerprint,
    createdAt: row.created_at,
    answeredAt: row.answered_at,
  };
}

/**
 * Asks, unless the same question is open already. `fingerprint` says what it is about; without one that is the goal's
 * words and money: another cap or amount is another question. Returns the id that the question stands under.
 */
export async function askQuestion(
  tx: Tx,
  question: NewQuestion,
  rehearsal: boolean,
  fingerprint: string | null = null,
): Promise<string> {
  const about = fingerprint ?? (await goalFingerprint(tx, question));
  const open = await findQuestion(tx, question.goalId, about, "open");
  if (open) return open.id;
  await tx.db
    .insertInto("questions")
    .values({
      tenant: tx.tenant,
      id: question.id,
      goal_id: question.goalId,
      task_id: question.taskId,
      kind: question.kind,
      title: question.title,
      detail: question.detail,
      approve_means: question.approveMeans,
      reject_means: question.rejectMeans,
      status: "open",
      answer: null,
      fingerprint: about,
      rehearsal: rehearsal ? 1 : 0,
      created_at: tx.now,
      answered_at: null,
    })
    .execute();
  tx.emit(
    {
      type: "question.asked",
      goalId: question.goalId,
      taskId: question.taskId,
      questionId: question.id,
      kind: question.kind,
      title: question.title,
    },
    { rehearsal },
  );
  return question.id;
}

async function goalFingerprint(read: Read, { kind, goalId, taskId, title, detail }: NewQuestion): Promise<string> {
  const { cap, allowed } = await needGoal(read, goalId);
  return hashOf(JSON.stringify([kind, taskId ?? goalId, title, detail, cap, allowed]));
}

/** The latest question of a goal that was about the same. */
export async function findQuestion(
  read: Read,
  goalId: string,
  fingerprint: string,
  status: Question["status"],
): Promise<Question | null> {
  const row = await read.db
    .selectFrom("questions")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    .where("fingerprint", "=", fingerprint)
    .where("status", "=", status)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? toQuestion(row) : null;
}

export async function getQuestion(read: Read, id: string): Promise<Question | null> {
  const row = await read.db
    .selectFrom("questions")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("id", "=", id)
    .executeTakeFirst();
  return row ? toQuestion(row) : null;
}

export async function listQuestions(
  read: Read,
  filter: { goalId?: string; status?: Question["status"] } = {},
): Promise<Question[]> {
  // (See tasksOfGoal.)
  let query = read.db
    .selectFrom("questions")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .orderBy(sql`id || ''`);
  if (filter.goalId !== undefined) query = query.where("goal_id", "=", filter.goalId);
  if (filter.status !== undefined) query = query.where("status", "=", filter.status);
  return (await query.execute()).map(toQuestion);
}

/** Ids of the questions of real goals that wait for an answer. */
export async function openQuestionIds(read: Read): Promise<string[]> {
  const rows = await read.db
    .selectFrom("questions")
    .select("id")
    .where("tenant", "=", read.tenant)
    .where("status", "=", "open")
    .where("rehearsal", "=", 0)
    .orderBy("id")
    .execute();
  return rows.map((row) => row.id);
}

/** Records an answer to an open question. False when it was answered or withdrawn before. */
export async function recordAnswer(tx: Tx, question: Question, given: Answer, rehearsal: boolean): Promise<boolean> {
  const result = await tx.db
    .updateTable("questions")
    .set({ status: "answered", answer: JSON.stringify(given), answered_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", question.id)
    .where("status", "=", "open")
    .executeTakeFirst();
  if (result.numUpdatedRows !== 1n) return false;
  tx.emit(
    {
      type: "question.answered",
      goalId: question.goalId,
      taskId: question.taskId,
      questionId: question.id,
      choice: given.choice,
    },
    { rehearsal },
  );
  return true;
}

/** Questions of a goal that ended need no answer any more. */
export async function withdrawQuestions(tx: Tx, goalId: string, taskId?: string): Promise<void> {
  let query = tx.db
    .updateTable("questions")
    .set({ status: "withdrawn", answered_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("goal_id", "=", goalId)
    .where("status", "=", "open");
  if (taskId !== undefined) query = query.where("task_id", "=", taskId);
  await query.execute();
}
