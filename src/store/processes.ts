/** The processes that share the store, and their heartbeats. */

import type { Read, Tx } from "./store.ts";

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
