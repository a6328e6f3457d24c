/** `marketeam resume`: go on with a goal where it stopped. */

import { GOAL_ENDED } from "../domain/goal.ts";
import { nano } from "../domain/money.ts";
import { needGoal } from "../store/goals.ts";
import type { Store } from "../store/store.ts";
import { leasesOf } from "../store/leases.ts";
import { resumeGoal } from "../work/answers.ts";
import { holders } from "../work/presence.ts";
import { catchUp } from "../work/scribe.ts";
import { START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { note } from "./output.ts";
import { seeThrough } from "./see-through.ts";
import { openTeam } from "./application.ts";
import { configFor, resolveId, type RunFlags } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

export async function resume(typed: string | undefined, flags: RunFlags & { allow?: number }): Promise<number> {
  const { goalId, rehearsal } = await goalToWorkOn(typed ?? "last", flags);
  const options = { ...flags, rehearse: rehearsal };
  await using app = await openTeam(options, { model: true });
  const presence = await app.presence();
  await presence.sweep();
  const { status } = await app.store.read((read) => needGoal(read, goalId));
  // A goal that ended just before a crash has nothing to go on with, but documents to be written and an end to be told.
  const ended = GOAL_ENDED.includes(status) && options.allow === undefined;
  const problem = ended ? null : await resumeGoal(app.store, goalId, options.allow === undefined ? null : nano(options.allow));
  if (problem !== null) {
    // A goal that waits is shown with what it waits for, and exits as any goal that waits.
    if (!GOAL_ENDED.includes(status)) return await seeThrough(app, goalId, options);
    await catchUp(app.team, goalId);
    throw new UsageError(problem, `what it made: bun run start show ${goalId}`);
  }
  const others = await holders(
    app.store,
    (await app.store.read((read) => leasesOf(read, goalId))).map((lease) => lease.owner),
  );
  for (const other of others) note(`Process ${other.pid} on ${other.host} works on this goal too: the work is shared.`);
  return await seeThrough(app, goalId, options);
}

/** A goal of the rehearsal goes on with the rehearsal, whether that is said or not; a real one with a key. */
async function goalToWorkOn(typed: string, options: RunFlags): Promise<{ goalId: string; rehearsal: boolean }> {
  // The store alone: reading the team's files is most of a start, and they are read again to work.
  const store = await openStoreThere(configFor(options));
  if (!store) throw new UsageError("there is no goal yet", START_HINT);
  const { goalId, goal } = await find(store, typed).finally(() => store.close());
  if (!goal.rehearsal && options.rehearse)
    throw new UsageError("this goal is a real one", "leave --rehearse out: a rehearsal cannot go on with real work");
  return { goalId, rehearsal: goal.rehearsal };
}

async function find(store: Store, typed: string) {
  const goalId = await resolveId(store, "goal", typed);
  return { goalId, goal: await store.read((read) => needGoal(read, goalId)) };
}
