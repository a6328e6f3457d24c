/** Names that a campaign's texts use: its plans, which exclude each other, and its rivals, whose figures are not its own. */

import type { Passage } from "./passages.ts";

export type Names = {
  readonly plans: readonly string[];
  readonly rivals: readonly string[];
  readonly plain: ReadonlySet<string>;
};
/** A name where it stands. */
export type Named = { readonly name: string; readonly at: number };

const NAME = String.raw`\p{Lu}[\p{L}\p{N}+-]*(?: \p{Lu}[\p{L}\p{N}+-]*){0,2}`;
const PLAN_COLUMN =
  /^(?:plans?|packages?|tiers?|products?|editions?|options?|bundles?|kits?|sets?|memberships?|services?|formats?|sizes?)$/i;
/** "Yard at $149", "Team costs $24", "the Family plan". */
const PRICED = new RegExp(
  String.raw`(${NAME})(?: plan| package| tier)?(?:,? (?:at|is|costs?|for|from|comes at))? (?:[$€£¥₹]|(?:USD|EUR|GBP|CHF) ?)?\d[\d.,]*(?! ?%)`,
  "gu",
);
const MONEY = /[$€£¥₹]|\b(?:USD|EUR|GBP|CHF)\b/;
const CALLED = new RegExp(String.raw`\b(?:the|our|on) (${NAME}) (?:plan|package|tier|edition)\b`, "gu");
export const COMPETITION = /^(?:the )?(?:compet|rivals?|alternatives$)/i;
const CALENDAR =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|^(?:January|February|March|April|May|June|July|August|September|October|November|December)$/;

/** Plans and rivals of a campaign, read from texts that may name them (the context and the strategies, say). */
export function namesOf(passages: readonly Passage[]): Names {
  const plain = new Set(passages.flatMap(({ said }) => said.match(/(?<![\p{L}\p{N}])\p{Ll}[\p{L}-]+/gu) ?? []));
  const rivals = new Set<string>();
  const plans = new Map<string, number>();
  const count = (name: string, weight: number) => plans.set(name, (plans.get(name) ?? 0) + weight);
  for (const { section, said, cell, labels } of passages) {
    if (COMPETITION.test(section)) {
      const rival = new RegExp(String.raw`^(${NAME})(?=\.?[:,(])`, "u").exec(said)?.[1];
      if (rival && !plain.has(rival.toLowerCase())) rivals.add(rival);
      continue;
    }
    if (cell) {
      if (labels.length === 1 && PLAN_COLUMN.test(labels[0] ?? "") && /^\p{Lu}/u.test(said) && said.split(" ").length <= 3)
        count(bare(said), 2);
    }
    for (const [, name = ""] of said.matchAll(CALLED)) count(name, 2);
    for (const match of said.matchAll(PRICED)) {
      const name = (match[1] ?? "").replace(/^(?:The|Our|Your|A|An|For|With|And|Or|Then) /, "");
      if (MONEY.test(match[0])) count(name, match.index === 0 && name === match[1] ? 1 : 2);
    }
  }
  return {
    rivals: [...rivals],
    plans: [...plans].filter(([name, weight]) => weight >= 2 && !CALENDAR.test(name) && !rivals.has(name)).map(([name]) => name),
    plain,
  };
}

/** Where names stand in a passage. At its beginning a word that is also an ordinary one counts only when it cannot be read as that. */
export function standing(said: string, names: readonly string[], plain: ReadonlySet<string>, alone: boolean): Named[] {
  const found: Named[] = [];
  for (const name of names) {
    for (let at = said.indexOf(name); at !== -1; at = said.indexOf(name, at + name.length)) {
      if (/[\p{L}\p{N}]/u.test(said[at - 1] ?? "") || /[\p{L}\p{N}]/u.test(said[at + name.length] ?? "")) continue;
      const first = at === 0 || /[.!?:]["”)]?\s+$/.test(said.slice(Math.max(0, at - 4), at));
      if (
        first &&
        !alone &&
        plain.has(name.toLowerCase()) &&
        !/^(?: plan)?(?: is| costs?| at| has|,|:| [$€£\d])/.test(said.slice(at + name.length))
      )
        continue;
      found.push({ name, at });
    }
  }
  return found.sort((a, b) => a.at - b.at);
}

function bare(name: string): string {
  return name.replace(/[*_`]/g, "").trim();
}
