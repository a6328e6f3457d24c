/** Where a task's deliverable lies in the workspace, and how it is read back. */

import { hashOf } from "../domain/deliverable.ts";
import type { Registry } from "../domain/registry.ts";
import type { Task } from "../domain/task.ts";
import { bodyOf } from "../workspace/document.ts";
import type { Workspace } from "../workspace/workspace.ts";

/** `outputs/<squad>/<skill>/<task>.md`; the goal's last letters keep equal task names of other goals apart. */
export function outputPath(registry: Registry, task: Pick<Task, "key" | "skill" | "goalId">): string {
  const squad = registry.skills.get(task.skill)?.squad ?? "director";
  return `outputs/${squad}/${task.skill}/${task.key}-${task.goalId.slice(-8)}.md`;
}

/** Where a version lies that was compared and not taken: beside the one that was. */
export function variantPath(registry: Registry, task: Pick<Task, "key" | "skill" | "goalId">, number: number): string {
  return outputPath(registry, task).replace(/\.md$/, `.version-${number}.md`);
}

export async function readOutput(workspace: Workspace, path: string): Promise<{ body: string; hash: string } | null> {
  const text = await workspace.read(path);
  return text === null ? null : { body: bodyOf(text), hash: hashOf(text) };
}
