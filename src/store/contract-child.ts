/** A process of its own for the store's contract: it opens a store as it is told, works, and lets itself be killed. */

import { writeSync } from "node:fs";
import { silentLog } from "../log/log.ts";
import { migrations, type Migration } from "./migrations.ts";
import type { Store } from "./store.ts";
import type { StoreOptions } from "./transaction.ts";

export type Job = {
  /** The module that opens the store, and its function's name. */
  readonly module: string;
  readonly opener: string;
  readonly options: Record<string, string>;
  readonly worker: string;
  /** How many writes to make; null goes on until killed. */
  readonly writes: number | null;
  /** How many of them at once. */
  readonly parallel: number;
  /** Kill this process with SIGKILL when it gets to this point. */
  readonly dieAt: string | null;
  readonly history: keyof typeof histories;
};

const second: Migration = {
  name: "0002-shelf",
  sql: () => [
    "create table shelf (id text not null primary key)",
    "insert into shelf (id) values ('one')",
    "create table more (id text)",
  ],
};
const third: Migration = { name: "0003-wider", sql: () => ["alter table shelf add column width bigint"] };

export const histories = { shipped: migrations, longer: [...migrations, second, third] };

/** Saves one file's row with its event: two tables that must never disagree. */
export async function saveFile(store: Store, path: string): Promise<void> {
  await store.write("file.save", async (tx) => {
    await tx.db.insertInto("files").values({ tenant: tx.tenant, path, hash: "-", task_id: null, written_at: tx.now }).execute();
    tx.emit({ type: "output.edited", goalId: null, taskId: null, path, revision: 0 });
  });
}

async function main(job: Job): Promise<void> {
  const say = (line: string) => writeSync(1, `${line}\n`);
  const adapter = (await import(job.module)) as Record<string, (options: StoreOptions) => Promise<Store>>;
  const open = adapter[job.opener];
  if (!open) throw new Error(`${job.module} has no ${job.opener}`);
  const reached = (point: string) => {
    if (point === job.dieAt) process.kill(process.pid, "SIGKILL");
    if (point.startsWith("migrate")) say(point);
  };
  const store = await open({
    ...job.options,
    tenant: "t",
    now: Date.now,
    log: silentLog,
    reached,
    migrations: histories[job.history],
  });
  let next = 0;
  const loop = async () => {
    for (let n = next++; job.writes === null || n < job.writes; n = next++) {
      await saveFile(store, `${job.worker}/${n}`);
      say(`saved ${job.worker}/${n}`);
    }
  };
  await Promise.all(Array.from({ length: job.parallel }, loop));
  await store.close();
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? "") as Job);
