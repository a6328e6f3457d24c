/** Learnings put to the test by the clock: at each tick one process takes it, and spends at most the tick's budget on trials. */

import { nano } from "../domain/money.ts";
import type { Registry } from "../domain/registry.ts";
import { swapMeta } from "../store/figures-traces.ts";
import { getMeta } from "../store/meta.ts";
import { costsOfGoals } from "../store/scopes.ts";
import type { Team } from "../work/team.ts";
import { candidatesOf, isOpen, validate, validationScope, type Validated } from "../work/validate-learnings.ts";
import { loadTimes } from "./schedule-times.ts";

export interface Trials {
  /** Makes the trials of a tick that is due. Returns when the next one is (UTC ms), null when none is. Throws StoreError. */
  look(): Promise<number | null>;
}

const LAST = "learnings.tried";

export function createTrials(options: {
  readonly team: Team;
  readonly plan: NonNullable<Registry["trials"]>;
  readonly rehearsal: boolean;
  /** Ends it after the trial that is under way. */
  readonly stop: AbortSignal;
  readonly abort: AbortSignal;
}): Trials {
  const { team, plan, rehearsal } = options;
  const log = team.log.child({ component: "trials" });
  return {
    async look() {
      const times = (await loadTimes())(plan);
      const now = team.now();
      const due = await team.store.write("trials.take", async (tx) => {
        const last = await getMeta(tx, LAST);
        // Nothing is made up for: what was due while nothing ran is due no more.
        const next = last === null ? null : times.next(Number(last));
        const fires = next !== null && next <= now;
        // Of several at the same tick the first one's swap counts.
        const ours = (last === null || fires) && (await swapMeta(tx, LAST, last, String(now)));
        return fires && ours;
      });
      if (due) await tryAll();
      return times.next(team.now());
    },
  };

  async function tryAll(): Promise<void> {
    const open = (await candidatesOf(team, { id: null, rehearsal })).filter(isOpen);
    const scopes = open.map((entry) => validationScope(entry.learning.id));
    const spentOn = async (ids: readonly string[]) =>
      [...(await team.store.read((read) => costsOfGoals(read, ids))).values()].reduce((sum, cost) => sum + cost.spent, 0);
    const before = await spentOn(scopes);
    const done: Validated[] = [];
    for (const candidate of open) {
      const left = nano(plan.budget) - ((await spentOn(scopes)) - before);
      if (options.stop.aborted || left <= 0) break;
      const cap = (await spentOn([validationScope(candidate.learning.id)])) + left;
      const result = await validate(team, candidate, { cap, stop: options.stop }, options.abort);
      if ("kind" in result) {
        log.info("the trials of learnings stop here", { why: result.why, detail: result.detail });
        break;
      }
      done.push(result);
    }
    const moved = done.filter((entry) => entry.learning.status !== entry.before);
    log.info("learnings were put to the test", { tried: done.length, changed: moved.length, open: open.length });
  }
}
