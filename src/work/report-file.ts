/** The final report of a goal, composed from the store: asked, done, wanted outside, decided, open, cost and time, learned. */

import { z } from "zod";
import { reportReply } from "../director/report.ts";
import type { Contradiction } from "../domain/contradiction.ts";
import { CONTEXT } from "../director/consistency/text.ts";
import { dollars, nano, usd } from "../domain/money.ts";
import { quoteResult } from "../domain/result.ts";
import type { Task } from "../domain/task.ts";
import { callsOfGoal } from "../store/calls.ts";
import { costsOfGoals } from "../store/scopes.ts";
import { contradictionsOf } from "../store/contradictions.ts";
import { currentOfGoal } from "../store/deliverables.ts";
import { getPlan, goalQuote, listPlans, needGoal } from "../store/goals.ts";
import { listLearnings } from "../store/learnings.ts";
import { getMeta } from "../store/meta.ts";
import { listQuestions } from "../store/questions.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import type { Read } from "../store/store.ts";
import { formatDocument } from "../workspace/document.ts";
import { outputPath } from "./output-file.ts";
import { outsideOfGoal } from "./report-outside.ts";
import type { Registry } from "../domain/registry.ts";
import { duration } from "../domain/quantity.ts";

export const closingKey = (goalId: string) => `closing/${goalId}`;

export function reportPath(goalId: string): string {
  return `goals/${goalId}.md`;
}

export const REHEARSAL_MARK =
  "> **Rehearsal.** No model wrote this and nothing was spent: it shows the form of the work, not its substance.";

/** The closing word: its headline where it says more than the title, then a paragraph for each thing said. */
export function opening(title: string, { headline, summary }: { headline: string; summary: readonly string[] }): string[] {
  return [...(headline === title ? [] : [`**${headline}**`, ""]), ...summary.flatMap((said) => [said, ""])];
}

