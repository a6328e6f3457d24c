/** The model port. `respond` never throws for what one can expect: that is a value in the reply, with its usage. */

import type { Usage } from "../domain/call.ts";

export type Effort = "low" | "medium" | "high" | "xhigh" | "max";

/** A piece of the prompt. `cache` puts a breakpoint behind it. */
export type TextPart = { readonly text: string; readonly cache?: "5m" | "1h" | undefined };

/** A block of an answer as the provider wrote it (thinking with its signature, text, tool uses): opaque to us. */
export type AnswerBlock = Readonly<Record<string, unknown>>;

export type ToolUse = { readonly id: string; readonly name: string; readonly input: unknown };
export type ToolResult = { readonly id: string; readonly text: string; readonly isError: boolean };

export type Message =
  | {
      readonly role: "user";
      readonly parts: readonly TextPart[];
      readonly results?: readonly ToolResult[];
      /** Puts a breakpoint behind the whole message, results included. */
      readonly cache?: TextPart["cache"];
    }
  | {
      readonly role: "assistant";
      readonly text: string;
      readonly uses?: readonly ToolUse[];
      /** The answer exactly as it came; it goes out in place of `text` and `uses`. A tool's result needs its thinking back. */
      readonly blocks?: readonly AnswerBlock[] | undefined;
    };

export type ToolSpec = { readonly name: string; readonly description: string; readonly inputSchema: Record<string, unknown> };

export type ModelRequest = {
  readonly model: string;
  readonly maxTokens: number;
  readonly effort?: Effort | undefined;
  readonly system: readonly TextPart[];
  readonly messages: readonly Message[];
  readonly tools?: readonly ToolSpec[] | undefined;
  /** JSON schema of a structured reply; the adapter reduces it to what its wire supports. Our own parse checks the rest. */
  readonly format?: Record<string, unknown> | undefined;
};

/** Why a reply ended. The first five carry what the model said; the others say what went wrong. */
export const STOPS = [
  "end",
  "tool_use",
  "truncated",
  "refusal",
  "context_too_long",
  "overloaded",
  "rate_limited",
  "spend_limit",
  "server_error",
  "lost",
  "idle",
  "aborted",
  "auth",
  "bad_request",
  "unknown_model",
] as const;
export type Stop = (typeof STOPS)[number];

export type Reply = {
  readonly stop: Stop;
  readonly text: string;
  readonly uses: readonly ToolUse[];
  /** The whole blocks as they came, for the turn that answers a tool use. */
  readonly blocks: readonly AnswerBlock[];
  /** Null when the provider did not say: the journal then counts the hold. */
  readonly usage: Usage | null;
  /** False when the provider bills nothing for sure (it refused before it began). Lost answers are true. */
  readonly billable: boolean;
  /** One sentence for a person, for everything but `end` and `tool_use`. */
  readonly detail: string | null;
  /** How long the provider asked us to wait, in ms. */
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;
};

export interface Model {
  /**
   * Sends one request over the wire, once: no retry in here. Resolves to a Reply for every expected outcome, an abort and
   * a lost connection included; rejects only for a bug. `onStart` is called when the answer begins.
   */
  respond(request: ModelRequest, options: { signal: AbortSignal; onStart?: () => void }): Promise<Reply>;
}
