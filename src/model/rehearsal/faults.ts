/** Faults on demand: `kind[@match][xN]`, which calls they hit, and how often. */

import { suggest } from "../../domain/problem.ts";
import type { ApiError } from "./api-error.ts";
import { CALL_KINDS, type CallKind, type ShownCall } from "./shown-call.ts";

/** Refused with an HTTP error. */
const REFUSALS = ["rate_limit", "spend_limit", "overloaded", "server_error", "context_too_long", "not_found", "bad_key"] as const;
/** The connection goes wrong. */
const BREAKS = ["overloaded_stream", "hang", "hang_before", "reset"] as const;
/** A whole reply that is not what was asked for. */
const SPOILS = ["truncate", "refusal", "empty", "whitespace", "no_usage", "absurd_usage"] as const;
/** The same, where JSON was asked for: a call without a format is never hit. */
const JSON_SPOILS = ["broken_json", "prose_json", "wrong_schema"] as const;

/** A batch is made and the answer to it lost; it takes its time. Of a request in one: an error, or its day went by. */
const BATCHES = ["batch_lost", "batch_slow", "batch_error", "batch_expire"] as const;

export const FAULT_KINDS = [...REFUSALS, ...BREAKS, ...SPOILS, ...JSON_SPOILS, ...BATCHES] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export type FaultSpec = {
  readonly kind: FaultKind;
  /** Null hits any call. */
  readonly match: { readonly call: CallKind } | { readonly skill: string } | null;
  /** How often; Infinity for always. */
  readonly times: number;
  /** Seconds in the retry-after header of `rate_limit`. */
  readonly retryAfter: number;
  /** Milliseconds that `batch_slow` takes. */
  readonly takesMs?: number;
};

const SHAPE = /^([a-z_]+)(?::(\d{1,6}))?(?:@(\S+?))?(?:\s*x(\d{1,6}|\*))?$/;

/** Reads `kind[@match][xN]`, as in `overloaded@makex3`, `rate_limit:2@skill=name x*`. Returns the fault or one sentence. */
export function parseFault(text: string): { readonly fault: FaultSpec } | { readonly problem: string } {
  const match = SHAPE.exec(text.trim());
  if (!match) return { problem: `"${text}" is no fault: write kind[@match][xN], as in overloaded@make x3` };
  const [, name = "", seconds, target, count] = match;
  const kind = FAULT_KINDS.find((known) => known === name);
  if (kind === undefined) return { problem: `unknown fault "${name}": ${suggest(name, FAULT_KINDS)}` };
  if (seconds !== undefined && kind !== "rate_limit" && kind !== "batch_slow")
    return { problem: `"${text}": only rate_limit takes seconds (rate_limit:2), and batch_slow milliseconds (batch_slow:500)` };
  if (target !== undefined && (kind === "batch_lost" || kind === "batch_slow"))
    return { problem: `"${text}" would never happen: ${kind} hits a batch as a whole, not single calls` };
  const times = count === undefined ? 1 : count === "*" ? Number.POSITIVE_INFINITY : Number(count);
  if (times === 0) return { problem: `"${text}" would never happen: x1 is once, x* is always` };
  const hit = readMatch(text, target);
  if ("problem" in hit) return hit;
  const call = hit.match && "call" in hit.match ? hit.match.call : null;
  if (call === "make" && isJsonSpoil(kind))
    return { problem: `"${text}" would never happen: ${kind} needs a structured reply, and make replies are text` };
  const slow = kind === "batch_slow" ? { takesMs: Number(seconds ?? 1_000) } : {};
  return { fault: { kind, match: hit.match, times, retryAfter: kind === "rate_limit" ? Number(seconds ?? 0) : 0, ...slow } };
}

