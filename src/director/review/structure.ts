/** Structural checks of a deliverable: they cost no model call, so they run before one. */

import { codeFences, outsideFences, type Fence } from "../../domain/markdown.ts";
import type { Finding } from "../../domain/review.ts";

const MIN_CHARS = 200;

/**
 * Bracketed words that mean "fill me in". Links, checkboxes, our own markers, Markdown footnotes and what is indexed in
 * code (`row[name]`) are not.
 */
const PLACEHOLDER =
  /(?<![\w)$])\[(?:your\s[^\]\n]{1,40}|insert\s[^\]\n]{1,60}|company(?:\sname)?|product(?:\sname)?|brand(?:\sname)?|name|customer(?:\sname)?|date|url|link|x{2,}|tbd|todo|placeholder)\](?!\()/gi;
const FILLER = /\b(?:[Ll]orem [Ii]psum|TBD|TODO|FIXME)\b/g;

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
  const fences = codeFences(body);
  const prose = outsideFences(body, fences);
  const written = new Set([...prose.matchAll(/^ {0,3}#{1,4}[ \t]+(.*)$/gm)].map((match) => match[1] ?? ""));
  const headings = [...written].map(plain);
  for (const section of input.requiredSections) {
    const wanted = plain(section);
    if (!headings.some((heading) => heading.startsWith(wanted) && !/^[\p{L}\p{N}]/u.test(heading.slice(wanted.length)))) {
      add("major", "", `The required section "${section}" is missing.`, `Add the section "## ${section}".`);
    }
  }
  for (const quote of placeholders(body, prose, fences)) {
    add(
      "major",
      quote,
      "A placeholder was left in text that is to be used.",
      "Write the real words, or [NEEDS: what is missing and who has it] where they are not known.",
    );
  }
  for (const quote of matches(withoutMentions(body), FILLER))
    add("major", quote, "Filler was left in the text.", "Replace it with finished text.");
  if (fences.some((fence) => !fence.closed))
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

/** Languages in which brackets are a matter of grammar. JSON, HTML and plain text are not among them: there they are content. */
const PROGRAM =
  /^(?:jsx?|javascript|tsx?|typescript|css|s[ac]ss|less|py(?:thon)?|r|rb|ruby|php|go|java|kotlin|swift|c|cpp|cs|csharp|rust|sql|sh|bash|zsh|shell|regex|liquid|toml|ini)$/;

/** Placeholders in prose, in fenced text that is to be used, and in the strings of fenced programs. */
function placeholders(body: string, prose: string, fences: readonly Fence[]): string[] {
  const found = matchesOf(withoutMentions(prose), (text) => {
    // A label that the text defines further down makes a link of it.
    const defined = new Set(
      [...prose.matchAll(/^ {0,3}\[([^\]\n]{1,60})\]:[ \t]*(?:https?:|mailto:|[/#<.])/gm)].map((match) =>
        match[1]?.toLowerCase(),
      ),
    );
    return (at, quote) => {
      const label = quote.slice(1, -1).toLowerCase();
      const next = /^\[([^\]\n]{0,60})\]/.exec(text.slice(at + quote.length, at + quote.length + 64))?.[1];
      return !defined.has(label) && !(next !== undefined && defined.has(next.toLowerCase()));
    };
  });
  for (const fence of fences) {
    const code = body.slice(fence.start, fence.end);
    found.push(
      ...matchesOf(code, (text) => (at) => {
        if (!PROGRAM.test(fence.language)) return true;
        const before = text.slice(Math.max(text.lastIndexOf("\n", at) + 1, at - 400), at);
        return ['"', "'", "`"].some((mark) => before.split(mark).length % 2 === 0);
      }),
    );
  }
  return [...new Set(found)].slice(0, 5);
}

function matchesOf(text: string, counts: (text: string) => (at: number, quote: string) => boolean): string[] {
  const test = counts(text);
  return [...text.matchAll(PLACEHOLDER)].filter((match) => test(match.index, match[0])).map((match) => match[0]);
}

/** The text without what it only speaks of: code spans, and our own markers for what is not known. */
function withoutMentions(text: string): string {
  return text.replace(/\[(?:NEEDS|UNVERIFIED):[^\]\n]{0,300}\]/g, "").replace(/`[^`\n]*`/g, "``");
}

function matches(body: string, pattern: RegExp): string[] {
  return [...new Set([...body.matchAll(pattern)].map((match) => match[0]))].slice(0, 5);
}

/** A heading's words: without emphasis, number, closing marks and ornament, in lower case. */
function plain(text: string): string {
  return text
    .slice(0, 200)
    .toLowerCase()
    .replace(/[*_`]/g, "")
    .replace(/^[^\p{L}\p{N}]+/u, "")
    .replace(/^\d+(?:\.\d+)*[.):]?\s+/, "")
    .replace(/^[^\p{L}\p{N}]+/u, "")
    .replace(/[\s#:]+$/, "");
}
