/** A Markdown text as passages: sentences, list items and table cells, each with what stands over and before it. */

import { codeFences } from "../../domain/markdown.ts";
import type { Text } from "./text.ts";

export type Passage = {
  readonly text: Text;
  /** The words as they stand in the text; of a table the whole row. */
  readonly quote: string;
  /** What is said here, without marks of what is missing and without code: the sentence, or the one cell. */
  readonly said: string;
  /** What names it: a label in bold, a column's heading, the row's first cells. */
  readonly labels: readonly string[];
  /** The field it fills, when it is one: "Button", "Subject A", "Call to action". */
  readonly field: string;
  readonly section: string;
  readonly block: string;
  /** What was said before it in the same paragraph or cell; and just before it in the same block. The nearest is the last. */
  readonly lead: readonly string[];
  readonly before: readonly string[];
  readonly cell: boolean;
};

/** Fences of these languages, or of none, hold text for people; others hold programs and data. */
const PROSE = new Set(["", "text", "txt", "md", "markdown"]);
const LABEL = /^\*\*([^*\n]{1,50})\*\*:?[ \t]+(?=\S)/;
const ITEM = /^[ \t]*(?:[-*+>]|\d{1,3}[.)])[ \t]+/;
const SEPARATOR = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*(?::?-+:?[ \t]*)?)*$/;
const SENTENCE = /(?<=[.!?]["”)]?)\s+(?=[\p{Lu}"“`[*\d])/u;
const BEFORE = 3;
/** So many cells to the left of one may name it. */
const NEIGHBOURS = 4;
/** What is longer than that without an end is no sentence but data. */
const LONGEST = 1_500;

/** All passages of a text in their order. Linear; never throws. */
export function passagesOf(text: Text): Passage[] {
  const passages: Passage[] = [];
  let section = "";
  let block = "";
  let before: string[] = [];
  let header: readonly string[] | null = null;
  let paragraph: { start: number; end: number } | null = null;
  const body = text.body;
  const skipped = codeFences(body);

  const add = (
    quote: string,
    said: string,
    labels: readonly string[],
    field: string,
    cell: boolean,
    lead: readonly string[],
  ): void => {
    if (said.length > LONGEST) return;
    passages.push({
      text,
      quote,
      said: stated(said),
      labels,
      field,
      section,
      block,
      lead,
      before: [...before, ...(cell ? lead : [])],
      cell,
    });
  };
  const remember = (said: string): void => {
    before = [...before, said].slice(-BEFORE);
  };
  const sentences = (start: number, end: number): void => {
    const raw = body.slice(start, end);
    const label = LABEL.exec(raw);
    const field = label?.[1]?.trim() ?? "";
    const rest = label ? raw.slice(label[0].length) : raw;
    const lead: string[] = [];
    for (const sentence of rest.split(SENTENCE)) {
      const quote = sentence.trim();
      if (quote === "") continue;
      add(quote, quote, field === "" ? [] : [field], field, false, [...lead]);
      lead.push(quote);
      remember(quote);
    }
  };
  const flush = (): void => {
    if (paragraph) sentences(paragraph.start, paragraph.end);
    paragraph = null;
  };

  let at = 0;
  const lines = body.split("\n");
  for (const [i, line] of lines.entries()) {
    const start = at;
    at += line.length + 1;
    const fence = skipped.find((one) => start >= one.start && start < Math.max(one.end, one.start + 1));
    const marker = fence && (/^[ \t>]*(?:`{3,}|~{3,})/.test(line) || !PROSE.has(fence.language));
    const heading = /^\s{0,3}(#{1,6})\s+(.*)$/.exec(line);
    if (marker || line.trim() === "" || heading) {
      flush();
      header = null;
      if (heading && !marker) {
        if ((heading[1] ?? "").length <= 2) [section, block] = [heading[2] ?? "", ""];
        else block = heading[2] ?? "";
        before = [];
      }
      continue;
    }
    if (/^\s*\|/.test(line)) {
      flush();
      if (SEPARATOR.test(line.trim())) continue;
      const cells = cellsOf(line);
      if (header === null && SEPARATOR.test((lines[i + 1] ?? "").trim())) {
        header = cells;
        continue;
      }
      const quote = line.trim();
      if (quote.length > LONGEST) continue;
      for (const [n, cell] of cells.entries()) {
        if (cell === "") continue;
        // Long cells to the left are texts of their own and name nothing.
        const left = [...cells.slice(0, Math.min(n, 1)), ...cells.slice(Math.max(1, n - NEIGHBOURS), n)].filter(
          (other) => other !== "" && other.split(/\s+/).length <= 5,
        );
        const head = header?.[n] ?? "";
        const field = n === 0 ? "" : (left.at(-1) ?? "");
        const said = cell.split(SENTENCE).map((sentence) => sentence.trim());
        const names = [...left, head].filter((label) => label !== "");
        for (const [m, sentence] of said.entries()) {
          if (sentence !== "") add(quote, sentence, names, field, true, said.slice(0, m));
        }
      }
      remember(cells.join(", "));
      continue;
    }
    header = null;
    const item = ITEM.exec(line);
    if (item || LABEL.test(line)) flush();
    // A label names its own line: what follows in the next one is the text again.
    if (item || LABEL.test(line)) sentences(start + (item?.[0].length ?? 0), start + line.length);
    else if (paragraph) paragraph.end = start + line.length;
    else paragraph = { start, end: start + line.length };
  }
  flush();
  return passages;
}

function cellsOf(line: string): string[] {
  return line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** Same length as before, so that places stay. */
function stated(passage: string): string {
  return passage
    .replace(/\[(?:NEEDS|UNVERIFIED|TODO|TBD)\b[^\]]{0,300}\]/g, (mark) => " ".repeat(mark.length))
    .replace(/`[^`\n]*`/g, (code) => " ".repeat(code.length))
    .replace(/\{\{[^}\n]{0,60}\}\}/g, (hole) => " ".repeat(hole.length));
}
