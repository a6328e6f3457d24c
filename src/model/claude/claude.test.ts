/** The Claude adapter against a server of our own on the other side of the wire. */

import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../log/log.ts";
import type { Model, ModelRequest, Reply, Stop } from "../model.ts";
import { createClaude, warmUp } from "./claude.ts";

const KEY = "sk-ant-test-key-0001";
const ASK: ModelRequest = {
  model: "claude-sonnet-5-5",
  maxTokens: 1000,
  system: [{ text: "You write." }],
  messages: [{ role: "user", parts: [{ text: "Write." }] }],
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

type Seen = { method: string; path: string; headers: Headers; body: unknown };

function serve(answer: (request: Request) => Response | Promise<Response>): { model: Model; url: string; seen: Seen[] } {
  const seen: Seen[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const body: unknown = await request.json();
      seen.push({ method: request.method, path: new URL(request.url).pathname, headers: request.headers, body });
      return answer(request);
    },
  });
  cleanups.push(() => server.stop(true));
  const url = `http://127.0.0.1:${server.port}`;
  return { model: createClaude({ apiKey: KEY, baseURL: url, log: silentLog }), url, seen };
}

type Event = { type: string } & Record<string, unknown>;

const line = (event: Event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

const sse = (body: string | ReadableStream) =>
  new Response(body, { headers: { "content-type": "text/event-stream", "request-id": "req_1" } });

const USAGE = {
  input_tokens: 100,
  output_tokens: 1,
  cache_read_input_tokens: 2000,
  cache_creation_input_tokens: 700,
  cache_creation: { ephemeral_5m_input_tokens: 300, ephemeral_1h_input_tokens: 400 },
};

const start = (usage: unknown = USAGE): Event => ({
  type: "message_start",
  message: { id: "msg_1", role: "assistant", content: [], usage },
});
const text = (words: string, index = 0): Event[] => [
  { type: "content_block_start", index, content_block: { type: "text", text: "" } },
  { type: "ping" },
  ...[...words].map((word): Event => ({ type: "content_block_delta", index, delta: { type: "text_delta", text: word } })),
  { type: "content_block_stop", index },
];
const use = (json: string, index = 0): Event[] => [
  {
    type: "content_block_start",
    index,
    content_block: { type: "tool_use", id: `toolu_${index}`, name: "read_reference", input: {} },
  },
  { type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json: json.slice(0, 5) } },
  { type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json: json.slice(5) } },
  { type: "content_block_stop", index },
];
const delta = (reason: string | null, usage: unknown = { output_tokens: 55 }, stop_details: unknown = null): Event => ({
  type: "message_delta",
  delta: { stop_reason: reason, stop_details },
  usage,
});
const end = (reason: string, details: unknown = null): Event[] => [delta(reason, undefined, details), { type: "message_stop" }];
const stream = (...events: Event[]) => sse(events.map(line).join(""));

const ask = (model: Model, signal = new AbortController().signal, onStart = () => {}) => model.respond(ASK, { signal, onStart });

/** A stream that sends these events and then stays open. `cancelled` resolves when the other side goes away. */
function openStream(...events: Event[]) {
  const cancelled = Promise.withResolvers<void>();
  const body = new ReadableStream({
    async pull(controller) {
      for (const event of events.splice(0)) controller.enqueue(new TextEncoder().encode(line(event)));
      await new Promise(() => {});
    },
    cancel: () => cancelled.resolve(),
  });
  return { body, cancelled: cancelled.promise };
}

