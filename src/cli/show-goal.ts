/** One goal for a person: its state, its plan by phase with what became of each task, what is open, what it cost. */

import type { Goal } from "../domain/goal.ts";
import { DIRECTOR } from "../domain/plan.ts";
import { dollars, nano, type Nano } from "../domain/money.ts";
import type { Question } from "../domain/question.ts";
import type { GoalResult } from "../domain/result.ts";
import { TASK_ENDED, type Task, type TaskStatus } from "../domain/task.ts";
import { waitingInBatches, type InBatches } from "../store/batches.ts";
import { callsOfGoal } from "../store/calls.ts";
import { costsOfGoals } from "../store/scopes.ts";
import { listPlans, needGoal } from "../store/goals.ts";
import { listQuestions } from "../store/questions.ts";
import { graphOf, tasksOfGoal } from "../store/tasks.ts";
import type { Read } from "../store/store.ts";
import { EFFECT_STATE_WORDS, effectWords } from "../domain/effect-words.ts";
import type { Effect } from "../domain/effect.ts";
import { duration } from "../domain/quantity.ts";
import { effectsWaiting, type WaitingEffects } from "../store/effect-waiting.ts";
import { listEffects } from "../store/effects.ts";
import { readCounts, type ReadCount } from "../store/tool-read-counts.ts";
import { readWords } from "../work/report-outside.ts";
import { inBatchesWords, savedWords } from "./batch-text.ts";
import { columns, stamp } from "./columns.ts";
import { fits, oneLine, openable, wrap, type Page, type Style, type Styles } from "./output.ts";
import { statusWord } from "./status-text.ts";
import { waitingText } from "./waiting-text.ts";

export type GoalView = {
  readonly result: GoalResult;
  readonly goal: Goal;
  /** All of them: planning, gates and the report too. */
  readonly tasks: readonly Task[];
  /** Keys of the needs that are not done, by task id. */
  readonly open: ReadonlyMap<string, readonly string[]>;
  readonly cost: ReadonlyMap<string, Nano>;
  readonly held: Nano;
  readonly calls: number;
  readonly saved: string;
  /** What of it waits in batches. */
  readonly inBatches: InBatches | null;
  readonly plans: readonly { version: number; why: string | null; createdAt: number }[];
  readonly questions: readonly Question[];
  /** All that it wanted done outside, the oldest first, and what of it waits for a person. */
  readonly effects: readonly Effect[];
  readonly waiting: WaitingEffects;
  readonly reads: readonly ReadCount[];
};

export async function goalView(read: Read, result: GoalResult, goalId: string): Promise<GoalView> {
  const tasks = await tasksOfGoal(read, goalId);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const open = new Map<string, string[]>();
  for (const { taskId, needId } of await graphOf(read, goalId)) {
    const need = byId.get(needId);
    if (need && need.status !== "done") open.set(taskId, [...(open.get(taskId) ?? []), need.key]);
  }
  const calls = await callsOfGoal(read, goalId);
  const cost = new Map<string, Nano>();
  for (const call of calls) cost.set(call.subject, (cost.get(call.subject) ?? 0) + call.cost);
  return {
    result,
    goal: await needGoal(read, goalId),
    tasks,
    open,
    cost,
    held: (await costsOfGoals(read, [goalId])).get(goalId)?.held ?? 0,
    calls: calls.length,
    saved: savedWords(calls),
    inBatches: (await waitingInBatches(read, [goalId])).get(goalId) ?? null,
    plans: await listPlans(read, goalId),
    questions: await listQuestions(read, { goalId, status: "open" }),
    effects: (await listEffects(read, { goalId })).toReversed(),
    waiting: await effectsWaiting(read, { goalId }),
    reads: await readCounts(read, { goalId }),
  };
}

