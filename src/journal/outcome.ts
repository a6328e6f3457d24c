/** How a call ended, for its author: an answer, or why there is none. */

import type { ScopeState } from "../domain/budget.ts";
import type { AnswerBlock, Reply, Stop, ToolUse } from "../model/model.ts";

/** Why no answer came. `detail` is a sentence for a person. */
export type StopWhy =
  | "budget"
  | "cap_hits"
  | "spend_limit"
  | "away"
  | "aborted"
  | "lease_lost"
  | "goal_stopped"
  /** The call waits for a batch, at a share of the price: its answer comes within a day. */
  | "batched"
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

const RETRYABLE: readonly Stop[] = ["overloaded", "rate_limited", "server_error", "lost", "idle"];

export function isAnswer(stop: Stop): stop is AnswerStop {
  return stop === "end" || stop === "tool_use" || stop === "truncated" || stop === "refusal" || stop === "context_too_long";
}

/** What a reply is to its author; null for what may be tried again. */
export function outcomeOf(reply: Reply, model: string): CallOutcome | null {
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

/** A stored answer as it was. */
export function replay(stored: string, model: string): Answer {
  const { stop, text, uses, blocks, detail } = JSON.parse(stored) as Pick<Answer, "stop" | "text" | "uses" | "blocks" | "detail">;
  return { kind: "answer", stop, text, uses, blocks, model, detail, replayed: true };
}

export function aborted(): Stopped {
  return { kind: "stopped", why: "aborted", detail: "the call was interrupted" };
}