describe("an answer", () => {
  test("that thought before it asks for a tool gives its blocks whole, and they go back unchanged with the result", async () => {
    const thinking: Event[] = [
      { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "I need " } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "the limits." } },
      { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "sig==" } },
      { type: "content_block_stop", index: 0 },
      { type: "content_block_start", index: 1, content_block: { type: "redacted_thinking", data: "xyz" } },
      { type: "content_block_stop", index: 1 },
    ];
    const { model, seen } = serve(() => stream(start(), ...thinking, ...use('{"city":"Paris"}', 2), ...end("tool_use")));
    const reply = await ask(model);
    const [use0] = reply.uses;
    expect(reply.blocks).toEqual([
      { type: "thinking", thinking: "I need the limits.", signature: "sig==" },
      { type: "redacted_thinking", data: "xyz" },
      { type: "tool_use", id: use0?.id, name: use0?.name, input: { city: "Paris" } },
    ]);
    const again: ModelRequest = {
      ...ASK,
      messages: [
        ...ASK.messages,
        { role: "assistant", text: reply.text, uses: reply.uses, blocks: reply.blocks },
        { role: "user", parts: [], results: [{ id: use0?.id ?? "", text: "21 degrees", isError: false }] },
      ],
    };
    await model.respond(again, { signal: new AbortController().signal });
    const body = seen.at(-1)?.body as { messages: { role: string; content: unknown }[] };
    expect(body.messages.at(-2)).toEqual({ role: "assistant", content: [...reply.blocks] });
  });

  test("arrives with its text, usage by kind and request id", async () => {
    const { model, seen } = serve(() => stream(start(), ...text("Hello, world"), ...end("end_turn")));
    let starts = 0;
    const reply = await ask(model, undefined, () => starts++);
    expect(reply).toEqual({
      stop: "end",
      text: "Hello, world",
      uses: [],
      blocks: [{ type: "text", text: "Hello, world" }],
      usage: { input: 100, output: 55, cacheRead: 2000, cacheWrite5m: 300, cacheWrite1h: 400 },
      billable: true,
      detail: null,
      retryAfterMs: null,
      requestId: "req_1",
    });
    expect(starts).toBe(1);
    expect(seen[0]?.method).toBe("POST");
    expect(seen[0]?.path).toBe("/v1/messages");
    expect(seen[0]?.headers.get("authorization")).toBe(`Bearer ${KEY}`);
  });

  test("may hold several tool uses, with their input read", async () => {
    const { model } = serve(() =>
      stream(start(), ...text("Let me look."), ...use('{"path":"a.md"}', 1), ...use("", 2), ...end("tool_use")),
    );
    const reply = await ask(model);
    expect(reply).toMatchObject({ stop: "tool_use", text: "Let me look.", detail: null });
    expect(reply.uses).toEqual([
      { id: "toolu_1", name: "read_reference", input: { path: "a.md" } },
      { id: "toolu_2", name: "read_reference", input: {} },
    ]);
  });

  test("with a tool input that is no JSON keeps what came", async () => {
    const { model } = serve(() => stream(start(), ...use("{path: a}"), ...end("tool_use")));
    expect((await ask(model)).uses).toEqual([{ id: "toolu_0", name: "read_reference", input: { INVALID_JSON: "{path: a}" } }]);
  });

  test("cut off in a tool use does not hand out half of it", async () => {
    const { model } = serve(() => stream(start(), ...use('{"path":"a').slice(0, 3), ...end("max_tokens")));
    expect(await ask(model)).toMatchObject({ stop: "truncated", uses: [] });
  });

  const ends: [string, Stop, string | null][] = [
    ["end_turn", "end", null],
    ["stop_sequence", "end", null],
    ["tool_use", "tool_use", null],
    ["max_tokens", "truncated", "the answer reached its limit of 1000 tokens"],
    ["pause_turn", "truncated", "the provider paused the answer"],
    ["model_context_window_exceeded", "context_too_long", "the answer filled the model's context window"],
    ["something_new", "server_error", "the provider ended the answer for a reason this version does not know: something_new"],
  ];
  test.each(ends)("that ends with %s is %s", async (reason, stop, detail) => {
    const { model } = serve(() => stream(start(), ...text("so far"), ...end(reason)));
    const reply = await ask(model);
    expect(reply).toMatchObject({ stop, detail, text: "so far", billable: true });
    expect(reply.usage?.output).toBe(55);
  });

  test("that is a refusal says why", async () => {
    const { model } = serve(() =>
      stream(start(), ...end("refusal", { type: "refusal", category: "cyber", explanation: "No exploits." })),
    );
    expect(await ask(model)).toMatchObject({
      stop: "refusal",
      detail: "the model declined (cyber): No exploits.",
      billable: true,
    });
  });

  test("is whole once its end is known, also when the last event is lost", async () => {
    const { model } = serve(() => stream(start(), ...text("All of it"), delta("end_turn")));
    expect(await ask(model)).toMatchObject({ stop: "end", text: "All of it", usage: { output: 55 } });
  });

  test("is not kept waiting by a connection that stays open behind it", async () => {
    const { body, cancelled } = openStream(start(), ...text("Done"), ...end("end_turn"));
    const { url } = serve(() => sse(body));
    const model = createClaude({ apiKey: KEY, baseURL: url, idleMs: 30, log: silentLog });
    expect(await ask(model)).toMatchObject({ stop: "end", text: "Done", detail: null });
    await cancelled;
  });

  test("keeps letters whole that were split between two pieces", async () => {
    const bytes = new TextEncoder().encode([start(), ...text("é"), ...end("end_turn")].map(line).join(""));
    const at = bytes.indexOf(0xc3) + 1;
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.slice(0, at));
        controller.enqueue(bytes.slice(at));
        controller.close();
      },
    });
    const { model } = serve(() => sse(body));
    expect((await ask(model)).text).toBe("é");
  });
});

