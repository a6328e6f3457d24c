/** Cache figures: what is written, read and neither, when, and for how long. */

import { expect, test } from "bun:test";
import type Anthropic from "@anthropic-ai/sdk";
import { createPromptCache } from "./cache.ts";
import { MODEL, body, open } from "./rehearsal.fixture.ts";
import { readRequest } from "./request.ts";

const CHARTER = "c".repeat(8000); // 2,000 tokens
const SKILL = "s".repeat(6000); // 1,500 tokens
const TASK = "t".repeat(400); // 100 tokens

type Ttl = "5m" | "1h";
const block = (text: string, ttl?: Ttl): Anthropic.TextBlockParam => ({
  type: "text",
  text,
  ...(ttl ? { cache_control: { type: "ephemeral", ttl } } : {}),
});
const shared = [block(CHARTER, "1h"), block(SKILL, "5m")];
const figures = ({ usage }: Anthropic.Message) => ({
  input: usage.input_tokens,
  read: usage.cache_read_input_tokens,
  write: usage.cache_creation_input_tokens,
  write5m: usage.cache_creation?.ephemeral_5m_input_tokens,
  write1h: usage.cache_creation?.ephemeral_1h_input_tokens,
});

test("the first call writes, the second reads, and what is behind the last breakpoint is input", async () => {
  await using at = open();
  const request = body(TASK, { system: shared });
  expect(figures(await at.client.messages.create(request))).toEqual({
    input: 100,
    read: 0,
    write: 3500,
    write5m: 1500,
    write1h: 2000,
  });
  const again = await at.client.messages.stream(body(`${TASK}, another`, { system: shared })).finalMessage();
  expect(figures(again)).toMatchObject({ input: 103, read: 3500, write: 0 });
  const otherSkill = await at.client.messages.create(
    body(TASK, { system: [block(CHARTER, "1h"), block("o".repeat(800), "5m")] }),
  );
  expect(figures(otherSkill)).toEqual({ input: 100, read: 2000, write: 200, write5m: 200, write1h: 0 });
});

test("model, tools and output format are part of the prefix", async () => {
  await using at = open();
  const tool = { name: "t", description: "d", input_schema: { type: "object" as const } };
  const schema = { type: "object", properties: {}, additionalProperties: false };
  const formatted = { output_config: { format: { type: "json_schema" as const, schema } } };
  const variants = [
    body(TASK, { system: shared }),
    { ...body(TASK, { system: shared }), model: "claude-opus-5-5" },
    body(TASK, { system: shared, tools: [tool] }),
    body(TASK, { system: shared, ...formatted }),
  ];
  for (const variant of variants) expect((await at.client.messages.create(variant)).usage.cache_read_input_tokens).toBe(0);
  for (const variant of variants)
    expect((await at.client.messages.create(variant)).usage.cache_read_input_tokens).toBeGreaterThanOrEqual(3500);
});

test("calls that begin together all write: an entry is there when its response has begun", async () => {
  await using at = open({ latencyMs: 50 });
  const request = body(TASK, { system: shared });
  const both = await Promise.all([at.client.messages.create(request), at.client.messages.create(request)]);
  expect(both.map((message) => message.usage.cache_read_input_tokens)).toEqual([0, 0]);
  const stream = at.client.messages.stream(body("later", { system: [block(`${CHARTER}x`, "1h")] }));
  await new Promise<void>((resolve) => stream.on("streamEvent", (event) => event.type === "message_start" && resolve()));
  const after = await at.client.messages.create(body("later", { system: [block(`${CHARTER}x`, "1h")] }));
  expect(after.usage.cache_read_input_tokens).toBe(2001);
  await stream.finalMessage();
});

test("short prefixes are never cached, and the least can be set", async () => {
  await using at = open();
  const request = body("a", { system: [block("s".repeat(4000), "5m")] });
  for (let i = 0; i < 2; i++)
    expect(figures(await at.client.messages.create(request))).toMatchObject({ input: 1001, read: 0, write: 0 });
  await using small = open({ cacheMinTokens: 10 });
  await small.client.messages.create(request);
  expect(figures(await small.client.messages.create(request))).toMatchObject({ input: 1, read: 1000, write: 0 });
});

test("cache_control on the request itself is a breakpoint on its last block", async () => {
  await using at = open();
  const request = body(CHARTER, { cache_control: { type: "ephemeral" } });
  expect(figures(await at.client.messages.create(request))).toMatchObject({ input: 0, write5m: 2000 });
});

function look(cache: ReturnType<typeof createPromptCache>, blocks: readonly Anthropic.TextBlockParam[], now: number) {
  const read = readRequest(
    { model: MODEL, max_tokens: 1, system: blocks, messages: [{ role: "user", content: "x" }] },
    { counting: false },
  );
  if ("error" in read) throw new Error(read.error.message);
  return cache.lookUp(read.request, now);
}

test("entries live five minutes or an hour, from their last read on", () => {
  const cache = createPromptCache({ minTokens: 1 });
  const minute = 60_000;
  const at = (now: number) => {
    const found = look(cache, shared, now);
    found.begin(now);
    return found.usage.read;
  };
  expect(at(0)).toBe(0);
  expect(at(4 * minute)).toBe(3500);
  expect(at(8 * minute)).toBe(3500);
  expect(at(14 * minute)).toBe(2000);
  expect(at(75 * minute)).toBe(0);
});

test("a breakpoint looks back twenty blocks, not further", () => {
  const cache = createPromptCache({ minTokens: 1 });
  const blocks = (count: number) =>
    Array.from({ length: count }, (_, i) => block(`block ${i} `.repeat(4), i === count - 1 ? "5m" : undefined));
  look(cache, blocks(5), 0).begin(0);
  expect(look(cache, blocks(24), 1).usage.read).toBeGreaterThan(0);
  expect(look(cache, blocks(25), 1).usage.read).toBe(0);
});
