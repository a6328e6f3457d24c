/** The only road to a model: find the stored answer, else hold → call → settle, once per attempt on the wire. */

import { mayWork, periods, shareUsed, type BudgetLevel, type Caps, type Scope, type ScopeState } from "../domain/budget.ts";
import { NO_USAGE, type CallKey } from "../domain/call.ts";
import type { Priority } from "../domain/goal.ts";
import { hashOf } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import { dollars, type Nano } from "../domain/money.ts";
import type { ModelsFile, Tier } from "../domain/registry.ts";
import type { Log } from "../log/log.ts";
import type { AnswerBlock, Model, Reply, Stop, ToolUse } from "../model/model.ts";
import { endCall, findAnswer, holdCall, type CallEnd } from "../store/calls.ts";
import { HoldRefused, scopeState, worstLevel } from "../store/scopes.ts";
import { getGoal } from "../store/goals.ts";
import { capHits, noteCapHit, resetCapHits } from "../store/breaker.ts";
import { checkLease, LeaseLost } from "../store/leases.ts";
import type { Store } from "../store/store.ts";
import { costOf, priceAt, worstCost } from "./prices.ts";
import { sizes, toRequest, type CallSpec } from "./request.ts";

/** Why no answer came. `detail` is a sentence for a person. */
export type StopWhy =
  | "budget"
  | "cap_hits"
  | "spend_limit"
  | "away"
  | "aborted"
  | "lease_lost"
  | "goal_stopped"
  | "auth"
  | "bad_request"
  | "unknown_model";

export type AnswerStop = "end" | "tool_use" | "truncated" | "refusal" | "context_too_long";

export type Answer = {
  readonly kind: "answer";
  readonly stop: AnswerStop;
  readonly text: string;
  readonly uses: readonly ToolUse[];
  readonly blocks: readonly AnswerBlock[];
  readonly model: string;
  readonly detail: string | null;
  /** True when the answer was stored before: nothing went over the wire. */
  readonly replayed: boolean;
};
export type Stopped = { readonly kind: "stopped"; readonly why: StopWhy; readonly detail: string; readonly scope?: ScopeState };
export type CallOutcome = Answer | Stopped;

export type RetryPolicy = {
  /** Attempts on the wire for one call. */
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
};
export const RETRY: RetryPolicy = { attempts: 6, baseMs: 1_000, maxMs: 60_000 };

export type JournalOptions = {
  readonly store: Store;
  readonly model: Model;
  readonly models: ModelsFile;
  readonly caps: Caps;
  readonly retry: RetryPolicy;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly processId: string;
  readonly log: Log;
  /** Named points of a call's life, for crash tests. */
  readonly reached: (point: string) => void;
};

export interface Journal {
  /** Answers a call from the journal or over the wire. Never throws for what one can expect. */
  call(spec: CallSpec, signal: AbortSignal): Promise<CallOutcome>;
  /** From now on nothing new goes over the wire: such calls end as `aborted`. Those in flight go on, stored answers are read. */
  refuseNew(): void;
}

const RETRYABLE: readonly Stop[] = ["overloaded", "rate_limited", "server_error", "lost", "idle"];
const CAP_HITS_LIMIT = 10;
/** From this share of the goal's cap on, work goes to a cheaper model so that the goal can end within it. */
const GOAL_TIGHT = 0.8;

