/**
 * Messages with buttons that were sent: where they stand, and which of them no longer say how their actions stand. Small values
 * of the store, so that what was answered while the daemon was down is brought up to date afterwards. Changed under lockNotices.
 */

import { getMeta, setMeta } from "../store/meta.ts";
import { getEffect } from "../store/effects.ts";
import type { Read, Tx } from "../store/store.ts";
import type { Delivery, WaitingAction } from "./channel.ts";

export type Place = { readonly channel: string; readonly messageId: string; readonly ref: string };
/** `turn` is another one with each change: an edit that was begun before the last change does not end it. */
export type Edit = Omit<Place, "channel"> & { readonly turn: string; readonly tries: number; readonly dueAt: number };
type Shown = { readonly places: readonly Place[]; readonly rejectedBy: string | null };

const TRIES = 4;
const AGAIN_MS = 60_000;

const shownKey = (effectId: string) => `notify.shown.${effectId}`;
const editsKey = (channel: string) => `notify.edits.${channel}`;

/** A message with these actions was sent. One that was answered meanwhile is brought up to date next. */
export async function shownAt(tx: Tx, place: Place, actions: readonly WaitingAction[]): Promise<void> {
  let stale = false;
  for (const { id } of actions) {
    const { places, rejectedBy: by } = await shownOf(tx, id);
    await setMeta(tx, shownKey(id), JSON.stringify({ places: [...places, place], rejectedBy: by } satisfies Shown));
    stale ||= (await getEffect(tx, id))?.state !== "intent";
  }
  if (stale) await queue(tx, place);
}

/** An action stands otherwise now: so must every message that asked about it. */
export async function editsChanged(
  tx: Tx,
  { effectId, by }: { readonly effectId: string; readonly by: string | null },
): Promise<void> {
  const shown = await shownOf(tx, effectId);
  if (by !== null && shown.places.length > 0)
    await setMeta(tx, shownKey(effectId), JSON.stringify({ ...shown, rejectedBy: by } satisfies Shown));
  for (const place of shown.places) await queue(tx, place);
}

/** Who rejected it, where it was asked about: the ledger's row does not say. */
export async function rejectedBy(read: Read, effectId: string): Promise<string | null> {
  return (await shownOf(read, effectId)).rejectedBy;
}

/** When the next edit of a channel is due (UTC ms), or null. */
export async function nextEdit(read: Read, channel: string): Promise<number | null> {
  return soonest(await editsOf(read, channel))?.dueAt ?? null;
}

/** The next edit of a channel that is due, ours for a minute; or null. */
export async function claimEdit(tx: Tx, channel: string): Promise<Edit | null> {
  const edits = await editsOf(tx, channel);
  const edit = soonest(edits);
  if (!edit || edit.dueAt > tx.now) return null;
  const tried = { ...edit, tries: edit.tries + 1, dueAt: tx.now + AGAIN_MS };
  const after = edits.map((other) => (other === edit ? tried : other));
  await setMeta(tx, editsKey(channel), JSON.stringify(after));
  return tried;
}

export async function settleEdit(
  tx: Tx,
  channel: string,
  done: Edit,
  delivery: Delivery,
): Promise<"sent" | "later" | "given up"> {
  if (!delivery.ok && done.tries < TRIES) return "later";
  const others = (await editsOf(tx, channel)).filter((edit) => edit.messageId !== done.messageId || edit.turn !== done.turn);
  await setMeta(tx, editsKey(channel), JSON.stringify(others));
  return delivery.ok ? "sent" : "given up";
}

async function queue(tx: Tx, { channel, messageId, ref }: Place): Promise<void> {
  const others = (await editsOf(tx, channel)).filter((edit) => edit.messageId !== messageId);
  const edit: Edit = { messageId, ref, turn: Bun.randomUUIDv7(), tries: 0, dueAt: tx.now };
  await setMeta(tx, editsKey(channel), JSON.stringify([...others, edit]));
}

async function shownOf(read: Read, effectId: string): Promise<Shown> {
  const text = await getMeta(read, shownKey(effectId));
  return text === null ? { places: [], rejectedBy: null } : (JSON.parse(text) as Shown);
}

async function editsOf(read: Read, channel: string): Promise<Edit[]> {
  const text = await getMeta(read, editsKey(channel));
  return text === null ? [] : (JSON.parse(text) as Edit[]);
}

const soonest = (edits: readonly Edit[]) => edits.toSorted((a, b) => a.dueAt - b.dueAt)[0];
