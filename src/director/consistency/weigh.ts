/** How much two sets of words have in common: a word that few passages use says more. */

export type Weigh = (a: ReadonlySet<string>, b: ReadonlySet<string>) => number;

/** Weights from 0 (in every passage) to 1 (in one). */
export function weighing(passages: readonly ReadonlySet<string>[]): Weigh {
  const often = new Map<string, number>();
  for (const words of passages) for (const word of words) often.set(word, (often.get(word) ?? 0) + 1);
  const all = passages.length + 2;
  const weight = new Map([...often].map(([word, count]) => [word, Math.max(0, Math.log(all / (count + 1)) / Math.log(all))]));
  return (a, b) => {
    const [few, many] = a.size < b.size ? [a, b] : [b, a];
    let sum = 0;
    for (const word of few) if (many.has(word)) sum += weight.get(word) ?? 0;
    return sum;
  };
}
