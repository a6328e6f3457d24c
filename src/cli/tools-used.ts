/** What `tools list` says of vendors' units and dollars: used, of what each account may. */

import type { RuntimeConfig } from "../config.ts";
import { dollars, usd, type Nano } from "../domain/money.ts";
import { outsideByServer, type OutsideSum, type ServerUse } from "../store/outside-use.ts";
import { StoreError } from "../store/store.ts";
import type { ToolEntry } from "../tools/entries.ts";
import { outsideLimits } from "../tools/limits.ts";
import { note, oneLine } from "./output.ts";
import { openStoreThere } from "./store-there.ts";

const isCounted = ({ limits }: ToolEntry) => limits.units !== undefined || limits.usd !== undefined;
const NO_USE: OutsideSum = { calls: 0, units: 0, cost: 0 };

/** What the store has counted, where a server has limits or a price; a store that is away is no reason not to list. */
export async function usedOutside(config: RuntimeConfig, entries: readonly ToolEntry[]): Promise<ServerUse[]> {
  if (!entries.some(isCounted)) return [];
  try {
    const store = await openStoreThere(config);
    if (store === null) return [];
    try {
      return await store.read((read) => outsideByServer(read, read.now));
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    note(`What was used is not known: ${error.message}.`);
    return [];
  }
}

/** Null for a server that nothing is counted of. */
export function useJson(entry: ToolEntry, used: readonly ServerUse[]) {
  if (!isCounted(entry)) return null;
  const use = used.find((one) => one.server === entry.name);
  const sum = ({ calls, units, cost }: OutsideSum = NO_USE) => ({ calls, units, usd: usd(cost) });
  return { today: sum(use?.today), month: sum(use?.month) };
}

/** One row an account that is counted: what is used, of what it may. */
export function usageRows(entries: readonly ToolEntry[], used: readonly ServerUse[]): string[][] {
  const accounts = Map.groupBy(entries, (entry) => entry.credential);
  return [...accounts.values()]
    .filter((account) => account.some(isCounted))
    .map((account) => {
      const mine = used.filter((one) => account.some((entry) => entry.name === one.server));
      const { unitsPerDay, costPerDay, costPerMonth } = outsideLimits(account);
      const of = (period: "today" | "month", limits: { units: number | null; cost: Nano | null }) => {
        const sum = (key: "units" | "cost") => mine.reduce((all, one) => all + one[period][key], 0);
        const word = (n: number, limit: number | null, text: (n: number) => string) =>
          limit === null ? (n === 0 ? [] : [text(n)]) : [`${text(n).replace(/ units$/, "")} of ${text(limit)}`];
        const parts = [
          ...word(sum("units"), limits.units, (n) => `${n.toLocaleString("en")} units`),
          ...word(sum("cost"), limits.cost, dollars),
        ];
        return parts.length === 0 ? "-" : parts.join(", ");
      };
      return [
        oneLine(account.map((entry) => entry.name).join(" and "), 60),
        of("today", { units: unitsPerDay, cost: costPerDay }),
        of("month", { units: null, cost: costPerMonth }),
      ];
    });
}
