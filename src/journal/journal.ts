/** The only road to a model: find the stored answer, else hold → call → settle, once per attempt on the wire. */

import { mayWork, periods, type Caps, type Scope } from "../domain/budget.ts";
import { NO_USAGE, type CallKey } from "../domain/call.ts";
import { hashOf } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import type { Nano } from "../domain/money.ts";
import type { ModelsFile, Tier } from "../domain/registry.ts";
import { TransitionError } from "../domain/state.ts";
import type { Log } from "../log/log.ts";
import type { Model, Reply } from "../model/model.ts";
import { endCall, findAnswer, holdCall, orphanAttempts, type CallEnd } from "../store/calls.ts";
import { HoldRefused, scopeState, worstLevel } from "../store/scopes.ts";
import { getGoal } from "../store/goals.ts";
import { capHits, noteCapHit, resetCapHits } from "../store/breaker.ts";
import { checkLease, LeaseLost } from "../store/leases.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import type { Store } from "../store/store.ts";
import { aborted, isAnswer, outcomeOf, replay, type CallOutcome, type Stopped } from "./outcome.ts";
import { costOf, priceAt, worstCost } from "./prices.ts";
import { callTooDear, levelReached, Refused, scopeFull, type CapHit } from "./refusal.ts";
import { sizes, toRequest, type CallSpec } from "./request.ts";

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

const CAP_HITS_LIMIT = 10;
/** No provider asks for a longer wait; a clock that was wrong when the gate was shut must not keep it shut. */
const GATE_MAX_MS = 15 * 60_000;
/** From this share of the goal's cap on, work goes to a cheaper model so that the goal can end within it. */
const GOAL_TIGHT = 0.8;

