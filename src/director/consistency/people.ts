/** For whom a text says it is: readers that the texts above do not know, or that they send away. */

import type { Weigh } from "./weigh.ts";
import type { Passage } from "./passages.ts";
import type { Found } from "./text.ts";
import { wordsOf } from "./words.ts";

/** "The page speaks to …", "made for …": what follows says who the reader is. */
const FOR =
  /\b(?:page|text|ads?|posts?|mails?|copy|campaign|course|app|product|tool|service|site|shop|programme|program|letter|sequence|reader)\b(?: \w+){0,3}? (?:speaks? to|addressed is|addresses|aimed at|meant for|intended for|targeted at|targets|(?:made|built|written|designed|created)(?: \w+){0,3} for|(?:is|are) for)\b(.{5,160})/i;
/** "… that is who we made this for": the sentence before says it. */
const BACKWARD =
  /\b(?:that is who|this is for you|made for you|was made for you|are the (?:people|person) (?:we|it)|who (?:we|it is|it was) (?:made|built|wrote|for))\b/i;
/** A line that begins by saying for whom: only an exclusion speaks against it, as it may go on otherwise. */
const LINE = /^(?:made )?for ((?:\p{L}+ )?\p{L}+s\b.{3,120}|people\b.{3,120})/iu;
const READER = /^(?:reader|readers|audience|target group|target|for whom|who it is for)$/i;
const AUDIENCE = /^audience|target (?:group|market)|who (?:it|this) is for/i;
const NOT = /\b(?:not|never|no|nor|without|n't|seldom)\b/i;
const SENT_AWAY = /\b(?:not|nor)(?: \w+)? for\b|\b(?:not|never) (?:served|sold to|addressed|accepted)\b/i;
/** Words that people of any kind are described with. */
const ANYONE = new Set([
  ...wordsOf("people person anyone everyone want need know live work use good best thank made read right think make today every"),
]);

export function audienceClashes(passages: readonly Passage[], weigh: Weigh): Found[] {
  const home = passages.filter(({ section }) => AUDIENCE.test(section));
  if (home.length === 0) return [];
  const found: Found[] = [];
  for (const wrong of passages) {
    const described = describedIn(wrong);
    if (described === null) continue;
    const above = home.filter(({ text }) => text.rank < wrong.text.rank);
    if (above.length === 0) continue;
    const words = without(wordsOf(described.text));
    if (words.size < 2) continue;
    const wanted = above.filter(({ said }) => !NOT.test(said));
    const unwanted = above.filter(({ said }) => SENT_AWAY.test(said));
    const best = Math.max(0, ...wanted.map(({ said }) => weigh(words, wordsOf(said))));
    const worst = unwanted
      .map((passage) => ({ passage, weight: NOT.test(described.text) ? 0 : weigh(words, without(wordsOf(passage.said))) }))
      .sort((a, b) => b.weight - a.weight)[0];
    const right =
      worst && worst.weight > best
        ? worst.passage
        : best < 0.25 && words.size > 2 && !described.line
          ? (worst?.passage ?? wanted[0])
          : null;
    if (right)
      found.push({
        kind: "audience",
        subject: described.text.trim(),
        wrong: { name: wrong.text.name, quote: described.quote },
        right: { name: right.text.name, quote: right.quote },
        note: "These readers are others than the ones that are described there.",
      });
  }
  return found;
}

function without(words: ReadonlySet<string>): Set<string> {
  return new Set([...words].filter((word) => !ANYONE.has(word)));
}

function describedIn(passage: Passage): { text: string; quote: string; line: boolean } | null {
  const { said, labels, before, quote } = passage;
  if (BACKWARD.test(said)) {
    const last = before.at(-1);
    return last === undefined ? null : { text: last, quote: passage.cell ? quote : last, line: false };
  }
  const named = READER.test(labels.at(-1) ?? "") ? said : FOR.exec(said)?.[1];
  const line = LINE.exec(said)?.[1];
  return named !== undefined
    ? { text: named, quote, line: false }
    : line === undefined
      ? null
      : { text: line, quote, line: true };
}
