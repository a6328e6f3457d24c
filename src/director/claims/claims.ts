/** Claims: statements that a reader may ask proof for, found in code and tied to a source where code can see one. */

import type { Claim } from "../../domain/deliverable.ts";
import { codeFences, outsideFences } from "../../domain/markdown.ts";
import type { Finding, ReviewReply } from "../../domain/review.ts";
import { stemsOf } from "../../domain/words.ts";
import { sameValue, valuesOf, type Value } from "../facts/values.ts";

/** A text that a claim may rest on, and what to call it: `context`, `goal`, `task`, the key of an input. */
export type Source = { readonly name: string; readonly text: string };

/** So many claims are put to a reviewer; the weightiest first. */
export const MAX_ASKED = 20;
const MAX_QUOTE = 300;
/** Whole numbers from here on say something about the world; smaller ones count steps, days and items. */
const SMALLEST_FIGURE = 100;

const SUPERLATIVE =
  /\b(?:the (?:very )?(?:best|fastest|cheapest|easiest|simplest|largest|biggest|strongest|safest|smartest|most [a-z]+)|the (?:only|first) (?:[a-z-]+ ){0,2}(?:to|that|which|of its kind)|world[- ]class|best[- ]in[- ]class|award[- ]winning|industry[- ]leading|market leader|number one|no\. ?1|#1|unmatched|unrivalled|unbeatable|guaranteed|clinically proven|leading (?:provider|platform|tool|solution|brand))\b/i;
const COMPARISON =
  /\b(?:(?:more|less|fewer|better|worse|faster|slower|cheaper|easier|simpler|safer|larger|smaller|higher|lower|quicker|[a-z]{3,}er)(?: [a-z-]+){0,3} than|unlike (?:[A-Z]|other|most)|compared (?:to|with)|twice as|half the|outperforms?)\b/;
const QUOTED = /[“"„«]([^”"“«»\n]{20,400})[”"“»]/g;
const SPEAKER = /^\s*(?:[—–-]|,? (?:said|says|wrote)\b|\()\s*\p{Lu}?/u;
const WEIGHT = { testimonial: 0, superlative: 1, comparison: 2, number: 3 } as const;

/**
 * The claims of a text, each once, in order of weight: numbers (percentages, money, multiples, counts from 100), comparisons, superlatives and
 * testimonials. `tied` when a source says the same; else `open`. What the text itself marks as missing or unverified is no claim.
 */
export function claimsOf(body: string, sources: readonly Source[]): Claim[] {
  const read = sources.map(({ name, text }) => ({ name, ...readOf(text) }));
  const found = new Map<string, Claim>();
  for (const passage of passagesOf(usable(body))) {
    const says = stated(passage);
    const kind = kindOf(says);
    if (kind === null) continue;
    const quote = passage.slice(0, MAX_QUOTE);
    const source = read.find((entry) => tied(kind, says, entry))?.name ?? "";
    if (!found.has(quote)) found.set(quote, { kind, quote, status: source === "" ? "open" : "tied", source });
  }
  return [...found.values()].sort((a, b) => WEIGHT[a.kind] - WEIGHT[b.kind]);
}

/** What a reviewer said of the claims that it was asked about, by their order (C1, C2, …). */
export function judgedClaims(asked: readonly Claim[], replies: ReviewReply["claims"]): Claim[] {
  const byId = new Map(replies.map((entry) => [entry.id, entry]));
  return asked.map((claim, i) => {
    const reply = byId.get(`C${i + 1}`);
    if (!reply) return claim;
    // Support without a source is none.
    const status = reply.status === "supported" && reply.source.trim() === "" ? "unsupported" : reply.status;
    return { ...claim, status, source: reply.source.trim() };
  });
}

export function unsupportedFindings(claims: readonly Claim[]): Finding[] {
  return claims
    .filter((claim) => claim.status === "unsupported")
    .map(({ kind, quote }) => ({
      severity: "major",
      quote,
      problem: `This ${kind} has no source in the context or the inputs.`,
      request: "Name its source, weaken it to what is known, or mark it [UNVERIFIED: …]; leave it out where that is better.",
    }));
}

/** Statements that may not go out as they stand: nobody has shown what they rest on. */
export function unpublishable(claims: readonly Claim[]): Claim[] {
  return claims.filter((claim) => claim.status === "unsupported" || claim.status === "open");
}

/** Fences that hold programs or data. Others hold text that is ready to paste. */
const PROGRAM =
  /^(?:json\w*|ya?ml|toml|xml|svg|csv|jsx?|javascript|tsx?|typescript|css|scss|py\w*|rb|php|sql|sh|bash|zsh|liquid|mermaid|diff)$/;

/** What people will read or use: the text without programs and data. */
function usable(body: string): string {
  const programs = codeFences(body).filter((fence) => PROGRAM.test(fence.language));
  return outsideFences(body, programs);
}

/** A passage without what it marks as not known, and without code. */
function stated(passage: string): string {
  return passage.replace(/\[(?:NEEDS|UNVERIFIED):[^\]\n]{0,300}\]/g, " ").replace(/`[^`\n]*`/g, " ");
}

/** Sentences; a line of a list or table is read by itself. Headings say nothing. */
function passagesOf(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    if (/^\s{0,3}#{1,6}\s/.test(line) || /^[\s|:-]*$/.test(line)) return [];
    const content = line.replace(/^\s*(?:[-*+>]|\d+[.)])\s+/, "").trim();
    // A quotation stays with who said it.
    if (content.search(QUOTED) !== -1) return [content];
    return content.split(/(?<=[.!?])\s+(?=\p{Lu})/u).filter((sentence) => sentence.trim() !== "");
  });
}

function kindOf(passage: string): Claim["kind"] | null {
  if ([...passage.matchAll(QUOTED)].some((match) => SPEAKER.test(passage.slice(match.index + match[0].length))))
    return "testimonial";
  if (SUPERLATIVE.test(passage)) return "superlative";
  if (COMPARISON.test(passage)) return "comparison";
  return valuesOf(passage).some(isFigure) ? "number" : null;
}

function isFigure({ kind, normal }: Value): boolean {
  if (kind === "percent" || kind === "money" || kind === "multiple") return true;
  if (kind !== "number") return false;
  const value = Number(normal);
  const year = Number.isInteger(value) && value >= 1900 && value < 2100;
  return value >= SMALLEST_FIGURE && !year;
}

type Passage = { readonly stems: ReadonlySet<string>; readonly values: readonly Value[] };
type Read = { readonly passages: readonly Passage[]; readonly whole: string };

/** A quotation must stand in the source word for word; figures must stand there beside words that the claim shares; other claims need most of their words. */
function tied(kind: Claim["kind"], passage: string, source: Read): boolean {
  if (kind === "testimonial") {
    return [...passage.matchAll(QUOTED)].every((match) => source.whole.includes(bare(match[1] ?? "")));
  }
  const claim = indexed(passage);
  if (kind !== "number" && !source.passages.some((other) => covered(claim.stems, other.stems) >= 0.6)) return false;
  return claim.values
    .filter(isFigure)
    .every((value) =>
      source.passages.some((other) => other.values.some((one) => sameValue(one, value)) && covered(claim.stems, other.stems) > 0),
    );
}

/** Sources read lately: the context and the inputs of a goal are compared with every one of its texts. */
const lately = new Map<string, Read>();
const LATELY = 96;

function readOf(text: string): Read {
  const known = lately.get(text);
  if (known) return known;
  const read: Read = { passages: passagesOf(text).map(indexed), whole: bare(text) };
  const oldest = lately.keys().next();
  if (lately.size >= LATELY && !oldest.done) lately.delete(oldest.value);
  lately.set(text, read);
  return read;
}

function indexed(passage: string): Passage {
  return { stems: stemsOf(passage), values: valuesOf(passage) };
}

/** The share of the claim's words that the other passage has too. */
function covered(claim: ReadonlySet<string>, other: ReadonlySet<string>): number {
  if (claim.size === 0) return 0;
  return [...claim].filter((stem) => other.has(stem)).length / claim.size;
}

function bare(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
