/** Descriptions that say the same: whoever chooses a skill by its description could take either. */

import type { Problem } from "../domain/problem.ts";

/** Of all words of two descriptions, the share that stands in both (Jaccard). Those we ship share about an eighth at most. */
export const MAX_OVERLAP = 0.4;
/** Two short descriptions share a few words by chance. */
const FEWEST_SHARED = 6;

type Described = {
  readonly name: string;
  readonly file: string;
  readonly description: string;
  readonly descriptionLine: () => number | undefined;
};

/** A warning for each pair that shares too much, at the later one, with the words. */
export function overlappingDescriptions(skills: readonly Described[]): Problem[] {
  const problems: Problem[] = [];
  const words = skills.map((skill) => contentWords(skill.description));
  skills.forEach((skill, i) => {
    skills.slice(0, i).forEach((earlier, j) => {
      const { share, both } = overlap(words[i] ?? new Map(), words[j] ?? new Map());
      if (share < MAX_OVERLAP || both.length < FEWEST_SHARED) return;
      problems.push({
        severity: "warning",
        file: skill.file,
        line: skill.descriptionLine(),
        message: `its description and that of "${earlier.name}" share ${Math.round(share * 100)} % of their words: ${both.join(", ")}`,
        hint: "say in each when to use it and not the other",
      });
    });
  });
  return problems;
}

/** The share of common words from 0 to 1, and the words as the first text writes them. */
export function overlap(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): { readonly share: number; readonly both: readonly string[] } {
  const both = [...a].filter(([stem]) => b.has(stem)).map(([, word]) => word);
  const all = a.size + b.size - both.length;
  return { share: all === 0 ? 0 : both.length / all, both };
}

/** Stems of the words that carry meaning, each with a word as it stands; sentences that say what the skill is not for are left out. */
export function contentWords(description: string): Map<string, string> {
  const words = new Map<string, string>();
  const said = description.replace(NOT_FOR, " ").toLowerCase();
  for (const [word] of said.matchAll(/[\p{L}\p{N}]+/gu)) {
    if (word.length < 3 || EMPTY.has(word)) continue;
    const stem = stemOf(word);
    if (!words.has(stem)) words.set(stem, word);
  }
  return words;
}

/** A sentence that begins with a no. */
const NOT_FOR = /(?<=^|[.!?;]\s+)(?:not|never|do not|don't)\s[^.!?]*(?:[.!?]|$)/gi;

const EMPTY = new Set(
  "and any are but can does each else for from has have how its into more most not one only other our out over per than that the their them then they this two use used was what when where whether which who why will with without you your".split(
    " ",
  ),
);

/** The word without its common English endings: enough to see that "designs" and "designing" are one. */
function stemOf(word: string): string {
  const stem = word.replace(/ies$/, "y").replace(/(?:ations?|ings?|ed|es|s|ly)$/, "");
  return stem.length < 3 ? word : stem.replace(/(.)\1$/, "$1").replace(/e$/, "");
}
