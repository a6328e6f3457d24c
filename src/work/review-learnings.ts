/** What reviews and comparisons teach the team: hypotheses, with their evidence. */

import type { Judgement } from "../director/review/review.ts";
import type { Goal } from "../domain/goal.ts";
import { newId } from "../domain/id.ts";
import { LEARNING_MAX_CHARS } from "../domain/learning.ts";
import type { Task } from "../domain/task.ts";
import { addLearning } from "../store/learnings.ts";
import type { Tx } from "../store/store.ts";

export async function keepLearnings(tx: Tx, goal: Goal, task: Task, judgements: readonly Judgement[]): Promise<void> {
  for (const learning of judgements.flatMap((judgement) => judgement.reply.learnings).slice(0, 3)) {
    await keepLearning(tx, goal, task, learning);
  }
}

/** A hypothesis with its evidence; nothing where the statement is empty. */
export async function keepLearning(
  tx: Tx,
  goal: Goal,
  task: Task,
  learning: { readonly statement: string; readonly tags: readonly string[] },
): Promise<void> {
  const statement = learning.statement.trim().slice(0, LEARNING_MAX_CHARS);
  if (statement === "") return;
  await addLearning(
    tx,
    {
      id: newId("learn"),
      statement,
      skill: task.skill,
      category: goal.category,
      tags: learning.tags.slice(0, 8),
      confidence: 0.5,
      evidence: `goal ${goal.id}, task ${task.key}, version ${task.revision + 1}`,
      status: "hypothesis",
      origin: "review",
      rehearsal: goal.rehearsal,
    },
    goal.id,
    task.id,
  );
}
