/** The machine that figures were measured on, and how much of it others took meanwhile. */

import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";

export type Machine = { readonly cpu: string; readonly cores: number; readonly bun: string };

export function thisMachine(): Machine {
  return { cpu: cpus()[0]?.model.trim() ?? "", cores: cpus().length, bun: Bun.version };
}

export const loadNow = () => Number((loadavg()[0] ?? 0).toFixed(1));

/** A share of the processors above which others are in the way. */
const OTHERS = 0.2;

/** Why the times cannot be trusted, in a word or two; null on a quiet machine. `others`: see othersSince. */
export function noiseOf({ load, others, cores }: { load: number; others: number | null; cores: number }): string | null {
  if (load > cores) return `load ${load.toFixed(1)}`;
  return others !== null && others > OTHERS ? `others took ${Math.round(others * 100)} % of the processors` : null;
}

/**
 * Begins to watch; the function says what share of all processor time since then went to processes that are not ours, 0 to 1.
 * Null where the system does not say. A child of ours counts as ours once it has ended.
 */
export function othersSince(): () => number | null {
  const before = ticks();
  return () => {
    const after = ticks();
    if (!before || !after || after.all <= before.all) return null;
    const others = after.busy - before.busy - (after.own - before.own);
    return Math.max(0, others / (after.all - before.all));
  };
}

/** Clock ticks since the start of the system, and of this process with its children that have ended. */
function ticks(): { all: number; busy: number; own: number } | null {
  try {
    const [first = ""] = readFileSync("/proc/stat", "utf8").split("\n");
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = numbers(first.replace("cpu", ""));
    const busy = user + nice + system + irq + soft + steal;
    // Behind the name, which may hold anything: the fields from the third on.
    const own = numbers(readFileSync("/proc/self/stat", "utf8").replace(/^.*\) \S+ /s, "")).slice(10, 14);
    return { all: busy + idle + wait, busy, own: own.reduce((sum, n) => sum + n, 0) };
  } catch {
    return null;
  }
}

const numbers = (text: string) => text.trim().split(/\s+/).map(Number);
