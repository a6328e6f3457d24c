/** A new day's or month's budget: goals that waited for it go on by themselves. What its own cap stopped waits for a person. */

import { mayWork, periods, type Caps, type Scope } from "../domain/budget.ts";
import type { Goal } from "../domain/goal.ts";
import type { Log } from "../log/log.ts";
import { listGoals, lockGoal } from "../store/goals.ts";
import { listQuestions, withdrawQuestions } from "../store/questions.ts";
import { listEvents } from "../store/events.ts";
import { worstLevel } from "../store/scopes.ts";
import type { Read, Store, Tx } from "../store/store.ts";
import { wake } from "./answers.ts";

export interface NewDay {
  /** On a day's first look, lets go on what may. Returns when the next day has begun (UTC ms). Throws StoreError. */
  look(): Promise<number>;
}

type Period = "day" | "month";
const DAY_MS = 86_400_000;
/** What was refused in the last moment of a day is at rest by then. */
const LATER_MS = 60_000;
/** A goal has a few thousand events. */
const ALL = 1_000_000;

/** `rehearsal`: which goals are this daemon's. Of several daemons one lets a goal go on; nothing is asked of the model here. */
export function createNewDay(options: {
  readonly store: Store;
  readonly caps: Pick<Caps, Period>;
  readonly rehearsal: boolean;
  readonly log: Log;
  readonly now: () => number;
}): NewDay {
  const { store, caps, rehearsal, log, now } = options;
  /** The day on which all that waits was looked at: until the next one nothing here changes. */
  let lookedOn = "";

  async function waiting(read: Read): Promise<Goal[]> {
    const paused = await listGoals(read, { limit: 500, status: ["paused"] });
    return paused.filter((goal) => goal.pause === "budget" && goal.rehearsal === rehearsal);
  }

  /** The periods that refused it since it was last at work; null when something else did, or nobody knows. */
  async function refusedBy(read: Read, goal: Goal): Promise<readonly { kind: Period; id: string }[] | null> {
    const events = await listEvents(read, { goalId: goal.id, limit: ALL });
    const since = events.findLastIndex((event) => event.type === "goal.resumed");
    const found: { kind: Period; id: string }[] = [];
    for (const event of events.slice(since + 1)) {
      if (event.type !== "call.refused") continue;
      if (event.scope !== "day" && event.scope !== "month") return null;
      found.push({ kind: event.scope, id: periods(event.at)[event.scope] });
    }
    return found.length === 0 ? null : found;
  }

  async function mayGoOn(read: Read, goal: Goal): Promise<boolean> {
    const today = periods(now());
    const refused = await refusedBy(read, goal);
    if (refused === null || refused.some(({ kind, id }) => today[kind] === id)) return false;
    const scopes = (["day", "month"] as const).map((kind): Scope => ({ kind, id: today[kind], cap: caps[kind] }));
    const { level } = await worstLevel(read, scopes, rehearsal);
    if (!mayWork(level, goal.priority)) return false;
    // Another question stands in the way all the same.
    return (await listQuestions(read, { goalId: goal.id, status: "open" })).every((question) => question.kind === "budget");
  }

  async function goOn(tx: Tx, goalId: string): Promise<boolean> {
    const goal = await lockGoal(tx, goalId);
    if (goal.status !== "paused" || goal.pause !== "budget" || !(await mayGoOn(tx, goal))) return false;
    await withdrawQuestions(tx, goalId);
    await wake(tx, goalId, "a new budget");
    return true;
  }

  return {
    async look() {
      const { day } = periods(now());
      const next = Math.floor(now() / DAY_MS + 1) * DAY_MS + LATER_MS;
      if (day === lookedOn) return next;
      let gone = 0;
      for (const { id } of await store.read(waiting)) if (await store.write("goal.resume", (tx) => goOn(tx, id))) gone += 1;
      lookedOn = day;
      if (gone > 0) log.info("a new day's budget: work goes on", { goals: gone });
      return next;
    },
  };
}
