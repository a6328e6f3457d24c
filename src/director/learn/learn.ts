/** Learnings for a prompt: newest and surest first, within a budget, real ones only for real goals. */

import type { Task } from "../../domain/task.ts";
import { selectLearnings, type Learning } from "../../domain/learning.ts";
import { listLearnings } from "../../store/learnings.ts";
import type { Read } from "../../store/store.ts";

const MAX_CHARS = 3_000;

export async function learningsForSkill(read: Read, task: Pick<Task, "skill">, rehearsal: boolean): Promise<Learning[]> {
  return selectLearnings(await listLearnings(read, { skill: task.skill, rehearsal }), read.now, MAX_CHARS);
}

export async function learningsForPlanning(read: Read, category: string | null, rehearsal: boolean): Promise<Learning[]> {
  return selectLearnings(
    await listLearnings(read, { rehearsal, ...(category === null ? {} : { category }) }),
    read.now,
    MAX_CHARS,
  );
}
