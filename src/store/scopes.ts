/** Budget scopes: what is spent and held in each task, goal, day and month, and the level that follows. */

import { budgetLevel, shareUsed, type BudgetLevel, type Scope, type ScopeState } from "../domain/budget.ts";
import type { Nano } from "../domain/money.ts";
import type { Read, Tx } from "./store.ts";

export class HoldRefused extends Error {
  readonly code = "hold_refused";
  readonly scope: ScopeState;
  /** The hold that did not fit. */
  readonly needed: Nano;
  constructor(scope: ScopeState, needed: Nano) {
    super(`the ${scope.kind} budget refuses the hold`);
    this.scope = scope;
    this.needed = needed;
  }
}

/** Emits a level once, when a day's or month's share crosses it (also on the way back). */
export async function noteLevel(tx: Tx, scope: ScopeState, before: string, goalId: string, rehearsal: boolean): Promise<void> {
  if (scope.kind !== "day" && scope.kind !== "month") return;
  const share = shareUsed(scope);
  const level = budgetLevel(share);
  if (level === before) return;
  await tx.db
    .updateTable("scopes")
    .set({ level })
    .where("tenant", "=", tx.tenant)
    .where("kind", "=", scope.kind)
    .where("id", "=", scope.id)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .execute();
  tx.emit({ type: "budget.level", goalId, taskId: null, level, scope: `${scope.kind} ${scope.id}`, share }, { rehearsal });
}

export async function scopeState(read: Read, scope: Scope, rehearsal: boolean): Promise<ScopeState> {
  const row = await read.db
    .selectFrom("scopes")
    .select(["spent", "held", "allowed"])
    .where("tenant", "=", read.tenant)
    .where("kind", "=", scope.kind)
    .where("id", "=", scope.id)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .executeTakeFirst();
  return { ...scope, spent: row?.spent ?? 0, held: row?.held ?? 0, allowed: row?.allowed ?? 0 };
}

/** Lets a scope take `amount` more than its cap. */
export async function allowInScope(tx: Tx, scope: Pick<Scope, "kind" | "id">, amount: Nano, rehearsal: boolean): Promise<void> {
  const flag = rehearsal ? 1 : 0;
  await tx.db
    .insertInto("scopes")
    .values({
      tenant: tx.tenant,
      kind: scope.kind,
      id: scope.id,
      rehearsal: flag,
      spent: 0,
      held: 0,
      allowed: amount,
      level: "normal",
    })
    .onConflict((conflict) =>
      conflict
        .columns(["tenant", "kind", "id", "rehearsal"])
        .doUpdateSet((eb) => ({ allowed: eb("scopes.allowed", "+", amount) })),
    )
    .execute();
}

/** The worst level of the scopes given. */
export async function worstLevel(
  read: Read,
  scopes: readonly Scope[],
  rehearsal: boolean,
): Promise<{ level: BudgetLevel; scope: ScopeState | null }> {
  let worst: { share: number; scope: ScopeState | null } = { share: 0, scope: null };
  for (const scope of scopes) {
    const state = await scopeState(read, scope, rehearsal);
    const share = shareUsed(state);
    if (share > worst.share) worst = { share, scope: state };
  }
  return { level: budgetLevel(worst.share), scope: worst.scope };
}

/** Cost of each goal (spent, and what is held or unknown), by goal id. */
export async function costsOfGoals(read: Read, goalIds: readonly string[]): Promise<Map<string, { spent: Nano; held: Nano }>> {
  if (goalIds.length === 0) return new Map();
  const rows = await read.db
    .selectFrom("scopes")
    .select(["id", "spent", "held"])
    .where("tenant", "=", read.tenant)
    .where("kind", "=", "goal")
    .where("id", "in", [...goalIds])
    .execute();
  return new Map(rows.map((row) => [row.id, { spent: row.spent, held: row.held }]));
}

export async function listScopes(
  read: Read,
  kind: Scope["kind"],
  rehearsal: boolean,
): Promise<{ id: string; spent: Nano; held: Nano; allowed: Nano }[]> {
  return read.db
    .selectFrom("scopes")
    .select(["id", "spent", "held", "allowed"])
    .where("tenant", "=", read.tenant)
    .where("kind", "=", kind)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .orderBy("id")
    .execute();
}
