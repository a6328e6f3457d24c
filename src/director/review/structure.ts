/** Structural checks of a deliverable: they cost no model call, so they run before one. */

import type { Finding } from "../../domain/review.ts";

const MIN_CHARS = 200;

/** Bracketed words that mean "fill me in". Links, checkboxes, our own markers and Markdown footnotes are not. */
const PLACEHOLDER =
  /\[(?:your\s[^\]\n]{1,40}|insert\s[^\]\n]{1,60}|company(?:\sname)?|product(?:\sname)?|brand(?:\sname)?|name|customer(?:\sname)?|date|url|link|x{2,}|tbd|todo|placeholder)\](?!\()/gi;
const FILLER = /\b(?:lorem ipsum|TBD|TODO|FIXME)\b/g;

export type StructureInput = {
  readonly body: string;
  readonly requiredSections: readonly string[];
  /** Literal texts that must never leave: keys and tokens from the configuration. */
  readonly secrets: readonly string[];
};

/** Everything that is wrong with the form of a text; an empty list means that a reviewer may read it. */
export function structureFindings(input: StructureInput): Finding[] {
  const { body } = input;
  const findings: Finding[] = [];
  const add = (severity: Finding["severity"], quote: string, problem: string, request: string) =>
    findings.push({ severity, quote, problem, request });
  if (body.trim() === "") {
    add("blocker", "", "The deliverable is empty.", "Hand in the whole deliverable.");
    return findings;
  }
  if (body.trim().length < MIN_CHARS) {
    add(
      "major",
      body.trim().slice(0, 80),
      `The deliverable has ${body.trim().length} characters: that is not finished work.`,
      "Hand in the whole deliverable.",
    );
  }
  const headings = new Set([...body.matchAll(/^#{1,4}\s+(.+?)\s*#*\s*$/gm)].map((match) => plain(match[1] ?? "")));
  for (const section of input.requiredSections) {
    if (![...headings].some((heading) => heading === plain(section) || heading.startsWith(`${plain(section)} `))) {
      add("major", "", `The required section "${section}" is missing.`, `Add the section "## ${section}".`);
    }
  }
  for (const quote of matches(body, PLACEHOLDER)) {
    add(
      "major",
      quote,
      "A placeholder was left in text that is to be used.",
      "Write the real words, or [NEEDS: what is missing and who has it] where they are not known.",
    );
  }
  for (const quote of matches(body, FILLER))
    add("major", quote, "Filler was left in the text.", "Replace it with finished text.");
  const fences = body.match(/^```/gm)?.length ?? 0;
  if (fences % 2 === 1)
    add(
      "major",
      "```",
      "A code block is not closed: the text looks cut off.",
      "Close the block and hand in the text to its end.",
    );
  // Literal comparison: a pattern can give up silently, a comparison cannot.
  if (input.secrets.some((secret) => secret.length >= 6 && body.includes(secret))) {
    add("blocker", "", "The text contains a credential of this installation.", "Remove it.");
  }
  return findings;
}

function matches(body: string, pattern: RegExp): string[] {
  return [...new Set([...body.matchAll(pattern)].map((match) => match[0]))].slice(0, 5);
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/^\d+[.)]\s*/, "")
    .replace(/[*_`]/g, "")
    .trim();
}
