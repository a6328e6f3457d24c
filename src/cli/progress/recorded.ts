/** Test fixture: a planned goal, and events as the store would tell them, a second apart. */

import type { EventBody, StoredEvent } from "../../domain/event.ts";
import { nano } from "../../domain/money.ts";
import { begin, BLANK, reduce, type ProgressState, type TaskState } from "./state.ts";

export const START = Date.UTC(2026, 10, 21, 12, 0, 0);
const GOAL = "goal_1";

type Body<T extends EventBody["type"]> = Omit<Extract<EventBody, { type: T }>, "type" | "goalId" | "taskId">;

/** A recorder: `say` adds an event, `at` is the time of the last one. */
export function record() {
  const events: StoredEvent[] = [];
  const say = <T extends EventBody["type"]>(type: T, task: string | null, body: Body<T>) => {
    const seq = events.length + 1;
    const taskId = task === null ? null : `task_${task}`;
    events.push({
      ...body,
      type,
      goalId: GOAL,
      taskId,
      seq,
      at: START + seq * 1_000,
      rehearsal: false,
    } as unknown as StoredEvent);
  };
  /** A whole call that went well: begun and answered. */
  const call = (task: string, step: string, model: string, cost: number, tokens: number) => {
    const callId = `call_${events.length}`;
    say("call.held", task, { callId, step, model, hold: nano(0.5), attempt: 1 });
    say("call.settled", task, { callId, step, model, stop: "end", cost: nano(cost), tokens, ms: 1_000 });
  };
  const started = (task: string, revision = 0, attempt = 1) =>
    say("task.started", task, { key: task, skill: task, revision, attempt });
  /** A first version that is made, read and taken. */
  const done = (task: string, score = 8.4) => {
    started(task);
    call(task, "make", "claude-sonnet-5-5", 0.04, 9_000);
    say("task.delivered", task, { revision: 0, chars: 3_214 });
    call(task, "review:director", "claude-opus-5-5", 0.02, 3_345);
    say("task.reviewed", task, { revision: 0, reviewer: "director", verdict: "APPROVE", score });
    say("task.done", task, { revision: 0, score });
  };
  return { events, say, call, started, done };
}

export function task(key: string, phase: string, extra: Partial<TaskState> = {}): TaskState {
  return { ...BLANK, id: `task_${key}`, key, kind: "work", phase, skill: key, status: "waiting", revision: 0, ...extra };
}

/** Two phases with a gate between them, nothing begun. */
export function planned(extra: Partial<ProgressState> = {}): ProgressState {
  return begin(
    {
      title: "Grow signups",
      status: "running",
      reason: null,
      rehearsal: false,
      cap: nano(20),
      phases: ["Research", "Draft"],
      tasks: [
        task("customer-research", "Research", { status: "ready" }),
        task("competitor-profiling", "Research", { status: "ready" }),
        task("gate-1", "Research", { kind: "gate", skill: "director" }),
        task("landing-page", "Draft", { skill: "page-writer" }),
      ],
      calls: new Map(),
      questions: [],
      ...extra,
    },
    START,
  );
}

export function play(state: ProgressState, events: readonly StoredEvent[]): ProgressState {
  return events.reduce(reduce, state);
}

/** The goal in the middle of its work: one task is back for a second version, one is done. */
export function halfway(): ProgressState {
  const tape = record();
  tape.done("customer-research");
  tape.started("competitor-profiling");
  tape.call("competitor-profiling", "make", "claude-sonnet-5-5", 0.05, 8_000);
  tape.say("task.delivered", "competitor-profiling", { revision: 0, chars: 2_000 });
  tape.call("competitor-profiling", "review:director", "claude-opus-5-5", 0.02, 3_000);
  tape.say("task.reviewed", "competitor-profiling", { revision: 0, reviewer: "director", verdict: "REVISE", score: 6.1 });
  tape.say("task.returned", "competitor-profiling", { revision: 1, why: "names no prices\u001b[2J at all" });
  tape.say("task.ready", "competitor-profiling", { revision: 1 });
  tape.started("competitor-profiling", 1);
  tape.say("call.held", "competitor-profiling", {
    callId: "call_x",
    step: "make",
    model: "claude-sonnet-5-5",
    hold: 1,
    attempt: 1,
  });
  return play(planned(), tape.events);
}
