/** The replies to comparisons: one of two texts by a seeded taste that no order and no length changes; and no contradictions. */

import { chance } from "./chance.ts";
import { sha256 } from "./json.ts";
import { type Element, elementText } from "./prompt.ts";
import { sentences, short } from "./words.ts";

const EQUAL = 0.2;

/** A text is liked by its first half alone, so that saying its end again changes nothing. */
export function compareReply(
  elements: readonly Element[],
  seed: number,
): { better: "first" | "second" | "equal"; reason: string } {
  const first = elementText(elements, "first");
  const second = elementText(elements, "second");
  const [one, other] = [taste(first, seed), taste(second, seed)];
  if (Math.abs(one - other) < EQUAL / 2) return { better: "equal", reason: "Rehearsal: neither is put before the other." };
  const quote = sentences(one > other ? first : second)[0] ?? "";
  return {
    better: one > other ? "first" : "second",
    reason: `Rehearsal: no model compared them; by lot, for "${short(quote, 120)}".`,
  };
}

export function consistencyReply(): { contradictions: [] } {
  return { contradictions: [] };
}

function taste(text: string, seed: number): number {
  return chance(seed, "taste", sha256(text.slice(0, 400)));
}
