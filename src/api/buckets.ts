/** Token buckets in bounded memory: how often an address or a source may come. */

export type Rate = {
  /** Tokens a second. */
  readonly perSecond: number;
  /** Tokens that gather while nobody comes. */
  readonly burst: number;
};

export type Buckets = {
  /** Takes tokens and returns 0, or takes none and returns in how many seconds there will be enough. */
  take(key: string, tokens?: number): number;
  /** Takes tokens that may not be there: the next ones wait for it. */
  charge(key: string, tokens: number): void;
  size(): number;
};

const MOST_KEYS = 10_000;

/** Buckets by key. Of more than 10,000 keys the ones that were quiet the longest are forgotten, and begin full again. */
export function createBuckets({ perSecond, burst }: Rate, now: () => number): Buckets {
  const buckets = new Map<string, { tokens: number; at: number }>();

  function bucketOf(key: string): { tokens: number; at: number } {
    const at = now();
    const known = buckets.get(key);
    if (known) {
      // A clock that goes back brings no tokens, and takes none.
      const gained = (Math.max(0, at - known.at) / 1000) * perSecond;
      known.tokens = Math.min(burst, known.tokens + gained);
      known.at = at;
      // To the end: the map's order is that of the last visits.
      buckets.delete(key);
      buckets.set(key, known);
      return known;
    }
    if (buckets.size >= MOST_KEYS) {
      const oldest = buckets.keys().next();
      if (!oldest.done) buckets.delete(oldest.value);
    }
    const fresh = { tokens: burst, at };
    buckets.set(key, fresh);
    return fresh;
  }

  return {
    take(key, tokens = 1) {
      const bucket = bucketOf(key);
      if (bucket.tokens < tokens) return (tokens - bucket.tokens) / perSecond;
      bucket.tokens -= tokens;
      return 0;
    },
    charge(key, tokens) {
      const bucket = bucketOf(key);
      bucket.tokens = Math.max(-burst, bucket.tokens - tokens);
    },
    size: () => buckets.size,
  };
}

/** What an address is counted under: an IPv6 network as a whole, since one machine has all of its addresses. */
export function addressKey(address: string): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  if (!bare.includes(":")) return bare;
  const [head = "", tail = ""] = bare.toLowerCase().split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = bare.includes("::") ? Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0") : [];
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}

/** An address of this machine or of a network behind it: a proxy may stand there, and speak for many. */
export function isPrivate(address: string): boolean {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, "").toLowerCase();
  if (bare.includes(":")) return bare === "::1" || /^f[cd]|^fe[89ab]/.test(bare);
  return /^(?:127|10)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(bare);
}
