/** What code alone can tell of contradictions between the texts of a goal. */

import { banClashes } from "./bans.ts";
import { clashesOf } from "./compare.ts";
import { figuresOf } from "./figures.ts";
import { namesOf } from "./names.ts";
import { namingClashes } from "./naming.ts";
import { passagesOf } from "./passages.ts";
import { audienceClashes } from "./people.ts";
import { stepClashes } from "./steps.ts";
import { termClashes } from "./terms.ts";
import type { Found, Text } from "./text.ts";
import { weighing } from "./weigh.ts";
import { wordsOf } from "./words.ts";

export function findContradictions(texts: readonly Text[]): Found[] {
  const ordered = [...texts].sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
  const passages = ordered.flatMap(passagesOf);
  const names = namesOf(passages);
  const weigh = weighing(passages.map(({ said, labels }) => wordsOf(`${said} ${labels.join(" ")}`)));
  const figures = passages.flatMap((passage) => figuresOf(passage, names));
  const counted = clashesOf(figures, weigh).map(({ wrong, right, score }) => ({
    kind: wrong.kind,
    subject: `${wrong.text} / ${right.text}`,
    wrong: { name: wrong.passage.text.name, quote: wrong.passage.quote },
    right: { name: right.passage.text.name, quote: right.passage.quote },
    note: `${score.toFixed(2)}`,
  }));
  const named = [...namingClashes(passages, names, weigh), ...stepClashes(passages), ...audienceClashes(passages, weigh), ...termClashes(passages, weigh), ...banClashes(passages, weigh)];
  return [...counted, ...named];
}
