/** Code fences of a Markdown text: what stands inside one is not prose, whatever it looks like. */

export type Fence = {
  /** Where its opening line begins, and where its closing line (or, left open, the text) ends. */
  readonly start: number;
  readonly end: number;
  /** The first word behind the opening marks, in lower case; empty when there is none. */
  readonly language: string;
  readonly closed: boolean;
};

/** All fences in order, also indented and quoted ones. One that is not closed reaches to the end of the text. */
export function codeFences(text: string): Fence[] {
  const fences: Fence[] = [];
  let open: { start: number; marks: string; language: string } | null = null;
  for (const match of text.matchAll(/^[ \t>]*(`{3,}|~{3,})(.*)$/gm)) {
    const [line, marks = "", rest = ""] = match;
    if (open === null) {
      // A backtick behind the marks makes it a code span of one line.
      if (marks.startsWith("`") && rest.includes("`")) continue;
      open = { start: match.index, marks, language: (rest.trim().split(/[\s,{]/, 1)[0] ?? "").toLowerCase() };
    } else if (marks[0] === open.marks[0] && marks.length >= open.marks.length && rest.trim() === "") {
      fences.push({ start: open.start, end: match.index + line.length, language: open.language, closed: true });
      open = null;
    }
  }
  if (open !== null) fences.push({ start: open.start, end: text.length, language: open.language, closed: false });
  return fences;
}

/** The text without its fences. */
export function outsideFences(text: string, fences: readonly Fence[]): string {
  let rest = "";
  let from = 0;
  for (const fence of fences) {
    rest += text.slice(from, fence.start);
    from = fence.end;
  }
  return rest + text.slice(from);
}
