/** The replies to the calls of `evals`: requests to skills by the words they share, and verdicts with quotes from the work. */

import { chance } from "./chance.ts";
import { sha256, textOf } from "./json.ts";
import { type Element, elementText, jsonLines } from "./prompt.ts";
import { best, rank, sentences } from "./words.ts";

const PASSES = 0.7;
const QUOTE_MAX = 220;

/** Each request goes to the skill whose description shares the rarest words with it. */
export function routeReply(elements: readonly Element[]): { answers: { id: string; skill: string }[] } {
  const skills = jsonLines(elements, "skills");
  const texts = skills.map((line) => textOf(line.description).replace(/\bnot for\b[\s\S]*$/i, ""));
  return {
    answers: jsonLines(elements, "requests").map((line) => ({
      id: textOf(line.id),
      skill: textOf(skills[best(rank(textOf(line.request), texts))]?.skill),
    })),
  };
}

/** A seeded share passes, each with the sentence of the work that shares most words with the assertion. */
export function judgeReply(
  elements: readonly Element[],
  seed: number,
): { verdicts: { id: string; reason: string; quote: string; pass: boolean }[] } {
  const work = elementText(elements, "work");
  const quotes = sentences(work).filter((piece) => piece.length >= 20 && piece.length <= QUOTE_MAX);
  return {
    verdicts: jsonLines(elements, "assertions").map((line) => {
      const assertion = textOf(line.assertion);
      const quote = quotes[best(rank(assertion, quotes))] ?? "";
      const pass = quote !== "" && chance(seed, "assertion", assertion, sha256(work)) < PASSES;
      return { id: textOf(line.id), reason: "Rehearsal: no model judged this; the quote shares words with it.", quote, pass };
    }),
  };
}
