/** What the use of vendors takes, by day and server: counted in the store before the wire is touched, against what tools.yaml allows. */

import { sql } from "kysely";
import { periods } from "../domain/budget.ts";
import { dollars, type Nano } from "../domain/money.ts";
import type { Read, Tx } from "./store.ts";

/** One use, and the limits of its account. */
export type OutsideUse = {
  readonly server: string;
  /** The servers with the same credential, itself among them: vendors count per account. */
  readonly account: readonly string[];
  /** What it takes. */
  readonly units: number;
  /** Nano-dollars, at most. */
  readonly cost: Nano;
  /** Of the account, in a UTC day or month; null: not limited. */
  readonly limits: OutsideLimits;
};
export type OutsideLimits = {
  readonly unitsPerDay: number | null;
  readonly costPerDay: Nano | null;
  readonly costPerMonth: Nano | null;
};

/** `at` (UTC ms): when there is room again; `why`: a clause that says what is used up and when it begins anew. */
export type UsedUp = { readonly at: number; readonly why: string };
export type Charged = { readonly day: string } | UsedUp;

/**
 * Counts one use, or says why it does not fit: then nothing is counted. Whatever becomes of the use, it stays counted until
 * `giveBackUse`. On PostgreSQL as on SQLite two at the same moment follow each other.
 */
export async function chargeUse(tx: Tx, use: OutsideUse): Promise<Charged> {
  if (tx.engine === "postgres")
    await sql`select pg_advisory_xact_lock(hashtextextended(${`marketeam outside ${tx.tenant}`}, 0))`.execute(tx.db);
  const { day } = periods(tx.now);
  const full = await usedUp(tx, use);
  if (full) return full;
  await add(tx, { day, server: use.server, calls: 1, units: use.units, cost: use.cost });
  return { day };
}

/** Takes back the count of a use that never left. `day` is that of the charge. */
export async function giveBackUse(tx: Tx, use: OutsideUse, day: string): Promise<void> {
  await add(tx, { day, server: use.server, calls: -1, units: -use.units, cost: -use.cost });
}

type Row = { readonly day: string; readonly server: string; readonly calls: number; readonly units: number; readonly cost: Nano };

async function add(tx: Tx, row: Row): Promise<void> {
  await tx.db
    .insertInto("outside_use")
    .values({ tenant: tx.tenant, ...row })
    .onConflict((conflict) =>
      conflict.columns(["tenant", "day", "server"]).doUpdateSet((eb) => ({
        calls: eb("outside_use.calls", "+", eb.ref("excluded.calls")),
        units: eb("outside_use.units", "+", eb.ref("excluded.units")),
        cost: eb("outside_use.cost", "+", eb.ref("excluded.cost")),
      })),
    )
    .execute();
}

async function usedUp(tx: Tx, { account, units, cost, limits }: OutsideUse): Promise<UsedUp | null> {
  const { unitsPerDay, costPerDay, costPerMonth } = limits;
  if (unitsPerDay === null && costPerDay === null && costPerMonth === null) return null;
  const { day, month } = periods(tx.now);
  const rows = (await outsideUse(tx, { from: `${month}-01`, to: day })).filter((row) => account.includes(row.server));
  const sum = (of: "units" | "cost", from: string) => rows.reduce((all, row) => all + (row.day >= from ? row[of] : 0), 0);
  const number = (n: number) => n.toLocaleString("en");
  const checks = [
    { limit: unitsPerDay, used: sum("units", day), takes: units, period: "day", words: number, of: " units" },
    { limit: costPerDay, used: sum("cost", day), takes: cost, period: "day", words: dollars, of: "" },
    { limit: costPerMonth, used: sum("cost", `${month}-01`), takes: cost, period: "month", words: dollars, of: "" },
  ] as const;
  const name = account.join(" and ");
  // The longest wait of all that are used up: before it there is no room.
  for (const { limit, used, takes, period, words, of } of checks.toReversed()) {
    // What takes nothing of it always fits.
    if (limit === null || takes === 0 || used + takes <= limit) continue;
    const again = period === "day" ? "tomorrow" : "next month";
    return {
      at: nextStart(tx.now, period),
      why:
        takes > limit
          ? `one use of ${name} takes ${words(takes)}${of}, more than the ${period}'s ${words(limit)}`
          : `the ${period}'s ${words(limit)}${of} of ${name} are used up (${words(used)} so far, this takes ${words(takes)}); ${again} again (UTC)`,
    };
  }
  return null;
}

function nextStart(now: number, period: "day" | "month"): number {
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  return period === "day" ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1);
}

/** What was used on these UTC days (both included), by day and server; nothing where nothing was. */
export async function outsideUse(read: Read, { from, to }: { readonly from: string; readonly to: string }): Promise<Row[]> {
  return read.db
    .selectFrom("outside_use")
    .select(["day", "server", "calls", "units", "cost"])
    .where("tenant", "=", read.tenant)
    .where("day", ">=", from)
    .where("day", "<=", to)
    .orderBy("day")
    .orderBy("server")
    .execute();
}

export type OutsideSum = { readonly calls: number; readonly units: number; readonly cost: Nano };
export type ServerUse = { readonly server: string; readonly today: OutsideSum; readonly month: OutsideSum };

/** Of each server, on the UTC day of `now` and in its month up to it: only servers that were used in the month. */
export async function outsideByServer(read: Read, now: number): Promise<ServerUse[]> {
  const { day, month } = periods(now);
  const rows = (await outsideUse(read, { from: `${month}-01`, to: day })).filter(
    ({ calls, units, cost }) => calls || units || cost,
  );
  return [...Map.groupBy(rows, (row) => row.server)]
    .map(([server, list]) => ({ server, today: sumOf(list.filter((row) => row.day === day)), month: sumOf(list) }))
    .sort((a, b) => (a.server < b.server ? -1 : 1));
}

function sumOf(rows: readonly OutsideSum[]): OutsideSum {
  const sum = (of: keyof OutsideSum) => rows.reduce((all, row) => all + row[of], 0);
  return { calls: sum("calls"), units: sum("units"), cost: sum("cost") };
}
