/** A call as its author describes it, and as it goes over the wire. Prompts are pure data: the same call is the same bytes. */

import type { CallKey, PartKind, PartSize } from "../domain/call.ts";
import type { Goal } from "../domain/goal.ts";
import type { ModelsFile, Tier } from "../domain/registry.ts";
import type { Lease } from "../domain/task.ts";
import type { AnswerBlock, Message, ModelRequest, TextPart, ToolResult, ToolSpec, ToolUse } from "../model/model.ts";
import type { BytesByMark } from "./prices.ts";

export type { AnswerBlock, ToolResult, ToolSpec, ToolUse } from "../model/model.ts";

/** One part of a prompt. `share` puts a cache breakpoint behind it: what comes before it is the same for other calls too. */
export type PromptPart = { readonly kind: PartKind; readonly text: string; readonly share?: "5m" | "1h" };

/** What was said after the first message: what came back, and what we answered. */
export type Turn = {
  readonly assistant: {
    readonly text: string;
    readonly uses: readonly ToolUse[];
    /** The answer exactly as it came, where it asked for tools. */
    readonly blocks?: readonly AnswerBlock[];
  };
  /** `share` puts a breakpoint behind it: the next turn reads all that was said so far. */
  readonly user: { readonly text: string; readonly results: readonly ToolResult[]; readonly share?: "5m" };
};

export type CallSpec = {
  readonly key: CallKey;
  /** The worker's hold on the task; null for a dry run's planning, which is no task. */
  readonly lease: Lease | null;
  readonly goal: Pick<Goal, "id" | "priority" | "cap" | "allowed" | "rehearsal"> & Partial<Pick<Goal, "batch">>;
  readonly skill: string | null;
  readonly tier: Tier;
  readonly maxTokens: number;
  readonly system: readonly PromptPart[];
  readonly user: readonly PromptPart[];
  readonly turns?: readonly Turn[];
  readonly tools?: readonly ToolSpec[];
  /** JSON schema of a structured reply. */
  readonly format?: Record<string, unknown>;
  /** Ids of the learnings that the prompt holds. */
  readonly learnings?: readonly string[];
};

export function toRequest(spec: CallSpec, model: string, models: ModelsFile): ModelRequest {
  const parts = (list: readonly PromptPart[]) =>
    list.filter((part) => part.text !== "").map((part) => ({ text: part.text, cache: part.share }));
  const messages: Message[] = [{ role: "user", parts: parts(spec.user) }];
  for (const turn of spec.turns ?? []) {
    messages.push({ role: "assistant", text: turn.assistant.text, uses: turn.assistant.uses, blocks: turn.assistant.blocks });
    const parts = turn.user.text ? [{ text: turn.user.text }] : [];
    // A request may hold four breakpoints: only the newest turn's counts, and what an earlier one wrote is found from there.
    const cache = turn === spec.turns?.at(-1) ? turn.user.share : undefined;
    messages.push({ role: "user", parts, results: turn.user.results, ...(cache ? { cache } : {}) });
  }
  const entry = models.models[model];
  return {
    model,
    maxTokens: Math.min(spec.maxTokens, entry?.max_output ?? spec.maxTokens),
    effort: entry?.effort,
    system: parts(spec.system),
    messages,
    ...(spec.tools && spec.tools.length > 0 ? { tools: spec.tools } : {}),
    ...(spec.format ? { format: spec.format } : {}),
  };
}

/** The same request with nothing marked for the provider's cache. */
export function withoutBreakpoints(request: ModelRequest): ModelRequest {
  const plain = (parts: readonly TextPart[]) => parts.map(({ text }) => ({ text }));
  return {
    ...request,
    system: plain(request.system),
    messages: request.messages.map((message) => {
      if (message.role === "assistant") return message;
      const { cache: _, ...rest } = message;
      return { ...rest, parts: plain(message.parts) };
    }),
  };
}

/**
 * A request's bytes by what the provider may bill them at: what stands before a breakpoint may be written to its cache, the rest
 * is plain. `bytes`: of the whole request as JSON; what is not a part (tools, the reply's format) stands before everything.
 */
export function bytesByMark(request: ModelRequest, bytes: number): BytesByMark {
  const found = { plain: 0, "5m": 0, "1h": 0 };
  let mark: keyof BytesByMark = "plain";
  const pass = (cache: TextPart["cache"]) => {
    if (cache === "1h" || (cache === "5m" && mark === "plain")) mark = cache;
  };
  const count = (piece: TextPart | ToolResult | Message) => (found[mark] += Buffer.byteLength(JSON.stringify(piece)));
  const countParts = (parts: readonly TextPart[]) => {
    for (const part of parts.toReversed()) {
      pass(part.cache);
      count(part);
    }
  };
  for (const message of request.messages.toReversed()) {
    if (message.role === "assistant") count(message);
    else {
      pass(message.cache);
      countParts(message.parts);
      for (const result of message.results ?? []) count(result);
    }
  }
  countParts(request.system);
  found[mark] += bytes - found.plain - found["5m"] - found["1h"];
  return found;
}

/** Characters by part; what was said after the first message counts as inputs, a reply's format as tools. */
export function sizes(spec: CallSpec): PartSize[] {
  const total = new Map<PartKind, number>();
  const add = (kind: PartKind, chars: number) => {
    if (chars > 0) total.set(kind, (total.get(kind) ?? 0) + chars);
  };
  if (spec.tools && spec.tools.length > 0) add("tools", JSON.stringify(spec.tools).length);
  for (const part of [...spec.system, ...spec.user]) add(part.kind, part.text.length);
  for (const turn of spec.turns ?? []) {
    add(
      "inputs",
      turn.assistant.text.length + turn.user.text.length + turn.user.results.reduce((sum, result) => sum + result.text.length, 0),
    );
  }
  return [...total].map(([kind, chars]) => ({ kind, chars }));
}
