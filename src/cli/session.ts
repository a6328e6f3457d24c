/** What most commands begin with: configuration, a named goal, an open application. */

import { bootstrap, noKey, type Application, type LoadedTeam } from "../bootstrap.ts";
import { loadConfig, processInput, type RuntimeConfig } from "../config.ts";
import { idPrefix, type IdKind } from "../domain/id.ts";
import { formatProblem, type Problem } from "../domain/problem.ts";
import { idsLike, listGoals } from "../store/goals.ts";
import { UsageError } from "./errors.ts";
import { note, styles, type Styles } from "./output.ts";

export type CommonOptions = { readonly workspace?: string; readonly json?: boolean };
export type RunFlags = CommonOptions & {
  readonly rehearse?: boolean;
  readonly seed: number;
  readonly latency: number;
  readonly concurrency?: number;
  readonly events?: boolean;
};

export function configFor(options: { workspace?: string; concurrency?: number }): RuntimeConfig {
  return loadConfig({ ...processInput(), workspace: options.workspace, concurrency: options.concurrency });
}

export function interactive(config: RuntimeConfig): boolean {
  return Boolean(process.stderr.isTTY) && !config.ci;
}

export function stylesFor(config: RuntimeConfig, fd: 1 | 2 = 1): Styles {
  return styles(Boolean(fd === 1 ? process.stdout.isTTY : process.stderr.isTTY) && !config.noColor);
}

/** An application that makes no model call. */
export async function openApplication(options: CommonOptions, team?: LoadedTeam): Promise<Application> {
  const config = configFor(options);
  return bootstrap({ config, rehearse: null, interactive: interactive(config), ...(team ? { team } : {}) });
}

/** An application for a command that only looks: it makes no call, and reads nothing of the team's tools. */
export async function openToLook(options: CommonOptions): Promise<Application> {
  const config = configFor(options);
  return bootstrap({ config, rehearse: null, interactive: interactive(config), looks: true });
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

/** The id that a person means: a unique beginning, or `last` for the newest goal. Throws UsageError. */
export async function resolveId(
  app: Pick<Application, "store">,
  kind: IdKind & ("goal" | "ask" | "learn" | "call"),
  typed: string,
): Promise<string> {
  const tables = { goal: "goals", ask: "questions", learn: "learnings", call: "calls" } as const;
  const names = { goal: "goal", ask: "question", learn: "learning", call: "call" } as const;
  const lists = { goal: "status", ask: "approvals", learn: "learnings", call: "show --calls" } as const;
  if (kind === "goal" && typed === "last") {
    const newest = (await app.store.read((read) => listGoals(read, { limit: 1 })))[0];
    if (!newest) throw new UsageError("there is no goal yet", 'start one: bun run start "your goal"');
    return newest.id;
  }
  const prefix = idPrefix(kind, typed);
  if (prefix === null) throw new UsageError(`"${typed}" is not the id of a ${names[kind]}`, `see \`${lists[kind]}\``);
  const found = await app.store.read((read) => idsLike(read, tables[kind], prefix));
  if (found.length === 0) throw new UsageError(`there is no ${names[kind]} "${typed}"`, `see \`${lists[kind]}\``);
  if (found.length > 1) throw new UsageError(`"${typed}" is the beginning of several ${names[kind]} ids`, "type more of it");
  return found[0] ?? "";
}