export function createJournal(options: JournalOptions): Journal {
  const { store, model, models, caps, now, log } = options;
  // One gate for all calls of this process: a rate limit holds for the key, not for the call that met it.
  let gateUntil = 0;
  const refusing = new AbortController();

  async function call(spec: CallSpec, signal: AbortSignal): Promise<CallOutcome> {
    let attempt = 0;
    for (let tries = 1; ; tries++) {
      if (signal.aborted) return aborted();
      const found = await store.read((read) => findAnswer(read, spec.key));
      if (found.answered) return replay(found.answered.reply, found.answered.call.model);
      if (refusing.signal.aborted) return aborted();
      attempt = Math.max(attempt, found.attempts) + 1;
      const held = await hold(spec, attempt);
      if ("kind" in held) return held;
      options.reached("call:held");
      let answeredAt: number | null = null;
      options.reached("wire:before");
      const reply = await model.respond(held.request, { signal, onStart: () => (answeredAt = now()) });
      options.reached("wire:answered");
      await settle(spec, held, reply, answeredAt);
      const outcome = outcomeOf(reply, held.model);
      if (outcome) return outcome;
      if (tries >= options.retry.attempts) {
        return {
          kind: "stopped",
          why: "away",
          detail: `the model could not be reached in ${tries} attempts: ${reply.detail ?? reply.stop}`,
        };
      }
      const wait = backoff(tries, reply.retryAfterMs);
      if (reply.stop === "rate_limited" || reply.stop === "overloaded") gateUntil = Math.max(gateUntil, now() + wait);
      log.info("model call will be tried again", {
        goal: spec.goal.id,
        task: spec.key.subject,
        step: spec.key.step,
        stop: reply.stop,
        detail: reply.detail,
        waitMs: wait,
        attempt,
      });
      await options.sleep(Math.max(wait, gateUntil - now()), AbortSignal.any([signal, refusing.signal]));
    }
  }

  type Held = { id: string; model: string; request: ReturnType<typeof toRequest>; amount: Nano };

  async function hold(spec: CallSpec, attempt: number): Promise<Held | Stopped> {
    const id = newId("call");
    const { day, month } = periods(now());
    const { goal } = spec;
    const periodScopes: Scope[] = [
      { kind: "day", id: day, cap: caps.day },
      { kind: "month", id: month, cap: caps.month },
    ];
    const goalScope: Scope = { kind: "goal", id: goal.id, cap: goal.cap };
    // What a person allowed on top counts for the goal and each of its tasks. The goal stands first: where its cap is the
    // smaller one, the refusal names it.
    const taskCap = Math.min(caps.task, goal.cap) + goal.allowed;
    const scopes: Scope[] = [goalScope, { kind: "task", id: `${goal.id}/${spec.key.subject}`, cap: taskCap }, ...periodScopes];
    try {
      return await store.write("call.hold", async (tx) => {
        if (spec.lease) {
          await checkLease(tx, spec.lease);
          const current = await getGoal(tx, goal.id);
          if (current?.status !== "running") throw new GoalStopped(`the goal is ${current?.status ?? "gone"}`);
        }
        const hits = await capHits(tx, goal.rehearsal);
        if (hits >= CAP_HITS_LIMIT && goal.allowed === 0) throw new CapHits();
        const { level, scope } = await worstLevel(tx, periodScopes, goal.rehearsal);
        if (scope && !mayWork(level, goal.priority) && goal.allowed === 0) throw new LevelRefused(scope, level);
        const state = await scopeState(tx, goalScope, goal.rehearsal);
        const tight = level === "critical" || state.spent + state.held > (state.cap + state.allowed) * GOAL_TIGHT;
        const modelId = models.tiers[tight ? cheaper(spec.tier) : spec.tier];
        const request = toRequest(spec, modelId, models);
        const body = JSON.stringify(request);
        const amount = worstCost(Buffer.byteLength(body), request.maxTokens, priceAt(models, modelId, tx.now));
        if (amount > caps.call) throw new CallTooDear(amount);
        await holdCall(tx, {
          ...spec.key,
          id,
          attempt,
          skill: spec.skill,
          model: modelId,
          requestHash: hashOf(body),
          parts: sizes(spec),
          hold: amount,
          usage: NO_USAGE,
          rehearsal: goal.rehearsal,
          learnings: spec.learnings ?? [],
          scopes,
          processId: options.processId,
        });
        if (hits > 0) await resetCapHits(tx, goal.rehearsal);
        tx.emit(
          {
            type: "call.held",
            goalId: goal.id,
            taskId: subjectTask(spec.key),
            callId: id,
            step: spec.key.step,
            model: modelId,
            hold: amount,
            attempt,
          },
          { rehearsal: goal.rehearsal },
        );
        return { id, model: modelId, request, amount };
      });
    } catch (error) {
      if (error instanceof LeaseLost) return { kind: "stopped", why: "lease_lost", detail: error.message };
      if (error instanceof GoalStopped) return { kind: "stopped", why: "goal_stopped", detail: error.message };
      if (error instanceof CapHits) {
        return {
          kind: "stopped",
          why: "cap_hits",
          detail: `${CAP_HITS_LIMIT} cap hits in a row: new work waits until a person allows an amount`,
        };
      }
      if (error instanceof CallTooDear) {
        await refuse(spec, "call", caps.call, error.amount);
        return {
          kind: "stopped",
          why: "budget",
          detail: `this one call could cost ${dollars(error.amount)}, the cap of a call is ${dollars(caps.call)} (BUDGET_CALL)`,
        };
      }
      if (error instanceof HoldRefused) {
        const { scope } = error;
        await refuse(spec, scope.kind, scope.cap + scope.allowed, error.needed);
        return { kind: "stopped", why: "budget", detail: refusalText(scope, error.needed), scope };
      }
      if (error instanceof LevelRefused) {
        const { scope, level } = error;
        await refuse(spec, scope.kind, scope.cap + scope.allowed, 0);
        return { kind: "stopped", why: "budget", detail: levelText(scope, level, goal.priority), scope };
      }
      throw error;
    }
  }

  async function refuse(spec: CallSpec, scope: string, cap: Nano, needed: Nano): Promise<void> {
    await store.write("call.refuse", async (tx) => {
      await noteCapHit(tx, spec.goal.rehearsal);
      tx.emit(
        { type: "call.refused", goalId: spec.goal.id, taskId: subjectTask(spec.key), scope, cap, needed },
        { rehearsal: spec.goal.rehearsal },
      );
    });
  }

  async function settle(spec: CallSpec, held: Held, reply: Reply, answeredAt: number | null): Promise<void> {
    const answered = isAnswer(reply.stop);
    const flags: string[] = [];
    let end: Pick<CallEnd, "state" | "cost" | "usage">;
    if (!reply.billable) end = { state: "released", cost: 0, usage: NO_USAGE };
    else if (reply.usage) {
      end = { state: "settled", cost: costOf(reply.usage, priceAt(models, held.model, now())), usage: reply.usage };
      if (end.cost > held.amount) flags.push("over_hold");
    } else if (answered) {
      // The provider did not say what it used: the worst case is the only honest figure.
      flags.push("usage_missing");
      end = { state: "settled", cost: held.amount, usage: NO_USAGE };
    } else end = { state: "unknown", cost: 0, usage: NO_USAGE };
    const stored =
      answered && end.state !== "unknown"
        ? JSON.stringify({
            stop: reply.stop,
            text: reply.text,
            uses: reply.uses,
            blocks: reply.stop === "tool_use" ? reply.blocks : [],
            detail: reply.detail,
          })
        : null;
    await store.write("call.settle", async (tx) => {
      const taskId = subjectTask(spec.key);
      const call = await endCall(tx, held.id, { ...end, stop: reply.stop, flags, reply: stored, answeredAt });
      const of = { goalId: spec.goal.id, taskId, callId: held.id, step: spec.key.step };
      const mark = { rehearsal: spec.goal.rehearsal };
      if (end.state === "unknown") tx.emit({ type: "call.unknown", ...of, hold: held.amount }, mark);
      else {
        const tokens =
          call.usage.input + call.usage.cacheRead + call.usage.cacheWrite5m + call.usage.cacheWrite1h + call.usage.output;
        tx.emit(
          {
            type: "call.settled",
            ...of,
            model: held.model,
            stop: reply.stop,
            cost: end.cost,
            tokens,
            ms: tx.now - call.startedAt,
          },
          mark,
        );
      }
      if (flags.includes("over_hold"))
        tx.emit(
          { type: "price.mismatch", goalId: spec.goal.id, taskId, callId: held.id, hold: held.amount, cost: end.cost },
          mark,
        );
    });
    if (flags.includes("over_hold"))
      log.error("a call cost more than its hold: check .agents/models.yaml", {
        model: held.model,
        hold: held.amount,
        cost: end.cost,
      });
  }

  function backoff(tries: number, retryAfterMs: number | null): number {
    const exponential = Math.min(options.retry.maxMs, options.retry.baseMs * 2 ** (tries - 1));
    // Full jitter on the upper half, and never sooner than we were asked to.
    return Math.max(retryAfterMs ?? 0, exponential * (0.5 + options.random() / 2));
  }

  return { call, refuseNew: () => refusing.abort() };
}

