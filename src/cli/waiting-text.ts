/** Actions outside that wait for a person, in the few lines with which a goal or the status ends. */

import type { Effect } from "../domain/effect.ts";
import { effectWords } from "../domain/effect-words.ts";
import type { WaitingEffects } from "../store/effect-waiting.ts";
import { oneLine } from "./output.ts";

const SHOWN = 5;

/** What waits and how to answer it; empty when nothing does. Of a rehearsal: what a real run would ask. */
export function waitingText({ answerable, unknown }: WaitingEffects, { rehearsal }: { readonly rehearsal: boolean }): string[] {
  const out: string[] = [];
  if (answerable.length > 0) {
    if (rehearsal)
      out.push(`A real run would ask for your yes to ${actions(answerable.length)} (a rehearsal does nothing outside):`);
    else out.push(`${waits(answerable.length)}; until then ${answerable.length === 1 ? "it is not" : "none is"} done:`);
    out.push(...some(answerable, (effect) => `  ${line(effect)}`));
    // Of one, the way leads straight to it.
    const [only] = answerable;
    if (!rehearsal) out.push(`       bun run start approvals${answerable.length === 1 && only ? ` ${only.id}` : ""}`);
    out.push("");
  }
  if (unknown.length > 0) {
    out.push(
      `Nobody knows whether ${unknown.length === 1 ? "this" : "these"} happened, and nothing is done twice. Look outside, then say so:`,
    );
    out.push(...some(unknown, (effect) => `  ${line(effect)}\n       bun run start effects ${effect.id}`), "");
  }
  return out;
}

/** The same in a line each, for the status. */
export function waitingLines(waiting: { readonly answerable: number; readonly unknown: number }): string[] {
  const { answerable, unknown } = waiting;
  return [
    ...(answerable > 0 ? [`${waits(answerable)}: bun run start approvals`] : []),
    ...(unknown > 0 ? [`${actions(unknown)} may have happened, nobody knows: bun run start approvals`] : []),
  ];
}

const actions = (n: number) => `${n.toLocaleString("en")} ${n === 1 ? "action" : "actions"} outside`;
const waits = (n: number) => `${actions(n)} ${n === 1 ? "waits" : "wait"} for your yes`;

function line(effect: Effect): string {
  const blocked = effect.blocked === null ? "" : ` (it can only be rejected: ${effect.blocked})`;
  return oneLine(`${effectWords(effect)}${blocked}`, 140);
}

function some(effects: readonly Effect[], words: (effect: Effect) => string): string[] {
  const more = effects.length - SHOWN;
  return [...effects.slice(0, SHOWN).map(words), ...(more > 0 ? [`  and ${more} more`] : [])];
}
