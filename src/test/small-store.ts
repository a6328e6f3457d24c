/** Test fixture: a small store with known rows, written directly, so that every figure can be worked out by hand. */

import type { Insertable } from "kysely";
import { nano } from "../domain/money.ts";
import type { Schema } from "../store/schema.ts";
import type { Store, Tx } from "../store/store.ts";

/** A Saturday, noon UTC. */
export const NOON = Date.UTC(2026, 10, 21, 12);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const NOTHING = JSON.stringify({ input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 });

/** The store with its clock stopped: what reads and changes see as `now`. */
export function at(store: Store, now: number): Pick<Store, "read" | "write" | "engine"> {
  return {
    engine: store.engine,
    read: (query) => store.read((read) => query({ ...read, now })),
    write: (name, change) => store.write(name, (tx) => change({ ...tx, now })),
  };
}

type Row<T extends keyof Schema> = Insertable<Schema[T]>;

export async function addGoal(tx: Tx, row: Partial<Row<"goals">> & { id: string }): Promise<void> {
  const goal = {
    tenant: tx.tenant,
    title: `Title of ${row.id}`,
    text: "t",
    category: null,
    source: "cli",
    pipeline: null,
    priority: "P1",
    status: "running",
    pause: null,
    reason: null,
    rehearsal: 0,
    cap: nano(5),
    allowed: 0,
    plan_version: 1,
    failures: 0,
    changes: 0,
    context_version: 0,
    quote: null,
    created_at: NOON,
    ended_at: null,
    ...row,
  };
  await tx.db.insertInto("goals").values(goal).execute();
}

export async function addTask(tx: Tx, row: Partial<Row<"tasks">> & { id: string; goal_id: string }): Promise<void> {
  const task = {
    tenant: tx.tenant,
    key: row.id,
    kind: "work",
    phase: "p",
    skill: "writing",
    brief: "b",
    criteria: "[]",
    reviewers: "[]",
    status: "ready",
    revision: 0,
    round_start: 0,
    unmet: 0,
    priority: "P1",
    rehearsal: 0,
    attempts: 1,
    epoch: 1,
    lease_owner: null,
    lease_until: null,
    run_at: NOON,
    rejections: 0,
    reason: null,
    score: null,
    verdict: null,
    model: null,
    deliverable_id: null,
    created_at: NOON,
    started_at: null,
    ended_at: null,
    ...row,
  };
  await tx.db.insertInto("tasks").values(task).execute();
}

export async function addCall(tx: Tx, row: Partial<Row<"calls">> & { id: string; goal_id: string }): Promise<void> {
  const call = {
    tenant: tx.tenant,
    subject: row.id,
    revision: 0,
    step: "make",
    round: 0,
    attempt: 1,
    state: "settled",
    skill: "writing",
    model: "model-b",
    request_hash: "h",
    parts: "[]",
    hold: nano(0.5),
    cost: nano(0.125),
    scopes: "[]",
    usage: JSON.stringify({ input: 100, output: 20, cacheRead: 1000, cacheWrite5m: 5, cacheWrite1h: 2 }),
    stop: "end",
    flags: "[]",
    learnings: "[]",
    reply: null,
    rehearsal: 0,
    process_id: "p",
    started_at: NOON - 2000,
    answered_at: null,
    ended_at: NOON,
    ...row,
  };
  await tx.db.insertInto("calls").values(call).execute();
}

export async function addScope(tx: Tx, row: Partial<Row<"scopes">> & { kind: string; id: string }): Promise<void> {
  const scope = { tenant: tx.tenant, rehearsal: 0, spent: 0, held: 0, allowed: 0, level: "normal", ...row };
  await tx.db.insertInto("scopes").values(scope).execute();
}

export async function addQuestion(tx: Tx, row: Partial<Row<"questions">> & { id: string; goal_id: string }): Promise<void> {
  const question = {
    tenant: tx.tenant,
    task_id: null,
    kind: "quality",
    title: "Is it good enough?",
    detail: "d",
    approve_means: "a",
    reject_means: "r",
    status: "open",
    answer: null,
    fingerprint: null,
    rehearsal: 0,
    created_at: NOON,
    answered_at: null,
    ...row,
  };
  await tx.db.insertInto("questions").values(question).execute();
}

