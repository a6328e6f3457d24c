/** The breaker beside the caps: how often in a row a cap refused a call. Ten stop new work. */

import { sql } from "kysely";
import { deleteMeta, getMeta, metaKey } from "./meta.ts";
import type { Read, Tx } from "./store.ts";

const keyOf = (rehearsal: boolean) => `cap_hits/${rehearsal ? "rehearsal" : "real"}`;

export async function capHits(read: Read, rehearsal: boolean): Promise<number> {
  return Number((await getMeta(read, keyOf(rehearsal))) ?? 0);
}

/** One statement: two processes that count at once both count. */
export async function noteCapHit(tx: Tx, rehearsal: boolean): Promise<void> {
  await tx.db
    .insertInto("meta")
    .values({ key: metaKey(tx, keyOf(rehearsal)), value: "1" })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({ value: sql<string>`cast(cast(meta.value as integer) + 1 as text)` }),
    )
    .execute();
}

export async function resetCapHits(tx: Tx, rehearsal: boolean): Promise<void> {
  await deleteMeta(tx, keyOf(rehearsal));
}
