/** A call's arguments against the schema that its tool gave: wrong ones never reach the server. */

import type { Ajv, AnySchema, ValidateFunction } from "ajv";

const MOST = 5;
/** A schema is somebody else's text: one that takes for ever to read is not read. */
const MAX_SCHEMA = 200_000;

let loaded: Promise<{ old: Ajv; now: Ajv }> | null = null;

/**
 * What is wrong with the arguments, a sentence each, at most five; none is an empty list. A schema that cannot be read
 * checks nothing but that the arguments are an object: the server itself will say.
 */
export async function argumentProblems(schema: Readonly<Record<string, unknown>>, args: unknown): Promise<string[]> {
  if (typeof args !== "object" || args === null || Array.isArray(args)) return ["the arguments must be one JSON object"];
  const validate = await compiled(schema);
  if (validate === null || fits(validate, args)) return [];
  const problems = (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const where = instancePath === "" ? "the arguments" : instancePath.slice(1).replaceAll("/", ".");
    const extra = "additionalProperty" in params ? `: ${String(params.additionalProperty)}` : "";
    const allowed = "allowedValues" in params ? ` (${JSON.stringify(params.allowedValues).slice(0, 200)})` : "";
    return `${where} ${message ?? "is not as the schema says"}${extra}${allowed}`;
  });
  return [...new Set(problems)].slice(0, MOST);
}

/** Also true where the schema leads round in a circle. */
function fits(validate: ValidateFunction, args: object): boolean {
  try {
    return validate(args);
  } catch {
    return true;
  }
}

const known = new WeakMap<object, ValidateFunction | null>();

async function compiled(schema: Readonly<Record<string, unknown>>): Promise<ValidateFunction | null> {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const validate = await compile(schema);
  known.set(schema, validate);
  return validate;
}

async function compile(schema: Readonly<Record<string, unknown>>): Promise<ValidateFunction | null> {
  const { old, now } = await (loaded ??= load());
  const dialect = typeof schema.$schema === "string" && /draft-0[4-7]/.test(schema.$schema) ? old : now;
  // Two servers may name their schemas alike: without its id, a schema is known by nothing but itself.
  // `$async` is a word of the package: its answer is a promise, which nobody waits for.
  const { $schema: _, $id: __, $async: ___, ...bare } = schema;
  if (JSON.stringify(bare).length > MAX_SCHEMA) return null;
  try {
    return dialect.compile(bare as AnySchema);
  } catch {
    return null;
  } finally {
    // It keeps every schema that it has seen, and servers list theirs anew.
    dialect.removeSchema(bare as AnySchema);
  }
}

async function load(): Promise<{ old: Ajv; now: Ajv }> {
  const [{ Ajv }, { Ajv2020 }] = await Promise.all([import("ajv"), import("ajv/dist/2020.js")]);
  // Formats are the server's business; unknown keywords are other people's extensions.
  const options = {
    ...({ strict: false, allErrors: true, validateFormats: false, logger: false, addUsedSchema: false } as const),
    code: { regExp: cheapPattern },
  };
  return { old: new Ajv(options), now: new Ajv2020(options) as unknown as Ajv };
}

/** Characters of a text that a pattern is tried on: what grows with their square or cube is still quick. */
const MAX_TRIED = 300;

/**
 * A pattern is somebody else's too, and some take longer than anybody waits (`^(a+)+$`). Tried are those that cannot: no
 * group is repeated, nothing is referred back to, and little is repeated at all. The others fit everything: the server checks.
 */
const cheapPattern = Object.assign(
  (pattern: string, flags: string) => {
    const compiled = new RegExp(pattern, flags);
    const bare = pattern.replace(/\\[^1-9k]/g, "x").replace(/\[[^\]]*\]/g, "x");
    const repeated = bare.match(/[*+{]/g)?.length ?? 0;
    const cheap = repeated <= 3 && pattern.length <= MAX_TRIED && !/\)[*+{?]|\\|\(\?/.test(bare);
    return {
      test: (text: string) => !cheap || text.length > MAX_TRIED || compiled.test(text),
      toString: () => `${pattern}/${flags}`,
    };
  },
  { code: "cheapPattern" },
) as unknown as NonNullable<import("ajv").CodeOptions["regExp"]>;
