/** What the agents of a goal read from outside: where, when, with which arguments, and what came back. */

import type { Goal } from "../domain/goal.ts";
import type { Task } from "../domain/task.ts";
import { count } from "../domain/quantity.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { readsOf, type ToolRead } from "../store/tool-reads.ts";
import type { Read } from "../store/store.ts";
import { columns, stamp } from "./columns.ts";
import { oneLine, type Styles } from "./output.ts";

export type ReadsView = readonly { readonly task: Task; readonly reads: readonly ToolRead[] }[];

/** Tasks that read something, in the plan's order, each with its reads in theirs. */
export async function readsView(read: Read, goalId: string): Promise<ReadsView> {
  const view: { task: Task; reads: ToolRead[] }[] = [];
  for (const task of await tasksOfGoal(read, goalId)) {
    const reads = await readsOf(read, { goalId, subject: task.id });
    if (reads.length > 0) view.push({ task, reads });
  }
  return view;
}

/** One entry a read. `text` is what the agent was shown, `bytes` the size of the whole answer, `file` where all of it lies. */
export function readsJson(view: ReadsView) {
  return view.flatMap(({ task, reads }) =>
    reads.map((one) => ({
      task: task.key,
      id: task.id,
      skill: task.skill,
      version: one.revision + 1,
      step: one.step,
      round: one.round,
      at: new Date(one.at).toISOString(),
      server: one.server,
      tool: one.tool,
      args: JSON.parse(one.args) as unknown,
      isError: one.isError,
      bytes: one.bytes,
      durationMs: one.ms,
      file: one.spilled,
      text: one.text,
    })),
  );
}

export function readsText(goal: Pick<Goal, "id" | "title">, view: ReadsView, style: Styles): string {
  const title = `${style.bold(`Read from outside for "${oneLine(goal.title, 80)}"`)}  ${goal.id}`;
  const all = view.flatMap(({ reads }) => reads);
  if (all.length === 0) return `${title}\n\nNothing was read from outside.`;
  const head = ["at (UTC)", "task", "version", "server", "tool", "with", "bytes", "time", ""].map(style.dim);
  const rows = view.flatMap(({ task, reads }) =>
    reads.map((one) => [
      stamp(one.at),
      oneLine(task.key, 28),
      String(one.revision + 1),
      oneLine(one.server, 24),
      oneLine(one.tool, 40),
      oneLine(one.args, 60),
      String(one.bytes),
      `${(one.ms / 1000).toFixed(1)}s`,
      [...(one.isError ? [style.yellow("no answer, or an error")] : []), ...(one.spilled === null ? [] : [one.spilled])].join(
        "  ",
      ),
    ]),
  );
  const failed = all.filter((one) => one.isError).length;
  const sums = `${count(all.length, "read")}${failed === 0 ? "" : `, ${failed} without a usable answer`}.`;
  return [title, "", columns([head, ...rows], [2, 6, 7]), "", `${sums} ${style.dim("What came back: --json")}`].join("\n");
}
