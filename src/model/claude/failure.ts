/** Reads what went wrong with a call: an HTTP refusal, an error event inside the stream, or a connection that broke. */

import type { Stop } from "../model.ts";

export type Failure = {
  readonly stop: Stop;
  readonly billable: boolean;
  readonly detail: string;
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;
};

/** A provider that asks for more is asked again after this: longer waits are for people to decide. */
const LONGEST_WAIT_MS = 10 * 60_000;

/** Codes of a connection that was never made, so nothing was sent. What is not in this list counts as sent. */
const NEVER_CONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "EPROTO",
  "ERR_INVALID_ARG_VALUE",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** How a 400 says that the prompt does not fit; there is no code for it. */
const TOO_LONG = ["prompt is too long", "exceed context limit", "context window", "context length"];

/** Reads an error that the SDK threw. `now` (UTC ms) is for a retry-after given as a date. Never throws. */
export function readFailure(error: unknown, now: number): Failure {
  const { status, headers, requestID } = fields(error);
  const said = readSaid(error);
  const failure = typeof status === "number" ? refused(status, said) : said.type ? midStream(said) : lost(error);
  return {
    ...failure,
    retryAfterMs: headers instanceof Headers ? readRetryAfter(headers, now) : null,
    requestId: typeof requestID === "string" ? requestID : null,
  };
}

/** A request that never reached the network: the address or the request itself is wrong. */
export function notSent(error: unknown): Failure {
  const detail = `the request could not be sent: ${error instanceof Error ? clip(error.message) : "unknown reason"}`;
  return { stop: "bad_request", billable: false, detail, retryAfterMs: null, requestId: null };
}

type Said = { readonly type: string; readonly code: string; readonly text: string };
type Verdict = Pick<Failure, "stop" | "billable" | "detail">;

/** With streaming, an HTTP error comes instead of an answer: nothing was begun, except where a gateway gave up waiting. */
function refused(status: number, said: Said): Verdict {
  const stop = stopOf(status, said);
  const billable = status === 504 || status === 524;
  const explained = status < 400 ? "the provider's address redirects: set the base URL to where it leads" : EXPLAIN[stop];
  return { stop, billable, detail: `${explained ?? "the provider refused the request"} (HTTP ${status})${quote(said)}` };
}

function stopOf(status: number, said: Said): Stop {
  const text = said.text.toLowerCase();
  if (`${said.code} ${said.type}`.includes("spend_limit") || status === 402 || said.type === "billing_error")
    return "spend_limit";
  if (status === 400 && text.includes("credit balance is too low")) return "spend_limit";
  if (status === 529 || said.type === "overloaded_error") return "overloaded";
  if (status === 413 || (status === 400 && TOO_LONG.some((words) => text.includes(words)))) return "context_too_long";
  if (status === 401 || status === 403) return "auth";
  if (status === 404) return "unknown_model";
  if (status === 429) return "rate_limited";
  // A timeout or a lock on their side: the same request may well succeed next time.
  if (status >= 500 || status === 408 || status === 409) return "server_error";
  return "bad_request";
}

const EXPLAIN: Partial<Record<Stop, string>> = {
  spend_limit: "the provider's spend limit is reached or the credit is used up: raise it in the provider's console",
  overloaded: "the provider is overloaded",
  context_too_long: "the prompt is too long for the model",
  auth: "the provider does not accept the API key: check the key and what it may do",
  unknown_model: "the provider does not know the model or the address: check the model's id and the base URL",
  rate_limited: "the provider's rate limit is reached",
  server_error: "the provider failed",
};

/** The answer had begun (HTTP 200): what came so far may be billed, whatever the error is called. */
function midStream(said: Said): Verdict {
  const status: Record<string, number> = {
    overloaded_error: 529,
    rate_limit_error: 429,
    authentication_error: 401,
    permission_error: 403,
    not_found_error: 404,
    billing_error: 402,
    invalid_request_error: 400,
  };
  const stop = stopOf(status[said.type] ?? 500, said);
  return {
    stop,
    billable: true,
    detail: `${EXPLAIN[stop] ?? "the provider broke off"} (in the middle of the answer)${quote(said)}`,
  };
}

function lost(error: unknown): Verdict {
  const code = connectionCode(error);
  if (code && NEVER_CONNECTED.has(code)) {
    return {
      stop: "lost",
      billable: false,
      detail: `no connection to the provider (${code}): check the network and the base URL`,
    };
  }
  const why = code ?? (error instanceof Error ? clip(error.message) : "");
  return {
    stop: "lost",
    billable: true,
    detail: `the connection to the provider broke before the answer was whole${why && ` (${why})`}`,
  };
}

/** The error code of the nearest cause that has one. */
function connectionCode(error: unknown): string | null {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    const { code } = fields(current);
    if (typeof code === "string") return code;
    current = current.cause;
  }
  return null;
}

function readSaid(error: unknown): Said {
  const { type, errorCode, apiMessage, message } = fields(error);
  // Without a message of the API's own, the SDK's says the status once more, and whether there was a body.
  const text = apiMessage ?? (typeof message === "string" ? message.replace(/^\d{3} (status code \(no body\)$)?/, "") : "");
  return {
    type: typeof type === "string" ? type : "",
    code: typeof errorCode === "string" ? errorCode : "",
    text: typeof text === "string" ? text : "",
  };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function quote(said: Said): string {
  return said.text ? `: ${clip(said.text)}` : "";
}

/** A gateway may answer with a whole page of HTML: a person needs the beginning, in one line. */
function clip(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\s]+/g, " ").trim();
  return line.length <= 300 ? line : `${line.slice(0, 299)}…`;
}

/** Milliseconds to wait: `retry-after-ms`, or `retry-after` in seconds or as a date; null without a readable one. */
export function readRetryAfter(headers: Headers, now: number): number | null {
  const ms = readNumber(headers.get("retry-after-ms"));
  const after = headers.get("retry-after");
  const seconds = readNumber(after);
  const wait = ms ?? (seconds !== null ? seconds * 1000 : after ? Date.parse(after) - now : Number.NaN);
  return Number.isNaN(wait) ? null : Math.min(Math.max(0, Math.ceil(wait)), LONGEST_WAIT_MS);
}

function readNumber(text: string | null): number | null {
  const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isNaN(value) || value < 0 ? null : value;
}
