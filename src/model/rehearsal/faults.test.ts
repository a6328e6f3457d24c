/** Each fault as the real client meets it, and the text that asks for it. */

import { expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { body, makePrompt, open, planPrompt, textOfMessage, until } from "./rehearsal.fixture.ts";
import { FAULT_KINDS, type FaultSpec, parseFault } from "./faults.ts";

function fault(text: string): FaultSpec {
  const read = parseFault(text);
  if ("problem" in read) throw new Error(read.problem);
  return read.fault;
}

const CLOSED = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
const json = { output_config: { format: { type: "json_schema" as const, schema: CLOSED } } };

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => new Error("it went through"),
    (reason: unknown) => reason,
  );
}

test("a fault is read from text", () => {
  expect(fault("overloaded")).toEqual({ kind: "overloaded", match: null, times: 1, retryAfter: 0 });
  expect(fault("rate_limit:2@makex3")).toEqual({ kind: "rate_limit", match: { call: "make" }, times: 3, retryAfter: 2 });
  expect(fault("hang@skill=menu-writing x*")).toEqual({
    kind: "hang",
    match: { skill: "menu-writing" },
    times: Number.POSITIVE_INFINITY,
    retryAfter: 0,
  });
  expect(fault("reset@skill=box2x1")).toMatchObject({ match: { skill: "box2" }, times: 1 });
  expect(fault("batch_slow:250 x*")).toMatchObject({ kind: "batch_slow", takesMs: 250 });
  for (const kind of FAULT_KINDS) expect(fault(kind).kind).toBe(kind);
});

test.each([
  ["", "is no fault"],
  ["overloded", 'did you mean "overloaded"'],
  ["hang@mke", 'did you mean "make"'],
  ["hang:3", "only rate_limit takes seconds"],
  ["hang@make x0", "never happen"],
  ["broken_json@make", "make replies are text"],
  ["hang x", "is no fault"],
  ["batch_lost@make", "hits a batch as a whole"],
])("nonsense gets a sentence: %p", (text, words) => {
  const read = parseFault(text);
  expect("problem" in read ? read.problem : "accepted").toContain(words);
});

test.each([
  ["rate_limit", 429, "rate_limit_error"],
  ["spend_limit", 429, "rate_limit_error"],
  ["overloaded", 529, "overloaded_error"],
  ["server_error", 500, "api_error"],
  ["context_too_long", 400, "invalid_request_error"],
  ["not_found", 404, "not_found_error"],
  ["bad_key", 401, "authentication_error"],
])("%s is an HTTP error, once, and logged", async (kind, status, type) => {
  await using at = open({ faults: [fault(kind)] });
  const error = await failure(at.client.messages.stream(body("Hello")).finalMessage());
  if (!(error instanceof Anthropic.APIError)) throw error;
  expect([error.status, error.type]).toEqual([status, type]);
  const retryAfter = error.headers?.get("retry-after") ?? null;
  expect(retryAfter).toBe(kind === "rate_limit" ? "0" : null);
  expect(error.errorCode).toBe(kind === "spend_limit" ? "enforced_spend_limit_reached" : null);
  if (kind === "context_too_long") expect(error.message).toContain("prompt is too long:");
  expect(at.server.requests()[0]?.fault).toBe(kind);
  expect(at.server.requests()[1]).toMatchObject({ event: "answered", status, fault: kind });
  expect((await at.client.messages.create(body("Hello"))).stop_reason).toBe("end_turn");
});

test("the seconds of a rate limit are sent", async () => {
  await using at = open({ faults: [fault("rate_limit:2")] });
  const error = await failure(at.client.messages.create(body("Hello")));
  expect(error instanceof Anthropic.APIError && error.headers?.get("retry-after")).toBe("2");
});

test("overloaded_stream breaks off with an error event", async () => {
  await using at = open({ faults: [fault("overloaded_stream")] });
  let text = "";
  const stream = at.client.messages.stream(body("Hello")).on("text", (delta) => (text += delta));
  const error = await failure(stream.finalMessage());
  if (!(error instanceof Anthropic.APIError)) throw error;
  expect(error.type).toBe("overloaded_error");
  expect(text).not.toBe("");
});

test("reset drops the connection after some content, streaming or not", async () => {
  await using at = open({ faults: [fault("reset x2")] });
  let text = "";
  const stream = at.client.messages.stream(body("Hello")).on("text", (delta) => (text += delta));
  expect(String(await failure(stream.finalMessage()))).toContain("closed unexpectedly");
  expect(text).not.toBe("");
  expect(await failure(at.client.messages.create(body("Hello")))).toBeInstanceOf(Error);
  expect(at.server.requests().filter((line) => line.event === "gone")).toHaveLength(2);
});

