/** The store, composed: a file in the workspace, or a PostgreSQL server. Apart from the rest, for commands that need nothing else. */

import { join } from "node:path";
import type { RuntimeConfig } from "../config.ts";
import type { Log } from "../log/log.ts";
import { isAway } from "../store/postgres/failure.ts";
import type { NamedRows } from "../store/sqlite/names.ts";
import type { Store } from "../store/store.ts";

export type { NamedRows };
export const DATABASE = ".marketeam/marketeam.db";
const TENANT = "default";

/** Opens it, and brings it to the newest schema. Throws StoreError. */
export async function openStore(
  config: RuntimeConfig,
  options: { now: () => number; log: Log; reached: (point: string) => void },
): Promise<Store> {
  const shared = { tenant: TENANT, ...options };
  if (config.databaseUrl !== null) {
    const { openPostgresStore } = await import("../store/postgres/store.ts");
    return openPostgresStore({ url: config.databaseUrl, ...shared });
  }
  const { openSqliteStore } = await import("../store/sqlite/store.ts");
  return openSqliteStore({ path: join(config.workspace, DATABASE), ...shared });
}

/** What completion asks of the database file in the workspace, which must be there. Throws when it cannot be read. */
export async function storedNames(
  { workspace }: Pick<RuntimeConfig, "workspace">,
  rows: NamedRows,
  most: number,
): Promise<[id: string, title: string][]> {
  const { readNames } = await import("../store/sqlite/names.ts");
  return readNames(join(workspace, DATABASE), { tenant: TENANT, rows, most });
}

/** Whether a store could not be opened because its server is away: it may be there in a moment. */
export const storeIsAway = isAway;
