/** The breaker beside the caps: how often in a row a cap refused a call. Ten stop new work. */

import { deleteMeta, getMeta, setMeta } from "./meta.ts";
import type { Read, Tx } from "./store.ts";

const keyOf = (rehearsal: boolean) => `cap_hits/${rehearsal ? "rehearsal" : "real"}`;

export async function capHits(read: Read, rehearsal: boolean): Promise<number> {
  return Number((await getMeta(read, keyOf(rehearsal))) ?? 0);
}

export async function noteCapHit(tx: Tx, rehearsal: boolean): Promise<void> {
  await setMeta(tx, keyOf(rehearsal), String((await capHits(tx, rehearsal)) + 1));
}

export async function resetCapHits(tx: Tx, rehearsal: boolean): Promise<void> {
  await deleteMeta(tx, keyOf(rehearsal));
}
