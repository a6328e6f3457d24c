/** What code alone can tell of contradictions between the texts of a goal. */

import { banClashes } from "./bans.ts";
import { clashesOf, type Clash } from "./compare.ts";
import { figuresOf } from "./figures.ts";
import { namesOf } from "./names.ts";
import { namingClashes } from "./naming.ts";
import { passagesOf } from "./passages.ts";
import { audienceClashes } from "./people.ts";
import type { ReadingKind } from "./readings.ts";
import { stepClashes } from "./steps.ts";
import { termClashes } from "./terms.ts";
import type { Found, Text } from "./text.ts";
import { weighing } from "./weigh.ts";
import { wordsOf } from "./words.ts";

const KINDS: Readonly<Record<ReadingKind, string>> = {
  money: "price",
  discount: "discount",
  date: "date",
  duration: "duration",
  count: "quantity",
  percent: "claim",
};

/**
 * Passages of a text that contradict one of a text above it (of lower rank), each with both quotes, in the order of texts and passages.
 * Pure: the same texts in any order give the same list. It never compares a text with itself or with one of its own rank, and never throws.
 */
export function findContradictions(texts: readonly Text[]): Found[] {
  const ordered = [...texts].sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
  const passages = ordered.flatMap(passagesOf);
  const names = namesOf(passages);
  const weigh = weighing(passages.map(({ said, labels }) => wordsOf(`${said} ${labels.join(" ")}`)));
  const figures = passages.flatMap((passage) => figuresOf(passage, names));
  const found = [
    ...clashesOf(figures, weigh).map(foundOf),
    ...namingClashes(passages, names, weigh),
    ...stepClashes(passages),
    ...audienceClashes(passages, weigh),
    ...termClashes(passages, weigh),
    ...banClashes(passages, weigh),
  ];
  const rank = new Map(ordered.map((text) => [text.name, text.rank]));
  const once = new Map<string, Found>();
  for (const entry of found) {
    const key = JSON.stringify([entry.wrong, entry.right]);
    // What stands word for word in a text above is not this text's fault.
    const above = ordered.some((text) => text.rank < (rank.get(entry.wrong.name) ?? 0) && text.body.includes(entry.wrong.quote));
    if (!above && !once.has(key)) once.set(key, entry);
  }
  return [...once.values()];
}

/** The subject names what is right, so that another wrong value in a later version is the same contradiction. */
function foundOf({ wrong, right }: Clash): Found {
  return {
    kind: KINDS[wrong.kind],
    subject: [right.rival, right.plan, right.text].filter((part) => part !== "" && part !== "?").join(": "),
    wrong: { name: wrong.passage.text.name, quote: wrong.passage.quote },
    right: { name: right.passage.text.name, quote: right.passage.quote },
    note: `"${wrong.text}" here, "${right.text}" there.`,
  };
}
