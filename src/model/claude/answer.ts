/** Collects the events of a streamed answer: text, tool uses, usage and why it ended, at any moment of the stream. */

import type Anthropic from "@anthropic-ai/sdk";
import type { Usage } from "../../domain/call.ts";
import type { AnswerBlock, ToolUse } from "../model.ts";

type Block = {
  readonly use: { id: string; name: string } | null;
  text: string;
  thinking: string;
  signature: string;
  readonly opened: AnswerBlock;
};

type CountKey = "input_tokens" | "output_tokens" | "cache_read_input_tokens" | "cache_creation_input_tokens";
type Counts = { [K in CountKey]?: number | null } & { cache_creation?: Anthropic.CacheCreation | null };

export type Answer = {
  /** Takes one event. Returns true when it is the first piece of content. */
  take(event: Anthropic.RawMessageStreamEvent): boolean;
  readonly text: string;
  /** Tool uses that came whole; one cut off by the token limit is left out. */
  readonly uses: readonly ToolUse[];
  /** The whole blocks as they came: thinking must go back unchanged with a tool's result. */
  readonly blocks: readonly AnswerBlock[];
  /** Null until the provider gave its final figures, or when they are no finite, non-negative numbers. */
  readonly usage: Usage | null;
  /** Why the model stopped; once it is known, the answer is whole and nothing may take it away. */
  readonly stop: { readonly reason: string; readonly refusal: Anthropic.RefusalStopDetails | null } | null;
};

/** `hourCache` says where cache writes without a breakdown are counted: at the dearest life that was asked for. */
export function collectAnswer({ hourCache }: { hourCache: boolean }): Answer {
  const blocks = new Map<number, Block>();
  const finished = new Set<number>();
  let counts: Counts = {};
  let stop: Answer["stop"] = null;
  let started = false;

  const take = (event: Anthropic.RawMessageStreamEvent): boolean => {
    switch (event.type) {
      case "message_start":
        counts = event.message.usage;
        return false;
      case "content_block_start": {
        const block = event.content_block;
        const use = block.type === "tool_use" ? { id: block.id, name: block.name } : null;
        blocks.set(event.index, {
          use,
          text: block.type === "text" ? block.text : "",
          thinking: block.type === "thinking" ? block.thinking : "",
          signature: block.type === "thinking" ? block.signature : "",
          opened: { ...block },
        });
        const first = !started;
        started = true;
        return first;
      }
      case "content_block_delta": {
        const block = blocks.get(event.index);
        if (block && event.delta.type === "text_delta") block.text += event.delta.text;
        if (block && event.delta.type === "input_json_delta") block.text += event.delta.partial_json;
        if (block && event.delta.type === "thinking_delta") block.thinking += event.delta.thinking;
        if (block && event.delta.type === "signature_delta") block.signature += event.delta.signature;
        return false;
      }
      case "content_block_stop":
        finished.add(event.index);
        return false;
      case "message_delta":
        counts = merge(counts, event.usage);
        if (event.delta.stop_reason) stop = { reason: event.delta.stop_reason, refusal: event.delta.stop_details ?? null };
        return false;
      default:
        return false;
    }
  };

  return {
    take,
    get text() {
      return [...blocks.values()].map((block) => (block.use ? "" : block.text)).join("");
    },
    get uses() {
      return [...blocks].flatMap(([index, block]) =>
        block.use && finished.has(index) ? [{ ...block.use, input: readInput(block.text) }] : [],
      );
    },
    get blocks() {
      return [...blocks].flatMap(([index, block]) => (finished.has(index) ? [wholeBlock(block)] : []));
    },
    get usage() {
      return stop ? readUsage(counts, hourCache) : null;
    },
    get stop() {
      return stop;
    },
  };
}

/** A whole message as the events that would have streamed it: so an answer out of a batch is read as any other. */
export function eventsOf(message: Anthropic.Message): Anthropic.RawMessageStreamEvent[] {
  const { stop_reason, stop_sequence, stop_details } = message;
  const blocks = message.content.flatMap((block, index): Anthropic.RawMessageStreamEvent[] => [
    { type: "content_block_start", index, content_block: block },
    ...(block.type === "tool_use"
      ? [
          {
            type: "content_block_delta" as const,
            index,
            delta: { type: "input_json_delta" as const, partial_json: JSON.stringify(block.input) ?? "" },
          },
        ]
      : []),
    { type: "content_block_stop", index },
  ]);
  // Everything that it used is said with the message.
  const end = { type: "message_delta", delta: { stop_reason, stop_sequence, stop_details }, usage: {} };
  return [
    { type: "message_start", message },
    ...blocks,
    end as unknown as Anthropic.RawMessageDeltaEvent,
    { type: "message_stop" },
  ];
}

/** A block as it goes back: what the provider does not take again (null and empty fields of a text block) is left out. */
function wholeBlock({ opened, use, text, thinking, signature }: Block): AnswerBlock {
  if (use) return { type: "tool_use", ...use, input: readInput(text) };
  if (opened.type === "text") return { type: "text", text };
  return opened.type === "thinking" ? { type: "thinking", thinking, signature } : opened;
}

/** The input of a tool. What is no JSON object is kept under the key that the provider's documentation names for it. */
function readInput(json: string): unknown {
  if (json.trim() === "") return {};
  try {
    const input: unknown = JSON.parse(json);
    if (typeof input === "object" && input !== null && !Array.isArray(input)) return input;
  } catch {
    // Falls through: the tool's own check then tells the model what it sent.
  }
  return { INVALID_JSON: json };
}

/** Figures of a later event are cumulative and replace the earlier ones, but null says nothing. */
function merge(before: Counts, after: Counts): Counts {
  return { ...before, ...Object.fromEntries(Object.entries(after ?? {}).filter(([, value]) => value !== null)) };
}

function readUsage(counts: Counts, hourCache: boolean): Usage | null {
  const write5m = counts.cache_creation?.ephemeral_5m_input_tokens ?? 0;
  const write1h = counts.cache_creation?.ephemeral_1h_input_tokens ?? 0;
  const unsorted = Math.max(0, (counts.cache_creation_input_tokens ?? 0) - write5m - write1h);
  const usage = {
    input: counts.input_tokens,
    output: counts.output_tokens,
    cacheRead: counts.cache_read_input_tokens ?? 0,
    cacheWrite5m: write5m + (hourCache ? 0 : unsorted),
    cacheWrite1h: write1h + (hourCache ? unsorted : 0),
  };
  return isUsage(usage) ? usage : null;
}

function isUsage(usage: Record<keyof Usage, unknown>): usage is Usage {
  return Object.values(usage).every((count) => typeof count === "number" && Number.isFinite(count) && count >= 0);
}
