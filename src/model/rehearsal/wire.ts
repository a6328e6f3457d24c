/** A message in bytes: as one JSON body, or as the events of a stream in small deltas. */

import { type ApiError, errorBody } from "./api-error.ts";
import type { Json } from "./json.ts";
import type { ReplyBlock, ReplyMessage } from "./message.ts";

export type WireMessage = {
  readonly id: string;
  readonly model: string;
  readonly message: ReplyMessage;
  /** What `message_start` says, before anything was written. */
  readonly startUsage: Json;
  readonly usage: Json;
};

const DELTA_CHARACTERS = 40;

export function messageJson({ id, model, message, usage }: WireMessage): string {
  const stop = { stop_reason: message.stop, stop_sequence: null, stop_details: message.stopDetails };
  return JSON.stringify({ id, type: "message", role: "assistant", model, content: message.content, ...stop, usage });
}

/** The stream's events in order, each as its bytes on the wire. The first is message_start. */
export function messageEvents({ id, model, message, startUsage, usage }: WireMessage): string[] {
  const stop = { stop_reason: message.stop, stop_sequence: null, stop_details: message.stopDetails };
  const none = { stop_reason: null, stop_sequence: null, stop_details: null };
  const start = { id, type: "message", role: "assistant", model, content: [], ...none, usage: startUsage };
  return [
    event("message_start", { message: start }),
    event("ping", {}),
    ...message.content.flatMap(blockEvents),
    event("message_delta", { delta: stop, usage }),
    event("message_stop", {}),
  ];
}

function blockEvents(block: ReplyBlock, index: number): string[] {
  const { opened, deltas } = pieces(block);
  return [
    event("content_block_start", { index, content_block: opened }),
    ...deltas.map((delta) => event("content_block_delta", { index, delta })),
    event("content_block_stop", { index }),
  ];
}

/** A block as it opens, and what is then added to it. */
function pieces(block: ReplyBlock): { opened: Json; deltas: Json[] } {
  switch (block.type) {
    case "text":
      return { opened: { type: "text", text: "" }, deltas: portions(block.text).map((text) => ({ type: "text_delta", text })) };
    case "thinking":
      return {
        opened: { type: "thinking", thinking: "", signature: "" },
        deltas: [
          ...portions(block.thinking).map((thinking) => ({ type: "thinking_delta", thinking })),
          { type: "signature_delta", signature: block.signature },
        ],
      };
    case "tool_use":
      return {
        opened: { ...block, input: {} },
        deltas: portions(JSON.stringify(block.input)).map((json) => ({ type: "input_json_delta", partial_json: json })),
      };
  }
}

/** Pieces of a text that never split a character. */
function portions(text: string): string[] {
  const characters = [...text];
  const pieces: string[] = [];
  for (let i = 0; i < characters.length; i += DELTA_CHARACTERS) pieces.push(characters.slice(i, i + DELTA_CHARACTERS).join(""));
  return pieces;
}

function event(type: string, data: Json): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

export function errorEvent(error: ApiError, requestId: string): string {
  return `event: error\ndata: ${errorBody(error, requestId)}\n\n`;
}
