/** A playbook's Markdown by its headings, with lines: what stands in a code fence is no heading. */

import { codeFences } from "../domain/markdown.ts";

/** A text and the 1-based line at which it begins. */
export type Part = { readonly text: string; readonly line: number };

/** What stands under the first `## name`, up to the next heading of its level or above; null without one. Fences are blanked out. */
export function partOf(body: Part, name: string): Part | null {
  const lines = withoutFences(body.text).split("\n");
  const start = lines.findIndex((content) => headingOf(content, 2) === name);
  if (start === -1) return null;
  const length = lines.slice(start + 1).findIndex((content) => /^##?(?!#)/.test(content));
  const end = length === -1 ? lines.length : start + 1 + length;
  return { text: lines.slice(start + 1, end).join("\n"), line: body.line + start + 1 };
}

/** The `###` headings of a part in their order. */
export function subheadings(part: Part): { readonly name: string; readonly line: number }[] {
  return part.text.split("\n").flatMap((content, i) => {
    const name = headingOf(content, 3);
    return name === null ? [] : [{ name, line: part.line + i }];
  });
}

/** The line of an offset in a part. */
export function lineAt(part: Part, offset: number): number {
  return part.line + part.text.slice(0, offset).split("\n").length - 1;
}

function headingOf(content: string, level: number): string | null {
  const match = /^(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$/.exec(content);
  return match?.[1]?.length === level ? (match[2] ?? "") : null;
}

/** The same text with spaces for all that stands in fences, so that offsets and lines stay. */
function withoutFences(text: string): string {
  let rest = text;
  for (const { start, end } of codeFences(text)) {
    rest = rest.slice(0, start) + rest.slice(start, end).replace(/[^\n]/g, " ") + rest.slice(end);
  }
  return rest;
}