/** An accepted or open version of a task, and its reviews by the Director. */
export async function addVersion(
  tx: Tx,
  row: Partial<Row<"deliverables">> & { id: string; task_id: string; goal_id: string },
  verdict: string | null,
): Promise<void> {
  const version = {
    tenant: tx.tenant,
    revision: 0,
    origin: "agent",
    skill: "writing",
    body: "text",
    hash: "h",
    missing: "[]",
    warnings: "[]",
    score: 8,
    summary: null,
    facts: "[]",
    created_at: NOON,
    ...row,
  };
  await tx.db.insertInto("deliverables").values(version).execute();
  if (verdict === null) return;
  await tx.db
    .insertInto("reviews")
    .values({
      tenant: tx.tenant,
      id: `rev_${version.id}`,
      goal_id: version.goal_id,
      task_id: version.task_id,
      deliverable_id: version.id,
      revision: version.revision,
      reviewer: "director",
      verdict,
      score: version.score,
      scores: "[]",
      findings: "[]",
      created_at: version.created_at,
    })
    .execute();
}

export const quoteOf = (likely: number) =>
  JSON.stringify({ low: likely / 2, likely, high: likely * 2, phases: [], basis: "priors" });

/**
 * One goal done today for $0.40 of a quoted $0.50 with two pieces of work (one at once, one after a revision), one goal
 * running with a ready task, one that waits because the model was away, and a rehearsal of everything.
 */
export async function fillSmallStore(tx: Tx): Promise<void> {
  await addGoal(tx, {
    id: "goal_done",
    status: "completed",
    created_at: NOON - 3 * HOUR,
    ended_at: NOON - HOUR,
    quote: quoteOf(0.5),
  });
  await addGoal(tx, { id: "goal_open", created_at: NOON - 2 * HOUR });
  await addGoal(tx, { id: "goal_away", status: "paused", pause: "model_away", created_at: NOON - HOUR });
  await addGoal(tx, {
    id: "goal_play",
    status: "completed",
    rehearsal: 1,
    created_at: NOON - HOUR,
    ended_at: NOON - 30 * MINUTE,
  });
  await addScope(tx, { kind: "goal", id: "goal_done", spent: nano(0.4) });
  await addScope(tx, { kind: "goal", id: "goal_play", spent: nano(9), rehearsal: 1 });
  await addScope(tx, { kind: "day", id: "2026-11-21", spent: nano(0.4), held: nano(0.1) });
  await addScope(tx, { kind: "month", id: "2026-11", spent: nano(2), allowed: nano(10) });
  const done = { goal_id: "goal_done", status: "done", started_at: NOON - 150 * MINUTE };
  await addTask(tx, { ...done, id: "task_a", score: 9, deliverable_id: "del_a", ended_at: NOON - 120 * MINUTE });
  await addTask(tx, {
    ...done,
    id: "task_b",
    skill: "editing",
    score: 8,
    revision: 1,
    deliverable_id: "del_b1",
    ended_at: NOON - 90 * MINUTE,
  });
  await addTask(tx, { id: "task_c", goal_id: "goal_open", run_at: NOON - 90_000 });
  // Ready as well, but its goal waits: no worker may take it.
  await addTask(tx, { id: "task_d", goal_id: "goal_away", run_at: NOON - HOUR });
  await addTask(tx, { id: "task_e", goal_id: "goal_play", status: "done", rehearsal: 1, ended_at: NOON - 40 * MINUTE });
  const of = { goal_id: "goal_done" };
  await addVersion(tx, { ...of, id: "del_a", task_id: "task_a", score: 9, created_at: NOON - 121 * MINUTE }, "APPROVE");
  const edit = { ...of, task_id: "task_b", skill: "editing" };
  await addVersion(tx, { ...edit, id: "del_b0", score: 6, created_at: NOON - 110 * MINUTE }, "REVISE");
  await addVersion(tx, { ...edit, id: "del_b1", revision: 1, created_at: NOON - 91 * MINUTE }, "APPROVE");
  await addCall(tx, { ...of, id: "call_1", subject: "task_a" });
  await addCall(tx, { ...of, id: "call_2", subject: "task_a", round: 1 });
  await addCall(tx, { ...of, id: "call_3", subject: "task_b", skill: "editing", model: "model-a", cost: nano(0.15) });
  await addCall(tx, {
    ...of,
    id: "call_4",
    subject: "plan",
    skill: null,
    model: "model-old",
    cost: 0,
    usage: NOTHING,
    state: "released",
  });
  await addCall(tx, {
    id: "call_5",
    goal_id: "goal_open",
    subject: "task_c",
    state: "held",
    cost: 0,
    usage: NOTHING,
    stop: null,
    ended_at: null,
  });
  await addCall(tx, { id: "call_6", goal_id: "goal_play", subject: "task_e", rehearsal: 1, cost: nano(9) });
  await addQuestion(tx, { id: "ask_1", goal_id: "goal_open", created_at: NOON - HOUR });
  await addQuestion(tx, {
    id: "ask_2",
    goal_id: "goal_done",
    status: "answered",
    created_at: NOON - 2 * HOUR,
    answered_at: NOON - HOUR,
  });
  await addQuestion(tx, { id: "ask_3", goal_id: "goal_play", rehearsal: 1 });
}