test("an answer may be compressed", async () => {
  const events = [start(), ...text("Packed"), ...end("end_turn")].map(line).join("");
  const headers = { "content-type": "text/event-stream", "content-encoding": "gzip" };
  const { model } = serve(() => new Response(Bun.gzipSync(events), { headers }));
  expect(await ask(model)).toMatchObject({ stop: "end", text: "Packed" });
});

describe("usage", () => {
  const read = async (first: unknown, last: unknown, request: ModelRequest = ASK) => {
    const { model } = serve(() => stream(start(first), delta("end_turn", last), { type: "message_stop" }));
    return (await model.respond(request, { signal: new AbortController().signal })).usage;
  };

  test("takes the last figures, and null says nothing", async () => {
    const usage = await read(USAGE, { output_tokens: 9, input_tokens: 120, cache_read_input_tokens: null });
    expect(usage).toEqual({ input: 120, output: 9, cacheRead: 2000, cacheWrite5m: 300, cacheWrite1h: 400 });
  });

  test("without cache figures counts none", async () => {
    expect(await read({ input_tokens: 5 }, { output_tokens: 2 })).toEqual({
      input: 5,
      output: 2,
      cacheRead: 0,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
    });
  });

  test("counts cache writes without a breakdown at the dearest life that was asked for", async () => {
    const first = { input_tokens: 5, cache_creation_input_tokens: 900 };
    const hour: ModelRequest = { ...ASK, system: [{ text: "You write.", cache: "1h" }] };
    expect(await read(first, { output_tokens: 2 })).toMatchObject({ cacheWrite5m: 900, cacheWrite1h: 0 });
    expect(await read(first, { output_tokens: 2 }, hour)).toMatchObject({ cacheWrite5m: 0, cacheWrite1h: 900 });
  });

  test.each([
    ["none", null, null],
    ["no input", {}, { output_tokens: 5 }],
    ["no output", { input_tokens: 5 }, {}],
    ["a negative count", { input_tokens: -5 }, { output_tokens: 5 }],
    ["a word", { input_tokens: "5" }, { output_tokens: 5 }],
  ])("is null with %s", async (_name, first, last) => {
    expect(await read(first, last)).toBeNull();
  });

  test("is null with a number beyond all bounds", async () => {
    const last = line(delta("end_turn", { output_tokens: 77 })).replace("77", "1e999");
    const { model } = serve(() => sse(line(start()) + last));
    expect(await ask(model)).toMatchObject({ stop: "end", usage: null });
  });
});

