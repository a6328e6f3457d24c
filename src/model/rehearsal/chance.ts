/** Choices that look random and are not: each is a hash of the seed and of what is chosen about, never of order or time. */

import { sha256 } from "./json.ts";

/** A number from 0 (included) to 1 (excluded) that only the seed and the parts decide. */
export function chance(seed: number, ...parts: readonly string[]): number {
  return Number.parseInt(sha256(JSON.stringify([seed, ...parts])).slice(0, 12), 16) / 2 ** 48;
}

/** One of the items, decided by the seed and the parts; undefined when there are none. */
export function pick<T>(items: readonly T[], seed: number, ...parts: readonly string[]): T | undefined {
  return items[Math.floor(chance(seed, ...parts) * items.length)];
}
