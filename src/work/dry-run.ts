/** A dry run: the plan and what it would cost. It writes nothing but the record of its own planning call. */

import { newId } from "../domain/id.ts";
import type { GoalResult } from "../domain/result.ts";
import { usd, type Nano } from "../domain/money.ts";
import type { Plan } from "../domain/plan.ts";
import type { Registry } from "../domain/registry.ts";
import { makePlan } from "../director/plan/plan.ts";
import type { Stopped } from "../journal/outcome.ts";
import { quotePlan, taskCosts, type Quote } from "../journal/quote.ts";
import { callsOfGoal } from "../store/calls.ts";
import type { NewWork } from "./accept.ts";
import { contextNow } from "./accept.ts";
import { planningKnowledge } from "./director-steps.ts";
import { planResult } from "./goal-result.ts";
import type { Team } from "./team.ts";

export type DryRun =
  { kind: "planned"; result: GoalResult; plan: Plan } | { kind: "failed"; detail: string; stopped: Stopped | null };

export async function dryRun(team: Team, work: NewWork, signal: AbortSignal): Promise<DryRun> {
  const id = newId("goal");
  const started = team.now();
  let plan = work.plan;
  if (!plan) {
    // Taking the file in as a version would be a change.
    const { context } = await contextNow(team);
    const goal = {
      id,
      text: work.text,
      category: work.category,
      source: work.source,
      priority: work.priority,
      cap: work.cap,
      allowed: 0,
      rehearsal: work.rehearsal,
    };
    const known = await team.store.read((read) => planningKnowledge(read, goal));
    const decision = await makePlan(team.journal, team.registry, { goal, context, ...known, lease: null }, signal);
    if (decision.kind === "stopped") return { kind: "failed", detail: decision.detail, stopped: decision };
    if (decision.kind === "unreadable")
      return { kind: "failed", detail: `no usable plan (${decision.why}): ${decision.detail}`, stopped: null };
    plan = decision.value;
  }
  const history = work.rehearsal ? new Map<string, number[]>() : await team.store.read((read) => taskCosts(read));
  const calls = await team.store.read((read) => callsOfGoal(read, id));
  const quote = quotePlan(plan, team.registry, team.now(), history);
  const cost = calls.reduce((sum, call) => sum + call.cost, 0);
  const durationMs = team.now() - started;
  const { root } = team.workspace;
  return {
    kind: "planned",
    plan,
    result: planned({ id, plan, quote, cost, durationMs, rehearsal: work.rehearsal, workspace: root }),
  };
}

/** A plan that is written down, where nothing was ever stored: no call, no history, and nothing is opened. */
export function quoteWritten(
  plan: Plan,
  registry: Registry,
  of: { rehearsal: boolean; workspace: string; now: number },
): GoalResult {
  const quote = quotePlan(plan, registry, of.now, new Map());
  return planned({ id: newId("goal"), plan, quote, cost: 0, durationMs: 0, rehearsal: of.rehearsal, workspace: of.workspace });
}

function planned(run: {
  id: string;
  plan: Plan;
  quote: Quote;
  cost: Nano;
  durationMs: number;
  rehearsal: boolean;
  workspace: string;
}): GoalResult {
  const { plan, quote } = run;
  return {
    goal: run.id,
    title: plan.title,
    status: "planned",
    rehearsal: run.rehearsal,
    plan: planResult(plan),
    tasks: [],
    missingInputs: plan.missing,
    costUsd: usd(run.cost),
    quote: { ...quote, phases: quote.phases.map((phase) => ({ ...phase })) },
    durationMs: run.durationMs,
    workspace: run.workspace,
    report: null,
  };
}