function readMatch(text: string, target: string | undefined): { match: FaultSpec["match"] } | { problem: string } {
  if (target === undefined) return { match: null };
  const skill = /^skill=(.+)$/.exec(target)?.[1];
  if (skill !== undefined) return { match: { skill } };
  const call = CALL_KINDS.find((known) => known === target);
  if (call === undefined)
    return { problem: `"${text}": unknown kind of call "${target}": ${suggest(target, CALL_KINDS)}, or skill=<name>` };
  return { match: { call } };
}

function isJsonSpoil(kind: FaultKind): boolean {
  return JSON_SPOILS.some((known) => known === kind);
}

/** Faults that wait for their calls. `take` returns the first that fits and counts it down. */
export type FaultBook = {
  take(call: ShownCall): FaultSpec | null;
  /** For a batch as a whole: it is lost or slow, or refused by a fault that hits any call. */
  takeBatch(): FaultSpec | null;
  /** For a request in a batch, where no connection can break. */
  takeEntry(call: ShownCall): FaultSpec | null;
  set(faults: readonly FaultSpec[]): void;
};

export function createFaultBook(faults: readonly FaultSpec[]): FaultBook {
  let open = faults.map((fault) => ({ fault, left: fault.times }));
  const first = (fit: (fault: FaultSpec) => boolean): FaultSpec | null => {
    const hit = open.find(({ fault, left }) => left > 0 && fit(fault));
    if (!hit) return null;
    hit.left--;
    return hit.fault;
  };
  const hits = (fault: FaultSpec, call: ShownCall) => fits(fault, call) && (call.structured || !isJsonSpoil(fault.kind));
  return {
    take: (call) => first((fault) => !isOneOf(BATCHES, fault.kind) && hits(fault, call)),
    takeBatch: () =>
      first(
        ({ kind, match }) => kind === "batch_lost" || kind === "batch_slow" || (match === null && isOneOf(REFUSED_WHOLE, kind)),
      ),
    takeEntry: (call) => first((fault) => isOneOf(IN_BATCHES, fault.kind) && hits(fault, call)),
    set(next) {
      open = next.map((fault) => ({ fault, left: fault.times }));
    },
  };
}

/** What is about the key or the moment, and not about one request. */
const REFUSED_WHOLE = ["rate_limit", "spend_limit", "overloaded", "server_error", "bad_key"] as const;
const IN_BATCHES = ["batch_error", "batch_expire", "context_too_long", "not_found", ...SPOILS, ...JSON_SPOILS] as const;

function isOneOf(kinds: readonly FaultKind[], kind: FaultKind): boolean {
  return kinds.includes(kind);
}

function fits({ match }: FaultSpec, call: ShownCall): boolean {
  if (match === null) return true;
  return "call" in match ? match.call === call.kind : match.skill === call.skill;
}

/** The HTTP error of a fault, or null when the fault is of another sort. */
export function faultError(fault: FaultSpec, model: string): ApiError | null {
  switch (fault.kind) {
    case "rate_limit": {
      const message = "Rehearsal: this request would exceed your organization's rate limit.";
      return { status: 429, type: "rate_limit_error", message, headers: { "retry-after": String(fault.retryAfter) } };
    }
    case "spend_limit": {
      const message = "Rehearsal: your organization has reached its monthly spend limit.";
      return { status: 429, type: "rate_limit_error", message, details: { error_code: "enforced_spend_limit_reached" } };
    }
    case "overloaded":
      return OVERLOADED;
    case "server_error":
      return { status: 500, type: "api_error", message: "Rehearsal: internal server error" };
    case "context_too_long":
      return { status: 400, type: "invalid_request_error", message: "prompt is too long: 1000001 tokens > 1000000 maximum" };
    case "not_found":
      return { status: 404, type: "not_found_error", message: `model: ${model}` };
    case "bad_key":
      return { status: 401, type: "authentication_error", message: "Rehearsal: invalid authentication credentials" };
    default:
      return null;
  }
}

export const OVERLOADED: ApiError = { status: 529, type: "overloaded_error", message: "Rehearsal: overloaded" };
