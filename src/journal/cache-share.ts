/** What filled a prompt in real tokens, and how much of what stays the same was read from the cache. */

import { STABLE_PARTS, type Call, type PartKind, type PartSize, type Usage } from "../domain/call.ts";

/** Tokens of a prompt as the provider counted them: fresh input, cache reads and cache writes. */
export function promptTokens(usage: Usage): number {
  return usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h;
}

/**
 * Shares a prompt's tokens out over its parts by their characters, in whole tokens that add up to `tokens` exactly.
 * Nobody counts tokens by part: this is an estimate of the parts, not of the sum. Parts of the same kind add up.
 */
export function tokensByPart(parts: readonly PartSize[], tokens: number): Map<PartKind, number> {
  const total = parts.reduce((sum, part) => sum + part.chars, 0);
  const shares = parts.map((part) => (total === 0 ? 0 : (part.chars / total) * tokens));
  const whole = shares.map(Math.floor);
  // The largest remainders get what rounding down has left over.
  const left = total === 0 ? 0 : tokens - whole.reduce((sum, share) => sum + share, 0);
  const byRemainder = shares
    .map((share, i) => ({ i, rest: share - Math.floor(share) }))
    .sort((a, b) => b.rest - a.rest || a.i - b.i);
  for (const { i } of byRemainder.slice(0, left)) whole[i] = (whole[i] ?? 0) + 1;
  const byKind = new Map<PartKind, number>();
  parts.forEach((part, i) => byKind.set(part.kind, (byKind.get(part.kind) ?? 0) + (whole[i] ?? 0)));
  return byKind;
}

type Cached = Pick<Call, "skill" | "model" | "step" | "parts" | "usage" | "startedAt" | "answeredAt" | "batchShare">;

/**
 * The share (0 to 1) of the stable parts' tokens that were cache reads, weighted by tokens, over the calls that could have
 * read them: those that began after an earlier call of the same skill and model had begun to answer. The Director's own
 * decisions are of no skill, and a call in a batch marks nothing. Reads count towards the stable parts first. `eligible` is how many calls that is; `share` is null when none of them has stable tokens.
 */
export function cacheShare(calls: readonly Cached[]): { eligible: number; share: number | null } {
  const warmSince = new Map<string, number>();
  const ofSkill = (call: Cached) => call.skill !== null;
  const group = (call: Cached) => JSON.stringify([call.skill, call.model]);
  for (const call of calls) {
    if (call.answeredAt === null || !ofSkill(call)) continue;
    warmSince.set(group(call), Math.min(call.answeredAt, warmSince.get(group(call)) ?? Number.POSITIVE_INFINITY));
  }
  let eligible = 0;
  let stable = 0;
  let read = 0;
  for (const call of calls) {
    // A call that was refused, or whose answer was lost, has no token counts: it says nothing about the cache.
    const tokens = promptTokens(call.usage);
    const warm = warmSince.get(group(call));
    if (tokens === 0 || call.batchShare !== null || !ofSkill(call) || warm === undefined || call.startedAt <= warm) continue;
    eligible += 1;
    const byPart = tokensByPart(call.parts, tokens);
    const own = STABLE_PARTS.reduce((sum, kind) => sum + (byPart.get(kind) ?? 0), 0);
    stable += own;
    read += Math.min(call.usage.cacheRead, own);
  }
  return { eligible, share: stable === 0 ? null : read / stable };
}
