/** What a skill's text says of its references: every mention leads to a file, and every file is mentioned. */

import type { Problem } from "../domain/problem.ts";
import type { Reference } from "./references.ts";

/** `references/x.md`, `./references/x.md`, alone or as the aim of a link; not a part of a longer path or address. */
const MENTION = /(?<![\w/.-])(?:\.\/)*(references\/[\w./-]+\.md)\b/g;

/** References that the text (of the whole file) sends the agent to and that are not there: one warning each, at its first line. */
export function danglingReferences(file: string, text: string, references: readonly Reference[]): Problem[] {
  const known = new Set(references.map((reference) => reference.path));
  const told = new Set<string>();
  return text.split("\n").flatMap((content, index) =>
    [...content.matchAll(MENTION)].flatMap(([, path = ""]) => {
      if (known.has(path) || told.has(path)) return [];
      told.add(path);
      const message = `names ${path}, which the skill does not have`;
      return [{ severity: "warning", file, line: index + 1, message, hint: "write it, or drop the mention" } satisfies Problem];
    }),
  );
}

/** References that no word of the text leads to: the agent sees their names and cannot know when to read them. */
export function unmentionedReferences(shownAs: string, body: string, references: readonly Reference[]): Problem[] {
  const isMentioned = (path: string) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return new RegExp(`(?<![\\w.-])${name.replaceAll(".", "\\.")}(?![\\w-])`).test(body);
  };
  return references
    .filter(({ path }) => !isMentioned(path))
    .map(({ path }) => ({
      severity: "warning",
      file: `${shownAs}/${path}`,
      message: "is mentioned nowhere in SKILL.md",
      hint: "say there when to read it",
    }));
}
