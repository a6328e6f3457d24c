/** Everything that happens, as one union. A change of state and its event are one transaction. */

import type { ActionClass } from "./action.ts";
import type { PauseReason } from "./goal.ts";
import type { Verdict } from "./review.ts";
import type { BudgetLevel } from "./budget.ts";

type Of<T extends string, D extends object> = {
  readonly type: T;
  readonly goalId: string | null;
  readonly taskId: string | null;
} & D;

/** Of an action outside: `tool` is its server and tool, as `server.tool`. */
type OfEffect<T extends string, D extends object = Record<never, never>> = Of<T, { effectId: string; tool: string } & D>;

export type EventBody =
  | Of<"goal.accepted", { title: string; priority: string; source: string }>
  | Of<"goal.planned", { version: number; title: string; tasks: number; pipeline: string | null; why: string | null }>
  | Of<"goal.paused", { pause: PauseReason; reason: string }>
  | Of<"goal.resumed", { by: string }>
  | Of<"goal.completed", { open: number }>
  | Of<"goal.failed", { reason: string }>
  | Of<"goal.cancelled", Record<never, never>>
  | Of<"task.ready", { revision: number }>
  | Of<"task.started", { key: string; skill: string; revision: number; attempt: number }>
  | Of<"task.delivered", { revision: number; chars: number }>
  | Of<"task.reviewed", { revision: number; reviewer: string; verdict: Verdict; score: number | null }>
  | Of<"task.returned", { revision: number; why: string }>
  | Of<"task.done", { score: number | null; revision: number }>
  | Of<"task.failed", { reason: string }>
  | Of<"task.blocked", { reason: string; questionId: string | null }>
  | Of<"task.cancelled", { reason: string }>
  | Of<"task.parked", { reason: string; until: number }>
  | Of<"gate.decided", { phase: string; changed: boolean; note: string }>
  | Of<"review.written", { lines: readonly string[]; started: readonly string[] }>
  | Of<"variants.compared", { variants: number; winner: number; reason: string }>
  | Of<"texts.compared", { contradictions: number; sentBack: readonly string[] }>
  | Of<"call.held", { callId: string; step: string; model: string; hold: number; attempt: number; batch?: true }>
  | Of<"call.settled", { callId: string; step: string; model: string; stop: string; cost: number; tokens: number; ms: number }>
  | Of<"call.unknown", { callId: string; step: string; hold: number }>
  | Of<"call.refused", { scope: string; cap: number; needed: number }>
  | Of<"batch.sent", { batchId: string; calls: number }>
  | Of<"batch.ended", { batchId: string; calls: number; ms: number }>
  | Of<"question.asked", { questionId: string; kind: string; title: string }>
  | Of<"question.answered", { questionId: string; choice: string }>
  | Of<"learning.added", { learningId: string; statement: string; skill: string | null }>
  | Of<"learning.judged", { learningId: string; statement: string; status: string; effect: number; trials: number }>
  | Of<"budget.level", { level: BudgetLevel; scope: string; share: number }>
  | Of<"pipeline_blocked", { reason: string }>
  | Of<"price.mismatch", { callId: string; hold: number; cost: number }>
  | OfEffect<"effect.proposed", { class: ActionClass; recipients: number | null }>
  | OfEffect<"effect.approved", { by: string }>
  | OfEffect<"effect.rejected", { by: string; note: string | null }>
  | OfEffect<"effect.sent">
  | OfEffect<"effect.confirmed", { note: string | null }>
  | OfEffect<"effect.failed", { reason: string }>
  | OfEffect<"effect.unknown", { reason: string }>
  | OfEffect<"effect.expired">
  | OfEffect<"effect.stopped", { by: string }>
  | OfEffect<"effect.withdrawn", { reason: string }>
  | Of<"context.imported", { version: number; hash: string }>
  | Of<"output.edited", { path: string; revision: number }>;

export type EventType = EventBody["type"];

/** An event as stored: numbered without gaps that a reader could miss, stamped in UTC ms. */
export type StoredEvent = EventBody & { readonly seq: number; readonly at: number; readonly rehearsal: boolean };
