/** Any JSON schema → a value that satisfies it, as near as possible to a value one would like to give. */

import { chance, pick } from "./chance.ts";
import { type Json, isRecord, listOf, stringsOf } from "./json.ts";
import { merged, readHints, typeName } from "./schema-read.ts";
import { numberLike, stringLike } from "./schema-scalars.ts";

/** Below this depth the flattest branches and the shortest lists are taken. */
const DEEP = 4;

/**
 * A value that satisfies the schema. What of `wish` the schema allows is kept, the rest is sampled: with no wish, all of it.
 * Optional properties appear only when wished for, and lists that a wish leaves out are as short as they may be. The seed, `about` and the place in the schema decide every choice.
 */
export function conform(schema: Json, wish: unknown, seed: number, about = ""): unknown {
  return shape(schema, wish, { root: schema, seed, path: about, depth: 0, least: wish !== undefined });
}

type At = { readonly root: Json; readonly seed: number; readonly path: string; readonly depth: number; readonly least: boolean };

function shape(raw: unknown, wish: unknown, at: At): unknown {
  const schema = readHints(merged(isRecord(raw) ? raw : {}, at.root));
  if (schema.const !== undefined) return schema.const;
  const allowed = listOf(schema.enum);
  if (allowed.length > 0) return allowed.includes(wish) ? wish : pick(allowed, at.seed, at.path, "enum");
  const branches = [...listOf(schema.anyOf), ...listOf(schema.oneOf)].filter(isRecord);
  if (branches.length > 0) {
    const { anyOf: _any, oneOf: _one, ...rest } = schema;
    return shape({ ...rest, ...branchFor(branches, wish, at) }, wish, at);
  }
  switch (typeFor(schema, wish, at)) {
    case "object":
      return objectLike(schema, isRecord(wish) ? wish : {}, at);
    case "array":
      return arrayLike(schema, Array.isArray(wish) ? wish : null, at);
    case "string":
      return stringLike(schema, wish, at.seed, at.path);
    case "integer":
      return numberLike(schema, wish, true, at.seed, at.path);
    case "number":
      return numberLike(schema, wish, false, at.seed, at.path);
    case "boolean":
      return typeof wish === "boolean" ? wish : chance(at.seed, at.path, "boolean") < 0.5;
    case "null":
      return null;
    default:
      return wish ?? "rehearsal";
  }
}

function typeFor(schema: Json, wish: unknown, at: At): string {
  if (Array.isArray(schema.type)) {
    const types = stringsOf(schema.type);
    const wished = types.find((type) => wish !== undefined && isOfType(wish, type));
    return wished ?? (at.depth > DEEP && types.includes("null") ? "null" : (types.find((type) => type !== "null") ?? "null"));
  }
  return typeName(schema);
}

function isOfType(value: unknown, type: string): boolean {
  return (
    type === typeOf(value) || (type === "integer" && Number.isInteger(value)) || (type === "number" && typeof value === "number")
  );
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** The branch that the wish fits, else a seeded one; deep down the flattest, so that recursion ends. */
function branchFor(branches: readonly Json[], wish: unknown, at: At): Json {
  const read = branches.map((branch) => merged(branch, at.root));
  const fitting = wish === undefined ? undefined : read.find((branch) => suits(branch, wish));
  if (fitting) return fitting;
  const flat = branches.filter((branch) => branch.$ref === undefined && !["object", "array"].includes(typeName(branch)));
  const choices = at.depth > DEEP && flat.length > 0 ? flat : read;
  return pick(choices, at.seed, at.path, "branch") ?? {};
}

function suits(branch: Json, wish: unknown): boolean {
  if (branch.const !== undefined) return branch.const === wish;
  if (Array.isArray(branch.enum)) return branch.enum.includes(wish);
  const types = Array.isArray(branch.type) ? stringsOf(branch.type) : [typeName(branch)];
  if (!types.some((type) => isOfType(wish, type))) return false;
  if (!isRecord(wish) || !isRecord(branch.properties)) return true;
  return Object.entries(branch.properties).every(([key, child]) => {
    if (!isRecord(child) || (child.const === undefined && !Array.isArray(child.enum))) return true;
    return suits(child, wish[key]);
  });
}

function objectLike(schema: Json, wish: Json, at: At): Json {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const required = stringsOf(schema.required);
  const made: Json = {};
  for (const [key, child] of Object.entries(properties)) {
    if (wish[key] === undefined && !required.includes(key)) continue;
    made[key] = shape(child, wish[key], below(at, key));
  }
  const others = schema.additionalProperties;
  for (const key of required.filter((name) => !(name in made))) made[key] = shape(others, wish[key], below(at, key));
  if (others !== false) {
    for (const key of Object.keys(wish).filter((name) => !(name in made))) made[key] = shape(others, wish[key], below(at, key));
  }
  return made;
}

function arrayLike(schema: Json, wish: readonly unknown[] | null, at: At): unknown[] {
  const tuple = listOf(schema.prefixItems);
  const least = Math.max(sizeOf(schema.minItems, 0), tuple.length);
  const most = schema.items === false ? tuple.length : sizeOf(schema.maxItems, Number.POSITIVE_INFINITY);
  const natural = wish?.length ?? (at.least || at.depth > DEEP ? 0 : 1 + Math.floor(chance(at.seed, at.path, "length") * 2));
  const length = Math.min(Math.max(natural, least), most);
  const made: unknown[] = [];
  for (let i = 0; made.length < length && i < length * 8; i++) {
    const item = shape(tuple[made.length] ?? schema.items, wish?.[i], below(at, String(i)));
    const known = schema.uniqueItems === true && made.some((other) => Bun.deepEquals(other, item));
    if (!known) made.push(item);
  }
  return made;
}

function sizeOf(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

function below(at: At, key: string): At {
  return { ...at, path: `${at.path}/${key}`, depth: at.depth + 1 };
}
