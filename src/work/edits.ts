/** A revision handed in as edits: the passages that change, put into the version before. Pure. */

export type Edited =
  /** The reply is no list of edits: it is the whole text. */
  | { readonly kind: "whole" }
  | { readonly kind: "edited"; readonly text: string }
  /** Passages that cannot be replaced, a line each, for whoever wrote them. */
  | { readonly kind: "misplaced"; readonly problems: readonly string[] };

const SHOWN_CHARS = 120;

type Edit = { readonly find: string; readonly replace: string };

/**
 * The text that a reply means: `before` with each edit's passage replaced, and the handoff behind it. A passage must stand in
 * `before` exactly once (line breaks and spaces apart), and no two may overlap; else nothing is replaced. Never guesses a place.
 */
export function applyEdits(before: string, reply: string): Edited {
  if (!reply.trimStart().startsWith("<edit>")) return { kind: "whole" };
  const { edits, rest, unread } = readEdits(reply);
  const problems = unread ? [`an edit cannot be read: "${shown(unread)}"`] : [];
  const flat = flatten(before);
  const places = edits.flatMap(({ find, replace }) => {
    const [place, another] = placesOf(before, flat, find);
    if (place && !another) return [{ ...place, replace }];
    problems.push(`${another ? "more than once" : "not"} in the previous version: "${shown(find)}"`);
    return [];
  });
  places.sort((a, b) => a.at - b.at);
  let text = "";
  let from = 0;
  for (const place of places) {
    if (place.at < from) problems.push(`two edits overlap at "${shown(before.slice(place.at))}"`);
    text += before.slice(from, place.at) + place.replace;
    from = place.end;
  }
  if (problems.length > 0) return { kind: "misplaced", problems };
  // A remark behind the edits is no part of the text.
  const note = rest.indexOf("<handoff>");
  return { kind: "edited", text: `${text}${before.slice(from)}\n\n${note === -1 ? "" : rest.slice(note)}`.trim() };
}

/** The edits of a reply, each once, what stands behind the last one, and where one begins that has not all of its tags. */
function readEdits(reply: string): { edits: Edit[]; rest: string; unread: string | null } {
  const edits: Edit[] = [];
  let from = 0;
  for (let at = reply.indexOf("<edit>"); at !== -1; at = reply.indexOf("<edit>", from)) {
    from = at + "<edit>".length;
    const inside = (open: string, close: string): string | null => {
      const begin = reply.indexOf(open, from);
      const end = begin === -1 ? -1 : reply.indexOf(close, begin);
      if (end === -1 || reply.slice(from, begin).trim() !== "") return null;
      from = end + close.length;
      return reply.slice(begin + open.length, end).replace(/^\n|\n$/g, "");
    };
    const find = inside("<find>", "</find>");
    const replace = find === null ? null : inside("<replace>", "</replace>");
    if (find === null || replace === null || inside("</edit>", "") === null)
      return { edits, rest: "", unread: reply.slice(at, at + 2 * SHOWN_CHARS) };
    if (!edits.some((entry) => entry.find === find && entry.replace === replace)) edits.push({ find, replace });
  }
  return { edits, rest: reply.slice(from), unread: null };
}

/** A text with every run of blanks as one space, and where each of its characters stands. */
type Flat = { readonly text: string; readonly at: readonly number[] };

function flatten(text: string): Flat {
  const at: number[] = [];
  let flat = "";
  for (const { 0: run, index } of text.matchAll(/\s+|\S+/g)) {
    const blank = run.trim() === "";
    flat += blank ? " " : run;
    for (let i = 0; i < (blank ? 1 : run.length); i++) at.push(index + i);
  }
  return { text: flat, at };
}

/** Where a passage stands, as it is written; where it does not, by its words alone: a line may have been broken elsewhere. At most two. */
function placesOf(before: string, flat: Flat, passage: string): { at: number; end: number }[] {
  if (passage.trim() === "") return [];
  const exact = twice(before, passage).map((at) => ({ at, end: at + passage.length }));
  if (exact.length > 0) return exact;
  const words = flatten(passage.trim()).text;
  return twice(flat.text, words).map((at) => ({ at: flat.at[at] ?? 0, end: (flat.at[at + words.length - 1] ?? 0) + 1 }));
}

function twice(text: string, passage: string): number[] {
  const first = text.indexOf(passage);
  const second = first === -1 ? -1 : text.indexOf(passage, first + 1);
  return [first, second].filter((at) => at !== -1);
}

function shown(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length <= SHOWN_CHARS ? line : `${line.slice(0, SHOWN_CHARS)}…`;
}
