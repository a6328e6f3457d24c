/** The collector: sends the calls that wait as batches, fetches the answers, settles each call once, and wakes its task. */

import { NO_USAGE, type CallKey } from "../domain/call.ts";
import type { StoredEvent } from "../domain/event.ts";
import { GOAL_ENDED } from "../domain/goal.ts";
import { newId } from "../domain/id.ts";
import type { ModelsFile } from "../domain/registry.ts";
import type { Log } from "../log/log.ts";
import type { Batches, BatchFailure, BatchResult, BatchState } from "../model/batches.ts";
import type { ModelRequest, Stop } from "../model/model.ts";
import {
  disownBatch,
  dropRequest,
  endBatch,
  gatherBatch,
  knownBatches,
  lockTaskOf,
  nameBatch,
  openBatches,
  requestOf,
  requestsIn,
  retakeBatch,
  unsentRequests,
  wakeTask,
  type Batch,
  type BatchLimits,
} from "../store/batches.ts";
import { getCall } from "../store/calls.ts";
import { lockGoal } from "../store/goals.ts";
import { listProcesses } from "../store/processes.ts";
import type { Store } from "../store/store.ts";
import { endingOf, settleIn, subjectTask, tellOverHold, type Ending, type Held } from "./settle.ts";

export type CollectorOptions = {
  readonly store: Store;
  readonly batches: Batches;
  readonly models: ModelsFile;
  /** Which calls are this collector's: the rehearsal's or the real ones. */
  readonly rehearsal: boolean;
  readonly processId: string;
  readonly now: () => number;
  readonly log: Log;
  /** Named points, for crash tests. */
  readonly reached: (point: string) => void;
  readonly limits?: BatchLimits;
  /** False for whoever does not stay: it fetches what was sent, and sends nothing that waits. */
  readonly sends: boolean;
};

export interface Collector {
  /**
   * Sends and fetches what is due. Returns when to look again (UTC ms), null when nothing waits. Throws StoreError, and an
   * error in words when the provider does not accept the key: what waits would wait for ever.
   */
  look(signal: AbortSignal): Promise<number | null>;
  /** Whether an event is a reason to look now. */
  hears(event: StoredEvent): boolean;
}

/** Siblings go together: so long a call waits for those that may still come. */
const GATHER_MS = 60_000;
/** Far within the provider's 100,000 requests and 256 MB: a batch is in memory while it is sent. */
const LIMITS: BatchLimits = { requests: 10_000, chars: 32_000_000 };
/** A sending may be under way for so long, longer than the wire may be silent; then what is not there was never made. */
const UNDER_WAY_MS = 150_000;
/** Who stood still for so long before the sending leaves it: another process may be about to send it. */
const LATE_MS = 20_000;
/** How far the provider's clock may be from ours. */
const SKEW_MS = 10 * 60_000;
/** The provider is asked again when a batch has become older by a quarter. */
const POLL_SHARE = 0.25;
const POLL_MIN_MS = 250;
const POLL_MAX_MS = 5 * 60_000;
const AGAIN_MS = 30_000;
/** A batch that the provider does not know is looked for so long before it is given up. */
const GONE_MS = 60_000;

/** What a sending can end in that sending it again would not change. */
const FINAL: readonly Stop[] = ["auth", "bad_request", "unknown_model", "context_too_long", "spend_limit"];

