/** The `fetch` of an HTTP server's transport: knows what never left, bounds what is read, and hears when the vendor asks to wait. */

import type { FetchLike } from "@modelcontextprotocol/client";
import { currentTrack } from "./tap.ts";

/** The connection was not made, so nothing was said. Bun's and the resolver's codes. */
const NEVER_REACHED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;
/** Answers that say no before anything is done. A 5xx is none of them: behind a gateway the work may be done already. */
const REFUSALS: readonly number[] = [400, 401, 403, 404, 405, 406, 413, 415, 421, 429];

export type GuardOptions = {
  readonly fetch: typeof globalThis.fetch;
  /** Of one message: a whole body, or one event of a stream. */
  readonly mostBytes: number;
  readonly now: () => number;
  /** HTTP 429, with the milliseconds that `Retry-After` names; null when it names none. */
  readonly onTooMany: (retryAfterMs: number | null) => void;
};

export function guardedFetch({ fetch, mostBytes, now, onTooMany }: GuardOptions): FetchLike {
  return async (url, init) => {
    const track = isToolCall(init) ? currentTrack() : undefined;
    if (track !== undefined) {
      track.written = true;
      track.refused = null;
    }
    let response: Response;
    try {
      // Bun ends a silent answer after five minutes, whatever the signal says.
      response = await fetch(url, { ...init, timeout: false } as RequestInit);
    } catch (error) {
      if (track !== undefined && NEVER_REACHED.test(codeOf(error))) {
        track.written = false;
        track.refused = { detail: `${new URL(url).host} could not be reached (${codeOf(error)})`, status: null };
      }
      throw error;
    }
    if (response.status === 429) onTooMany(retryAfter(response.headers.get("retry-after"), now()));
    if (track !== undefined && REFUSALS.includes(response.status)) {
      track.written = false;
      track.refused = { detail: `the server refused the request with HTTP ${response.status}`, status: response.status };
    }
    if (track !== undefined && !response.ok) track.failure = `the server failed with HTTP ${response.status}`;
    return bounded(response, mostBytes);
  };
}

function isToolCall(init: RequestInit | undefined): boolean {
  if (init?.method !== "POST" || typeof init.body !== "string" || !init.body.includes('"tools/call"')) return false;
  try {
    return (JSON.parse(init.body) as { method?: unknown }).method === "tools/call";
  } catch {
    return false;
  }
}

export function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++)
    if ("code" in at && typeof at.code === "string") return at.code;
  return "";
}

/** Seconds or a date, as RFC 9110 has it. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** The same response, whose body breaks off with an error as soon as one message is over the cap. */
function bounded(response: Response, most: number): Response {
  if (response.body === null) return response;
  const stream = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
  let size = 0;
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        // An event ends with an empty line.
        const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        const end = stream ? Math.max(bytes.lastIndexOf("\n\n"), bytes.lastIndexOf("\r\n\r\n")) : -1;
        size = end === -1 ? size + chunk.length : chunk.length - end;
        if (size > most)
          controller.error(new Error(`the answer has more than ${Math.round(most / 1024 / 1024)} MB, and reading stopped`));
        else controller.enqueue(chunk);
      },
    }),
  );
  return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
}
