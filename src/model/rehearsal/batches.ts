/** The Message Batches API of the rehearsal: batches in memory, each of whose requests is answered as a single one would be. */

import { type ApiError, errorBody, invalid } from "./api-error.ts";
import type { CacheLookUp } from "./cache.ts";
import { type FaultBook, type FaultSpec, faultError } from "./faults.ts";
import { canonical, isRecord, type Json, listOf, recordOf, sha256 } from "./json.ts";
import { outputTokens, usageJson } from "./message.ts";
import { composeReply, type ReplyOptions } from "./reply.ts";
import { type MessagesRequest, readRequest } from "./request.ts";
import { showCall } from "./shown-call.ts";
import { messageJson } from "./wire.ts";

type End = "succeeded" | "errored" | "canceled" | "expired";
type Entry = {
  readonly id: string;
  readonly shown: ReturnType<typeof showCall>;
  readonly read: { readonly request: MessagesRequest } | { readonly error: ApiError };
  readonly fault: FaultSpec | null;
  readonly hash: string;
  /** Logs that its answer is there. */
  readonly answered: (stop: string) => void;
};
type Batch = {
  readonly id: string;
  readonly createdAt: number;
  /** On the clock of `performance.now()`. */
  readonly endsAt: number;
  readonly entries: readonly Entry[];
  cancelledAt: number | null;
  /** The lines of its results, once it has ended. */
  ended: { readonly at: number; readonly results: readonly { readonly end: End; readonly line: string }[] } | null;
};

export type BatchBook = {
  /** Makes a batch, or refuses it whole. `lost`: it is made, and the answer does not arrive. */
  create(body: unknown): { readonly batch: Json; readonly lost: boolean } | { readonly error: ApiError };
  /** Newest first. */
  list(query: URLSearchParams): Json;
  find(id: string): Json | null;
  cancel(id: string): Json | null;
  /** One line of JSON for each request, in no order; null while it is not ended, or unknown. */
  results(id: string): string | null;
};

export type BatchBookOptions = {
  readonly faults: FaultBook;
  readonly reply: ReplyOptions;
  /** Milliseconds that a batch takes. */
  readonly takesMs: number;
  readonly url: () => string;
  readonly lookUp: (request: MessagesRequest, now: number) => CacheLookUp;
  /** Logs that a request arrived; what it returns logs that its answer is there. */
  readonly arrived: (
    shown: ReturnType<typeof showCall>,
    hash: string,
    fault: FaultSpec | null,
    batch: string,
  ) => Entry["answered"];
};

const MAX_REQUESTS = 100_000;
const DAY_MS = 86_400_000;
const PAGE = 20;
const MAX_PAGE = 1000;

