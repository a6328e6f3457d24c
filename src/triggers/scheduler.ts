/** The scheduler: what is due now is decided now, by one process of those that share the store, and it says when to look again. */

import type { Registry } from "../domain/registry.ts";
import { addSchedules, listSchedules, lockSchedule, setSchedule, type ScheduleState, type Tick } from "../store/schedules.ts";
import { StoreError } from "../store/store.ts";
import { readyToAccept } from "../work/accept.ts";
import type { Team } from "../work/team.ts";
import { consideredBy, decideDue, knownSince, OFF, SET_BACK_MS, specOf, type Schedule } from "./schedule-decide.ts";
import { loadTimes, type Times } from "./schedule-times.ts";

export type Look = {
  /** Ticks that this look made goals of (`goalId`), oldest first. */
  readonly fired: readonly Tick[];
  /** Ticks that this look decided to skip, with the reason. */
  readonly skipped: readonly Tick[];
  /** When the next tick is due (UTC ms); null when nothing ever is. */
  readonly nextAt: number | null;
};

export interface Scheduler {
  /**
   * Decides what is due. Looking again changes nothing. A look during a look is the same look. Throws ClockError and
   * StoreError: what was decided until then is saved and logged, and the next look goes on.
   */
  look(): Promise<Look>;
}

/** The clock of this machine cannot be right. */
export class ClockError extends Error {
  readonly code = "clock";
  readonly hint = "set the clock of this machine (or let it be set from the network); nothing was started";
}

/** Older than this program: a machine that lost its clock begins in 1970 or at its making. */
const EARLIEST = Date.UTC(2026, 0, 1);

export type SchedulerOptions = {
  readonly team: Team;
  readonly rehearsal: boolean;
  /** Those of the registry unless given; with those whose pipeline is broken (`readSchedules`) their ticks are recorded too. */
  readonly schedules?: Registry["schedules"];
};

type Entry = {
  readonly name: string;
  readonly schedule: Schedule;
  readonly times: Times;
  considered: number;
  nextAt: number | null;
};

export function createScheduler({ team, rehearsal, schedules = team.registry.schedules }: SchedulerOptions): Scheduler {
  const { store, registry, caps } = team;
  const log = team.log.child({ component: "scheduler" });
  let known: { readonly entries: readonly Entry[]; readonly since: number } | null = null;
  let looking: Promise<Look> | null = null;

  async function look(): Promise<Look> {
    const now = clock(team.now());
    known ??= { entries: await know(now), since: now };
    const { entries, since } = known;
    const due = entries.filter((entry) => isDue(entry, now));
    const decided: Tick[] = [];
    let fault: unknown = null;
    if (due.length > 0) {
      const deciding = { registry, caps, rehearsal, now, ready: await readyToAccept(team) };
      for (const entry of due) {
        try {
          const { ticks, considered } = await store.write("schedule.tick", (tx) => decideDue(tx, { ...entry, since }, deciding));
          for (const tick of ticks) tell(tick);
          decided.push(...ticks);
          entry.considered = considered;
          entry.nextAt = entry.times.next(considered);
        } catch (error) {
          if (error instanceof StoreError) throw error;
          // One schedule that cannot be decided does not stop the others.
          log.error("a schedule could not be decided", { schedule: entry.name, error });
          fault ??= error;
        }
      }
    }
    if (fault !== null) throw fault;
    const next = entries.flatMap((entry) => entry.nextAt ?? []);
    return {
      fired: decided.filter((tick) => tick.outcome === "fired"),
      skipped: decided.filter((tick) => tick.outcome === "skipped"),
      nextAt: next.length === 0 ? null : next.reduce((a, b) => Math.min(a, b)),
    };
  }

  /** Reads how far each schedule is decided. One that is new, or was changed, counts from now. */
  async function know(now: number): Promise<Entry[]> {
    const timesOf = await loadTimes();
    const states = await store.read((read) => listSchedules(read, rehearsal));
    const wanted = new Map(Object.entries(schedules).map(([name, schedule]) => [name, specOf(schedule)]));
    const gone = [...states.values()].filter(({ name, spec }) => !wanted.has(name) && spec !== OFF);
    const changed = [...wanted, ...gone.map(({ name }) => [name, OFF] as const)].filter(
      ([name, spec]) => states.get(name)?.spec !== spec,
    );
    if (changed.length > 0)
      await store.write("schedule.know", async (tx) => {
        await addSchedules(
          tx,
          changed.map(([name, spec]) => ({ name, spec, considered: now })),
          rehearsal,
        );
        for (const [name, spec] of changed.filter(([name]) => states.has(name)).sort(([a], [b]) => (a < b ? -1 : 1))) {
          const state = await lockSchedule(tx, name, rehearsal);
          if (state && state.spec !== spec)
            await setSchedule(tx, { name, spec, considered: consideredBy(state, { spec, since: now, now }) }, rehearsal);
        }
      });
    return Object.entries(schedules).flatMap(([name, schedule]) => {
      if (!schedule.enabled) return [];
      const entry = entryOf(name, schedule, { state: states.get(name), now, timesOf });
      return entry ? [entry] : [];
    });
  }

  function entryOf(
    name: string,
    schedule: Schedule,
    { state, now, timesOf }: { state: ScheduleState | undefined; now: number; timesOf: (schedule: Schedule) => Times },
  ): Entry | null {
    try {
      const times = timesOf(schedule);
      const spec = specOf(schedule);
      // As it stands: one that lies in the future is put right in the look that follows, where it is locked.
      const considered = knownSince(state ?? { name, spec, considered: now }, { spec, since: now, now });
      return { name, schedule, times, considered, nextAt: times.next(considered) };
    } catch (error) {
      log.error("a schedule cannot be read: it fires nothing", { schedule: name, error });
      return null;
    }
  }

  function tell(tick: Tick): void {
    const { name: schedule, missed, goalId } = tick;
    const at = new Date(tick.at).toISOString();
    if (tick.outcome === "fired") log.info("schedule fired", { schedule, at, goalId, missed });
    else {
      const fields = { schedule, at, reason: tick.reason, detail: tick.detail, missed };
      // A person knows what a person has paused.
      if (tick.reason === "paused") log.info("schedule skipped", fields);
      else log.warn("schedule skipped", fields);
    }
  }

  return {
    look: () =>
      (looking ??= look().finally(() => {
        looking = null;
      })),
  };
}

function isDue(entry: Entry, now: number): boolean {
  return (entry.nextAt !== null && entry.nextAt <= now) || entry.considered > now + SET_BACK_MS;
}

function clock(now: number): number {
  if (Number.isFinite(now) && now >= EARLIEST) return now;
  const shown = Number.isFinite(now) ? new Date(now).toISOString() : String(now);
  throw new ClockError(`the clock of this machine says ${shown}: no schedule is looked at`);
}
