/** The winner among several versions: every pair compared, a win one point, a tie half a point. Data in, data out. */

import type { Comparison } from "./compare.ts";

export type Ranking = {
  readonly winner: string;
  /** True when no other has as many points. */
  readonly clear: boolean;
  readonly points: ReadonlyMap<string, number>;
  /** Why, in the judge's words; or that none was clearly better. */
  readonly reason: string;
};

/** All pairs of names, each once. */
export function pairsOf<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((a, i) => items.slice(i + 1).map((b): [T, T] => [a, b]));
}

/** Most points wins; among equals the one that beat the others of them; then the first named. `names` is not empty. */
export function rankingOf(names: readonly string[], comparisons: readonly Comparison[]): Ranking {
  const points = new Map(names.map((name) => [name, 0]));
  const add = (name: string, value: number) => points.set(name, (points.get(name) ?? 0) + value);
  for (const { a, b, winner } of comparisons) {
    if (winner === null) {
      add(a, 0.5);
      add(b, 0.5);
    } else add(winner, 1);
  }
  const most = Math.max(...points.values());
  const top = names.filter((name) => points.get(name) === most);
  const beatsTheRest = (name: string) =>
    top.every((other) => other === name || comparisons.some((one) => one.winner === name && [one.a, one.b].includes(other)));
  const winner = top.find(beatsTheRest) ?? top[0] ?? "";
  const reasons = comparisons.filter((one) => one.winner === winner).map((one) => one.reason);
  const clear = top.length === 1 || (top.length > 1 && beatsTheRest(winner));
  return {
    winner,
    clear,
    points,
    reason:
      reasons.length > 0 && clear ? [...new Set(reasons)].join(" ") : "none was clearly better; the first of the best is taken",
  };
}
