/** What the store's contract works with: a fresh database with its stores, child processes on it, ears and failures. */

import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredEvent } from "../domain/event.ts";
import { silentLog } from "../log/log.ts";
import type { Job } from "./contract-child.ts";
import type { Store } from "./store.ts";
import type { StoreOptions } from "./transaction.ts";

export type Subject = {
  /** For child processes: the module that opens the store, and its function's name. */
  readonly module: string;
  readonly opener: string;
  /** What the opener needs to find this one fresh, empty database, beside the StoreOptions. */
  readonly where: Record<string, string>;
  readonly open: (options: StoreOptions) => Promise<Store>;
  /** The paths in the table `files` of a backup. */
  readonly filesOfBackup: (path: string) => Promise<string[]>;
  readonly remove: () => Promise<void>;
};

/** Opens stores on one fresh database, and cleans up behind the test. */
export async function bench(fresh: () => Promise<Subject>) {
  const subject = await fresh();
  const stores: Store[] = [];
  const folder = mkdtempSync(join(tmpdir(), "store-contract-"));
  const open = async (options: Partial<StoreOptions> = {}): Promise<Store> => {
    const store = await subject.open({ tenant: "t", now: Date.now, log: silentLog, reached() {}, ...options });
    stores.push(store);
    return store;
  };
  const spawn = (job: Partial<Job>) => {
    const { module, opener, where } = subject;
    const base: Job = { module, opener, options: where, worker: "w", writes: 0, parallel: 1, dieAt: null, history: "shipped" };
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "contract-child.ts"), JSON.stringify({ ...base, ...job })], {
      stdout: "pipe",
      stderr: "pipe",
    });
    return child;
  };
  /** Runs a child to its end: how it ended and the lines it said. */
  const run = async (job: Partial<Job>) => {
    const child = spawn(job);
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
    return { lines: out.split("\n").filter(Boolean), err, exit: child.exitCode, signal: child.signalCode };
  };
  const files = (store: Store) =>
    store.read(async ({ db }) => (await db.selectFrom("files").select("path").orderBy("path").execute()).map((row) => row.path));
  const events = (store: Store) => store.read(({ db }) => db.selectFrom("events").selectAll().orderBy("seq").execute());
  return {
    subject,
    folder,
    open,
    spawn,
    run,
    files,
    events,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(stores.map((store) => store.close()));
      await subject.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Collects the events of a store; `count(n)` resolves once there are n. */
export function listenTo(store: Store) {
  const seen: StoredEvent[] = [];
  const waiting: { readonly n: number; readonly resolve: () => void }[] = [];
  const stop = store.subscribe((event) => {
    seen.push(event);
    for (const { n, resolve } of waiting) if (seen.length >= n) resolve();
  });
  const count = (n: number) =>
    new Promise<void>((resolve) => {
      if (seen.length >= n) resolve();
      else waiting.push({ n, resolve });
    });
  return { seen, count, stop };
}

/** What a promise fails with; the test fails when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error,
  );
}
