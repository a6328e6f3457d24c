/** Who must never be written to, and who was written to when. Addresses come in the form of `normalAddress`. */

import { sql } from "kysely";
import { domainOf } from "../domain/email.ts";
import { setMeta } from "./meta.ts";
import type { Read, Tx } from "./store.ts";

export type Suppressed = {
  /** An address, or `@domain` for everybody there. */
  readonly address: string;
  readonly reason: string;
  /** UTC ms. */
  readonly at: number;
};

// SQLite takes 32,766 values in a statement.
const A_STATEMENT = 5000;

/** Puts addresses on the list. Returns how many were not on it before; who is on it keeps his first reason. */
export async function suppress(tx: Tx, addresses: readonly string[], reason: string): Promise<number> {
  let added = 0;
  for (const some of chunks([...new Set(addresses)])) {
    const result = await tx.db
      .insertInto("suppressed")
      .values(some.map((address) => ({ tenant: tx.tenant, address, reason, at: tx.now })))
      .onConflict((conflict) => conflict.columns(["tenant", "address"]).doNothing())
      .executeTakeFirst();
    added += Number(result.numInsertedOrUpdatedRows ?? 0);
  }
  return added;
}

/** Takes one address off the list: true when it was on it. */
export async function unsuppress(tx: Tx, address: string): Promise<boolean> {
  const result = await tx.db
    .deleteFrom("suppressed")
    .where("tenant", "=", tx.tenant)
    .where("address", "=", address)
    .executeTakeFirst();
  return Number(result.numDeletedRows) > 0;
}

/** In the order of the addresses, from behind `after`. */
export async function listSuppressed(
  read: Read,
  { limit, after }: { readonly limit: number; readonly after?: string },
): Promise<Suppressed[]> {
  let query = read.db
    .selectFrom("suppressed")
    .select(["address", "reason", "at"])
    .where("tenant", "=", read.tenant)
    .orderBy("address")
    .limit(limit);
  if (after !== undefined) query = query.where("address", ">", after);
  return (await query.execute()).map((row) => ({ ...row, at: Number(row.at) }));
}

export async function countSuppressed(read: Read): Promise<number> {
  const row = await read.db
    .selectFrom("suppressed")
    .select((build) => build.fn.countAll().as("count"))
    .where("tenant", "=", read.tenant)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Those of these that are on the list, by themselves or with their domain. */
export async function suppressedAmong(read: Read, addresses: readonly string[]): Promise<Set<string>> {
  const domains = [...new Set(addresses.map((address) => `@${domainOf(address)}`))];
  const listed = new Set<string>();
  for (const some of chunks([...addresses, ...domains])) {
    const rows = await read.db
      .selectFrom("suppressed")
      .select("address")
      .where("tenant", "=", read.tenant)
      .where("address", "in", some)
      .execute();
    for (const row of rows) listed.add(row.address);
  }
  return new Set(addresses.filter((address) => listed.has(address) || listed.has(`@${domainOf(address)}`)));
}

/** Makes those who would count and add at the same moment do it one after the other, also on PostgreSQL. First in its transaction. */
export async function lockContacts(tx: Tx): Promise<void> {
  await setMeta(tx, "contacts-lock", String(tx.now));
}

/** These got a mail, or may have got one, by this effect at `at` (UTC ms). */
export async function addContacted(tx: Tx, effectId: string, addresses: readonly string[], at: number): Promise<void> {
  for (const some of chunks([...new Set(addresses)]))
    await tx.db
      .insertInto("contacted")
      .values(some.map((address) => ({ tenant: tx.tenant, address, effect_id: effectId, at })))
      .onConflict((conflict) => conflict.columns(["tenant", "address", "effect_id"]).doNothing())
      .execute();
}

/** Nobody got anything by this effect, for certain. */
export async function removeContacted(tx: Tx, effectId: string): Promise<void> {
  await tx.db.deleteFrom("contacted").where("tenant", "=", tx.tenant).where("effect_id", "=", effectId).execute();
}

/** How many people this effect went to, or may have gone to. */
export async function contactedBy(read: Read, effectId: string): Promise<number> {
  const row = await read.db
    .selectFrom("contacted")
    .select((build) => build.fn.countAll().as("count"))
    .where("tenant", "=", read.tenant)
    .where("effect_id", "=", effectId)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** How many mails went out to anybody after `since` (UTC ms). */
export async function countContacted(read: Read, since: number): Promise<number> {
  const row = await read.db
    .selectFrom("contacted")
    .select((build) => build.fn.countAll().as("count"))
    .where("tenant", "=", read.tenant)
    .where("at", ">", since)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Those of these who got at least `count` mails after `since` (UTC ms). */
export async function contactedOften(
  read: Read,
  addresses: readonly string[],
  { count, since }: { readonly count: number; readonly since: number },
): Promise<Set<string>> {
  const often = new Set<string>();
  for (const some of chunks(addresses)) {
    const rows = await read.db
      .selectFrom("contacted")
      .select("address")
      .where("tenant", "=", read.tenant)
      .where("address", "in", some)
      .where("at", ">", since)
      .groupBy("address")
      .having(sql<boolean>`count(*) >= ${count}`)
      .execute();
    for (const row of rows) often.add(row.address);
  }
  return often;
}

/** Forgets contacts of before `before` (UTC ms): they are personal data, and no cap looks back that far. Returns how many. */
export async function forgetContacted(tx: Tx, before: number): Promise<number> {
  const result = await tx.db.deleteFrom("contacted").where("tenant", "=", tx.tenant).where("at", "<", before).executeTakeFirst();
  return Number(result.numDeletedRows);
}

function chunks<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / A_STATEMENT) }, (_, i) => all.slice(i * A_STATEMENT, (i + 1) * A_STATEMENT));
}
