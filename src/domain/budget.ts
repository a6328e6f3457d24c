/** Budget scopes and levels. A hold is taken in every scope or in none. */

import type { Nano } from "./money.ts";
import type { Priority } from "./goal.ts";

const SCOPE_KINDS = ["call", "task", "goal", "day", "month"] as const;
export type ScopeKind = (typeof SCOPE_KINDS)[number];

export type Caps = { readonly call: Nano; readonly task: Nano; readonly goal: Nano; readonly day: Nano; readonly month: Nano };

/** A scope that is kept as a row: the call's own cap needs none. */
export type Scope = { readonly kind: Exclude<ScopeKind, "call">; readonly id: string; readonly cap: Nano };

export type ScopeState = Scope & { readonly spent: Nano; readonly held: Nano; readonly allowed: Nano };

export const LEVELS = ["normal", "warning", "tight", "critical", "exhausted"] as const;
export type BudgetLevel = (typeof LEVELS)[number];

/** 80 % warns; 90 % lets only P0 and P1 work; 95 % only P0, on cheaper models; 100 % stops and asks. */
export function budgetLevel(share: number): BudgetLevel {
  if (share >= 1) return "exhausted";
  if (share >= 0.95) return "critical";
  if (share >= 0.9) return "tight";
  return share >= 0.8 ? "warning" : "normal";
}

export function mayWork(level: BudgetLevel, priority: Priority): boolean {
  if (level === "exhausted") return false;
  if (level === "critical") return priority === "P0";
  return level !== "tight" || priority === "P0" || priority === "P1";
}

/** Spent and held as a share of the cap (with what a person allowed on top); a cap of 0 is full. */
export function shareUsed(scope: Pick<ScopeState, "spent" | "held" | "cap" | "allowed">): number {
  const cap = scope.cap + scope.allowed;
  return cap <= 0 ? 1 : (scope.spent + scope.held) / cap;
}

/** Keys of the periods that an instant (UTC ms) belongs to. */
export function periods(at: number): { day: string; month: string } {
  const day = new Date(at).toISOString().slice(0, 10);
  return { day, month: day.slice(0, 7) };
}
