/** A request becomes an answer: routes, tokens, limits, and what each wrong request is told. Never throws. */

import { createKept } from "../health/kept.ts";
import type { Log } from "../log/log.ts";
import { StoreError } from "../store/store.ts";
import type { Bus } from "../triggers/event-bus.ts";
import { BusFull } from "../triggers/event-bus.ts";
import type { SignedSource } from "../triggers/event-sources.ts";
import type { Incoming, Receipt } from "../triggers/event-take.ts";
import { PROMETHEUS_TYPE } from "../telemetry/prometheus.ts";
import { CLOSE, json, refuse, retryAfter, text as textAnswer, type Refusal } from "./answer.ts";
import { failedPage, isApprovalPath, type ApprovalPages } from "./approval-pages.ts";
import { createBodyReader, mapOf, textOf } from "./body.ts";
import { addressKey, createBuckets, isPrivate, type Rate } from "./buckets.ts";
import { readPlainEvent } from "./plain-event.ts";
import { readSignedEvent, verifySigned } from "./signed-event.ts";
import type { SlackActions } from "./slack-actions.ts";
import { createTokenCheck } from "./tokens.ts";

export type Health = {
  /** Work can be taken in. */
  readonly ready: boolean;
  /** `full`, `limited`, `minimal` or `offline`, and why it is not full. */
  readonly level: string;
  readonly reasons: readonly string[];
};

export type Limits = { readonly address: Rate; readonly source: Rate };

/** Generous to honest senders (a backlog after an outage), tight enough that one address cannot take all there is. */
const LIMITS: Limits = { address: { perSecond: 1_000, burst: 12_000 }, source: { perSecond: 2_000, burst: 24_000 } };
/** What a wrong token or signature costs its address: a hundred a burst, then some eight a second. */
const WRONG_COSTS = 120;
const RETRY_SECONDS = 5;
/** How old a told health may be: probes of several watchers cost one look a second, however busy the store is. */
const HEALTH_KEEP_MS = 1_000;

export type HandlerOptions = {
  readonly bus: Pick<Bus, "accept">;
  readonly health: () => Health | Promise<Health>;
  /** Prometheus text. */
  readonly metrics: () => string | Promise<string>;
  /** Any of them counts; without one no plain event is taken. */
  readonly tokens: readonly string[];
  readonly sources: ReadonlyMap<string, SignedSource>;
  readonly limits?: Limits;
  /** Answers what is below `/approve/`, where people may answer by a link. */
  readonly approvals?: ApprovalPages;
  /** Answers `/slack/actions`, where people may answer in Slack. */
  readonly slack?: SlackActions;
  /** Milliseconds that a body may take. */
  readonly bodyMs?: number;
  readonly log: Log;
  /** UTC ms. */
  readonly now: () => number;
  /** Milliseconds that never go back; tests have their own. */
  readonly clock?: () => number;
};

export type From = {
  /** The other end of the connection; null when nobody can say. */
  readonly address: string | null;
};

export type Handler = (request: Request, from: From) => Promise<Response>;

