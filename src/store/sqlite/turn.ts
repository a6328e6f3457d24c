/** Whose turn it is to write a file, among the stores that this process has open on it. */

const last = new Map<string, Promise<unknown>>();

/**
 * Runs `work` when all earlier work on the file has ended. A connection that waits for another of its own process would
 * wait for ever: its waiting blocks the thread on which the other would commit.
 */
export async function inTurn<T>(file: string, work: () => Promise<T>): Promise<T> {
  const before = last.get(file);
  const { promise, resolve } = Promise.withResolvers<void>();
  last.set(file, promise);
  try {
    await before;
    return await work();
  } finally {
    resolve();
    if (last.get(file) === promise) last.delete(file);
  }
}