describe("a refused request", () => {
  const problem = (status: number, error: unknown, headers: Record<string, string> = {}) =>
    Response.json({ type: "error", error }, { status, headers: { "request-id": "req_2", ...headers } });

  const refusals: [string, number, unknown, Stop][] = [
    [
      "a prompt that is too long",
      400,
      { type: "invalid_request_error", message: "prompt is too long: 210000 tokens > 200000" },
      "context_too_long",
    ],
    [
      "input and max_tokens together",
      400,
      { type: "invalid_request_error", message: "input length and `max_tokens` exceed context limit" },
      "context_too_long",
    ],
    ["too many bytes", 413, { type: "request_too_large", message: "Request exceeds the maximum size" }, "context_too_long"],
    ["a bad request", 400, { type: "invalid_request_error", message: "max_tokens: must be positive" }, "bad_request"],
    ["an unprocessable request", 422, { type: "invalid_request_error", message: "no" }, "bad_request"],
    ["a bad key", 401, { type: "authentication_error", message: "invalid x-api-key" }, "auth"],
    ["a key without the right", 403, { type: "permission_error", message: "no" }, "auth"],
    ["an unknown model", 404, { type: "not_found_error", message: "model: nosuch" }, "unknown_model"],
    ["a rate limit", 429, { type: "rate_limit_error", message: "slow down" }, "rate_limited"],
    [
      "a ramp limit",
      429,
      { type: "rate_limit_error", message: "slow", details: { error_code: "ramp_limit_exceeded" } },
      "rate_limited",
    ],
    [
      "an enforced spend limit",
      429,
      { type: "rate_limit_error", message: "limit", details: { error_code: "enforced_spend_limit_reached" } },
      "spend_limit",
    ],
    [
      "a contract's spend limit",
      429,
      { type: "rate_limit_error", message: "limit", details: { error_code: "contract_spend_limit_reached" } },
      "spend_limit",
    ],
    ["no credit", 402, { type: "billing_error", message: "pay" }, "spend_limit"],
    [
      "no credit, said as a bad request",
      400,
      { type: "invalid_request_error", message: "Your credit balance is too low to access the API." },
      "spend_limit",
    ],
    ["overload", 529, { type: "overloaded_error", message: "Overloaded" }, "overloaded"],
    ["overload under another number", 503, { type: "overloaded_error", message: "Overloaded" }, "overloaded"],
    ["a server error", 500, { type: "api_error", message: "Internal server error" }, "server_error"],
    ["a lock", 409, { type: "conflict_error", message: "locked" }, "server_error"],
  ];
  test.each(refusals)("for %s (%i)", async (_name, status, error, stop) => {
    const { model, seen } = serve(() => problem(status, error));
    const reply = await ask(model);
    expect(reply).toMatchObject({
      stop,
      billable: false,
      usage: null,
      text: "",
      uses: [],
      retryAfterMs: null,
      requestId: "req_2",
    });
    expect(reply.detail).toContain((error as { message: string }).message);
    expect(reply.detail).toContain(`HTTP ${status}`);
    expect(seen).toHaveLength(1);
  });

  test("with a page of HTML is told in one short line", async () => {
    const page = `<html>\n<h1>502 \u001b[31mBad Gateway</h1>${"x".repeat(5000)}</html>`;
    const { model, seen } = serve(() => new Response(page, { status: 502 }));
    const reply = await ask(model);
    expect(reply).toMatchObject({ stop: "server_error", billable: false });
    expect(reply.detail).toStartWith("the provider failed (HTTP 502): <html> <h1>502 [31mBad Gateway");
    expect(reply.detail).not.toMatch(/[\u0000-\u001f]/);
    expect(reply.detail?.length).toBeLessThan(400);
    expect(seen).toHaveLength(1);
  });

  test("by a gateway that gave up waiting may still be billed", async () => {
    const { model } = serve(() => new Response("timeout", { status: 504 }));
    expect(await ask(model)).toMatchObject({ stop: "server_error", billable: true });
  });

  test("never shows the key, even when the provider repeats it", async () => {
    const { model } = serve(() => problem(401, { type: "authentication_error", message: `no such key: ${KEY}` }));
    expect((await ask(model)).detail).toEndWith("no such key: [redacted]");
  });

  test("by redirection does not carry the key elsewhere", async () => {
    const elsewhere = serve(() => stream(start(), ...end("end_turn")));
    const { model } = serve(() => Response.redirect(`${elsewhere.url}/v1/messages`, 307));
    const detail = "the provider's address redirects: set the base URL to where it leads (HTTP 307)";
    expect(await ask(model)).toMatchObject({ stop: "bad_request", billable: false, detail });
    expect(elsewhere.seen).toHaveLength(0);
  });

  const waits: [Record<string, string>, number | null][] = [
    [{ "retry-after": "7" }, 7000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after-ms": "1500", "retry-after": "7" }, 1500],
    [{ "retry-after": "86400" }, 600_000],
    [{ "retry-after": "Thu, 01 Jan 2099 00:00:00 GMT" }, 600_000],
    [{ "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }, 0],
    [{ "retry-after": "soon" }, null],
    [{}, null],
  ];
  test.each(waits)("with %p waits %p ms", async (headers, wait) => {
    const { model, seen } = serve(() => problem(429, { type: "rate_limit_error", message: "slow down" }, headers));
    expect(await ask(model)).toMatchObject({ stop: "rate_limited", retryAfterMs: wait });
    expect(seen).toHaveLength(1);
  });
});

describe("a broken answer", () => {
  const events: [string, Stop][] = [
    ["overloaded_error", "overloaded"],
    ["api_error", "server_error"],
    ["timeout_error", "server_error"],
    ["rate_limit_error", "rate_limited"],
    ["invalid_request_error", "bad_request"],
  ];
  test.each(events)("by an %s event is %s and billable, with what came so far", async (type, stop) => {
    const error = { type: "error", error: { type, message: "Broke" } };
    const { model, seen } = serve(() => stream(start(), ...text("Half of").slice(0, -1), error));
    const reply = await ask(model);
    expect(reply).toMatchObject({ stop, billable: true, usage: null, text: "Half of", requestId: "req_1" });
    expect(reply.detail).toContain("Broke");
    expect(seen).toHaveLength(1);
  });

  test("by a stream that ends early is lost, usage unknown", async () => {
    const { model, seen } = serve(() => stream(start(), ...text("Half")));
    expect(await ask(model)).toMatchObject({ stop: "lost", billable: true, usage: null, text: "Half" });
    expect(seen).toHaveLength(1);
  });

  test("does not take figures for final that came before the end", async () => {
    const { model } = serve(() => stream(start(), ...text("Half"), delta(null, { output_tokens: 2 })));
    expect(await ask(model)).toMatchObject({ stop: "lost", billable: true, usage: null });
  });

  test("of something that is no stream at all is lost", async () => {
    const { model } = serve(() => new Response("<html>sign in to the wifi</html>"));
    expect(await ask(model)).toMatchObject({ stop: "lost", billable: true, usage: null, text: "" });
  });

  test("of events that are no JSON is lost", async () => {
    const { model } = serve(() => sse(`${line(start())}event: content_block_start\ndata: {"type":"content_blo\n\n`));
    expect(await ask(model)).toMatchObject({ stop: "lost", billable: true, usage: null });
  });

  test("by a connection that dies after the request is lost and billable", async () => {
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.terminate() },
    });
    cleanups.push(() => server.stop(true));
    const model = createClaude({ apiKey: KEY, baseURL: `http://127.0.0.1:${server.port}`, log: silentLog });
    const reply = await ask(model);
    expect(reply).toMatchObject({ stop: "lost", billable: true, usage: null });
    expect(reply.detail).toContain("ECONNRESET");
  });

  test("by a refused connection is lost and costs nothing", async () => {
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { port } = server;
    server.stop(true);
    const model = createClaude({ apiKey: KEY, baseURL: `http://127.0.0.1:${port}`, log: silentLog });
    const reply = await ask(model);
    expect(reply).toMatchObject({ stop: "lost", billable: false, usage: null });
    expect(reply.detail).toContain("ECONNREFUSED");
  });

  test("never begins with an address that is none", async () => {
    const model = createClaude({ apiKey: KEY, baseURL: "not an address", log: silentLog });
    const reply = await ask(model);
    expect(reply).toMatchObject({ stop: "bad_request", billable: false });
    expect(reply.detail).toContain("could not be sent");
  });
});

