/** One change to the store: the transaction, its events as its last statement, and the points where tests crash it. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Kysely, Transaction } from "kysely";
import type { EventBody } from "../domain/event.ts";
import type { Log } from "../log/log.ts";
import type { Migration } from "./migrations.ts";
import type { Schema } from "./schema.ts";
import type { Store, Tx } from "./store.ts";

export type StoreOptions = {
  readonly tenant: string;
  /** UTC ms. */
  readonly now: () => number;
  readonly log: Log;
  /** Called at named points: `<name>:before-commit` inside the transaction, `<name>:after-commit` right after it. */
  readonly reached: (point: string) => void;
  /** The schema's history; tests pass their own. */
  readonly migrations?: readonly Migration[];
};

type Emitted = { readonly event: EventBody; readonly rehearsal: boolean };

export type Change<T> = {
  readonly db: Kysely<Schema>;
  readonly engine: Store["engine"];
  readonly name: string;
  readonly change: (tx: Tx) => Promise<T>;
  /** Runs right before the events are inserted, when there are any. */
  readonly beforeEvents?: (db: Transaction<Schema>) => Promise<unknown>;
  /** Called when only the commit is left to do. */
  readonly beforeCommit?: () => void;
};

// An insert has seven parameters an event; SQLite takes 32,766 in a statement.
const EVENTS_A_STATEMENT = 1000;

const inside = new AsyncLocalStorage<{ readonly name: string; open: boolean }>();

/** Throws when called inside a change: awaited there, a second one would wait for ever for the connection of the first. */
export function refuseInside(name: string): void {
  const outer = inside.getStore();
  if (outer?.open) throw new Error(`store.write("${name}") inside store.write("${outer.name}"): pass tx on instead`);
}

/**
 * Runs the change in a transaction and resolves once it is committed, with how many events it emitted. Throws what the
 * change threw, never the failed rollback that followed it.
 */
export async function runChange<T>(
  { tenant, now, reached }: StoreOptions,
  { db, engine, name, change, beforeEvents, beforeCommit }: Change<T>,
): Promise<{ value: T; emitted: number }> {
  const scope = { name, open: true };
  const emitted: Emitted[] = [];
  let failure: { readonly error: unknown } | null = null;
  const body = async (trx: Transaction<Schema>): Promise<T> => {
    const at = now();
    const emit: Tx["emit"] = (event, options) => {
      if (!scope.open) throw new Error(`${event.type} was emitted after the end of store.write("${name}")`);
      emitted.push({ event, rehearsal: options?.rehearsal ?? false });
    };
    try {
      const value = await change({ db: trx, tenant, now: at, engine, emit });
      if (emitted.length > 0) {
        await beforeEvents?.(trx);
        await insertEvents(trx, { tenant, at, emitted });
      }
      reached(`${name}:before-commit`);
      beforeCommit?.();
      return value;
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      scope.open = false;
    }
  };
  let value: T;
  try {
    value = await inside.run(scope, () => db.transaction().execute(body));
  } catch (error) {
    throw (failure as { error: unknown } | null)?.error ?? error;
  }
  reached(`${name}:after-commit`);
  return { value, emitted: emitted.length };
}

async function insertEvents(
  db: Transaction<Schema>,
  { tenant, at, emitted }: { tenant: string; at: number; emitted: readonly Emitted[] },
): Promise<void> {
  const rows = emitted.map(({ event: { type, goalId, taskId, ...own }, rehearsal }) => ({
    tenant,
    at,
    type,
    goal_id: goalId,
    task_id: taskId,
    rehearsal: rehearsal ? 1 : 0,
    data: JSON.stringify(own),
  }));
  for (let from = 0; from < rows.length; from += EVENTS_A_STATEMENT) {
    await db
      .insertInto("events")
      .values(rows.slice(from, from + EVENTS_A_STATEMENT))
      .execute();
  }
}
