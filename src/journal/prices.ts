/** Prices: the only place that turns tokens into money. An unknown model or date is an error, never free. */

import type { Usage } from "../domain/call.ts";
import { nano, type Nano } from "../domain/money.ts";
import type { ModelsFile, Price } from "../domain/registry.ts";

export class PriceError extends Error {
  readonly code = "unknown_price";
}

/** The price of a model at an instant (UTC ms): the newest that has begun. Throws PriceError for an unknown model or too early a date. */
export function priceAt(models: ModelsFile, model: string, at: number): Price {
  const entry = models.models[model];
  if (!entry) throw new PriceError(`no price for model "${model}": add it to .agents/models.yaml`);
  const day = new Date(at).toISOString().slice(0, 10);
  const begun = entry.prices.filter((candidate) => candidate.from <= day).sort((a, b) => (a.from < b.from ? 1 : -1));
  const price = begun[0];
  if (!price)
    throw new PriceError(`no price for model "${model}" on ${day}: its first price begins later (see .agents/models.yaml)`);
  return price;
}

type Rates = Pick<Price, "input" | "output" | "cache_write_5m" | "cache_write_1h" | "cache_read">;

/** A long prompt (input, reads and writes together) moves the whole request to other rates, output included. */
function ratesFor(price: Price, promptTokens: number): Rates {
  return price.long_prompt && promptTokens > price.long_prompt.over ? price.long_prompt : price;
}

/** The share of every rate that a call in a batch is billed at on that day (UTC ms); null when none is known: nothing is batched then. */
export function batchShareAt(models: Pick<ModelsFile, "batch">, at: number): number | null {
  const day = new Date(at).toISOString().slice(0, 10);
  const begun = (models.batch ?? []).filter((entry) => entry.from <= day).sort((a, b) => (a.from < b.from ? 1 : -1));
  return begun[0]?.share ?? null;
}

/** What a reply cost. Rates are USD per million tokens; `share` of them is paid (a batch's). */
export function costOf(usage: Usage, price: Price, share = 1): Nano {
  const rates = ratesFor(price, usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h);
  return nano(
    ((usage.input * rates.input +
      usage.output * rates.output +
      usage.cacheRead * rates.cache_read +
      usage.cacheWrite5m * rates.cache_write_5m +
      usage.cacheWrite1h * rates.cache_write_1h) /
      1_000_000) *
      share,
  );
}

/** A request's bytes by the dearest way in which the prompt cache lets each be billed. */
export type BytesByMark = { readonly plain: number; readonly "5m": number; readonly "1h": number };

/**
 * The most that a request can cost: a token is at least a byte, each at the dearest rate that its breakpoints allow, and all of
 * the output it may write.
 */
export function worstCost(bytes: BytesByMark, maxTokens: number, price: Price, share = 1): Nano {
  const rates = ratesFor(price, bytes.plain + bytes["5m"] + bytes["1h"]);
  // What could be written may be read or count as plain input all the same.
  const plain = Math.max(rates.input, rates.cache_read);
  const five = Math.max(plain, rates.cache_write_5m);
  const hour = Math.max(five, rates.cache_write_1h);
  const prompt = bytes.plain * plain + bytes["5m"] * five + bytes["1h"] * hour;
  return nano(((prompt + maxTokens * rates.output) / 1_000_000) * share);
}
