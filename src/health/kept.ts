/** Health that many ask for and few look up: an answer is kept for a moment, and says how old it is. */

export type KeptOptions<T extends object> = {
  readonly read: () => T | Promise<T>;
  /** How old an answer may be, in ms. */
  readonly keepMs: number;
  /** Milliseconds that never go back: no change of the time of day may keep an answer for longer. */
  readonly clock: () => number;
};

type Answer<T> = { readonly value: T; readonly since: number };

/**
 * What `read` finds, read anew when the last answer is older than `keepMs`; who asks while it is being read waits for that
 * reading. `ageMs` counts from where the reading began: nothing told is older than it says. A failure is not kept.
 */
export function createKept<T extends object>({
  read,
  keepMs,
  clock,
}: KeptOptions<T>): () => Promise<T & { readonly ageMs: number }> {
  let kept: Answer<T> | null = null;
  let reading: Promise<Answer<T>> | null = null;

  async function readAnew(): Promise<Answer<T>> {
    const since = clock();
    return { since, value: await read() };
  }

  /** One reading at a time; its answer is kept when it comes. */
  function shared(): Promise<Answer<T>> {
    reading ??= readAnew()
      .then((answer) => (kept = answer))
      .finally(() => {
        reading = null;
      });
    return reading;
  }

  return async () => {
    const fresh = kept !== null && clock() - kept.since <= keepMs ? kept : null;
    const { value, since } = fresh ?? (await shared());
    return { ...value, ageMs: Math.round(clock() - since) };
  };
}