export function goalText(view: GoalView, style: Styles, page: Page): string {
  const { columns: width } = page;
  const { goal, result } = view;
  const facts = [
    statusWord(goal) + (goal.rehearsal ? ", rehearsal" : ""),
    goal.priority,
    `from ${oneLine(goal.source, 40)}`,
    ...(goal.category === null ? [] : [`category ${goal.category}`]),
    ...(goal.pipeline === null ? [] : [`pipeline ${oneLine(goal.pipeline, 60)}`]),
    `started ${stamp(goal.createdAt).slice(0, 16)} UTC`,
  ];
  const out = [style.bold(oneLine(goal.title, 120)), goal.id, wrap(facts.join(", "), width)];
  if (goal.reason !== null) out.push(wrap(`Reason: ${oneLine(goal.reason, 300)}`, width));
  if (goal.text.trim() !== goal.title) out.push("", "Asked:", wrap(`  ${oneLine(goal.text, 400)}`, width, "  "));
  out.push("", ...planLines(view, style, page));
  if (view.plans.length > 1) {
    const rows = view.plans.map((plan) => [
      `  ${plan.version}`,
      stamp(plan.createdAt).slice(0, 16),
      oneLine(plan.why ?? "the first plan", 140),
    ]);
    out.push("Plan versions:", columns(rows, []), "");
  }
  if (result.missingInputs.length > 0) {
    out.push(
      "Missing (the work marks these places):",
      ...result.missingInputs.map((line) => wrap(`  - ${oneLine(line, 140)}`, width, "    ")),
      "",
    );
  }
  for (const question of view.questions) {
    out.push(
      style.yellow(`Question: ${oneLine(question.title, 140)}`),
      `  yes: ${oneLine(question.approveMeans, 140)}`,
      `       bun run start approve ${question.id}`,
      `  no:  ${oneLine(question.rejectMeans, 140)}`,
      `       bun run start reject ${question.id} --note "why"`,
      "",
    );
  }
  if (view.inBatches !== null) out.push(style.cyan(`Waits: ${inBatchesWords(view.inBatches)}.`));
  out.push(...outsideLines(view, style), wrap(costLine(view), width));
  if (result.report !== null) out.push(`Report: ${openable(result.workspace, result.report, page.folder)}`);
  if (goal.status === "paused" && view.questions.length === 0) {
    out.push(`Go on with: bun run start resume ${goal.id}`);
  }
  if (view.calls > 0) out.push(style.dim(`More: bun run start show ${goal.id} --calls, --reviews`));
  return out.join("\n");
}

/** The plan by phase; what the Director does for the goal as a whole stands before and behind it. */
function planLines(view: GoalView, style: Styles, page: Page): string[] {
  const names = view.result.plan.phases.map((phase) => phase.name);
  const rank = (task: Task) =>
    task.kind === "plan"
      ? -1
      : task.kind === "report"
        ? names.length + 1
        : names.includes(task.phase)
          ? names.indexOf(task.phase)
          : names.length;
  // A gate closes its phase.
  const sorted = view.tasks.toSorted(
    (a, b) => rank(a) - rank(b) || Number(a.kind === "gate") - Number(b.kind === "gate") || (a.id < b.id ? -1 : 1),
  );
  if (sorted.length === 0) return ["There is no plan yet.", ""];
  const facts = columns(
    sorted.map((task) => taskFacts(view, task, style)),
    [4],
  ).split("\n");
  const details = sorted.map((task) => taskDetail(view, task, page));
  const wide = Math.max(...facts.map((line) => Bun.stringWidth(line)));
  const whole = (line: string, detail: string) => `${line}${" ".repeat(wide - Bun.stringWidth(line))}  ${detail}`;
  // What does not fit beside its task stands below it: a path that is broken in two cannot be copied.
  const beside = sorted.every((_, i) => fits(whole(facts[i] ?? "", details[i] ?? ""), page.columns));
  const lines = facts.map((line, i) => {
    const detail = details[i] ?? "";
    if (detail === "") return line;
    return beside ? whole(line, detail) : `${line}\n${wrap(`        ${detail}`, page.columns, "        ")}`;
  });
  const out: string[] = [];
  let phase: string | null = null;
  for (const [i, task] of sorted.entries()) {
    if (task.phase !== phase) {
      if (phase !== null) out.push("");
      out.push(style.bold(oneLine(task.phase, 80)));
      phase = task.phase;
    }
    out.push(lines[i] ?? "");
  }
  return [...out, ""];
}

