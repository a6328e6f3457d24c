/** Learnings for a prompt: what fits the work, surest and newest first, within a budget; real ones only for real goals. */

import { selectLearnings, type Learning } from "../../domain/learning.ts";
import type { Task } from "../../domain/task.ts";
import { listLearnings } from "../../store/learnings.ts";
import type { Read } from "../../store/store.ts";

const MAX_CHARS = 3_000;

export async function learningsForSkill(
  read: Read,
  task: Pick<Task, "skill" | "brief" | "criteria">,
  rehearsal: boolean,
): Promise<Learning[]> {
  const about = [task.brief, ...task.criteria].join("\n");
  return selectLearnings(await listLearnings(read, { skill: task.skill, rehearsal }), {
    now: read.now,
    maxChars: MAX_CHARS,
    about,
  });
}

export async function learningsForPlanning(
  read: Read,
  goal: { readonly text: string; readonly category: string | null },
  rehearsal: boolean,
): Promise<Learning[]> {
  const known = await listLearnings(read, { rehearsal, ...(goal.category === null ? {} : { category: goal.category }) });
  return selectLearnings(known, { now: read.now, maxChars: MAX_CHARS, about: goal.text });
}
