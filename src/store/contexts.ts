/** The product context's versions in the store. */

import type { ProductContext } from "../domain/product-context.ts";
import type { Read, Tx } from "./store.ts";

export async function latestContext(read: Read): Promise<ProductContext | null> {
  const row = await read.db
    .selectFrom("contexts")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? { version: row.version, body: row.body, hash: row.hash, createdAt: row.created_at } : null;
}

export async function contextVersion(read: Read, version: number): Promise<ProductContext | null> {
  const row = await read.db
    .selectFrom("contexts")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("version", "=", version)
    .executeTakeFirst();
  return row ? { version: row.version, body: row.body, hash: row.hash, createdAt: row.created_at } : null;
}

/** Whether a text with this hash is a version, the newest or an earlier one. */
export async function isContext(read: Read, hash: string): Promise<boolean> {
  const query = read.db.selectFrom("contexts").select("version").where("tenant", "=", read.tenant).where("hash", "=", hash);
  return (await query.limit(1).executeTakeFirst()) !== undefined;
}

/** Keeps a context as the next version; the same text again is the version that it is. */
export async function importContext(tx: Tx, body: string, hash: string): Promise<number> {
  const last = await latestContext(tx);
  if (last?.hash === hash) return last.version;
  const version = (last?.version ?? 0) + 1;
  await tx.db.insertInto("contexts").values({ tenant: tx.tenant, version, body, hash, created_at: tx.now }).execute();
  tx.emit({ type: "context.imported", goalId: null, taskId: null, version, hash });
  return version;
}
