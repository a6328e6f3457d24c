/** Follows one goal: every event of it goes through one state, which is read from the store at the start and after each plan. */

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

/** Rejects when the goal cannot be read at the start; later, what cannot be read is left as it was. */
export async function follow(options: FollowOptions, goalId: string): Promise<Follower> {
  const { store, log } = options;
  const waiting: StoredEvent[] = [];
  let taking: Promise<void> | null = null;
  let state: ProgressState | null = null;
  const stop = store.subscribe((event) => {
    if (event.goalId !== goalId) return;
    waiting.push(event);
    if (state !== null) void takeIn();
  });

  const read = () => store.read((read) => readSnapshot(read, goalId));

  async function refresh(known: ProgressState): Promise<ProgressState> {
    try {
      return renew(known, await read());
    } catch (error) {
      log.warn("the goal's progress could not be read again", { goal: goalId, error });
      return known;
    }
  }

  // Events that come while the plan is read wait for it: they follow what the reading saw, or repeat it.
  async function takeInAll(known: ProgressState): Promise<void> {
    state = known;
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      if (event.type === "goal.planned") state = await refresh(state);
      state = reduce(state, event);
      options.heard(event, state);
    }
  }

  function takeIn(): Promise<void> {
    if (state === null) return Promise.resolve();
    taking ??= takeInAll(state).finally(() => {
      taking = null;
    });
    return taking;
  }

  try {
    state = begin(await read(), options.now());
  } catch (error) {
    stop();
    throw error;
  }
  let current: ProgressState = state;
  await takeIn();
  return {
    state: () => (current = state ?? current),
    async close() {
      stop();
      await takeIn();
      state = await refresh(state ?? current);
    },
  };
}
