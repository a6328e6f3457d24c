/** The batches adapter over the real wire: to the rehearsal server, and to servers that answer as no server should. */

import { afterAll, expect, test } from "bun:test";
import { silentLog } from "../../log/log.ts";
import type { BatchResult } from "../batches.ts";
import type { ModelRequest } from "../model.ts";
import { parseFault } from "../rehearsal/faults.ts";
import { startRehearsal } from "../rehearsal/server.ts";
import { createClaudeBatches } from "./batches.ts";
import { createClaude } from "./claude.ts";

const KEY = "sk-ant-a-key-of-the-tests";
const signal = new AbortController().signal;
const server = startRehearsal({ seed: 1 });
afterAll(() => server.stop());

const request = (text: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: "claude-haiku-5-5",
  maxTokens: 2_000,
  system: [{ text: "You write.", cache: "1h" }],
  messages: [{ role: "user", parts: [{ text }] }],
  ...more,
});

const adapter = (baseURL: string, idleMs = 400) => createClaudeBatches({ apiKey: KEY, baseURL, idleMs, log: silentLog });
const faults = (...texts: string[]) =>
  texts.map((text) => {
    const parsed = parseFault(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.fault;
  });

async function withFaults<T>(texts: readonly string[], work: (url: string) => Promise<T>): Promise<T> {
  const own = startRehearsal({ seed: 1, faults: faults(...texts) });
  try {
    return await work(own.url);
  } finally {
    await own.stop();
  }
}

async function made(url: string, requests: Parameters<ReturnType<typeof adapter>["create"]>[0]) {
  const answer = await adapter(url).create(requests, { signal });
  if ("failure" in answer) throw new Error(answer.failure.detail);
  return answer.batch;
}

async function resultsOf(url: string, id: string): Promise<BatchResult[]> {
  const results: BatchResult[] = [];
  const failure = await adapter(url).results(id, async (result) => void results.push(result), { signal });
  if (failure) throw new Error(failure.detail);
  return results;
}

test("an answer out of a batch reads as the same answer does live; only the tier of its price is another", async () => {
  const schema = {
    type: "object",
    properties: { headline: { type: "string" } },
    required: ["headline"],
    additionalProperties: false,
  };
  const tools = [{ name: "look_up", description: "Looks up.", inputSchema: { type: "object", properties: {} } }];
  const asked = [request("one"), request("two", { format: schema }), request("three", { tools, maxTokens: 10 })];
  const batch = await made(
    server.url,
    asked.map((each, i) => ({ id: `call_${i}`, request: each })),
  );
  expect([batch.requests, Math.abs(batch.createdAt - Date.now()) < 60_000]).toEqual([3, true]);
  const state = await adapter(server.url).state(batch.id, { signal });
  expect(state).toEqual({ batch: { ...batch, ended: true } });
  const results = await resultsOf(server.url, batch.id);
  expect(results.map(({ id }) => id).sort()).toEqual(["call_0", "call_1", "call_2"]);
  const live = createClaude({ apiKey: KEY, baseURL: server.url, log: silentLog });
  for (const { id, end, reply, reduced } of results) {
    expect([end, reduced]).toEqual(["succeeded", true]);
    const each = asked[Number(id.slice(5))] ?? request("");
    const { requestId: _, usage, ...rest } = reply?.(each) ?? (await live.respond(each, { signal }));
    const { requestId: __, usage: liveUsage, ...other } = await live.respond(each, { signal });
    expect(rest).toEqual(other);
    expect(usage?.output).toBe(liveUsage?.output as number);
  }
  // The witness counts its requests as calls, with the hash that the live one has.
  const lines = server.requests().filter((line) => line.event === "request" && line.batch === batch.id);
  expect(lines.length).toBe(3);
  const hashes = new Set(server.requests().flatMap((line) => (line.batch === undefined ? [line.hash] : [])));
  expect(lines.every((line) => hashes.has(line.hash))).toBe(true);
});

test("what was refused for one request is told in its result, and the others are answered", async () => {
  await withFaults(["batch_error@make", "batch_expire"], async (url) => {
    const bad = request("bad", { messages: [] });
    const batch = await made(url, [
      { id: "a", request: bad },
      { id: "b", request: request("b") },
    ]);
    const results = await resultsOf(url, batch.id);
    expect(results.map(({ id, end, reply }) => [id, end, reply === null]).sort()).toEqual([
      ["a", "expired", true],
      ["b", "succeeded", false],
    ]);
  });
  const batch = await made(server.url, [{ id: "a", request: request("bad", { messages: [] }) }]);
  const [result] = await resultsOf(server.url, batch.id);
  expect([result?.end, result?.detail]).toEqual(["errored", expect.stringContaining("at least one message")]);
});

test("batches since an instant are found, the newest first", async () => {
  await withFaults([], async (url) => {
    const before = Date.now();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await made(url, [{ id: "a", request: request(`${i}`) }])).id);
    const found = await adapter(url).since(before - 1000, { signal });
    expect("batches" in found && found.batches.map(({ id }) => id)).toEqual(ids.toReversed());
    const none = await adapter(url).since(Date.now() + 60_000, { signal });
    expect(none).toEqual({ batches: [] });
  });
});

