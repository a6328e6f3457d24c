/** A goal's state as the program prints it: the same object for the run, `show` and (later) an API. */

import { usd } from "../domain/money.ts";
import type { GoalResult } from "../domain/result.ts";
import type { Plan } from "../domain/plan.ts";
import { callsOfGoal } from "../store/calls.ts";
import { costsOfGoals } from "../store/scopes.ts";
import { currentOfGoal } from "../store/deliverables.ts";
import { getPlan, goalQuote, needGoal } from "../store/goals.ts";
import { filesOfTasks, ownHashes } from "../store/files.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import type { Read } from "../store/store.ts";
import { missingInputs, parseQuote, reportPath } from "./report-file.ts";

export async function goalResultOf(read: Read, workspace: string, goalId: string): Promise<GoalResult> {
  const goal = await needGoal(read, goalId);
  const plan = goal.planVersion > 0 ? await getPlan(read, goalId, goal.planVersion) : null;
  const calls = await callsOfGoal(read, goalId);
  const costOf = (subject: string) => calls.filter((call) => call.subject === subject).reduce((sum, call) => sum + call.cost, 0);
  const current = await currentOfGoal(read, goalId);
  const spent = (await costsOfGoals(read, [goalId])).get(goalId)?.spent ?? 0;
  const tasks: GoalResult["tasks"] = [];
  const work = (await tasksOfGoal(read, goalId)).filter((entry) => entry.kind === "work");
  const outputs = await filesOfTasks(
    read,
    work.map((task) => task.id),
  );
  for (const task of work)
    tasks.push({
      id: task.id,
      skill: task.skill,
      phase: task.phase,
      status: task.status,
      revision: task.revision,
      score: task.score,
      verdict: task.verdict,
      model: task.model,
      costUsd: usd(costOf(task.id)),
      output: outputs.get(task.id) ?? null,
    });
  const report = reportPath(goalId);
  return {
    goal: goal.id,
    title: goal.title,
    status: goal.status,
    rehearsal: goal.rehearsal,
    plan: planResult(plan),
    tasks,
    missingInputs: missingInputs(plan?.missing ?? [], [...current.values()]),
    costUsd: usd(spent),
    quote: parseQuote(await goalQuote(read, goalId)),
    durationMs: (goal.endedAt ?? calls.at(-1)?.endedAt ?? goal.createdAt) - goal.createdAt,
    workspace,
    report: (await ownHashes(read, report)).length === 0 ? null : report,
  };
}

export function planResult(plan: Plan | null): GoalResult["plan"] {
  return {
    phases: (plan?.phases ?? []).map((phase) => ({
      name: phase.name,
      gate: phase.gate,
      tasks: (plan?.tasks ?? [])
        .filter((task) => task.phase === phase.name)
        .map(({ key, skill, brief, criteria, needs, reviewers }) => ({
          key,
          skill,
          brief,
          criteria,
          needs,
          reviewers: reviewers ?? [],
        })),
    })),
  };
}
