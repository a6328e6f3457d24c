/** Figures of one campaign held against each other: which stand for the same thing with another value. */

import { billOf, notSaved, workedOut } from "./arithmetic.ts";
import type { Figure } from "./figures.ts";
import { agree, fit, rolesIn, timed } from "./fit.ts";
import type { Passage } from "./passages.ts";
import type { ReadingKind } from "./readings.ts";
import type { Weigh } from "./weigh.ts";
import { wordsOf } from "./words.ts";

/** A figure, and the one that it should agree with. */
export type Clash = { readonly wrong: Figure; readonly right: Figure };

/** From which likeness on two figures are taken for the same thing: a value that stands nowhere above needs less than one that belongs elsewhere. */
const ENOUGH: Readonly<Record<ReadingKind, readonly [novel: number, known: number]>> = {
  money: [1.2, 2.2],
  discount: [0.9, 2.2],
  date: [1.3, 1.6],
  duration: [1.2, 1.6],
  count: [1.2, 1.6],
  percent: [1, 2],
};
/** The right value under the wrong time, a year's price for a month's, is a slip that needs least. */
const MIXED_UP = 0.9;

type ByPassage = ReadonlyMap<Passage, readonly Figure[]>;

/** At most one clash a figure: with the one above that is most like it. */
export function clashesOf(figures: readonly Figure[], weigh: Weigh): Clash[] {
  const byUnit = Map.groupBy(figures, ({ kind, unit }) => `${kind} ${unit.replace("~", "")}`);
  const byPassage = Map.groupBy(figures, ({ passage }) => passage);
  const rows = Map.groupBy(figures, rowOf);
  const discounts = figures.filter(({ kind }) => kind === "discount");
  const found: Clash[] = [];
  for (const group of byUnit.values()) {
    for (const figure of group) {
      if (figure.side || figure.old || figure.unit === "%~" || figure.amount === 0) continue;
      const { rank } = figure.passage.text;
      const above = group.filter((other) => !other.old && other.passage.text.rank < rank && other.rival === figure.rival);
      if (above.some((other) => agree(figure, other) && fit(figure, other, false) && common(figure, other, weigh))) continue;
      const computed = figure.kind === "money" ? computedClash(figure, above, figures, discounts, byPassage, weigh) : null;
      const clash = computed === "follows" ? null : (computed ?? likelyClash(figure, above, rows, weigh));
      if (clash) found.push(clash);
    }
  }
  return found;
}

/** What arithmetic says of a price that stands nowhere above: that it follows from others, that it should and does not, or nothing (null). */
function computedClash(
  figure: Figure,
  above: readonly Figure[],
  figures: readonly Figure[],
  discounts: readonly Figure[],
  byPassage: ByPassage,
  weigh: Weigh,
): Clash | "follows" | null {
  const bill = billOf(figure, above, figures);
  if (bill) return bill.right ? { wrong: figure, right: bill.right } : "follows";
  // Where a text above gives the price of as many of the same, no arithmetic can stand for it.
  const same = above.find(
    (other) => !agree(figure, other) && !other.side && fit(figure, other, false) && sameCount(figure, other, byPassage),
  );
  if (same) return { wrong: figure, right: same };
  const { text } = figure.passage;
  const known = discounts.filter(({ passage }) => passage.text.rank < text.rank);
  // The first text that speaks of a discount may reckon with it.
  const usable = known.length > 0 ? known : discounts.filter(({ passage }) => passage.text === text);
  if (workedOut(figure, above, byPassage.get(figure.passage) ?? [], usable)) return "follows";
  const saving = figure.roles.has("price:saving") && figure.rival === "" ? notSaved(figure, above, known, weigh) : null;
  return saving && { wrong: figure, right: saving };
}

function likelyClash(
  figure: Figure,
  above: readonly Figure[],
  rows: ReadonlyMap<string, readonly Figure[]>,
  weigh: Weigh,
): Clash | null {
  const beside = (rows.get(rowOf(figure)) ?? []).filter(
    (other) => other !== figure && other.unit === figure.unit && other.kind === figure.kind,
  );
  let best: { right: Figure; score: number } | null = null;
  for (const right of above) {
    // Who gives the other value, too, knows of both.
    if (right.side || agree(figure, right) || beside.some((other) => agree(other, right))) continue;
    const score = likeness(figure, right, weigh);
    if (score > (best?.score ?? 0)) best = { right, score };
  }
  if (best === null) return null;
  const novel = !above.some((other) => agree(figure, other) && timed(figure, other));
  const mixedUp = novel && figure.kind === "money" && above.some((other) => agree(figure, other));
  if (best.score < (mixedUp ? MIXED_UP : ENOUGH[figure.kind][novel ? 0 : 1])) return null;
  return { wrong: figure, right: best.right };
}

