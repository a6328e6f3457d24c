/** Why a hold is refused: thrown inside of its transaction, so that nothing is left behind, and told to the call's author. */

import { shareUsed, type BudgetLevel, type ScopeState } from "../domain/budget.ts";
import type { Priority } from "../domain/goal.ts";
import { dollars, type Nano } from "../domain/money.ts";
import type { Stopped, StopWhy } from "./outcome.ts";

/** What a cap did not let through; null when no cap refused. */
export type CapHit = { readonly scope: string; readonly cap: Nano; readonly needed: Nano };

export class Refused extends Error {
  readonly code = "refused";
  readonly stopped: Stopped;
  readonly hit: CapHit | null;
  constructor(why: StopWhy, detail: string, cause: { scope?: ScopeState; hit?: CapHit } = {}) {
    super(detail);
    this.stopped = { kind: "stopped", why, detail, ...(cause.scope ? { scope: cause.scope } : {}) };
    this.hit = cause.hit ?? null;
  }
}

export function callTooDear(amount: Nano, cap: Nano): Refused {
  const detail = `this one call could cost ${dollars(amount)}, the cap of a call is ${dollars(cap)} (BUDGET_CALL)`;
  return new Refused("budget", detail, { hit: { scope: "call", cap, needed: amount } });
}

export function scopeFull(scope: ScopeState, needed: Nano): Refused {
  const held = scope.held > 0 ? ` and ${dollars(scope.held)} held` : "";
  const cap = scope.cap + scope.allowed;
  const detail = `the budget of the ${SETTINGS[scope.kind]} is ${dollars(cap)}: ${dollars(scope.spent)} spent${held}, the next call may need ${dollars(needed)}`;
  return new Refused("budget", detail, { scope, hit: { scope: scope.kind, cap, needed } });
}

export function levelReached(scope: ScopeState, level: BudgetLevel, priority: Priority): Refused {
  const who = level === "exhausted" ? "everything waits" : level === "critical" ? "only P0 goes on" : "only P0 and P1 go on";
  const detail = `the budget of the ${SETTINGS[scope.kind]} is ${Math.floor(shareUsed(scope) * 100)} % used: ${who}, this goal is ${priority}`;
  return new Refused("budget", detail, { scope, hit: { scope: scope.kind, cap: scope.cap + scope.allowed, needed: 0 } });
}

const SETTINGS = {
  task: "task (BUDGET_TASK)",
  goal: "goal (--budget or BUDGET_GOAL)",
  day: "day (BUDGET_DAILY)",
  month: "month (BUDGET_MONTHLY)",
} as const;
