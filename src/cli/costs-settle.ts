/** `costs --settle`: a call whose answer was lost ends at what the provider really billed for it. */

import type { Call } from "../domain/call.ts";
import { EXIT } from "../domain/exit.ts";
import { dollars, nano, usd, type Nano } from "../domain/money.ts";
import { endCall, listCalls } from "../store/calls.ts";
import { getGoal } from "../store/goals.ts";
import type { Store } from "../store/store.ts";
import { UsageError } from "./errors.ts";
import { print, printJson } from "./output.ts";
import { resolveId, type CommonOptions } from "./session.ts";
import { RECONCILED } from "./show-calls.ts";

/** Far above any call; a mistyped amount must not eat the month. */
const MAX_USD = 10_000;

export type SettleOptions = { readonly settle?: string; readonly usd?: number; readonly rehearsal?: boolean };

type Settlement = { readonly typed: string; readonly cost: Nano };

/** What --settle and --usd say, checked before anything is opened; null when there is nothing to settle. Throws UsageError. */
export function settlement(options: SettleOptions): Settlement | null {
  const example = "for example: costs --settle call_01k9 --usd 0.12 (0 if the provider billed nothing)";
  const { settle: typed, usd: amount } = options;
  if (typed === undefined) {
    if (amount !== undefined) throw new UsageError("--usd needs --settle", example);
    return null;
  }
  if (options.rehearsal) throw new UsageError("--settle and --rehearsal exclude each other", "a call's id is enough");
  if (amount === undefined) throw new UsageError("--settle needs --usd, what the provider really billed", example);
  if (!Number.isFinite(amount) || amount < 0) throw new UsageError("--usd is not an amount in USD of 0 or more", example);
  if (amount > MAX_USD) throw new UsageError(`--usd ${amount} is more than one call can cost`, "write dollars, like 0.12");
  return { typed, cost: nano(amount) };
}

export async function settle({ typed, cost }: Settlement, options: CommonOptions): Promise<number> {
  const [{ openApplication }, { writeGoal }] = await Promise.all([import("./application.ts"), import("../work/scribe.ts")]);
  await using app = await openApplication(options);
  const call = await settleCall(app.store, await resolveId(app.store, "call", typed), cost);
  // A dry run's planning call is of no goal; any other changes its goal's report.
  if (await app.store.read((read) => getGoal(read, call.goalId))) await writeGoal(app.team, call.goalId);
  if (options.json) printJson({ call: call.id, state: call.state, costUsd: usd(call.cost), heldUsd: usd(call.hold) });
  else print(`Settled ${call.id} at ${dollars(call.cost)}; ${dollars(call.hold)} was held for it.`);
  return EXIT.done;
}

/**
 * Ends an unknown call as settled at `cost`: its hold is given back in every scope and the cost is spent there. Throws
 * UsageError for any other call: one on its way is settled by its own process, one that has ended stays as it is.
 */
export async function settleCall(store: Pick<Store, "write">, id: string, cost: Nano): Promise<Call> {
  return store.write("call.reconcile", async (tx) => {
    const call = (await listCalls(tx, { state: "unknown" })).find((entry) => entry.id === id);
    if (!call)
      throw new UsageError(
        `call ${id} is not one whose answer was lost`,
        "see `bun run start costs` for the calls that can be settled",
      );
    const { usage, answeredAt, rehearsal } = call;
    const stop = call.stop ?? "lost";
    const flags = [...call.flags, RECONCILED];
    const ended = await endCall(tx, id, { state: "settled", cost, usage, stop, flags, reply: null, answeredAt });
    const taskId = call.subject.startsWith("task_") ? call.subject : null;
    const of = { goalId: call.goalId, taskId, callId: id, step: call.step, model: call.model };
    const ms = (call.endedAt ?? tx.now) - call.startedAt;
    tx.emit({ type: "call.settled", ...of, stop: RECONCILED, cost, tokens: 0, ms }, { rehearsal });
    return ended;
  });
}
