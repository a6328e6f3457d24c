/** Usage as the prompt cache would make it: what is read, what is written for how long, what is neither. */

import { canonical, sha256, textOf, tokensOf } from "./json.ts";
import type { Block, MessagesRequest, Ttl } from "./request.ts";

export type InputUsage = { readonly input: number; readonly read: number; readonly write5m: number; readonly write1h: number };

/** A request looked up: its figures, and what to call when its response begins: only then can others read its prefixes. */
export type CacheLookUp = { readonly usage: InputUsage; begin(now: number): void };

const LIFE_MS: Record<Ttl, number> = { "5m": 300_000, "1h": 3_600_000 };
const LOOK_BACK = 20;
const PRUNE_OVER = 5000;

type Piece = { readonly tokens: number; readonly total: number; readonly hash: string; readonly cache: Ttl | null };

/** Tokens of the whole request: a quarter of the UTF-8 bytes of each block, rounded up. */
export function countTokens(request: MessagesRequest): number {
  return pieces(request).at(-1)?.total ?? 0;
}

/** A cache in memory. `minTokens`: shorter prefixes are never cached. Instants are UTC ms. */
export function createPromptCache(options: { minTokens: number }): {
  lookUp(request: MessagesRequest, now: number): CacheLookUp;
} {
  const entries = new Map<string, { readonly ttl: Ttl; readonly until: number }>();

  function keep(hash: string, ttl: Ttl, now: number): void {
    const known = entries.get(hash);
    const longer = known && known.until > now && known.ttl === "1h" ? known.ttl : ttl;
    entries.set(hash, { ttl: longer, until: now + LIFE_MS[longer] });
  }

  return {
    lookUp(request, now) {
      const all = pieces(request);
      const breakpoints = all.flatMap((piece, i) => (piece.cache !== null && piece.total >= options.minTokens ? [i] : []));
      const live = (i: number) => (entries.get(all[i]?.hash ?? "")?.until ?? 0) > now;
      const readable = breakpoints.map((at) => {
        for (let i = at; i >= 0 && i > at - LOOK_BACK; i--) if (live(i)) return i;
        return -1;
      });
      const readTo = Math.max(-1, ...readable);
      const last = breakpoints.at(-1) ?? -1;
      const write = { "5m": 0, "1h": 0 };
      for (let i = readTo + 1; i <= last; i++) {
        const ttl = all[breakpoints.find((at) => at >= i) ?? last]?.cache ?? "5m";
        write[ttl] += all[i]?.tokens ?? 0;
      }
      const total = all.at(-1)?.total ?? 0;
      const read = all[readTo]?.total ?? 0;
      return {
        usage: { input: total - read - write["5m"] - write["1h"], read, write5m: write["5m"], write1h: write["1h"] },
        begin(at) {
          if (entries.size > PRUNE_OVER) for (const [hash, entry] of entries) if (entry.until <= at) entries.delete(hash);
          const hit = all[readTo];
          if (hit) keep(hit.hash, entries.get(hit.hash)?.ttl ?? "5m", at);
          for (const i of breakpoints) {
            const piece = all[i];
            if (piece?.cache) keep(piece.hash, piece.cache, at);
          }
        },
      };
    },
  };
}

/** Everything that is sent, in the order in which it is rendered: format, tools, system, messages. */
function pieces(request: MessagesRequest): Piece[] {
  const format = request.schema === null ? "" : canonical(request.schema);
  let hash = sha256(`${request.model}\n${format}`);
  let total = tokensOf(format);
  const found: Piece[] = [];
  const add = (place: string, block: Block) => {
    const json = canonical(block.json, true);
    const tokens = tokensOf(block.type === "text" ? textOf(block.json.text) : json);
    hash = sha256(`${hash}\n${place}\n${json}`);
    total += tokens;
    found.push({ tokens: found.length === 0 ? total : tokens, total, hash, cache: block.cache });
  };
  for (const tool of request.tools) add("tool", tool);
  for (const block of request.system) add("system", block);
  for (const [i, turn] of request.turns.entries()) for (const block of turn.blocks) add(`${i} ${turn.role}`, block);
  return found;
}