test("a batch whose answer is lost was made; one that is refused was not, and says why", async () => {
  await withFaults(["batch_lost"], async (url) => {
    const lost = await adapter(url).create([{ id: "a", request: request("a") }], { signal });
    expect(lost).toMatchObject({ failure: { stop: "lost" } });
    const found = await adapter(url).since(0, { signal });
    expect("batches" in found && found.batches.length).toBe(1);
  });
  for (const [fault, stop] of [
    ["rate_limit:7", "rate_limited"],
    ["overloaded", "overloaded"],
    ["spend_limit", "spend_limit"],
    ["bad_key", "auth"],
    ["server_error", "server_error"],
  ] as const) {
    await withFaults([fault], async (url) => {
      const refused = await adapter(url).create([{ id: "a", request: request("a") }], { signal });
      expect(refused).toMatchObject({ failure: { stop, billable: false, retryAfterMs: fault === "rate_limit:7" ? 7000 : null } });
    });
  }
  const unknown = await adapter(server.url).state("msgbatch_nobody", { signal });
  expect(unknown).toMatchObject({ failure: { stop: "unknown_model" } });
});

test("a slow batch has no results before it has ended; what the taker throws is thrown", async () => {
  await withFaults(["batch_slow:60000"], async (url) => {
    const batch = await made(url, [{ id: "a", request: request("a") }]);
    expect(await adapter(url).state(batch.id, { signal })).toMatchObject({ batch: { ended: false, requests: 1 } });
    expect(await adapter(url).results(batch.id, async () => {}, { signal })).toMatchObject({ stop: "bad_request" });
  });
  const batch = await made(server.url, [{ id: "a", request: request("a") }]);
  const thrown = adapter(server.url).results(batch.id, () => Promise.reject(new Error("the store is full")), { signal });
  expect(thrown).rejects.toThrow("the store is full");
});

test("silence, a stop and an answer that quotes the key are values without the key", async () => {
  const odd = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (asked) => {
      if (asked.method === "POST") return new Promise<Response>(() => {});
      const error = { type: "error", error: { type: "invalid_request_error", message: `bad ${KEY}` } };
      return Response.json(error, { status: 400 });
    },
  });
  const url = `http://127.0.0.1:${odd.port}`;
  const silent = await adapter(url, 50).create([{ id: "a", request: request("a") }], { signal });
  expect(silent).toMatchObject({ failure: { stop: "idle", billable: true } });
  const stopped = new AbortController();
  const pending = adapter(url).create([{ id: "a", request: request("a") }], { signal: stopped.signal });
  stopped.abort();
  expect(await pending).toMatchObject({ failure: { stop: "aborted" } });
  const quoted = await adapter(url).state("x", { signal });
  expect(quoted).toMatchObject({ failure: { stop: "bad_request", detail: expect.stringContaining("bad [redacted]") } });
  await odd.stop(true);
});
