/** A model call as the journal keeps it: hold → settled | released | unknown. */

import { z } from "zod";
import type { Nano } from "./money.ts";

/** The parts a prompt is made of, in the order of sharing; each is sized and recorded. */
export const PART_KINDS = ["tools", "charter", "context", "skill", "learnings", "inputs"] as const;
export type PartKind = (typeof PART_KINDS)[number];
/** Parts that stay the same between calls of one skill: these should be cache reads. */
export const STABLE_PARTS: readonly PartKind[] = ["tools", "charter", "context", "skill"];

export const CALL_STATES = ["held", "settled", "released", "unknown"] as const;
export const callState = z.enum(CALL_STATES);
export type CallState = z.infer<typeof callState>;

/**
 * held → settled: an answer came, or an error that the provider bills nothing for releases it.
 * held → unknown: the answer was lost; it counts at its worst case until somebody reconciles it.
 */
export const CALL_TRANSITIONS: Record<CallState, readonly CallState[]> = {
  held: ["settled", "released", "unknown"],
  unknown: ["settled", "released"],
  settled: [],
  released: [],
};

/** What decides whether a call was already made: not its content. */
export type CallKey = {
  readonly goalId: string;
  /** A task's id, or `plan` for a dry run. */
  readonly subject: string;
  readonly revision: number;
  /** `make`, `review:<reviewer>`, `plan`, `gate`, `rebrief`, `report`, … */
  readonly step: string;
  /** Continuations, repairs and tool turns of one step count up from 0. */
  readonly round: number;
};

export const usage = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite5m: z.number(),
  cacheWrite1h: z.number(),
});
export type Usage = z.infer<typeof usage>;

export const NO_USAGE: Usage = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

export type PartSize = { readonly kind: PartKind; readonly chars: number };

export type Call = CallKey & {
  readonly id: string;
  readonly attempt: number;
  readonly state: CallState;
  readonly skill: string | null;
  readonly model: string;
  readonly requestHash: string;
  readonly parts: readonly PartSize[];
  /** Of a call in a batch: the share of the price that is paid (0.5). Null for one made at once. */
  readonly batchShare: number | null;
  readonly hold: Nano;
  readonly cost: Nano;
  readonly usage: Usage;
  /** The typed stop reason of the reply, null while held. */
  readonly stop: string | null;
  readonly flags: readonly string[];
  readonly rehearsal: boolean;
  readonly learnings: readonly string[];
  readonly startedAt: number;
  /** When the answer began (first byte of content), for the cache figures. */
  readonly answeredAt: number | null;
  readonly endedAt: number | null;
};
