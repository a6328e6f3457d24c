/** Reads a request's body within limits of size and time, and as JSON within a limit of depth. */

import { CLOSE, retryAfter, type Refusal } from "./answer.ts";

const MAX_BODY_BYTES = 256 * 1024;
const BODY_MS = 10_000;
const MAX_DEPTH = 32;
/** Of all bodies that are being read at the same time. */
const MAX_BYTES_AT_ONCE = 64 * 1024 * 1024;

export type BodyReader = (request: Request) => Promise<{ readonly bytes: Uint8Array } | { readonly refusal: Refusal }>;

/** A reader of bodies: 413 above 256 KB without reading on, 408 for one that is not there after `bodyMs`, 503 when too much comes at once. */
export function createBodyReader({ bodyMs = BODY_MS }: { readonly bodyMs?: number } = {}): BodyReader {
  let held = 0;
  return async (request) => {
    const length = request.headers.get("content-length");
    if (length !== null && Number(length) > MAX_BODY_BYTES) return tooLarge;
    if (request.body === null) return { bytes: new Uint8Array(0) };
    const reader = request.body.getReader();
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), bodyMs);
    const chunks: Uint8Array[] = [];
    let size = 0;
    // Not awaited: a sender that never ends must not hold the answer.
    const leave = (refusal: Refusal) => {
      reader.cancel().catch(() => {});
      return { refusal: { ...refusal, headers: { ...refusal.headers, ...CLOSE } } };
    };
    try {
      for (;;) {
        const reading = reader.read();
        const part = await Promise.race([reading, late.promise]);
        if (part === null) {
          reading.catch(() => {});
          return leave({ status: 408, error: `the body did not come within ${bodyMs / 1000} s` });
        }
        if (part.done) break;
        size += part.value.byteLength;
        held += part.value.byteLength;
        chunks.push(part.value);
        if (size > MAX_BODY_BYTES) return leave(tooLarge.refusal);
        if (held > MAX_BYTES_AT_ONCE) return leave({ status: 503, error: "too much comes in at once", headers: retryAfter(1) });
      }
      return { bytes: chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks) };
    } catch {
      return leave({ status: 400, error: "the body broke off" });
    } finally {
      clearTimeout(timer);
      held -= size;
    }
  };
}

const tooLarge = {
  refusal: { status: 413, error: `the body is larger than ${MAX_BODY_BYTES / 1024} KB`, headers: CLOSE } satisfies Refusal,
};

/** The body as text; null when it is not UTF-8. A byte order mark stays: signatures count it. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The JSON map in a text, or what is wrong with it in one line. */
export function mapOf(body: string): { readonly map: Readonly<Record<string, unknown>> } | { readonly problem: string } {
  if (body.trim() === "") return { problem: "the body is empty: send a JSON object" };
  // Counted before it is parsed: what walks through a value later may do so by calling itself.
  if (isDeep(body)) return { problem: `the body is nested more than ${MAX_DEPTH} levels deep` };
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { problem: "the body is not JSON" };
  }
  if (!isMap(value))
    return { problem: `the body must be a JSON object, not ${Array.isArray(value) ? "a list" : "a single value"}` };
  return { map: value };
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDeep(body: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < body.length; i++) {
    const code = body.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}
