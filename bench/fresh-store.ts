/** A store of ours, and a bare database with the same settings, each in a folder that goes with it. */

import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../src/log/log.ts";
import { openSqliteStore } from "../src/store/sqlite/store.ts";
import type { Store } from "../src/store/store.ts";

export async function freshStore(): Promise<AsyncDisposable & { readonly store: Store }> {
  const folder = mkdtempSync(join(tmpdir(), "bench-store-"));
  const path = join(folder, "store.db");
  const store = await openSqliteStore({ path, tenant: "bench", now: Date.now, log: silentLog, reached() {} });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** WAL and synchronous full, as ours: only what is around the statements differs. */
export function bareDatabase(): Disposable & { readonly db: Database } {
  const folder = mkdtempSync(join(tmpdir(), "bench-bare-"));
  const db = new Database(join(folder, "bare.db"), { create: true });
  db.run("pragma journal_mode = wal");
  db.run("pragma synchronous = full");
  db.run("pragma foreign_keys = on");
  return {
    db,
    [Symbol.dispose]() {
      db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
