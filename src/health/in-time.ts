/** A question whose answer may hang, for one who must not wait: health has to be told just when something hangs. */

/**
 * Asks, and resolves with null when there is no answer after `ms`. Whoever asks while a question is open shares it: those that
 * hang do not pile up. Rejects as the question does.
 */
export function inTime<T>(ask: () => Promise<T>, ms: number): () => Promise<T | null> {
  let open: Promise<T> | null = null;
  return async () => {
    open ??= ask().finally(() => {
      open = null;
    });
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), ms);
    try {
      return await Promise.race([open, late.promise]);
    } finally {
      clearTimeout(timer);
      // Nobody may be there any more when it fails.
      open?.catch(() => {});
    }
  };
}
