/** Mentions of other skills' sections in a playbook's inputs, in the form **Section name** of `skill-name`: each must exist. */

import { type Problem, suggest } from "../domain/problem.ts";
import { lineAt, partOf } from "./playbook-text.ts";

export type Mention = { readonly section: string; readonly skill: string; readonly line: number };

/** One or more bold names, then `of`, then a skill's name in backticks; a line may end in between. */
const MENTION = /\*\*[^*\n]+\*\*(?:(?:\s*,\s*|\s+(?:and|or)\s+|\s*,\s*(?:and|or)\s+)\*\*[^*\n]+\*\*)*\s+of\s+`([^`\n]+)`/g;

/** The mentions in the part `## Inputs`; a list ("**A** and **B** of `x`") is one for each of its names. */
export function upstreamMentions({ body, bodyLine }: { readonly body: string; readonly bodyLine: number }): Mention[] {
  const inputs = partOf({ text: body, line: bodyLine }, "Inputs");
  if (inputs === null) return [];
  return [...inputs.text.matchAll(MENTION)].flatMap((match) =>
    [...match[0].matchAll(/\*\*([^*\n]+)\*\*/g)].map((name) => ({
      section: name[1]?.trim() ?? "",
      skill: match[1]?.trim() ?? "",
      line: lineAt(inputs, match.index + name.index),
    })),
  );
}

/** `names`: every skill there is; `sectionsOf`: the sections of those whose entries are sound. */
export function checkUpstream(
  skill: { readonly file: string; readonly body: string; readonly bodyLine: number },
  names: readonly string[],
  sectionsOf: ReadonlyMap<string, readonly string[]>,
): Problem[] {
  return upstreamMentions(skill).flatMap(({ section, skill: other, line }) => {
    const warning = (message: string, hint: string): Problem[] => [
      { severity: "warning", file: skill.file, line, message, hint },
    ];
    if (!names.includes(other)) return warning(`names a section of an unknown skill "${other}"`, suggest(other, names));
    const sections = sectionsOf.get(other);
    if (sections === undefined || sections.includes(section)) return [];
    return warning(`${other} has no section "${section}"`, suggest(section, sections));
  });
}
