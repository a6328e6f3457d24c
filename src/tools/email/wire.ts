/** One request to a vendor's HTTP API: what came back, or what became of the request, told apart exactly. */

import type { z } from "zod";

export type Failure =
  /** The vendor answered no, or answered nonsense: nothing was done. `retryAfterMs` where it said when to come back. */
  | { readonly kind: "refused"; readonly status: number; readonly detail: string; readonly retryAfterMs: number | null }
  /** It never left. */
  | { readonly kind: "unsent"; readonly detail: string }
  /** It left, and whether it was done nobody can say. */
  | { readonly kind: "lost"; readonly detail: string };

export type Got<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export const got = <T>(value: T): Got<T> => ({ ok: true, value });
export const failed = (failure: Failure): Got<never> => ({ ok: false, failure });
/** A no of our own, in the vendor's place. */
export const refused = (detail: string): Got<never> => failed({ kind: "refused", status: 0, detail, retryAfterMs: null });

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export type Asked<T> = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  readonly path: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** What of the answer is used; null when only the status counts. */
  readonly answer: z.ZodType<T> | null;
  /**
   * It does something that must not be done twice: asked once and never again, and a server error (5xx) or a conflict is
   * `lost`, since it may come from behind the deed. Everything else waits and asks again when the vendor is busy (429).
   */
  readonly deed?: boolean;
};

export type Wire = <T>(asked: Asked<T>, signal: AbortSignal) => Promise<Got<T>>;

export type WireOptions = {
  readonly vendor: string;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Taken out of everything that is passed on. */
  readonly secret: string;
  /** The vendor's own words of its error body, or null. */
  readonly problemOf: (body: unknown) => string | null;
  readonly fetch: Fetch;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly now: () => number;
};

const TIMEOUT_MS = 30_000;
const ANSWER_BYTES = 20 * 1024 * 1024;
const TRIES = 5;
/** Longer than this nobody waits within a call. */
const LONGEST_WAIT_MS = 60_000;

/** Codes of errors that come before the first byte of the request is written (seen on Bun 1.4 and in Node's tables). */
const BEFORE_SENDING = new Set([
  "ECONNREFUSED",
  "ConnectionRefused",
  "FailedToOpenSocket",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPROTO",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** Asks one vendor. Follows no redirect, repeats no deed, never rejects. */
export function createWire(options: WireOptions): Wire {
  const { vendor, secret, sleep } = options;
  const clean = (text: string) => {
    const line = (secret === "" ? text : text.replaceAll(secret, "[key]")).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
    return line.length > 500 ? `${line.slice(0, 499)}…` : line;
  };

  async function once<T>(asked: Asked<T>, outer: AbortSignal): Promise<Got<T>> {
    if (outer.aborted) return failed({ kind: "unsent", detail: "it was called off before it left" });
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    let status = 0;
    try {
      const response = await options.fetch(`${options.baseUrl}${asked.path}`, {
        method: asked.method,
        headers: {
          accept: "application/json",
          "user-agent": "marketeam",
          ...(asked.body === undefined ? {} : { "content-type": "application/json" }),
          ...options.headers,
          ...asked.headers,
        },
        ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
        redirect: "manual",
        // A kept connection that dies as it is used again looks like a lost answer.
        keepalive: false,
        signal: AbortSignal.any([outer, limit]),
      });
      status = response.status;
      const text = await bodyOf(response);
      if (text === null) return failed(unreadable(asked, status, `${vendor}'s answer is over ${ANSWER_BYTES / 1024 / 1024} MB`));
      return answerOf(asked, response, text);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      // In our own words: errors of fetch carry the address.
      const detail = outer.aborted
        ? "it was called off while it was under way"
        : limit.aborted
          ? `${vendor} did not answer within ${TIMEOUT_MS / 1000} s`
          : `the connection to ${vendor} failed${/^[A-Za-z_]{3,40}$/.test(code) ? ` (${code})` : ""}`;
      const left = status !== 0 || outer.aborted || limit.aborted || !BEFORE_SENDING.has(code);
      return failed({ kind: left ? "lost" : "unsent", detail });
    }
  }

  function answerOf<T>(asked: Asked<T>, response: Response, text: string): Got<T> {
    const { status } = response;
    const body = parsed(text);
    if (status >= 200 && status < 300) {
      if (asked.answer === null) return got(undefined as T);
      const found = asked.answer.safeParse(body);
      if (found.success) return got(found.data);
      return failed(unreadable(asked, status, `${vendor} answered ${status} in a form that it does not document`));
    }
    const said = clean(options.problemOf(body) ?? "");
    const detail =
      status >= 300 && status < 400
        ? `${vendor} answers with a redirect (${status}), which is not followed`
        : `${vendor} answered ${status}${said === "" ? "" : `: ${said}`}`;
    // 409: what the vendor knows by this key may be under way, or done.
    if (asked.deed && (status >= 500 || status === 408 || status === 409)) return failed({ kind: "lost", detail });
    return failed({
      kind: "refused",
      status,
      detail,
      retryAfterMs: retryAfter(response.headers.get("retry-after"), options.now()),
    });
  }

  return async (asked, signal) => {
    for (let tried = 1; ; tried++) {
      const answer = await once(asked, signal);
      if (answer.ok || asked.deed || tried === TRIES) return answer;
      const { failure } = answer;
      if (failure.kind !== "refused" || failure.status !== 429) return answer;
      const wait = failure.retryAfterMs ?? 1000;
      if (wait > LONGEST_WAIT_MS || signal.aborted) return answer;
      await sleep(wait, signal);
    }
  };
}

/** A yes that cannot be read is a yes that cannot be shown: a deed behind it is checked, a question has no answer. */
function unreadable(asked: { readonly deed?: boolean }, status: number, detail: string): Failure {
  return asked.deed ? { kind: "lost", detail } : { kind: "refused", status, detail, retryAfterMs: null };
}

async function bodyOf(response: Response): Promise<string | null> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks).toString("utf8");
    size += value.byteLength;
    if (size > ANSWER_BYTES) {
      await reader.cancel().catch(() => {});
      return null;
    }
    chunks.push(value);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Seconds (Resend sends fractions too), or a date; null for neither. */
function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const ms = /^\d{1,9}(?:\.\d+)?$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.max(Math.ceil(ms), 0) : null;
}
