/** The model port over Anthropic's Messages API: one streamed request a call, no retry, every expected end a Reply. */

import type { Log } from "../../log/log.ts";
import type { Model, ModelRequest, Reply } from "../model.ts";
import { type Answer, collectAnswer } from "./answer.ts";
import { loadSdk, openClient, redact } from "./client.ts";
import { type Failure, notSent, readFailure } from "./failure.ts";
import { wholeReply } from "./reply.ts";
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

/** A Model on the given key and address alone: nothing is read from the environment, a profile or a file. */
export function createClaude({ apiKey, baseURL, idleMs = 120_000, log }: ClaudeOptions): Model {
  let loading: ReturnType<typeof openClient> | undefined;

  const respond: Model["respond"] = async (request, { signal, onStart }) => {
    const startedAt = performance.now();
    loading ??= openClient({ apiKey, baseURL });
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
    const detail = reply.detail === null ? null : redact(reply.detail, apiKey);
    const ms = Math.round(performance.now() - startedAt);
    log.debug("model call ended", { model: request.model, stop: reply.stop, ms, requestId: reply.requestId });
    return { ...reply, detail };
  };
  return { respond };
}

type Outcome = { request: ModelRequest; answer: Answer; failure: Failure | null; call: Watch; idleMs: number };

function toReply({ request, answer, failure, call, idleMs }: Outcome): Reply {
  const requestId = call.requestId ?? failure?.requestId ?? null;
  const whole = wholeReply(answer, request, requestId);
  if (whole) return whole;
  const said = { text: answer.text, uses: answer.uses, blocks: answer.blocks, usage: answer.usage };
  const ended = failure ?? { stop: "lost", billable: true, detail: "the answer ended before it was whole", retryAfterMs: null };
  // A refusal that arrived before the abort is known to cost nothing; a request that never went out costs nothing either.
  const billable = call.sent && ended.billable;
  if (!call.stopped)
    return { ...said, stop: ended.stop, billable, detail: ended.detail, retryAfterMs: ended.retryAfterMs, requestId };
  const detail = call.stopped === "idle" ? `the provider was silent for ${idleMs / 1000} s` : "the call was stopped";
  return { ...said, stop: call.stopped, billable, detail, retryAfterMs: null, requestId };
}
