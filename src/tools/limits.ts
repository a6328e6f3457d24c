/** What a vendor's units and dollars allow: each read is counted in the store before it leaves, and refused there when it does not fit. */

import { nano, type Nano } from "../domain/money.ts";
import { chargeUse, giveBackUse, type OutsideLimits, type OutsideUse } from "../store/outside-use.ts";
import type { Store } from "../store/store.ts";
import type { ToolEntry } from "./entries.ts";
import type { ToolServer } from "./server.ts";

type Limited = Pick<ToolEntry, "name" | "credential" | "limits">;

/**
 * What one use of a server takes. `cost` is what is known of this one (nano-dollars), else the entry's price counts. Null: its
 * account has neither limit nor price, and the use costs nothing that is known.
 */
export function useOf(entries: readonly Limited[], server: string, cost: Nano | null = null): OutsideUse | null {
  const mine = entries.find((entry) => entry.name === server);
  const account = mine ? entries.filter((entry) => entry.credential === mine.credential) : [];
  const { units, usd } = mine?.limits ?? {};
  const counted = account.some(({ limits }) => limits.units !== undefined || limits.usd !== undefined);
  if (!counted && !cost) return null;
  return {
    server,
    account: mine ? account.map((entry) => entry.name) : [server],
    // Where nothing is sold by the unit, none is used.
    units: account.some(({ limits }) => limits.units !== undefined) ? (units?.perCall ?? 1) : 0,
    cost: cost ?? nano(usd?.perCall ?? 0),
    limits: outsideLimits(account),
  };
}

/** Of an account. Given by several of its servers, the smallest counts. */
export function outsideLimits(account: readonly Pick<ToolEntry, "limits">[]): OutsideLimits {
  const least = (of: (limits: ToolEntry["limits"]) => number | undefined) => {
    const given = account.flatMap(({ limits }) => of(limits) ?? []);
    return given.length === 0 ? null : Math.min(...given);
  };
  const money = (usd: number | null) => (usd === null ? null : nano(usd));
  return {
    unitsPerDay: least(({ units }) => units?.perDay),
    costPerDay: money(least(({ usd }) => usd?.perDay)),
    costPerMonth: money(least(({ usd }) => usd?.perMonth)),
  };
}

/**
 * The server, with each call counted first. One that does not fit is `unsent`, with the reason. An action's call carries its key:
 * it was counted when it was committed as sent.
 */
export function limitedServer(server: ToolServer, use: OutsideUse, store: Pick<Store, "write">): ToolServer {
  return {
    ...server,
    async call(tool, args, options) {
      if (options.idempotencyKey !== undefined) return server.call(tool, args, options);
      const charged = await store.write("tool.charge", (tx) => chargeUse(tx, use));
      if ("why" in charged) return { kind: "unsent", detail: charged.why };
      const answer = await server.call(tool, args, options);
      if (answer.kind === "unsent") await store.write("tool.refund", (tx) => giveBackUse(tx, use, charged.day));
      return answer;
    },
  };
}
