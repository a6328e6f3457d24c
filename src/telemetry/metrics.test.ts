/** `/metrics`: the text for a small known store, the same on both engines, and a scrape that never fails. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { sql } from "kysely";
import type { ActionClass } from "../domain/action.ts";
import { nano } from "../domain/money.ts";
import { silentLog } from "../log/log.ts";
import { callsQuery, tasksQuery } from "../store/figures.ts";
import { proposeEffect } from "../store/effects.ts";
import { effectsQuery, readsQuery } from "../store/figures-tools.ts";
import { chargeUse } from "../store/outside-use.ts";
import type { Store, Tx } from "../store/store.ts";
import { storeRead } from "../store/tool-reads.ts";
import { ENGINES } from "../test/engines.ts";
import { at, fillSmallStore, NOON } from "../test/small-store.ts";
import { createMetrics, type MetricsOptions } from "./metrics.ts";

const EXPECTED = await Bun.file(join(import.meta.dir, "metrics.expected.txt")).text();
const OUTSIDE = `
marketeam_tool_reads_total{server="ga4",tool="report",outcome="answered"} 2
marketeam_tool_reads_total{server="ga4",tool="report",outcome="error"} 1
marketeam_tool_reads_total{server="seo",tool="a \\"b\\"",outcome="answered"} 1
marketeam_tool_read_seconds_sum{server="ga4",tool="report"} 3.75
marketeam_tool_read_seconds_sum{server="seo",tool="a \\"b\\""} 0.5
marketeam_tool_read_seconds_count{server="ga4",tool="report"} 3
marketeam_tool_read_seconds_count{server="seo",tool="a \\"b\\""} 1
marketeam_effects{server="mail",class="draft",state="confirmed"} 1
marketeam_effects{server="mail",class="send",state="unknown"} 2
marketeam_outside_units{server="seo",period="day"} 50
marketeam_outside_units{server="seo",period="month"} 150
marketeam_outside_spent_usd{server="seo",period="day"} 0.25
marketeam_outside_spent_usd{server="seo",period="month"} 0.75
`;

async function fillOutside(tx: Tx): Promise<void> {
  const place = {
    goalId: "goal_1",
    subject: "task_1",
    revision: 0,
    step: "make",
    round: 0,
    args: "{}",
    text: "t",
    spilled: null,
  };
  const read = (
    useIndex: number,
    server: string,
    tool: string,
    ms: number,
    more: { isError?: boolean; rehearsal?: boolean } = {},
  ) =>
    storeRead(tx, { ...place, bytes: 1, tainted: true, isError: false, rehearsal: false, ...more, useIndex, server, tool, ms });
  await read(0, "ga4", "report", 1000);
  await read(1, "ga4", "report", 750);
  await read(2, "ga4", "report", 2000, { isError: true });
  await read(3, "seo", 'a "b"', 500);
  await read(4, "seo", "rehearsed", 500, { rehearsal: true });
  const effect = async (useIndex: number, of: ActionClass, state: string, rehearsal = false) => {
    const noted = await proposeEffect(tx, {
      ...{ goalId: "goal_1", taskId: "task_1", revision: 0, step: "make", round: 0, useIndex, skill: null },
      ...{ server: "mail", tool: "t", toolHash: "h", args: `${useIndex}`, class: of, preview: "p", recipients: 1, cost: null },
      ...{ tainted: false, blocked: null, expiresAt: NOON * 2, rehearsal },
    });
    if ("refused" in noted) throw new Error(noted.refused);
    await tx.db.updateTable("effects").set({ state }).where("id", "=", noted.effect.id).execute();
  };
  await effect(0, "draft", "confirmed");
  await effect(1, "send", "unknown");
  await effect(2, "send", "unknown");
  await effect(3, "send", "unknown", true);
  const limits = { unitsPerDay: null, costPerDay: null, costPerMonth: null };
  const use = { server: "seo", account: ["seo"], units: 50, cost: nano(0.25), limits };
  for (const day of [3, 20, 21]) await chargeUse({ ...tx, now: Date.UTC(2026, 10, day, 9) }, use);
  await chargeUse({ ...tx, now: Date.UTC(2026, 9, 31) }, use);
}

const STATS = { n: 3, p50: 12, p99: 40, max: 41 };

function metricsOf(store: Pick<Store, "read" | "engine">, change: Partial<MetricsOptions> = {}) {
  return createMetrics({
    store,
    tiers: { strong: "model-a", standard: "model-b", light: "model-c" },
    caps: { day: nano(10), month: nano(50) },
    health: async () => ({ level: "limited" }),
    queue: async () => ({
      up: true,
      signalled: 7,
      delivered: 6,
      health: {
        held: { waiting: 1, delayed: 0, active: 2, dead: 0 },
        completed: 5,
        failed: 1,
        startMs: STATS,
        handleMs: { n: 0, p50: null, p99: null, max: null },
      },
    }),
    webhooks: async () => [{ labels: { source: 'a "b"\n\\', decision: "fired" }, n: 2 }],
    schedules: async () => [{ labels: { schedule: "daily", outcome: "skipped" }, n: 4 }],
    memory: () => 1024,
    now: () => NOON,
    log: silentLog,
    ...change,
  });
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`metrics on ${engine.name}`, () => {
    test("the text for a small known store", async () => {
      await using store = await engine.open();
      await store.write("test.fill", fillSmallStore);
      expect(await metricsOf(at(store, NOON)).text()).toBe(EXPECTED);
    });

    test("what goes outside: reads by outcome with their seconds, actions by state, what was used; rehearsals are left out", async () => {
      await using store = await engine.open();
      await store.write("test.fill", fillOutside);
      const text = await metricsOf(at(store, NOON)).text();
      const lines = text.split("\n").filter((line) => /^marketeam_(?:tool|effects|outside)/.test(line));
      expect(lines).toEqual(OUTSIDE.trim().split("\n"));
    });

    test("an empty store has every state at 0 and nothing to count", async () => {
      await using store = await engine.open();
      const text = await metricsOf(at(store, NOON)).text();
      expect(text).toContain('marketeam_goals{state="running",rehearsal="false"} 0\n');
      expect(text).toContain("marketeam_oldest_ready_task_seconds 0\n");
      expect(text).not.toContain("marketeam_tokens_total");
    });

    test("another tenant's rows are not counted", async () => {
      await using store = await engine.open();
      await store.write("test.fill", (tx) => fillSmallStore({ ...tx, tenant: "other" }));
      const text = await metricsOf(at(store, NOON)).text();
      expect(text).toContain('marketeam_tasks{state="done",rehearsal="false"} 0\n');
      expect(text).not.toContain("marketeam_cost_usd_total");
    });
  });
}

test("tasks, calls, reads and actions are counted from their indexes alone", async () => {
  const engine = ENGINES[0];
  if (!engine) throw new Error("no engine");
  await using store = await engine.open();
  await store.read(async (read) => {
    const plan = async (query: ReturnType<typeof sql>) =>
      (await sql<{ detail: string }>`explain query plan ${query}`.execute(read.db)).rows.map((row) => row.detail).join("; ");
    expect(await plan(callsQuery(read, "sqlite"))).toContain("COVERING INDEX calls_figures");
    const reads = readsQuery(read).compile();
    expect(await plan(sql.raw(reads.sql.replace("?", `'${read.tenant}'`).replace("?", "0")))).toContain(
      "COVERING INDEX tool_reads_figures",
    );
    const effects = effectsQuery(read).compile();
    expect(await plan(sql.raw(effects.sql.replace("?", `'${read.tenant}'`).replace("?", "0")))).toContain(
      "COVERING INDEX effects_figures",
    );
    const tasks = tasksQuery(read).compile();
    expect(await plan(sql.raw(tasks.sql.replace("?", `'${read.tenant}'`)))).toContain("COVERING INDEX tasks_figures");
  });
});

describe("a scrape never fails", () => {
  const broken = async () => Promise.reject(new Error("gone"));

  test("without a store it says so, and what is left is still told", async () => {
    const warned: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
    const text = await metricsOf({ engine: "sqlite", read: broken }, { log }).text();
    expect(text).toContain("marketeam_store_up 0\n");
    expect(text).toContain('marketeam_health_level{level="limited"} 1\n');
    expect(text).not.toContain("marketeam_goals");
    expect(warned).toHaveLength(1);
  });

  test("each of the others may be away", async () => {
    const read = async () => Promise.reject(new Error("not asked"));
    const all = { health: broken, queue: broken, webhooks: broken, schedules: broken };
    const text = await metricsOf({ engine: "sqlite", read }, all).text();
    expect(text).toContain("marketeam_store_up 0\n");
    expect(text).toContain("marketeam_process_resident_bytes 1024\n");
    expect(text).not.toMatch(/queue|health|webhooks|schedule/);
  });

  test("nothing that receives or schedules has no family of its own", async () => {
    const text = await metricsOf({ engine: "sqlite", read: broken }, { webhooks: null, schedules: null }).text();
    expect(text).not.toMatch(/webhooks|schedule/);
  });
});

test("whoever asks again within 5 s gets the same figures; a failure is not kept", async () => {
  let reads = 0;
  let now = NOON;
  let fails = true;
  const figures = {
    goals: [],
    tasks: [],
    calls: [],
    oldestReady: 0,
    questions: 0,
    scopes: [],
    tools: { reads: [], effects: [], outside: [] },
  };
  const read = async <T>() => {
    reads++;
    if (fails) throw new Error("gone");
    return figures as T;
  };
  const metrics = metricsOf({ engine: "sqlite", read }, { now: () => now });
  await metrics.text();
  fails = false;
  await Promise.all([metrics.text(), metrics.text()]);
  expect(reads).toBe(2);
  now += 4_999;
  await metrics.text();
  expect(reads).toBe(2);
  now += 1;
  await metrics.text();
  expect(reads).toBe(3);
  // A clock that was set back asks again, rather than never.
  now -= 3_600_000;
  await metrics.text();
  expect(reads).toBe(4);
});
