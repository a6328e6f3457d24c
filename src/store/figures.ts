/** The store in numbers: grouped counts, the rows that reports and traces are made of, and how far the traces have come. */

import { sql } from "kysely";
import { z } from "zod";
import { usage, type Usage } from "../domain/call.ts";
import type { Nano } from "../domain/money.ts";
import type { Read, Store } from "./store.ts";

/** From (included) and to (excluded), UTC ms. */
export type Window = { readonly from: number; readonly to: number };

export type GoalCount = { status: string; pause: string | null; rehearsal: boolean; n: number };
export type TaskCount = { skill: string; status: string; rehearsal: boolean; n: number; ms: number };
export type CallCount = {
  /** Null for the Director's own calls. */
  skill: string | null;
  model: string;
  state: string;
  rehearsal: boolean;
  /** In batches: their time is mostly waiting. */
  batch: boolean;
  n: number;
  cost: Nano;
  hold: Nano;
  ms: number;
} & Usage;

export async function countGoals(read: Read): Promise<GoalCount[]> {
  const rows = await read.db
    .selectFrom("goals")
    .select((eb) => ["status", "pause", "rehearsal", eb.fn.countAll().as("n")])
    .where("tenant", "=", read.tenant)
    .groupBy(["status", "pause", "rehearsal"])
    .execute();
  return rows.map((row) => ({ ...row, rehearsal: row.rehearsal === 1, n: Number(row.n) }));
}

/** Tasks by skill and state; `ms` is the time from the start to the end of those that are over. */
export async function countTasks(read: Read): Promise<TaskCount[]> {
  const rows = await tasksQuery(read).execute();
  return rows.map((row) => ({ ...row, rehearsal: row.rehearsal === 1, n: Number(row.n), ms: Number(row.ms ?? 0) }));
}

/** Exported for the test that looks at its plan. */
export function tasksQuery(read: Read) {
  return read.db
    .selectFrom("tasks")
    .select((eb) => ["skill", "status", "rehearsal", eb.fn.countAll().as("n"), sql`sum(ended_at - started_at)`.as("ms")])
    .where("tenant", "=", read.tenant)
    .groupBy(["skill", "status", "rehearsal"]);
}

/** Calls by model, skill and state, with what they used. */
export async function countCalls(read: Read, engine: Store["engine"]): Promise<CallCount[]> {
  const { rows } = await callsQuery(read, engine).execute(read.db);
  return rows.map((row) => ({
    skill: row.skill,
    model: row.model,
    state: row.state,
    rehearsal: row.rehearsal === 1,
    batch: Number(row.batch) === 1,
    n: Number(row.n),
    cost: Number(row.cost),
    hold: Number(row.hold),
    ms: Number(row.ms ?? 0),
    input: Number(row.input ?? 0),
    output: Number(row.output ?? 0),
    cacheRead: Number(row.cacheRead ?? 0),
    cacheWrite5m: Number(row.cacheWrite5m ?? 0),
    cacheWrite1h: Number(row.cacheWrite1h ?? 0),
  }));
}

type CallSums = Record<"n" | "cost" | "hold" | "ms" | keyof Usage, unknown> & {
  skill: string | null;
  model: string;
  state: string;
  rehearsal: number;
  batch: number;
};

/** Exported for the test that looks at its plan. */
export function callsQuery(read: Read, engine: Store["engine"]) {
  const names = Object.keys(usage.shape);
  // A row's usage is parsed once: SQLite keeps the last text that it parsed, PostgreSQL is told to.
  const sums = names.map((name) =>
    engine === "sqlite"
      ? sql`sum(json_extract(usage, ${sql.lit(`$.${name}`)})) as ${sql.ref(name)}`
      : sql`sum(used.${sql.ref(name)}) as ${sql.ref(name)}`,
  );
  const fields = sql.join(names.map((name) => sql`${sql.ref(name)} bigint`));
  const parsed = engine === "sqlite" ? sql`` : sql`cross join lateral json_to_record(usage::json) as used(${fields})`;
  return sql<CallSums>`select skill, model, state, rehearsal, count(*) as n, sum(cost) as cost, sum(hold) as hold,
    sum(ended_at - started_at) as ms, case when batch_share is null then 0 else 1 end as batch, ${sql.join(sums)} from calls ${parsed}
    where tenant = ${read.tenant} group by model, skill, state, rehearsal, case when batch_share is null then 0 else 1 end`;
}

