/** The rehearsal: a server on Bun.serve that speaks Anthropic's Messages API, so that everything but the model is real. */

import { type ApiError, errorBody, invalid } from "./api-error.ts";
import { type BatchBook, createBatchBook } from "./batches.ts";
import { createPromptCache, countTokens } from "./cache.ts";
import { type FaultSpec, createFaultBook, faultError } from "./faults.ts";
import { canonical, parseJson, sha256 } from "./json.ts";
import { modelJson, modelList } from "./model-list.ts";
import { type LoggedRequest, openRequestLog } from "./request-log.ts";
import { readRequest } from "./request.ts";
import { type Exchange, respond } from "./respond.ts";
import { showCall } from "./shown-call.ts";

export type RehearsalOptions = {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly hostname?: string;
  readonly seed: number;
  /** Milliseconds from a request's arrival to the first byte of its content. */
  readonly latencyMs?: number;
  /** Gets one JSON line when a request arrives and one when its answer has been sent. */
  readonly logFile?: string;
  readonly faults?: readonly FaultSpec[];
  /** Share of first versions that the reviewer sends back, 0 to 1. */
  readonly returns?: number;
  /** Prefixes of fewer tokens are not cached. */
  readonly cacheMinTokens?: number;
};

export type Rehearsal = {
  readonly url: string;
  readonly port: number;
  /** Everything logged so far, in order: two lines for each request that was answered. The list grows with the log. */
  requests(): readonly LoggedRequest[];
  setFaults(faults: readonly FaultSpec[]): void;
  /** Ends the server and every connection that is still open. */
  stop(): Promise<void>;
};

/** A batch's; a single call's is 32 MB. */
const MAX_BODY = 256 * 1024 * 1024;
const MAX_PROMPT = 1_000_000;