describe("a silent wire", () => {
  const impatient = (url: string) => createClaude({ apiKey: KEY, baseURL: url, idleMs: 40, log: silentLog });

  test("before the answer is idle", async () => {
    const { url } = serve(() => new Promise(() => {}));
    const reply = await ask(impatient(url));
    expect(reply).toMatchObject({ stop: "idle", billable: true, usage: null });
    expect(reply.detail).toBe("the provider was silent for 0.04 s");
  });

  test("within the answer is idle, with what came so far, and the connection is closed", async () => {
    const { body, cancelled } = openStream(start(), ...text("Half").slice(0, -1));
    const { url, seen } = serve(() => sse(body));
    expect(await ask(impatient(url))).toMatchObject({ stop: "idle", billable: true, usage: null, text: "Half" });
    await cancelled;
    expect(seen).toHaveLength(1);
  });

  test("is not silent while pings come", async () => {
    const idleMs = 300;
    const until = performance.now() + 2 * idleMs;
    const body = new ReadableStream({
      async pull(controller) {
        const pinging = performance.now() < until;
        const events: Event[] = pinging ? [{ type: "ping" }] : [start(), ...text("Late"), ...end("end_turn")];
        controller.enqueue(new TextEncoder().encode(events.map(line).join("")));
        // The pace of a model that thinks: silence for our SDK, but not on the wire.
        if (pinging) await Bun.sleep(10);
        else controller.close();
      },
    });
    const { url } = serve(() => sse(body));
    const model = createClaude({ apiKey: KEY, baseURL: url, idleMs, log: silentLog });
    expect(await ask(model)).toMatchObject({ stop: "end", text: "Late" });
  });
});

