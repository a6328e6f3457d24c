/** Follows one goal: every event of it goes through one state, which is read from the store when tasks are new. */

import type { StoredEvent } from "../../domain/event.ts";
import type { Log } from "../../log/log.ts";
import type { Store } from "../../store/store.ts";
import { readSnapshot } from "./snapshot.ts";
import { begin, reduce, renew, type ProgressState } from "./state.ts";

export type Follower = {
  state(): ProgressState;
  /** Takes in what was heard so far and reads the goal a last time: what went back to rest without an event shows as it is. */
  close(): Promise<void>;
};

export type FollowOptions = {
  readonly store: Pick<Store, "read" | "subscribe">;
  readonly log: Log;
  readonly now: () => number;
  /** Called for each event of the goal, in order, with the state that it led to. */
  readonly heard: (event: StoredEvent, state: ProgressState) => void;
};

/** Rejects when the goal cannot be read at the start; later, what cannot be read or shown is left as it was. */
export async function follow(options: FollowOptions, goalId: string): Promise<Follower> {
  const { store, log } = options;
  const read = () => store.read((read) => readSnapshot(read, goalId));
  const waiting: StoredEvent[] = [];
  let busy = true;
  let taking = Promise.resolve();
  const wake = () => {
    if (!busy) taking = takeIn();
  };
  const stop = store.subscribe((event) => {
    if (event.goalId !== goalId) return;
    waiting.push(event);
    wake();
  });
  let state: ProgressState;
  try {
    state = begin(await read(), options.now());
  } catch (error) {
    stop();
    throw error;
  }

  // An event is taken in at once; those that come while new tasks are read wait for them, so that their order stays.
  async function takeIn(): Promise<void> {
    busy = true;
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      if (bringsTasks(event, state)) await refresh();
      state = reduce(state, event);
      try {
        options.heard(event, state);
      } catch (error) {
        log.warn("an event could not be shown", { type: event.type, error });
      }
    }
    busy = false;
  }

  async function refresh(): Promise<void> {
    try {
      state = renew(state, await read());
    } catch (error) {
      log.warn("the goal's progress could not be read again", { goal: goalId, error });
    }
  }

  busy = false;
  wake();
  return {
    state: () => state,
    async close() {
      stop();
      await taking;
      await refresh();
    },
  };
}

/** After a plan there are new tasks; the closing report comes without one. */
function bringsTasks(event: StoredEvent, state: ProgressState): boolean {
  return (
    event.type === "goal.planned" || (event.type === "task.started" && !state.tasks.some((task) => task.id === event.taskId))
  );
}
