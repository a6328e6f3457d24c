/** Actions outside in words: one that waits for a person, one that nobody knows about, and the kill switch. */

import { severity } from "../domain/action.ts";
import type { Effect } from "../domain/effect.ts";
import { effectWords } from "../domain/effect-words.ts";
import type { StoredEvent } from "../domain/event.ts";
import type { Goal } from "../domain/goal.ts";
import { isAnswerable } from "../store/effect-waiting.ts";
import { getEffect, listEffects, stoppedWords, type Stop } from "../store/effects.ts";
import { getGoal } from "../store/goals.ts";
import type { Read } from "../store/store.ts";
import type { Draft, Told } from "./draft.ts";

export const effectSubject = (id: string) => `effect ${id}`;
/** From here on strangers notice. */
const isGrave = (effect: Effect) => severity(effect.class) >= severity("publish");
/** An unknown action is looked for at once, and once more after 30 seconds. */
const VERIFIED_MS = 45_000;

/** The notices of the actions that wait for a person: of one task, or of all real goals with null. */
export async function actionDrafts(read: Read, taskId: string | null): Promise<Draft[]> {
  const found = await listEffects(read, { states: ["intent"], ...(taskId === null ? {} : { taskId }) });
  const drafts: Draft[] = [];
  for (const effect of found.toReversed()) {
    if (taskId === null && effect.rehearsal) continue;
    const draft = await actionDraft(read, effect, taskId === null ? effect.createdAt : read.now);
    if (draft !== null) drafts.push(draft);
  }
  return drafts;
}

/** The notice of an action that waits for a person; null when it does not, or not yet. */
export async function actionDraft(read: Read, effect: Effect, at: number): Promise<Draft | null> {
  if (!(await isAnswerable(read, effect))) return null;
  const goal = await getGoal(read, effect.goalId);
  return {
    ...base(effect, goal, at),
    kind: "effect.waiting",
    state: "waits",
    urgent: goal?.priority === "P0" && isGrave(effect),
    title: `${effectWords(effect)}?`,
    text: [
      ...(goal === null ? [] : [`Goal: ${goal.title}`]),
      ...(effect.blocked === null ? [] : [`It can only be rejected: ${effect.blocked}.`]),
      `Until ${minute(effect.expiresAt)}; without an answer nothing is done.`,
      `To decide: \`approvals ${effect.id}\`, then the same with --approve or --reject.`,
    ].join("\n"),
  };
}

type EffectTurn = Extract<StoredEvent, { effectId: string }>;

/** What became of an action: nobody need be asked any more, and where they were asked it shall be seen. */
export async function actionTold(read: Read, event: EffectTurn): Promise<Told> {
  const subject = effectSubject(event.effectId);
  const by = event.type === "effect.rejected" ? event.by : null;
  const changed: Told = { drafts: [], overtakes: [{ subject }], changed: { effectId: event.effectId, by } };
  const effect = event.type === "effect.unknown" ? await getEffect(read, event.effectId) : null;
  if (effect?.state !== "unknown") return changed;
  const goal = await getGoal(read, effect.goalId);
  const draft: Draft = {
    ...base(effect, goal, event.at),
    kind: "effect.unknown",
    state: "unknown",
    urgent: isGrave(effect),
    patienceMs: VERIFIED_MS,
    title: `Nobody knows whether this happened: ${effectWords(effect)}`,
    text: [
      ...(goal === null ? [] : [`Goal: ${goal.title}`]),
      "It is never done a second time by itself. Look outside, then say what you found:",
      `\`effects ${effect.id} --happened\` or \`effects ${effect.id} --did-not-happen\`.`,
    ].join("\n"),
  };
  return { ...changed, drafts: [draft] };
}

function base({ id, goalId, rehearsal }: Effect, goal: Goal | null, at: number) {
  return { subject: effectSubject(id), goalId, rehearsal: rehearsal || (goal?.rehearsal ?? false), at };
}

/** The notice that the kill switch was thrown, or that actions are taken again. */
export function stopDraft(stop: Stop | null, at: number): Draft {
  const common = { kind: "effects.stopped", subject: "effects", goalId: null, rehearsal: false, at } as const;
  if (stop === null)
    return { ...common, state: `resumed ${at}`, urgent: false, title: "Actions outside are taken again", text: STAYS_STOPPED };
  const words = stoppedWords(stop);
  return {
    ...common,
    state: `stopped ${stop.at}`,
    urgent: true,
    title: `${words.charAt(0).toUpperCase()}${words.slice(1)}`,
    text: "What had not left will not leave, and nothing new is taken. What was sent stays sent: `effects` shows it.\nTo go on: `effects --resume`.",
  };
}

const STAYS_STOPPED = "What was stopped stays stopped: where it is still wanted, it must be asked for anew.";
const minute = (at: number) => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
