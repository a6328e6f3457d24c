/** `marketeam costs`: what was spent and what is held, against the caps; and how a lost call is put right. */

import type { Application } from "../bootstrap.ts";
import type { Caps, ScopeState } from "../domain/budget.ts";
import { budgetLevel, periods, shareUsed } from "../domain/budget.ts";
import type { Call } from "../domain/call.ts";
import { EXIT } from "../domain/exit.ts";
import { dollars, nano, usd, type Nano } from "../domain/money.ts";
import { endCall, listCalls, listScopes, scopeState } from "../store/calls.ts";
import { getGoal } from "../store/goals.ts";
import type { Read } from "../store/store.ts";
import { columns, count, indent, stamp, START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print, printJson, type Styles } from "./output.ts";
import { callSums, type CallSum } from "./queries.ts";
import { configFor, openApplication, resolveId, stylesFor, type CommonOptions } from "./session.ts";
import { storeThere } from "./store-there.ts";

const GOALS_SHOWN = 20;
/** Far above any call; a mistyped amount must not eat the month. */
const SETTLE_MAX_USD = 10_000;

type CostsOptions = CommonOptions & { readonly rehearsal?: boolean; readonly settle?: string; readonly usd?: number };

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
};

export async function costs(options: CostsOptions): Promise<number> {
  const amount = settlement(options);
  const there = storeThere(configFor(options));
  if (!there && options.settle !== undefined)
    throw new UsageError(`there is no call "${options.settle}"`, "no call was made yet");
  if (!there) {
    const config = configFor(options);
    showCosts(emptyView(config.caps, options.rehearsal ?? false), options, stylesFor(config));
    return EXIT.done;
  }
  await using app = await openApplication(options);
  if (options.settle !== undefined) {
    const call = await settle(app, await resolveId(app, "call", options.settle), amount);
    if (options.json)
      printJson({
        call: call.id,
        state: call.state,
        costUsd: usd(call.cost),
        releasedUsd: usd(Math.max(0, call.hold - call.cost)),
      });
    else print(`Settled ${call.id} at ${dollars(call.cost)}; ${dollars(call.hold)} was held for it.`);
    return EXIT.done;
  }
  const view = await app.store.read((read) => costsView(read, app.config.caps, options.rehearsal ?? false));
  showCosts(view, options, stylesFor(app.config));
  return EXIT.done;
}

function showCosts(view: CostsView, options: CostsOptions, style: Styles): void {
  if (options.json) printJson(costsJson(view));
  else print(costsText(view, style));
}

/** What --settle and --usd say, checked before anything is opened. 0 when there is nothing to settle. */
function settlement(options: CostsOptions): Nano {
  const example = "for example: costs --settle call_01k9 --usd 0.12 (0 if the provider billed nothing)";
  if (options.settle === undefined) {
    if (options.usd !== undefined) throw new UsageError("--usd needs --settle", example);
    return 0;
  }
  if (options.rehearsal) throw new UsageError("--settle and --rehearsal exclude each other", "a call's id is enough");
  if (options.usd === undefined) throw new UsageError("--settle needs --usd, what the provider really billed", example);
  if (!Number.isFinite(options.usd) || options.usd < 0)
    throw new UsageError("--usd is not an amount in USD of 0 or more", example);
  if (options.usd > SETTLE_MAX_USD)
    throw new UsageError(`--usd ${options.usd} is more than one call can cost`, "write dollars, like 0.12");
  return nano(options.usd);
}

/** Ends a call whose answer was lost at what it really cost: its hold is given back in every scope. */
async function settle(app: Application, id: string, cost: Nano): Promise<Call> {
  return app.store.write("call.reconcile", async (tx) => {
    const call = (await listCalls(tx, { state: "unknown" })).find((entry) => entry.id === id);
    // A call on its way is settled by its own process; one that is settled stays as it is.
    if (!call)
      throw new UsageError(`call ${id} is not one whose answer was lost`, "see `costs` for the calls that can be settled");
    const stop = call.stop ?? "lost";
    const flags = [...call.flags, "reconciled"];
    const { usage, answeredAt } = call;
    const ended = await endCall(tx, id, { state: "settled", cost, usage, stop, flags, reply: null, answeredAt });
    const taskId = call.subject.startsWith("task_") ? call.subject : null;
    const of = { goalId: call.goalId, taskId, callId: id, step: call.step, model: call.model };
    tx.emit(
      { type: "call.settled", ...of, stop, cost, tokens: 0, ms: (call.endedAt ?? tx.now) - call.startedAt },
      { rehearsal: call.rehearsal },
    );
    return ended;
  });
}

function emptyView(caps: Caps, rehearsal: boolean): CostsView {
  const { day, month } = periods(Date.now());
  const fresh = { spent: 0, held: 0, allowed: 0 };
  return {
    rehearsal,
    day: { kind: "day", id: day, cap: caps.day, ...fresh },
    month: { kind: "month", id: month, cap: caps.month, ...fresh },
    goals: [],
    goalsInAll: 0,
    skills: [],
    models: [],
    unknown: [],
  };
}

async function costsView(read: Read, caps: Caps, rehearsal: boolean): Promise<CostsView> {
  const empty = emptyView(caps, rehearsal);
  const all = (await listScopes(read, "goal", rehearsal)).toSorted(
    (a, b) => b.spent + b.held - (a.spent + a.held) || (a.id < b.id ? 1 : -1),
  );
  const goals: CostsView["goals"][number][] = [];
  for (const { id, spent, held } of all.slice(0, GOALS_SHOWN))
    goals.push({ id, title: (await getGoal(read, id))?.title ?? null, spent, held });
  return {
    rehearsal,
    day: await scopeState(read, empty.day, rehearsal),
    month: await scopeState(read, empty.month, rehearsal),
    goals,
    goalsInAll: all.length,
    skills: await callSums(read, "skill", rehearsal),
    models: await callSums(read, "model", rehearsal),
    unknown: (await listCalls(read, { state: "unknown" })).filter((call) => call.rehearsal === rehearsal),
  };
}

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
  };
}

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
      : `Nothing was spent yet. A goal: ${START_HINT}`;
    out.push(none);
    return out.join("\n");
  }
  const more = view.goalsInAll - view.goals.length;
  out.push(style.bold(more > 0 ? `By goal (the dearest ${view.goals.length} of ${view.goalsInAll})` : "By goal"));
  const goals = view.goals.map(({ id, title, spent, held }) => [
    dollars(spent),
    held > 0 ? `+ ${dollars(held)} held` : "",
    id,
    oneLine(title ?? "(a dry run)", 60),
  ]);
  out.push(indent(columns(goals, [0])), "");
  out.push(style.bold("By skill"), indent(sums(view.skills)), "", style.bold("By model"), indent(sums(view.models)));
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
      "  Look up in the provider's console what was billed, then: bun run start costs --settle <call> --usd <amount>",
    );
  }
  return out.join("\n");
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
    rows.map(({ name, calls, cost }) => [dollars(cost), count(calls, "call"), name ?? "(none)"]),
    [0, 1],
  );
}
