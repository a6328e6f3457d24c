/** What we have written into the workspace: so that a person's edit is known as one. */

import type { Read, Tx } from "./store.ts";

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

/** Where the output of each of these tasks lies, by task id; a task of which none was written is not in it. */
export async function filesOfTasks(read: Read, taskIds: readonly string[]): Promise<Map<string, string>> {
  if (taskIds.length === 0) return new Map();
  const rows = await read.db
    .selectFrom("files")
    .select(["task_id", "path"])
    .where("tenant", "=", read.tenant)
    .where("task_id", "in", [...taskIds])
    // Of two places, as when a skill has changed its squad, the newer one counts.
    .orderBy("written_at")
    .execute();
  return new Map(rows.map((row) => [row.task_id ?? "", row.path]));
}

/** What we have written, or are about to. `taskId` is given for a task's output alone. */
export async function noteFile(tx: Tx, file: { path: string; hashes: readonly string[]; taskId: string | null }): Promise<void> {
  const row = { hash: file.hashes.join(" "), task_id: file.taskId, written_at: tx.now };
  await tx.db
    .insertInto("files")
    .values({ tenant: tx.tenant, path: file.path, ...row })
    .onConflict((conflict) => conflict.columns(["tenant", "path"]).doUpdateSet(row))
    .execute();
}
