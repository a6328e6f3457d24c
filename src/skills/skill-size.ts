/** How large each skill is: what every call of it carries, and what it may ask for besides. */

import type { Registry } from "../domain/registry.ts";
import { skillPart } from "./prompt.ts";
import { MAX_REFERENCE_CHARS } from "./references.ts";

/** English text has about four characters a token. */
const CHARS_PER_TOKEN = 4;

export type SkillSize = {
  readonly skill: string;
  /** Characters of the text of SKILL.md. */
  readonly body: number;
  /** What stands in every call: the text, the names of its sections and references. */
  readonly call: { readonly chars: number; readonly tokens: number };
  /** What is read on demand, when all of it is; at most so many characters. */
  readonly references: { readonly files: number; readonly chars: number; readonly tokens: number };
};

/** The sizes of all skills, the largest first. Tokens are estimates. */
export function skillSizes({ skills }: Pick<Registry, "skills">): SkillSize[] {
  return [...skills.values()]
    .map((skill) => {
      const call = skillPart(skill).text.length;
      const read = skill.references.reduce((sum, { chars }) => sum + Math.min(chars, MAX_REFERENCE_CHARS), 0);
      return {
        skill: skill.name,
        body: skill.body.length,
        call: { chars: call, tokens: Math.ceil(call / CHARS_PER_TOKEN) },
        references: { files: skill.references.length, chars: read, tokens: Math.ceil(read / CHARS_PER_TOKEN) },
      };
    })
    .toSorted((a, b) => b.call.chars - a.call.chars || (a.skill < b.skill ? -1 : 1));
}
