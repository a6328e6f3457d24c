/** What is known of a running goal, from one reading of the store and every event since: all forms of progress read it. */

import type { StoredEvent } from "../../domain/event.ts";
import type { GoalStatus } from "../../domain/goal.ts";
import type { Nano } from "../../domain/money.ts";
import { eventText } from "../event-text.ts";
import { TASK_ENDED, type TaskKind, type TaskStatus } from "../../domain/task.ts";

export type TaskState = {
  readonly id: string;
  readonly key: string;
  readonly kind: TaskKind;
  readonly phase: string;
  readonly skill: string;
  readonly status: TaskStatus;
  readonly revision: number;
  /** Who makes it; a reviewer's model is not told. */
  readonly model: string | null;
  readonly score: number | null;
  /** The step of the call that is under way, which attempt it is, and why the last one had no answer. */
  readonly step: string | null;
  readonly attempt: number;
  readonly trouble: string | null;
  /** Why it was sent back, failed, blocked or cancelled; at a gate, what was decided. */
  readonly note: string | null;
  /** Scores that the reviewers gave the present version. */
  readonly scores: readonly number[];
  /** Ms of work up to its last rest, and since when (UTC ms) it is at work again. */
  readonly worked: number;
  readonly since: number | null;
};

export type CallState = {
  readonly taskId: string | null;
  readonly state: "held" | "ended" | "unknown";
  readonly tokens: number;
  /** What it cost; for a lost answer, what stays held for it. */
  readonly cost: Nano;
};

export type ProgressState = {
  readonly title: string;
  readonly status: GoalStatus;
  /** Why the goal is paused or failed. */
  readonly reason: string | null;
  readonly rehearsal: boolean;
  /** With what a person allowed on top. */
  readonly cap: Nano;
  /** When this run began, UTC ms. */
  readonly since: number;
  readonly phases: readonly string[];
  /** In the order of the plan. */
  readonly tasks: readonly TaskState[];
  /** By call id, so that an event that comes twice counts once. */
  readonly calls: ReadonlyMap<string, CallState>;
  readonly questions: readonly { readonly id: string; readonly title: string; readonly taskId: string | null }[];
};

/** What the store says at one moment, in the order of the plan. */
export type Snapshot = Pick<
  ProgressState,
  "title" | "status" | "reason" | "rehearsal" | "cap" | "phases" | "tasks" | "calls" | "questions"
>;

export function begin(snapshot: Snapshot, now: number): ProgressState {
  return { ...snapshot, since: now };
}

/** The store's word on goal and tasks, with what only events tell kept. */
export function renew(state: ProgressState, snapshot: Snapshot): ProgressState {
  const known = new Map(state.tasks.map((task) => [task.id, task]));
  return {
    ...state,
    ...snapshot,
    tasks: snapshot.tasks.map((task) => {
      const before = known.get(task.id);
      if (!before) return task;
      const { step, attempt, trouble, scores, worked, since } = before;
      const working = isWorking(task.status);
      return {
        ...task,
        model: task.model ?? before.model,
        // The store keeps a gate's words, but not that they changed the plan.
        note: isJudgement(task.kind) ? (before.note ?? task.note) : (task.note ?? before.note),
        scores,
        step: working ? step : null,
        attempt,
        trouble,
        worked: TASK_ENDED.includes(task.status) && before.since !== null ? task.worked : worked,
        since: working ? (since ?? task.since) : null,
      };
    }),
  };
}

/** A gate's and a check's note is what was decided; it stays when they are done. */
const isJudgement = (kind: TaskKind) => kind === "gate" || kind === "check";

const RETRIED = ["overloaded", "rate_limited", "server_error", "lost", "idle"];

