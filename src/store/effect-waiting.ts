/** Effects that wait for a person: those that can be answered now, and those that nobody can tell about. */

import type { Effect } from "../domain/effect.ts";
import { waitsFor } from "./effect-answers.ts";
import { listEffects, type EffectFilter } from "./effects.ts";
import type { Read } from "./store.ts";

export type WaitingEffects = {
  /** A yes or a no counts now; also what can only be rejected. */
  readonly answerable: readonly Effect[];
  readonly unknown: readonly Effect[];
};

/** The oldest first, rehearsals among them. */
export async function effectsWaiting(read: Read, filter: Pick<EffectFilter, "goalId" | "taskId"> = {}): Promise<WaitingEffects> {
  const answerable: Effect[] = [];
  const unknown: Effect[] = [];
  for (const effect of (await listEffects(read, { ...filter, states: ["intent", "unknown"] })).toReversed())
    if (effect.state === "unknown") unknown.push(effect);
    else if (await isAnswerable(read, effect)) answerable.push(effect);
  return { answerable, unknown };
}

export async function isAnswerable(read: Read, effect: Effect): Promise<boolean> {
  return effect.state === "intent" && effect.expiresAt > read.now && (await waitsFor(read, effect)) === null;
}
