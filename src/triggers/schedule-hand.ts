/** A schedule fired by hand: its goal, whatever the clock says. */

import type { Team } from "../work/team.ts";
import { acceptIn, readyToAccept } from "../work/accept.ts";
import { decideTick, pausedSchedules } from "../store/schedules.ts";
import { workOf, type Schedule } from "./schedule-decide.ts";

export type ByHand = { readonly goalId: string; readonly title: string } | { readonly problem: string; readonly hint: string };

/** Saves the goal and that it was started by hand; `force` does it for a schedule that is paused or off, too. */
export async function fireByHand(
  team: Team,
  { name, schedule, rehearsal, force }: { name: string; schedule: Schedule; rehearsal: boolean; force: boolean },
): Promise<ByHand> {
  const work = workOf(name, schedule, { registry: team.registry, caps: team.caps, rehearsal });
  if ("problem" in work) return { problem: `schedule ${name}: ${work.problem}`, hint: "mend it first" };
  if (!schedule.enabled && !force)
    return { problem: `schedule ${name} is off (enabled: false)`, hint: "--force starts it all the same" };
  const ready = await readyToAccept(team);
  const now = team.now();
  return team.store.write("schedule.run", async (tx) => {
    const pausedAt = (await pausedSchedules(tx, name)).get(name);
    if (pausedAt !== undefined && !force) {
      const since = new Date(pausedAt).toISOString().slice(0, 16);
      return {
        problem: `schedule ${name} is paused since ${since}Z`,
        hint: `--force starts it all the same; \`schedules resume ${name}\` lets it go on`,
      };
    }
    // Whoever starts it by hand waits for it.
    const goalId = await acceptIn(tx, team.registry, { ...work, batch: false }, ready);
    // Never on a whole minute: that is where ticks are.
    const at = now % 60_000 === 0 ? now + 1 : now;
    const tick = { name, at, outcome: "fired", reason: "hand", detail: null, missed: 0, goalId } as const;
    await decideTick(tx, { ...tick, decidedAt: now }, rehearsal);
    return { goalId, title: work.plan.title };
  });
}