/** The state after an event. Events come in order; one of a task that is not known yet is made up for by the next reading. */
export function reduce(state: ProgressState, event: StoredEvent): ProgressState {
  switch (event.type) {
    case "goal.planned":
      return { ...state, title: event.title };
    case "goal.paused":
      return { ...state, status: "paused", reason: event.reason };
    case "goal.resumed":
      return { ...state, status: "running", reason: null };
    case "goal.completed":
      return { ...state, status: "completed", reason: null };
    case "goal.failed":
      return { ...state, status: "failed", reason: event.reason };
    case "goal.cancelled":
      return { ...state, status: "cancelled" };
    case "task.started":
      return change(state, event, (task) => ({
        status: "running",
        skill: event.skill,
        revision: event.revision,
        since: task.since ?? event.at,
      }));
    case "task.ready":
      return change(state, event, (task) => ({ ...rest(task, event.at), status: "ready", revision: event.revision }));
    case "task.delivered":
      return change(state, event, () => ({ status: "reviewing", scores: [] }));
    case "task.reviewed": {
      const { score } = event;
      return score === null ? state : change(state, event, (task) => ({ scores: [...task.scores, score] }));
    }
    case "task.returned":
      return change(state, event, (task) => ({
        ...rest(task, event.at),
        status: "ready",
        revision: event.revision,
        score: mean(task.scores),
        note: event.why,
      }));
    case "task.done":
      return change(state, event, (task) => ({
        ...rest(task, event.at),
        status: "done",
        revision: event.revision,
        score: event.score,
        note: isJudgement(task.kind) ? task.note : null,
      }));
    case "task.failed":
      return change(state, event, (task) => ({ ...rest(task, event.at), status: "failed", note: event.reason }));
    case "task.blocked":
      return change(state, event, (task) => ({
        ...rest(task, event.at),
        status: "blocked",
        score: mean(task.scores) ?? task.score,
        note: event.reason,
      }));
    case "task.cancelled":
      return change(state, event, (task) => ({ ...rest(task, event.at), status: "cancelled", note: event.reason }));
    case "task.parked":
      return change(state, event, (task) => ({ ...rest(task, event.at), status: "ready", note: event.reason }));
    case "gate.decided":
      return change(state, event, () => ({ note: event.changed ? `plan changed: ${event.note}` : event.note }));
    case "texts.compared":
      return change(state, event, () => ({ note: eventText(event) }));
    case "call.held":
      return change(withCall(state, event, { state: "held", tokens: 0, cost: 0 }), event, (task) => ({
        step: event.step,
        attempt: event.attempt,
        model: task.kind !== "work" || event.step.startsWith("make") ? event.model : task.model,
      }));
    case "call.settled":
      return change(withCall(state, event, { state: "ended", tokens: event.tokens, cost: event.cost }), event, () => ({
        step: null,
        trouble: RETRIED.includes(event.stop) ? event.stop.replace("_", " ") : null,
      }));
    case "call.unknown":
      return change(withCall(state, event, { state: "unknown", tokens: 0, cost: event.hold }), event, () => ({
        step: null,
        trouble: "answer lost",
      }));
    case "question.asked": {
      const { questionId: id, title, taskId } = event;
      return { ...state, questions: [...state.questions.filter((question) => question.id !== id), { id, title, taskId }] };
    }
    case "question.answered":
      return { ...state, questions: state.questions.filter((question) => question.id !== event.questionId) };
    default:
      return state;
  }
}

const isWorking = (status: TaskStatus) => status === "running" || status === "reviewing";

/** Whether somebody is at it now. When the goal rests, a task goes back without an event of its own. */
export function isActive(state: Pick<ProgressState, "status">, task: TaskState): boolean {
  return isWorking(task.status) && (state.status === "running" || task.step !== null);
}

/** Ms that a task was worked on, up to `now`. */
export function workedMs(task: TaskState, now: number): number {
  return task.worked + (task.since === null ? 0 : Math.max(0, now - task.since));
}

export type Spending = { readonly tokens: number; readonly cost: Nano; readonly unknown: Nano };

/** What the goal's calls came to, or those of one task. */
export function spending(state: ProgressState, taskId?: string): Spending {
  let [tokens, cost, unknown] = [0, 0, 0];
  for (const call of state.calls.values()) {
    if (taskId !== undefined && call.taskId !== taskId) continue;
    tokens += call.tokens;
    if (call.state === "unknown") unknown += call.cost;
    else cost += call.cost;
  }
  return { tokens, cost, unknown };
}

function change(
  state: ProgressState,
  event: { taskId: string | null },
  update: (task: TaskState) => Partial<TaskState>,
): ProgressState {
  return { ...state, tasks: state.tasks.map((task) => (task.id === event.taskId ? { ...task, ...update(task) } : task)) };
}

export const BLANK = {
  model: null,
  score: null,
  step: null,
  attempt: 1,
  trouble: null,
  note: null,
  scores: [],
  worked: 0,
  since: null,
} satisfies Partial<TaskState>;

function withCall(
  state: ProgressState,
  event: { callId: string; taskId: string | null },
  call: Omit<CallState, "taskId">,
): ProgressState {
  // A reading of the store may be ahead of the events.
  if (call.state === "held" && state.calls.get(event.callId)?.state === "ended") return state;
  return { ...state, calls: new Map(state.calls).set(event.callId, { ...call, taskId: event.taskId }) };
}

function rest(task: TaskState, at: number): Partial<TaskState> {
  return { step: null, trouble: null, scores: [], worked: workedMs(task, at), since: null };
}

function mean(scores: readonly number[]): number | null {
  return scores.length === 0 ? null : Math.round((scores.reduce((sum, score) => sum + score, 0) / scores.length) * 10) / 10;
}
