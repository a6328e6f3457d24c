/** A goal's progress as the store has it: its tasks in the order of the plan, and what its calls came to. */

import { callsOfGoal } from "../../store/calls.ts";
import { getPlan, needGoal } from "../../store/goals.ts";
import { listQuestions } from "../../store/questions.ts";
import { tasksOfGoal } from "../../store/tasks.ts";
import type { Read } from "../../store/store.ts";
import type { Call } from "../../domain/call.ts";
import type { Task } from "../../domain/task.ts";
import { BLANK, type CallState, type Snapshot, type TaskState } from "./state.ts";

export async function readSnapshot(read: Read, goalId: string): Promise<Snapshot> {
  const goal = await needGoal(read, goalId);
  const plan = goal.planVersion === 0 ? null : await getPlan(read, goalId, goal.planVersion);
  const tasks = await tasksOfGoal(read, goalId);
  const calls = await callsOfGoal(read, goalId);
  const questions = await listQuestions(read, { goalId, status: "open" });
  const keys = plan?.tasks.map((task) => task.key) ?? [];
  // What a later version dropped stays where it stood, behind what it kept; a gate ends its phase.
  const phases = [
    ...new Set([...(plan?.phases.map((phase) => phase.name) ?? []), ...tasks.filter(isPlanned).map((task) => task.phase)]),
  ];
  const place = (task: Task) => {
    const at = keys.indexOf(task.key);
    return task.kind === "gate" ? Number.MAX_SAFE_INTEGER : at === -1 ? keys.length : at;
  };
  const { title, status, reason, rehearsal, cap, allowed } = goal;
  return {
    title,
    status,
    reason,
    rehearsal,
    cap: cap + allowed,
    phases: phases.filter((phase) => tasks.some((task) => isPlanned(task) && task.phase === phase)),
    tasks: tasks.toSorted((a, b) => place(a) - place(b)).map(taskState),
    calls: new Map(calls.map((call) => [call.id, callState(call)])),
    questions: questions.map(({ id, title, taskId }) => ({ id, title, taskId })),
  };
}

const isPlanned = (task: Task) => task.kind === "work" || task.kind === "gate";

function taskState(task: Task): TaskState {
  const { id, key, kind, phase, skill, status, revision, model, score, startedAt, endedAt } = task;
  const working = status === "running" || status === "reviewing";
  return {
    ...BLANK,
    ...{ id, key, kind, phase, skill, status, revision, model, score },
    note: status === "done" && kind !== "gate" && kind !== "check" ? null : task.reason,
    worked: startedAt !== null && endedAt !== null ? endedAt - startedAt : 0,
    since: working ? startedAt : null,
  };
}

function callState(call: Call): CallState {
  const taskId = call.subject;
  if (call.state === "unknown") return { taskId, state: "unknown", tokens: 0, cost: call.hold };
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = call.usage;
  const tokens = input + output + cacheRead + cacheWrite5m + cacheWrite1h;
  return { taskId, state: call.state === "held" ? "held" : "ended", tokens, cost: call.cost };
}
