/** Where a daemon keeps its truth and its signals: a file and its own memory, or PostgreSQL and Redis. Each world of a test gets its own. */

import { Database } from "bun:sqlite";
import { join } from "node:path";
import { redisForTests } from "../../queue/bullmq/test-server.ts";
import { DATABASE } from "../kill/books.ts";
import { postgresService } from "../services.ts";
import { postgresAsk, sqliteAsk, type Ask } from "./books.ts";

export type Truth = {
  readonly env: Readonly<Record<string, string>>;
  readonly ask: Ask;
  /** A change from outside: what a test needs to have happened. */
  change(sql: string): Promise<void>;
  drop(): Promise<void>;
};

export type Place = { readonly name: string; readonly ok: boolean; open(workspace: string): Promise<Truth> };

export function fileTruth(workspace: string): Truth {
  return {
    env: {},
    ask: sqliteAsk(workspace),
    async change(sql) {
      const db = new Database(join(workspace, DATABASE));
      db.run(sql);
      db.close();
    },
    drop: async () => {},
  };
}

/** A database of its own on this server. */
export async function postgresTruth(server: string): Promise<Truth> {
  const name = `t_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  await postgresAsk(server)(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const ask = postgresAsk(url.href);
  return {
    env: { DATABASE_URL: url.href },
    ask,
    change: async (sql) => void (await ask(sql)),
    drop: async () => void (await postgresAsk(server)(`drop database ${name} with (force)`)),
  };
}

/** Both places; the second says in a line why it is skipped, or throws where REQUIRE_SERVICES=1. */
export async function places(): Promise<{ all: readonly Place[]; redisUrl: string | null; stop: () => Promise<void> }> {
  const postgres = await postgresService();
  const redis = postgres.ok ? await redisForTests(process.env) : { url: null, stop: async () => {} };
  const shared: Place = {
    name: "PostgreSQL and Redis",
    ok: postgres.ok && redis.url !== null,
    async open() {
      if (!postgres.ok || redis.url === null) throw new Error("no services");
      const truth = await postgresTruth(postgres.url);
      return { ...truth, env: { ...truth.env, REDIS_URL: redis.url } };
    },
  };
  const alone: Place = { name: "nothing but Bun", ok: true, open: async (workspace) => fileTruth(workspace) };
  return { all: [alone, shared], redisUrl: redis.url, stop: redis.stop };
}
