/** `marketeam resume`: go on with a goal where it stopped. */

import { GOAL_ENDED } from "../domain/goal.ts";
import { nano } from "../domain/money.ts";
import { needGoal } from "../store/goals.ts";
import { leasesOf } from "../store/leases.ts";
import { resumeGoal } from "../work/answers.ts";
import { holders } from "../work/presence.ts";
import { catchUp } from "../work/scribe.ts";
import { UsageError } from "./errors.ts";
import { note } from "./output.ts";
import { seeThrough } from "./see-through.ts";
import { openApplication, openTeam, resolveId, type RunFlags } from "./session.ts";

export async function resume(typed: string | undefined, options: RunFlags & { allow?: number }): Promise<number> {
  const goalId = await goalToWorkOn(typed ?? "last", options);
  await using app = await openTeam(options, { model: true });
  const presence = await app.presence();
  await presence.sweep();
  const { status } = await app.store.read((read) => needGoal(read, goalId));
  // A goal that ended just before a crash has nothing to go on with, but documents to be written and an end to be told.
  const ended = GOAL_ENDED.includes(status) && options.allow === undefined;
  const problem = ended ? null : await resumeGoal(app.store, goalId, options.allow === undefined ? null : nano(options.allow));
  if (problem !== null) {
    await catchUp(app.team, goalId);
    throw new UsageError(problem);
  }
  const others = await holders(
    app.store,
    (await app.store.read((read) => leasesOf(read, goalId))).map((lease) => lease.owner),
  );
  for (const other of others) note(`Process ${other.pid} on ${other.host} works on this goal too: the work is shared.`);
  return await seeThrough(app, goalId, options);
}

/** A goal of the rehearsal goes on with the rehearsal, a real one with a key. */
async function goalToWorkOn(typed: string, options: RunFlags): Promise<string> {
  await using app = await openApplication(options);
  const goalId = await resolveId(app, "goal", typed);
  const goal = await app.store.read((read) => needGoal(read, goalId));
  if (goal.rehearsal && !options.rehearse)
    throw new UsageError("this goal is a rehearsal", `go on with: bun run start resume ${goalId} --rehearse`);
  if (!goal.rehearsal && options.rehearse)
    throw new UsageError("this goal is a real one", "leave --rehearse out: a rehearsal cannot go on with real work");
  return goalId;
}
