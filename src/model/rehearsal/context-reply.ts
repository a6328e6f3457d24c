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
  // What a text begins with says what it is about, in words that need not be the question's.
  const opening = withHeadings(elementText(elements, "source")).find((entry) => entry.sentence.length > 40)?.sentence;
  if (found[0]?.length === 0 && opening !== undefined) {
    for (const list of found) if (list.includes(opening)) list.splice(list.indexOf(opening), 1);
    found[0].push(opening);
  }
  return {
    sections: wanted.flatMap(({ name }, i) => (found[i]?.length ? [{ name, text: found[i].join("\n") }] : [])),
    missing: wanted.filter((_, i) => !found[i]?.length).map((section) => section.name),
  };
}

/** Of a readme only what somebody says: no code, no pictures, no markup, no addresses, no lines that are just a link. */
function prose(source: string): string {
  return source
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, "")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/<\/?[a-z][^>]*>/gi, " ")
    .replace(/!\[[^\]]*\]\([^)]*\)/g, "")
    .split("\n")
    .filter((line) => line.replace(/\[[^\]]*\]\([^)]*\)/g, "").replace(/[^\p{L}]/gu, "").length > 0)
    .join("\n")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/&nbsp;|[*_`]{1,3}/g, "");
}

/** The source's sentences, each with the heading that it stands under. */
function withHeadings(source: string): { heading: string; sentence: string }[] {
  let heading = "";
  return prose(source)
    .split("\n")
    .flatMap((line) => {
      const title = /^#{1,6}\s+(?:\d+[.)]\s*)?(.+?)\s*#*$/.exec(line.trim())?.[1];
      if (title !== undefined) heading = title;
      return title === undefined ? sentences(line).map((sentence) => ({ heading, sentence })) : [];
    });
}
