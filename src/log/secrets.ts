/** The texts that no log, prompt, document or notice may hold, as one list that grows: tokens come while the program runs. */

/** So many learned ones are known at once; the oldest go. A token is learned again each time it is read to be used. */
const MOST_LEARNED = 60;

export type Secrets = {
  /** Always the same list: who holds it sees what is learned. */
  readonly list: readonly string[];
  /** From now on secret too. */
  readonly learn: (texts: readonly string[]) => void;
};

/** `known` from the start, for good. */
export function createSecrets(known: readonly string[]): Secrets {
  const list = [...known];
  return {
    list,
    learn(texts) {
      for (const text of texts) if (!list.includes(text)) list.push(text);
      const over = list.length - known.length - MOST_LEARNED;
      if (over > 0) list.splice(known.length, over);
    },
  };
}