test("hang begins and goes silent; hang_before says nothing at all", async () => {
  await using at = open({ faults: [fault("hang"), fault("hang_before")] });
  const begun = at.client.messages.stream(body("Hello"));
  await new Promise<void>((resolve) => begun.on("streamEvent", (event) => event.type === "message_start" && resolve()));
  const silent = at.client.messages.stream(body("Hello"));
  let connected = false;
  silent.on("connect", () => (connected = true));
  await until(() => at.server.requests().length >= 2);
  expect(at.server.requests().map((line) => [line.event, line.fault])).toEqual([
    ["request", "hang"],
    ["request", "hang_before"],
  ]);
  for (const stream of [begun, silent]) {
    stream.abort();
    expect(await failure(stream.finalMessage())).toBeInstanceOf(Anthropic.APIUserAbortError);
  }
  await until(() => at.server.requests().length >= 4);
  expect(at.server.requests().at(-1)).toMatchObject({ event: "gone", inFlight: 0 });
  expect(connected).toBe(false);
});

test("truncate stops half-way, and a continuation goes on exactly there", async () => {
  await using at = open({ faults: [fault("truncate@make x2")] });
  const { system, user } = makePrompt({ references: true });
  const tools = [{ name: "read_reference", description: "reads", input_schema: { type: "object" as const } }];
  const request = body(user, { system, tools });
  const part = await at.client.messages.create(request);
  expect(part.stop_reason).toBe("max_tokens");
  const goOn = (said: readonly string[]) =>
    said.flatMap((text): Anthropic.MessageParam[] => [
      { role: "assistant", content: text },
      { role: "user", content: "<continue/> Go on exactly where it ended." },
    ]);
  const second = await at.client.messages.create({ ...request, messages: [...request.messages, ...goOn([textOfMessage(part)])] });
  expect(second.stop_reason).toBe("max_tokens");
  const said = [textOfMessage(part), textOfMessage(second)];
  const last = await at.client.messages.create({ ...request, messages: [...request.messages, ...goOn(said)] });
  expect(last.stop_reason).toBe("end_turn");
  const whole = await at.client.messages.create(body(user, { system }));
  expect(said.join("") + textOfMessage(last)).toBe(textOfMessage(whole));
});

test("refusal has its details, empty and whitespace have no words", async () => {
  await using at = open({ faults: [fault("refusal"), fault("empty"), fault("whitespace")] });
  const refused = await at.client.messages.stream(body("Hello")).finalMessage();
  expect([refused.stop_reason, refused.stop_details?.category]).toEqual(["refusal", "general_harms"]);
  expect((await at.client.messages.stream(body("Hello")).finalMessage()).content).toEqual([]);
  const blank = textOfMessage(await at.client.messages.create(body("Hello")));
  expect([blank.trim(), blank.length > 0]).toEqual(["", true]);
});

test("broken_json, prose_json and wrong_schema spoil structured replies only", async () => {
  await using at = open({ faults: [fault("broken_json"), fault("prose_json"), fault("wrong_schema")] });
  expect(textOfMessage(await at.client.messages.create(body("Hello")))).toStartWith("Rehearsal:");
  const replies = [];
  for (let i = 0; i < 4; i++) replies.push(textOfMessage(await at.client.messages.create(body("Hello", json))));
  const [broken = "", prose = "", wrong = "", good = ""] = replies;
  expect(() => JSON.parse(broken)).toThrow();
  expect(() => JSON.parse(prose)).toThrow();
  expect(prose).toContain(good);
  expect(JSON.parse(wrong).a).toBeUndefined();
  expect(typeof JSON.parse(good).a).toBe("string");
});

test("no_usage leaves usage out, absurd_usage claims a billion", async () => {
  await using at = open({ faults: [fault("no_usage"), fault("absurd_usage")] });
  const none = await at.client.messages.stream(body("Hello")).finalMessage();
  expect([none.usage.input_tokens, none.usage.output_tokens]).toEqual([undefined, undefined] as never);
  expect((await at.client.messages.stream(body("Hello")).finalMessage()).usage.output_tokens).toBe(1e9);
});

test("a fault hits the calls that it matches, until it is used up or replaced", async () => {
  const { system, user } = makePrompt();
  await using at = open({ faults: [fault("overloaded@skill=menu-writing x*"), fault("server_error@plan")] });
  const status = (error: unknown) => (error instanceof Anthropic.APIError ? error.status : null);
  expect(await at.client.messages.create(body("Hello"))).toBeDefined();
  for (let i = 0; i < 3; i++) expect(status(await failure(at.client.messages.create(body(user, { system }))))).toBe(529);
  const plan = {
    output_config: {
      format: {
        type: "json_schema" as const,
        schema: {
          type: "object",
          additionalProperties: false,
          properties: Object.fromEntries(
            ["phases", "tasks", "assumptions", "missing"].map((name) => [name, { type: "array", items: { type: "string" } }]),
          ),
        },
      },
    },
  };
  expect(status(await failure(at.client.messages.create(body(planPrompt("Menus"), plan))))).toBe(500);
  at.server.setFaults([]);
  expect(await at.client.messages.create(body(user, { system }))).toBeDefined();
});
