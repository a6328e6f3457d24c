import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config.ts";
import { NO_USAGE } from "../domain/call.ts";
import { newId } from "../domain/id.ts";
import { nano, type Nano } from "../domain/money.ts";
import { silentLog } from "../log/log.ts";
import { endCall, holdCall } from "../store/calls.ts";
import { scopeState } from "../store/scopes.ts";
import { insertGoal } from "../store/goals.ts";
import { insertTasks, moveTask } from "../store/tasks.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import type { Store } from "../store/store.ts";
import { settleCall, settlement } from "./costs-settle.ts";
import { UsageError } from "./errors.ts";
import { callSums, goalOfCall, lastEvents, taskCounts, taskKeys } from "./queries.ts";
import { openStoreThere, storeThere } from "./store-there.ts";

let folder: string;
let store: Store;
let clock: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "marketeam-queries-"));
  clock = Date.UTC(2026, 10, 21);
  store = await openSqliteStore({
    path: join(folder, "store.db"),
    tenant: "default",
    now: () => clock++,
    log: silentLog,
    reached: () => {},
  });
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function makeGoal(rehearsal = false): Promise<string> {
  const id = newId("goal");
  const base = { id, title: "t", text: "t", category: null, source: "cli", pipeline: null, priority: "P1" } as const;
  await store.write("test", (tx) => insertGoal(tx, { ...base, rehearsal, cap: nano(5), contextVersion: 0 }));
  return id;
}

async function makeTask(goalId: string, key: string, kind: "work" | "gate" = "work"): Promise<string> {
  const id = newId("task");
  const task = {
    id,
    goalId,
    key,
    kind,
    phase: "p",
    skill: "s",
    brief: "b",
    criteria: [],
    reviewers: [],
    variants: 1,
    needs: [],
    unmet: 0,
  } as const;
  await store.write("test", (tx) => insertTasks(tx, [{ ...task, priority: "P1", rehearsal: false }]));
  return id;
}

type MakeCall = { goalId: string; skill?: string; model?: string; rehearsal?: boolean; cost?: Nano | "lost" };

async function makeCall({ goalId, skill = "s", model = "m", rehearsal = false, cost = "lost" }: MakeCall): Promise<string> {
  const id = newId("call");
  const scopes = [{ kind: "goal", id: goalId, cap: nano(100) } as const];
  const key = { goalId, subject: newId("task"), revision: 0, step: "make", round: 0, attempt: 1 };
  await store.write("test", async (tx) => {
    await holdCall(tx, {
      ...key,
      id,
      skill,
      model,
      requestHash: "h",
      parts: [],
      hold: nano(1),
      usage: NO_USAGE,
      rehearsal,
      learnings: [],
      scopes,
      processId: "proc_x",
    });
    const end =
      cost === "lost"
        ? ({ state: "unknown", cost: 0, stop: "lost" } as const)
        : ({ state: "settled", cost, stop: "end" } as const);
    await endCall(tx, id, { ...end, usage: NO_USAGE, flags: [], reply: null, answeredAt: null });
  });
  return id;
}

