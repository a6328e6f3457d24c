/** What whoever writes skills should know and no run needs: warnings of `validate` alone, gathered from the checks beside this file. */

import type { Problem } from "../domain/problem.ts";
import type { SkillsFile } from "../domain/registry.ts";
import { overlappingDescriptions } from "./description-checks.ts";
import { checkPlaybook } from "./playbook-checks.ts";
import { unmentionedReferences } from "./reference-checks.ts";
import type { SkillFile, SkillPlace } from "./skill-file.ts";
import { checkUpstream } from "./upstream-checks.ts";
import type { YamlFile } from "./yaml-file.ts";

/**
 * All lints, each a warning. Overlap and references concern every skill; the form of a playbook only those of ours (with an
 * entry, in `.agents/skills`): skills in the open format need not have it.
 */
export function lintSkills({
  skills,
  files,
  placeOf,
  isOurs,
}: {
  readonly skills: YamlFile<SkillsFile>;
  readonly files: ReadonlyMap<string, SkillFile>;
  readonly placeOf: (name: string) => SkillPlace;
  readonly isOurs: (name: string) => boolean;
}): Problem[] {
  const content = skills.partial;
  if (content === null) return [];
  const loaded = [...files].flatMap(([name, { skill, bodyLine, descriptionLine }]) => {
    const { shownAs } = placeOf(name);
    return skill === null ? [] : [{ ...skill, shownAs, file: `${shownAs}/SKILL.md`, bodyLine, descriptionLine }];
  });
  const sectionsOf = new Map(Object.entries(content.skills).map(([name, entry]) => [name, entry.sections]));
  const names = skills.names("skills");
  return [
    ...overlappingDescriptions(loaded),
    ...loaded.flatMap((skill) => {
      const found = unmentionedReferences(skill.shownAs, skill.body, skill.references);
      const entry = content.skills[skill.name];
      if (entry === undefined || !isOurs(skill.name)) return found;
      if (entry.sections.length === 0) {
        found.push({
          severity: "warning",
          file: skills.file,
          line: skills.lineOf(["skills", skill.name]),
          message: `skill ${skill.name} has no sections`,
          hint: "name the headings of its deliverable: without them nobody sees that a part is missing",
        });
      }
      const criteria = content.rubrics[entry.rubric]?.criteria.map(({ id }) => id) ?? [];
      return [
        ...found,
        ...checkPlaybook(skill, { sections: entry.sections, rubric: entry.rubric, criteria }),
        ...checkUpstream(skill, names, sectionsOf),
      ];
    }),
  ];
}
