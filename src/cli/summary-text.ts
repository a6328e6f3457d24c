/** How a run ended, in as few lines as a tired person needs: what there is, what is open, what to do next. */

import type { Goal } from "../domain/goal.ts";
import { dollars, nano } from "../domain/money.ts";
import type { Question } from "../domain/question.ts";
import type { GoalResult } from "../domain/result.ts";
import { duration } from "../domain/quantity.ts";
import type { WaitingEffects } from "../store/effect-waiting.ts";
import { fits, oneLine, openable, table, wrap, type Page } from "./output.ts";
import { waitingText } from "./waiting-text.ts";

const NONE: WaitingEffects = { answerable: [], unknown: [] };

/** `actions` are the goal's own that wait for a person. */
export function summaryText(
  result: GoalResult,
  goal: Goal,
  questions: readonly Question[],
  actions: WaitingEffects = NONE,
  page: Page = { columns: null, folder: result.workspace },
): string {
  const { columns } = page;
  const done = result.tasks.filter((task) => task.status === "done");
  const out = ["", wrap(`${oneLine(result.title, 100)}: ${statusWords(goal)}`, columns), ""];
  if (done.length > 0) {
    const facts = done.map((task) => [
      `  ${task.skill}`,
      task.score === null ? "" : `score ${task.score.toFixed(1)}`,
      `v${task.revision + 1}`,
    ]);
    const paths = done.map((task) => (task.output === null ? "" : openable(result.workspace, task.output, page.folder)));
    const wide = table(facts.map((row, i) => [...row, paths[i] ?? ""]));
    // A path that would break in two stands in a line of its own.
    out.push(
      ...(fits(wide, columns)
        ? [wide]
        : table(facts)
            .split("\n")
            .flatMap((line, i) => (paths[i] ? [line, `    ${paths[i]}`] : [line]))),
      "",
    );
  }
  const open = result.tasks.filter((task) => task.status === "failed" || task.status === "cancelled");
  if (open.length > 0)
    out.push(wrap(`Not done: ${open.map((task) => `${task.skill} (${task.status})`).join(", ")}`, columns), "");
  if (result.missingInputs.length > 0) {
    const shown = result.missingInputs.slice(0, 5).map((line) => wrap(`  - ${oneLine(line, 120)}`, columns, "    "));
    const more = result.missingInputs.length - shown.length;
    out.push("Missing (the work marks these places):", ...shown, ...(more > 0 ? [`  and ${more} more in the report`] : []), "");
  }
  for (const question of questions) {
    out.push(
      wrap(`Question: ${oneLine(question.title, 140)}`, columns, "  "),
      wrap(`  yes: ${question.approveMeans}`, columns, "       "),
      `       bun run start approve ${question.id}`,
      wrap(`  no:  ${question.rejectMeans}`, columns, "       "),
      `       bun run start reject ${question.id} --note "why"`,
      ...(question.kind === "budget" ? ["  or another amount:", `       bun run start resume ${goal.id} --allow USD`] : []),
      "",
    );
  }
  out.push(...waitingText(actions, goal));
  if (goal.status === "paused" && questions.length === 0) out.push(`Go on with: bun run start resume ${goal.id}`, "");
  const cost = result.rehearsal
    ? `Rehearsal: nothing was spent (a real run would have cost about ${dollars(nano(result.costUsd))})`
    : `Cost ${dollars(nano(result.costUsd))}`;
  const quoted = result.quote ? `, quoted ${dollars(nano(result.quote.likely))}` : "";
  out.push(wrap(`${cost}${quoted}. Time ${duration(result.durationMs)}.`, columns));
  if (result.report) out.push(`Report: ${openable(result.workspace, result.report, page.folder)}`);
  if (goal.status === "completed" && goal.contextVersion === 0)
    out.push("", "Next: tell the team about your product, and the next goal is about it:", "  bun run start init");
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
