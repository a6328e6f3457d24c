/** What a look of the scheduler costs with many schedules, beside cron-parser computing the next tick of each. */

import { CronExpressionParser } from "cron-parser";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/config.ts";
import { nano } from "../src/domain/money.ts";
import type { Registry } from "../src/domain/registry.ts";
import { silentLog } from "../src/log/log.ts";
import { loadRegistry } from "../src/skills/registry.ts";
import type { Store } from "../src/store/store.ts";
import { createScheduler } from "../src/triggers/scheduler.ts";
import type { Team } from "../src/work/team.ts";
import { createWorkspace } from "../src/workspace/workspace.ts";
import { sample, type Figure } from "./figure.ts";
import { freshStore } from "./fresh-store.ts";

const LOOKS = 200;
const FIRST_LOOKS = 5;
const FIRINGS = 100;
const NOW = Date.UTC(2026, 10, 21, 12);
const ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"];
const MINUTE = 60_000;

export async function schedules(): Promise<Figure[]> {
  const { registry } = await loadRegistry({ root: PACKAGE_ROOT });
  if (registry === null) throw new Error("the team's files cannot be used");
  const figures: Figure[] = [];
  for (const count of [10, 100, 1000]) {
    const entries = daily(count, registry);
    const bare = Object.values(entries).map(({ cron, zone }) => CronExpressionParser.parse(cron, { tz: zone }));
    const [ours, base]: [number[], number[]] = [[], []];
    await using fresh = await freshStore();
    const clock = { at: NOW };
    const scheduler = createScheduler({ team: teamOf(fresh.store, registry, clock), rehearsal: true, schedules: entries });
    await scheduler.look();
    for (let run = 0; run < LOOKS; run++) {
      clock.at += 1000;
      ours.push(await timed(() => scheduler.look()));
      // Cheaper than theirs usually is: the expressions are parsed already.
      if (run % 10 === 0)
        base.push(
          await timed(() => {
            for (const expression of bare) {
              expression.reset(new Date(clock.at));
              expression.next();
            }
          }),
        );
    }
    figures.push({
      key: `look.${count}`,
      what: `a look over ${count.toLocaleString("en")} schedules, nothing due`,
      unit: "ms",
      value: sample(ours),
      base: { what: `cron-parser: the next tick of each`, value: sample(base) },
    });
  }
  figures.push(await firstLook(registry), await firing(registry));
  return figures;
}

/** A process begins: expressions are read, states made. */
async function firstLook(registry: Registry): Promise<Figure> {
  const entries = daily(1000, registry);
  const [ours, base]: [number[], number[]] = [[], []];
  for (let run = 0; run < FIRST_LOOKS; run++) {
    await using fresh = await freshStore();
    const scheduler = createScheduler({ team: teamOf(fresh.store, registry, { at: NOW }), rehearsal: true, schedules: entries });
    ours.push(await timed(() => scheduler.look()));
    base.push(
      await timed(() => {
        for (const { cron, zone } of Object.values(entries))
          CronExpressionParser.parse(cron, { tz: zone, currentDate: new Date(NOW) }).next();
      }),
    );
  }
  const what = "cron-parser: 1,000 parsed, and the next tick of each";
  return {
    key: "first",
    what: "the first look, 1,000 new schedules",
    unit: "ms",
    value: sample(ours),
    base: { what, value: sample(base) },
  };
}

/** One schedule of 1000 is due: its tick is decided, its goal saved. */
async function firing(registry: Registry): Promise<Figure> {
  await using fresh = await freshStore();
  const clock = { at: NOW };
  const [pipeline = ""] = [...registry.pipelines.keys()];
  const entries: Registry["schedules"] = {
    ...daily(999, registry),
    due: { cron: "* * * * *", zone: "UTC", pipeline, priority: "P2", catch_up: "skip", enabled: true },
  };
  const scheduler = createScheduler({ team: teamOf(fresh.store, registry, clock), rehearsal: true, schedules: entries });
  await scheduler.look();
  const ours: number[] = [];
  for (let run = 0; run < FIRINGS; run++) {
    await fresh.store.write("bench", (tx) => tx.db.updateTable("goals").set({ status: "completed" }).execute());
    clock.at += MINUTE;
    const began = performance.now();
    const look = await scheduler.look();
    if (look.fired.length > 0) ours.push(performance.now() - began);
  }
  return {
    key: "firing",
    what: "a look over 1,000 that fires one: tick, goal and tasks on the disk",
    unit: "ms",
    value: sample(ours),
  };
}

/** Daily, at every minute of the hours that no look of this benchmark comes to. */
function daily(count: number, registry: Registry): Registry["schedules"] {
  const pipelines = [...registry.pipelines.keys()];
  const entry = (i: number) => ({
    ...{ cron: `${i % 60} ${1 + (i % 2)} * * ${i % 3 === 0 ? "1-5" : "*"}`, zone: ZONES[i % ZONES.length] ?? "UTC" },
    ...{ pipeline: pipelines[i % pipelines.length] ?? "", priority: "P2" as const, catch_up: "skip" as const, enabled: true },
  });
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`schedule-${i}`, entry(i)]));
}

function teamOf(store: Store, registry: Registry, clock: { readonly at: number }): Team {
  const folder = mkdtempSync(join(tmpdir(), "bench-schedules-"));
  rmSync(folder, { recursive: true });
  return {
    ...{ store, registry, workspace: createWorkspace({ root: folder, reached() {} }), secrets: [], log: silentLog },
    journal: { call: () => Promise.reject(new Error("a schedule makes no call")), refuseNew() {} },
    caps: { call: nano(2), task: nano(10), goal: nano(20), day: nano(50), month: nano(100) },
    now: () => clock.at,
  };
}

async function timed(job: () => unknown): Promise<number> {
  const began = performance.now();
  await job();
  return performance.now() - began;
}
