/** Sends in the store: committed before the wire is touched, by one winner and within the limits; and what became of each. */

import { actionHash, type Effect } from "../domain/effect.ts";
import type { Nano } from "../domain/money.ts";
import { REHEARSAL_NOTE } from "./effect-answers.ts";
import {
  dropEffect,
  effectRows,
  expireEffect,
  failEffect,
  getEffect,
  getStop,
  lockLedger,
  moveEffect,
  needEffect,
  toEffect,
  type Refused,
} from "./effects.ts";
import { chargeUse, type OutsideUse } from "./outside-use.ts";
import type { Tx } from "./store.ts";

const DAY_MS = 86_400_000;

export type SendLimits = {
  /** Of one send; null for no limit. */
  readonly maxRecipients: number | null;
  /** Of this server and class, in any 24 hours; null for no limit. */
  readonly perDay: number | null;
  /** What sending it takes of the vendor's units and dollars, `cost` being what is known of it; null where nothing counts. */
  readonly use?: (cost: Nano | null) => OutsideUse | null;
};

export type Start =
  /** Committed as sent by this process: it alone may touch the wire, once. */
  | { readonly kind: "sent"; readonly effect: Effect }
  /** It is not to be sent, now or ever: its state says why. */
  | { readonly kind: "no"; readonly effect: Effect }
  /** It stays approved; not before `at` (UTC ms). */
  | { readonly kind: "later"; readonly effect: Effect; readonly at: number; readonly why: string };

/** approved → sent, for one winner. Limits are counted here, in the transaction that uses them up. */
export async function startSending(tx: Tx, id: string, sender: string, limits: SendLimits): Promise<Start> {
  await lockLedger(tx);
  const effect = await needEffect(tx, id);
  const no = async (ended: Promise<Effect>) => ({ kind: "no" as const, effect: await ended });
  if (effect.state !== "approved") return { kind: "no", effect };
  const stop = await getStop(tx);
  if (stop) return no(dropEffect(tx, effect, stop.by));
  if (effect.expiresAt <= tx.now) return no(expireEffect(tx, effect));
  if (effect.rehearsal) return no(failEffect(tx, effect, REHEARSAL_NOTE));
  if (actionHash(effect) !== effect.hash) return no(failEffect(tx, effect, "it is not what was approved"));
  if (limits.maxRecipients !== null && (effect.recipients ?? 0) > limits.maxRecipients)
    return no(failEffect(tx, effect, `${effect.recipients} recipients are more than the ${limits.maxRecipients} of one send`));
  if (limits.perDay !== null) {
    const sent = await tx.db
      .selectFrom("effects")
      .select("sent_at")
      .where("tenant", "=", tx.tenant)
      .where("server", "=", effect.server)
      .where("class", "=", effect.class)
      .where("rehearsal", "=", 0)
      .where("sent_at", ">", tx.now - DAY_MS)
      .orderBy("sent_at", "desc")
      .limit(Math.max(1, limits.perDay))
      .execute();
    // The earliest of the last `perDay` must be a day old before there is room for one more.
    const oldest = sent.at(-1)?.sent_at ?? tx.now;
    if (sent.length >= limits.perDay)
      return { kind: "later", effect, at: oldest + DAY_MS, why: `${limits.perDay} a day were sent with ${effect.server}` };
  }
  const use = limits.use?.(effect.cost) ?? null;
  const charged = use && (await chargeUse(tx, use));
  if (charged && "why" in charged) return { kind: "later", effect, at: charged.at, why: charged.why };
  return { kind: "sent", effect: await moveEffect(tx, effect, "sent", { sender, sent_at: tx.now }, { type: "effect.sent" }) };
}

export type Ending = {
  readonly state: "confirmed" | "failed" | "unknown";
  readonly result: string | null;
  readonly note: string | null;
};

/**
 * What became of a send, from whoever sent it or read about it afterwards. A late answer also ends what was given up as
 * unknown. Returns the effect as it is now, unchanged when it had ended.
 */
export async function endSending(tx: Tx, id: string, { state, result, note }: Ending): Promise<Effect> {
  await lockLedger(tx);
  const effect = await needEffect(tx, id);
  if (effect.state !== "sent" && !(effect.state === "unknown" && state !== "unknown")) return effect;
  const change = { result: result ?? effect.result, note, ended_at: state === "unknown" ? null : tx.now };
  const reason = note ?? "no reason was given";
  const event =
    state === "confirmed" ? { type: "effect.confirmed" as const, note } : { type: `effect.${state}` as const, reason };
  return moveEffect(tx, effect, state, change, event);
}

/** Ends an approved effect that must not be sent. Unchanged when it is not approved any more. */
export async function failUnsent(tx: Tx, id: string, reason: string): Promise<Effect> {
  await lockLedger(tx);
  const effect = await needEffect(tx, id);
  return effect.state === "approved" ? failEffect(tx, effect, reason) : effect;
}

/** Sends whose process is gone, or that this process (`own`) has no longer in hand: nobody can know whether they happened. */
export async function orphanSends(
  tx: Tx,
  own: { readonly sender: string; readonly inHand: ReadonlySet<string> },
): Promise<number> {
  await lockLedger(tx);
  const sent = (await effectRows(tx).where("state", "=", "sent").orderBy("id").execute()).map(toEffect);
  if (sent.length === 0) return 0;
  const processes = await tx.db.selectFrom("processes").select("id").where("tenant", "=", tx.tenant).execute();
  const alive = new Set(processes.map((process) => process.id));
  const lost = sent.filter(({ id, sender }) => (sender === own.sender ? !own.inHand.has(id) : !alive.has(sender ?? "")));
  const reason = "the process that sent it ended before an answer was saved";
  for (const effect of lost) await moveEffect(tx, effect, "unknown", { note: reason }, { type: "effect.unknown", reason });
  return lost.length;
}

/** A person has looked outside and says whether an unknown effect happened. */
export async function resolveEffect(
  tx: Tx,
  id: string,
  { happened, by, note }: { readonly happened: boolean; readonly by: string; readonly note: string | null },
): Promise<{ effect: Effect } | Refused> {
  await lockLedger(tx);
  const effect = await getEffect(tx, id);
  if (!effect) return { refused: `there is no effect ${id}` };
  if (effect.state !== "unknown") return { refused: `it is ${effect.state}: only what is unknown can be settled so` };
  const words = `${by} says that it ${happened ? "happened" : "did not happen"}${note === null ? "" : `: ${note}`}`;
  return { effect: await endSending(tx, id, { state: happened ? "confirmed" : "failed", result: null, note: words }) };
}
