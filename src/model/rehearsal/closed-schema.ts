/** What structured outputs accept of JSON Schema: closed objects, and no bounds that a grammar cannot hold. */

import { type Json, isRecord, listOf } from "./json.ts";

const BOUNDS: Record<string, readonly string[]> = {
  string: ["minLength", "maxLength"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  array: ["maxItems"],
};

/** The first thing in the schema that the API refuses, as its sentence; null when it is fine. */
export function schemaProblem(schema: Json): string | null {
  if (schema.type === "object" && schema.additionalProperties !== false)
    return "For 'object' type, 'additionalProperties' must be explicitly set to false";
  const type = typeof schema.type === "string" ? schema.type : "";
  const bounds = (BOUNDS[type] ?? []).filter((name) => schema[name] !== undefined);
  if (bounds.length > 0) return `For '${type}' type, properties ${bounds.join(", ")} are not supported`;
  if (type === "array" && typeof schema.minItems === "number" && schema.minItems > 1)
    return "For 'array' type, 'minItems' values other than 0 or 1 are not supported";
  for (const child of childrenOf(schema)) {
    const problem = schemaProblem(child);
    if (problem) return problem;
  }
  return null;
}

function childrenOf(schema: Json): Json[] {
  const maps = [schema.properties, schema.$defs, schema.definitions].filter(isRecord).flatMap((map) => Object.values(map));
  const lists = ["anyOf", "oneOf", "allOf", "prefixItems"].flatMap((name) => listOf(schema[name]));
  return [...maps, ...lists, schema.items].filter(isRecord);
}
