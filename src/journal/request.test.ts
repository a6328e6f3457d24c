/** Requests: the same call is the same bytes, empty parts leave no trace, and the parts' sizes are all that was said. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { PART_KINDS } from "../domain/call.ts";
import type { ModelsFile } from "../domain/registry.ts";
import { sizes, toRequest, withoutBreakpoints, type CallSpec } from "./request.ts";

const MODELS: ModelsFile = {
  as_of: "2026-11-21",
  source: "a test",
  tiers: { strong: "big", standard: "big", light: "big" },
  models: { big: { context: 1_000, max_output: 500, effort: "medium", prices: [] } },
};
const part = fc.record(
  { kind: fc.constantFrom(...PART_KINDS), text: fc.string(), share: fc.constantFrom("5m" as const, "1h" as const) },
  { requiredKeys: ["kind", "text"] },
);
const anySpec: fc.Arbitrary<CallSpec> = fc
  .record({
    system: fc.array(part, { maxLength: 5 }),
    user: fc.array(part, { minLength: 1, maxLength: 3 }),
    maxTokens: fc.integer({ min: 1, max: 1_000 }),
    turns: fc.array(
      fc.record({
        assistant: fc.record({ text: fc.string(), uses: fc.constant([]) }),
        user: fc.record({
          text: fc.string(),
          results: fc.array(fc.record({ id: fc.string(), text: fc.string(), isError: fc.boolean() }), { maxLength: 2 }),
        }),
      }),
      { maxLength: 3 },
    ),
  })
  .map((entry) => ({
    key: { goalId: "goal_1", subject: "task_1", revision: 0, step: "make", round: 0 },
    lease: null,
    goal: { id: "goal_1", priority: "P1", cap: 1, allowed: 0, rehearsal: false },
    skill: "writer",
    tier: "strong",
    ...entry,
  }));

test("the same call is the same bytes, and nothing but its words goes over the wire", () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      const bytes = JSON.stringify(toRequest(spec, "big", MODELS));
      expect(JSON.stringify(toRequest(structuredClone(spec), "big", MODELS))).toBe(bytes);
      // Whose call it is, when, and under which lease: a replay must not differ by it.
      const other = {
        ...spec,
        key: { ...spec.key, goalId: "goal_2", round: 3 },
        lease: { goalId: "g", taskId: "t", owner: "o", epoch: 9 },
      };
      expect(JSON.stringify(toRequest(other, "big", MODELS))).toBe(bytes);
    }),
  );
});

test("only the newest turn keeps its breakpoint: a request may hold four", () => {
  const turn = (share?: "5m") => ({
    assistant: { text: "", uses: [{ id: "u", name: "look", input: {} }] },
    user: { text: "", results: [{ id: "u", text: "seen", isError: false }], ...(share ? { share } : {}) },
  });
  const cached = (turns: CallSpec["turns"]) =>
    toRequest({ ...fc.sample(anySpec, { numRuns: 1, seed: 1 })[0], turns } as CallSpec, "big", MODELS).messages.flatMap(
      (message) => (message.role === "user" && message.cache ? [message.cache] : []),
    );
  expect(cached([turn("5m"), turn("5m"), turn("5m")])).toEqual(["5m"]);
  expect(cached([turn("5m"), turn()])).toEqual([]);
});

test("without breakpoints it is the same request, word for word", () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      const turns = spec.turns?.map((turn) => ({ ...turn, user: { ...turn.user, share: "5m" as const } }));
      const bare = (part: CallSpec["user"][number]) => ({ kind: part.kind, text: part.text });
      const marked = toRequest({ ...spec, ...(turns ? { turns } : {}) }, "big", MODELS);
      const never = toRequest({ ...spec, system: spec.system.map(bare), user: spec.user.map(bare) }, "big", MODELS);
      expect(JSON.stringify(withoutBreakpoints(marked))).toBe(JSON.stringify(never));
      expect(withoutBreakpoints(never)).toEqual(never);
    }),
  );
});

test("an empty part is left out, with its breakpoint; the others keep their order and theirs", () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      const { system, messages } = toRequest(spec, "big", MODELS);
      expect(system.map(({ text, cache }) => [text, cache])).toEqual(
        spec.system.filter((entry) => entry.text !== "").map(({ text, share }) => [text, share]),
      );
      expect(messages.map((message) => message.role)).toEqual([
        "user",
        ...(spec.turns ?? []).flatMap(() => ["assistant", "user"] as const),
      ]);
      for (const message of messages)
        if (message.role === "user") for (const entry of message.parts) expect(entry.text).not.toBe("");
    }),
  );
});

test("the sizes are those of everything that was said", () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      const said = [...spec.system, ...spec.user].reduce((sum, entry) => sum + entry.text.length, 0);
      const later = (spec.turns ?? []).reduce(
        (sum, turn) =>
          sum +
          turn.assistant.text.length +
          turn.user.text.length +
          turn.user.results.reduce((all, result) => all + result.text.length, 0),
        0,
      );
      const found = sizes(spec);
      expect(found.reduce((sum, entry) => sum + entry.chars, 0)).toBe(said + later);
      expect(new Set(found.map((entry) => entry.kind)).size).toBe(found.length);
      expect(found.every((entry) => entry.chars > 0)).toBe(true);
    }),
  );
});

test("no more is asked for than the model can write; tools and a format only where there are any", () => {
  const spec: CallSpec = {
    key: { goalId: "g", subject: "s", revision: 0, step: "make", round: 0 },
    lease: null,
    goal: { id: "g", priority: "P1", cap: 1, allowed: 0, rehearsal: false },
    skill: null,
    tier: "strong",
    maxTokens: 800,
    system: [],
    user: [{ kind: "inputs", text: "x" }],
  };
  const plain = toRequest({ ...spec, tools: [] }, "big", MODELS);
  expect([plain.maxTokens, plain.effort, "tools" in plain, "format" in plain]).toEqual([500, "medium", false, false]);
  expect(toRequest(spec, "unlisted", MODELS)).toMatchObject({ maxTokens: 800, effort: undefined });
  const tool = { name: "t", description: "d", inputSchema: {} };
  expect(toRequest({ ...spec, tools: [tool], format: { type: "object" } }, "big", MODELS)).toMatchObject({
    tools: [tool],
    format: { type: "object" },
  });
  expect(sizes({ ...spec, tools: [tool] })).toEqual([
    { kind: "tools", chars: JSON.stringify([tool]).length },
    { kind: "inputs", chars: 1 },
  ]);
});
