/** The Director's own tasks in a goal: planning it, deciding at its gates, and the closing word. */

import type { Goal } from "../domain/goal.ts";
import type { Plan } from "../domain/plan.ts";
import type { Task } from "../domain/task.ts";
import { learningsForPlanning } from "../director/learn/learn.ts";
import { decideGate } from "../director/plan/gate.ts";
import { makePlan } from "../director/plan/plan.ts";
import { closingWord } from "../director/report.ts";
import type { Result } from "../director/results.ts";
import { quotePlan, taskCosts } from "../journal/quote.ts";
import { currentOfGoal } from "../store/deliverables.ts";
import { getPlan, listGoals, updateGoal } from "../store/goals.ts";
import { startedFromOutside } from "../store/taint.ts";
import { setMeta } from "../store/meta.ts";
import { enterTask } from "../store/leases.ts";
import { graphOf, tasksOfGoal } from "../store/tasks.ts";
import type { Read } from "../store/store.ts";
import { finishTask } from "./engine.ts";
import { changePlan, startPlan } from "./plan-tasks.ts";
import { fail } from "./complete.ts";
import { takeInEdit } from "./inputs.ts";
import { closingKey, missingInputs } from "./report-file.ts";
import { stopTask } from "./stopped.ts";
import type { Job, Team } from "./team.ts";

export async function runPlanning(team: Team, job: Job): Promise<void> {
  const { goal, context, lease, signal } = job;
  const known = await team.store.read((read) => planningKnowledge(read, goal));
  const decision = await makePlan(team.journal, team.registry, { goal, context, ...known, lease }, signal);
  if (decision.kind === "stopped") return stopTask(team.store, lease, decision);
  if (decision.kind === "unreadable") return fail(team.store, lease, `no usable plan (${decision.why}): ${decision.detail}`);
  const history = goal.rehearsal ? new Map<string, number[]>() : await team.store.read((read) => taskCosts(read));
  await team.store.write(
    "goal.plan",
    async (tx) => {
      const { goal: current, task: held } = await enterTask(tx, lease);
      await startPlan(tx, current, decision.value);
      await updateGoal(tx, goal.id, { quote: JSON.stringify(quotePlan(decision.value, team.registry, tx.now, history, goal)) });
      await finishTask(tx, held, { model: decision.model }, goal.rehearsal);
    },
    { lazy: true },
  );
}

/** What the Director reads before planning: learnings, and how the latest goals ended. */
export async function planningKnowledge(read: Read, goal: Pick<Goal, "id" | "text" | "category" | "rehearsal">) {
  const ended = await listGoals(read, { limit: 8, status: ["completed", "failed"] });
  return {
    learnings: await learningsForPlanning(read, goal, goal.rehearsal),
    recent: ended
      .filter((entry) => entry.rehearsal === goal.rehearsal && entry.id !== goal.id && !startedFromOutside(entry))
      .map((entry) => `- ${entry.title} (${entry.status})`),
  };
}

export async function runGate(team: Team, job: Job): Promise<void> {
  const { goal, context, task, lease, signal } = job;
  for (const entry of await team.store.read((read) => tasksOfGoal(read, goal.id))) {
    if (entry.phase === task.phase && entry.kind === "work" && entry.status === "done") await takeInEdit(team, entry);
  }
  const known = await team.store.read(async (read) => {
    const tasks = await tasksOfGoal(read, goal.id);
    const plan = await getPlan(read, goal.id, goal.planVersion);
    const needs = new Set((await graphOf(read, goal.id)).filter((edge) => edge.taskId === task.id).map((edge) => edge.needId));
    const current = await currentOfGoal(read, goal.id);
    return {
      plan,
      results: tasks.filter((entry) => needs.has(entry.id)).flatMap((entry) => resultOf(entry, current) ?? []),
      taken: new Set(tasks.map((entry) => entry.key)),
      open: new Set(tasks.filter((entry) => entry.kind === "work" && entry.status === "waiting").map((entry) => entry.key)),
    };
  });
  if (!known.plan) return fail(team.store, lease, "the plan is gone");
  const plan: Plan = known.plan;
  const decision = await decideGate(
    team.journal,
    team.registry,
    { goal, context, ...known, plan, phase: task.phase, lease },
    signal,
  );
  if (decision.kind === "stopped") return stopTask(team.store, lease, decision);
  await team.store.write(
    "goal.gate",
    async (tx) => {
      const { goal: current, task: held } = await enterTask(tx, lease);
      // Another gate may have changed the plan while this one was thinking: then this decision no longer fits, and nothing is changed by it.
      const stale = current.planVersion !== goal.planVersion;
      const change = decision.kind === "decided" && !stale ? decision.value : null;
      const note = decision.kind === "decided" ? decision.value.note : decision.detail;
      if (change?.plan) await changePlan(tx, current, change.plan, note, change.dropped);
      tx.emit(
        { type: "gate.decided", goalId: goal.id, taskId: task.id, phase: task.phase, changed: Boolean(change?.plan), note },
        { rehearsal: goal.rehearsal },
      );
      await finishTask(tx, held, { reason: note }, goal.rehearsal);
    },
    { lazy: true },
  );
}

export async function runReport(team: Team, job: Job): Promise<void> {
  const { goal, context, lease, signal } = job;
  const known = await team.store.read(async (read) => {
    const tasks = await tasksOfGoal(read, goal.id);
    const current = await currentOfGoal(read, goal.id);
    const work = tasks.filter((entry) => entry.kind === "work");
    return {
      results: work.filter((entry) => entry.status === "done").flatMap((entry) => resultOf(entry, current) ?? []),
      open: [
        ...work
          .filter((entry) => entry.status !== "done")
          .map((entry) => `${entry.key} (${entry.skill}) was not done: ${entry.reason ?? entry.status}`),
        ...missingInputs([], [...current.values()]).map((missing) => `missing: ${missing}`),
      ],
    };
  });
  const decision = await closingWord(team.journal, team.registry, { goal, context, ...known, lease }, signal);
  // The report's figures and deliverables need no model: a goal whose work is done ends, with or without a closing word.
  if (
    decision.kind === "stopped" &&
    (decision.why === "lease_lost" || decision.why === "aborted" || decision.why === "goal_stopped" || decision.why === "batched")
  ) {
    return stopTask(team.store, lease, decision);
  }
  await team.store.write(
    "goal.report",
    async (tx) => {
      const { task: held } = await enterTask(tx, lease);
      if (decision.kind === "decided") await setMeta(tx, closingKey(goal.id), JSON.stringify(decision.value));
      await updateGoal(tx, goal.id, { failures: 0 });
      await finishTask(tx, held, { reason: decision.kind === "decided" ? null : decision.detail }, goal.rehearsal);
    },
    { lazy: true },
  );
}

function resultOf(
  task: Task,
  current: Map<string, { body: string; summary: string | null; score: number | null }>,
): Result | null {
  const version = current.get(task.id);
  return version
    ? { key: task.key, skill: task.skill, phase: task.phase, score: task.score, summary: version.summary, body: version.body }
    : null;
}
