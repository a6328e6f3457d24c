/** A store with a history: one goal that was really worked on, as often as wanted, further back in time each, with what came beside it. */

import { Database } from "bun:sqlite";
import { join } from "node:path";
import { sql } from "kysely";
import { DATABASE } from "../src/bootstrap/store.ts";
import { newId } from "../src/domain/id.ts";
import { createEmbeddedQueue } from "../src/queue/embedded/embedded.ts";
import type { Schema } from "../src/store/schema.ts";
import type { Store, Tx } from "../src/store/store.ts";
import { startInstant } from "./instant-server.ts";
import { openWork, remembering } from "./work.ts";

type Row = Record<string, string | number | null>;
export type History = ReadonlyMap<keyof Schema, readonly Row[]>;

/** Goals begin so far apart. */
const APART_MS = 3 * 3_600_000;
/** Beside each goal: events from outside, of which a few start one; notices; reads and one effect of a tool; a decided tick; a question. */
const BESIDE = { inbox: 20, notices: 3, reads: 4 };
/** Written by every goal, and found again by id: what ends in a goal's own number. */
const IDS = ["id", "goal_id", "task_id", "need_id", "deliverable_id", "notice_id", "message_id", "subject"];
const TIMES = [
  ...["at", "created_at", "started_at", "answered_at", "ended_at", "run_at", "written_at", "received_at", "decided_at"],
  ...["due_at", "message_at", "sent_at", "approved_at", "expires_at", "happened_at"],
];
/** Of one goal among many; the others are the store's own or one for all. */
const TABLES: readonly (keyof Schema)[] = [
  ...(["goals", "plans", "tasks", "task_needs", "deliverables", "reviews", "calls", "scopes", "learnings", "questions"] as const),
  ...(["files", "events", "inbox", "notices", "notice_sends", "effects", "tool_reads", "schedule_ticks"] as const),
];

/** Lets the team do one goal of ten tasks, and reads every row that is left of it. */
export async function oneGoal(): Promise<History> {
  await using server = await startInstant();
  await using work = await openWork({
    model: remembering(server.url),
    queue: async () => createEmbeddedQueue(),
    concurrency: 4,
  });
  await work.accept(1);
  await work.run(1);
  using db = new Database(join(work.folder, DATABASE), { readonly: true });
  const rows = (table: string) => db.query<Row, []>(`select * from ${table}`).all();
  const found = new Map(TABLES.map((table) => [table, rows(table)]));
  const [goal] = found.get("goals") ?? [];
  const task = found.get("tasks")?.find((row) => row["kind"] === "work");
  if (!goal || !task) throw new Error("the goal left no rows");
  for (const [table, more] of beside(String(goal["id"]), String(task["id"]), Number(goal["created_at"])))
    found.set(table, [...(found.get(table) ?? []), ...more]);
  return found;
}

/** Puts `goals` such goals into a fresh store, the newest first. Comes back with how many rows there are. */
export async function fill(store: Store, history: History, goals: number): Promise<number> {
  let rows = 0;
  await store.write("bench.fill", async (tx) => {
    for (const [table, list] of history) {
      const values = list.map((row) => without(row, table === "events" ? ["seq"] : []));
      if (values.length === 0) continue;
      for (let from = 0; from < values.length; from += 20)
        await tx.db
          .insertInto(table)
          .values(values.slice(from, from + 20).map((row) => ({ ...row, tenant: tx.tenant })) as never)
          .execute();
      // Learnings are merged and pruned: a tenth of what the goals taught is left.
      const times = table === "learnings" ? Math.ceil(goals / 10) : goals;
      await copies(tx, table, Object.keys(values[0] ?? {}), times - 1);
      rows += times * values.length;
    }
  });
  await store.write("bench.analyze", async (tx) => {
    // What PostgreSQL does by itself after a while.
    if (tx.engine !== "postgres") return;
    // Its own tables alone: the database may be somebody else's too.
    const { rows } = await sql<{
      name: string;
    }>`select tablename as name from pg_tables where schemaname = current_schema()`.execute(tx.db);
    for (const { name } of rows) await sql`analyze ${sql.table(name)}`.execute(tx.db);
  });
  return rows;
}