describe("an abort", () => {
  test("while streaming closes the connection and keeps the text", async () => {
    const { body, cancelled } = openStream(start(), ...text("Half").slice(0, -1));
    const { model } = serve(() => sse(body));
    const controller = new AbortController();
    const reply = await ask(model, controller.signal, () => controller.abort(new Error("cancelled by a person")));
    expect(reply).toMatchObject({
      stop: "aborted",
      billable: true,
      usage: null,
      detail: "the call was stopped",
      requestId: "req_1",
    });
    await cancelled;
  });

  test("before the answer is billable", async () => {
    const controller = new AbortController();
    const { model } = serve(() => {
      controller.abort();
      return new Promise(() => {});
    });
    expect(await ask(model, controller.signal)).toMatchObject({ stop: "aborted", billable: true, usage: null });
  });

  test("before the call sends nothing and costs nothing", async () => {
    const { model, seen } = serve(() => stream(start(), ...end("end_turn")));
    expect(await ask(model, AbortSignal.abort())).toMatchObject({ stop: "aborted", billable: false, usage: null });
    expect(seen).toHaveLength(0);
  });

  test("leaves no listener on a signal that lives on", async () => {
    const { model } = serve(() => stream(start(), ...end("end_turn")));
    const { signal } = new AbortController();
    const counts = { added: 0, removed: 0 };
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => (counts.added++, add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (counts.removed++, remove(...args));
    for (let call = 0; call < 3; call++) await ask(model, signal);
    expect(counts).toEqual({ added: 3, removed: 3 });
  });
});

test("calls at the same time do not touch each other", async () => {
  const { model } = serve(async (request) => {
    void request;
    return stream(start(), ...text("ok"), ...end("end_turn"));
  });
  const stopped = AbortSignal.abort();
  const live = new AbortController().signal;
  const replies: Reply[] = await Promise.all([ask(model, live), ask(model, stopped), ask(model, live)]);
  expect(replies.map((reply) => reply.stop)).toEqual(["end", "aborted", "end"]);
});

test("the body on the wire, with every feature", async () => {
  const { model, seen } = serve(() => stream(start(), ...end("end_turn")));
  const request: ModelRequest = {
    model: "claude-opus-5-5",
    maxTokens: 4000,
    effort: "high",
    system: [{ text: "Charter", cache: "1h" }, { text: " " }, { text: "Context", cache: "5m" }, { text: "Skill" }],
    messages: [
      { role: "user", parts: [{ text: "Inputs", cache: "5m" }, { text: "Task" }] },
      { role: "assistant", text: "", uses: [{ id: "toolu_1", name: "read_reference", input: { path: "a.md" } }] },
      {
        role: "user",
        results: [
          { id: "toolu_1", text: "# A", isError: false },
          { id: "toolu_2", text: "no such file", isError: true },
        ],
        parts: [{ text: "Go on." }],
      },
      { role: "assistant", text: "Half" },
      { role: "user", parts: [{ text: "<continue/>" }] },
    ],
    tools: [
      {
        name: "read_reference",
        description: "Reads.",
        inputSchema: { type: "object", properties: { path: { type: "string" } } },
      },
    ],
    format: {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: {
        title: { type: "string", minLength: 1 },
        tasks: { type: "array", items: { type: "object", properties: { key: { type: "string" } }, required: ["key"] } },
        pipeline: { anyOf: [{ type: "string" }, { type: "null" }] },
      },
      required: ["title", "tasks", "pipeline"],
    },
  };
  await model.respond(Object.freeze(request), { signal: new AbortController().signal });
  expect(seen[0]?.body).toEqual({
    model: "claude-opus-5-5",
    max_tokens: 4000,
    stream: true,
    system: [
      { type: "text", text: "Charter", cache_control: { type: "ephemeral", ttl: "1h" } },
      { type: "text", text: "Context", cache_control: { type: "ephemeral", ttl: "5m" } },
      { type: "text", text: "Skill" },
    ],
    tools: [
      {
        name: "read_reference",
        description: "Reads.",
        input_schema: { type: "object", properties: { path: { type: "string" } } },
      },
    ],
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "Inputs", cache_control: { type: "ephemeral", ttl: "5m" } },
          { type: "text", text: "Task" },
        ],
      },
      { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "read_reference", input: { path: "a.md" } }] },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "toolu_1", content: "# A" },
          { type: "tool_result", tool_use_id: "toolu_2", content: "no such file", is_error: true },
          { type: "text", text: "Go on." },
        ],
      },
      { role: "assistant", content: [{ type: "text", text: "Half" }] },
      { role: "user", content: [{ type: "text", text: "<continue/>" }] },
    ],
    output_config: {
      effort: "high",
      format: {
        type: "json_schema",
        schema: {
          type: "object",
          properties: {
            title: { type: "string", description: "{minLength: 1}" },
            tasks: {
              type: "array",
              items: { type: "object", properties: { key: { type: "string" } }, additionalProperties: false, required: ["key"] },
            },
            pipeline: { anyOf: [{ type: "string" }, { type: "null" }] },
          },
          additionalProperties: false,
          required: ["title", "tasks", "pipeline"],
        },
      },
    },
  });
});

