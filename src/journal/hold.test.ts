/** What is held before a call: never less than the wire can bill for this very request, and no rate that it cannot. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Usage } from "../domain/call.ts";
import { nano } from "../domain/money.ts";
import type { Price } from "../domain/registry.ts";
import { toWire } from "../model/claude/wire.ts";
import type { Message, ModelRequest, TextPart } from "../model/model.ts";
import { loadRegistry } from "../skills/registry.ts";
import { ROOT } from "../test/cli.ts";
import { costOf, priceAt, worstCost } from "./prices.ts";
import { bytesByMark } from "./request.ts";

const { registry } = await loadRegistry({ root: ROOT });
if (!registry) throw new Error("the shipped registry does not load");
const { models } = registry;
const DAY = Date.UTC(2026, 10, 21);

const cache = fc.constantFrom(undefined, undefined, "5m" as const, "1h" as const);
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 40 }),
  fc.constantFrom("ü".repeat(30), "語".repeat(20), "x".repeat(2_000), '"\\\n'.repeat(9)),
);
const part: fc.Arbitrary<TextPart> = fc.record({ text, cache });
const said: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    role: fc.constant("user" as const),
    parts: fc.array(part, { maxLength: 3 }),
    results: fc.array(fc.record({ id: fc.constant("u"), text, isError: fc.boolean() }), { maxLength: 2 }),
    cache,
  }),
  fc.record({ role: fc.constant("assistant" as const), text }),
);
const anyRequest: fc.Arbitrary<ModelRequest> = fc.record({
  model: fc.constantFrom(...Object.keys(models.models)),
  maxTokens: fc.nat(128_000),
  system: fc.array(part, { maxLength: 4 }),
  messages: fc.array(said, { minLength: 1, maxLength: 4 }),
  tools: fc.array(fc.record({ name: fc.constant("look"), description: text, inputSchema: fc.constant({}) }), { maxLength: 2 }),
});

const holdOf = (request: ModelRequest, price: Price, share = 1) =>
  worstCost(bytesByMark(request, Buffer.byteLength(JSON.stringify(request))), request.maxTokens, price, share);

type Way = "input" | "cacheRead" | "write";

/**
 * A bill for what goes over the wire: a token a byte, each block in one of the ways in which the provider may count it. Written
 * to the cache is only what stands before a breakpoint; for an hour only what stands before one of an hour.
 */
function billed(request: ModelRequest, ways: readonly Way[]): Usage {
  const body = toWire(request, (schema) => schema);
  type Block = { bytes: number; ttl: string | null };
  const block = (of: unknown): Block => {
    const { cache_control: mark, text: words, content, ...rest } = of as Record<string, unknown>;
    const control = mark as { ttl?: string } | undefined;
    return { bytes: Buffer.byteLength(String(words ?? content ?? JSON.stringify(rest))), ttl: control?.ttl ?? null };
  };
  const blocks = [body.tools ?? [], body.system ?? [], ...body.messages.map(({ content }) => content)].flatMap((list) =>
    Array.isArray(list) ? list.map(block) : [],
  );
  const usage = { input: 0, output: body.max_tokens, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
  for (const [i, { bytes }] of blocks.entries()) {
    const behind = blocks.slice(i).flatMap(({ ttl }) => ttl ?? []);
    const way = ways[i % ways.length] ?? "input";
    if (way !== "write") usage[way] += bytes;
    else if (behind.includes("1h")) usage.cacheWrite1h += bytes;
    else if (behind.includes("5m")) usage.cacheWrite5m += bytes;
    else usage.input += bytes;
  }
  return usage;
}

const ways = fc.array(fc.constantFrom<Way>("input", "cacheRead", "write", "write"), { minLength: 1, maxLength: 12 });

describe("a hold", () => {
  test("is never less than what the wire can bill for the request, whatever is marked and whatever the cache does", () => {
    fc.assert(
      fc.property(anyRequest, ways, (request, how) => {
        const price = priceAt(models, request.model, DAY);
        expect(costOf(billed(request, how), price)).toBeLessThanOrEqual(holdOf(request, price));
      }),
      { numRuns: 500 },
    );
  });

  const price: Price = { from: "2026-01-01", input: 4, output: 20, cache_write_5m: 5, cache_write_1h: 8, cache_read: 0.2 };
  const LONG = "x".repeat(100_000);
  const asked = (system: TextPart[], parts: TextPart[], more: Partial<ModelRequest> = {}): ModelRequest => ({
    ...{ model: "m", maxTokens: 0, system, messages: [{ role: "user", parts }] },
    ...more,
  });
  /** In USD per million bytes, of a request whose words are `chars` long. */
  const rate = (request: ModelRequest, chars: number) => (holdOf(request, price) / nano(1)) * (1_000_000 / chars);

  test("counts the plain rate where nothing is marked, and a write's only for what stands before its breakpoint", () => {
    const [plain, five, hour] = [{ text: LONG }, { text: LONG, cache: "5m" as const }, { text: LONG, cache: "1h" as const }];
    expect(rate(asked([plain], [plain]), 200_000)).toBeCloseTo(4, 1);
    expect(rate(asked([plain], [five]), 200_000)).toBeCloseTo(5, 1);
    expect(rate(asked([five], [plain]), 200_000)).toBeCloseTo(4.5, 1);
    expect(rate(asked([hour], [plain]), 200_000)).toBeCloseTo(6, 1);
    expect(rate(asked([hour], [five, plain]), 300_000)).toBeCloseTo((8 + 5 + 4) / 3, 1);
    // Tools stand before everything; a breakpoint behind a message stands behind its results.
    const tools = [{ name: "t", description: LONG, inputSchema: {} }];
    expect(rate(asked([five], [plain], { tools }), 300_000)).toBeCloseTo((5 + 5 + 4) / 3, 1);
    const results: Message = { role: "user", parts: [], results: [{ id: "u", text: LONG, isError: false }], cache: "5m" };
    expect(rate(asked([], [plain], { messages: [results, { role: "assistant", text: LONG }] }), 200_000)).toBeCloseTo(4.5, 1);
  });

  test("of a prompt over the limit counts the long prompt's rates, and of a batch its share", () => {
    const long_prompt = { over: 50_000, input: 20, output: 100, cache_write_5m: 25, cache_write_1h: 40, cache_read: 1 };
    const request = asked([{ text: LONG }], [{ text: "Write." }], { maxTokens: 1_000 });
    expect(holdOf(request, { ...price, long_prompt })).toBe(5 * holdOf(request, price));
    expect(holdOf(request, price, 0.5)).toBe(holdOf(request, price) / 2);
  });
});
