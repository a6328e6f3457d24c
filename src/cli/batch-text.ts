/** Calls in batches, in words. */

import type { Call } from "../domain/call.ts";
import { dollars, type Nano } from "../domain/money.ts";
import { count } from "../domain/quantity.ts";
import type { InBatches } from "../store/batches.ts";
import { stamp } from "./columns.ts";

/** What a goal waits for, so that nobody takes it for stuck. */
export function inBatchesWords({ calls, since, share }: InBatches): string {
  const price = share === 0.5 ? "half price" : `${Math.round(share * 100)} % of the price`;
  return `${count(calls, "call")} in a batch since ${stamp(since)} UTC, ${price}; a batch is answered within 24 h`;
}

/** What batches saved against the full price. */
export function savedOf(calls: readonly Pick<Call, "cost" | "batchShare">[]): Nano {
  return calls.reduce((sum, { cost, batchShare }) => sum + (batchShare === null ? 0 : Math.round(cost / batchShare) - cost), 0);
}

export function savedWords(calls: readonly Pick<Call, "cost" | "batchShare">[]): string {
  const saved = savedOf(calls);
  return saved === 0 ? "" : ` Batches saved ${dollars(saved)}.`;
}
