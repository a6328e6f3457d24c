/** Prices that follow from other prices: twelve times, a month's part, less a discount. */

import type { Figure } from "./figures.ts";
import { fit } from "./fit.ts";
import type { Weigh } from "./weigh.ts";

const near = (a: number, b: number) => Math.abs(a - b) <= Math.max(0.006, 0.0011 * b);
const REDUCED = /%|\b(?:less|off|instead of|sav\w+|offer|discount|reduced|with that|becomes)\b/i;

/** A multiple, a share, a difference or a month's part of a price that stands above, with the numbers to work it out in the same passage. */
export function workedOut(
  figure: Figure,
  above: readonly Figure[],
  beside: readonly Figure[],
  discounts: readonly Figure[],
): boolean {
  if (figure.roles.has("price:part")) return false;
  const { amount, roles, passage } = figure;
  const factors = beside
    .flatMap(({ kind, amount: count, text }) =>
      kind === "count" ? [count] : kind === "duration" ? [Number.parseInt(text, 10), Math.round(count / (365 / 12))] : [],
    )
    .filter((factor) => factor > 1);
  const others = beside.filter((other) => other.kind === "money" && other !== figure).map((other) => other.amount);
  // Less a discount only where the passage, or one just before it, speaks of one.
  const reduced = [passage.said, ...passage.before.slice(-1)].some((said) => REDUCED.test(said));
  const rates = reduced ? discounts.map((discount) => 1 - discount.amount / 100) : [];
  return above
    .filter((other) => other.plan === "" || figure.plan === "" || other.plan === figure.plan)
    .some((base) => {
      if (near(amount, base.amount / 12) && !base.roles.has("per:month") && !roles.has("paid:month")) return true;
      if (others.some((other) => near(amount, base.amount - other))) return true;
      if (rates.some((rate) => near(amount, base.amount * rate))) return true;
      return factors.some((factor) =>
        [1, ...rates].some((rate) => near(amount, base.amount * factor * rate) || near(amount, (base.amount * rate) / factor)),
      );
    });
}

/**
 * A plan's bill is its price times one of the numbers that are said of the plan. Null when this is no bill of a plan; else the price that it
 * is not made of, or null in `right` when it is made of one.
 */
export function billOf(figure: Figure, above: readonly Figure[], figures: readonly Figure[]): { right: Figure | null } | null {
  if (!figure.roles.has("price:bill") || figure.plan === "") return null;
  const monthly = figure.roles.has("per:month");
  const prices = above.filter(
    (other) => other.plan === figure.plan && fit(figure, other, false) && !other.side && other.roles.has("per:month") === monthly,
  );
  const counts = figures
    .filter(({ kind, plan, passage }) => kind === "count" && (plan === figure.plan || passage === figure.passage))
    .map(({ amount }) => amount);
  const [first] = prices;
  if (!first || counts.length === 0) return null;
  return { right: prices.some(({ amount }) => counts.some((count) => near(figure.amount, count * amount))) ? null : first };
}

/** What is saved is a difference of two prices or the discount's share of one. The discount that it is not, or null. */
export function notSaved(figure: Figure, above: readonly Figure[], discounts: readonly Figure[], weigh: Weigh): Figure | null {
  const prices = above.filter(({ roles, side }) => !side && !roles.has("price:saving")).map(({ amount }) => amount);
  const best = discounts
    .filter(({ side, old }) => !side && !old)
    .map((discount) => ({ discount, weight: weigh(figure.near, discount.near) + 0.5 * weigh(figure.wide, discount.wide) }))
    .sort((a, b) => b.weight - a.weight)[0];
  if (!best || best.weight < 0.9) return null;
  const follows = prices.some(
    (price) =>
      near(figure.amount, (price * best.discount.amount) / 100) || prices.some((other) => near(figure.amount, price - other)),
  );
  return follows ? null : best.discount;
}
