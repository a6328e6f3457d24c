/** Answers to effects in the store: who may say yes to what, and when; bound to exactly what was shown. */

import { ALWAYS_ASKED, severity } from "../domain/action.ts";
import { actionHash, type Effect } from "../domain/effect.ts";
import {
  failEffect,
  getEffect,
  getStop,
  lockLedger,
  moveEffect,
  NEVER_LEFT,
  sameAction,
  stoppedWords,
  type Refused,
} from "./effects.ts";
import type { Read, Tx } from "./store.ts";

/** Who approves what the policy lets through unasked. */
export const POLICY = "policy";
export const REHEARSAL_NOTE = "a rehearsal does nothing outside";
/** Says yes to exactly this, once. `hash` is what the person was shown. An effect of a rehearsal ends right there. */
export async function approveEffect(
  tx: Tx,
  id: string,
  { hash, by }: { readonly hash: string; readonly by: string },
): Promise<{ effect: Effect } | Refused> {
  await lockLedger(tx);
  const effect = await getEffect(tx, id);
  if (!effect) return { refused: `there is no effect ${id}` };
  const refused = await whyNotApprovable(tx, effect, { hash, by });
  if (refused !== null) return { refused };
  const approved = await moveEffect(
    tx,
    effect,
    "approved",
    { approved_by: by, approved_at: tx.now },
    { type: "effect.approved", by },
  );
  return { effect: effect.rehearsal ? await failEffect(tx, approved, REHEARSAL_NOTE) : approved };
}

async function whyNotApprovable(tx: Tx, effect: Effect, { hash, by }: { hash: string; by: string }): Promise<string | null> {
  const stop = await getStop(tx);
  if (stop) return stoppedWords(stop);
  if (effect.state !== "intent") return `it is ${effect.state}: there is nothing to answer any more`;
  if (hash !== effect.hash || actionHash(effect) !== effect.hash) return "it is not what was shown: look at it again";
  if (effect.expiresAt <= tx.now) return "its time is over";
  if (effect.blocked !== null) return `it cannot be approved as it is: ${effect.blocked}`;
  if (by === POLICY) {
    if (ALWAYS_ASKED.includes(effect.class)) return `to ${effect.class} always needs a person's yes`;
    if (effect.tainted && severity(effect.class) > severity("draft"))
      return "what was asked for after reading from outside needs a person's yes";
  }
  const waits = await waitsFor(tx, effect);
  if (waits !== null) return waits;
  const twin = (await sameAction(tx, effect.taskId, effect.hash)).find((other) => !NEVER_LEFT.includes(other.state));
  return twin ? `the same was ${twin.state} already as ${twin.id}` : null;
}

/**
 * What an intent still waits for, in a sentence; null when a person can answer it. Except for drafts, the work that asked
 * for it must be accepted, and in the version that asked. A person's own edit of that version does not change it.
 */
export async function waitsFor(read: Read, effect: Effect): Promise<string | null> {
  if (effect.class === "draft") return null;
  const task = await read.db
    .selectFrom("tasks")
    .select(["status", "revision", "deliverable_id"])
    .where("tenant", "=", read.tenant)
    .where("id", "=", effect.taskId)
    .executeTakeFirst();
  if (!task) return "the task that asked for it is not there";
  if (task.status !== "done") return `the task that asked for it is ${task.status}: it can be answered when its work is accepted`;
  const versions = await read.db
    .selectFrom("deliverables")
    .select(["id", "revision", "origin"])
    .where("tenant", "=", read.tenant)
    .where("task_id", "=", effect.taskId)
    .orderBy("revision", "desc")
    .execute();
  const accepted = versions.find((version) => version.id === task.deliverable_id);
  const made = versions.find((version) => version.origin === "agent" && version.revision <= (accepted?.revision ?? -1));
  const revision = made?.revision ?? task.revision;
  return revision === effect.revision ? null : `version ${effect.revision + 1} asked for it, and another one was accepted`;
}

export async function rejectEffect(
  tx: Tx,
  id: string,
  { by, note }: { readonly by: string; readonly note: string | null },
): Promise<{ effect: Effect } | Refused> {
  await lockLedger(tx);
  const effect = await getEffect(tx, id);
  if (!effect) return { refused: `there is no effect ${id}` };
  if (effect.state !== "intent") return { refused: `it is ${effect.state}: there is nothing to answer any more` };
  return { effect: await moveEffect(tx, effect, "rejected", { note, ended_at: tx.now }, { type: "effect.rejected", by, note }) };
}