export function createBatchBook(options: BatchBookOptions): BatchBook {
  const { faults, reply } = options;
  const kept = new Map<string, Batch>();

  function create(body: unknown): ReturnType<BatchBook["create"]> {
    const problem = requestsProblem(body);
    if (problem !== null) return { error: invalid(problem) };
    const fault = faults.takeBatch();
    const refused = fault && faultError(fault, "");
    if (refused) return { error: refused };
    const id = `msgbatch_rehearsal_${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`;
    const entries = listOf(recordOf(body).requests).map((each): Entry => {
      const { custom_id: name, params } = recordOf(each);
      const shown = showCall(params);
      // As the same call made at once would be: that one asks for a stream.
      const hash = sha256(canonical({ ...recordOf(params), stream: true }));
      const hit = faults.takeEntry(shown);
      const answered = options.arrived(shown, hash, hit, id);
      return { id: String(name), shown, read: readRequest(params, { counting: false }), fault: hit, hash, answered };
    });
    const takes = fault?.takesMs ?? options.takesMs;
    const batch: Batch = {
      id,
      createdAt: Date.now(),
      endsAt: performance.now() + takes,
      entries,
      cancelledAt: null,
      ended: null,
    };
    kept.set(id, batch);
    return { batch: json(batch), lost: fault?.kind === "batch_lost" };
  }

  function resultOf(entry: Entry, cancelled: boolean): { end: End; line: string } {
    const { id, read, fault } = entry;
    const line = (end: End, more: Json) => ({ end, line: JSON.stringify({ custom_id: id, result: { type: end, ...more } }) });
    const failed = (error: ApiError) => {
      entry.answered(error.type);
      return line("errored", { error: JSON.parse(errorBody(error, "")) as Json });
    };
    if (cancelled) {
      entry.answered("canceled");
      return line("canceled", {});
    }
    if (fault?.kind === "batch_expire") {
      entry.answered("expired");
      return line("expired", {});
    }
    if (fault?.kind === "batch_error") return failed({ status: 500, type: "api_error", message: "Rehearsal: errored on demand" });
    const refused = fault && faultError(fault, entry.shown.model ?? "");
    if (refused) return failed(refused);
    if ("error" in read) return failed(read.error);
    const { request } = read;
    const seen = options.lookUp(request, Date.now());
    seen.begin(Date.now());
    const message = composeReply(request, fault?.kind ?? null, reply);
    const usage = usageJson(seen.usage, outputTokens(message), fault?.kind ?? null);
    const tier = fault?.kind === "no_usage" ? {} : { service_tier: "batch" };
    const whole = { id: `msg_rehearsal_${entry.hash.slice(0, 20)}`, model: request.model, message, startUsage: {} };
    entry.answered(message.stop);
    return line("succeeded", { message: JSON.parse(messageJson({ ...whole, usage: { ...usage, ...tier } })) as Json });
  }

  /** A batch as it stands now: what it was asked for is answered when its time has come. */
  function current(id: string): Batch | null {
    const batch = kept.get(id);
    if (!batch) return null;
    if (batch.ended === null && (batch.cancelledAt !== null || performance.now() >= batch.endsAt)) {
      const results = batch.entries.map((entry) => resultOf(entry, batch.cancelledAt !== null));
      // Nobody may count on their order.
      batch.ended = { at: Date.now(), results: results.toReversed() };
    }
    return batch;
  }

  function json(batch: Batch): Json {
    const of = (end: End) => batch.ended?.results.filter((result) => result.end === end).length ?? 0;
    const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
    return {
      id: batch.id,
      type: "message_batch",
      processing_status: batch.ended ? "ended" : "in_progress",
      request_counts: {
        processing: batch.ended ? 0 : batch.entries.length,
        ...{ succeeded: of("succeeded"), errored: of("errored"), canceled: of("canceled"), expired: of("expired") },
      },
      created_at: iso(batch.createdAt),
      expires_at: iso(batch.createdAt + DAY_MS),
      ended_at: iso(batch.ended?.at ?? null),
      archived_at: null,
      cancel_initiated_at: iso(batch.cancelledAt),
      results_url: batch.ended ? `${options.url()}/v1/messages/batches/${batch.id}/results` : null,
    };
  }

  return {
    create,
    list(query) {
      const all = [...kept.keys()].toReversed();
      const after = all.indexOf(query.get("after_id") ?? "");
      const limit = Math.min(MAX_PAGE, Math.max(1, Number(query.get("limit") ?? PAGE) || PAGE));
      const page = all.slice(after + 1, after + 1 + limit);
      return {
        data: page.map((id) => json(current(id) as Batch)),
        has_more: after + 1 + limit < all.length,
        first_id: page[0] ?? null,
        last_id: page.at(-1) ?? null,
      };
    },
    find(id) {
      const batch = current(id);
      return batch && json(batch);
    },
    cancel(id) {
      const batch = current(id);
      if (!batch) return null;
      if (batch.ended === null) batch.cancelledAt = Date.now();
      return json(current(id) as Batch);
    },
    results(id) {
      const ended = current(id)?.ended;
      return ended ? ended.results.map(({ line }) => `${line}\n`).join("") : null;
    },
  };
}

/** Why the whole batch is refused: what is wrong with a single request is told in its result. */
function requestsProblem(body: unknown): string | null {
  if (!isRecord(body)) return "The request body is not valid JSON: expected an object";
  const requests = listOf(body.requests);
  if (requests.length === 0) return "requests: List should have at least 1 item";
  if (requests.length > MAX_REQUESTS) return `requests: List should have at most ${MAX_REQUESTS} items`;
  const ids = new Set<string>();
  for (const [i, each] of requests.entries()) {
    const { custom_id: id, params } = recordOf(each);
    if (typeof id !== "string" || !/^[a-zA-Z0-9_-]{1,64}$/.test(id))
      return `requests.${i}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'`;
    if (!isRecord(params)) return `requests.${i}.params: Field required`;
    if (params.stream === true) return `requests.${i}.params.stream: streaming is not supported in batches`;
    if (ids.has(id)) return `requests.${i}.custom_id: must be unique within a batch`;
    ids.add(id);
  }
  return null;
}
