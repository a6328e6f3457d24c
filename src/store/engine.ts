/** The store as everybody sees it, made from what an engine can do: the same order of things on both engines. */

import type { Kysely } from "kysely";
import { createFeed, type FeedSource } from "./feed.ts";
import type { Schema } from "./schema.ts";
import { refuseInside, runChange, type Change, type StoreOptions } from "./transaction.ts";
import type { Store } from "./store.ts";

export type Engine = {
  readonly name: Store["engine"];
  readonly writer: Kysely<Schema>;
  readonly reader: Kysely<Schema>;
  readonly events: FeedSource;
  readonly beforeEvents?: NonNullable<Change<unknown>["beforeEvents"]>;
  /** Runs a change, and again where that is safe. `committing` is to be called when only the commit is left to do. */
  write<T>(name: string, run: (committing: () => void) => Promise<T>, lazy: boolean): Promise<T>;
  /** Runs a read, and again when the connection was lost. */
  read<T>(run: () => Promise<T>): Promise<T>;
  /** What to throw instead of an error of the driver. */
  failure(error: unknown): unknown;
  backup(path: string): Promise<void>;
  check(): Promise<string[]>;
  close(): Promise<void>;
};

export function createStore(engine: Engine, options: StoreOptions): Store {
  const { tenant, now, log } = options;
  const feed = createFeed({ source: engine.events, log });
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | null = null;

  /** Counts the work, so that closing waits for it, and translates what went wrong. */
  function work<T>(run: () => Promise<T>): Promise<T> {
    if (closing !== null) return Promise.reject(new Error("the store is closed"));
    const promise = run().catch((error: unknown) => {
      throw engine.failure(error);
    });
    running.add(promise);
    const done = () => running.delete(promise);
    promise.then(done, done);
    return promise;
  }

  return {
    engine: engine.name,
    now,
    write: (name, change, { lazy = false } = {}) =>
      work(async () => {
        refuseInside(name);
        // What commits from here on reaches whoever has subscribed before.
        await feed.ready();
        const run = (beforeCommit: () => void) => {
          const { beforeEvents } = engine;
          const hooks = { beforeCommit, ...(beforeEvents && { beforeEvents }) };
          return runChange(options, { db: engine.writer, engine: engine.name, name, change, ...hooks });
        };
        const { value, emitted } = await engine.write(name, run, lazy);
        // The change is saved: trouble with telling of it is not the writer's.
        if (emitted > 0) await feed.tell();
        return value;
      }),
    read: (query) =>
      work(async () => {
        // Who subscribes and then reads misses nothing in between.
        await feed.ready();
        return await engine.read(() => query({ db: engine.reader, tenant, now: now() }));
      }),
    subscribe: (handler) => feed.subscribe(handler),
    backup: (path) => work(() => engine.backup(path)),
    check: () => work(() => engine.check()),
    close() {
      closing ??= (async () => {
        await feed.close();
        await Promise.allSettled(running);
        await engine.close();
      })();
      return closing;
    },
  };
}
