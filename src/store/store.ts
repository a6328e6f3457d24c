/** The store port: transactions over typed queries, the events of a change inside them, and a feed of what happened. */

import type { Kysely, Transaction } from "kysely";
import type { EventBody, StoredEvent } from "../domain/event.ts";
import type { Schema } from "./schema.ts";

/** What the query functions take. `tenant` scopes every query; `now` is UTC ms. */
export type Read = { readonly db: Kysely<Schema> | Transaction<Schema>; readonly tenant: string; readonly now: number };

/** A running transaction. Nothing but calls on `db` may be awaited inside. */
export type Tx = Read & {
  readonly db: Transaction<Schema>;
  readonly engine: "sqlite" | "postgres";
  /** The event becomes visible with the change, or not at all. */
  emit(event: EventBody, options?: { rehearsal?: boolean }): void;
};

export type WriteOptions = {
  /**
   * Resolve once it is committed; the disk follows within moments, and at the latest with the next change that waits for it.
   * A power cut may take such a change, never one that another durable change was made on. For what can be made again from
   * what is durable: no money, nothing told to anybody outside. PostgreSQL waits for the disk all the same: it may end without
   * its clients, who would go on from a change that is gone.
   */
  readonly lazy?: boolean;
};

export interface Store {
  readonly engine: "sqlite" | "postgres";
  /** UTC ms, by the clock that all who share the store go by: a change made now has this time. */
  now(): number;
  /**
   * Runs `change` in one transaction and resolves after it is durable. `name` is the crash point (`task.claim`, …).
   * Everything rolls back when it throws. Serialisation failures and deadlocks are retried, so `change` may run twice.
   */
  write<T>(name: string, change: (tx: Tx) => Promise<T>, options?: WriteOptions): Promise<T>;
  read<T>(query: (read: Read) => Promise<T>): Promise<T>;
  /** Events committed from now on, by any process, in order of `seq`. Returns how to stop. */
  subscribe(handler: (event: StoredEvent) => void): () => void;
  /** A copy that can be opened, at `path`; refuses to overwrite. */
  backup(path: string): Promise<void>;
  /** Problems found in the file or the schema; none is an empty list. */
  check(): Promise<string[]>;
  close(): Promise<void>;
}

export class StoreError extends Error {
  readonly code: "newer" | "corrupt" | "unreachable" | "read_only" | "full" | "busy";
  readonly hint: string;
  constructor(code: StoreError["code"], message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }
}