/** Starts the server: it listens when this returns. Throws when the port is taken or the log file cannot be opened. */
export function startRehearsal(options: RehearsalOptions): Rehearsal {
  const { seed, latencyMs = 0, returns = 0.3, cacheMinTokens = 1024 } = options;
  const log = openRequestLog(options.logFile);
  const faults = createFaultBook(options.faults ?? []);
  const cache = createPromptCache({ minTokens: cacheMinTokens });
  let count = 0;
  let inFlight = 0;

  /** Logs an arrival; the answer is logged once, by whichever end comes first. */
  function open(
    shown: Pick<LoggedRequest, "kind" | "skill" | "model" | "hash" | "batch">,
    fault: FaultSpec | null,
    signal: AbortSignal,
  ) {
    const n = ++count;
    const about = { ...shown, ...(fault ? { fault: fault.kind } : {}) };
    log.add({ n, event: "request", ...about, inFlight: ++inFlight });
    let ended = false;
    const end: Exchange["end"] = (event, fields) => {
      if (ended) return;
      ended = true;
      log.add({ n, event, ...about, ...fields, inFlight: --inFlight });
    };
    signal.addEventListener("abort", () => end("gone", {}));
    return { requestId: `req_rehearsal_${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`, end };
  }

  async function messages(request: Request, counting: boolean): Promise<Response> {
    const arrived = performance.now();
    const body = parseJson(await request.text());
    const shown = showCall(body);
    const hash = sha256(canonical(body ?? null));
    const fault = counting ? null : faults.take(shown);
    const exchange = open({ ...shown, kind: counting ? "count_tokens" : shown.kind, hash }, fault, request.signal);
    const refused = (fault && faultError(fault, shown.model ?? "")) ?? authError(request);
    if (refused) return errorResponse(refused, exchange);
    const read = readRequest(body, { counting });
    if ("error" in read) return errorResponse(read.error, exchange);
    const total = countTokens(read.request);
    if (counting) return jsonResponse({ input_tokens: total }, exchange);
    if (total > MAX_PROMPT)
      return errorResponse(invalid(`prompt is too long: ${total} tokens > ${MAX_PROMPT} maximum`), exchange);
    return respond(read.request, {
      ...exchange,
      signal: request.signal,
      fault: fault?.kind ?? null,
      begins: arrived + latencyMs,
      lookUp: cache.lookUp(read.request, Date.now()),
      reply: { seed, returns },
      messageId: `msg_rehearsal_${hash.slice(0, 20)}`,
    });
  }

  const batches: BatchBook = createBatchBook({
    faults,
    reply: { seed, returns },
    takesMs: latencyMs,
    url: () => `http://${server.hostname}:${server.port}`,
    lookUp: cache.lookUp,
    arrived(shown, hash, fault, batch) {
      const { kind, skill, model } = shown;
      const { end } = open({ kind, skill, model, hash, batch }, fault, new AbortController().signal);
      return (stop) => end("answered", { status: 200, stop });
    },
  });

  /** What is asked about batches is no model call: only their requests are logged. */
  async function batch(request: Request, path: string, query: URLSearchParams): Promise<Response> {
    const refused = authError(request);
    if (refused) return refuse(refused);
    if (request.method === "POST" && path === "") {
      const made = batches.create(parseJson(await request.text()));
      if ("error" in made) return refuse(made.error);
      return made.lost ? new Response(broken()) : Response.json(made.batch);
    }
    const [, id = "", what = ""] = /^\/([^/]+)(?:\/(results|cancel))?$/.exec(path) ?? [];
    if (request.method === "GET" && path === "") return Response.json(batches.list(query));
    const found = request.method === (what === "cancel" ? "POST" : "GET") ? batches.find(id) : null;
    if (found === null) return refuse({ status: 404, type: "not_found_error", message: `batch: ${id}` });
    if (what === "cancel") return Response.json(batches.cancel(id));
    if (what !== "results") return Response.json(found);
    const results = batches.results(id);
    if (results === null) return refuse(invalid("results are there when the batch has ended"));
    return new Response(results, { headers: { "content-type": "application/x-jsonl" } });
  }

  function models(request: Request, id: string | null): Response {
    const shown = { kind: "models" as const, skill: null, model: id, hash: sha256(id ?? "") };
    const exchange = open(shown, null, request.signal);
    const found = id === null ? modelList() : modelJson(id);
    const refused = authError(request);
    if (refused || found === null)
      return errorResponse(refused ?? { status: 404, type: "not_found_error", message: `model: ${id}` }, exchange);
    return jsonResponse(found, exchange);
  }

  const server = Bun.serve({
    port: options.port ?? 0,
    hostname: options.hostname ?? "127.0.0.1",
    maxRequestBodySize: MAX_BODY,
    // Otherwise Bun prints a trace for each connection that is reset on purpose.
    development: false,
    // Otherwise a second server on the same port starts as well, and half of the requests are lost to it.
    reusePort: false,
    async fetch(request, bun) {
      bun.timeout(request, 0);
      const { pathname, searchParams } = new URL(request.url);
      const path = pathname.replace(/\/+$/, "");
      if (request.method === "POST" && path === "/v1/messages") return messages(request, false);
      if (request.method === "POST" && path === "/v1/messages/count_tokens") return messages(request, true);
      const below = /^\/v1\/messages\/batches(\/.*)?$/.exec(path);
      if (below) return batch(request, below[1] ?? "", searchParams);
      const model = /^\/v1\/models(?:\/([^/]+))?$/.exec(path);
      if (request.method === "GET" && model) return models(request, model[1] ?? null);
      return new Response(
        errorBody({ status: 404, type: "not_found_error", message: `Not found: ${request.method} ${path}` }, ""),
        {
          status: 404,
          headers: { "content-type": "application/json" },
        },
      );
    },
  });

  return {
    url: `http://${server.hostname}:${server.port}`,
    port: server.port ?? 0,
    requests: log.lines,
    setFaults: faults.set,
    async stop() {
      await server.stop(true);
      log.close();
    },
  };
}

/** Any key will do, but there must be one. */
function authError(request: Request): ApiError | null {
  const bearer = /^Bearer\s+\S/i.test(request.headers.get("authorization") ?? "");
  if (bearer || request.headers.get("x-api-key")?.trim()) return null;
  return { status: 401, type: "authentication_error", message: "Authorization: Bearer or x-api-key header is required" };
}

function refuse(error: ApiError): Response {
  const headers = { "content-type": "application/json", ...error.headers };
  return new Response(errorBody(error, ""), { status: error.status, headers });
}

/** An answer that breaks off before it says anything. */
function broken(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(5);
      controller.error(new Error("lost on demand"));
    },
  });
}

function errorResponse(error: ApiError, { requestId, end }: Pick<Exchange, "requestId" | "end">): Response {
  end("answered", { status: error.status, stop: error.type });
  return new Response(errorBody(error, requestId), {
    status: error.status,
    headers: { "content-type": "application/json", "request-id": requestId, ...error.headers },
  });
}

function jsonResponse(value: unknown, { requestId, end }: Pick<Exchange, "requestId" | "end">): Response {
  end("answered", { status: 200 });
  return new Response(JSON.stringify(value), { headers: { "content-type": "application/json", "request-id": requestId } });
}
