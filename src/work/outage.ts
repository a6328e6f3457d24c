/** The way back from a model outage: goals that wait for the model are tried one at a time, and all go on when one gets through. */

import type { Log } from "../log/log.ts";
import type { StoredEvent } from "../domain/event.ts";
import { listGoals } from "../store/goals.ts";
import type { Store } from "../store/store.ts";
import { resumeGoal } from "./answers.ts";

export interface Outage {
  /** Lets the next waiting goal try, when it is time. Returns when to look again (UTC ms), null when nothing waits. */
  look(): Promise<number | null>;
  /** A call that was answered ends the outage; a pause makes the next try later. True when a look is due because of it. */
  hear(event: StoredEvent): boolean;
}

const FIRST_MS = 15_000;
const MAX_MS = 10 * 60_000;

/** `rehearsal`: which goals are this daemon's. Several daemons may try at the same time: each try is one goal's next call. */
export function createOutage(options: { store: Store; rehearsal: boolean; log: Log; now: () => number }): Outage {
  const { store, log, now } = options;
  let wait = FIRST_MS;
  let tryAt = 0;
  /** A call has been answered since the last pause: the model is there. */
  let there = false;

  return {
    async look() {
      const goals = await store.read((read) => listGoals(read, { limit: 500, status: ["paused"] }));
      const waiting = goals.filter((goal) => goal.pause === "model_away" && goal.rehearsal === options.rehearsal);
      if (waiting.length === 0) {
        wait = FIRST_MS;
        tryAt = 0;
        return null;
      }
      if (there) {
        for (const goal of waiting) await resumeGoal(store, goal.id, null);
        log.info("the model answers again: work goes on", { goals: waiting.length });
        return null;
      }
      if (tryAt === 0) tryAt = now() + wait;
      if (now() < tryAt) return tryAt;
      // The oldest first: its next call is the probe.
      const probe = waiting.at(-1);
      if (probe) await resumeGoal(store, probe.id, null);
      log.info("trying whether the model answers again", { goal: probe?.id, waiting: waiting.length });
      wait = Math.min(MAX_MS, wait * 2);
      tryAt = now() + wait;
      return tryAt;
    },
    hear(event) {
      if (event.rehearsal !== options.rehearsal) return false;
      if (event.type === "goal.paused" && event.pause === "model_away") {
        there = false;
        return true;
      }
      if (event.type !== "call.settled" || !ANSWERED.includes(event.stop) || there) return false;
      there = true;
      return true;
    },
  };
}

const ANSWERED = ["end", "tool_use", "truncated", "refusal", "context_too_long"];
