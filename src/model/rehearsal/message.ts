/** A reply before it goes on the wire: blocks, stop reason, usage; and what a fault makes of it. */

import type { InputUsage } from "./cache.ts";
import type { FaultKind } from "./faults.ts";
import { type Json, tokensOf } from "./json.ts";

export type ReplyBlock =
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: Json };

export type ReplyMessage = {
  readonly content: readonly ReplyBlock[];
  readonly stop: "end_turn" | "max_tokens" | "tool_use" | "refusal";
  readonly stopDetails: Json | null;
};

export function textMessage(text: string): ReplyMessage {
  return { content: text === "" ? [] : [{ type: "text", text }], stop: "end_turn", stopDetails: null };
}

export function messageText(message: ReplyMessage): string {
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

export function outputTokens(message: ReplyMessage): number {
  const said = (block: ReplyBlock) =>
    block.type === "text" ? block.text : block.type === "thinking" ? block.thinking : JSON.stringify(block.input);
  const sizes = message.content.map((block) => tokensOf(said(block)));
  return Math.max(
    1,
    sizes.reduce((sum, size) => sum + size, 0),
  );
}

/** The message within `maxTokens`: its text is cut there, and the stop reason says so. */
export function withinLimit(message: ReplyMessage, maxTokens: number): ReplyMessage {
  if (outputTokens(message) <= maxTokens) return message;
  return { ...textMessage(firstBytes(messageText(message), maxTokens * 4)), stop: "max_tokens" };
}

function firstBytes(text: string, bytes: number): string {
  let used = 0;
  let end = 0;
  for (const character of text) {
    used += Buffer.byteLength(character, "utf8");
    if (used > bytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** What a fault that leaves the connection whole makes of a reply. Other faults change nothing here. */
export function spoil(message: ReplyMessage, fault: FaultKind): ReplyMessage {
  const text = messageText(message);
  switch (fault) {
    case "truncate":
      return { ...textMessage(firstBytes(text, Math.ceil(Buffer.byteLength(text) / 2))), stop: "max_tokens" };
    case "refusal": {
      const explanation = "Rehearsal: the request was declined on demand.";
      return { content: [], stop: "refusal", stopDetails: { type: "refusal", category: "general_harms", explanation } };
    }
    case "broken_json":
      return textMessage(text.slice(0, Math.floor(text.length * 0.6)));
    case "prose_json":
      return textMessage(`Here is what you asked for:\n\n\`\`\`json\n${text}\n\`\`\`\n\nTell me if anything should change.`);
    case "wrong_schema":
      return textMessage(JSON.stringify({ rehearsal: "an object with nothing in it that was asked for" }));
    case "empty":
      return textMessage("");
    case "whitespace":
      return textMessage("\n  \n");
    default:
      return message;
  }
}

/** Usage in Anthropic's words. `no_usage` leaves every field out, `absurd_usage` claims a billion output tokens. */
export function usageJson(input: InputUsage, output: number, fault: FaultKind | null): Json {
  if (fault === "no_usage") return {};
  return {
    input_tokens: input.input,
    cache_creation_input_tokens: input.write5m + input.write1h,
    cache_read_input_tokens: input.read,
    cache_creation: { ephemeral_5m_input_tokens: input.write5m, ephemeral_1h_input_tokens: input.write1h },
    output_tokens: fault === "absurd_usage" ? 1_000_000_000 : output,
    service_tier: "standard",
  };
}
