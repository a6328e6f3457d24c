/** Whether two figures agree, and whether they can be about the same thing at all. */

import type { Figure } from "./figures.ts";

/** Equal as far as both are exact: rounded numbers fit, months are about thirty days. */
export function agree(a: Figure, b: Figure): boolean {
  // Four dollars for a million are not four dollars for a thousand.
  if (a.per > 0 && b.per > 0 && a.per !== b.per) return false;
  if (a.kind === "date")
    return (
      [b.amount, b.other].some((day) => day === a.amount || day === a.other) &&
      (a.year === "" || b.year === "" || a.year === b.year)
    );
  if (a.amount === b.amount) return true;
  const [low, high] = a.amount < b.amount ? [a.amount, b.amount] : [b.amount, a.amount];
  if (high === 0) return false;
  const off = (high - low) / high;
  if (a.kind === "money") return off < 0.002 || (a.bound === "about" && off < 0.06);
  if (a.kind === "duration") return off < 0.021 || (high > 300 && off < 0.03);
  if (a.kind === "discount") return high - low < 0.6;
  if (a.unit.endsWith("~") || b.unit.endsWith("~")) return high - low < (a.bound === "" ? 1 : 3);
  if (a.kind === "count") {
    if (a.bound === "over" || b.bound === "over")
      return off < 0.15 && (a.bound === "over" ? a.amount < b.amount : b.amount < a.amount);
    if (a.bound === "about" || b.bound === "about") return off < 0.1;
    return high >= 100 && off < 0.03;
  }
  return a.bound !== "" && off < 0.06;
}

/** Of these a price has all or none that another has, when both are the same price. */
const ALWAYS = ["price:part", "price:saving", "price:delivery", "price:average", "price:extra"];
const STRICTLY = ["price:threshold", "price:sum", "price:low", "if", "change"];
const GROUPS = ["per:", "paid:", "act:", "of:", "time:"];

/** Whether nothing speaks against both being about the same thing. Strictly: not what only one of them says, either. */
export function fit(a: Figure, b: Figure, strictly: boolean): boolean {
  if (a.plan !== "" && b.plan !== "" && a.plan !== b.plan) return false;
  if (!GROUPS.every((group) => meet(a, b, group))) return false;
  if (a.roles.has("of:work") !== b.roles.has("of:work") || a.roles.has("how often") !== b.roles.has("how often")) return false;
  if ((a.bound === "range") !== (b.bound === "range")) return false;
  if (!ALWAYS.every((role) => a.roles.has(role) === b.roles.has(role))) return false;
  if (a.kind === "count" && ![...a.nouns].some((noun) => b.nouns.has(noun))) return false;
  if (!strictly) return true;
  if ((a.bound === "under") !== (b.bound === "under")) return false;
  if (!STRICTLY.every((role) => a.roles.has(role) === b.roles.has(role))) return false;
  if (a.kind === "money") {
    // What is billed by the year is another price than what is paid by the month, even if only one of them says so.
    if (a.roles.has("paid:year") !== b.roles.has("paid:year") && (a.roles.has("per:month") || b.roles.has("per:month")))
      return false;
  }
  // Values of another size are about something else.
  const times = Math.max(a.amount, b.amount) / Math.min(a.amount, b.amount);
  if (a.kind === "duration" && rolesIn(a, "time:").length === 0 && times > 30) return false;
  return a.kind !== "count" || (times <= 12 && placed(a) === placed(b));
}

/** Not said to be for, or billed by, another time. */
export function timed(a: Figure, b: Figure): boolean {
  return meet(a, b, "per:") && meet(a, b, "paid:");
}

/** Each figure is compared with hundreds of others. */
const grouped = new WeakMap<Figure, Map<string, readonly string[]>>();

/** The figure's roles that begin with `group`. */
export function rolesIn(figure: Figure, group: string): readonly string[] {
  const known = grouped.get(figure) ?? new Map<string, readonly string[]>();
  if (known.size === 0) grouped.set(figure, known);
  const before = known.get(group);
  if (before) return before;
  const roles = [...figure.roles].filter((role) => role.startsWith(group));
  known.set(group, roles);
  return roles;
}

function meet(a: Figure, b: Figure, group: string): boolean {
  const [mine, theirs] = [rolesIn(a, group), rolesIn(b, group)];
  return mine.length === 0 || theirs.length === 0 || mine.some((role) => theirs.includes(role));
}

/** "First", "last": which ones of a row are meant. */
function placed(figure: Figure): string {
  return [...figure.mods].filter((mod) => mod.startsWith("the ")).join();
}
