/** An effect: one action outside, exactly as it was approved, done at most once. Its states are the ledger's. */

import { hashOf } from "./deliverable.ts";
import type { ActionClass } from "./action.ts";
import type { Nano } from "./money.ts";
import { transition } from "./state.ts";

/**
 * `sent` is committed before the wire is touched: who finds it there without an answer cannot know, and it becomes `unknown`.
 * Nothing leads back to `approved`: what may have happened is never done again.
 */
const NEXT = {
  intent: ["approved", "rejected", "expired", "stopped", "withdrawn"],
  approved: ["sent", "failed", "expired", "stopped"],
  sent: ["confirmed", "failed", "unknown"],
  unknown: ["confirmed", "failed"],
  confirmed: [],
  failed: [],
  rejected: [],
  expired: [],
  stopped: [],
  withdrawn: [],
} as const satisfies Record<string, readonly string[]>;

export type EffectState = keyof typeof NEXT;
export const EFFECT_STATES = Object.keys(NEXT) as EffectState[];

export function toEffect(from: EffectState, to: EffectState): EffectState {
  return transition<EffectState>("an effect", NEXT, from, to);
}

/** What is to be done: the tool as it was then, and its arguments as canonical JSON. An approval is bound to its hash. */
export type Action = {
  readonly server: string;
  readonly tool: string;
  /** Of the tool's own description and schema; a changed one is another action. */
  readonly toolHash: string;
  readonly args: string;
};

/** Keys in order, nothing but data: the same arguments are the same text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}

export function actionHash({ server, tool, toolHash, args }: Action): string {
  return hashOf(JSON.stringify([server, tool, toolHash, args]));
}

export type Effect = Action & {
  /** Also the idempotency key, where the tool takes one. */
  readonly id: string;
  /** `actionHash` of the above when it was proposed. */
  readonly hash: string;
  readonly class: ActionClass;
  readonly goalId: string;
  /** The task that asked for it, and the version of its work. */
  readonly taskId: string;
  readonly revision: number;
  readonly skill: string | null;
  /** Markdown: what will happen, as a person reads it. Made from the arguments, never by a model. */
  readonly preview: string;
  /** How many people it reaches; null when the arguments do not say. */
  readonly recipients: number | null;
  /** What it spends outside, at most; null when the arguments do not say. */
  readonly cost: Nano | null;
  /** The run that asked had read something from outside. */
  readonly tainted: boolean;
  readonly state: EffectState;
  /** Why it may not be approved as it is, in a sentence; null when it may. */
  readonly blocked: string | null;
  /** Who said yes: `policy`, or a person. */
  readonly approvedBy: string | null;
  readonly approvedAt: number | null;
  /** After it (UTC ms) nobody can approve or send it any more. An expiry never approves. */
  readonly expiresAt: number;
  /** Who sends it, by process id; set with `sent`. */
  readonly sender: string | null;
  readonly sentAt: number | null;
  readonly endedAt: number | null;
  /** What the tool answered, cut. */
  readonly result: string | null;
  /** Why it ended as it did, for a person. */
  readonly note: string | null;
  readonly rehearsal: boolean;
  readonly createdAt: number;
};