/** The whole report as a document. The same state of the store gives the same text. */
export async function composeReport(read: Read, registry: Registry, goalId: string): Promise<string> {
  const goal = await needGoal(read, goalId);
  const tasks = await tasksOfGoal(read, goalId);
  const work = tasks.filter((task) => task.kind === "work");
  const plan = await getPlan(read, goalId, goal.planVersion);
  const versions = await listPlans(read, goalId);
  const current = await currentOfGoal(read, goalId);
  const cost = (await costsOfGoals(read, [goalId])).get(goalId) ?? { spent: 0, held: 0 };
  const calls = await callsOfGoal(read, goalId);
  const questions = await listQuestions(read, { goalId });
  const learned = (await listLearnings(read, { rehearsal: goal.rehearsal })).filter((entry) => entry.evidence.includes(goalId));
  const stored = await getMeta(read, closingKey(goalId));
  const closing = stored === null ? null : reportReply.parse(JSON.parse(stored));
  const quote = parseQuote(await goalQuote(read, goalId));

  const out: string[] = [`# ${goal.title}`, ""];
  if (goal.rehearsal) out.push(REHEARSAL_MARK, "");
  if (closing) out.push(...opening(goal.title, closing));
  out.push("## What was asked", "", goal.text, "");
  if (closing && closing.next_steps.length > 0)
    out.push("## What to do next", "", ...closing.next_steps.map((step, i) => `${i + 1}. ${step}`), "");

  out.push("## What was done", "");
  for (const task of work.filter((entry) => entry.status === "done"))
    out.push(...doneLines(task, current.get(task.id), outputPath(registry, task)));
  if (!work.some((task) => task.status === "done")) out.push("Nothing was finished.", "");

  const outside = await outsideOfGoal(read, goalId);
  if (outside.lines.length > 0) out.push("## Outside", "", ...outside.lines);

  const decided = [
    ...(goal.pipeline ? [`The plan follows the pipeline "${goal.pipeline}".`] : []),
    ...(plan?.assumptions ?? []).map((line) => `Assumed: ${line}`),
    ...versions.filter((version) => version.why).map((version) => `Plan version ${version.version}: ${version.why}`),
    ...tasks
      .filter((task) => task.kind === "gate" && task.status === "done" && task.reason)
      .map((task) => `After ${task.phase}: ${task.reason}`),
    ...questions
      .filter((question) => question.answer)
      .map(
        (question) =>
          `${question.title} Answer: ${question.answer?.choice}${question.answer?.note ? ` ("${question.answer.note}")` : ""}.`,
      ),
  ];
  if (decided.length > 0) out.push("## What was decided", "", ...decided.map((line) => `- ${line}`), "");

  const contradictions = await contradictionsOf(read, goalId);
  const keyOf = new Map(tasks.map((task) => [task.id, task.key]));
  const against = (entry: Contradiction) =>
    `${entry.subject} (${entry.kind}): ${keyOf.get(entry.wrongTaskId)} said "${oneLine(entry.wrongQuote)}", ${entry.rightSource === CONTEXT ? "the product context" : entry.rightSource} says "${oneLine(entry.rightQuote)}"`;
  const mended = contradictions.filter((entry) => entry.status === "fixed");
  if (mended.length > 0) out.push("## Contradictions that were mended", "", ...mended.map((entry) => `- ${against(entry)}`), "");

  const missing = missingInputs(plan?.missing ?? [], [...current.values()]);
  const open = [
    ...work
      .filter((task) => task.status !== "done")
      .map((task) => `${task.key} (${task.skill}): ${task.status}${task.reason ? `, ${task.reason}` : ""}`),
    ...questions
      .filter((question) => question.status === "open")
      .map((question) => `${question.title} (\`approve ${question.id}\` or \`reject ${question.id}\`)`),
    ...outside.open,
    ...contradictions.filter((entry) => entry.status === "open").map((entry) => `Contradiction: ${against(entry)}`),
    ...missing.map((line) => `Missing: ${line}`),
    // What the closing word repeats of the list above is said once.
    ...(closing?.open_questions ?? []).filter(
      (line) => !missing.some((entry) => line.toLowerCase().includes(entry.toLowerCase())),
    ),
  ];
  out.push("## What is open", "", ...(open.length > 0 ? open.map((line) => `- ${line}`) : ["Nothing."]), "");

  const ended = goal.endedAt ?? calls.at(-1)?.endedAt ?? goal.createdAt;
  out.push("## Cost and time", "");
  out.push(
    `- ${goal.rehearsal ? "A real run of these calls would have cost about" : "Spent"} ${dollars(cost.spent)}${cost.held > 0 ? `, and ${dollars(cost.held)} is held for answers that were lost or are on their way` : ""}, in ${calls.length} model calls.`,
  );
  if (quote)
    out.push(
      `- Quoted: ${dollars(nano(quote.low))} to ${dollars(nano(quote.high))}, likely ${dollars(nano(quote.likely))}${quote.likely > 0 ? `; it came to ${Math.round((usd(cost.spent) / quote.likely) * 100)} % of the likely figure` : ""}.`,
    );
  out.push(`- Time: ${duration(ended - goal.createdAt)}.`, "");

  if (learned.length > 0)
    out.push(
      "## What was learned",
      "",
      ...learned.map((entry) => `- ${entry.statement} (${entry.skill ?? "all skills"}, confidence ${entry.confidence})`),
      "",
    );
  return formatDocument(
    {
      goal: goal.id,
      status: goal.status,
      category: goal.category,
      pipeline: goal.pipeline,
      source: goal.source,
      priority: goal.priority,
      rehearsal: goal.rehearsal,
      plan_version: goal.planVersion,
    },
    out.join("\n"),
  );
}

function doneLines(
  task: Task,
  version: { revision: number; summary: string | null; warnings: readonly string[] } | undefined,
  path: string,
): string[] {
  const score = task.score === null ? "" : `, score ${task.score}`;
  const versions = version ? `, version ${version.revision + 1}` : "";
  return [
    `### ${task.key}`,
    "",
    `${task.phase} · ${task.skill}${score}${versions} · [${path}](../${path})`,
    "",
    ...(version?.summary ? [version.summary, ""] : []),
    ...(version && version.warnings.length > 0 ? [...version.warnings.map((line) => `- Assumed: ${line}`), ""] : []),
  ];
}

/** What is missing, said once each. */
export function missingInputs(plan: readonly string[], versions: readonly { missing: readonly string[] }[]): string[] {
  const said = new Map<string, string>();
  for (const line of [...plan, ...versions.flatMap((version) => version.missing)]) {
    const key = line
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim();
    if (!said.has(key)) said.set(key, line);
  }
  return [...said.values()];
}

export type Quote = z.infer<typeof quoteResult>;

export function parseQuote(stored: string | null): Quote | null {
  return stored === null ? null : quoteResult.parse(JSON.parse(stored));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
