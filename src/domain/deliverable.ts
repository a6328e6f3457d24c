/** A deliverable: one version of what a task handed in. All versions are kept. */

import { z } from "zod";
import { codeFences } from "./markdown.ts";

/** What the next agents and the consistency check need to know of an approved text, without reading it whole. */
export const fact = z.object({
  kind: z.enum(["offer", "price", "plan_name", "date", "product_name", "audience", "cta", "claim", "other"]),
  subject: z.string(),
  value: z.string(),
  /** The words of the deliverable that say so. */
  quote: z.string(),
});
export type Fact = z.infer<typeof fact>;

/** How the maker of a version answered one finding on the version before. `none`: not at all. */
export const findingAnswer = z.object({
  /** Who had asked for it. */
  reviewer: z.string(),
  problem: z.string(),
  answer: z.enum(["done", "declined", "none"]),
  reason: z.string(),
});
export type FindingAnswer = z.infer<typeof findingAnswer>;

const CLAIM_KINDS = ["number", "comparison", "superlative", "testimonial"] as const;
/** A statement that a reader may ask proof for, and where its proof stands. Nothing `unsupported` may be published. */
export const claim = z.object({
  kind: z.enum(CLAIM_KINDS),
  /** The words of the deliverable. */
  quote: z.string(),
  status: z.enum(["tied", "supported", "unsupported", "no_claim", "open"]),
  /** What it rests on: `context`, the key of an input, the goal; a reviewer's words; empty when nothing. */
  source: z.string(),
});
export type Claim = z.infer<typeof claim>;

export type Deliverable = {
  readonly id: string;
  readonly taskId: string;
  readonly goalId: string;
  readonly revision: number;
  readonly origin: "agent" | "person";
  readonly skill: string;
  readonly body: string;
  /** SHA-256 of the body. */
  readonly hash: string;
  readonly missing: readonly string[];
  readonly warnings: readonly string[];
  readonly score: number | null;
  readonly summary: string | null;
  readonly facts: readonly Fact[];
  readonly answers: readonly FindingAnswer[];
  readonly claims: readonly Claim[];
  readonly createdAt: number;
};

export function hashOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/** Splits an agent's reply into the deliverable and its handoff note (missing inputs, assumptions, answers to findings). No note, no harm. */
export function readHandoff(reply: string): { body: string; missing: string[]; warnings: string[]; answers: string[] } {
  const { body, note } = splitNote(reply);
  const missing: string[] = [];
  const warnings: string[] = [];
  const answers: string[] = [];
  let list: string[] | null = null;
  for (const line of note.split("\n")) {
    const heading = /^[\s#*_]*(missing|assumed|assumptions|warnings?|answers)\b[^:\n]{0,20}:[\s*_]*(.*)$/i.exec(line);
    const item = /^\s*[-*]\s+(.*\S)/.exec(line);
    if (heading) {
      list = { missing, answers }[heading[1]?.toLowerCase() ?? ""] ?? warnings;
      const rest = heading[2]?.trim();
      if (rest && !/^none\.?$/i.test(rest)) list.push(rest);
    } else if (item?.[1] && list && !/^none\.?$/i.test(item[1])) list.push(item[1]);
  }
  // A marked placeholder in the text is a missing input too, said by the text itself.
  for (const [, needed] of body.matchAll(/\[NEEDS:\s*([^\]\n]{1,200})\]/g))
    if (needed?.trim() && !missing.includes(needed.trim())) missing.push(needed.trim());
  for (const [, claim] of body.matchAll(/\[UNVERIFIED:\s*([^\]\n]{1,300})\]/g))
    if (claim?.trim()) warnings.push(`unverified: ${claim.trim()}`);
  return { body, missing, warnings, answers };
}

const OPEN = "<handoff>";
const CLOSE = "</handoff>";
/** What a note begins with: nothing, an item, or one of its headings. */
const NOTE = /^\s*(?:$|[-*#]|(?:missing|assumed|assumptions|warnings?|answers)\b)/i;

/** Cuts the notes out of a reply. A tag that a text only mentions (in a code fence, in a sentence) stays where it is. */
function splitNote(reply: string): { body: string; note: string } {
  // A fence that nobody closed hides nothing: what follows a forgotten ``` is still the note.
  const fences = codeFences(reply).filter((fence) => fence.closed);
  const last = reply.trimEnd().length;
  const kept: string[] = [];
  const notes: string[] = [];
  let from = 0;
  let close = 0;
  let passed = 0;
  for (let at = reply.indexOf(OPEN); at !== -1; at = reply.indexOf(OPEN, Math.max(at + 1, from))) {
    const inner = at + OPEN.length;
    if (close !== -1 && close < inner) close = reply.indexOf(CLOSE, inner);
    const next = reply.indexOf(OPEN, inner);
    const closed = close !== -1 && (next === -1 || close < next);
    const end = closed ? close + CLOSE.length : reply.length;
    const note = reply.slice(inner, closed ? close : end);
    while ((fences[passed]?.end ?? Number.POSITIVE_INFINITY) < at) passed++;
    const fence = (fences[passed]?.start ?? Number.POSITIVE_INFINITY) < at ? fences[passed] : undefined;
    const start = fence ? fence.start : at;
    const stop = fence ? fence.end : end;
    const ours = fence
      ? stop >= last && fence.end >= end && onlyMarks(reply.slice(fence.start, at)) && onlyMarks(reply.slice(end, fence.end))
      : (closed && stop >= last) || (startsLine(reply, at) && NOTE.test(note));
    if (!ours) continue;
    kept.push(reply.slice(from, start));
    notes.push(note);
    from = stop;
  }
  kept.push(reply.slice(from));
  return { body: kept.join("").trim(), note: notes.join("\n") };
}

function startsLine(text: string, at: number): boolean {
  let before = at - 1;
  while (text[before] === " " || text[before] === "\t") before--;
  return before < 0 || text[before] === "\n";
}

/** A fence's own line and nothing else. */
function onlyMarks(text: string): boolean {
  return /^[`~]*\w*$/.test(text.trim());
}
