/** The store of commands that only look: opened when there is one, never made. No registry, no model, no log. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { DATABASE, openStore } from "../bootstrap/store.ts";
import type { RuntimeConfig } from "../config.ts";
import { silentLog } from "../log/log.ts";
import type { Store } from "../store/store.ts";

/** True when there is a database to read. One on a server counts as there: only asking it would tell. */
export function storeThere(config: Pick<RuntimeConfig, "databaseUrl" | "workspace">): boolean {
  const path = join(config.workspace, DATABASE);
  // A journal without its database is a damaged store, not a fresh workspace: opening it says so.
  return config.databaseUrl !== null || existsSync(path) || existsSync(`${path}-wal`);
}

/** The store, or null when the workspace has none yet. Creates no folder and no file. Throws StoreError. */
export async function openStoreThere(config: RuntimeConfig): Promise<Store | null> {
  if (!storeThere(config)) return null;
  return openStore(config, { now: () => Date.now(), log: silentLog, reached: () => {} });
}