export function createJournal(options: JournalOptions): Journal {
  const { store, model, models, caps, now, log } = options;
  const refusing = new AbortController();

  async function call(spec: CallSpec, signal: AbortSignal): Promise<CallOutcome> {
    let attempt = 0;
    for (let tries = 1; ; tries++) {
      if (signal.aborted) return aborted();
      const { found, gate } = await store.read(async (read) => ({
        found: await findAnswer(read, spec.key),
        gate: await getMeta(read, gateKey(spec.goal.rehearsal)),
      }));
      if (found.answered) return replay(found.answered.reply, found.answered.call.model);
      if (refusing.signal.aborted) return aborted();
      // A rate limit holds for the key, not for the call that met it: every process that shares the store waits.
      const closed = Math.min(Number(gate ?? 0) - now(), GATE_MAX_MS);
      if (closed > 0) {
        await options.sleep(closed + options.random() * options.retry.baseMs, AbortSignal.any([signal, refusing.signal]));
        if (signal.aborted || refusing.signal.aborted) return aborted();
      }
      attempt = Math.max(attempt, found.attempts) + 1;
      const held = await hold(spec, attempt);
      if (held === null) continue;
      if ("kind" in held) return held;
      options.reached("call:held");
      let answeredAt: number | null = null;
      options.reached("wire:before");
      const reply = await model.respond(held.request, { signal, onStart: () => (answeredAt = now()) });
      options.reached("wire:answered");
      const wait = backoff(tries, reply.retryAfterMs);
      const shut = reply.stop === "rate_limited" || reply.stop === "overloaded";
      const standing = await settle(spec, held, reply, answeredAt, shut ? now() + wait : null);
      if (standing) return standing;
      const outcome = outcomeOf(reply, held.model);
      if (outcome) return outcome;
      if (tries >= options.retry.attempts) {
        return {
          kind: "stopped",
          why: "away",
          detail: `the model could not be reached in ${tries} attempts: ${reply.detail ?? reply.stop}`,
        };
      }
      log.info("model call will be tried again", {
        goal: spec.goal.id,
        task: spec.key.subject,
        step: spec.key.step,
        stop: reply.stop,
        detail: reply.detail,
        waitMs: wait,
        attempt,
      });
      await options.sleep(wait, AbortSignal.any([signal, refusing.signal]));
    }
  }

  type Held = { id: string; model: string; request: ReturnType<typeof toRequest>; amount: Nano };

  /** Null when an earlier attempt's answer was stored since one looked. */
  async function hold(spec: CallSpec, attempt: number): Promise<Held | Stopped | null> {
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
          if (current?.status !== "running") throw new Refused("goal_stopped", `the goal is ${current?.status ?? "gone"}`);
          // The store may have been away when their answers came.
          if (!(await orphanAttempts(tx, spec.key))) throw new AnsweredMeanwhile();
        }
        const hits = await capHits(tx, goal.rehearsal);
        if (hits >= CAP_HITS_LIMIT && goal.allowed === 0)
          throw new Refused("cap_hits", `${CAP_HITS_LIMIT} cap hits in a row: new work waits until a person allows an amount`);
        const { level, scope } = await worstLevel(tx, periodScopes, goal.rehearsal);
        if (scope && !mayWork(level, goal.priority) && goal.allowed === 0) throw levelReached(scope, level, goal.priority);
        const state = await scopeState(tx, goalScope, goal.rehearsal);
        const tight = level === "critical" || state.spent + state.held > (state.cap + state.allowed) * GOAL_TIGHT;
        const modelId = models.tiers[tight ? cheaper(spec.tier) : spec.tier];
        const request = toRequest(spec, modelId, models);
        const body = JSON.stringify(request);
        const amount = worstCost(Buffer.byteLength(body), request.maxTokens, priceAt(models, modelId, tx.now));
        if (amount > caps.call) throw callTooDear(amount, caps.call);
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
      if (error instanceof AnsweredMeanwhile) return null;
      if (error instanceof LeaseLost) return { kind: "stopped", why: "lease_lost", detail: error.message };
      const refused = error instanceof HoldRefused ? scopeFull(error.scope, error.needed) : error;
      if (refused instanceof Refused) {
        if (refused.hit) await noteHit(spec, refused.hit);
        return refused.stopped;
      }
      throw error;
    }
  }

  async function noteHit(spec: CallSpec, hit: CapHit): Promise<void> {
    await store.write("call.refuse", async (tx) => {
      await noteCapHit(tx, spec.goal.rehearsal);
      tx.emit(
        { type: "call.refused", goalId: spec.goal.id, taskId: subjectTask(spec.key), ...hit },
        { rehearsal: spec.goal.rehearsal },
      );
    });
  }

  /** `shutUntil` (UTC ms): nobody calls the provider before then. */
  async function settle(
    spec: CallSpec,
    held: Held,
    reply: Reply,
    answeredAt: number | null,
    shutUntil: number | null,
  ): Promise<CallOutcome | null> {
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
    const standing = await store.write(
      "call.settle",
      async (tx) => {
        // Who was paused in a call comes back to a step that another has answered since: it is paid for, and changes nothing.
        const { answered: other } = await findAnswer(tx, spec.key);
        if (other && stored !== null) flags.push("late");
        const taskId = subjectTask(spec.key);
        if (shutUntil !== null) await setMeta(tx, gateKey(spec.goal.rehearsal), String(shutUntil));
        const call = await endCall(tx, held.id, {
          ...end,
          stop: reply.stop,
          flags,
          reply: other ? null : stored,
          answeredAt,
        }).catch(notLate);
        if (call === null) return null;
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
        return other ? replay(other.reply, other.call.model) : null;
      },
      // An answer that came a moment before a power cut is lost either way; the next hold waits for the disk, and this with it.
      // A PostgreSQL may end without its clients: there, what is paid for is on the disk before anybody goes on.
      { lazy: store.engine === "sqlite" },
    );
    if (flags.includes("over_hold"))
      log.error("a call cost more than its hold: check .agents/models.yaml", {
        model: held.model,
        hold: held.amount,
        cost: end.cost,
      });
    return standing;
  }

  function backoff(tries: number, retryAfterMs: number | null): number {
    const exponential = Math.min(options.retry.maxMs, options.retry.baseMs * 2 ** (tries - 1));
    // Full jitter on the upper half, and never sooner than we were asked to.
    return Math.max(retryAfterMs ?? 0, exponential * (0.5 + options.random() / 2));
  }

  return { call, refuseNew: () => refusing.abort() };
}

/** Leaves the hold's transaction: an earlier attempt has its answer. */
class AnsweredMeanwhile extends Error {}

/** A call that another process called lost, or a person settled, while its answer was on the way stays as it is. */
function notLate(error: unknown): null {
  if (error instanceof TransitionError) return null;
  throw error;
}

/** Where a store keeps until when the provider is not to be called; a rehearsal has its own. */
function gateKey(rehearsal: boolean): string {
  return rehearsal ? "model.gate/rehearsal" : "model.gate";
}

/** A dry run's planning call has no task. */
function subjectTask(key: CallKey): string | null {
  return key.subject.startsWith("task_") ? key.subject : null;
}

function cheaper(tier: Tier): Tier {
  return tier === "strong" ? "standard" : "light";
}
