/** The audit of the money: what every budget scope counts must be what its calls add up to. */

import { sql } from "kysely";
import { z } from "zod";
import { usd, type Nano } from "../domain/money.ts";
import type { Read } from "../store/store.ts";

const scopeKeys = z.array(z.object({ kind: z.string(), id: z.string() }));

type Sums = { spent: Nano; held: Nano };

/** The scopes whose counters differ from their calls' rows, a sentence each; none is an empty list. Changes nothing. */
export async function auditScopes(read: Read): Promise<string[]> {
  // One statement, so that both sides are of the same moment while others work.
  const rows = await read.db
    .selectFrom("scopes")
    .select(["kind", "id", "rehearsal", "spent", "held"])
    .where("tenant", "=", read.tenant)
    .unionAll((from) =>
      from
        .selectFrom("calls")
        .select([
          sql<string>`'calls'`.as("kind"),
          "scopes as id",
          "rehearsal",
          sql<number>`sum(case when state in ('settled', 'released') then cost else 0 end)`.as("spent"),
          sql<number>`sum(case when state in ('held', 'unknown') then hold else 0 end)`.as("held"),
        ])
        .where("tenant", "=", read.tenant)
        .groupBy(["scopes", "rehearsal"]),
    )
    .execute();
  const counted = new Map<string, Sums>();
  const added = new Map<string, Sums>();
  for (const row of rows) {
    if (row.kind !== "calls") {
      counted.set(nameOf(row.kind, row.id, row.rehearsal), row);
      continue;
    }
    for (const scope of scopeKeys.parse(JSON.parse(row.id))) {
      const name = nameOf(scope.kind, scope.id, row.rehearsal);
      const before = added.get(name) ?? NOTHING;
      added.set(name, { spent: before.spent + row.spent, held: before.held + row.held });
    }
  }
  return [...new Set([...counted.keys(), ...added.keys()])].sort().flatMap((name) => {
    const counter = counted.get(name) ?? NOTHING;
    const calls = added.get(name) ?? NOTHING;
    return counter.spent === calls.spent && counter.held === calls.held
      ? []
      : [`${name} counts ${words(counter)}, its calls add up to ${words(calls)}`];
  });
}

const NOTHING: Sums = { spent: 0, held: 0 };

function nameOf(kind: string, id: string, rehearsal: number): string {
  return `${kind} ${id}${rehearsal === 1 ? " (rehearsal)" : ""}`;
}

function words({ spent, held }: Sums): string {
  return `${exactly(spent)} spent and ${exactly(held)} held`;
}

/** To the last digit: a difference may be smaller than what is shown for people. */
function exactly(amount: Nano): string {
  return `$${usd(amount)
    .toFixed(9)
    .replace(/\.?0+$/, "")}`;
}
