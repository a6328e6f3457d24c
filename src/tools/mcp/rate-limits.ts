/** How often a credential is used: exact sliding windows, shared by all servers that use it, slower after a vendor's "too many". */

import type { RateLimits } from "./entry.ts";

const WINDOWS = [
  { key: "perSecond", ms: 1_000, of: "a second" },
  { key: "perMinute", ms: 60_000, of: "a minute" },
  { key: "perHour", ms: 3_600_000, of: "an hour" },
  { key: "perDay", ms: 86_400_000, of: "a day" },
] as const;
/** Without a word from the vendor about how long. */
const PAUSE_MS = 5_000;
/** After a 429 half as often, and so on down to an eighth; as before after so long without another. */
const SLOWEST = 1 / 8;
const RECOVERY_MS = 600_000;

export type Turn = { readonly ok: true; release(): void } | { readonly ok: false; readonly detail: string };

export type Gate = {
  /** Waits for a turn, `patienceMs` at most for the windows. A refusal or an abort takes none. Release when the call is over. */
  take(signal: AbortSignal, patienceMs: number): Promise<Turn>;
  /** The vendor said "too many". */
  tooMany(retryAfterMs: number | null): void;
};

export type RateLimiter = {
  /** One gate a credential; of limits given twice the smaller ones count. */
  gate(credential: string, limits: RateLimits): Gate;
};

type Clock = { readonly now: () => number; readonly sleep: (ms: number, signal: AbortSignal) => Promise<void> };

/** Counted in this process: another one, and a restart, count anew. */
export function createRateLimiter(clock: Clock): RateLimiter {
  const gates = new Map<string, { limits: RateLimits; gate: Gate }>();
  return {
    gate(credential, limits) {
      const known = gates.get(credential);
      if (known !== undefined) {
        known.limits = smaller(known.limits, limits);
        return known.gate;
      }
      const gate: Gate = createGate(() => gates.get(credential)?.limits ?? limits, clock);
      gates.set(credential, { limits, gate });
      return gate;
    },
  };
}

function smaller(a: RateLimits, b: RateLimits): RateLimits {
  const keys = ["concurrency", ...WINDOWS.map((window) => window.key)] as const;
  const least = (key: (typeof keys)[number]) => Math.min(a[key] ?? Infinity, b[key] ?? Infinity);
  return Object.fromEntries(keys.map((key) => [key, least(key)] as const).filter(([, value]) => value !== Infinity));
}

function createGate(limits: () => RateLimits, { now, sleep }: Clock): Gate {
  /** When turns were taken, oldest first, as far back as the longest window. */
  let taken: number[] = [];
  let running = 0;
  let pausedUntil = 0;
  let pace = 1;
  let lastTooMany = -Infinity;
  let last: Promise<void> = Promise.resolve();
  let freed = Promise.withResolvers<void>();

  /** Milliseconds until the windows and a pause let another one through, and which of them holds it. */
  const needed = (): { readonly ms: number; readonly why: string } => {
    const at = now();
    if (at - lastTooMany > RECOVERY_MS) pace = 1;
    const waits = [{ ms: pausedUntil - at, why: "the vendor asked to wait" }];
    for (const { key, ms, of } of WINDOWS) {
      const limit = limits()[key];
      if (limit === undefined) continue;
      // Less than one in a window is one in a longer one.
      const paced = limit * pace;
      const allowed = Math.max(1, Math.floor(paced));
      const inside = taken.at(-allowed);
      const length = paced < 1 ? ms / paced : ms;
      if (inside !== undefined)
        waits.push({ ms: inside + length - at, why: `the limit of ${paced < 1 ? paced : allowed} ${of} is reached` });
    }
    return waits.reduce((worst, next) => (next.ms > worst.ms ? next : worst));
  };
  const note = () => {
    taken.push(now());
    const longest = WINDOWS.findLast(({ key }) => limits()[key] !== undefined);
    const slowest = Math.min(1, limits()[longest?.key ?? "perDay"] ?? 1) * SLOWEST;
    const since = longest === undefined ? Infinity : now() - longest.ms / slowest;
    if (taken[0] !== undefined && taken[0] <= since && taken.length % 64 === 0) taken = taken.filter((at) => at > since);
    if (longest === undefined) taken = [];
  };
  const release = () => {
    running--;
    freed.resolve();
    freed = Promise.withResolvers<void>();
  };
  const refusal = ({ ms, why }: { readonly ms: number; readonly why: string }): Turn => ({
    ok: false,
    detail: `${why}; again in ${Math.ceil(ms / 1000)} s`,
  });
  const stopped: Turn = { ok: false, detail: "it was stopped while it waited for its turn" };

  const next = async (signal: AbortSignal, until: number): Promise<Turn> => {
    for (;;) {
      if (signal.aborted) return stopped;
      const wait = needed();
      if (wait.ms > 0) {
        if (now() + wait.ms > until) return refusal(wait);
        await sleep(wait.ms, signal);
      } else if (running >= (limits().concurrency ?? Infinity)) {
        await Promise.race([freed.promise, aborted(signal)]);
      } else {
        running++;
        note();
        let once = false;
        return { ok: true, release: () => void (once || ((once = true), release())) };
      }
    }
  };
  return {
    async take(signal, patienceMs) {
      const until = now() + patienceMs;
      const first = needed();
      if (now() + first.ms > until) return refusal(first);
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      try {
        await before;
        return await next(signal, until);
      } finally {
        resolve();
      }
    },
    tooMany(retryAfterMs) {
      lastTooMany = now();
      pace = Math.max(SLOWEST, pace / 2);
      pausedUntil = Math.max(pausedUntil, now() + (retryAfterMs ?? PAUSE_MS));
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
