/** Contradictions between a goal's texts in the store. */

import { sql, type Selectable } from "kysely";
import type { Contradiction } from "../domain/contradiction.ts";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";

function toContradiction(row: Selectable<Schema["contradictions"]>): Contradiction {
  return {
    id: row.id,
    goalId: row.goal_id,
    kind: row.kind,
    subject: row.subject,
    foundBy: row.found_by === "model" ? "model" : "code",
    wrongTaskId: row.wrong_task_id,
    wrongQuote: row.wrong_quote,
    rightSource: row.right_source,
    rightQuote: row.right_quote,
    note: row.note,
    status: row.status === "fixed" ? "fixed" : "open",
    createdAt: row.created_at,
  };
}

export async function addContradictions(tx: Tx, found: readonly Omit<Contradiction, "createdAt">[]): Promise<void> {
  if (found.length === 0) return;
  await tx.db
    .insertInto("contradictions")
    .values(
      found.map((entry) => ({
        tenant: tx.tenant,
        id: entry.id,
        goal_id: entry.goalId,
        kind: entry.kind,
        subject: entry.subject,
        found_by: entry.foundBy,
        wrong_task_id: entry.wrongTaskId,
        wrong_quote: entry.wrongQuote,
        right_source: entry.rightSource,
        right_quote: entry.rightQuote,
        note: entry.note,
        status: entry.status,
        created_at: tx.now,
      })),
    )
    .execute();
}

/** In the order in which they were found. */
export async function contradictionsOf(read: Read, goalId: string): Promise<Contradiction[]> {
  const rows = await read.db
    .selectFrom("contradictions")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("goal_id", "=", goalId)
    // (See tasksOfGoal.)
    .orderBy(sql`id || ''`)
    .execute();
  return rows.map(toContradiction);
}

export async function markFixed(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.db
    .updateTable("contradictions")
    .set({ status: "fixed" })
    .where("tenant", "=", tx.tenant)
    .where("id", "in", [...ids])
    .execute();
}
