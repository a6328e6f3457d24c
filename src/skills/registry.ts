/** Loads the team: every file of the registry, all their problems in one run, and the checked, frozen `Registry`. */

import { join } from "node:path";
import type { z } from "zod";
import type { Problem } from "../domain/problem.ts";
import {
  eventsFile,
  modelsFile,
  pipelinesFile,
  type Registry,
  type RoutingFile,
  routingFile,
  schedulesFile,
  type Skill,
  type SkillEntry,
  skillsFile,
} from "../domain/registry.ts";
import { toolsFile } from "../domain/tools-file.ts";
import { checkFolders, checkRouting, checkSkills, type Known } from "./cross-checks.ts";
import { loadExternal, withMembers } from "./external.ts";
import { lintSkills } from "./lints.ts";
import { checkModels } from "./model-checks.ts";
import { checkBatchMarks, checkEvents, checkPipelines, checkSchedules, checkSources, isTakenSource } from "./pipeline-checks.ts";
import { readReferenceText } from "./references.ts";
import { loadSkillFile, ownPlace, SKILLS_DIR, type SkillFile, skillFolders } from "./skill-file.ts";
import { readTextFile } from "./text-file.ts";
import { loadToolCatalogue } from "./tool-catalogue.ts";
import { checkSkillRoles, checkTools } from "./tool-checks.ts";
import { type Off, offProblems, turnedOff } from "./turned-off.ts";
import { readYamlFile } from "./yaml-file.ts";

const MAX_TEXT_CHARS = 20_000;

export type LoadedRegistry = {
  /** Null exactly when `fatal`: an error in the skills, models, routing, pipelines or texts leaves no team to work with. */
  readonly registry: Registry | null;
  readonly fatal: boolean;
  /** All of them, of all files. Errors that are not fatal have turned something off. */
  readonly problems: readonly Problem[];
  /** What was turned off, by name, and why: skills without a usable SKILL.md, pipelines that need one of them. */
  readonly off: Off;
};

/**
 * Reads the registry below `root`. Never throws for what the files hold; file names in problems are relative to `root`. With
 * `lints` the problems hold the warnings too that matter to those who write skills, and not to a run.
 */
export async function loadRegistry(options: { root: string; lints?: boolean }): Promise<LoadedRegistry> {
  const { root, lints = false } = options;
  const read = <S extends z.ZodType>(file: string, schema: S, required = true, hint = "it belongs to the program's files") =>
    readYamlFile({ root, file, required, hint }, schema);
  const [written, tools, pipelines, routing, schedules, events, models, charter, house, reviewer, folders] = await Promise.all([
    read("skills.yaml", skillsFile),
    read("tools.yaml", toolsFile, false),
    read(".agents/pipelines.yaml", pipelinesFile),
    read(".agents/routing.yaml", routingFile),
    read(".agents/schedules.yaml", schedulesFile, true, 'write "schedules: {}" for none'),
    read(".agents/events.yaml", eventsFile, true, 'write "events: {}" for none'),
    read(".agents/models.yaml", modelsFile),
    readText(root, ".agents/charter.md"),
    readText(root, ".agents/house-rules.md"),
    readText(root, ".agents/reviewer.md"),
    skillFolders(root),
  ]);
  const external = await loadExternal(root, written, folders);
  // Thirty entries that most commands never ask for: read where there is a server to know, or somebody who wants all problems.
  const needed = lints || Object.keys(tools.partial?.mcpServers ?? {}).length > 0;
  const vetted = needed ? await loadToolCatalogue(root) : null;
  const skills = withMembers(written, external);
  const known: Known = {
    skills: skills.names("skills"),
    squads: skills.names("squads"),
    rubrics: skills.names("rubrics"),
    categories: routing.names("categories"),
    pipelines: pipelines.names("pipelines"),
  };
  const placeOf = (name: string) => external.members.get(name)?.place ?? external.places.get(name) ?? ownPlace(root, name);
  const isOurs = (name: string) => !external.members.has(name) && !external.places.has(name);
  const files = new Map(
    await Promise.all(
      Object.keys(skills.partial?.skills ?? {}).map(
        async (name) => [name, external.members.get(name)?.file ?? (await loadSkillFile(placeOf(name)))] as const,
      ),
    ),
  );
  const off = turnedOff(files, pipelines.partial?.pipelines ?? {});

  // Nothing can be checked against a file without names: that would only repeat that file's fault at every line.
  const teamKnown = known.skills.length > 0;
  const pipelinesKnown = known.pipelines.length > 0;
  const deadly = [
    ...skills.problems,
    ...checkSkills(skills, known),
    ...routing.problems,
    ...(teamKnown ? checkRouting(routing, known, skills) : []),
    ...pipelines.problems,
    ...(teamKnown && known.categories.length > 0 ? checkPipelines(pipelines, known) : []),
    ...models.problems,
    ...checkModels(models),
    ...[charter, house, reviewer].flatMap((text) => text.problems),
  ];
  const badSchedules = pipelinesKnown ? await checkSchedules(schedules, known) : new Map<string, Problem[]>();
  const badEvents = pipelinesKnown ? checkEvents(events, known) : new Map<string, Problem[]>();
  const harmless = [
    ...offProblems(off, pipelines, routing, schedules, events),
    ...schedules.problems,
    ...checkBatchMarks(schedules),
    ...[...badSchedules.values()].flat(),
    ...events.problems,
    ...[...badEvents.values()].flat(),
    ...checkSources(events),
    ...tools.problems,
    ...(teamKnown ? [...checkTools(tools, known, skills, vetted?.catalogue ?? null), ...checkSkillRoles(skills, tools)] : []),
    ...(vetted?.problems ?? []),
    ...[...files].flatMap(([name, file]) => (external.members.has(name) ? [] : file.problems)),
    ...(teamKnown ? checkFolders(folders, known, SKILLS_DIR) : []),
    ...external.problems,
    ...(lints ? [...external.oddities, ...lintSkills({ skills, files, placeOf, isOurs })] : []),
  ];
  const problems = [...deadly, ...harmless];
  const fatal = deadly.some((problem) => problem.severity === "error");
  if (fatal || !skills.value || !pipelines.value || !routing.value || !models.value) {
    return { registry: null, fatal: true, problems, off };
  }
  const alive = (name: string) => !off.skills.has(name);
  const team = new Map(
    Object.entries(skills.value.skills).flatMap(([name, entry]) => {
      const text = files.get(name)?.skill;
      return text ? [[name, frozen(memberOf(entry, text, alive))] as const] : [];
    }),
  );
  const registry: Registry = {
    foundation: skills.value.foundation,
    review: skills.value.review,
    precedence: skills.value.precedence,
    squads: new Map(Object.entries(skills.value.squads)),
    rubrics: new Map(Object.entries(skills.value.rubrics)),
    skills: team,
    pipelines: new Map(Object.entries(pipelines.value.pipelines).filter(([name]) => !off.pipelines.has(name))),
    routing: withoutSkills(routing.value, alive),
    trials: schedules.value?.trials?.enabled ? schedules.value.trials : null,
    schedules: startable(schedules.partial?.schedules, badSchedules, off),
    events: startable(events.partial?.events, badEvents, off),
    sources: lookup(Object.entries(events.partial?.sources ?? {}).filter(([name]) => !isTakenSource(name))),
    tools: tools.partial ?? { mcpServers: {} },
    models: models.value,
    texts: { charter: charter.text, house: house.text, reviewer: reviewer.text },
    async readReference(name, path) {
      const skill = team.get(name);
      return skill === undefined ? null : readReferenceText(placeOf(name).folder, skill.references, path);
    },
  };
  return { registry: frozen(registry), fatal: false, problems, off };
}

