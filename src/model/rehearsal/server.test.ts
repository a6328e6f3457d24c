/** The server through the real client: both encodings, refusals, the log, latency, determinism. */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { MODEL, body, makePrompt, open, planPrompt, textOfMessage, until } from "./rehearsal.fixture.ts";

const temp = mkdtempSync(join(tmpdir(), "rehearsal-"));
afterAll(() => rmSync(temp, { recursive: true, force: true }));

async function failure(promise: Promise<unknown>): Promise<{ status: unknown; type: unknown; message: string }> {
  const error = await promise.then(
    () => new Error("it went through"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Anthropic.APIError)) throw error;
  return { status: error.status, type: error.type, message: error.message };
}

test("the real client gets the same message as JSON and as a stream, in small deltas", async () => {
  await using at = open();
  const { system, user } = makePrompt();
  const request = body(user, { system });
  const whole = await at.client.messages.create(request);
  const deltas: string[] = [];
  const stream = at.client.messages.stream(request).on("text", (delta) => deltas.push(delta));
  const streamed = await stream.finalMessage();
  expect(textOfMessage(streamed)).toBe(textOfMessage(whole));
  expect(whole.stop_reason).toBe("end_turn");
  expect(streamed.stop_reason).toBe("end_turn");
  expect(deltas.length).toBeGreaterThan(20);
  expect(Math.max(...deltas.map((delta) => delta.length))).toBeLessThanOrEqual(80);
  expect(streamed.usage.output_tokens).toBe(Math.ceil(Buffer.byteLength(textOfMessage(streamed)) / 4));
});