export function createCollector(options: CollectorOptions): Collector {
  const { store, batches, models, rehearsal, processId, now, log, reached } = options;
  /** When a batch is to be asked for next, and since when the provider says that it does not know it. */
  const askAt = new Map<string, number>();
  const missing = new Map<string, number>();
  let waiting = false;
  /** What only a person can put right; told by the daemon's health. */
  let trouble: string | null = null;

  async function look(signal: AbortSignal): Promise<number | null> {
    const { open, unsent, alive } = await store.read(async (read) => ({
      open: await openBatches(read, rehearsal),
      unsent: await unsentRequests(read, rehearsal),
      alive: new Set((await listProcesses(read)).map((row) => row.id)),
    }));
    const next: number[] = [];
    if (open.length === 0) trouble = null;
    for (const callId of unsent.abandoned) await end(callId, () => released("goal_ended"));
    for (const batch of open.filter(({ providerId }) => providerId === null)) {
      if (signal.aborted) return null;
      // Another process is just sending it.
      if (batch.owner !== processId && alive.has(batch.owner)) next.push(now() + AGAIN_MS);
      else next.push(await lookFor(batch, signal));
    }
    const goes = options.sends && unsent.since !== null && (!unsent.moreToCome || now() - unsent.since >= GATHER_MS);
    if (goes && !signal.aborted) next.push(await gather(signal));
    else if (options.sends && unsent.since !== null) next.push(unsent.since + GATHER_MS);
    waiting = unsent.since !== null && !goes;
    for (const batch of open.filter(({ providerId }) => providerId !== null)) {
      if (signal.aborted) return null;
      next.push(await ask(batch, signal));
    }
    if (trouble !== null) throw new Error(trouble);
    const due = next.filter((at) => at > 0);
    return due.length === 0 ? null : due.reduce((a, b) => Math.min(a, b));
  }

  async function gather(signal: AbortSignal): Promise<number> {
    const batch = await store.write("batch.gather", (tx) =>
      gatherBatch(tx, { id: newId("batch"), owner: processId, rehearsal, limits: options.limits ?? LIMITS }),
    );
    // More may wait than one batch holds.
    return batch === null ? 0 : Math.min(await send(batch, signal), now() + AGAIN_MS);
  }

  /** Sends a batch that is committed as this process's. Returns when to look at it. */
  async function send(batch: Batch, signal: AbortSignal): Promise<number> {
    const requests = (await store.read((read) => requestsIn(read, batch.id))).map(({ callId, body }) => ({
      id: callId,
      request: JSON.parse(body) as ModelRequest,
    }));
    reached("batch:before");
    if (store.now() - batch.triedAt > LATE_MS) return now() + AGAIN_MS;
    const sent = await batches.create(requests, { signal });
    reached("batch:answered");
    if ("batch" in sent) return name(batch, sent.batch, requests.length);
    const { failure } = sent;
    log.warn("a batch could not be sent", { batch: batch.id, stop: failure.stop, detail: failure.detail });
    // Made or not, it is looked for before it is sent again.
    if (!FINAL.includes(failure.stop)) return now() + Math.max(failure.retryAfterMs ?? 0, AGAIN_MS);
    for (const { id } of requests) await end(id, () => released(failure.stop));
    await close(batch);
    return 0;
  }

  async function name(batch: Batch, found: BatchState, calls: number): Promise<number> {
    await store.write("batch.made", async (tx) => {
      if (await nameBatch(tx, batch.id, found.id))
        tx.emit({ type: "batch.sent", goalId: null, taskId: null, batchId: found.id, calls }, { rehearsal });
    });
    return now() + POLL_MIN_MS;
  }

  /** A batch of which nobody knows whether it arrived: it is found at the provider, or was never made and is sent again. */
  async function lookFor(batch: Batch, signal: AbortSignal): Promise<number> {
    const found = await batches.since(Math.min(batch.createdAt, batch.triedAt) - SKEW_MS, { signal });
    if ("failure" in found) return later(found.failure);
    trouble = null;
    const ids = found.batches.map(({ id }) => id);
    const known = await store.read((read) => knownBatches(read, ids));
    const away = (state: BatchState) => Math.abs(state.createdAt - batch.triedAt);
    const [likely] = found.batches
      .filter(({ id, requests }) => requests === batch.requests && !known.has(id) && !batch.strangers.includes(id))
      .sort((a, b) => away(a) - away(b));
    if (likely) {
      log.info("a batch whose sending was not answered is there", { batch: batch.id, providerId: likely.id });
      return name(batch, likely, batch.requests);
    }
    const sure = batch.triedAt + UNDER_WAY_MS;
    if (now() < sure) return sure;
    const mine = await store.write("batch.gather", (tx) => retakeBatch(tx, batch, processId));
    return mine ? send(mine, signal) : now() + AGAIN_MS;
  }

  /** Asks how a batch stands, when it is time, and fetches its answers when it has ended. */
  async function ask(batch: Batch, signal: AbortSignal): Promise<number> {
    const due = askAt.get(batch.id) ?? 0;
    if (now() < due) return due;
    const at = await asked(batch, signal);
    if (at > 0) askAt.set(batch.id, at);
    return at;
  }

  async function asked(batch: Batch, signal: AbortSignal): Promise<number> {
    const found = await batches.state(batch.providerId ?? "", { signal });
    if ("failure" in found) return unanswered(batch, found.failure);
    trouble = null;
    if (found.batch.ended) return collect(batch, signal);
    missing.delete(batch.id);
    const age = now() - (batch.sentAt ?? now());
    return now() + Math.min(POLL_MAX_MS, Math.max(POLL_MIN_MS, age * POLL_SHARE));
  }

  function unanswered(batch: Batch, failure: BatchFailure): Promise<number> | number {
    return failure.stop === "unknown_model" ? gone(batch, failure.detail) : later(failure);
  }

  function later({ stop, detail, retryAfterMs }: BatchFailure): number {
    if (stop === "auth") trouble = `answers of batches cannot be fetched: ${detail}`;
    if (stop !== "aborted") log.warn("the provider cannot be asked about batches now", { stop, detail });
    return now() + Math.max(retryAfterMs ?? 0, AGAIN_MS);
  }

  async function collect(batch: Batch, signal: AbortSignal): Promise<number> {
    const seen = { ours: 0, strange: 0 };
    const take = async (result: BatchResult) => {
      const ours = await settle(result);
      seen[ours ? "ours" : "strange"] += 1;
    };
    const failure = await batches.results(batch.providerId ?? "", take, { signal });
    if (failure) return unanswered(batch, failure);
    if (seen.ours === 0 && seen.strange > 0) {
      log.warn("a batch was taken for one of ours, and is not: ours is looked for again", { batch: batch.id });
      await store.write("batch.end", (tx) => disownBatch(tx, batch));
      return now() + POLL_MIN_MS;
    }
    // Cut off where a line ended, it looks whole.
    if (seen.ours + seen.strange < batch.requests) return gone(batch, "its results are not whole");
    await giveUp(batch);
    return 0;
  }

  /** The provider knows nothing of it any more (results are kept for 29 days, a rehearsal's as long as its server lives). */
  async function gone(batch: Batch, detail: string): Promise<number> {
    const since = missing.get(batch.id) ?? now();
    missing.set(batch.id, since);
    if (now() - since < GONE_MS) return now() + AGAIN_MS;
    log.warn("a batch is gone: its answers count as lost", {
      batch: batch.id,
      providerId: batch.providerId,
      detail,
    });
    await giveUp(batch);
    return 0;
  }

  /** What is left of a batch counts in full: it may have been paid for. */
  async function giveUp(batch: Batch): Promise<void> {
    for (const { callId } of await store.read((read) => requestsIn(read, batch.id))) await end(callId, () => LOST);
    await close(batch);
  }

  async function close(batch: Batch): Promise<void> {
    await store.write("batch.end", async (tx) => {
      const { providerId, createdAt, requests } = batch;
      if ((await endBatch(tx, batch.id)) && providerId !== null)
        tx.emit(
          { type: "batch.ended", goalId: null, taskId: null, batchId: providerId, calls: requests, ms: tx.now - createdAt },
          { rehearsal },
        );
    });
    for (const map of [askAt, missing]) map.delete(batch.id);
  }

  /** Settles the call that a result is of. False when it is no call of this store. */
  async function settle({ id, reply, detail, end: how, reduced }: BatchResult): Promise<boolean> {
    const { call, body } = await store.read(async (read) => ({ call: await getCall(read, id), body: await requestOf(read, id) }));
    if (!call) return false;
    if (body === null) return true;
    if (reply === null) {
      log.warn("a call in a batch was not answered: it is made at once, at the full price", { call: id, end: how, detail });
      await end(id, () => released(how));
      return true;
    }
    const answer = reply(JSON.parse(body) as ModelRequest);
    const share = reduced ? (call.batchShare ?? 1) : 1;
    await end(id, (held) => endingOf(held, answer, { models, at: now(), share }));
    return true;
  }

  /** Ends a call with what came of it; its task goes on when none of its calls waits any more. */
  async function end(callId: string, endingFor: (held: Held) => Ending): Promise<void> {
    const call = await store.read((read) => getCall(read, callId));
    if (!call) return;
    const { goalId, subject, revision, step, round } = call;
    const key: CallKey = { goalId, subject, revision, step, round };
    const held: Held = { key, id: callId, model: call.model, amount: call.hold, rehearsal };
    const ending = endingFor(held);
    await store.write("batch.settle", async (tx) => {
      // As everybody does who changes a task: the goal first.
      const goal = await lockGoal(tx, goalId);
      const taskId = subjectTask(key);
      const task = taskId === null ? null : await lockTaskOf(tx, taskId);
      await settleIn(tx, held, ending, null);
      await dropRequest(tx, callId);
      if (task && !GOAL_ENDED.includes(goal.status)) await wakeTask(tx, task, rehearsal);
    });
    tellOverHold(log, held, ending);
  }

  return {
    look,
    hears: (event) =>
      event.rehearsal === rehearsal &&
      ((event.type === "call.held" && event.batch === true) ||
        event.type === "goal.resumed" ||
        (waiting && SETTLES.includes(event.type))),
  };
}

/** After these, nobody may be left who would send along what is still to come. */
const SETTLES: readonly string[] = ["task.parked", "task.done", "task.failed", "task.blocked", "goal.paused", "goal.cancelled"];

/** Nothing is billed; the step's next attempt is made at once, over the live path. */
function released(stop: string): Ending {
  return { state: "released", cost: 0, usage: NO_USAGE, flags: [], stop, stored: null };
}

/** It may have been billed: it counts in full until a person says what it cost. */
const LOST: Ending = { state: "unknown", cost: 0, usage: NO_USAGE, flags: ["batch_gone"], stop: "lost", stored: null };
