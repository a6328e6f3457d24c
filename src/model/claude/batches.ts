/** The port of batches over Anthropic's Message Batches API: the same bodies and the same reading of answers as of single calls. */

import type Anthropic from "@anthropic-ai/sdk";
import type { Log } from "../../log/log.ts";
import type { Batches, BatchFailure, BatchResult, BatchState } from "../batches.ts";
import type { ModelRequest, Reply } from "../model.ts";
import { collectAnswer, eventsOf } from "./answer.ts";
import { type ClaudeAddress, openClient, redact } from "./client.ts";
import { type Failure, notSent, readFailure } from "./failure.ts";
import { wholeReply } from "./reply.ts";
import { type Watch, watchCall } from "./watch.ts";
import { asksForHourCache, toWire } from "./wire.ts";

export type ClaudeBatchesOptions = ClaudeAddress & {
  /** How long the wire may be silent, in ms. */
  readonly idleMs?: number | undefined;
  readonly log: Log;
};

const PATH = "/v1/messages/batches";
/** The API's largest page. */
const PAGE = 1000;

export function createClaudeBatches({ apiKey, baseURL, idleMs = 120_000, log }: ClaudeBatchesOptions): Batches {
  let loading: ReturnType<typeof openClient> | undefined;

  type Sdk = Awaited<ReturnType<typeof openClient>>;

  /** One exchange with the provider. */
  async function exchange<T>(
    what: string,
    signal: AbortSignal,
    run: (sdk: Sdk, call: Watch) => Promise<T>,
  ): Promise<{ value: T } | { failure: BatchFailure }> {
    loading ??= openClient({ apiKey, baseURL });
    const sdk = await loading;
    const call = watchCall(signal, idleMs);
    try {
      return { value: await run(sdk, call) };
    } catch (error) {
      log.debug(`${what} failed`, { error });
      return { failure: toFailure(call.sent ? readFailure(error, Date.now()) : notSent(error), call) };
    } finally {
      call.end();
    }
  }

  function toFailure({ stop, billable, detail, retryAfterMs }: Failure, call: Watch): BatchFailure {
    const why = call.stopped === "idle" ? `the provider was silent for ${idleMs / 1000} s` : "the request was stopped";
    // A refusal that arrived before we stopped waiting is what happened.
    if (call.stopped !== null && (billable || !call.sent))
      return { stop: call.stopped, billable: call.sent, detail: why, retryAfterMs: null };
    return { stop, billable: call.sent && billable, detail: redact(detail, apiKey), retryAfterMs };
  }

  const of = (call: Watch) => ({ signal: call.signal, middleware: [call.observe] });

  return {
    async create(requests, { signal }) {
      const made = await exchange("a batch", signal, ({ client, reduceSchema }, call) => {
        const bodies = requests.map(({ id, request }) => {
          const { stream: _, ...params } = toWire(request, reduceSchema);
          return { custom_id: id, params };
        });
        return client.messages.batches.create({ requests: bodies }, of(call));
      });
      return "failure" in made ? made : { batch: toState(made.value) };
    },

    async since(at, { signal }) {
      const found = await exchange("a look at the batches", signal, async ({ client }, call) => {
        const batches: BatchState[] = [];
        // Newest first.
        for await (const batch of client.messages.batches.list({ limit: PAGE }, of(call))) {
          const state = toState(batch);
          if (state.createdAt < at) break;
          batches.push(state);
        }
        return batches;
      });
      return "failure" in found ? found : { batches: found.value };
    },

    async state(id, { signal }) {
      const found = await exchange("a look at a batch", signal, ({ client }, call) =>
        client.messages.batches.retrieve(id, null, of(call)),
      );
      return "failure" in found ? found : { batch: toState(found.value) };
    },

    async results(id, take, { signal }) {
      let thrown: { readonly error: unknown } | null = null;
      const ended = await exchange("a batch's results", signal, async ({ client }, call) => {
        // Not at the address that the answer names: the key goes to the one that we were given.
        const response = await client
          .get(`${PATH}/${encodeURIComponent(id)}/results`, {
            ...of(call),
            headers: { accept: "application/x-jsonl" },
            __binaryResponse: true,
          })
          .asResponse();
        for await (const line of linesOf(response.body)) {
          const result = toResult(JSON.parse(line) as Individual, apiKey);
          await take(result).catch((error: unknown) => {
            thrown = { error };
            throw error;
          });
        }
      });
      // What the taker threw is no failure of the wire.
      const fault = thrown as { readonly error: unknown } | null;
      if (fault) throw fault.error;
      return "failure" in ended ? ended.failure : null;
    },
  };
}

type Individual = Anthropic.Messages.Batches.MessageBatchIndividualResponse;

function toState(batch: Anthropic.Messages.Batches.MessageBatch): BatchState {
  const { processing, succeeded, errored, canceled, expired } = batch.request_counts;
  return {
    id: batch.id,
    createdAt: Date.parse(batch.created_at),
    ended: batch.processing_status === "ended",
    requests: processing + succeeded + errored + canceled + expired,
  };
}

function toResult({ custom_id: id, result }: Individual, apiKey: string): BatchResult {
  switch (result.type) {
    case "succeeded": {
      const { message } = result;
      const tier = message.usage?.service_tier ?? "batch";
      return { id, end: "succeeded", detail: null, reply: (request) => toReply(message, request), reduced: tier === "batch" };
    }
    case "errored":
      return none(
        id,
        "errored",
        redact(`the provider could not answer: ${result.error?.error?.message ?? "no reason given"}`, apiKey),
      );
    case "expired":
      return none(id, "expired", "the provider did not come to it within a day");
    default:
      return none(id, "canceled", "its batch was cancelled");
  }
}

function none(id: string, end: BatchResult["end"], detail: string): BatchResult {
  return { id, end, detail, reply: null, reduced: true };
}

function toReply(message: Anthropic.Message, request: ModelRequest): Reply {
  const answer = collectAnswer({ hourCache: asksForHourCache(request) });
  for (const event of eventsOf(message)) answer.take(event);
  return (
    wholeReply(answer, request, message.id) ?? {
      ...{ stop: "lost", text: answer.text, uses: answer.uses, blocks: answer.blocks, usage: answer.usage, billable: true },
      ...{ detail: "the answer ended before it was whole", retryAfterMs: null, requestId: message.id },
    }
  );
}

async function* linesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string> {
  if (body === null) return;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line;
  }
  rest += decoder.decode();
  if (rest.trim() !== "") yield rest;
}
