/** Connections to PostgreSQL: a pool whose clients read numbers as numbers and survive a server that goes away. */

import type { ClientConfig, Pool } from "pg";
import type { Log } from "../../log/log.ts";

const CONNECT_MS = 5000;
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

/** A pool on one schema. Not connected yet: the first query does that. */
export async function openPool({ url, schema, log }: { url: string; schema: string; log: Log }): Promise<Pool> {
  const { Pool } = await import("pg");
  const pool = new Pool({
    ...(await clientConfig(url)),
    max: 10,
    // pg-pool awaits it before it hands the client out, which its types do not say.
    onConnect: (client) =>
      client.query(
        `set search_path to ${quoted(schema)}; set lock_timeout to ${LOCK_MS};
         set idle_in_transaction_session_timeout to ${IDLE_IN_TRANSACTION_MS}`,
      ) as unknown as void,
  });
  // Without these a connection that drops is an uncaught exception; the query that was under way fails all the same.
  pool.on("error", (error) => log.warn("a connection to PostgreSQL was lost while idle", { error }));
  pool.on("connect", (client) => client.on("error", (error) => log.debug("a connection to PostgreSQL broke", { error })));
  return pool;
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
