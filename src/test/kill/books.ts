/** What lies in a workspace's database, read from outside: the file itself, read-only, without a line of the store's code. */

import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";

export type GoalRow = {
  id: string;
  title: string;
  status: string;
  pause: string | null;
  cap: number;
  allowed: number;
  plan_version: number;
};
export type TaskRow = {
  id: string;
  key: string;
  kind: string;
  skill: string;
  goal_id: string;
  status: string;
  revision: number;
  unmet: number;
  deliverable_id: string | null;
};
export type CallRow = {
  id: string;
  goal_id: string;
  subject: string;
  revision: number;
  step: string;
  round: number;
  attempt: number;
  state: string;
  skill: string | null;
  model: string;
  request_hash: string;
  hold: number;
  cost: number;
  scopes: string;
  reply: string | null;
  rehearsal: number;
  started_at: number;
  ended_at: number | null;
};
export type ScopeRow = { kind: string; id: string; rehearsal: number; spent: number; held: number; allowed: number };
export type EventRow = { seq: number; at: number; type: string; goal_id: string | null; task_id: string | null; data: string };
export type QuestionRow = {
  id: string;
  goal_id: string;
  task_id: string | null;
  kind: string;
  status: string;
  answer: string | null;
};
export type DeliverableRow = { id: string; task_id: string; revision: number; origin: string; hash: string };
export type LearningRow = { id: string; statement: string; status: string; origin: string };
export type TrialRow = { learning_id: string; task_id: string; winner: string };
export type NeedRow = { task_id: string; need_id: string };

export type Books = {
  readonly goals: readonly GoalRow[];
  readonly tasks: readonly TaskRow[];
  readonly needs: readonly NeedRow[];
  readonly calls: readonly CallRow[];
  readonly scopes: readonly ScopeRow[];
  readonly events: readonly EventRow[];
  readonly questions: readonly QuestionRow[];
  readonly deliverables: readonly DeliverableRow[];
  readonly processes: number;
  /** The real ones: what a rehearsal learned is not written down for people. */
  readonly learnings: readonly LearningRow[];
  readonly trials: readonly TrialRow[];
};

const EMPTY: Books = {
  goals: [],
  tasks: [],
  needs: [],
  calls: [],
  scopes: [],
  events: [],
  questions: [],
  deliverables: [],
  processes: 0,
  learnings: [],
  trials: [],
};

export const DATABASE = ".marketeam/marketeam.db";

/** Everything in the database of a workspace; empty when there is no schema yet. */
export function readBooks(workspace: string): Books {
  const path = join(workspace, DATABASE);
  if (!existsSync(path)) return EMPTY;
  const db = new Database(path, { readonly: true });
  try {
    const tables = new Set(
      db
        .query<{ name: string }, []>("select name from sqlite_master where type = 'table'")
        .all()
        .map((row) => row.name),
    );
    // Killed between two migrations, it lacks the tables of the later ones.
    const all = <T>(sql: string): T[] => {
      const [, table] = / from (\w+)/.exec(sql) ?? [];
      return table === undefined || tables.has(table) ? db.query<T, []>(sql).all() : [];
    };
    if (!tables.has("goals")) return EMPTY;
    const check = all<{ quick_check: string }>("pragma quick_check").map((row) => row.quick_check);
    if (check.join() !== "ok") throw new Error(`the database is damaged: ${check.join("; ")}`);
    const count = (sql: string) => all<{ n: number }>(sql)[0]?.n ?? 0;
    return {
      goals: all("select id, title, status, pause, cap, allowed, plan_version from goals order by id"),
      tasks: all("select id, key, kind, skill, goal_id, status, revision, unmet, deliverable_id from tasks order by id"),
      needs: all("select task_id, need_id from task_needs"),
      calls: all("select * from calls order by started_at, id"),
      scopes: all("select kind, id, rehearsal, spent, held, allowed from scopes"),
      events: all("select seq, at, type, goal_id, task_id, data from events order by rowid"),
      questions: all("select id, goal_id, task_id, kind, status, answer from questions order by id"),
      deliverables: all("select id, task_id, revision, origin, hash from deliverables order by id"),
      processes: count("select count(*) as n from processes"),
      learnings: all("select id, statement, status, origin from learnings where rehearsal = 0 order by id"),
      trials: all("select learning_id, task_id, winner from trials"),
    };
  } finally {
    db.close();
  }
}

/** The same, from a copy: what a killed process left stays untouched for the program to recover. */
export function readCopy(workspace: string, folder: string): Books {
  copyDatabase(workspace, folder);
  return readBooks(folder);
}

export function copyDatabase(workspace: string, folder: string): void {
  mkdirSync(join(folder, ".marketeam"), { recursive: true });
  for (const ending of ["", "-wal"]) {
    const from = join(workspace, DATABASE) + ending;
    if (existsSync(from)) copyFileSync(from, join(folder, ".marketeam", basename(from)));
  }
}