/** Since when the longest-waiting task is ready that a worker could take, of real work; UTC ms. Null when nothing waits. */
export async function oldestReady(read: Read): Promise<number | null> {
  const row = await read.db
    .selectFrom("tasks")
    .innerJoin("goals", (join) => join.onRef("goals.tenant", "=", "tasks.tenant").onRef("goals.id", "=", "tasks.goal_id"))
    .select((eb) => eb.fn.min("tasks.run_at").as("at"))
    .where("tasks.tenant", "=", read.tenant)
    .where("tasks.status", "=", "ready")
    .where("tasks.rehearsal", "=", 0)
    .where("tasks.run_at", "<=", read.now)
    .where("goals.status", "=", "running")
    .executeTakeFirst();
  return row?.at == null ? null : Number(row.at);
}

export async function countOpenQuestions(read: Read): Promise<number> {
  const row = await read.db
    .selectFrom("questions")
    .select((eb) => eb.fn.countAll().as("n"))
    .where("tenant", "=", read.tenant)
    .where("status", "=", "open")
    .where("rehearsal", "=", 0)
    .executeTakeFirst();
  return Number(row?.n ?? 0);
}

export type GoalFigures = {
  readonly id: string;
  readonly title: string;
  readonly status: string;
  readonly createdAt: number;
  readonly endedAt: number | null;
  readonly spent: Nano;
  /** As stored; see `parseQuote`. */
  readonly quote: string | null;
  /** When the first piece of its work was accepted. */
  readonly firstAt: number | null;
};

/** Goals that began or ended in the window, oldest first, with their money and their first accepted piece of work. */
export async function goalFigures(read: Read, { from, to, rehearsal }: Window & { rehearsal: boolean }): Promise<GoalFigures[]> {
  const rows = await read.db
    .selectFrom("goals")
    .select(["id", "title", "status", "created_at", "ended_at", "quote"])
    .select((eb) => [
      eb
        .selectFrom("scopes")
        .select("spent")
        .whereRef("scopes.tenant", "=", "goals.tenant")
        .where("scopes.kind", "=", "goal")
        .whereRef("scopes.id", "=", "goals.id")
        .whereRef("scopes.rehearsal", "=", "goals.rehearsal")
        .as("spent"),
      eb
        .selectFrom("tasks")
        .select((of) => of.fn.min("tasks.ended_at").as("at"))
        .whereRef("tasks.tenant", "=", "goals.tenant")
        .whereRef("tasks.goal_id", "=", "goals.id")
        .where("tasks.kind", "=", "work")
        .where("tasks.status", "=", "done")
        .as("first_at"),
    ])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .where((eb) =>
      eb.or([
        eb.and([eb("created_at", ">=", from), eb("created_at", "<", to)]),
        eb.and([eb("ended_at", ">=", from), eb("ended_at", "<", to)]),
      ]),
    )
    .orderBy("id")
    .execute();
  return rows.map((row) => ({
    id: row.id,
    title: row.title,
    status: row.status,
    createdAt: row.created_at,
    endedAt: row.ended_at,
    spent: row.spent ?? 0,
    quote: row.quote,
    firstAt: row.first_at,
  }));
}

/** When the first goal of all began, UTC ms; null without one. */
export async function firstGoalAt(read: Read, rehearsal: boolean): Promise<number | null> {
  const row = await read.db
    .selectFrom("goals")
    .select((eb) => eb.fn.min("created_at").as("at"))
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .executeTakeFirst();
  return row?.at == null ? null : Number(row.at);
}

