/** An answer that came whole, as a Reply: the same for one that was streamed and for one out of a batch. */

import type { ModelRequest, Reply, Stop } from "../model.ts";
import type { Answer } from "./answer.ts";

/** How the provider names the end of an answer, and what it is to us. */
const STOP_REASONS: Record<string, Stop> = {
  end_turn: "end",
  stop_sequence: "end",
  tool_use: "tool_use",
  max_tokens: "truncated",
  // Only tools that run at the provider pause a turn, and we send none. What came can be continued like a truncated answer.
  pause_turn: "truncated",
  refusal: "refusal",
  model_context_window_exceeded: "context_too_long",
};

/** Null when the answer did not come to its end. */
export function wholeReply(answer: Answer, request: ModelRequest, requestId: string | null): Reply | null {
  if (!answer.stop) return null;
  const stop = STOP_REASONS[answer.stop.reason] ?? "server_error";
  const said = { text: answer.text, uses: answer.uses, blocks: answer.blocks, usage: answer.usage };
  return { ...said, stop, billable: true, detail: explain(answer.stop, stop, request), retryAfterMs: null, requestId };
}

function explain({ reason, refusal }: NonNullable<Answer["stop"]>, stop: Stop, request: ModelRequest): string | null {
  if (stop === "end" || stop === "tool_use") return null;
  if (reason === "max_tokens") return `the answer reached its limit of ${request.maxTokens} tokens`;
  if (reason === "pause_turn") return "the provider paused the answer";
  if (stop === "context_too_long") return "the answer filled the model's context window";
  if (stop === "refusal") {
    const category = refusal?.category ? ` (${refusal.category})` : "";
    return `the model declined${category}${refusal?.explanation ? `: ${refusal.explanation}` : ""}`;
  }
  return `the provider ended the answer for a reason this version does not know: ${reason}`;
}
