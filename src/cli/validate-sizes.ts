/** The sizes of skills for people: one line in every `validate`, or the whole table. */

import { MAX_BODY } from "../skills/skill-file.ts";
import type { SkillSize } from "../skills/skill-size.ts";
import { columns } from "./columns.ts";
import type { Styles } from "./output.ts";

const n = (value: number) => value.toLocaleString("en");

/** Smallest and largest of sizes that stand in their order, the largest first; null without skills. */
export function sizesLine(sizes: readonly SkillSize[]): string | null {
  const [largest, smallest] = [sizes[0], sizes.at(-1)];
  if (!largest || !smallest) return null;
  const one = ({ skill, call }: SkillSize) => `${n(call.chars)} characters, about ${n(call.tokens)} tokens (${skill})`;
  if (sizes.length === 1) return `In every call of the skill: ${one(largest)}`;
  return `In every call of a skill: from ${one(smallest)} to ${one(largest)}; all: --sizes`;
}

/** One row a skill, the largest first. */
export function sizesTable(sizes: readonly SkillSize[], style: Pick<Styles, "dim" | "yellow">): string {
  const rows = sizes.map(({ skill, body, call, references }) => [
    skill,
    body > MAX_BODY ? style.yellow(n(body)) : n(body),
    n(call.chars),
    n(call.tokens),
    String(references.files),
    n(references.chars),
    n(references.tokens),
  ]);
  const head = ["skill", "text", "in every call", "tokens", "references", "on demand", "tokens"].map(style.dim);
  const foot = style.dim(`Sizes in characters; tokens are estimates. A text over ${n(MAX_BODY)} is a warning.`);
  return `${columns([head, ...rows], [1, 2, 3, 4, 5, 6])}\n${foot}`;
}