export function createHandler(options: HandlerOptions): Handler {
  const { bus, tokens, sources, log, now } = options;
  const limits = options.limits ?? LIMITS;
  const hasToken = createTokenCheck(tokens);
  const readBody = createBodyReader(options.bodyMs === undefined ? {} : { bodyMs: options.bodyMs });
  const byAddress = createBuckets(limits.address, now);
  const bySource = createBuckets(limits.source, now);
  const health = createKept({
    read: options.health,
    keepMs: HEALTH_KEEP_MS,
    clock: options.clock ?? (() => performance.now()),
  });

  /** Who guesses waits. Not where a proxy may stand: the honest ones behind it would wait too. */
  function chargeGuess({ address }: From): void {
    if (address !== null && !isPrivate(address)) byAddress.charge(addressKey(address), WRONG_COSTS);
  }

  async function answer(request: Request, from: From): Promise<Response> {
    const path = pathOf(request);
    const wait = byAddress.take(addressKey(from.address ?? "unknown"));
    if (wait > 0) return refuse(tooMany("this address", wait));
    const page = (await options.approvals?.(request, path)) ?? (await options.slack?.(request, path));
    if (page?.status === 401) chargeGuess(from);
    if (page) return page;
    if (path === "/webhook") return post(request, from, () => plain(request));
    const name = /^\/webhook\/([a-z0-9_-]{1,64})$/.exec(path)?.[1];
    const source = name === undefined ? undefined : sources.get(name);
    if (source) return post(request, from, () => signed(request, source));
    if (path.startsWith("/webhook/"))
      return refuse({ status: 404, error: "there is no such source: sources stand in .agents/events.yaml", headers: CLOSE });
    if (path === "/health" || path === "/health/live" || path === "/metrics") return look(request, path, from);
    return refuse({
      status: 404,
      error: "there is nothing here: POST /webhook, POST /webhook/<source>, GET /health, GET /health/live, GET /metrics",
      headers: CLOSE,
    });
  }

  /** Takes what was read of a POST into the bus. */
  async function post(request: Request, from: From, read: () => Promise<{ event: Incoming } | { refusal: Refusal }>) {
    if (request.method !== "POST")
      return refuse({ status: 405, error: "events are sent with POST", headers: { allow: "POST", ...CLOSE } });
    const found = await read();
    if ("refusal" in found) {
      if (found.refusal.status === 401) chargeGuess(from);
      return refuse(found.refusal);
    }
    const wait = bySource.take(found.event.source);
    if (wait > 0) return refuse(tooMany(`the source ${found.event.source}`, wait));
    return receiptAnswer(await bus.accept(found.event));
  }

  async function plain(request: Request): Promise<{ event: Incoming } | { refusal: Refusal }> {
    if (!hasToken(request.headers.get("authorization"))) return { refusal: unknownToken(tokens.length > 0) };
    const read = await readText(request);
    if ("refusal" in read) return read;
    const body = mapOf(read.text);
    if ("problem" in body) return { refusal: { status: 400, error: body.problem } };
    const event = readPlainEvent(body.map, { text: read.text, taken: sources });
    return "problem" in event ? { refusal: { status: 400, error: event.problem } } : event;
  }

  async function signed(request: Request, source: SignedSource): Promise<{ event: Incoming } | { refusal: Refusal }> {
    const read = await readText(request);
    if ("refusal" in read) return read;
    const header = (name: string) => request.headers.get(name);
    const { text } = read;
    const verdict = await verifySigned(source, { text, header, now: now() });
    if (verdict === "late")
      return {
        refusal: { status: 400, error: "the signature's time is more than 5 minutes from ours: check both clocks, send it anew" },
      };
    if (verdict === "bad") return { refusal: { status: 401, error: "the signature is missing or wrong" } };
    const body = mapOf(text);
    if ("problem" in body) return { refusal: { status: 400, error: body.problem } };
    const event = readSignedEvent(source, body.map, { text, header });
    return "problem" in event ? { refusal: { status: 400, error: event.problem } } : event;
  }

  async function readText(request: Request): Promise<{ text: string } | { refusal: Refusal }> {
    const { headers } = request;
    if (!/^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i.test(headers.get("content-type") ?? ""))
      return { refusal: { status: 415, error: "the content-type must be application/json", headers: CLOSE } };
    if (!/^(?:identity)?$/i.test(headers.get("content-encoding") ?? ""))
      return { refusal: { status: 415, error: "send the body without a content-encoding", headers: CLOSE } };
    const read = await readBody(request);
    if ("refusal" in read) return read;
    const text = textOf(read.bytes);
    return text === null ? { refusal: { status: 400, error: "the body is not UTF-8" } } : { text };
  }

  /** Health and figures, for people and probes. */
  async function look(request: Request, path: string, from: From): Promise<Response> {
    if (request.method !== "GET" && request.method !== "HEAD")
      return refuse({ status: 405, error: "this is read with GET", headers: { allow: "GET, HEAD", ...CLOSE } });
    // Says no more than that somebody is there: a probe needs no token.
    if (path === "/health/live") return json(200, { live: true });
    if (!isNear(request, from) && !hasToken(request.headers.get("authorization"))) {
      chargeGuess(from);
      return refuse(unknownToken(tokens.length > 0));
    }
    if (path === "/metrics") return textAnswer(await options.metrics(), PROMETHEUS_TYPE);
    const { ready, level, reasons, ageMs } = await health();
    return json(ready ? 200 : 503, { live: true, ready, level, reasons, ageMs }, ready ? {} : retryAfter(RETRY_SECONDS));
  }

  return async (request, from) => {
    try {
      return await answer(request, from);
    } catch (error) {
      if (error instanceof BusFull) return refuse(unavailable("more events come than can be saved", 1));
      if (error instanceof StoreError) log.warn("the store cannot take an event", { error });
      else log.error("a request could not be answered", { error, method: request.method });
      if (options.approvals && isApprovalPath(pathOf(request))) return failedPage(retryAfter(RETRY_SECONDS));
      return refuse(unavailable("nothing can be saved at the moment", RETRY_SECONDS));
    }
  };
}

function receiptAnswer({ status, event }: Receipt): Response {
  if (status === "conflict")
    return refuse({ status: 409, error: `the id was used for another event within 30 days (${event.id}): nothing was changed` });
  const { id, decision, reason, goalId } = event;
  return json(status === "accepted" ? 202 : 200, { status, id, decision, reason, goal: goalId });
}

function tooMany(who: string, seconds: number): Refusal {
  return { status: 429, error: `too many requests from ${who}`, headers: { ...retryAfter(seconds), ...CLOSE } };
}

function unavailable(error: string, seconds: number): Refusal {
  return { status: 503, error, headers: retryAfter(seconds) };
}

function unknownToken(any: boolean): Refusal {
  const error = any
    ? "send Authorization: Bearer with the WEBHOOK_TOKEN"
    : "no WEBHOOK_TOKEN is set here: set one and send it as Authorization: Bearer";
  return { status: 401, error, headers: { "www-authenticate": "Bearer", ...CLOSE } };
}

/** The path without a slash at its end; empty when the address cannot be read. */
function pathOf(request: Request): string {
  try {
    const { pathname } = new URL(request.url);
    return pathname.length > 1 ? pathname.replace(/\/$/, "") : pathname;
  } catch {
    return "";
  }
}

/**
 * From this machine, and meant for it. What a proxy hands on says so in a header, or by the name that it was asked for; so
 * does a page in a browser that had its own name pointed here.
 */
function isNear(request: Request, { address }: From): boolean {
  if (address === null || !isLoopback(address)) return false;
  const { headers } = request;
  if (["forwarded", "via", "x-forwarded-for", "x-real-ip"].some((name) => headers.has(name))) return false;
  const host = (headers.get("host") ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return isLoopback(host);
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(host);
}
