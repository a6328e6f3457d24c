/** The reply to a review: scores and quotes for every criterion; a seeded share of first versions is sent back. */

import type { ReviewReply } from "../../domain/review.ts";
import { chance, pick } from "./chance.ts";
import { sha256, textOf } from "./json.ts";
import { element, jsonLines, listItems } from "./prompt.ts";
import type { Scene } from "./shown-call.ts";
import { best, firstWords, rank, sentences, short, stems } from "./words.ts";

/** Of the versions that were revised once, this share goes back a second time. */
const SECOND_RETURNS = 0.1;
const QUOTE_MAX = 220;

/** `returns` (0 to 1) is the share of first versions that get scores of 5 to 7 and a major finding; the others get 8 and 9. */
export function reviewReply(scene: Scene, seed: number, returns: number): ReviewReply {
  const { elements } = scene;
  const shown = element(elements, "deliverable");
  const text = shown?.text ?? "";
  const task = element(elements, "task");
  const key = task?.attrs.key ?? "";
  const brief = task?.text ?? "";
  const revision = Number(shown?.attrs.revision ?? 0) || 0;
  const about = [key, sha256(text)] as const;
  const earlier = element(elements, "earlier_findings") !== undefined;
  const luck = chance(seed, "returned", ...about);
  const first = revision === 0 && !earlier;
  const returned = first ? luck < returns : revision === 1 && luck < SECOND_RETURNS;
  const quotes = quotable(text);
  const quoteFor = (words: string) => quotes[best(rank(words, quotes))] ?? "";
  const lowest = returned ? 5 : 8;
  const span = returned ? 3 : 2;
  const rubric = jsonLines(elements, "rubric");
  const criteria = listItems(elements, "criteria");
  return {
    scores: rubric.map((line) => {
      const id = textOf(line.id);
      const quote = quoteFor(`${id} ${textOf(line.asks)} ${textOf(line.high)}`);
      const score = lowest + Math.floor(chance(seed, "score", ...about, id) * span);
      return {
        criterion: id,
        score,
        evidence: quote === "" ? "Rehearsal: the deliverable has no sentence to quote." : `"${quote}"`,
      };
    }),
    findings: returned ? findingsFor(quotes, criteria, brief, seed, about) : praiseWithMinor(quotes, seed, about),
    wrong_work: false,
    summary: summaryOf(text, brief, quotes),
    facts: factsOf(quotes, key, seed, about),
    claims: jsonLines(elements, "open_claims").map((line) => ({
      id: textOf(line.id),
      status: "no_claim" as const,
      source: "Rehearsal: nobody looked for one.",
    })),
    learnings: learningsOf(brief, task?.attrs.phase ?? "", returned, seed, about),
  };
}

/** Verbatim pieces of the deliverable that stand for themselves; whole lines when it has no sentences. */
function quotable(text: string): string[] {
  const own = sentences(text).filter((piece) => piece.length >= 20 && piece.length <= QUOTE_MAX);
  if (own.length > 0) return own;
  const lines = text.split("\n").map((line) => line.trim().slice(0, QUOTE_MAX).trim());
  return lines.filter((line) => line !== "").slice(0, 3);
}

function findingsFor(
  quotes: readonly string[],
  criteria: readonly string[],
  brief: string,
  seed: number,
  about: readonly string[],
): ReviewReply["findings"] {
  const criterion = pick(criteria, seed, "criterion", ...about) ?? firstWords(brief, 140);
  const major = quotes[best(rank(criterion, quotes))] ?? "";
  const minor = pick(
    quotes.filter((quote) => quote !== major),
    seed,
    "minor",
    ...about,
  );
  return [
    {
      severity: "major",
      quote: major,
      problem: `Rehearsal: this passage does not show how the work meets "${short(criterion, 160)}".`,
      request: `Rewrite the passage so that a reader can check it against "${short(criterion, 160)}", with words from the product context.`,
    },
    {
      severity: "minor",
      quote: minor ?? "",
      problem: "Rehearsal: this passage could be said of any product.",
      request: `Name in it what is particular to this task: ${firstWords(brief, 140)}.`,
    },
  ];
}

function praiseWithMinor(quotes: readonly string[], seed: number, about: readonly string[]): ReviewReply["findings"] {
  if (chance(seed, "polish", ...about) >= 0.25) return [];
  const quote = pick(quotes, seed, "polish quote", ...about) ?? "";
  const problem = "Rehearsal: this passage can be said in fewer words.";
  return [{ severity: "minor", quote, problem, request: "Shorten it when the text is next touched." }];
}

function summaryOf(text: string, brief: string, quotes: readonly string[]): string {
  const title = /^#\s+(.+)$/m.exec(text)?.[1] ?? firstWords(brief, 100);
  const lead = quotes[best(rank(brief, quotes))];
  return `Rehearsal: ${short(title, 120)}.${lead === undefined ? "" : ` ${lead}`}`;
}

/** One to three statements with their quotes. Their subject carries the task's key, so that none contradicts another task's. */
function factsOf(quotes: readonly string[], key: string, seed: number, about: readonly string[]): ReviewReply["facts"] {
  const wanted = 1 + Math.floor(chance(seed, "facts", ...about) * 3);
  const ordered = quotes
    .map((quote, i) => ({ quote, i, at: chance(seed, "fact", ...about, quote, String(i)) }))
    .sort((a, b) => a.at - b.at);
  return ordered.slice(0, wanted).map(({ quote, i }) => ({
    kind: "claim" as const,
    subject: `${key || "deliverable"}: ${[...stems(quote)].slice(0, 3).join(" ") || String(i)}`,
    value: short(quote, 120),
    quote,
  }));
}

function learningsOf(
  brief: string,
  phase: string,
  returned: boolean,
  seed: number,
  about: readonly string[],
): ReviewReply["learnings"] {
  const subject = firstWords(brief, 120);
  const tags = phase === "" ? [] : [phase.toLowerCase()];
  const all = [
    { statement: `Rehearsal: work on "${subject}" is judged by how it uses the product context's own words.`, tags },
    returned
      ? {
          statement: `Rehearsal: a first version of "${subject}" came back because it did not show how it meets its criteria.`,
          tags,
        }
      : { statement: `Rehearsal: naming each criterion in the text helped the review of "${subject}".`, tags },
  ];
  return all.slice(0, Math.floor(chance(seed, "learnings", ...about) * 3));
}
