/** A Messages API request, read and refused as the real API would refuse it. */

import { signatureOf } from "./thinking.ts";
import { type ApiError, invalid } from "./api-error.ts";
import { type Json, isRecord, listOf, recordOf } from "./json.ts";
import { schemaProblem } from "./closed-schema.ts";

export type Ttl = "5m" | "1h";
export type Block = { readonly type: string; readonly json: Json; readonly cache: Ttl | null };
export type Turn = { readonly role: string; readonly blocks: readonly Block[] };

export type MessagesRequest = {
  readonly model: string;
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly tools: readonly Block[];
  readonly system: readonly Block[];
  readonly turns: readonly Turn[];
  readonly schema: Json | null;
};

const REMOVED = ["temperature", "top_p", "top_k"];
const MAX_BREAKPOINTS = 4;

/** The request, or the error that the API would answer. `counting`: max_tokens is not asked for. */
export function readRequest(
  body: unknown,
  options: { counting: boolean },
): { readonly request: MessagesRequest } | { readonly error: ApiError } {
  if (!isRecord(body)) return { error: invalid("The request body is not valid JSON: expected an object") };
  const { model, max_tokens: maxTokens } = body;
  if (typeof model !== "string" || model === "") return { error: invalid("model: Field required") };
  if (!options.counting) {
    if (maxTokens === undefined) return { error: invalid("max_tokens: Field required") };
    if (typeof maxTokens !== "number" || !Number.isInteger(maxTokens) || maxTokens < 0)
      return { error: invalid("max_tokens: Input should be a valid integer, 0 or greater") };
  }
  for (const name of REMOVED) {
    if (body[name] !== undefined) return { error: invalid(`${name}: Extra inputs are not permitted`) };
  }
  const choice = recordOf(body.tool_choice).type;
  if (choice === "any" || choice === "tool")
    return { error: invalid(`tool_choice.type: "${choice}" is not supported by this model; use "auto" or "none"`) };
  if (!model.startsWith("claude-")) return { error: { status: 404, type: "not_found_error", message: `model: ${model}` } };

  const request: MessagesRequest = {
    model,
    maxTokens: typeof maxTokens === "number" ? maxTokens : 0,
    stream: body.stream === true,
    tools: listOf(body.tools).map((tool) => blockOf(recordOf(tool))),
    system: blocksOf(body.system),
    turns: listOf(body.messages).map((turn) => ({
      role: String(recordOf(turn).role),
      blocks: blocksOf(recordOf(turn).content),
    })),
    schema: isRecord(recordOf(recordOf(body.output_config).format).schema)
      ? recordOf(recordOf(recordOf(body.output_config).format).schema)
      : null,
  };
  const shown = isRecord(body.cache_control) ? withLastBreakpoint(request, ttlOf(body.cache_control)) : request;
  const problem = turnsProblem(shown) ?? cacheProblem(shown) ?? formatProblem(body, shown);
  return problem === null ? { request: shown } : { error: invalid(problem) };
}

function blocksOf(content: unknown): Block[] {
  if (typeof content === "string") return [blockOf({ type: "text", text: content })];
  return listOf(content).map((block) => blockOf(recordOf(block)));
}

function blockOf(json: Json): Block {
  const type = typeof json.type === "string" ? json.type : "custom";
  return { type, json, cache: isRecord(json.cache_control) ? ttlOf(json.cache_control) : null };
}

function ttlOf(control: Json): Ttl {
  return control.ttl === "1h" ? "1h" : "5m";
}

/** A `cache_control` on the request itself stands for a breakpoint on its last block. */
function withLastBreakpoint(request: MessagesRequest, ttl: Ttl): MessagesRequest {
  const turns = request.turns.map((turn, i) => {
    if (i < request.turns.length - 1) return turn;
    const blocks = turn.blocks.map((block, j) => (j < turn.blocks.length - 1 ? block : { ...block, cache: block.cache ?? ttl }));
    return { ...turn, blocks };
  });
  return { ...request, turns };
}

export function allBlocks(request: MessagesRequest): Block[] {
  return [...request.tools, ...request.system, ...request.turns.flatMap((turn) => turn.blocks)];
}

function turnsProblem({ turns, system }: MessagesRequest): string | null {
  if (turns.length === 0) return "messages: at least one message is required";
  for (const [i, turn] of turns.entries()) {
    if (turn.role !== "user" && turn.role !== "assistant") return `messages.${i}.role: Input should be 'user' or 'assistant'`;
    if (turn.blocks.length === 0) return `messages.${i}: all messages must have non-empty content`;
    const problem = toolProblem(turns, i);
    if (problem) return problem;
  }
  const texts = [...system, ...turns.flatMap((turn) => turn.blocks)].filter((block) => block.type === "text");
  if (texts.some((block) => typeof block.json.text !== "string" || block.json.text === ""))
    return "messages: text content blocks must be non-empty";
  if (turns.at(-1)?.role !== "user")
    return "This model does not support assistant message prefill. The conversation must end with a user message.";
  return null;
}

function toolProblem(turns: readonly Turn[], i: number): string | null {
  const uses = idsOf(turns[i - 1], "tool_use", "id");
  const unsigned = thinkingProblem(turns, i);
  if (unsigned) return unsigned;
  const results = idsOf(turns[i], "tool_result", "tool_use_id");
  const orphan = results.find((id) => !uses.includes(id));
  if (orphan !== undefined)
    return `messages.${i}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${orphan}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`;
  const open = uses.filter((id) => !results.includes(id));
  if (open.length > 0)
    return `messages.${i - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(", ")}.`;
  return null;
}

/** Thinking that led to a tool's use must come back as it was: the real API refuses a turn in which it was changed. */
function thinkingProblem(turns: readonly Turn[], i: number): string | null {
  const changed = (turns[i]?.blocks ?? []).find(
    (block) => block.type === "thinking" && block.json.signature !== signatureOf(String(block.json.thinking)),
  );
  return changed ? `messages.${i}: \`thinking\` blocks in the latest assistant message cannot be modified.` : null;
}

function idsOf(turn: Turn | undefined, type: string, key: string): string[] {
  return (turn?.blocks ?? []).filter((block) => block.type === type).map((block) => String(block.json[key]));
}

function cacheProblem(request: MessagesRequest): string | null {
  const ttls = allBlocks(request).flatMap((block) => (block.cache === null ? [] : [block.cache]));
  if (ttls.length > MAX_BREAKPOINTS)
    return `A maximum of ${MAX_BREAKPOINTS} blocks with cache_control may be provided. Found ${ttls.length}.`;
  if (ttls.some((ttl, i) => ttl === "1h" && ttls.slice(0, i).includes("5m")))
    return "cache_control: a ttl='1h' block must not come after a ttl='5m' block (processing order: tools, system, messages)";
  return null;
}

function formatProblem(body: Json, request: MessagesRequest): string | null {
  const format = recordOf(body.output_config).format;
  if (format === undefined || format === null) return null;
  if (recordOf(format).type !== "json_schema") return "output_config.format.type: Input should be 'json_schema'";
  if (request.schema === null) return "output_config.format.schema: Field required";
  const problem = schemaProblem(request.schema);
  return problem === null ? null : `output_config.format.schema: ${problem}`;
}
