/** Test fixture: an empty PostgreSQL schema. Making the tables takes ten times as long as emptying them, so a schema is used again. */

import type { Client } from "pg";

/** Schemas of this process whose tables are there and empty. */
const free: string[] = [];
/** Nobody who still holds a lock in a schema after its test is waited for: that schema goes. */
const LOCK_MS = 2_000;

/** A schema that nobody else uses, without a row but those of its migrations; what is in it is gone after disposal. */
export function emptySchema(url: string): { readonly schema: string } & AsyncDisposable {
  const schema = free.pop() ?? `t_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  return {
    schema,
    async [Symbol.asyncDispose]() {
      const { Client } = await import("pg");
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        await client.query(`set lock_timeout to ${LOCK_MS}`);
        await client.query(await emptying(client, schema));
        free.push(schema);
      } catch {
        await client.query(`drop schema if exists "${schema}" cascade`);
      } finally {
        await client.end();
      }
    },
  };
}

/** The statements that leave a schema as its migrations made it, in one transaction. */
async function emptying(client: Client, schema: string): Promise<string> {
  const named = async (sql: string) => (await client.query<{ name: string }>(sql, [schema])).rows.map((row) => row.name);
  const tables = await named("select tablename as name from pg_tables where schemaname = $1 and tablename <> 'migrations'");
  const counters = await named("select sequencename as name from pg_sequences where schemaname = $1");
  // An empty list would leave a schema to others that was never made.
  if (tables.length === 0) throw new Error(`schema ${schema} has no tables`);
  return [
    ...tables.map((name) => `delete from "${schema}"."${name}"`),
    ...counters.map((name) => `alter sequence "${schema}"."${name}" restart`),
  ].join("; ");
}
