/** Money: whole nano-dollars inside (a cached token of a small model costs 10), USD at the edges. */

export type Nano = number;

export const NANO_PER_USD = 1_000_000_000;

/** USD to nano-dollars, rounded up, so that a hold is never too small. Throws on what is not a finite number ≥ 0. */
export function nano(usd: number): Nano {
  if (!Number.isFinite(usd) || usd < 0) throw new RangeError(`not an amount of money: ${usd}`);
  const exact = usd * NANO_PER_USD;
  const whole = Math.round(exact);
  // What differs from a whole number only through binary fractions is that number: 1.1 × 1e9 must not become 1100000001.
  return Math.abs(exact - whole) <= whole * 1e-14 ? whole : Math.ceil(exact);
}

export function usd(amount: Nano): number {
  return amount / NANO_PER_USD;
}

/** For people: `$0.0042` below a cent, `$1.23` above. */
export function dollars(amount: Nano): string {
  const value = usd(amount);
  if (value !== 0 && Math.abs(value) < 0.01) return `$${value.toFixed(4)}`;
  return `$${value.toFixed(2)}`;
}
