/** Actions for the message that asks about them: what a person approves, how it is answered, and what became of it. */

import type { Effect } from "../domain/effect.ts";
import { effectWords } from "../domain/effect-words.ts";
import type { Notice } from "../store/notices.ts";
import { getEffect } from "../store/effects.ts";
import { getGoal } from "../store/goals.ts";
import type { Read } from "../store/store.ts";
import { effectSubject } from "./action-words.ts";
import type { WaitingAction } from "./channel.ts";
import { cleanTitle, cut } from "./message.ts";
import { TOGETHER } from "./pace.ts";

export type AskedEffect = { readonly effect: Effect; readonly goal: string };
export type Links = (effect: Effect) => Promise<WaitingAction["links"]>;

/** The effects that these notices ask about; none where they are so many that they are only named. */
export async function askedIn(read: Read, notices: readonly Notice[]): Promise<AskedEffect[]> {
  const asked = notices.filter((notice) => notice.kind === "effect.waiting");
  if (asked.length > TOGETHER) return [];
  const found: AskedEffect[] = [];
  for (const { subject, goalId } of asked) {
    const effect = await getEffect(read, subject.slice(effectSubject("").length));
    const goal = goalId === null ? null : await getGoal(read, goalId);
    if (effect) found.push({ effect, goal: goal?.title ?? "" });
  }
  return found;
}

/** `rejectedBy` is what the ledger's row does not say. */
export async function waitingAction(
  { effect, goal }: AskedEffect,
  { links, redact, rejectedBy }: { links: Links; redact: (text: string) => string; rejectedBy: string | null },
): Promise<WaitingAction> {
  const { id, hash, blocked, tainted, expiresAt } = effect;
  return {
    id,
    hash,
    title: cleanTitle(redact(effectWords(effect))),
    goal: cleanTitle(redact(goal)),
    preview: redact(effect.preview.trim()),
    blocked: blocked === null ? null : cleanTitle(redact(blocked)),
    tainted,
    expiresAt,
    links: await links(effect),
    became: becameOf(effect, rejectedBy, redact),
  };
}

function becameOf(effect: Effect, rejectedBy: string | null, redact: (text: string) => string): WaitingAction["became"] {
  const words = wordsOf(effect);
  return words === null ? null : { words: cleanTitle(redact(words)), by: effect.approvedBy ?? rejectedBy };
}

function wordsOf({ id, state, note }: Effect): string | null {
  const why = note === null ? "" : `: ${cut(note, 120)}`;
  switch (state) {
    case "intent":
      return null;
    case "approved":
      return "Approved. It will be done exactly so, once.";
    case "sent":
      return "Approved, and on its way.";
    case "confirmed":
      return "Done.";
    case "failed":
      return `Not done${why}.`;
    case "unknown":
      return `Nobody knows whether it happened. Look outside, then: effects ${id} --happened, or --did-not-happen.`;
    case "rejected":
      return `Rejected${why}.`;
    case "expired":
      return "Expired: nothing was done.";
    case "stopped":
      return "Stopped: nothing was done.";
    case "withdrawn":
      return "Taken back by the team: nothing was done.";
  }
}