test("a breakpoint behind a whole message stands on its last block, a tool's result included", async () => {
  const { model, seen } = serve(() => stream(start(), ...end("end_turn")));
  const result = { id: "toolu_1", text: "# A", isError: false };
  await model.respond(
    {
      model: "claude-opus-5-5",
      maxTokens: 10,
      system: [],
      messages: [
        { role: "user", parts: [{ text: "Task" }, { text: " " }], cache: "5m" },
        { role: "assistant", text: "", uses: [{ id: "toolu_1", name: "look", input: {} }] },
        { role: "user", results: [result], parts: [], cache: "5m" },
      ],
    },
    { signal: new AbortController().signal },
  );
  const mark = { cache_control: { type: "ephemeral", ttl: "5m" } };
  expect(seen[0]?.body).toMatchObject({
    messages: [
      { content: [{ type: "text", text: "Task", ...mark }] },
      { role: "assistant" },
      { content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "# A", ...mark }] },
    ],
  });
});

test("the least request sends nothing that was not asked for", async () => {
  const { model, seen } = serve(() => stream(start(), ...end("end_turn")));
  await model.respond({ ...ASK, system: [] }, { signal: new AbortController().signal });
  expect(seen[0]?.body).toEqual({
    model: "claude-sonnet-5-5",
    max_tokens: 1000,
    stream: true,
    messages: [{ role: "user", content: [{ type: "text", text: "Write." }] }],
  });
});

