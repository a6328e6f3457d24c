/** The reply that sorts a source text into the product context's sections: verbatim sentences, never a word of its own. */

import { textOf } from "./json.ts";
import { type Element, elementText, jsonLines } from "./prompt.ts";
import { best, rank, sentences } from "./words.ts";

const MIN_SCORE = 0.05;

/** Each sentence goes to the section whose question it answers best; a section that none answers is missing. */
export function contextReply(elements: readonly Element[]): { sections: { name: string; text: string }[]; missing: string[] } {
  const wanted = jsonLines(elements, "sections").map((line) => ({ name: textOf(line.name), asks: textOf(line.asks) }));
  const questions = wanted.map((section) => `${section.name} ${section.asks}`);
  const found = wanted.map((): string[] => []);
  for (const { heading, sentence } of withHeadings(elementText(elements, "source"))) {
    const named = wanted.findIndex((section) => section.name.toLowerCase() === heading.toLowerCase());
    const scores = rank(`${sentence} ${heading}`, questions);
    const at = named >= 0 ? named : best(scores);
    if (at >= 0 && (named >= 0 || (scores[at] ?? 0) > MIN_SCORE)) found[at]?.push(sentence);
  }
  return {
    sections: wanted.flatMap(({ name }, i) => (found[i]?.length ? [{ name, text: found[i].join(" ") }] : [])),
    missing: wanted.filter((_, i) => !found[i]?.length).map((section) => section.name),
  };
}

/** The source's sentences, each with the heading that it stands under. */
function withHeadings(source: string): { heading: string; sentence: string }[] {
  let heading = "";
  return source.split("\n").flatMap((line) => {
    const title = /^#{1,6}\s+(?:\d+[.)]\s*)?(.+?)\s*#*$/.exec(line.trim())?.[1];
    if (title !== undefined) heading = title;
    return title === undefined ? sentences(line).map((sentence) => ({ heading, sentence })) : [];
  });
}
