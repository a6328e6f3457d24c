/** Connections to PostgreSQL: a pool whose clients read numbers as numbers and survive a server that goes away. */

import type { ClientConfig, Pool, QueryResult } from "pg";
import type { Log } from "../../log/log.ts";
import { createSilenceWatch, SILENCE, type SilenceLimits } from "./silence.ts";

const CONNECT_MS = 5000;
/**
 * How long one waits for one of this process's own connections to be free: a queue of work is no fault of the server. Longer than
 * a silent one is kept.
 */
const WAIT_MS = 30_000;
/** How long a statement waits for a lock, as long as SQLite's busy timeout is in spirit: then somebody hangs. */
const LOCK_MS = 10_000;
/** A process that stops inside a transaction must not stop all the others with it: it is cut off before their patience for a lock ends. */
const IDLE_IN_TRANSACTION_MS = 5_000;

const INT8 = 20;
const NUMERIC = 1700;

/** What every connection is opened with. Counts, sums and times fit a double: money is below 2^53 nano-dollars. */
export async function clientConfig(url: string): Promise<ClientConfig> {
  const { types } = await import("pg");
  const getTypeParser = ((oid: number, format?: "text") =>
    oid === INT8 || oid === NUMERIC ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser;
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    application_name: "marketeam",
    types: { getTypeParser },
  };
}

export type PoolOptions = {
  readonly url: string;
  readonly schema: string;
  readonly log: Log;
  readonly limits?: SilenceLimits;
};

/** A pool on one schema. Not connected yet: the first query does that. A connection that falls silent breaks in its time. */
export async function openPool({ url, schema, log, limits = SILENCE }: PoolOptions): Promise<Pool> {
  const { Client, Pool } = await import("pg");
  // The pool has one limit for both, and hands its own on to its clients.
  class QuickToConnect extends Client {
    constructor(config?: ClientConfig) {
      super({ ...config, connectionTimeoutMillis: CONNECT_MS });
    }
  }
  const silence = createSilenceWatch({ working: () => workingProcesses(url), log, limits });
  const pool = new Pool({
    ...(await clientConfig(url)),
    Client: QuickToConnect,
    connectionTimeoutMillis: WAIT_MS,
    max: 10,
    // pg-pool awaits it before it hands the client out, which its types do not say.
    onConnect: (client) => {
      let pid: number | null = null;
      silence.watch(client as QuickToConnect, () => pid);
      // Several statements, several results; asked for by name, as a pooler between us may tell another number.
      const results = client.query(
        `set search_path to ${quoted(schema)}; set lock_timeout to ${LOCK_MS};
         set idle_in_transaction_session_timeout to ${IDLE_IN_TRANSACTION_MS}; select pg_backend_pid() as pid`,
      ) as unknown as Promise<readonly QueryResult<{ pid: number }>[]>;
      return results.then((all) => void (pid = all.at(-1)?.rows[0]?.pid ?? null)) as unknown as void;
    },
  });
  // Without these a connection that drops is an uncaught exception; the query that was under way fails all the same.
  pool.on("error", (error) => log.warn("a connection to PostgreSQL was lost while idle", { error }));
  pool.on("connect", (client) => client.on("error", (error) => log.debug("a connection to PostgreSQL broke", { error })));
  return pool;
}

/** The server's processes that are not idle: asked anew, over a wire of its own. */
async function workingProcesses(url: string): Promise<ReadonlySet<number>> {
  const { Client } = await import("pg");
  const client = new Client({ ...(await clientConfig(url)), query_timeout: CONNECT_MS });
  client.on("error", () => {});
  try {
    await client.connect();
    // A server that does not keep track, and one of another user's processes, tells no state: that is no proof of idleness.
    const { rows } = await client.query<{ pid: number }>(
      "select pid from pg_stat_activity where coalesce(state, '') not like 'idle%'",
    );
    return new Set(rows.map(({ pid }) => pid));
  } finally {
    client.end().catch(() => {});
  }
}

/** A name as SQL writes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Host, port and database of a URL, for messages: never its password. */
export function placeOf(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    return `${searchParams.get("host") ?? (hostname || "localhost")}:${port || "5432"}${pathname}`;
  } catch {
    return "the address in DATABASE_URL";
  }
}
