/** Small values by key. */

import type { Read, Tx } from "./store.ts";

export async function getMeta(read: Read, key: string): Promise<string | null> {
  const row = await read.db.selectFrom("meta").select("value").where("key", "=", `${read.tenant}/${key}`).executeTakeFirst();
  return row?.value ?? null;
}

export async function setMeta(tx: Tx, key: string, value: string): Promise<void> {
  await tx.db
    .insertInto("meta")
    .values({ key: `${tx.tenant}/${key}`, value })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
    .execute();
}

export async function deleteMeta(tx: Tx, key: string): Promise<void> {
  await tx.db.deleteFrom("meta").where("key", "=", `${tx.tenant}/${key}`).execute();
}
