/** The way out: when the process is to end, what only reads is given up soon, and what changes something outside gets its time. */

import type { ToolAnswer, ToolServer } from "./server.ts";

/** Milliseconds from now until what is under way is given up. */
export type Graces = { readonly readMs: number; readonly actMs: number };

/**
 * A read costs nothing to ask again. An action that is given up is nobody's knowledge: it may have happened, and a person has to
 * look; but all of it, and closing the servers, must fit into the 30 s that a supervisor waits before it kills.
 */
export const GRACES: Graces = { readMs: 3_000, actMs: 15_000 };
export const AT_ONCE: Graces = { readMs: 0, actMs: 0 };

export type Leaving = {
  /** The same server, whose lists and calls end with the graces. */
  wrap(server: ToolServer): ToolServer;
  /** A shorter grace than one that runs already counts from now on; a longer one changes nothing. */
  begin(graces?: Graces): void;
};

export function createLeaving(): Leaving {
  const reads = new AbortController();
  const acts = new AbortController();

  return {
    wrap: (server) => ({
      name: server.name,
      state: () => server.state(),
      close: () => server.close(),
      list: (signal) => until(signal, reads.signal, (own) => server.list(own)),
      // An action's call carries its key.
      call: (tool, args, options) =>
        until(options.signal, (options.idempotencyKey === undefined ? reads : acts).signal, async (own): Promise<ToolAnswer> => {
          const answer = await server.call(tool, args, { ...options, signal: own });
          return own.aborted && answer.kind !== "answered" ? { ...answer, stopped: true } : answer;
        }),
    }),
    begin({ readMs, actMs } = GRACES) {
      abortAfter(reads, readMs);
      abortAfter(acts, actMs);
    },
  };
}

function abortAfter(controller: AbortController, ms: number): void {
  if (ms === 0) controller.abort();
  // Whoever waits for the call keeps the process; the grace alone does not.
  else setTimeout(() => controller.abort(), ms).unref();
}

/** Runs with a signal that fires when either does. (`AbortSignal.any` would keep something of each call on the one that lives long.) */
async function until<T>(one: AbortSignal, other: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const either = new AbortController();
  const end = () => either.abort();
  const both = [one, other];
  for (const signal of both) signal.addEventListener("abort", end, { once: true });
  if (both.some((signal) => signal.aborted)) end();
  try {
    return await run(either.signal);
  } finally {
    for (const signal of both) signal.removeEventListener("abort", end);
  }
}
