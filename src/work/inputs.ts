/** Handoff: what a task gets from the tasks it needs. Full texts while they fit, summaries beyond that. */

import { hashOf, type Deliverable } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import type { Task } from "../domain/task.ts";
import { insertDeliverable, versionsOf } from "../store/deliverables.ts";
import { noteFile, ownHashes } from "../store/files.ts";
import { getTask, needsOf } from "../store/tasks.ts";
import type { Read } from "../store/store.ts";
import { outputPath, readOutput } from "./output-file.ts";
import type { Team } from "./team.ts";

export type TaskInput = {
  readonly key: string;
  readonly skill: string;
  readonly form: "full" | "summary";
  readonly text: string;
  readonly summary: string | null;
};

/** Characters of upstream text that one task gets in full, about 15,000 tokens. */
const FULL_BUDGET_CHARS = 60_000;

/** The inputs of a task, in the order of its needs. A person's edit of an output file is taken in first. */
export async function inputsOf(team: Team, task: Task): Promise<TaskInput[]> {
  const needs = await team.store.read((read) => neededTasks(read, task.id));
  const inputs: TaskInput[] = [];
  let left = FULL_BUDGET_CHARS;
  for (const need of needs) {
    const current = await currentVersion(team, need);
    if (!current) continue;
    const full = current.body.length <= left || current.summary === null;
    if (full) left -= current.body.length;
    inputs.push({
      key: need.key,
      skill: need.skill,
      form: full ? "full" : "summary",
      text: full ? current.body : (current.summary ?? ""),
      summary: current.summary,
    });
  }
  return inputs;
}

/** Work that a task builds on: its needs, and through a gate the work that the gate has read. */
async function neededTasks(read: Read, taskId: string): Promise<Task[]> {
  const found: Task[] = [];
  for (const id of await needsOf(read, taskId)) {
    const need = await getTask(read, id);
    if (need?.kind === "work" && need.status === "done") found.push(need);
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The version of a done task that goes downstream: a person's edit of its file counts before the agent's text. */
export async function currentVersion(team: Team, task: Task): Promise<Deliverable | null> {
  await takeInEdit(team, task);
  const versions = await team.store.read((read) => versionsOf(read, task.id));
  const accepted = versions.find((version) => version.id === task.deliverableId) ?? versions.at(-1) ?? null;
  const edited = versions.findLast((version) => version.origin === "person");
  return edited && accepted && edited.revision > accepted.revision ? edited : accepted;
}

/** Keeps a file that a person changed as a version of theirs. Says whether there was one. */
export async function takeInEdit(team: Team, task: Task): Promise<boolean> {
  const path = outputPath(team.registry, task);
  // Read before and after the file: while we write it ourselves, what was read may be ours by the one and not by the other.
  const before = await team.store.read((read) => ownHashes(read, path));
  const file = await readOutput(team.workspace, path);
  // An emptied file is no version of anything: the text that is there goes on.
  if (!file || file.body === "") return false;
  const own = [...before, ...(await team.store.read((read) => ownHashes(read, path)))];
  if (own.length === 0 || own.includes(file.hash)) return false;
  return team.store.write("output.edited", async (tx) => {
    const versions = await versionsOf(tx, task.id);
    const newest = versions.at(-1);
    await noteFile(tx, { path, hashes: [file.hash], taskId: task.id });
    if (!newest || hashOf(file.body) === newest.hash) return false;
    const revision = newest.revision + 1;
    await insertDeliverable(tx, {
      id: newId("dlv"),
      taskId: task.id,
      goalId: task.goalId,
      revision,
      origin: "person",
      skill: task.skill,
      body: file.body,
      hash: hashOf(file.body),
      missing: [],
      warnings: [],
      score: null,
      summary: null,
      facts: [],
      answers: [],
      claims: [],
    });
    tx.emit({ type: "output.edited", goalId: task.goalId, taskId: task.id, path, revision });
    return true;
  });
}