/** A text that agents read; empty or missing is an error: nobody should work without the house rules. */
async function readText(root: string, file: string): Promise<{ text: string; problems: Problem[] }> {
  const read = await readTextFile(join(root, file));
  if ("fault" in read) {
    const { message, line, hint } = read.fault;
    return { text: "", problems: [{ severity: "error", file, line, message, hint: hint ?? "every agent works by it" }] };
  }
  const text = read.text.trim();
  if (text === "") return { text, problems: [{ severity: "error", file, message: "is empty", hint: "every agent works by it" }] };
  if (text.length <= MAX_TEXT_CHARS) return { text, problems: [] };
  const message = `is ${text.length.toLocaleString("en")} characters long`;
  return { text, problems: [{ severity: "warning", file, message, hint: "it is part of every call: keep it short" }] };
}

function memberOf(entry: SkillEntry, text: NonNullable<SkillFile["skill"]>, alive: (name: string) => boolean): Skill {
  return { ...entry, needs: entry.needs.filter(alive), feeds: entry.feeds.filter(alive), ...text };
}

/** The routes without skills that are off; a phase that is left with nobody goes too. */
function withoutSkills(routing: RoutingFile, alive: (name: string) => boolean): RoutingFile {
  const categories = Object.entries(routing.categories).map(([name, category]) => {
    const route = category.route
      .map((phase) => ({ ...phase, skills: phase.skills.filter(alive) }))
      .filter((phase) => phase.squads.length + phase.skills.length > 0);
    return [name, { ...category, route }] as const;
  });
  return { ...routing, categories: lookup(categories) };
}

/** The schedules or events that can start something. */
function startable<T extends { pipeline: string }>(
  entries: Record<string, T> | undefined,
  bad: ReadonlyMap<string, unknown>,
  off: Off,
): Record<string, T> {
  return lookup(Object.entries(entries ?? {}).filter(([name, entry]) => !bad.has(name) && !off.pipelines.has(entry.pipeline)));
}

/** A plain object without inherited keys: an event type that comes from outside may be called "constructor". */
function lookup<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, Object.fromEntries(entries));
}

/** Freezes plain data all the way down. Maps keep their methods; their type is read-only. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) for (const entry of value.values()) frozen(entry);
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
