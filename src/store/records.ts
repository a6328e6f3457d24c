/** Smaller nouns of the store: the product context's versions, written files, processes, and the event feed. */

import type { ProductContext } from "../domain/product-context.ts";
import type { StoredEvent } from "../domain/event.ts";
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

/**
 * The hashes that a file has when only we have written it; empty for a file that we never wrote. There are two while it is
 * being written: the one to come and the one before, since a crash may leave either.
 */
export async function ownHashes(read: Read, path: string): Promise<string[]> {
  const row = await read.db
    .selectFrom("files")
    .select("hash")
    .where("tenant", "=", read.tenant)
    .where("path", "=", path)
    .executeTakeFirst();
  return row ? row.hash.split(" ") : [];
}

export async function noteFile(tx: Tx, file: { path: string; hashes: readonly string[]; taskId: string | null }): Promise<void> {
  const row = { hash: file.hashes.join(" "), task_id: file.taskId, written_at: tx.now };
  await tx.db
    .insertInto("files")
    .values({ tenant: tx.tenant, path: file.path, ...row })
    .onConflict((conflict) => conflict.columns(["tenant", "path"]).doUpdateSet(row))
    .execute();
}

export type ProcessRow = {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly started: string;
  readonly heartbeatAt: number;
};

export async function registerProcess(tx: Tx, process: Omit<ProcessRow, "heartbeatAt">): Promise<void> {
  await tx.db
    .insertInto("processes")
    .values({
      tenant: tx.tenant,
      id: process.id,
      host: process.host,
      pid: process.pid,
      started: process.started,
      heartbeat_at: tx.now,
    })
    .execute();
}

export async function listProcesses(read: Read): Promise<ProcessRow[]> {
  const rows = await read.db.selectFrom("processes").selectAll().where("tenant", "=", read.tenant).execute();
  return rows.map((row) => ({ id: row.id, host: row.host, pid: row.pid, started: row.started, heartbeatAt: row.heartbeat_at }));
}

export async function beatProcess(tx: Tx, id: string): Promise<void> {
  await tx.db
    .updateTable("processes")
    .set({ heartbeat_at: tx.now })
    .where("tenant", "=", tx.tenant)
    .where("id", "=", id)
    .execute();
}

export async function removeProcesses(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 0)
    await tx.db
      .deleteFrom("processes")
      .where("tenant", "=", tx.tenant)
      .where("id", "in", [...ids])
      .execute();
}

/** Events after `seq`, in order. */
export async function listEvents(
  read: Read,
  filter: { after?: number; goalId?: string; limit?: number },
): Promise<StoredEvent[]> {
  let query = read.db
    .selectFrom("events")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("seq", ">", filter.after ?? 0)
    .orderBy("seq")
    .limit(filter.limit ?? 1000);
  if (filter.goalId !== undefined) query = query.where("goal_id", "=", filter.goalId);
  return (await query.execute()).map(
    (row) =>
      ({
        seq: row.seq,
        at: row.at,
        type: row.type,
        goalId: row.goal_id,
        taskId: row.task_id,
        rehearsal: row.rehearsal === 1,
        ...(JSON.parse(row.data) as object),
      }) as StoredEvent,
  );
}
