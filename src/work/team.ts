/** What the steps of a task's life need, in one place; made by the composition root. */

import type { Caps } from "../domain/budget.ts";
import type { Goal } from "../domain/goal.ts";
import type { ProductContext } from "../domain/product-context.ts";
import type { Registry } from "../domain/registry.ts";
import type { Lease, Task } from "../domain/task.ts";
import type { Journal } from "../journal/journal.ts";
import type { Log } from "../log/log.ts";
import type { Store } from "../store/store.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { Hands } from "./hands.ts";

export type Team = {
  readonly store: Store;
  readonly journal: Journal;
  readonly registry: Registry;
  readonly workspace: Workspace;
  /** Literal secrets of this installation: no deliverable may contain one. */
  readonly secrets: readonly string[];
  readonly caps: Caps;
  /** Null: nothing outside is connected, and the team advises. */
  readonly hands?: Hands | null;
  readonly now: () => number;
  readonly log: Log;
};

/** A claimed task with all that its steps read: the goal and the context as they were when it was claimed. */
export type Job = {
  readonly goal: Goal;
  readonly context: ProductContext | null;
  readonly task: Task;
  readonly lease: Lease;
  readonly signal: AbortSignal;
};
