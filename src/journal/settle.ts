/** The end of a call: what a reply is in the books, and the change that says so. The same for a call made at once and one out of a batch. */

import { NO_USAGE, type CallKey } from "../domain/call.ts";
import type { Nano } from "../domain/money.ts";
import type { ModelsFile } from "../domain/registry.ts";
import { TransitionError } from "../domain/state.ts";
import type { Log } from "../log/log.ts";
import type { Reply } from "../model/model.ts";
import { endCall, findAnswer, type CallEnd } from "../store/calls.ts";
import type { Tx } from "../store/store.ts";
import { isAnswer, replay, type Answer } from "./outcome.ts";
import { costOf, priceAt } from "./prices.ts";

export type Held = {
  readonly key: CallKey;
  readonly id: string;
  readonly model: string;
  readonly amount: Nano;
  readonly rehearsal: boolean;
};

export type Ending = Pick<CallEnd, "state" | "cost" | "usage" | "flags"> & {
  readonly stop: string;
  /** What a replay reads; null when there is nothing to read. */
  readonly stored: string | null;
};

/** What a reply is in the books. `share`: of the price, as a batch is billed. Throws PriceError. */
export function endingOf(
  held: Held,
  reply: Reply,
  { models, at, share = 1 }: { models: ModelsFile; at: number; share?: number },
): Ending {
  const answered = isAnswer(reply.stop);
  const flags: string[] = [];
  let end: Pick<CallEnd, "state" | "cost" | "usage">;
  if (!reply.billable) end = { state: "released", cost: 0, usage: NO_USAGE };
  else if (reply.usage) {
    end = { state: "settled", cost: costOf(reply.usage, priceAt(models, held.model, at), share), usage: reply.usage };
    if (end.cost > held.amount) flags.push("over_hold");
  } else if (answered) {
    // The provider did not say what it used: the worst case is the only honest figure.
    flags.push("usage_missing");
    end = { state: "settled", cost: held.amount, usage: NO_USAGE };
  } else end = { state: "unknown", cost: 0, usage: NO_USAGE };
  const { stop, text, uses, detail } = reply;
  const blocks = stop === "tool_use" ? reply.blocks : [];
  const stored = answered && end.state !== "unknown" ? JSON.stringify({ stop, text, uses, blocks, detail }) : null;
  return { ...end, flags, stop, stored };
}

/** Ends the call. Returns the answer that counts where another had come before; nothing changes for a call that has ended. */
export async function settleIn(tx: Tx, held: Held, ending: Ending, answeredAt: number | null): Promise<Answer | null> {
  // Who was paused in a call comes back to a step that another has answered since: it is paid for, and changes nothing.
  const { answered: other } = await findAnswer(tx, held.key);
  const flags = other && ending.stored !== null ? [...ending.flags, "late"] : ending.flags;
  const { state, cost, usage, stop } = ending;
  const reply = other ? null : ending.stored;
  const call = await endCall(tx, held.id, { state, cost, usage, stop, flags, reply, answeredAt }).catch(notLate);
  if (call === null) return null;
  const of = { goalId: held.key.goalId, taskId: subjectTask(held.key), callId: held.id };
  const { step } = held.key;
  const mark = { rehearsal: held.rehearsal };
  if (state === "unknown") tx.emit({ type: "call.unknown", ...of, step, hold: held.amount }, mark);
  else {
    const tokens = usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h + usage.output;
    const ms = tx.now - call.startedAt;
    tx.emit({ type: "call.settled", ...of, step, model: held.model, stop, cost, tokens, ms }, mark);
  }
  if (flags.includes("over_hold")) tx.emit({ type: "price.mismatch", ...of, hold: held.amount, cost }, mark);
  return other ? replay(other.reply, other.call.model) : null;
}

/** A dear surprise is for somebody to look at. */
export function tellOverHold(log: Log, held: Held, { flags, cost }: Ending): void {
  if (!flags.includes("over_hold")) return;
  log.error("a call cost more than its hold: check .agents/models.yaml", { model: held.model, hold: held.amount, cost });
}

/** A call that another process called lost, or a person settled, while its answer was on the way stays as it is. */
function notLate(error: unknown): null {
  if (error instanceof TransitionError) return null;
  throw error;
}

/** A dry run's planning call has no task. */
export function subjectTask(key: CallKey): string | null {
  return key.subject.startsWith("task_") ? key.subject : null;
}