test("the environment and files of the process do not leak into a call", async () => {
  const ours = serve(() => stream(start(), ...end("end_turn")));
  const theirs = serve(() => stream(start(), ...end("end_turn")));
  const home = mkdtempSync(join(tmpdir(), "claude-env-"));
  cleanups.push(() => rmSync(home, { recursive: true }));
  const profile = { base_url: theirs.url, authentication: { type: "user_oauth" } };
  await Bun.write(join(home, ".config/anthropic/configs/default.json"), JSON.stringify(profile));
  const script = `
    import { createClaude } from ${JSON.stringify(join(import.meta.dir, "claude.ts"))};
    import { silentLog } from ${JSON.stringify(join(import.meta.dir, "../../log/log.ts"))};
    const model = createClaude({ apiKey: ${JSON.stringify(KEY)}, baseURL: ${JSON.stringify(ours.url)}, log: silentLog });
    const reply = await model.respond(${JSON.stringify(ASK)}, { signal: new AbortController().signal });
    console.log(reply.stop);
  `;
  const child = Bun.spawn([process.execPath, "--no-env-file", "-e", script], {
    cwd: home,
    env: {
      HOME: home,
      ANTHROPIC_API_KEY: "leak-api-key",
      ANTHROPIC_AUTH_TOKEN: "leak-auth-token",
      ANTHROPIC_BASE_URL: theirs.url,
      ANTHROPIC_PROFILE: "default",
      ANTHROPIC_LOG: "debug",
      ANTHROPIC_CUSTOM_HEADERS: "Authorization: Bearer leak-custom\nX-Api-Key: leak-custom\nAnthropic-Beta: leak-beta",
      ANTHROPIC_WEBHOOK_SIGNING_KEY: "leak-webhook",
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect({ out, err }).toEqual({ out: "end\n", err: "" });
  expect(theirs.seen).toHaveLength(0);
  expect(ours.seen).toHaveLength(1);
  const headers = ours.seen[0]?.headers;
  expect(headers?.get("authorization")).toBe(`Bearer ${KEY}`);
  expect(JSON.stringify([...(headers ?? [])])).not.toContain("leak");
});

test("warming up twice is harmless", async () => {
  await Promise.all([warmUp(), warmUp()]);
});
