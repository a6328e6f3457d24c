/** Test fixture: an event bus on a store of either engine, with a clock of its own, and as many more daemons on it as a test wants. */

import { join } from "node:path";
import { hashOf } from "../domain/deliverable.ts";
import { pipelinesFile, eventsFile, type Registry } from "../domain/registry.ts";
import { silentLog } from "../log/log.ts";
import { loadRegistry } from "../skills/registry.ts";
import { openPostgresStore } from "../store/postgres/store.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { openFreshStore } from "./fresh-store.ts";
import { emptySchema } from "./postgres-schema.ts";
import type { Store } from "../store/store.ts";
import { createBus, type Bus } from "../triggers/event-bus.ts";
import type { Incoming } from "../triggers/event-take.ts";
import type { Team } from "../work/team.ts";
import { createWorkspace } from "../workspace/workspace.ts";
import { ROOT, tempDir } from "./cli.ts";
import { postgresService } from "./services.ts";
import { CAPS } from "./team.ts";

const postgres = await postgresService();
export const BUS_ENGINES = [
  { name: "sqlite", ok: true },
  { name: "postgres", ok: postgres.ok },
] as const;

const loaded = loadRegistry({ root: ROOT });

/** The events of a test, as they would stand in .agents/events.yaml; the pipeline may be left out. */
export type TestEvents = Readonly<Record<string, object>>;

const SHORT = pipelinesFile.parse({
  pipelines: {
    "Short One": {
      category: "content",
      fits: "tests",
      steps: [{ skill: "copywriting", phase: "Write", brief: "Write it." }],
    },
    "Short And Later": {
      category: "content",
      fits: "tests",
      batch: "allowed",
      steps: [{ skill: "copywriting", phase: "Write", brief: "Write it." }],
    },
  },
}).pipelines;

export type BusSetting = {
  readonly bus: Bus;
  readonly team: Team;
  readonly store: Store;
  /** Names of the changes that were committed. */
  readonly commits: readonly string[];
  readonly clock: { now: number };
  /** Another daemon: a store, a team and a bus of its own on the same database. */
  again(): Promise<{ readonly bus: Bus; readonly team: Team; readonly store: Store }>;
} & AsyncDisposable;

export async function openBus(
  engine: "sqlite" | "postgres",
  options: {
    readonly events?: TestEvents;
    readonly now?: number;
    readonly wrap?: (store: Store) => Store;
    readonly changed?: () => void;
  } = {},
): Promise<BusSetting> {
  const { registry: shipped } = await loaded;
  if (!shipped) throw new Error("the shipped registry does not load");
  const dir = await tempDir();
  const clock = { now: options.now ?? Date.parse("2026-11-21T12:00:00Z") };
  const place = engine === "postgres" && postgres.ok ? emptySchema(postgres.url) : null;
  const commits: string[] = [];
  const reached = (point: string) => {
    const [name = "", when] = point.split(":");
    if (when === "after-commit") commits.push(name);
  };
  const shared = { tenant: "default", now: () => clock.now, log: silentLog, reached };
  const stores: Store[] = [];
  const open = (): Promise<Store> => {
    // The first one makes the file: making it again would take from under the others what it holds.
    const path = join(dir.path, "test.db");
    if (engine === "sqlite")
      return stores.length === 0 ? openFreshStore({ ...shared, path }) : openSqliteStore({ ...shared, path });
    if (!postgres.ok || place === null) throw new Error("no PostgreSQL");
    return openPostgresStore({ ...shared, url: postgres.url, schema: place.schema, clock: "given" });
  };
  const events = eventsFile.parse({
    events: Object.fromEntries(
      Object.entries(options.events ?? { drop: {} }).map(([name, entry]) => [name, { pipeline: "Short One", ...entry }]),
    ),
  }).events;
  const registry: Registry = { ...shipped, events, pipelines: new Map([...shipped.pipelines, ...Object.entries(SHORT)]) };
  const daemon = async () => {
    const opened = await open();
    stores.push(opened);
    const store = options.wrap ? options.wrap(opened) : opened;
    const team: Team = {
      store,
      registry,
      journal: { call: () => Promise.reject(new Error("no model here")), refuseNew: () => {} },
      workspace: createWorkspace({ root: dir.path, reached: () => {} }),
      secrets: [],
      caps: CAPS,
      now: shared.now,
      log: silentLog,
    };
    const changed = options.changed ? { changed: options.changed } : {};
    return { bus: createBus({ team, rehearsal: false, ...changed }), team, store };
  };
  const first = await daemon();
  return {
    ...first,
    commits,
    clock,
    again: daemon,
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store.close();
      await dir[Symbol.asyncDispose]();
      await place?.[Symbol.asyncDispose]();
    },
  };
}

let count = 0;

/** An event with an id of its own, unless told otherwise. */
export function incoming(type: string, data: object = {}, more: Partial<Incoming> = {}): Incoming {
  const key = more.key ?? `id-${++count}`;
  const hash = hashOf(JSON.stringify([type, data]));
  return { source: "monitor", key, hash, type, theirType: null, mayAsk: true, happenedAt: null, data, ...more };
}