/** Pieces of real work that ended in the window, in order. */
export async function workEnded(read: Read, { from, to }: Window) {
  return read.db
    .selectFrom("tasks")
    .select(["id", "goal_id as goalId", "key", "skill", "status", "score", "revision", "reason"])
    .where("tenant", "=", read.tenant)
    .where("kind", "=", "work")
    .where("rehearsal", "=", 0)
    .where("ended_at", ">=", from)
    .where("ended_at", "<", to)
    .orderBy("ended_at")
    .orderBy("id")
    .execute();
}

/** What each reviewer of real work said in the window; checks that give no score are no reviews. */
export async function reviewsGiven(read: Read, { from, to }: Window) {
  const rows = await read.db
    .selectFrom("reviews")
    .innerJoin("tasks", (join) => join.onRef("tasks.tenant", "=", "reviews.tenant").onRef("tasks.id", "=", "reviews.task_id"))
    .select((eb) => ["reviews.reviewer", "reviews.verdict", eb.fn.countAll().as("n"), eb.fn.sum("reviews.score").as("sum")])
    .where("reviews.tenant", "=", read.tenant)
    .where("reviews.created_at", ">=", from)
    .where("reviews.created_at", "<", to)
    .where("reviews.score", "is not", null)
    .where("tasks.rehearsal", "=", 0)
    .groupBy(["reviews.reviewer", "reviews.verdict"])
    .execute();
  return [...Map.groupBy(rows, (row) => row.reviewer)]
    .map(([reviewer, list]) => {
      const of = (verdict: string) => Number(list.find((row) => row.verdict === verdict)?.n ?? 0);
      const n = list.reduce((sum, row) => sum + Number(row.n), 0);
      const mean = list.reduce((sum, row) => sum + Number(row.sum), 0) / n;
      return { reviewer, n, mean, revise: of("REVISE"), reject: of("REJECT") };
    })
    .sort((a, b) => b.n - a.n || (a.reviewer < b.reviewer ? -1 : 1));
}

/** How many questions about real goals were asked in the window. */
export async function questionsAsked(read: Read, { from, to, rehearsal }: Window & { rehearsal: boolean }): Promise<number> {
  const row = await read.db
    .selectFrom("questions")
    .select((eb) => eb.fn.countAll().as("n"))
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .where("created_at", ">=", from)
    .where("created_at", "<", to)
    .executeTakeFirst();
  return Number(row?.n ?? 0);
}

/** Questions about real goals that nobody had answered at `at`, oldest first. */
export async function questionsOpenAt(read: Read, at: number) {
  return read.db
    .selectFrom("questions")
    .select(["id", "title", "created_at as createdAt"])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", 0)
    .where("created_at", "<", at)
    .where((eb) => eb.or([eb("status", "=", "open"), eb("answered_at", ">=", at)]))
    .orderBy("id")
    .execute();
}

/** What was learned from real work in the window, surest first. */
export async function learningsAdded(read: Read, { from, to }: Window) {
  return read.db
    .selectFrom("learnings")
    .select(["statement", "skill"])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", 0)
    .where("created_at", ">=", from)
    .where("created_at", "<", to)
    .orderBy("confidence", "desc")
    .orderBy("id")
    .execute();
}

/** The times of real goals' pauses, returns and ends since `from`, in order: enough to see when the model was away. */
export async function goalTurns(read: Read, { from, to }: Window) {
  const rows = await read.db
    .selectFrom("events")
    .select(["type", "at", "goal_id", "data"])
    // As an expression, so that the table is read in its order and not row by row behind an index over all of it.
    .where(sql`tenant || ''`, "=", read.tenant)
    .where("at", ">=", from)
    .where("at", "<", to)
    .where("rehearsal", "=", 0)
    .where("type", "in", ["goal.paused", "goal.resumed", "goal.completed", "goal.failed", "goal.cancelled"])
    .orderBy("seq")
    .execute();
  return rows.map((row) => ({
    at: row.at,
    goalId: row.goal_id ?? "",
    pause: row.type === "goal.paused" ? z.object({ pause: z.string() }).parse(JSON.parse(row.data)).pause : null,
  }));
}
