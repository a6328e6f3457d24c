/** Ctrl-C and SIGTERM as two signals: the first stops beginning things, the second stops at once. */

export type Interrupt = AsyncDisposable & { readonly stop: AbortSignal; readonly abort: AbortSignal };

/** `onStop` is told of the first one, to say what happens now. */
export function onInterrupt(onStop: () => void): Interrupt {
  const stop = new AbortController();
  const abort = new AbortController();
  const handler = () => {
    if (!stop.signal.aborted) {
      stop.abort();
      onStop();
    } else abort.abort();
  };
  process.on("SIGINT", handler);
  process.on("SIGTERM", handler);
  return {
    stop: stop.signal,
    abort: abort.signal,
    async [Symbol.asyncDispose]() {
      process.off("SIGINT", handler);
      process.off("SIGTERM", handler);
    },
  };
}
