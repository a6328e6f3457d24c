/** Whose turn it is to write a file, among the stores that this process has open on it. */

const last = new Map<string, Promise<unknown>>();
/** Changes that follow each other are microtasks: without a pause now and then, HTTP and timers wait for all of them. */
const SLICE_MS = 5;
/** So long without a change: whatever else was due has had its chance. */
const PAUSE_MS = 1;
let sliceBegan = 0;
let lastEnded = 0;

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
    // Nothing is open now but the turn itself.
    const at = performance.now();
    if (at - lastEnded > PAUSE_MS) sliceBegan = at;
    else if (at - sliceBegan > SLICE_MS) {
      await new Promise<void>((resume) => setImmediate(resume));
      sliceBegan = performance.now();
    }
    return await work();
  } finally {
    lastEnded = performance.now();
    resolve();
    if (last.get(file) === promise) last.delete(file);
  }
}
