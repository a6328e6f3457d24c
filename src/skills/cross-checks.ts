/** Checks between the registry's files: every name that one file uses stands in the file that defines it. */

import { DIRECTOR, findCycle } from "../domain/plan.ts";
import { type Problem, suggest } from "../domain/problem.ts";
import type { RoutingFile, SkillsFile } from "../domain/registry.ts";
import type { YamlFile } from "./yaml-file.ts";

/** Names that exist, those of faulty entries too: what stands there and is broken is told once, by its own file. */
export type Known = {
  readonly skills: readonly string[];
  readonly squads: readonly string[];
  readonly rubrics: readonly string[];
  readonly categories: readonly string[];
  readonly pipelines: readonly string[];
};

type Path = readonly PropertyKey[];

/** Makes problems of one file, with the line of a path. */
export function problemsOf(file: Pick<YamlFile<unknown>, "file" | "lineOf">) {
  const make =
    (severity: Problem["severity"]) =>
    (path: Path, message: string, hint?: string): Problem => ({
      severity,
      file: file.file,
      line: file.lineOf(path),
      message,
      hint,
    });
  return { error: make("error"), warning: make("warning") };
}

/** The skill's name means something else to the engine. */
export function isReserved(name: string): boolean {
  // `structure` signs the reviews that cost no call; `gate-1` is the key of a phase's gate.
  return name === DIRECTOR || name === "structure" || /^gate-\d+$/.test(name);
}

export function checkSkills(file: YamlFile<SkillsFile>, known: Known): Problem[] {
  const content = file.partial;
  if (content === null) return [];
  const { error, warning } = problemsOf(file);
  const problems: Problem[] = [];
  if (content.review.approve <= content.review.reject) {
    problems.push(error(["review", "approve"], "review › approve must be above review › reject", "7.5 and 4, for example"));
  }
  if (!known.skills.includes(content.foundation)) {
    problems.push(
      error(["foundation"], `foundation: unknown skill "${content.foundation}"`, suggest(content.foundation, known.skills)),
    );
  }
  for (const key of ["squad", "rubric"] as const) {
    const name = content.external?.[key];
    const names = key === "squad" ? known.squads : known.rubrics;
    if (name !== undefined && !names.includes(name))
      problems.push(error(["external", key], `external: unknown ${key} "${name}"`, suggest(name, names)));
  }
  for (const [name, { criteria }] of Object.entries(content.rubrics)) {
    const ids = criteria.map((criterion) => criterion.id);
    ids.forEach((id, i) => {
      if (ids.indexOf(id) !== i)
        problems.push(error(["rubrics", name, "criteria", i, "id"], `rubric ${name}: the criterion "${id}" stands twice`));
    });
  }
  for (const [name, skill] of Object.entries(content.skills)) {
    const path = ["skills", name];
    if (isReserved(name))
      problems.push(error(path, `"${name}" cannot be a skill's name: the engine uses it`, "choose another name"));
    if (!known.squads.includes(skill.squad)) {
      problems.push(
        error([...path, "squad"], `skill ${name}: unknown squad "${skill.squad}"`, suggest(skill.squad, known.squads)),
      );
    }
    if (!known.rubrics.includes(skill.rubric)) {
      problems.push(
        error([...path, "rubric"], `skill ${name}: unknown rubric "${skill.rubric}"`, suggest(skill.rubric, known.rubrics)),
      );
    }
    for (const list of ["needs", "feeds"] as const) {
      skill[list].forEach((other, i) => {
        if (known.skills.includes(other)) return;
        problems.push(error([...path, list, i], `skill ${name}: ${list} unknown skill "${other}"`, suggest(other, known.skills)));
      });
    }
  }
  const circle = findCycle(Object.entries(content.skills).map(([key, { needs }]) => ({ key, needs })));
  if (circle !== null) {
    const path = ["skills", circle[0] ?? "", "needs"];
    problems.push(error(path, `the skills need each other in a circle: ${circle.join(" → ")}`, "take one of these needs out"));
  }
  if (file.value !== null) {
    const used = new Set(Object.values(content.skills).map((skill) => skill.squad));
    for (const squad of known.squads) {
      if (!used.has(squad)) problems.push(warning(["squads", squad], `no skill is in the squad "${squad}"`));
    }
  }
  return problems;
}

export function checkRouting(file: YamlFile<RoutingFile>, known: Known, team: YamlFile<SkillsFile>): Problem[] {
  const content = file.partial;
  if (content === null) return [];
  const { error } = problemsOf(file);
  const problems: Problem[] = [];
  const manned = new Set(Object.values(team.partial?.skills ?? {}).map((skill) => skill.squad));
  content.last.forEach((squad, i) => {
    if (!known.squads.includes(squad))
      problems.push(error(["last", i], `last: unknown squad "${squad}"`, suggest(squad, known.squads)));
  });
  for (const [name, category] of Object.entries(content.categories)) {
    category.route.forEach((step, i) => {
      const path = ["categories", name, "route", i];
      const where = `category ${name}, phase "${step.phase}"`;
      step.squads.forEach((squad, j) => {
        if (!known.squads.includes(squad)) {
          problems.push(error([...path, "squads", j], `${where}: unknown squad "${squad}"`, suggest(squad, known.squads)));
        }
      });
      step.skills.forEach((skill, j) => {
        if (!known.skills.includes(skill)) {
          problems.push(error([...path, "skills", j], `${where}: unknown skill "${skill}"`, suggest(skill, known.skills)));
        }
      });
      const unmanned = team.value !== null && step.skills.length === 0 && !step.squads.some((squad) => manned.has(squad));
      if (
        step.squads.length + step.skills.length === 0 ||
        (unmanned && step.squads.every((squad) => known.squads.includes(squad)))
      ) {
        problems.push(error(path, `${where}: the phase leads to nobody`, "name squads that have skills, or skills"));
      }
    });
  }
  if (file.value !== null && Object.keys(content.categories).length === 0) {
    problems.push(error(["categories"], "there are no categories", "the Director sorts every goal into one"));
  }
  return problems;
}

/** Folders that nobody would ever open, because no entry names them. */
export function checkFolders(folders: readonly string[], known: Known, skillsDir: string): Problem[] {
  return folders
    .filter((folder) => !known.skills.includes(folder))
    .map((folder) => ({
      severity: "warning",
      file: `${skillsDir}/${folder}`,
      message: `no entry in skills.yaml names the skill "${folder}"`,
      hint: "add one with squad, role, tier and rubric, or remove the folder",
    }));
}
