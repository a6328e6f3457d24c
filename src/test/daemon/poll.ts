/**
 * Bounded polling for an outside witness: it stands in another process than what it watches, so no promise and no event of
 * the program reaches it. It asks at a short, even pace until the answer is there, and says in words what never came.
 */

const EVERY_MS = 25;

/** The first answer of `look` that is neither null, undefined nor false. Throws after `limitMs`, with what was last `seen`. */
export async function pollUntil<T>(
  what: string,
  look: () => T | Promise<T>,
  { limitMs = 30_000, everyMs = EVERY_MS, seen = () => "" }: { limitMs?: number; everyMs?: number; seen?: () => unknown } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found as NonNullable<Exclude<T, false>>;
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what} ${String(await seen())}`.trim());
    await Bun.sleep(everyMs);
  }
}
