/** What follows when a skill is off: the team works on without it, and everything that needed it says so. */

import type { Problem } from "../domain/problem.ts";
import type { Pipeline, RoutingFile } from "../domain/registry.ts";
import { problemsOf } from "./cross-checks.ts";
import { skillsOf } from "./pipeline-checks.ts";
import type { SkillFile } from "./skill-file.ts";
import type { YamlFile } from "./yaml-file.ts";

/** Why each of them is off, by name. */
export type Off = { readonly skills: ReadonlyMap<string, string>; readonly pipelines: ReadonlyMap<string, string> };

/** Skills without a usable text, and the pipelines that need one of them. */
export function turnedOff(files: ReadonlyMap<string, SkillFile>, pipelines: Readonly<Record<string, Pipeline>>): Off {
  const skills = new Map([...files].flatMap(([name, file]) => (file.off === null ? [] : [[name, file.off] as const])));
  const stopped = Object.entries(pipelines).flatMap(([name, pipeline]) => {
    const missing = [...new Set(skillsOf(pipeline).map((step) => step.name))].filter((skill) => skills.has(skill));
    const why = missing.map((skill) => `the skill "${skill}" is off (${skills.get(skill)})`).join(", ");
    return missing.length === 0 ? [] : [[name, why] as const];
  });
  return { skills, pipelines: new Map(stopped) };
}

/** What else stops because a skill is off: one problem at each place that needs it. */
export function offProblems(
  off: Off,
  pipelines: YamlFile<{ pipelines: Record<string, Pipeline> }>,
  routing: YamlFile<RoutingFile>,
  schedules: YamlFile<{ schedules: Record<string, { pipeline: string }> }>,
  events: YamlFile<{ events: Record<string, { pipeline: string }> }>,
): Problem[] {
  const problems: Problem[] = [];
  for (const [name, pipeline] of Object.entries(pipelines.partial?.pipelines ?? {})) {
    const why = off.pipelines.get(name);
    const step = skillsOf(pipeline).find((entry) => off.skills.has(entry.name));
    if (why === undefined || step === undefined) continue;
    problems.push(problemsOf(pipelines).error(["pipelines", name, ...step.path], `pipeline "${name}" is off: ${why}`));
  }
  for (const [name, category] of Object.entries(routing.partial?.categories ?? {})) {
    category.route.forEach((phase, i) => {
      phase.skills.forEach((skill, j) => {
        if (!off.skills.has(skill)) return;
        const path = ["categories", name, "route", i, "skills", j];
        problems.push(problemsOf(routing).warning(path, `category ${name} does without the skill "${skill}", which is off`));
      });
    });
  }
  const starts = [
    ["schedule", schedules, schedules.partial?.schedules ?? {}],
    ["event", events, events.partial?.events ?? {}],
  ] as const;
  for (const [kind, file, entries] of starts) {
    for (const [name, { pipeline }] of Object.entries(entries)) {
      if (!off.pipelines.has(pipeline)) continue;
      const path = [`${kind}s`, name, "pipeline"];
      problems.push(problemsOf(file).error(path, `${kind} ${name} starts nothing: the pipeline "${pipeline}" is off`));
    }
  }
  return problems;
}
