/** Test fixture: a new store in a file, without making its tables anew each time: they are made once, and the file is copied. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openSqliteStore, type SqliteStoreOptions } from "../store/sqlite/store.ts";
import type { Store } from "../store/store.ts";
import { silentLog } from "../log/log.ts";
import { tempDir } from "./cli.ts";

let empty: Promise<Buffer> | null = null;

/** As `openSqliteStore` on a path where nothing is yet. */
export async function openFreshStore(options: SqliteStoreOptions): Promise<Store> {
  await mkdir(dirname(options.path), { recursive: true });
  await writeFile(options.path, await (empty ??= made()));
  return openSqliteStore(options);
}

async function made(): Promise<Buffer> {
  await using dir = await tempDir();
  const path = join(dir.path, "empty.db");
  const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached() {} });
  // Everything is in the one file once it is closed.
  await store.close();
  return await readFile(path);
}