/** The sentence, or the whole row of a table. */
function rowOf({ passage }: Figure): string {
  return `${passage.text.name}\n${passage.quote}`;
}

/** Whether anything says that two equal values are about the same thing: by chance they are equal, too. */
function common(a: Figure, b: Figure, weigh: Weigh): boolean {
  if (a.plan !== "" && a.plan === b.plan) return true;
  if ([...a.roles].some((role) => b.roles.has(role)) || [...a.marks].some((mark) => b.marks.has(mark))) return true;
  if (a.clock !== "" && a.clock === b.clock) return true;
  if (b.side) return weigh(a.near, b.near) >= 0.6;
  return weigh(a.near, b.near) >= 0.3 || weigh(a.wide, b.wide) >= 0.5;
}

/** How much speaks for two figures being about the same thing; 0 when something speaks against it. */
function likeness(a: Figure, b: Figure, weigh: Weigh): number {
  if (!fit(a, b, true) || !named(a, b)) return 0;
  const shared = (group: string) => rolesIn(a, group).some((role) => b.roles.has(role));
  const words = weigh(a.near, b.near) + 0.4 * weigh(a.wide, b.wide) + marksIn(a, b);
  // What is said of one plan is not said of all; who names none may mean any.
  const plan =
    a.kind === "discount" && a.plan !== b.plan ? -0.2 : a.plan === b.plan ? (a.plan === "" ? 0 : 1) : a.plan === "" ? -0.3 : -0.6;
  switch (a.kind) {
    case "money": {
      const kinds = ["part", "delivery", "low", "extra"].some(
        (role) => a.roles.has(`price:${role}`) && b.roles.has(`price:${role}`),
      );
      return (
        plan + (shared("per:") ? 0.8 : 0) + (shared("paid:") ? 0.5 : 0) + (shared("each:") ? 0.4 : 0) + (kinds ? 1.2 : 0) + words
      );
    }
    case "date": {
      const clock = a.clock !== "" && a.clock === b.clock ? 0.9 : 0;
      return (shared("act:") ? 0.8 : 0) + (shared("of:") && !a.roles.has("of:work") ? 0.8 : 0) + clock + words;
    }
    case "duration":
      return 0.5 * plan + (shared("time:") ? 1 : rolesIn(a, "time:").length + rolesIn(b, "time:").length > 0 ? -0.8 : 0) + words;
    case "count": {
      const extra =
        [...a.mods].filter((word) => !b.near.has(word)).length + [...b.mods].filter((word) => !a.near.has(word)).length;
      return 0.6 + plan + words - 0.4 * extra + (a.bound === b.bound && a.bound !== "" ? 0.5 : 0);
    }
    case "discount":
      return 0.4 + plan + words;
    default:
      return words;
  }
}

/** Other figures that both sentences have. */
function marksIn(a: Figure, b: Figure): number {
  return Math.min(1, 0.5 * [...a.marks].filter((mark) => b.marks.has(mark)).length);
}

/** A row speaks of what it is called: of another thing, when most words of its name are missing there. */
function named(a: Figure, b: Figure): boolean {
  if (!a.passage.cell) return true;
  const name = [...wordsOf(a.passage.labels[0] ?? "")];
  return name.length < 2 || name.filter((word) => b.wide.has(word)).length / name.length > 0.5;
}

/** "Six visits come to …" beside "six visits together are …". */
function sameCount(a: Figure, b: Figure, byPassage: ReadonlyMap<Figure["passage"], readonly Figure[]>): boolean {
  const counts = (figure: Figure) =>
    (byPassage.get(figure.passage) ?? []).filter(({ kind, bound }) => kind === "count" && bound === "");
  if (a.roles.has("price:extra") || b.roles.has("price:extra"))
    return a.roles.has("price:extra") === b.roles.has("price:extra") && a.plan === b.plan && a.plan !== "";
  return (
    a.roles.has("price:sum") &&
    b.roles.has("price:sum") &&
    counts(a).some((mine) =>
      counts(b).some((theirs) => mine.amount === theirs.amount && [...mine.nouns].some((noun) => theirs.nouns.has(noun))),
    )
  );
}
