/** Test fixture: a fresh store on each engine that this machine has, for suites that must hold on both. */

import { join } from "node:path";
import { silentLog } from "../log/log.ts";
import { openPostgresStore } from "../store/postgres/store.ts";
import { openFreshStore } from "./fresh-store.ts";
import { emptySchema } from "./postgres-schema.ts";
import type { Store } from "../store/store.ts";
import { tempDir } from "./cli.ts";
import { postgresService } from "./services.ts";

export type Engine = { readonly name: "sqlite" | "postgres"; readonly ok: boolean; open(): Promise<Store & AsyncDisposable> };

const postgres = await postgresService();
const base = { tenant: "default", now: Date.now, log: silentLog, reached: () => {} };

export const ENGINES: readonly Engine[] = [
  {
    name: "sqlite",
    ok: true,
    async open() {
      const dir = await tempDir();
      const store = await openFreshStore({ ...base, path: join(dir.path, "test.db") });
      return closing(store, async () => dir[Symbol.asyncDispose]());
    },
  },
  {
    name: "postgres",
    ok: postgres.ok,
    async open() {
      if (!postgres.ok) throw new Error("no PostgreSQL");
      const place = emptySchema(postgres.url);
      const store = await openPostgresStore({ ...base, url: postgres.url, schema: place.schema });
      return closing(store, async () => place[Symbol.asyncDispose]());
    },
  },
];

function closing(store: Store, after: () => Promise<void>): Store & AsyncDisposable {
  return {
    ...store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await after();
    },
  };
}
