/** How far the team was there for its work: ticks of schedules that were decided in time, and ready work that nobody took. */

import { sql } from "kysely";
import type { Window } from "./figures.ts";
import { IN_TIME_MS } from "./schedules.ts";
import type { Read } from "./store.ts";

/** A window that ends so near to the present ends now. */
const NOW_MS = 1_000;

type Where = Window & { readonly rehearsal: boolean };

/**
 * Ticks whose time lies in the window: how many were due, and how many were decided in time, fired or skipped for a reason.
 * A decision stands also for the ticks before it that nothing ran for. What a person paused or started by hand is not counted.
 */
export async function ticksInTime(read: Read, { from, to, rehearsal }: Where): Promise<{ due: number; inTime: number }> {
  const inTime = sql`case when decided_at - at <= ${IN_TIME_MS} and coalesce(reason, '') <> 'missed' then 1 else 0 end`;
  const row = await read.db
    .selectFrom("schedule_ticks")
    .select([sql`sum(missed)`.as("missed"), sql`sum(${inTime})`.as("in_time")])
    .where("tenant", "=", read.tenant)
    .where("rehearsal", "=", rehearsal ? 1 : 0)
    .where("at", ">=", from)
    .where("at", "<", to)
    .where((eb) => eb.or([eb("reason", "is", null), eb("reason", "not in", ["paused", "hand"])]))
    .executeTakeFirst();
  const kept = Number(row?.in_time ?? 0);
  // One that was late counts itself among the missed.
  return { due: kept + Number(row?.missed ?? 0), inTime: kept };
}

type Span = { readonly from: number; readonly to: number };

/**
 * How long ready work stood in the window while nobody gave a sign of working at anything, ms: stretches longer than
 * IN_TIME_MS alone, for whoever is busy may let others wait. Null when no work was taken or waited.
 */
export async function standstillMs(read: Read, window: Where): Promise<number | null> {
  const { waits, taken } = await waitsIn(read, window);
  if (waits.length === 0) return taken === 0 ? null : 0;
  const silences = await silencesIn(read, window);
  let [sum, reached] = [0, window.from];
  const pieces = waits.flatMap((wait) =>
    silences.map((silence) => ({ from: Math.max(wait.from, silence.from), to: Math.min(wait.to, silence.to) })),
  );
  for (const { from, to } of pieces.filter((piece) => piece.to - piece.from > IN_TIME_MS).sort((a, b) => a.from - b.from)) {
    sum += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return sum;
}

/** From ready to taken, where that took long; and, where the window ends now, what is ready still and could be taken. */
async function waitsIn(read: Read, { from, to, rehearsal }: Where): Promise<{ waits: Span[]; taken: number }> {
  const flag = rehearsal ? 1 : 0;
  // (For `tenant || ''` see goalTurns.) A goal that paused says "ready" once more when it goes on: the last word before the claim counts.
  const { rows } = await sql<{ at: unknown; since: unknown; n: unknown }>`
    select at, since, n from (
      select at, since, count(*) over () as n from (
        select type, at, lag(at) over w as since, lag(type) over w as before from events
        where tenant || '' = ${read.tenant} and rehearsal = ${flag} and at >= ${from} and at < ${to}
          and type in ('task.ready', 'task.started')
        window w as (partition by task_id order by seq)
      ) as turns where type = 'task.started' and before = 'task.ready'
    ) as taken order by at - since desc limit 1000`.execute(read.db);
  const open = read.db
    .selectFrom("tasks")
    .innerJoin("goals", (join) => join.onRef("goals.tenant", "=", "tasks.tenant").onRef("goals.id", "=", "tasks.goal_id"))
    .select("tasks.run_at as at")
    .where("tasks.tenant", "=", read.tenant)
    .where("tasks.status", "=", "ready")
    .where("tasks.rehearsal", "=", flag)
    .where("tasks.run_at", "<", to - IN_TIME_MS)
    .where("goals.status", "=", "running");
  // A report of a day says the same whenever it is written: nobody knows how long this will stand.
  const standing = Math.abs(to - read.now) <= NOW_MS ? await open.execute() : [];
  const taken = rows.map((row) => ({ from: Number(row.since), to: Number(row.at) }));
  return {
    waits: [...taken, ...standing.map((row) => ({ from: Math.max(from, Number(row.at)), to }))].filter(
      (wait) => wait.to - wait.from > IN_TIME_MS,
    ),
    taken: Number(rows[0]?.n ?? 0),
  };
}

/** Stretches longer than IN_TIME_MS without a sign of work: no task was taken, no call began or ended. */
async function silencesIn(read: Read, { from, to, rehearsal }: Where): Promise<Span[]> {
  const { rows } = await sql<{ at: unknown; before: unknown; after: unknown }>`
    select at, before, after from (
      select at, lag(at) over w as before, lead(at) over w as after from events
      where tenant || '' = ${read.tenant} and rehearsal = ${rehearsal ? 1 : 0} and at >= ${from} and at < ${to}
        and type in ('task.started', 'call.held', 'call.settled', 'call.unknown')
      window w as (order by seq)
    ) as signs where before is null or after is null or at - before > ${IN_TIME_MS}`.execute(read.db);
  if (rows.length === 0) return [{ from, to }];
  return rows.flatMap(({ at, before, after }) => [
    { from: before === null ? from : Number(before), to: Number(at) },
    ...(after === null ? [{ from: Number(at), to }] : []),
  ]);
}
