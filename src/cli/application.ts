/** The application, opened for a command: to work, or to change something without a model. */

import { bootstrap, type Application, type LoadedTeam } from "../bootstrap.ts";
import { noKey } from "../bootstrap/model.ts";
import { formatProblem, type Problem } from "../domain/problem.ts";
import { note } from "./output.ts";
import { configFor, interactive, type CommonOptions, type RunFlags } from "./session.ts";

/** An application that makes no model call. */
export async function openApplication(options: CommonOptions, team?: LoadedTeam): Promise<Application> {
  const config = configFor(options);
  return bootstrap({ config, rehearse: null, interactive: interactive(config), ...(team ? { team } : {}) });
}

/** An application that works: with the rehearsal, or with a key. Says what is wrong with the team, on stderr. */
export async function openTeam(options: RunFlags, needs: { model: boolean; team?: LoadedTeam }): Promise<Application> {
  const config = configFor(options);
  if (needs.model && !options.rehearse && config.apiKey === null) throw noKey();
  const app = await bootstrap({
    config,
    rehearse: options.rehearse ? { seed: options.seed, latencyMs: options.latency } : null,
    interactive: interactive(config),
    ...(needs.team ? { team: needs.team } : {}),
  });
  noteProblems(app.problems);
  return app;
}

export function noteProblems(problems: readonly Problem[]): void {
  for (const problem of problems) note(`${problem.severity}: ${formatProblem(problem)}`);
}
