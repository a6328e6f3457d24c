/** Where the facts of health come from: the store's rows, and the disk under the workspace. */

import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { budgetLevel, periods, shareUsed, type Caps, type ScopeState } from "../domain/budget.ts";
import { capHits } from "../store/breaker.ts";
import { countGoals } from "../store/figures.ts";
import { scopeState } from "../store/scopes.ts";
import type { Read } from "../store/store.ts";
import type { HealthFacts } from "./level.ts";

/** As in the journal, which stops new work at this count. */
const CAP_HITS_LIMIT = 10;

/** What the store knows of real work: a rehearsal's money is no money, and its model is never away. */
export async function storeFacts(
  read: Read,
  caps: Pick<Caps, "day" | "month">,
): Promise<Pick<HealthFacts, "budget" | "capsHit" | "modelAway"> & { day: ScopeState; month: ScopeState }> {
  const keys = periods(read.now);
  const day = await scopeState(read, { kind: "day", id: keys.day, cap: caps.day }, false);
  const month = await scopeState(read, { kind: "month", id: keys.month, cap: caps.month }, false);
  const away = (await countGoals(read)).filter(
    (goal) => goal.status === "paused" && goal.pause === "model_away" && !goal.rehearsal,
  );
  return {
    day,
    month,
    budget: budgetLevel(Math.max(shareUsed(day), shareUsed(month))),
    capsHit: (await capHits(read, false)) >= CAP_HITS_LIMIT,
    modelAway: away.reduce((sum, goal) => sum + goal.n, 0),
  };
}

/** What the disk says, of the workspace or of the folder in which it would be made. */
export function diskFacts(workspace: string): Pick<HealthFacts, "workspaceProblem" | "diskFree"> {
  let folder = workspace;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  let workspaceProblem: string | null = null;
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    workspaceProblem = `no write access to ${folder}`;
  }
  try {
    const disk = statfsSync(folder);
    return { workspaceProblem, diskFree: disk.bavail * disk.bsize };
  } catch {
    return { workspaceProblem, diskFree: null };
  }
}
