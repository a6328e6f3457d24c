/** Wrong arguments are told in words that an agent can act on; right ones pass; odd schemas stop nobody. */

import { expect, test } from "bun:test";
import { argumentProblems } from "./arguments.ts";

const schema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: {
    url: { type: "string" },
    device: { enum: ["mobile", "desktop"] },
    page: { type: "object", properties: { size: { type: "integer", maximum: 100 } } },
  },
  required: ["url"],
  additionalProperties: false,
};

test.each([
  [{ url: "https://example.com", device: "mobile" }, []],
  [{}, ["the arguments must have required property 'url'"]],
  [{ url: 5 }, ["url must be string"]],
  [{ url: "x", device: "watch" }, ['device must be equal to one of the allowed values (["mobile","desktop"])']],
  [{ url: "x", page: { size: 1000 } }, ["page.size must be <= 100"]],
  [{ url: "x", extra: 1 }, ["the arguments must NOT have additional properties: extra"]],
])("%j", async (args, problems) => {
  expect(await argumentProblems(schema, args)).toEqual(problems);
});

test.each([null, [], "text", 5])("%j is no object", async (args) => {
  expect(await argumentProblems(schema, args)).toEqual(["the arguments must be one JSON object"]);
});

test("a schema of the newer dialect, one without any, and one that cannot be read", async () => {
  const newer = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: { a: { prefixItems: [{ type: "string" }] } },
  };
  expect(await argumentProblems(newer, { a: [5] })).toEqual(["a.0 must be string"]);
  expect(await argumentProblems({ type: "object" }, { anything: 1 })).toEqual([]);
  expect(await argumentProblems({ type: "nonsense" }, { a: 1 })).toEqual([]);
  expect(await argumentProblems({ $ref: "#/nowhere" }, { a: 1 })).toEqual([]);
});

test("two servers whose schemas have the same id do not fall into each other", async () => {
  const one = { $id: "args", type: "object", required: ["a"] };
  const two = { $id: "args", type: "object", required: ["b"] };
  expect(await argumentProblems(one, { b: 1 })).toHaveLength(1);
  expect(await argumentProblems(two, { b: 1 })).toEqual([]);
});

test("a pattern that would take longer than anybody waits is left to the server; a simple one is checked", async () => {
  const of = (pattern: string) => ({ type: "object", properties: { to: { type: "string", pattern } } });
  const long = `${"a".repeat(60)}!`;
  for (const pattern of ["^(a+)+$", "^(a|a)*$", "^(?:a?){60}a{60}$", "^([a-z]+)*$", "(a)\\1*$", "a*a*a*a*a*a*a*b"])
    expect(await argumentProblems(of(pattern), { to: long })).toEqual([]);
  expect(await argumentProblems(of("^act_[0-9a-z]+$"), { to: long })).toEqual(['to must match pattern "^act_[0-9a-z]+$"']);
  expect(await argumentProblems(of("^\\d{4}-\\d{2}$"), { to: "2026-11" })).toEqual([]);
});

test("a schema that leads round in a circle, or wants to be waited for, stops nobody", async () => {
  expect(await argumentProblems({ type: "object", $dynamicRef: "#x" }, { a: 1 })).toEqual([]);
  expect(await argumentProblems({ $ref: "#" }, { a: 1 })).toEqual([]);
  expect(await argumentProblems({ $async: true, type: "object", required: ["x"] }, {})).toEqual([
    "the arguments must have required property 'x'",
  ]);
});
