/** The only road to a model: find the stored answer, else hold → call → settle, once per attempt on the wire. */

import { mayWork, periods, type Caps, type Scope } from "../domain/budget.ts";
import { NO_USAGE } from "../domain/call.ts";
import { hashOf } from "../domain/deliverable.ts";
import { newId } from "../domain/id.ts";
import type { ModelsFile, Tier } from "../domain/registry.ts";
import type { Log } from "../log/log.ts";
import type { Model, Reply } from "../model/model.ts";
import { addRequest, takeBack } from "../store/batches.ts";
import { batchedCall, endCall, findAnswer, holdCall, orphanAttempts, type CallEnd } from "../store/calls.ts";
import { HoldRefused, scopeState, worstLevel } from "../store/scopes.ts";
import { getGoal } from "../store/goals.ts";
import { capHits, noteCapHit, resetCapHits } from "../store/breaker.ts";
import { checkLease, LeaseLost } from "../store/leases.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import type { Store, Tx } from "../store/store.ts";
import { aborted, outcomeOf, replay, type CallOutcome, type Stopped } from "./outcome.ts";
import { batchShareAt, priceAt, worstCost } from "./prices.ts";
import { callTooDear, levelReached, Refused, scopeFull, type CapHit } from "./refusal.ts";
import { bytesByMark, sizes, toRequest, withoutBreakpoints, type CallSpec } from "./request.ts";
import { endingOf, settleIn, subjectTask, tellOverHold, type Held } from "./settle.ts";

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
  /** Calls of goals that may wait are put away for a batch: only where a collector sends them and fetches their answers. */
  readonly batches?: boolean;
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

  type InFlight = Held & { readonly request: ReturnType<typeof toRequest> };

  /** Null when an earlier attempt's answer was stored since one looked. */
  async function hold(spec: CallSpec, attempt: number): Promise<InFlight | Stopped | null> {
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
        const share = await batchShare(tx, spec);
        if (share === WAITS) return waits();
        const hits = await capHits(tx, goal.rehearsal);
        if (hits >= CAP_HITS_LIMIT && goal.allowed === 0)
          throw new Refused("cap_hits", `${CAP_HITS_LIMIT} cap hits in a row: new work waits until a person allows an amount`);
        const { level, scope } = await worstLevel(tx, periodScopes, goal.rehearsal);
        if (scope && !mayWork(level, goal.priority) && goal.allowed === 0) throw levelReached(scope, level, goal.priority);
        const state = await scopeState(tx, goalScope, goal.rehearsal);
        const tight = level === "critical" || state.spent + state.held > (state.cap + state.allowed) * GOAL_TIGHT;
        const modelId = models.tiers[tight ? cheaper(spec.tier) : spec.tier];
        const marked = toRequest(spec, modelId, models);
        // When a batch runs its requests nobody knows: a write would be paid for, and seldom read.
        const request = share === null ? marked : withoutBreakpoints(marked);
        const body = JSON.stringify(request);
        const bytes = bytesByMark(request, Buffer.byteLength(body));
        const amount = worstCost(bytes, request.maxTokens, priceAt(models, modelId, tx.now), share ?? 1);
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
          batchShare: share,
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
            ...(share === null ? {} : { batch: true as const }),
          },
          { rehearsal: goal.rehearsal },
        );
        if (share !== null) {
          await addRequest(tx, { callId: id, goalId: goal.id, body, rehearsal: goal.rehearsal });
          return waits();
        }
        return { key: spec.key, id, model: modelId, request, amount, rehearsal: goal.rehearsal };
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

  /**
   * The share of its price at which a call may wait for a batch, WAITS for one that does already, null for one that is made
   * now: nobody collects here, or what a batch made of it was no answer. Whatever a live call ends in, the team knows.
   */
  async function batchShare(tx: Tx, { goal, lease, key }: CallSpec): Promise<number | typeof WAITS | null> {
    if (!goal.batch || lease === null) return null;
    const earlier = await batchedCall(tx, key);
    if (earlier === null) return options.batches ? batchShareAt(models, tx.now) : null;
    if (earlier.state !== "held") return null;
    if (options.batches || !(await takeBack(tx, earlier.id))) return WAITS;
    const end: CallEnd = {
      state: "released",
      cost: 0,
      usage: NO_USAGE,
      stop: "taken_back",
      flags: [],
      reply: null,
      answeredAt: null,
    };
    await endCall(tx, earlier.id, end);
    return null;
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
    held: InFlight,
    reply: Reply,
    answeredAt: number | null,
    shutUntil: number | null,
  ): Promise<CallOutcome | null> {
    const ending = endingOf(held, reply, { models, at: now() });
    const standing = await store.write(
      "call.settle",
      async (tx) => {
        if (shutUntil !== null) await setMeta(tx, gateKey(spec.goal.rehearsal), String(shutUntil));
        return settleIn(tx, held, ending, answeredAt);
      },
      // An answer that came a moment before a power cut is lost either way; the next hold waits for the disk, and this with it.
      { lazy: true },
    );
    tellOverHold(log, held, ending);
    return standing;
  }

  function backoff(tries: number, retryAfterMs: number | null): number {
    const exponential = Math.min(options.retry.maxMs, options.retry.baseMs * 2 ** (tries - 1));
    // Full jitter on the upper half, and never sooner than we were asked to.
    return Math.max(retryAfterMs ?? 0, exponential * (0.5 + options.random() / 2));
  }

  return { call, refuseNew: () => refusing.abort() };
}

const WAITS = "waits";

function waits(): Stopped {
  return { kind: "stopped", why: "batched", detail: "its call waits for a batch, at a lower price" };
}

/** Leaves the hold's transaction: an earlier attempt has its answer. */
class AnsweredMeanwhile extends Error {}

/** Where a store keeps until when the provider is not to be called; a rehearsal has its own. */
function gateKey(rehearsal: boolean): string {
  return rehearsal ? "model.gate/rehearsal" : "model.gate";
}

function cheaper(tier: Tier): Tier {
  return tier === "strong" ? "standard" : "light";
}
