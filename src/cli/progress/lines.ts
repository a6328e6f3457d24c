/** Progress as plain lines, one for each event that a person cares about: for logs, pipes and CI. */

import type { StoredEvent } from "../../domain/event.ts";
import { dollars } from "../../domain/money.ts";
import { eventText } from "../event-text.ts";
import { oneLine } from "../output.ts";
import { spending, type ProgressState, type TaskState } from "./state.ts";
import { fit } from "./words.ts";

const MAX_WIDTH = 200;
const MAX_SUBJECT = 32;

/** `12:04:31  copywriting  started`, in local time; null for an event that needs no line. `state` is the one behind the event. */
export function lineOf(event: StoredEvent, state: ProgressState): string | null {
  const task = state.tasks.find((entry) => entry.id === event.taskId) ?? null;
  const text = textOf(event, state, task);
  if (text === null) return null;
  const time = new Date(event.at).toTimeString().slice(0, 8);
  const longest = Math.max(0, ...state.tasks.map((entry) => Bun.stringWidth(entry.key)));
  return `${time}  ${fit(subject(event, task), Math.min(longest, MAX_SUBJECT))}  ${oneLine(text, MAX_WIDTH)}`;
}

function subject(event: StoredEvent, task: TaskState | null): string {
  if (task === null) return event.type.startsWith("budget.") ? "budget" : event.type === "goal.planned" ? "plan" : "goal";
  return task.kind === "gate" ? oneLine(`gate of ${task.phase}`) : oneLine(task.key);
}

function textOf(event: StoredEvent, state: ProgressState, task: TaskState | null): string | null {
  switch (event.type) {
    case "goal.planned": {
      if (event.why !== null) return `changed (version ${event.version}): ${event.why}`;
      const phases = state.phases.length === 1 ? "1 phase" : `${state.phases.length} phases`;
      return `${event.tasks === 1 ? "1 task" : `${event.tasks} tasks`} in ${phases}: ${event.title}`;
    }
    case "task.started":
      if (task?.kind === "gate") return null;
      return `started${event.revision > 0 ? ` on version ${event.revision + 1}` : ""}${event.attempt > 1 ? ` again (attempt ${event.attempt})` : ""}`;
    case "task.delivered":
      return `delivered version ${event.revision + 1} (${event.chars.toLocaleString("en")} characters)`;
    case "task.returned":
      return `sent back${task?.score == null ? "" : ` (${task.score.toFixed(1)})`}: ${event.why}`;
    case "task.done": {
      if (task?.kind !== "work") return null;
      const { cost } = spending(state, task.id);
      return `done${event.score === null ? "" : `, score ${event.score.toFixed(1)}`}${cost === 0 ? "" : `, ${dollars(cost)}`}`;
    }
    case "task.blocked":
      // The question says it.
      return event.questionId === null ? `blocked: ${event.reason}` : null;
    case "gate.decided":
      return `${event.changed ? "the plan changes" : "goes on as planned"}${event.note === "" ? "" : `: ${event.note}`}`;
    case "call.held":
      if (event.attempt === 1) return null;
      return `model called again, attempt ${event.attempt}${task?.trouble == null ? "" : ` (${task.trouble})`}`;
    case "budget.level":
      return event.level === "normal" ? null : eventText(event);
    case "goal.accepted":
    case "task.ready":
    case "task.reviewed":
    case "call.settled":
    case "pipeline_blocked":
    case "learning.added":
    case "context.imported":
      return null;
    default:
      return eventText(event).replace(/^goal /, "");
  }
}