class GoalStopped extends Error {}
class CapHits extends Error {}
class LevelRefused extends Error {
  readonly scope: ScopeState;
  readonly level: BudgetLevel;
  constructor(scope: ScopeState, level: BudgetLevel) {
    super("budget level");
    this.scope = scope;
    this.level = level;
  }
}
class CallTooDear extends Error {
  readonly amount: Nano;
  constructor(amount: Nano) {
    super("call too dear");
    this.amount = amount;
  }
}

/** A dry run's planning call has no task. */
function subjectTask(key: CallKey): string | null {
  return key.subject.startsWith("task_") ? key.subject : null;
}

function cheaper(tier: Tier): Tier {
  return tier === "strong" ? "standard" : "light";
}

function isAnswer(stop: Stop): stop is AnswerStop {
  return stop === "end" || stop === "tool_use" || stop === "truncated" || stop === "refusal" || stop === "context_too_long";
}

function outcomeOf(reply: Reply, model: string): CallOutcome | null {
  if (isAnswer(reply.stop))
    return {
      kind: "answer",
      stop: reply.stop,
      text: reply.text,
      uses: reply.uses,
      blocks: reply.stop === "tool_use" ? reply.blocks : [],
      model,
      detail: reply.detail,
      replayed: false,
    };
  if (RETRYABLE.includes(reply.stop)) return null;
  if (reply.stop === "aborted") return aborted();
  const detail = reply.detail ?? reply.stop;
  switch (reply.stop) {
    case "spend_limit":
      return { kind: "stopped", why: "spend_limit", detail: `the provider's own spend limit is reached: ${detail}` };
    case "auth":
      return { kind: "stopped", why: "auth", detail: `the provider refused the key: ${detail}` };
    case "unknown_model":
      return { kind: "stopped", why: "unknown_model", detail: `the provider does not know the model ${model}: ${detail}` };
    default:
      return { kind: "stopped", why: "bad_request", detail: `the provider refused the request: ${detail}` };
  }
}

