/** What people and workers do with 1 ×, 10 × and 100 × the history in the store, on SQLite and on PostgreSQL where there is one. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { DATABASE } from "../src/bootstrap/store.ts";
import { PACKAGE_ROOT } from "../src/config.ts";
import { silentLog } from "../src/log/log.ts";
import { openSqliteStore } from "../src/store/sqlite/store.ts";
import type { Store } from "../src/store/store.ts";
import { loadRegistry } from "../src/skills/registry.ts";
import type { Team } from "../src/work/team.ts";
import { createWorkspace } from "../src/workspace/workspace.ts";
import { sample, type Figure } from "./figure.ts";
import { steps, type Step } from "./growth-steps.ts";
import { fill, oneGoal, type History } from "./history.ts";
import { CLI } from "./team.ts";
import { acceptMany, CAPS, TASKS_A_GOAL } from "./work.ts";

const SIZES = [1, 10, 100] as const;
/** Goals of 1 ×: 100 × are 2,000 goals, 24,000 tasks, 44,000 calls, 212,000 events. */
const GOALS = 20;
/** The same at every size: goals that are worked on now. */
const OPEN_GOALS = 10;
const PROCESS_RUNS = 5;
const COMMANDS = [
  { key: "status", args: ["status", "--json"] },
  { key: "scorecard", args: ["status", "--scorecard", "--json"] },
  { key: "show", args: ["show", "GOAL", "--json"] },
  { key: "costs", args: ["costs", "--json"] },
] as const;
const MIB = 2 ** 20;
const PEAK = join(import.meta.dir, "peak.ts");

type Place = { readonly size: number; readonly store: Store; readonly folder: string; readonly steps: readonly Step[] };

export async function growth(): Promise<Figure[]> {
  const history = await oneGoal();
  const figures = await onSqlite(history);
  const url = process.env["TEST_DATABASE_URL"];
  return url === undefined || url === "" ? figures : [...figures, ...(await onPostgres(history, url))];
}

async function onSqlite(history: History): Promise<Figure[]> {
  await using stack = new AsyncDisposableStack();
  const places: Place[] = [];
  for (const size of SIZES) {
    const folder = mkdtempSync(join(tmpdir(), "bench-growth-"));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, DATABASE);
    const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached() {} });
    stack.defer(() => store.close());
    places.push(await placeOf(size, store, folder, history, stack));
  }
  const figures = await measured("", places);
  const sizes = places.map(({ folder }) => Bun.file(join(folder, DATABASE)).size / MIB);
  const processes = places.map((place) => COMMANDS.map(({ args }) => ({ ms: [] as number[], rss: [] as number[], args, place })));
  const goal = history.get("goals")?.[0]?.["id"];
  for (let run = 0; run <= PROCESS_RUNS; run++)
    for (const list of processes)
      for (const { ms, rss, args, place } of list) {
        const typed = args.map((arg) => (arg === "GOAL" ? String(goal) : arg));
        const began = performance.now();
        const peak = join(place.folder, "peak");
        const child = Bun.spawnSync([process.execPath, "--preload", PEAK, CLI, ...typed, "--workspace", place.folder], {
          cwd: PACKAGE_ROOT,
          env: { ...process.env, NO_COLOR: "1", DATABASE_URL: "", BENCH_PEAK: peak },
          stdout: "ignore",
        });
        if (!child.success) throw new Error(`${typed.join(" ")} failed: ${child.stderr.toString()}`);
        // The first one fills the disk's cache.
        if (run > 0) ms.push(performance.now() - began);
        if (run > 0) rss.push(Number(readFileSync(peak, "utf8")) / 1024);
      }
  const commands = COMMANDS.flatMap(({ key, args }, i): Figure[] => {
    const times = (pick: "ms" | "rss") => processes.map((list) => list[i]?.[pick] ?? []);
    const name = `\`${args
      .filter((arg) => arg !== "--json")
      .join(" ")
      .replace("GOAL", "<goal>")}\`, whole process`;
    return [
      grown(`process.${key}`, name, "ms", times("ms")),
      ...(key === "status" ? [grown("process.memory", "its memory, at most", "MiB", times("rss"))] : []),
    ];
  });
  return [
    ...figures,
    ...commands,
    grown(
      "file",
      "the database file",
      "MiB",
      sizes.map((size) => [size]),
    ),
  ];
}

async function onPostgres(history: History, url: string): Promise<Figure[]> {
  const { openPostgresStore } = await import("../src/store/postgres/store.ts");
  await using stack = new AsyncDisposableStack();
  const places: Place[] = [];
  for (const size of SIZES) {
    const schema = `bench_${crypto.randomUUID().slice(0, 8)}`;
    const folder = mkdtempSync(join(tmpdir(), "bench-growth-"));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const base = { tenant: "default", now: Date.now, log: silentLog, reached() {} };
    const store = await openPostgresStore({ ...base, url, schema });
    stack.defer(async () => {
      await store.write("bench.drop", async (tx) => void (await sql`drop schema ${sql.id(schema)} cascade`.execute(tx.db)));
      await store.close();
    });
    places.push(await placeOf(size, store, folder, history, stack));
  }
  return await measured("pg.", places);
}

async function placeOf(
  size: number,
  store: Store,
  folder: string,
  history: History,
  stack: AsyncDisposableStack,
): Promise<Place> {
  await fill(store, history, size * GOALS);
  const { registry } = await loadRegistry({ root: PACKAGE_ROOT });
  if (registry === null) throw new Error("the team's files cannot be used");
  const team: Team = {
    ...{ store, registry, workspace: createWorkspace({ root: folder, reached() {} }), secrets: [], log: silentLog },
    ...{ journal: { call: () => Promise.reject(new Error("no model here")), refuseNew() {} }, caps: CAPS, now: Date.now },
  };
  await acceptMany(team, OPEN_GOALS, TASKS_A_GOAL);
  const goal = String(history.get("goals")?.[0]?.["id"]);
  return { size, store, folder, steps: await steps(team, goal, stack) };
}

/** Each step at every size in turn, so that whatever else the machine does meets all alike. */
async function measured(prefix: string, places: readonly Place[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [i, { key, what, runs, grows }] of (places[0]?.steps ?? []).entries()) {
    const times = places.map((): number[] => []);
    for (let run = 0; run < runs + 2; run++)
      for (const [at, place] of places.entries()) {
        const began = performance.now();
        await place.steps[i]?.run(run);
        // The first two make statements known and code fast.
        if (run >= 2) times[at]?.push(performance.now() - began);
      }
    const name = prefix === "" ? what : `PostgreSQL: ${what}`;
    const figure = grown(`${prefix}${key}`, name, "ms", times);
    figures.push(grows ? figure : { ...figure, bar: { of: "ratio", atMost: 2, from: "flat" } });
  }
  return figures;
}

/** At 100 × beside 1 ×. */
function grown(key: string, what: string, unit: string, [one = [], ten = [], hundred = []]: readonly number[][]): Figure {
  const base = { what: "at 1 ×", value: sample(one) };
  const detail = { "at-10×": sample(ten).median };
  return { key, what, unit, value: sample(hundred), base, detail, drift: 0.5 };
}