test("the events of a stream come in Anthropic's order", async () => {
  await using at = open();
  const types: string[] = [];
  for await (const event of await at.client.messages.create({ ...body("Hello"), stream: true })) types.push(event.type);
  expect([...new Set(types)]).toEqual([
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  const raw = await fetch(`${at.server.url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": "k" },
    body: JSON.stringify({ ...body("Hello"), stream: true }),
  });
  expect(await raw.text()).toContain("event: ping\n");
});

test("a key is asked for, in either header", async () => {
  await using at = open();
  const post = (headers: Record<string, string>) =>
    fetch(`${at.server.url}/v1/messages`, { method: "POST", headers, body: JSON.stringify(body("Hello")) });
  const refused = await post({});
  expect(refused.status).toBe(401);
  expect(await refused.json()).toMatchObject({ type: "error", error: { type: "authentication_error" } });
  expect((await post({ authorization: "Bearer " })).status).toBe(401);
  expect((await post({ authorization: "Bearer k" })).status).toBe(200);
  expect((await post({ "x-api-key": "k" })).status).toBe(200);
});

const text = (value: string, more: object = {}) => ({ type: "text", text: value, ...more });
const user = (...content: object[]) => [{ role: "user", content }];
const cached = { cache_control: { type: "ephemeral" } };
const format = (schema: object) => ({ output_config: { format: { type: "json_schema", schema } } });

test.each([
  ["another maker's model", { model: "gpt-9" }, 404, "model: gpt-9"],
  ["no max_tokens", { max_tokens: undefined }, 400, "max_tokens"],
  ["temperature", { temperature: 1 }, 400, "temperature"],
  ["top_p", { top_p: 1 }, 400, "top_p"],
  ["top_k", { top_k: 1 }, 400, "top_k"],
  ["a prefill", { messages: [...user(text("a")), { role: "assistant", content: "b" }] }, 400, "prefill"],
  ["a forced tool", { tool_choice: { type: "tool", name: "t" } }, 400, "tool_choice"],
  ["any tool", { tool_choice: { type: "any" } }, 400, "tool_choice"],
  ["five breakpoints", { messages: user(...["a", "b", "c", "d", "e"].map((value) => text(value, cached))) }, 400, "Found 5"],
  [
    "an hour after five minutes",
    { messages: user(text("a", cached), text("b", { cache_control: { type: "ephemeral", ttl: "1h" } })) },
    400,
    "ttl='1h'",
  ],
  ["an empty text", { messages: user(text("")) }, 400, "non-empty"],
  ["no messages", { messages: [] }, 400, "at least one"],
  ["an open schema", format({ type: "object", properties: {} }), 400, "additionalProperties"],
  [
    "an open schema inside",
    format({ type: "object", additionalProperties: false, properties: { a: { type: "array", items: { type: "object" } } } }),
    400,
    "additionalProperties",
  ],
  [
    "bounds in a schema",
    format({ type: "object", additionalProperties: false, properties: { a: { type: "integer", minimum: 1 } } }),
    400,
    "minimum",
  ],
  ["a result without its use", { messages: user({ type: "tool_result", tool_use_id: "x", content: "y" }) }, 400, "tool_use_id"],
  [
    "a use without its result",
    {
      messages: [
        ...user(text("a")),
        { role: "assistant", content: [{ type: "tool_use", id: "x", name: "t", input: {} }] },
        ...user(text("b")),
      ],
    },
    400,
    "tool_use",
  ],
])("refused as the API would: %s", async (_, change, status, words) => {
  await using at = open();
  const request = { ...body("Hello"), ...change } as Anthropic.MessageCreateParamsNonStreaming;
  const error = await failure(at.client.messages.create(request));
  expect(error.status).toBe(status);
  expect(error.type).toBe(status === 404 ? "not_found_error" : "invalid_request_error");
  expect(error.message).toContain(words);
});

test("the reply is cut at max_tokens", async () => {
  await using at = open();
  const { system, user } = makePrompt();
  const cut = await at.client.messages.create(body(user, { system, max_tokens: 50 }));
  expect(cut.stop_reason).toBe("max_tokens");
  expect(cut.usage.output_tokens).toBe(50);
});

test("tokens are counted and models listed", async () => {
  await using at = open();
  const counted = await at.client.messages.countTokens({
    model: MODEL,
    system: "abcde",
    messages: [{ role: "user", content: "é" }],
  });
  expect(counted.input_tokens).toBe(2 + 1);
  const ids: string[] = [];
  for await (const model of at.client.models.list()) ids.push(model.id);
  expect(ids.every((id) => id.startsWith("claude-"))).toBe(true);
  expect((await at.client.models.retrieve("claude-opus-5-5")).lifecycle).toBe("active");
  expect((await failure(at.client.models.retrieve("gpt-9"))).status).toBe(404);
  expect(at.server.requests().map((line) => line.kind)).toEqual(Array(2).fill("count_tokens").concat(Array(6).fill("models")));
});

test("every request is witnessed when it arrives and when it is answered, without the key", async () => {
  const logFile = join(temp, "deep", "log.ndjson");
  await using at = open({ logFile });
  const { system, user } = makePrompt();
  await at.client.messages.create(body(user, { system }));
  await failure(at.client.messages.create(body(user, { max_tokens: -1 })));
  const lines = readFileSync(logFile, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toEqual([...at.server.requests()]);
  expect(lines[0]).toMatchObject({ n: 1, event: "request", kind: "make", skill: "menu-writing", model: MODEL, inFlight: 1 });
  expect(lines[1]).toMatchObject({ n: 1, event: "answered", status: 200, stop: "end_turn", inFlight: 0, hash: lines[0].hash });
  expect(lines[3]).toMatchObject({ n: 2, event: "answered", status: 400, stop: "invalid_request_error" });
  expect(lines[2].hash).not.toBe(lines[0].hash);
  expect(readFileSync(logFile, "utf8")).not.toContain("any-key");
});

test("an arrival is in the file before anything is answered, and a client that leaves is seen", async () => {
  const logFile = join(temp, "leaves.ndjson");
  await using at = open({ logFile, latencyMs: 60_000 });
  const control = new AbortController();
  const call = failure(at.client.messages.create(body("Hello"), { signal: control.signal }));
  await until(() => at.server.requests().length >= 1);
  expect(readFileSync(logFile, "utf8").trim().split("\n")).toHaveLength(1);
  control.abort();
  await call;
  await until(() => at.server.requests().length >= 2);
  expect(at.server.requests()[1]).toMatchObject({ event: "gone", inFlight: 0 });
});

test("latency is waited out once, not once for each of many requests", async () => {
  await using at = open({ latencyMs: 200 });
  const started = performance.now();
  await Promise.all(Array.from({ length: 40 }, (_, i) => at.client.messages.create(body(`Hello ${i}`))));
  const took = performance.now() - started;
  expect(took).toBeGreaterThanOrEqual(200);
  // One after the other it would be 8 s.
  expect(took).toBeLessThan(6_000);
  expect(Math.max(...at.server.requests().map((line) => line.inFlight))).toBe(40);
});

test("same request and seed, same text, in whatever order; another seed, another text", async () => {
  const { system, user } = makePrompt();
  const requests = [body(user, { system }), body(planPrompt("A calmer dining room")), body("Hello")];
  const answers = async (seed: number, order: readonly number[]) => {
    await using at = open({ seed });
    const made = new Map<number, string>();
    for (const i of order) {
      const request = requests[i];
      if (request) made.set(i, textOfMessage(await at.client.messages.create(request)));
    }
    return [...made].sort(([a], [b]) => a - b);
  };
  const first = await answers(7, [0, 1, 2]);
  expect(await answers(7, [2, 1, 0])).toEqual(first);
  expect((await answers(8, [0]))[0]).not.toEqual(first[0]);
});

test("another path is not found, and stop ends what still hangs", async () => {
  const at = open({ latencyMs: 60_000 });
  expect((await fetch(`${at.server.url}/v2/other`)).status).toBe(404);
  const call = failure(at.client.messages.create(body("Hello")));
  await until(() => at.server.requests().length >= 1);
  await at.server.stop();
  expect((await call).message).toContain("onnection");
  expect(at.server.requests().at(-1)).toMatchObject({ event: "gone", inFlight: 0 });
});
