/** Versions of one task that were made side by side, winner and losers, in the store. */

import type { Selectable } from "kysely";
import { z } from "zod";
import type { Schema } from "./schema.ts";
import type { Read, Tx } from "./store.ts";

export type Variant = {
  readonly taskId: string;
  readonly revision: number;
  /** 1, 2, … */
  readonly variant: number;
  /** What it was to put first. */
  readonly angle: string;
  readonly body: string;
  readonly missing: readonly string[];
  readonly warnings: readonly string[];
  readonly model: string;
  /** `open` until they are compared; `out` did not pass the structural check. */
  readonly outcome: "open" | "winner" | "loser" | "out";
  readonly note: string;
};

const strings = z.array(z.string());
const outcomes = z.enum(["open", "winner", "loser", "out"]);

function toVariant(row: Selectable<Schema["variants"]>): Variant {
  return {
    taskId: row.task_id,
    revision: row.revision,
    variant: row.variant,
    angle: row.angle,
    body: row.body,
    missing: strings.parse(JSON.parse(row.missing)),
    warnings: strings.parse(JSON.parse(row.warnings)),
    model: row.model,
    outcome: outcomes.parse(row.outcome),
    note: row.note,
  };
}

/** Keeps variants; one that is kept already stays as it is. */
export async function addVariants(tx: Tx, variants: readonly Variant[]): Promise<void> {
  if (variants.length === 0) return;
  await tx.db
    .insertInto("variants")
    .values(
      variants.map((entry) => ({
        tenant: tx.tenant,
        task_id: entry.taskId,
        revision: entry.revision,
        variant: entry.variant,
        angle: entry.angle,
        body: entry.body,
        missing: JSON.stringify(entry.missing),
        warnings: JSON.stringify(entry.warnings),
        model: entry.model,
        outcome: entry.outcome,
        note: entry.note,
        created_at: tx.now,
      })),
    )
    .onConflict((conflict) => conflict.columns(["tenant", "task_id", "revision", "variant"]).doNothing())
    .execute();
}

export async function setOutcome(tx: Tx, variant: Variant, outcome: Variant["outcome"], note: string): Promise<void> {
  await tx.db
    .updateTable("variants")
    .set({ outcome, note })
    .where("tenant", "=", tx.tenant)
    .where("task_id", "=", variant.taskId)
    .where("revision", "=", variant.revision)
    .where("variant", "=", variant.variant)
    .execute();
}

export async function variantsOf(read: Read, taskId: string): Promise<Variant[]> {
  const rows = await read.db
    .selectFrom("variants")
    .selectAll()
    .where("tenant", "=", read.tenant)
    .where("task_id", "=", taskId)
    .orderBy("revision")
    .orderBy("variant")
    .execute();
  return rows.map(toVariant);
}