function replay(stored: string, model: string): Answer {
  const { stop, text, uses, blocks, detail } = JSON.parse(stored) as Pick<Answer, "stop" | "text" | "uses" | "blocks" | "detail">;
  return { kind: "answer", stop, text, uses, blocks, model, detail, replayed: true };
}

function aborted(): Stopped {
  return { kind: "stopped", why: "aborted", detail: "the call was interrupted" };
}

const SETTINGS = {
  task: "task (BUDGET_TASK)",
  goal: "goal (--budget or BUDGET_GOAL)",
  day: "day (BUDGET_DAILY)",
  month: "month (BUDGET_MONTHLY)",
} as const;

function refusalText(scope: ScopeState, needed: Nano): string {
  const held = scope.held > 0 ? ` and ${dollars(scope.held)} held` : "";
  return `the budget of the ${SETTINGS[scope.kind]} is ${dollars(scope.cap + scope.allowed)}: ${dollars(scope.spent)} spent${held}, the next call may need ${dollars(needed)}`;
}

function levelText(scope: ScopeState, level: BudgetLevel, priority: Priority): string {
  const who = level === "exhausted" ? "everything waits" : level === "critical" ? "only P0 goes on" : "only P0 and P1 go on";
  return `the budget of the ${SETTINGS[scope.kind]} is ${Math.floor(shareUsed(scope) * 100)} % used: ${who}, this goal is ${priority}`;
}