/** All rows of the table once more for each number up to `count`, with ids of their own, so much earlier. */
async function copies(tx: Tx, table: string, columns: readonly string[], count: number): Promise<void> {
  if (count <= 0) return;
  const value = (column: string) => {
    const name = sql.ref(`t.${column}`);
    const own =
      (column === "path" && table === "files") || (column === "key" && ["inbox", "notices", "learnings"].includes(table));
    const number = sql`substr(cast(${1_000_000 + count} - n.k as text), 2)`;
    // An id keeps its beginning, and with it its kind and its place in time; nothing of null stays null.
    if (IDS.includes(column)) return sql`substr(${name}, 1, length(${name}) - 6) || ${number}`;
    if (own) return sql`${name} || '-' || ${number}`;
    return TIMES.includes(column) ? sql`${name} - n.k * cast(${APART_MS} as bigint)` : name;
  };
  const names = sql.join(["tenant", ...columns.filter((column) => column !== "tenant")].map((column) => sql.ref(column)));
  const values = sql.join([sql.ref("t.tenant"), ...columns.filter((column) => column !== "tenant").map(value)]);
  await sql`insert into ${sql.table(table)} (${names})
    with recursive n(k) as (select 1 union all select k + 1 from n where k < ${count})
    select ${values} from n cross join ${sql.table(table)} as t
    where t.tenant = ${tx.tenant} ${table === "scopes" ? sql`and t.kind in ('goal', 'task')` : sql``}`.execute(tx.db);
}

function without(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
}

function beside(goal: string, task: string, at: number): (readonly [keyof Schema, Row[]])[] {
  const of = <T>(n: number, row: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => row(i));
  const own = { tenant: "default", goal_id: goal, rehearsal: 0 };
  const notes = of(BESIDE.notices, () => ({ notice: newId("con"), message: newId("con") }));
  return [
    [
      "inbox",
      of(BESIDE.inbox, (i) => ({
        ...{ ...own, id: newId("event"), source: "bench", key: `key-${i}`, hash: "0".repeat(64), type: "traffic_drop" },
        ...{ their_type: null, may_ask: 0, happened_at: null, data: JSON.stringify({ page: "/pricing", drop: i }) },
        ...{ received_at: at - i * 1000, decision: i < 2 ? "started" : "ignored", reason: "the cooldown runs", pipeline: null },
        ...{ topic: "traffic_drop /pricing", goal_id: i < 2 ? goal : null, started_at: i < 2 ? at : null, due_at: null },
        ...{ burst_at: null, burst: 1, replays: null },
      })),
    ],
    [
      "notices",
      notes.map(({ notice }, i) => ({
        ...{ ...own, id: notice, key: `goal ${i}`, kind: "goal_completed", subject: `goal ${goal}`, urgent: 0 },
        ...{ title: "A goal is done", text: "Ten texts are ready.", at, created_at: at },
      })),
    ],
    [
      "notice_sends",
      notes.map(({ notice, message }) => ({
        ...{ tenant: "default", notice_id: notice, channel: "slack", state: "sent", due_at: at, message_id: message },
        ...{ message_at: at, attempts: 1, lease_until: null, problem: null, ended_at: at },
      })),
    ],
    [
      "tool_reads",
      of(BESIDE.reads, (i) => ({
        ...{ ...own, subject: task, revision: 0, step: "make", round: 0, use_index: i, server: "analytics", tool: "query" },
        ...{ args: "{}", text: "x".repeat(2000), is_error: 0, bytes: 2000, spilled: null, tainted: 1, ms: 300, at },
      })),
    ],
    [
      "effects",
      of(1, () => ({
        ...{ ...own, id: newId("act"), task_id: task, revision: 0, skill: null, step: "make", round: 0, use_index: 9 },
        ...{ server: "email", tool: "send", tool_hash: "0".repeat(64), args: "{}", hash: "0".repeat(64), class: "send" },
        ...{ preview: "To 3 people", recipients: 3, cost: 0, tainted: 0, state: "confirmed", blocked: null },
        ...{ approved_by: "anna", approved_at: at, expires_at: at + 86_400_000, sender: null, sent_at: at, ended_at: at },
        ...{ result: "{}", note: null, created_at: at },
      })),
    ],
    [
      "questions",
      of(1, () => ({
        ...{ ...own, id: newId("ask"), task_id: task, kind: "quality", title: "Is this good?", detail: "", approve_means: "yes" },
        ...{ reject_means: "no", status: "approved", answer: null, fingerprint: null, created_at: at, answered_at: at + 1000 },
      })),
    ],
    [
      "schedule_ticks",
      of(1, () => ({
        ...{ ...own, name: "daily", at, outcome: "fired", reason: null, detail: null, missed: 0, decided_at: at },
      })),
    ],
  ];
}
