/** Turns a ModelRequest into the body of a Messages API call. Pure: the same request gives the same bytes. */

import type Anthropic from "@anthropic-ai/sdk";
import type { Message, ModelRequest, TextPart } from "../model.ts";

/** The SDK's own reduction of a JSON schema to what structured outputs support. Handed in, so that this file loads nothing. */
export type ReduceSchema = (schema: Record<string, unknown>) => Record<string, unknown>;

/** The body to send, always streaming. Throws when the schema of `format` has a part without a type: that is a bug. */
export function toWire(request: ModelRequest, reduceSchema: ReduceSchema): Anthropic.MessageCreateParamsStreaming {
  const { effort, format, tools } = request;
  const system = textBlocks(request.system);
  return {
    model: request.model,
    max_tokens: request.maxTokens,
    stream: true,
    ...(system.length > 0 && { system }),
    ...(tools && tools.length > 0 && { tools: tools.map(toTool) }),
    messages: request.messages.map(toMessage),
    ...((effort || format) && {
      output_config: {
        ...(effort && { effort }),
        ...(format && { format: { type: "json_schema", schema: reduceSchema(format) } }),
      },
    }),
  };
}

/** Whether any breakpoint of the request asks for the dearer one-hour cache. */
export function asksForHourCache(request: ModelRequest): boolean {
  const asked = request.messages.flatMap((message) => (message.role === "user" ? [...message.parts, message] : []));
  return [...request.system, ...asked].some((part) => part.cache === "1h");
}

function toTool(tool: NonNullable<ModelRequest["tools"]>[number]): Anthropic.Tool {
  return { name: tool.name, description: tool.description, input_schema: { ...tool.inputSchema, type: "object" } };
}

function toMessage(message: Message): Anthropic.MessageParam {
  if (message.role === "assistant") {
    // Rebuilding a turn that the model thought in is a 400: it goes back as it came. An empty text block is one, too.
    const blocks = message.blocks?.filter((block) => block.type !== "text" || String(block.text).trim() !== "") ?? [];
    if (blocks.length > 0) return { role: "assistant", content: blocks as unknown as Anthropic.ContentBlockParam[] };
    const uses = (message.uses ?? []).map((use): Anthropic.ToolUseBlockParam => ({
      type: "tool_use",
      id: use.id,
      name: use.name,
      input: use.input,
    }));
    return { role: "assistant", content: [...textBlocks([{ text: message.text }]), ...uses] };
  }
  // The API wants the results of tools before anything else a user says.
  const results = (message.results ?? []).map((result): Anthropic.ToolResultBlockParam => ({
    type: "tool_result",
    tool_use_id: result.id,
    content: result.text,
    ...(result.isError && { is_error: true }),
  }));
  const content = [...results, ...textBlocks(message.parts)];
  const last = content.at(-1);
  if (message.cache && last) last.cache_control = { type: "ephemeral", ttl: message.cache };
  return { role: "user", content };
}

/** A block without words is a 400, so blank parts are left out, with their breakpoint. */
function textBlocks(parts: readonly TextPart[]): Anthropic.TextBlockParam[] {
  return parts
    .filter((part) => part.text.trim() !== "")
    .map((part) => ({
      type: "text",
      text: part.text,
      ...(part.cache && { cache_control: { type: "ephemeral", ttl: part.cache } }),
    }));
}
