/** Costs as text and as JSON: the caps with what is used of them, who spent it, and calls whose answer was lost. */

import { budgetLevel, shareUsed, type ScopeState } from "../domain/budget.ts";
import type { Call } from "../domain/call.ts";
import { dollars, usd, type Nano } from "../domain/money.ts";
import { count } from "../domain/quantity.ts";
import type { OutsideSum, ServerUse } from "../store/outside-use.ts";
import { columns, indent, stamp, START, withoutGoal } from "./columns.ts";
import { oneLine, type Styles } from "./output.ts";
import type { CallSum } from "./queries.ts";

export type CostsView = {
  readonly rehearsal: boolean;
  readonly day: ScopeState;
  readonly month: ScopeState;
  /** Dearest first; a title of null is a dry run's, whose goal was not kept. */
  readonly goals: readonly { readonly id: string; readonly title: string | null; readonly spent: Nano; readonly held: Nano }[];
  readonly goalsInAll: number;
  readonly skills: readonly CallSum[];
  readonly models: readonly CallSum[];
  readonly unknown: readonly Call[];
  /** What vendors were used for, where anything of it is counted. */
  readonly outside: readonly ServerUse[];
};

export function costsJson(view: CostsView) {
  const sum = ({ name, calls, cost }: CallSum) => ({ name, calls, costUsd: usd(cost) });
  return {
    rehearsal: view.rehearsal,
    today: scopeJson(view.day),
    month: scopeJson(view.month),
    goals: view.goals.map(({ id, title, spent, held }) => ({ goal: id, title, spentUsd: usd(spent), heldUsd: usd(held) })),
    skills: view.skills.map(sum),
    models: view.models.map(sum),
    unknown: view.unknown.map(({ id, goalId, step, model, hold, startedAt }) => ({
      ...{ call: id, goal: goalId, step, model, heldUsd: usd(hold) },
      startedAt: new Date(startedAt).toISOString(),
    })),
    outside: view.outside.map(({ server, today, month }) => ({ server, today: useJson(today), month: useJson(month) })),
  };
}

const useJson = ({ calls, units, cost }: OutsideSum) => ({ calls, units, costUsd: usd(cost) });

function scopeJson(scope: ScopeState) {
  const { id, spent, held, cap, allowed } = scope;
  const money = { spentUsd: usd(spent), heldUsd: usd(held), capUsd: usd(cap), allowedUsd: usd(allowed) };
  return { period: id, ...money, share: shareUsed(scope), level: budgetLevel(shareUsed(scope)) };
}

export function costsText(view: CostsView, style: Styles): string {
  const out = view.rehearsal ? [style.yellow("The rehearsal's figures: nothing of this was spent."), ""] : [];
  const head = ["", "spent", "held", "cap", "allowed", "used", "level"].map(style.dim);
  out.push(columns([head, scopeRow("today", view.day, style), scopeRow("this month", view.month, style)], [1, 2, 3, 4, 5]), "");
  if (view.goals.length === 0) {
    const none = view.rehearsal
      ? 'No rehearsal yet: bun run start --rehearse "your goal"'
      : `Nothing was spent yet. Start a goal: ${START}`;
    out.push(none, ...outsideText(view.outside, style));
    return out.join("\n");
  }
  const more = view.goalsInAll - view.goals.length;
  out.push(style.bold(more > 0 ? `By goal (the dearest ${view.goals.length} of ${view.goalsInAll})` : "By goal"));
  const goals = view.goals.map(({ id, title, spent, held }) => [
    dollars(spent),
    held > 0 ? `+ ${dollars(held)} held` : "",
    id,
    oneLine(title ?? withoutGoal(id), 60),
  ]);
  out.push(indent(columns(goals, [0])), "");
  out.push(style.bold("By skill"), indent(sums(view.skills)), "", style.bold("By model"), indent(sums(view.models)));
  out.push(...outsideText(view.outside, style));
  if (view.unknown.length > 0) {
    out.push(
      "",
      style.yellow(`${count(view.unknown.length, "call")} whose answer was lost; each counts in full until it is settled`),
    );
    const calls = view.unknown.map((call) => [
      `${dollars(call.hold)} held`,
      call.id,
      call.step,
      call.model,
      `${stamp(call.startedAt)} UTC`,
    ]);
    out.push(
      indent(columns(calls, [0])),
      `  ${view.rehearsal ? "Nothing was billed" : "Look up in the provider's console what was billed"}, then: bun run start costs --settle <call> --usd <amount>`,
    );
  }
  return out.join("\n");
}

/** Nothing where nothing was used. What vendors bill is not in the budgets above: only their own limits hold it. */
function outsideText(outside: readonly ServerUse[], style: Styles): string[] {
  if (outside.length === 0) return [];
  const words = ({ calls, units, cost }: OutsideSum) => [
    dollars(cost),
    units === 0 ? "" : count(units, "unit"),
    `(${count(calls, "use")})`,
  ];
  const head = ["today", "", "", "this month", "", "", ""].map(style.dim);
  const rows = outside.map(({ server, today, month }) => [...words(today), ...words(month), oneLine(server, 40)]);
  return ["", style.bold("Outside, by server (billed by the vendors)"), indent(columns([head, ...rows], [0, 1, 2, 3, 4, 5]))];
}

function scopeRow(name: string, scope: ScopeState, style: Styles): string[] {
  const share = shareUsed(scope);
  const level = budgetLevel(share);
  const paint = level === "normal" ? style.green : level === "exhausted" ? style.red : style.yellow;
  const used = `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
  return [name, dollars(scope.spent), dollars(scope.held), dollars(scope.cap), dollars(scope.allowed), used, paint(level)];
}

function sums(rows: readonly CallSum[]): string {
  return columns(
    rows.map(({ name, calls, cost }) => [dollars(cost), count(calls, "call"), name ?? "the Director"]),
    [0, 1],
  );
}
