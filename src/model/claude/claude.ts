/** The model port over Anthropic's Messages API: one streamed request a call, no retry, every expected end a Reply. */

import type Anthropic from "@anthropic-ai/sdk";
import type { Log } from "../../log/log.ts";
import type { Model, ModelRequest, Reply, Stop } from "../model.ts";
import { type Answer, collectAnswer } from "./answer.ts";
import { type Failure, notSent, readFailure } from "./failure.ts";
import { type Watch, watchCall } from "./watch.ts";
import { asksForHourCache, toWire } from "./wire.ts";

export type ClaudeOptions = {
  readonly apiKey: string;
  readonly baseURL?: string | undefined;
  /** How long the wire may be silent, in ms, from the request on and between pieces of the answer. */
  readonly idleMs?: number | undefined;
  readonly log: Log;
};

/** Loads the SDK before the first call needs it. Safe to call twice. */
export async function warmUp(): Promise<void> {
  await loadSdk();
}

async function loadSdk() {
  const [{ Anthropic }, { transformJSONSchema }] = await Promise.all([
    import("@anthropic-ai/sdk"),
    import("@anthropic-ai/sdk/lib/transform-json-schema"),
  ]);
  return { Anthropic, transformJSONSchema };
}

/** A Model on the given key and address alone: nothing is read from the environment, a profile or a file. */
export function createClaude({ apiKey, baseURL, idleMs = 120_000, log }: ClaudeOptions): Model {
  let loading: Promise<{ client: Anthropic; reduceSchema: Parameters<typeof toWire>[1] }> | undefined;
  const load = async () => {
    const { Anthropic, transformJSONSchema } = await loadSdk();
    return { client: createClient(Anthropic, apiKey, baseURL), reduceSchema: transformJSONSchema };
  };

  const respond: Model["respond"] = async (request, { signal, onStart }) => {
    const startedAt = performance.now();
    loading ??= load();
    const { client, reduceSchema } = await loading;
    const body = toWire(request, reduceSchema);
    const call = watchCall(signal, idleMs);
    const answer = collectAnswer({ hourCache: asksForHourCache(request) });
    let failure: Failure | null = null;
    try {
      const stream = await client.messages.create(body, { signal: call.signal, middleware: [call.observe] });
      for await (const event of stream) {
        if (answer.take(event)) onStart?.();
        if (event.type === "message_stop") call.expectEnd();
      }
    } catch (error) {
      failure = call.sent ? readFailure(error, Date.now()) : notSent(error);
      log.debug("model call failed", { model: request.model, error });
    } finally {
      call.end();
    }
    const reply = toReply({ request, answer, failure, call, idleMs });
    const detail = reply.detail?.replaceAll(apiKey || "\0", "[redacted]") ?? null;
    const ms = Math.round(performance.now() - startedAt);
    log.debug("model call ended", { model: request.model, stop: reply.stop, ms, requestId: reply.requestId });
    return { ...reply, detail };
  };
  return { respond };
}

function createClient(SDK: typeof Anthropic, apiKey: string, baseURL: string | undefined): Anthropic {
  const client = new SDK({
    apiKey,
    authToken: null,
    webhookKey: null,
    baseURL: baseURL ?? "https://api.anthropic.com",
    maxRetries: 0,
    // Silence is the watchdog's business. Bun's own limit (300 s) and the SDK's (10 minutes to the headers) would cut off
    // calls that are paid for; a redirect would carry the key to another address.
    timeout: 2 ** 31 - 1,
    fetchOptions: { timeout: false, redirect: "manual" },
    logLevel: "off",
    openTelemetry: false,
  });
  // The one variable that no option switches off: ANTHROPIC_CUSTOM_HEADERS could even replace the key.
  (client as unknown as { _options: { defaultHeaders: undefined } })._options.defaultHeaders = undefined;
  return client;
}

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

type Outcome = { request: ModelRequest; answer: Answer; failure: Failure | null; call: Watch; idleMs: number };

function toReply({ request, answer, failure, call, idleMs }: Outcome): Reply {
  const said = { text: answer.text, uses: answer.uses, blocks: answer.blocks, usage: answer.usage };
  const requestId = call.requestId ?? failure?.requestId ?? null;
  if (answer.stop) {
    const stop = STOP_REASONS[answer.stop.reason] ?? "server_error";
    return { ...said, stop, billable: true, detail: explain(answer.stop, stop, request), retryAfterMs: null, requestId };
  }
  const ended = failure ?? { stop: "lost", billable: true, detail: "the answer ended before it was whole", retryAfterMs: null };
  // A refusal that arrived before the abort is known to cost nothing; a request that never went out costs nothing either.
  const billable = call.sent && ended.billable;
  if (!call.stopped)
    return { ...said, stop: ended.stop, billable, detail: ended.detail, retryAfterMs: ended.retryAfterMs, requestId };
  const detail = call.stopped === "idle" ? `the provider was silent for ${idleMs / 1000} s` : "the call was stopped";
  return { ...said, stop: call.stopped, billable, detail, retryAfterMs: null, requestId };
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
