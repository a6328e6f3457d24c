/** The lexical baseline: which description shares the rarest words with a request (BM25). What a router must beat, without a model. */

export type Described = { readonly name: string; readonly description: string };

export const LEXICAL = "BM25";

/** The textbook's values; they were not tuned to our requests. */
const K1 = 1.2;
const B = 0.75;

const STOP = new Set(
  `a about after all also am an and any are as at be because been before being but by can could did do does doing for from get
  gets got had has have how i if im in into is isn it its just like me more most much my no not of on one only or our out over s
  should so some such t than that the their them then there these they this those to too up us very want was we were what when
  where which while who why will with would you your`.split(/\s+/),
);

/**
 * A router by shared words. It reads names and descriptions up to their "Not for …" part: that names the neighbours' work,
 * which words alone would take for the skill's own. Returns the best skill's name (the first in order of equals), or null
 * when no word is shared.
 */
export function lexicalRouter(skills: readonly Described[]): (request: string) => string | null {
  const documents = skills.map(({ name, description }) => words(`${name} ${positive(description)}`));
  const average = documents.reduce((sum, document) => sum + document.length, 0) / Math.max(1, documents.length);
  const counts = documents.map((document) => {
    const found = new Map<string, number>();
    for (const word of document) found.set(word, (found.get(word) ?? 0) + 1);
    return found;
  });
  const idf = (word: string) => {
    const having = counts.filter((found) => found.has(word)).length;
    return Math.log(1 + (documents.length - having + 0.5) / (having + 0.5));
  };
  return (request) => {
    const wanted = [...new Set(words(request))].map((word) => ({ word, weight: idf(word) }));
    let best: { name: string; score: number } | null = null;
    for (const [i, { name }] of skills.entries()) {
      const length = (documents[i]?.length ?? 0) / average;
      let score = 0;
      for (const { word, weight } of wanted) {
        const times = counts[i]?.get(word) ?? 0;
        score += (weight * times * (K1 + 1)) / (times + K1 * (1 - B + B * length));
      }
      if (score > 0 && (best === null || score > best.score)) best = { name, score };
    }
    return best?.name ?? null;
  };
}

/** A description without what it says that it is not for. */
export function positive(description: string): string {
  return description.replace(/(?:^|(?<=[.;!?]\s))not for\b[\s\S]*$/i, "");
}

function words(text: string): string[] {
  const found =
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return found.filter((word) => !STOP.has(word)).map(stem);
}

/** Endings of number, tense and -ing go, so that forms of one word meet. */
function stem(word: string): string {
  if (word.length <= 3) return word;
  const bare = word
    .replace(/ies$/, "y")
    .replace(/(?<=[sxz]|ch|sh)es$/, "")
    .replace(/(?<!s)s$/, "")
    .replace(/(?:ing|ed)$/, "");
  const cut = bare.length < 3 ? word : bare;
  return cut.replace(/(?<=[^e])e$/, "").replace(/([bdfgmnprt])\1$/, "$1");
}
