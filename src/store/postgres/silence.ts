/**
 * Connections that fall silent: a firewall has forgotten them, or the server's machine is gone, and nobody says so. The system
 * would wait a quarter of an hour. A statement may take its time, a migration hours: so the server is asked, on another
 * connection, whether it is still at work for this one.
 */

import type { ClientBase } from "pg";
import type { Log } from "../../log/log.ts";
import { doesNotAnswer } from "./failure.ts";

/** Milliseconds. */
export type SilenceLimits = {
  /** Without an answer for so long, the server is asked. */
  readonly lookMs: number;
  /** And again after this. */
  readonly againMs: number;
  /** While the server does not answer on another connection either, a statement is given up after so long. */
  readonly awayMs: number;
};

export const SILENCE: SilenceLimits = { lookMs: 8_000, againMs: 4_000, awayMs: 20_000 };
/** A server that is slow to begin a statement is no dead wire: so often it must be said. */
const STRIKES = 2;

export type SilenceWatch = {
  /** From its first statement on. `pid` is the server's own process for it, once it is known. */
  watch(client: ClientBase & { end(): Promise<void> }, pid: () => number | null): void;
};

export function createSilenceWatch(options: {
  /** The server's processes that are at work now, asked on a connection of its own. Rejects when that does not come about. */
  readonly working: () => Promise<ReadonlySet<number>>;
  readonly log: Log;
  readonly limits: SilenceLimits;
}): SilenceWatch {
  const { log, limits } = options;
  let asked: { readonly at: number; readonly answer: Promise<ReadonlySet<number> | "away" | "unclear"> } | null = null;

  /** What the server says at some moment after `since`: one question for all who wait for it. */
  function askedAfter(since: number) {
    if (asked === null || asked.at < since) {
      const answer = options.working().catch((error: unknown) => (doesNotAnswer(error) ? "away" : "unclear"));
      asked = { at: performance.now(), answer };
      const mine = asked;
      void answer.then(() => {
        if (asked === mine) asked = null;
      });
    }
    return asked.answer;
  }

  return {
    watch(client, pid) {
      let open = 0;
      let answers = 0;
      /** Of the statement that is under way. */
      let since = 0;
      let strikes = 0;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const lookIn = (ms: number) => {
        timer = setTimeout(() => void look(), ms);
        timer.unref();
      };
      const begun = () => {
        since = performance.now();
        strikes = 0;
        clearTimeout(timer);
        if (open > 0) lookIn(limits.lookMs);
      };
      const ended = () => {
        answers++;
        open--;
        begun();
      };

      async function look(): Promise<void> {
        const before = answers;
        const found = await askedAfter(since);
        // Meanwhile everything that lay in our own buffers was read: it was we who were slow.
        if (answers !== before || open === 0) return;
        const own = pid();
        const silentMs = performance.now() - since;
        if (typeof found === "object") strikes = own !== null && found.has(own) ? 0 : strikes + 1;
        const over = found === "away" ? silentMs >= limits.awayMs : strikes >= STRIKES;
        if (!over) return lookIn(limits.againMs);
        log.warn("a connection to PostgreSQL fell silent and is given up", { silentMs: Math.round(silentMs) });
        // With a statement under way it does not say goodbye: it hangs up, and the statement fails as one whose connection broke.
        client.end().catch(() => {});
      }

      const query = client.query.bind(client) as (...args: readonly unknown[]) => unknown;
      client.query = ((...args: readonly unknown[]) => {
        const result = query(...args);
        if (result instanceof Promise) {
          if (open++ === 0) begun();
          result.then(ended, ended);
        }
        return result;
      }) as typeof client.query;
    },
  };
}