function taskFacts(view: GoalView, task: Task, style: Styles): string[] {
  const cost = view.cost.get(task.id) ?? 0;
  const begun = task.kind === "work" && (task.startedAt !== null || task.revision > 0);
  const score = task.score === null ? "" : `score ${task.score.toFixed(1)}`;
  const name = task.kind !== "work" || task.skill === task.key ? task.key : `${task.key} (${task.skill})`;
  return [
    `  ${statusStyle(task.status, style)(task.status)}`,
    task.skill === DIRECTOR ? style.dim(name) : name,
    begun ? `v${task.revision + 1}` : "",
    [score, task.verdict ?? ""].filter((text) => text !== "").join(" "),
    cost === 0 ? "" : dollars(cost),
  ];
}

/** Its document, where it has one, and what there is to remark. */
function taskDetail(view: GoalView, task: Task, page: Page): string {
  const output = view.result.tasks.find((entry) => entry.id === task.id)?.output ?? null;
  const path = output === null ? "" : openable(view.result.workspace, output, page.folder);
  return [path, remark(view, task)].filter((text) => text !== "").join("  ");
}

/** What a task waits for, or why it is as it is. */
function remark(view: GoalView, task: Task): string {
  const open = view.open.get(task.id) ?? [];
  if (task.status === "waiting" && open.length > 0) return `waits for ${open.join(", ")}`;
  if (task.status === "done" && task.kind === "work") return "";
  if (task.reason !== null) return oneLine(task.reason, 120);
  return TASK_ENDED.includes(task.status) || open.length === 0 ? "" : `waits for ${open.join(", ")}`;
}

const EFFECTS_SHOWN = 20;

/** What was done outside or is to be, and what was read there. */
function outsideLines({ goal, effects, waiting, reads }: GoalView, style: Styles): string[] {
  const out: string[] = [];
  const told = new Set([...waiting.answerable, ...waiting.unknown].map(({ id }) => id));
  const rest = effects.filter(({ id }) => !told.has(id));
  if (rest.length > 0) {
    const rows = rest
      .slice(-EFFECTS_SHOWN)
      .map((effect) => [
        `  ${effectStyle(effect, style)(EFFECT_STATE_WORDS[effect.state])}`,
        oneLine(effectWords(effect), 80),
        effect.approvedBy === null ? "" : `yes from ${oneLine(effect.approvedBy, 24)}`,
        oneLine(effect.note ?? "", 80),
      ]);
    const older = rest.length - rows.length;
    out.push(
      style.bold("Outside"),
      ...(older > 0 ? [style.dim(`  ${older} older: effects --goal ${goal.id}`)] : []),
      columns(rows, []),
      "",
    );
  }
  const lines = waitingText(waiting, goal);
  if (lines[0] !== undefined) out.push(goal.rehearsal ? lines[0] : style.yellow(lines[0]), ...lines.slice(1));
  if (reads.length > 0) out.push(`Read from outside: ${readWords(reads)}. ${style.dim(`More: show ${goal.id} --reads`)}`, "");
  return out;
}

function effectStyle({ state }: Effect, style: Styles): Style {
  if (state === "confirmed") return style.green;
  return state === "failed" ? style.red : state === "approved" || state === "sent" ? style.cyan : style.dim;
}

function statusStyle(status: TaskStatus, style: Styles): Style {
  if (status === "done") return style.green;
  if (status === "failed") return style.red;
  if (status === "blocked") return style.yellow;
  return status === "running" || status === "reviewing" ? style.cyan : style.dim;
}

function costLine({ goal, result, held, calls, saved }: GoalView): string {
  const cost = nano(result.costUsd);
  const { quote } = result;
  const share =
    quote && quote.likely > 0 && goal.endedAt !== null ? `, ${Math.round((result.costUsd / quote.likely) * 100)} % of it` : "";
  const quoted = quote
    ? `, quoted ${dollars(nano(quote.likely))} (${dollars(nano(quote.low))} to ${dollars(nano(quote.high))})${share}`
    : "";
  const spent = goal.rehearsal
    ? `Rehearsal: nothing was spent; these calls would have cost about ${dollars(cost)}`
    : `Cost ${dollars(cost)}`;
  const lost = held > 0 ? ` ${dollars(held)} more is held for answers that are lost or on their way.` : "";
  return `${spent} of a cap of ${dollars(goal.cap + goal.allowed)}${quoted}.${saved}${lost} Calls ${calls}, time ${duration(result.durationMs)}.`;
}
