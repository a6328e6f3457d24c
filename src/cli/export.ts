/** `marketeam export`: writes the workspace's documents again from the store, of one goal or of all. */

import { EXIT } from "../domain/exit.ts";
import { count } from "../domain/quantity.ts";
import { listGoals } from "../store/goals.ts";
import { writeGoal, writeLearnings } from "../work/scribe.ts";
import type { Team } from "../work/team.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { START, START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { print, printJson } from "./output.ts";
import { openApplication } from "./application.ts";
import { configFor, resolveId, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

export async function exportDocuments(typed: string | undefined, options: CommonOptions): Promise<number> {
  const config = configFor(options);
  if (!storeThere(config)) {
    if (typed !== undefined) throw new UsageError("there is no goal yet", START_HINT);
    if (options.json) printJson({ workspace: config.workspace, goals: [], written: [], unchanged: 0 });
    else print(`There is nothing to write yet. Start a goal: ${START}`);
    return EXIT.done;
  }
  await using app = await openApplication(options);
  const goals =
    typed === undefined
      ? (await app.store.read((read) => listGoals(read, { limit: Number.MAX_SAFE_INTEGER }))).map((goal) => goal.id).toReversed()
      : [await resolveId(app.store, "goal", typed)];
  const seen = watchFiles(app.team.workspace);
  const team: Team = { ...app.team, workspace: seen.workspace };
  for (const goal of goals) await writeGoal(team, goal);
  await writeLearnings(team);
  const written = [...seen.written].toSorted();
  const unchanged = [...seen.read].filter(
    (path) => !seen.written.has(path) && !seen.written.has(path.replace(/\.md$/, ".new.md")),
  ).length;
  if (options.json) printJson({ workspace: config.workspace, goals, written, unchanged });
  else {
    const rest = unchanged > 0 ? `; ${count(unchanged, "file")} left as ${unchanged === 1 ? "it was" : "they were"}` : "";
    print(`Wrote ${count(written.length, "file")} of ${count(goals.length, "goal")} to ${config.workspace}${rest}.`);
  }
  return EXIT.done;
}

/** A workspace that notes which files were looked at and which were written: the scribe looks at each before it writes. */
function watchFiles(workspace: Workspace): { workspace: Workspace; read: Set<string>; written: Set<string> } {
  const [read, written] = [new Set<string>(), new Set<string>()];
  return {
    read,
    written,
    workspace: {
      ...workspace,
      async read(path) {
        const text = await workspace.read(path);
        if (text !== null) read.add(path);
        return text;
      },
      async write(path, text) {
        await workspace.write(path, text);
        written.add(path);
      },
    },
  };
}
