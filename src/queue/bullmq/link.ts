/** The link to a Redis server: asks it again and again, and says when it is there, away, unfit for work, or emptied. */

import { Redis } from "ioredis";
import { type Log } from "../../log/log.ts";
import { type Link, QueueError } from "../queue.ts";

export type LinkOptions = {
  readonly url: string;
  /** A key whose value changes when the server has lost its data. */
  readonly marker: string;
  /** How long an answer may take, and how often to ask. */
  readonly limitMs: number;
  readonly probeMs: number;
  readonly log: Log;
  readonly now: () => number;
  /** Something may have been missed: the server went away, came back, or was emptied. */
  readonly missed: () => void;
  /** The server answers and is fit, for the first time and after each absence. */
  readonly up: () => void;
};

export interface RedisLink {
  readonly client: Redis;
  /** The server without its password, for messages. */
  readonly where: string;
  state(): Link;
  /** Resolves when the server is there or the limit has passed. Rejects with QueueError `refused` for a server that is unfit. */
  opened(): Promise<void>;
  /** The error for what was not asked because the server is away. */
  away(): QueueError;
  /** Rejects with QueueError `away` when the promise takes longer than the limit. */
  within<T>(promise: Promise<T>, what: string): Promise<T>;
  close(): void;
}

/** Opens the connection. ioredis tries again by itself, for ever, a second apart at most. */
export function openLink(options: LinkOptions): RedisLink {
  const { log, limitMs, marker } = options;
  const where = placeOf(options.url);
  const client = new Redis(options.url, {
    // Commands wait for the connection instead of failing: whoever calls has a limit of his own. BullMQ demands it too.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 1_000) * (0.75 + Math.random() / 4),
    connectTimeout: 3_000,
    // Longer than BullMQ's blocking read: a connection that has died without a word is noticed all the same.
    socketTimeout: 15_000,
  });
  let link: Link = { up: false, since: options.now(), why: "not connected yet" };
  let refusal: QueueError | null = null;
  let lastError = "";
  /** A new connection may lead to a server with other settings. */
  let unseen = true;
  let epoch: string | null = null;
  let warnedOfAof = false;
  let closed = false;
  /** Until then the opener tells of what is found; later the log does. */
  let opening = true;
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => {});
  const pause = createPause(options.probeMs);

  function away(why: string): void {
    if (closed || (!link.up && link.why === why)) return;
    const was = link;
    link = { up: false, since: was.up ? options.now() : was.since, why };
    if (!was.up) return;
    log.warn("Redis is away: work goes on without it", { redis: where, why });
    options.missed();
  }

  function refuse(error: QueueError): void {
    const known = refusal?.message === error.message;
    refusal = error;
    away(error.message);
    if (!known && !opening) log.error(error.message, { hint: error.hint });
    first.reject(error);
  }

  function there(emptied: boolean): void {
    refusal = null;
    lastError = "";
    if (link.up) {
      if (emptied) {
        log.warn("Redis was emptied: signals are made again from the store", { redis: where });
        options.missed();
      }
      return;
    }
    const since = link.since;
    link = { up: true, since: options.now(), why: null };
    options.up();
    if (!opening) {
      log.info("Redis is back", { redis: where, awayMs: options.now() - since, emptied });
      options.missed();
    }
    first.resolve();
  }

  client.on("ready", () => {
    unseen = true;
    pause.wake();
  });
  client.on("error", (error: Error & { code?: string }) => {
    lastError = error.message || (error.code ?? "");
    if (DENIED.test(error.message)) refuse(denied(where, error));
  });
  client.on("close", () => away(refusal?.message ?? `no connection${lastError && `: ${lastError}`}`));

  /** One question. Without a connection it waits in ioredis and is answered over the next: no second one is asked meanwhile. */
  async function ask(): Promise<void> {
    const late = setTimeout(() => away(refusal?.message ?? (lastError || `no answer within ${limitMs} ms`)), limitMs);
    try {
      const look = unseen;
      unseen = false;
      if (look) inspect(await client.info(), where);
      const found = (await client.get(marker)) ?? (await plant());
      const emptied = epoch !== null && found !== epoch;
      epoch = found;
      // Connected anew in the meantime: perhaps to another server, so look at that one first.
      if (unseen) return pause.wake();
      if (look && !warnedOfAof) warnWithoutAof(await client.info("persistence"));
      there(emptied);
    } catch (error) {
      if (closed) return;
      // Nothing was learnt of this server.
      unseen = true;
      if (error instanceof QueueError) refuse(error);
      else if (error instanceof Error && DENIED.test(error.message)) refuse(denied(where, error));
      else away(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(late);
    }
  }

  async function plant(): Promise<string> {
    const mine = crypto.randomUUID();
    // Several processes may find it missing: the first one's value holds for all.
    return (await client.set(marker, mine, "NX")) === "OK" ? mine : ((await client.get(marker)) ?? mine);
  }

  function warnWithoutAof(info: string): void {
    warnedOfAof = true;
    if (/^aof_enabled:0/m.test(info))
      log.warn("Redis keeps no append-only file: after a crash its signals are made again from the store", {
        redis: where,
        hint: "set appendonly yes in redis.conf",
      });
  }

  void (async () => {
    while (!closed) {
      await ask();
      await pause.wait();
    }
  })();

  return {
    client,
    where,
    state: () => link,
    async opened() {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        log.warn("Redis does not answer: work goes on without it until it does", { redis: where, why: lastError || "no answer" });
        late.resolve();
      }, limitMs);
      try {
        await Promise.race([first.promise, late.promise]);
      } finally {
        clearTimeout(timer);
        opening = false;
      }
    },
    away: () => new QueueError("away", `Redis at ${where} is away: ${link.why ?? "closed"}`, "is it running?"),
    within: (promise, what) => within(promise, limitMs, `Redis at ${where} did not answer (${what})`),
    close() {
      closed = true;
      pause.wake();
      client.disconnect();
    },
  };
}

const DENIED = /^(?:WRONGPASS|NOAUTH|NOPERM|ERR invalid password)/;

function denied(where: string, cause: Error): QueueError {
  return new QueueError(
    "refused",
    `Redis at ${where} does not let us in: ${cause.message}`,
    "check user and password in REDIS_URL, or REDIS_PASSWORD",
    { cause },
  );
}

/** Throws QueueError for a server that may throw away what it was given. */
function inspect(info: string, where: string): void {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== undefined && policy !== "noeviction")
    throw new QueueError(
      "refused",
      `Redis at ${where} may throw queued work away: its maxmemory-policy is ${policy}`,
      "set maxmemory-policy noeviction in redis.conf, or for now: redis-cli config set maxmemory-policy noeviction",
    );
}

/** Rejects with QueueError `away` and the message when the promise takes longer. */
export async function within<T>(promise: Promise<T>, limitMs: number, message: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new QueueError("away", message, "is it running?")), limitMs);
  // When it is late, nobody waits for how it ends any more.
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function placeOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || "6379"}${pathname.length > 1 ? pathname : ""}`;
}

/** A wait that can be ended early; woken while nobody waits, the next one ends at once. */
function createPause(ms: number): { wait(): Promise<void>; wake(): void } {
  let awake = false;
  let end: (() => void) | null = null;
  return {
    async wait() {
      if (!awake) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, ms);
        end = resolve;
        await promise;
        end = null;
        clearTimeout(timer);
      }
      awake = false;
    },
    wake() {
      awake = true;
      end?.();
    },
  };
}
