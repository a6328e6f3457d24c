/** What lies in a daemon's database, read from outside on either engine, without a line of the store's code. */

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Pool } from "pg";
import { DATABASE, type Books } from "../kill/books.ts";

export type InboxRow = {
  id: string;
  source: string;
  key: string;
  type: string;
  decision: string;
  goal_id: string | null;
  due_at: number | null;
  replays: string | null;
};
export type TickRow = { name: string; at: number; outcome: string; reason: string | null; goal_id: string | null };
export type NoticeRow = { id: string; key: string; kind: string; goal_id: string | null };
export type SendRow = { notice_id: string; channel: string; state: string; message_id: string | null; attempts: number };
export type SourceRow = { id: string; source: string };

export type DaemonBooks = Books & {
  readonly inbox: readonly InboxRow[];
  readonly ticks: readonly TickRow[];
  readonly notices: readonly NoticeRow[];
  readonly sends: readonly SendRow[];
  readonly sources: readonly SourceRow[];
};

/** Asks a database; closes nothing. */
export type Ask = <T>(sql: string) => Promise<T[]>;

export async function readDaemonBooks(ask: Ask): Promise<DaemonBooks> {
  const count = async (sql: string) => Number((await ask<{ n: number }>(sql))[0]?.n ?? 0);
  return {
    goals: await ask("select id, title, status, pause, cap, allowed, plan_version from goals order by id"),
    sources: await ask("select id, source from goals order by id"),
    tasks: await ask("select id, key, kind, skill, goal_id, status, revision, unmet, deliverable_id from tasks order by id"),
    needs: await ask("select task_id, need_id from task_needs"),
    calls: await ask("select * from calls order by started_at, id"),
    scopes: await ask("select kind, id, rehearsal, spent, held, allowed from scopes"),
    events: await ask("select seq, at, type, goal_id, task_id, data from events order by seq"),
    questions: await ask("select id, goal_id, task_id, kind, status, answer from questions order by id"),
    deliverables: await ask("select id, task_id, revision, origin, hash from deliverables order by id"),
    processes: await count("select count(*) as n from processes"),
    learnings: await ask("select id, statement, status, origin from learnings where rehearsal = 0 order by id"),
    trials: await ask("select learning_id, task_id, winner from trials"),
    inbox: await ask("select id, source, key, type, decision, goal_id, due_at, replays from inbox order by id"),
    ticks: await ask("select name, at, outcome, reason, goal_id from schedule_ticks order by name, at"),
    notices: await ask("select id, key, kind, goal_id from notices order by id"),
    sends: await ask("select notice_id, channel, state, message_id, attempts from notice_sends order by notice_id"),
  };
}

/** A workspace's SQLite file, opened for each question: the file of a process that was killed must not be kept from it. */
export function sqliteAsk(workspace: string): Ask {
  return async <T>(sql: string) => {
    const path = join(workspace, DATABASE);
    if (!existsSync(path)) return [];
    const db = new Database(path, { readonly: true });
    try {
      db.run("pragma busy_timeout = 5000");
      return db.query<T, []>(sql).all();
    } catch (error) {
      // Before the first migration.
      if (error instanceof Error && error.message.includes("no such table")) return [];
      throw error;
    } finally {
      db.close();
    }
  };
}

/** A PostgreSQL database. One connection serves question after question; a server that was killed meanwhile is asked once more. */
export function postgresAsk(url: string): Ask {
  let opened: Promise<Pool> | null = null;
  return async <T>(sql: string) => {
    const pool = await (opened ??= openPool(url));
    for (let last = false; ; last = true)
      try {
        return (await pool.query(sql)).rows as T[];
      } catch (error) {
        // Before the first migration.
        if (codeOf(error) === "42P01") return [];
        // What has a code was answered: it is not said twice.
        if (last || codeOf(error) !== null) throw error;
      }
  };
}

async function openPool(url: string): Promise<Pool> {
  const { Pool, types } = await import("pg");
  const getTypeParser = ((oid: number, format?: "text") =>
    oid === 20 || oid === 1700 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser;
  const limits = { max: 1, connectionTimeoutMillis: 5_000, idleTimeoutMillis: 500, allowExitOnIdle: true };
  const pool = new Pool({ connectionString: url, types: { getTypeParser }, ...limits });
  pool.on("error", () => {});
  return pool;
}

/** The server's own code of an error; null where the connection broke. */
function codeOf(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(?=.*\d)[0-9A-Z]{5}$/.test(code) && !/^(57P|08)/.test(code) ? code : null;
}

/**
 * As if so many ms went by while nothing ran: what waits for a time waits that much less, and what happened is that much
 * older. Only what the daemon's rooms keep; a test that slept for ten minutes would show no more. `ticks`: schedules are due.
 */
export function passTime(workspace: string, ms: number, { ticks }: { ticks: boolean }): void {
  const path = join(workspace, DATABASE);
  if (!existsSync(path)) return;
  const db = new Database(path);
  try {
    const there = new Set(
      db
        .query<{ name: string }, []>("select name from sqlite_master where type = 'table'")
        .all()
        .map((row) => row.name),
    );
    if (!there.has("notice_sends")) return;
    db.transaction(() => {
      db.run("update notice_sends set due_at = due_at - ?1, message_at = message_at - ?1, lease_until = lease_until - ?1", [ms]);
      db.run("update meta set value = cast(cast(value as integer) - ?1 as text) where key like '%/notify.rest.%'", [ms]);
      db.run(
        "update meta set value = json_set(value, '$.until', json_extract(value, '$.until') - ?1) where key like '%/traces'",
        [ms],
      );
      db.run("update inbox set due_at = due_at - ?1 where due_at is not null", [ms]);
      if (there.has("batches")) {
        db.run("update batch_requests set created_at = created_at - ?1", [ms]);
        db.run("update batches set created_at = created_at - ?1, tried_at = tried_at - ?1", [ms]);
      }
      if (!ticks) return;
      db.run("update schedules set considered = considered - ?1", [ms]);
      // Downwards in one statement would meet the next tick's key on the way.
      db.run("update schedule_ticks set at = -at");
      db.run("update schedule_ticks set at = -at - ?1, decided_at = decided_at - ?1", [ms]);
    })();
  } finally {
    db.close();
  }
}
