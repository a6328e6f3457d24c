/** A queue that sends through Redis while it answers, and through the embedded one while it does not; it comes back by itself. */

import { type Log, silentLog } from "../log/log.ts";
import { type Queue, QueueError, type RemoteQueue, type SignalHints } from "./queue.ts";

export interface FallbackQueue extends Queue, Pick<RemoteQueue, "health" | "deadLetters" | "redrive"> {
  /** Which way signals go now, since when (epoch milliseconds), and why not through Redis. */
  state(): { readonly path: "redis" | "embedded"; readonly since: number; readonly why: string | null };
}

type Parts = { readonly remote: RemoteQueue; readonly local: Queue; readonly now: () => number; readonly log?: Log };

/**
 * Listeners hear both queues. The remote one tells them `null` (look for anything) whenever something may have been
 * missed, so nothing is kept here: what is ready stands in the store. Closing it closes both.
 */
export function createFallbackQueue({ remote, local, now, log = silentLog }: Parts): FallbackQueue {
  let signalled = 0;
  let closed = false;
  /** It answers, but does not take what it is given: full, read-only, …. Every signal is still offered to it first. */
  let refusing: { readonly since: number; readonly why: string } | null = null;

  async function send(taskIds: readonly string[], hints: SignalHints | undefined): Promise<void> {
    try {
      await remote.send(taskIds, hints);
      if (refusing) log.info("Redis takes signals again", { since: refusing.since });
      refusing = null;
    } catch (error) {
      // Not taken in time is not known to be lost: then it comes twice, and the claim decides.
      local.signal(taskIds, hints);
      // One that is slow or gone is the link's affair, which asks again by itself.
      if (refusing || (error instanceof QueueError && error.code === "away")) return;
      refusing = { since: now(), why: error instanceof Error ? error.message : String(error) };
      log.warn("Redis does not take signals: they stay in this process", { why: refusing.why });
    }
  }

  return {
    signal(taskIds, hints) {
      if (closed) return;
      signalled += taskIds.length;
      if (remote.link().up) void send(taskIds, hints);
      else local.signal(taskIds, hints);
    },
    listen(handler) {
      const stops = [remote.listen(handler), local.listen(handler)];
      return () => {
        for (const stop of stops) stop();
      };
    },
    async counts() {
      const [far, near] = await Promise.all([remote.counts(), local.counts()]);
      return { signalled, delivered: far.delivered + near.delivered };
    },
    state() {
      const { up, since, why } = remote.link();
      if (up && refusing) return { path: "embedded", ...refusing };
      return { path: up ? "redis" : "embedded", since, why };
    },
    health: () => remote.health(),
    deadLetters: (limit) => remote.deadLetters(limit),
    redrive: (taskId) => remote.redrive(taskId),
    async close() {
      closed = true;
      await Promise.all([remote.close(), local.close()]);
    },
  };
}
