/** Words of a text, cut to their stems: enough to see that two sentences speak of the same thing. */

const COMMON = new Set(
  "that this with from your their they have been will would into than when then what which about more most only also were does each over just like and for the not are was but can has its out our you all any own one".split(
    " ",
  ),
);

/** Words of `least` letters and more, in lower case, cut to six letters, without the commonest. */
export function stemsOf(text: string, least = 4): Set<string> {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  return new Set(words.filter((word) => word.length >= least && !COMMON.has(word)).map((word) => word.slice(0, 6)));
}

/** How much two sets have in common: 0 nothing, 1 everything (Jaccard). Two empty ones have nothing in common. */
export function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((word) => b.has(word)).length;
  const all = a.size + b.size - shared;
  return all === 0 ? 0 : shared / all;
}
