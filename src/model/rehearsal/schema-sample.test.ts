/** Samples satisfy their schemas, whole or as the SDK reduces them. */

import { expect, test } from "bun:test";
import { transformJSONSchema } from "@anthropic-ai/sdk/lib/transform-json-schema";
import fc from "fast-check";
import { z } from "zod";
import { fact } from "../../domain/deliverable.ts";
import { plan } from "../../domain/plan.ts";
import { goalResult, statusResult } from "../../domain/result.ts";
import { reviewReply } from "../../domain/review.ts";
import { schemaProblem } from "./closed-schema.ts";
import { isRecord } from "./json.ts";
import { conform } from "./schema-sample.ts";

function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  return JSON.parse(JSON.stringify(z.toJSONSchema(schema)));
}

function reduced(schema: Record<string, unknown>): Record<string, unknown> {
  const made: unknown = transformJSONSchema(schema as Parameters<typeof transformJSONSchema>[0]);
  if (!isRecord(made)) throw new Error("no schema");
  return made;
}

const tree: z.ZodType = z.lazy(() => z.object({ name: z.string(), children: z.array(tree), next: z.union([tree, z.null()]) }));
const SCHEMAS: Record<string, z.ZodType> = {
  plan,
  review: reviewReply,
  fact,
  goalResult,
  statusResult,
  tree,
  bounds: z.object({
    short: z.string().max(5),
    long: z.string().min(80),
    slug: z.string().regex(/^[a-z0-9]+(?:[-_][a-z0-9]+)*$/),
    code: z.string().regex(/^[A-Z]{3}-\d{4}$/),
    either: z.string().regex(/^(?:yes|no)!?$/),
    between: z.number().gt(2).lt(3),
    steps: z.number().int().min(11).multipleOf(5),
    negative: z.number().int().max(-3),
    few: z.array(z.boolean()).min(3).max(4),
    when: z.iso.datetime(),
    mail: z.email(),
    id: z.uuid(),
    none: z.null(),
    fixed: z.literal("fixed"),
    maybe: z.string().optional(),
    pair: z.object({
      winner: z.enum(["A", "B"]),
      kind: z.union([z.object({ is: z.literal("x"), x: z.number() }), z.object({ is: z.literal("y") })]),
    }),
  }),
};

test.each(Object.entries(SCHEMAS))("a sample satisfies the schema, whole or reduced by the SDK: %s", (_, schema) => {
  for (let seed = 0; seed < 20; seed++) {
    schema.parse(conform(jsonSchema(schema), undefined, seed));
    const wire = reduced(jsonSchema(schema));
    expect(schemaProblem(wire)).toBeNull();
    schema.parse(conform(wire, undefined, seed));
  }
});

test("any schema of the usual parts gets a value that satisfies it", () => {
  const { schema } = fc.letrec<{ schema: Record<string, unknown>; leaf: Record<string, unknown> }>((tie) => ({
    leaf: fc.oneof(
      fc.record({ type: fc.constant("string"), minLength: fc.nat(30), maxLength: fc.integer({ min: 30, max: 60 }) }),
      fc.record({
        type: fc.constant("integer"),
        minimum: fc.integer({ min: -50, max: 50 }),
        maximum: fc.integer({ min: 50, max: 60 }),
      }),
      fc.record({
        type: fc.constant("number"),
        exclusiveMinimum: fc.integer({ min: -9, max: 9 }),
        maximum: fc.integer({ min: 10, max: 99 }),
      }),
      fc.record({ enum: fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 3 }) }),
      fc.constantFrom({ type: "boolean" }, { type: "null" }, { type: ["string", "null"] }),
    ),
    schema: fc.oneof(
      { maxDepth: 3 },
      tie("leaf"),
      fc.record({ type: fc.constant("array"), items: tie("schema"), minItems: fc.nat(3) }),
      fc.record({ anyOf: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("schema"), { maxKeys: 4 }).map((properties) => ({
        type: "object",
        properties,
        required: Object.keys(properties).slice(1),
        additionalProperties: false,
      })),
    ),
  }));
  fc.assert(
    fc.property(schema, fc.anything(), fc.nat(), (made, wish, seed) => {
      const known = z.fromJSONSchema(made as Parameters<typeof z.fromJSONSchema>[0]);
      for (const wanted of [undefined, wish]) {
        const checked = known.safeParse(conform(made, wanted, seed));
        if (!checked.success) throw new Error(checked.error.message);
      }
    }),
    { numRuns: 300 },
  );
});

test("a wish that fits is kept, and what does not fit is mended or left out", () => {
  const schema = jsonSchema(
    z.strictObject({
      title: z.string().max(8),
      score: z.number().int().min(1).max(10),
      tags: z.array(z.string()),
      note: z.string(),
    }),
  );
  expect(conform(schema, { title: "A long title", score: 40, tags: ["a"], note: "kept", other: 1 }, 1)).toEqual({
    title: "A long t",
    score: 10,
    tags: ["a"],
    note: "kept",
  });
  expect(conform(schema, { note: "kept" }, 1)).toMatchObject({ note: "kept", tags: [] });
});

test("the seed and the subject decide", () => {
  const schema = jsonSchema(z.object({ winner: z.enum(["A", "B"]) }));
  const winners = (about: string) =>
    Array.from({ length: 40 }, (_, seed) => JSON.stringify(conform(schema, undefined, seed, about))).join();
  expect(winners("x")).toBe(winners("x"));
  expect(winners("x")).not.toBe(winners("y"));
});
