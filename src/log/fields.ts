/** Makes log fields plain data: errors with their causes, no cycles, nothing that could throw while it is written. */

import type { LogFields } from "./log.ts";

const DEEPEST = 8;

/** A copy of the fields that JSON can hold. Never throws, whatever a getter or a `toJSON` does. */
export function plainFields(fields: LogFields): Record<string, unknown> {
  const plain = plainValue(fields, []);
  return typeof plain === "object" && plain !== null ? { ...plain } : {};
}

function plainValue(value: unknown, above: readonly object[]): unknown {
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return "[function]";
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) return "[circular]";
  if (above.length >= DEEPEST) return "[too deep]";
  try {
    return plainObject(value, [...above, value]);
  } catch {
    return "[unreadable]";
  }
}

function plainObject(value: object, above: readonly object[]): unknown {
  const plain = (inner: unknown) => plainValue(inner, above);
  if (value instanceof Error) return plainError(value, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Set) return [...value].map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [String(key), plain(inner)]));
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if ("toJSON" in value && typeof value.toJSON === "function") return plain(value.toJSON());
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** What a person needs of an error: what, which code, why. Of its other properties only the simple ones. */
function plainError(error: Error, plain: (inner: unknown) => unknown): Record<string, unknown> {
  const simple = Object.entries(error).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
  return {
    type: error.name,
    message: error.message,
    ...Object.fromEntries(simple),
    ...("code" in error && { code: plain(error.code) }),
    stack: error.stack,
    ...(error.cause !== undefined && { cause: plain(error.cause) }),
    ...(error instanceof AggregateError && { errors: plain(error.errors) }),
  };
}
