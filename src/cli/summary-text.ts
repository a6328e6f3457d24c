/** How a run ended, in as few lines as a tired person needs: what there is, what is open, what to do next. */

import type { Goal } from "../domain/goal.ts";
import { dollars, nano } from "../domain/money.ts";
import type { Question } from "../domain/question.ts";
import type { GoalResult } from "../domain/result.ts";
import { duration } from "../domain/quantity.ts";
import type { WaitingEffects } from "../store/effect-waiting.ts";
import { oneLine, table } from "./output.ts";
import { waitingText } from "./waiting-text.ts";

const NONE: WaitingEffects = { answerable: [], unknown: [] };

/** `actions` are the goal's own that wait for a person. */
export function summaryText(
  result: GoalResult,
  goal: Goal,
  questions: readonly Question[],
  actions: WaitingEffects = NONE,
): string {
  const done = result.tasks.filter((task) => task.status === "done");
  const out = ["", `${oneLine(result.title, 100)}: ${statusWords(goal)}`, ""];
  if (done.length > 0) {
    out.push(
      table(
        done.map((task) => [
          `  ${task.skill}`,
          task.score === null ? "" : `score ${task.score.toFixed(1)}`,
          `v${task.revision + 1}`,
          task.output ?? "",
        ]),
      ),
      "",
    );
  }
  const open = result.tasks.filter((task) => task.status === "failed" || task.status === "cancelled");
  if (open.length > 0) out.push(`Not done: ${open.map((task) => `${task.skill} (${task.status})`).join(", ")}`, "");
  if (result.missingInputs.length > 0) {
    const shown = result.missingInputs.slice(0, 5).map((line) => `  - ${oneLine(line, 120)}`);
    const more = result.missingInputs.length - shown.length;
    out.push("Missing (the work marks these places):", ...shown, ...(more > 0 ? [`  and ${more} more in the report`] : []), "");
  }
  for (const question of questions) {
    out.push(
      `Question: ${oneLine(question.title, 140)}`,
      `  yes: ${question.approveMeans}`,
      `       bun run start approve ${question.id}`,
      `  no:  ${question.rejectMeans}`,
      `       bun run start reject ${question.id} --note "why"`,
      ...(question.kind === "budget"
        ? ["  or another amount:", `       bun run start resume ${goal.id} --allow USD${goal.rehearsal ? " --rehearse" : ""}`]
        : []),
      "",
    );
  }
  out.push(...waitingText(actions, goal));
  if (goal.status === "paused" && questions.length === 0)
    out.push(`Go on with: bun run start resume ${goal.id}${goal.rehearsal ? " --rehearse" : ""}`, "");
  const cost = result.rehearsal
    ? `Rehearsal: nothing was spent (a real run would have cost about ${dollars(nano(result.costUsd))})`
    : `Cost ${dollars(nano(result.costUsd))}`;
  out.push(
    `${cost}${result.quote ? `, quoted ${dollars(nano(result.quote.likely))}` : ""}. Time ${duration(result.durationMs)}.`,
  );
  if (result.report) out.push(`Report: ${result.workspace}/${result.report}`);
  return out.join("\n");
}

function statusWords(goal: Goal): string {
  switch (goal.status) {
    case "completed":
      return "done";
    case "paused":
      return goal.pause === "question" ? "waits for you" : `paused, ${goal.reason ?? goal.pause ?? ""}`;
    case "failed":
      return `failed, ${goal.reason ?? "see the report"}`;
    default:
      return goal.status;
  }
}
