/** Small values by key. */

import type { Read, Tx } from "./store.ts";

export const metaKey = (read: Read, key: string) => `${read.tenant}/${key}`;

export async function getMeta(read: Read, key: string): Promise<string | null> {
  const row = await read.db.selectFrom("meta").select("value").where("key", "=", metaKey(read, key)).executeTakeFirst();
  return row?.value ?? null;
}

export async function setMeta(tx: Tx, key: string, value: string): Promise<void> {
  await tx.db
    .insertInto("meta")
    .values({ key: metaKey(tx, key), value })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
    .execute();
}

export async function deleteMeta(tx: Tx, key: string): Promise<void> {
  await tx.db.deleteFrom("meta").where("key", "=", metaKey(tx, key)).execute();
}

/** The value under a key, set to this one where there is none yet. Of several at the same moment one sets it, for all. */
export async function initMeta(tx: Tx, key: string, value: string): Promise<string> {
  await tx.db
    .insertInto("meta")
    .values({ key: metaKey(tx, key), value })
    .onConflict((conflict) => conflict.column("key").doNothing())
    .execute();
  return (await getMeta(tx, key)) ?? value;
}
