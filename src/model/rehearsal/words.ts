/** Words and sentences: what two texts have in common, and pieces of a text that can be quoted verbatim. */

const STOP = new Set(
  `a about above after again all also am an and any are as at be because been before being below between both but by can could did do
  does doing done down during each few first for from further get gives go goes had has have having her here hers him his how i if in into is
  it its itself just last less let like make makes made may me might more most much must my need needs new next no nor not now of off on once one only or
  other our ours out run runs over own per put same she should so some such than that the their theirs them then there these they this those through to too two under
  until up us use used uses using very was way we were what when where which while who whom why will with within without would you your yours goal task
  work works want wants every`.split(/\s+/),
);

/** A rough stem: endings go and long words are cut, so that forms of one word meet. */
function stem(word: string): string {
  const bare = word.replace(/(?:ations?|ions?|ings?|ers?|ives?|ed|es|ly|s|e)$/, "");
  return (bare.length >= 3 ? bare : word).slice(0, 6);
}

/** The distinct stems of a text, without the words that every text has. */
export function stems(text: string): Set<string> {
  const words =
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return new Set(words.filter((word) => word.length > 2 && !STOP.has(word)).map(stem));
}

export function shared(a: string, b: string): number {
  const other = stems(b);
  return [...stems(a)].filter((word) => other.has(word)).length;
}

/**
 * How well each text answers the query: shared stems, rare ones counting more. 0 is nothing in common. Long texts count a
 * little less, unless each of them is a list of all the words it answers to (`wordList`).
 */
export function rank(query: string, texts: readonly string[], wordList = false): number[] {
  const wanted = stems(query);
  const sets = texts.map(stems);
  const weight = new Map(
    [...wanted].map((word) => [word, Math.log(1 + texts.length / Math.max(1, sets.filter((set) => set.has(word)).length))]),
  );
  return sets.map((set) => {
    const sum = [...set].reduce((total, word) => total + (weight.get(word) ?? 0), 0);
    return wordList ? sum / 2 : sum / Math.sqrt(4 + set.size);
  });
}

/** Index of the greatest number; the first of equals. -1 for an empty list. */
export function best(scores: readonly number[]): number {
  return scores.reduce((top, score, i) => (top < 0 || score > (scores[top] ?? 0) ? i : top), -1);
}

const NO_PROSE = /^(?:#|\||>|```|~~~|---|===|<)/;

/** Sentences of a Markdown text, each a verbatim piece of one line; headings, tables, quotes and code are left out. */
export function sentences(text: string): string[] {
  let fenced = false;
  return text.split("\n").flatMap((line) => {
    const bare = line.trim().replace(/^(?:[-*+]|\d+[.)])\s+/, "");
    if (/^(?:```|~~~)/.test(bare)) fenced = !fenced;
    if (fenced || NO_PROSE.test(bare)) return [];
    return bare
      .split(/(?<=[.!?])\s+(?=\p{Lu}|["“(])/u)
      .map((piece) => piece.trim())
      .filter((piece) => /\p{L}{2}/u.test(piece));
  });
}

/** At most `max` characters, cut at a word; a cut is shown by an ellipsis. Line breaks become spaces. */
export function short(text: string, max: number): string {
  const flat = text.replace(/\s+/g, " ").trim();
  if (flat.length <= max) return flat;
  const cut = flat.slice(0, max - 1);
  const end = cut.lastIndexOf(" ");
  return `${(end > max / 2 ? cut.slice(0, end) : cut).replace(/[\uD800-\uDBFF]$/, "").replace(/[\s,;:.]+$/, "")}…`;
}

/** Without the brackets that a reader could take for a placeholder, and without Markdown's emphasis. */
export function plain(text: string): string {
  return text
    .replace(/\[([^\]\n]*)\](?:\([^)\n]*\))?/g, "$1")
    .replace(/[[\]`*]/g, "")
    .trim();
}

/** The first sentence in plain words, without its full stop, at most `max` characters. */
export function firstWords(text: string, max: number): string {
  const first = sentences(text)[0] ?? text;
  return short(plain(first).replace(/[.!?:]+$/, ""), max);
}

export function withStop(text: string): string {
  return /[.!?…]["”)]?$/.test(text) ? text : `${text}.`;
}
