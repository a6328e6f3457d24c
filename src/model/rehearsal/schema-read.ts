/** Reading a JSON schema: references, `allOf`, the type, and the bounds that the SDK moves into descriptions. */

import { type Json, isRecord, listOf, parseJson, stringsOf } from "./json.ts";

const MAX_REFS = 20;

/** The schema with its `$ref` followed and its `allOf` merged in. */
export function merged(schema: Json, root: Json): Json {
  let current = schema;
  for (let i = 0; i < MAX_REFS && typeof current.$ref === "string"; i++) {
    const { $ref, ...rest } = current;
    current = { ...resolveRef(String($ref), root), ...rest };
  }
  const parts = listOf(current.allOf).filter(isRecord);
  if (parts.length === 0) return current;
  const { allOf: _, ...base } = current;
  return [base, ...parts.map((part) => merged(part, root))].reduce<Json>(
    (sum, part) => ({
      ...sum,
      ...part,
      ...(sum.properties || part.properties
        ? {
            properties: {
              ...(isRecord(sum.properties) ? sum.properties : {}),
              ...(isRecord(part.properties) ? part.properties : {}),
            },
          }
        : {}),
      ...(sum.required || part.required
        ? { required: [...new Set([...stringsOf(sum.required), ...stringsOf(part.required)])] }
        : {}),
    }),
    {},
  );
}

function resolveRef(ref: string, root: Json): Json {
  if (ref === "#") return root;
  const steps = ref
    .replace(/^#\//, "")
    .split("/")
    .map((step) => decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~"));
  const found = steps.reduce<unknown>((value, step) => (isRecord(value) ? value[step] : undefined), root);
  return isRecord(found) ? found : {};
}

/** The type's name; guessed from other keywords when it is not said, `any` when nothing says it. */
export function typeName(schema: Json): string {
  if (typeof schema.type === "string") return schema.type;
  if (schema.properties !== undefined || schema.required !== undefined) return "object";
  if (schema.items !== undefined || schema.prefixItems !== undefined) return "array";
  if (["pattern", "format", "minLength", "maxLength"].some((name) => schema[name] !== undefined)) return "string";
  return ["minimum", "maximum", "multipleOf"].some((name) => schema[name] !== undefined) ? "number" : "any";
}

const NUMBER_HINT =
  /\b(minLength|maxLength|minimum|maximum|exclusiveMinimum|exclusiveMaximum|minItems|maxItems|multipleOf): (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/gi;
const TEXT_HINT = /\b(pattern|format): ("(?:[^"\\]|\\.)*")/g;

/** The SDK writes bounds that the wire cannot hold as `{minLength: 1, …}` at the end of the description: back to keywords. */
export function readHints(schema: Json): Json {
  const tail = typeof schema.description === "string" ? /(?:^|\n\n)(\{[\s\S]*\})$/.exec(schema.description)?.[1] : undefined;
  if (tail === undefined) return schema;
  const hints: Json = {};
  for (const [, name = "", value = ""] of tail.matchAll(NUMBER_HINT)) hints[name] = Number(value);
  for (const [, name = "", value = ""] of tail.matchAll(TEXT_HINT)) hints[name] = parseJson(value);
  if (/\buniqueItems: true/.test(tail)) hints.uniqueItems = true;
  return { ...hints, ...schema };
}