describe("queries", () => {
  test("counts work, not gates, and only the goals asked for", async () => {
    const [one, two] = [await makeGoal(), await makeGoal()];
    const done = await makeTask(one, "a");
    await makeTask(one, "b");
    await makeTask(one, "gate-1", "gate");
    await makeTask(two, "a");
    await store.write("test", async (tx) => {
      await moveTask(tx, { id: done, status: "ready" }, "running");
      await moveTask(tx, { id: done, status: "running" }, "done");
    });
    const counts = await store.read((read) => taskCounts(read, [one]));
    expect(counts).toEqual(new Map([[one, { tasks: 2, done: 1 }]]));
    expect(await store.read((read) => taskCounts(read, []))).toEqual(new Map());
  });

  test("sums real calls by skill and by model, dearest first, without the rehearsal's", async () => {
    const goalId = await makeGoal();
    await makeCall({ goalId, skill: "a", model: "m", cost: nano(0.1) });
    await makeCall({ goalId, skill: "b", model: "m", cost: nano(0.25) });
    await makeCall({ goalId, skill: "a", model: "n", cost: nano(0.05) });
    await makeCall({ goalId, skill: "a", model: "m", cost: nano(9), rehearsal: true });
    const [skills, models, rehearsed] = await store.read(async (read) => [
      await callSums(read, "skill", false),
      await callSums(read, "model", false),
      await callSums(read, "skill", true),
    ]);
    expect(skills).toEqual([
      { name: "b", calls: 1, cost: nano(0.25) },
      { name: "a", calls: 2, cost: nano(0.15) },
    ]);
    expect(models?.map((row) => [row.name, row.calls])).toEqual([
      ["m", 2],
      ["n", 1],
    ]);
    expect(rehearsed).toEqual([{ name: "a", calls: 1, cost: nano(9) }]);
  });

  test("the last events are the newest, in order, of one goal or of all", async () => {
    const goals = [await makeGoal(), await makeGoal(), await makeGoal()];
    const last = (goalId: string | null, limit: number) => store.read((read) => lastEvents(read, { goalId, limit }));
    expect((await last(null, 2)).map((event) => event.goalId)).toEqual(goals.slice(1));
    expect((await last(null, 3)).map((event) => event.goalId)).toEqual(goals);
    expect(await last(null, 100)).toHaveLength(3);
    await makeTask(goals[0] ?? "", "a");
    await makeTask(goals[1] ?? "", "b");
    await makeTask(goals[0] ?? "", "c");
    const own = await last(goals[0] ?? "", 2);
    expect(own.map((event) => [event.type, event.goalId])).toEqual([
      ["task.ready", goals[0] ?? ""],
      ["task.ready", goals[0] ?? ""],
    ]);
  });

  test("names of tasks, and the goal of a call", async () => {
    const goalId = await makeGoal();
    const task = await makeTask(goalId, "page-copy");
    const call = await makeCall({ goalId });
    expect(await store.read((read) => taskKeys(read, [task, task, "task_none"]))).toEqual(new Map([[task, "page-copy"]]));
    expect(await store.read((read) => goalOfCall(read, call))).toBe(goalId);
    expect(await store.read((read) => goalOfCall(read, "call_none"))).toBeNull();
  });
});

describe("settling a lost call", () => {
  test("gives the hold back, spends the cost, marks the call and tells of it", async () => {
    const goalId = await makeGoal();
    const id = await makeCall({ goalId });
    const state = () => store.read((read) => scopeState(read, { kind: "goal", id: goalId, cap: nano(100) }, false));
    expect(await state()).toMatchObject({ spent: 0, held: nano(1) });
    const call = await settleCall(store, id, nano(0.3));
    expect(call).toMatchObject({ state: "settled", cost: nano(0.3), flags: ["reconciled"], stop: "lost" });
    expect(await state()).toMatchObject({ spent: nano(0.3), held: 0 });
    const [event] = await store.read((read) => lastEvents(read, { goalId, limit: 1 }));
    expect(event).toMatchObject({ type: "call.settled", callId: id, cost: nano(0.3) });
  });

  test("a call that is settled, and one that is not there, change nothing", async () => {
    const goalId = await makeGoal();
    const settled = await makeCall({ goalId, cost: nano(0.5) });
    const lost = await makeCall({ goalId });
    await settleCall(store, lost, 0);
    for (const id of [settled, lost, newId("call")])
      await expect(settleCall(store, id, nano(1))).rejects.toBeInstanceOf(UsageError);
    const state = await store.read((read) => scopeState(read, { kind: "goal", id: goalId, cap: nano(100) }, false));
    expect(state).toMatchObject({ spent: nano(0.5), held: 0 });
  });

  test("what is typed is checked before anything is opened", () => {
    expect(settlement({})).toBeNull();
    expect(settlement({ settle: "call_1", usd: 0 })).toEqual({ typed: "call_1", cost: 0 });
    expect(settlement({ settle: "call_1", usd: 0.12 })).toEqual({ typed: "call_1", cost: nano(0.12) });
    const bad = [
      { usd: 1 },
      { settle: "c" },
      { settle: "c", usd: -1 },
      { settle: "c", usd: Number.NaN },
      { settle: "c", usd: 1e300 },
    ];
    for (const options of bad) expect(() => settlement(options)).toThrow(UsageError);
    expect(() => settlement({ settle: "c", usd: 1, rehearsal: true })).toThrow(UsageError);
  });
});

describe("the store of commands that only look", () => {
  const configOf = (workspace: string) => loadConfig({ env: {}, cwd: folder, workspace });

  test("a workspace that is not there is not made", async () => {
    const workspace = join(folder, "fresh");
    expect(await openStoreThere(configOf(workspace))).toBeNull();
    expect(existsSync(workspace)).toBe(false);
  });

  test("a journal without its database is not a fresh workspace", async () => {
    const workspace = join(folder, "lost");
    await mkdir(join(workspace, ".marketeam"), { recursive: true });
    await writeFile(join(workspace, ".marketeam", "marketeam.db-wal"), "x");
    expect(storeThere(configOf(workspace))).toBe(true);
    await expect(openStoreThere(configOf(workspace))).rejects.toMatchObject({ code: "corrupt" });
  });
});
