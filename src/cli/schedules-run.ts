/** `schedules run`: fires a schedule now, as a goal like any that the clock starts. */

import { loadTeam } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import { openGoalFrom } from "../store/schedules.ts";
import { budgetProblem, sourceOf } from "../triggers/schedule-decide.ts";
import { readSchedules } from "../triggers/schedule-file.ts";
import { fireByHand } from "../triggers/schedule-hand.ts";
import { UsageError } from "./errors.ts";
import { note, print, printJson } from "./output.ts";
import { unknownSchedule } from "./schedules-change.ts";
import type { SchedulesOptions } from "./schedules-read.ts";
import { seeThrough } from "./see-through.ts";
import { openApplication, openTeam } from "./application.ts";
import { configFor } from "./session.ts";

export async function runSchedule(name: string, options: SchedulesOptions): Promise<number> {
  // What was typed is checked before anything is opened: a mistake leaves no trace.
  for (const flag of ["events", "concurrency"] as const)
    if (options[flag] !== undefined && !options.work)
      throw new UsageError(`schedules run has no use for --${flag} without --work`, "--work works on the goal at once");
  if (options.json && options.events) throw new UsageError("--json and --events both want stdout", "choose one of them");
  const { root } = configFor(options);
  const all = await readSchedules(root);
  const schedule = all[name];
  if (!schedule) throw unknownSchedule(name, Object.keys(all));
  const team = await loadTeam({ root });
  await using app = options.work ? await openTeam(options, { model: true, team }) : await openApplication(options, team);
  const rehearsal = options.rehearse ?? false;
  const still = await app.store.read(async (read) => ({
    open: await openGoalFrom(read, sourceOf(name), rehearsal),
    budget: await budgetProblem(read, schedule.priority, { caps: app.config.caps, rehearsal, now: read.now }),
  }));
  const fired = await fireByHand(app.team, { name, schedule, rehearsal, force: options.force ?? false });
  if ("problem" in fired) throw new UsageError(fired.problem, fired.hint);
  if (still.open) note(`An earlier goal of ${name} is not over yet: ${still.open.id} (${still.open.status}).`);
  if (still.budget !== null) note(`It will wait: ${still.budget}.`);
  if (options.work) return await seeThrough(app, fired.goalId, options);
  if (options.json) printJson({ schedule: name, goal: fired.goalId, title: fired.title, source: sourceOf(name), rehearsal });
  else
    print(`Saved ${fired.goalId} (${fired.title}), as ${sourceOf(name)}.
  A daemon works on it, or you: bun run start resume ${fired.goalId}`);
  return EXIT.done;
}
