/** The words and figures of progress: what a task is doing, and sizes, times and models as short as they can be read. */

import { isActive, type ProgressState, type TaskState } from "./state.ts";

/** What is happening to a task, in a few words; empty when there is nothing to say. May hold text from a model or a person. */
export function activity(state: Pick<ProgressState, "status">, task: TaskState): string {
  if (isActive(state, task)) {
    const word = stepWord(task);
    if (task.trouble !== null)
      return task.step === null ? `${task.trouble}, trying again` : `${word}, attempt ${task.attempt} (${task.trouble})`;
    return word;
  }
  switch (task.status) {
    case "blocked":
      return `waits for you: ${task.note ?? ""}`;
    case "failed":
    case "cancelled":
      return task.note ?? task.status;
    case "done":
      return task.note ?? "";
    default:
      return sentBack(task) ?? "";
  }
}

function stepWord(task: TaskState): string {
  const { step, kind, status } = task;
  if (step?.startsWith("review:")) {
    const reviewer = step.slice("review:".length);
    return reviewer === task.skill || reviewer === "director" ? "in review" : `in review by ${reviewer}`;
  }
  if (step === "rebrief") return "gets a new brief";
  if (kind === "gate") return "deciding";
  if (kind === "plan") return "planning";
  if (kind === "check") return "comparing the texts";
  if (kind === "report") return "the closing word";
  return status === "reviewing" ? "in review" : (sentBack(task) ?? "writing");
}

function sentBack(task: TaskState): string | null {
  return task.revision > 0 && task.note !== null ? `sent back: ${task.note}` : null;
}

export function shortModel(model: string | null): string {
  return (model ?? "").replace(/^claude-/, "").replace(/-\d{8}$/, "");
}

/** `950`, `12.3k`, `456k`, `1.2M`. */
export function thousands(count: number): string {
  if (count < 1_000) return String(count);
  if (count < 99_950) return `${(count / 1_000).toFixed(1)}k`;
  return count < 999_500 ? `${Math.round(count / 1_000)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}

/** `5s`, `1m 02s`, `2h 10m`. */
export function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const two = (count: number) => String(count).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3_600)}h ${two(Math.floor(seconds / 60) % 60)}m`;
}

/** Cut to a width in columns of the terminal, with an ellipsis. A wide character that does not fit whole is left out. */
export function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  for (let end = width - 1; end > 0; end--) {
    // Bun.sliceAnsi keeps a wide character whose second half is behind the end.
    const kept = Bun.sliceAnsi(text, 0, end);
    if (Bun.stringWidth(kept) <= width - 1) return `${kept}…`;
  }
  return width > 0 ? "…" : "";
}

/** Cut or filled with blanks to exactly this width. */
export function fit(text: string, width: number, side: "left" | "right" = "left"): string {
  const shown = cut(text, width);
  const blanks = " ".repeat(Math.max(0, width - Bun.stringWidth(shown)));
  return side === "left" ? shown + blanks : blanks + shown;
}
