/** `marketeam cancel`: stop a goal for good. */

import { EXIT } from "../domain/exit.ts";
import { needGoal } from "../store/goals.ts";
import { cancelGoal } from "../work/answers.ts";
import { createScribe } from "../work/scribe.ts";
import { START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { print, printJson } from "./output.ts";
import { openApplication } from "./application.ts";
import { configFor, resolveId, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

export async function cancel(typed: string, options: CommonOptions): Promise<number> {
  if (!storeThere(configFor(options))) throw new UsageError("there is no goal yet", START_HINT);
  await using app = await openApplication(options);
  const goalId = await resolveId(app.store, "goal", typed);
  const scribe = createScribe(app.team, (id) => id === goalId);
  const problem = await cancelGoal(app.store, goalId);
  await scribe.close();
  if (problem !== null) throw new UsageError(problem, `what it made: show ${goalId}`);
  const goal = await app.store.read((read) => needGoal(read, goalId));
  if (options.json) printJson({ goal: goal.id, title: goal.title, status: goal.status });
  else print(`${goal.title}: cancelled. What was done is kept: show ${goalId}`);
  return EXIT.done;
}
