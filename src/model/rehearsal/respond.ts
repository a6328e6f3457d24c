/** Sending an answer: when it begins, as JSON or as a stream, and where a fault breaks it off. */

import type { CacheLookUp } from "./cache.ts";
import { errorBody } from "./api-error.ts";
import { type FaultKind, OVERLOADED } from "./faults.ts";
import { outputTokens, usageJson } from "./message.ts";
import type { LoggedRequest } from "./request-log.ts";
import type { MessagesRequest } from "./request.ts";
import { type ReplyOptions, composeReply } from "./reply.ts";
import { errorEvent, messageEvents, messageJson } from "./wire.ts";

export type Exchange = {
  readonly requestId: string;
  readonly messageId: string;
  readonly signal: AbortSignal;
  readonly fault: FaultKind | null;
  /** When the content may begin, on the clock of `performance.now()`. */
  readonly begins: number;
  readonly lookUp: CacheLookUp;
  readonly reply: ReplyOptions;
  /** Logs the end; only the first call counts. */
  end(event: "answered" | "gone", fields: Pick<LoggedRequest, "status" | "stop">): void;
};

/** What goes over the wire: the pieces, and what happens behind the last of them. */
type Sending = {
  readonly pieces: readonly string[];
  readonly ending: "whole" | "hang" | "reset";
  readonly stop: string;
};

/** Answers a valid request. Faults that are HTTP errors were answered before; the others happen here. */
export async function respond(request: MessagesRequest, exchange: Exchange): Promise<Response> {
  const { signal, fault, requestId } = exchange;
  if (fault === "hang_before") await gone(signal);
  await Promise.race([Bun.sleep(Math.max(0, exchange.begins - performance.now())), gone(signal)]);
  if (signal.aborted) return new Response(null, { status: 499 });
  const headers = { "request-id": requestId, "cache-control": "no-cache" };
  if (fault === "overloaded_stream" && !request.stream) {
    exchange.end("answered", { status: OVERLOADED.status, stop: OVERLOADED.type });
    return new Response(errorBody(OVERLOADED, requestId), {
      status: OVERLOADED.status,
      headers: { ...headers, "content-type": "application/json" },
    });
  }
  const sending = request.stream ? streamOf(request, exchange) : jsonOf(request, exchange);
  exchange.lookUp.begin(Date.now());
  const type = request.stream ? "text/event-stream; charset=utf-8" : "application/json";
  if (!request.stream && sending.ending === "whole") {
    exchange.end("answered", { status: 200, stop: sending.stop });
    return new Response(sending.pieces.join(""), { headers: { ...headers, "content-type": type } });
  }
  return new Response(send(sending, exchange), { headers: { ...headers, "content-type": type } });
}

function messageFor(request: MessagesRequest, { fault, messageId, lookUp, reply }: Exchange) {
  const message = composeReply(request, fault, reply);
  return {
    id: messageId,
    model: request.model,
    message,
    startUsage: usageJson(lookUp.usage, 1, fault),
    usage: usageJson(lookUp.usage, outputTokens(message), fault),
  };
}

function streamOf(request: MessagesRequest, exchange: Exchange): Sending {
  const wire = messageFor(request, exchange);
  const events = messageEvents(wire);
  const half = events.slice(0, Math.max(1, Math.ceil(events.length / 2)));
  switch (exchange.fault) {
    case "hang":
      return { pieces: events.slice(0, 1), ending: "hang", stop: "hang" };
    case "reset":
      return { pieces: half, ending: "reset", stop: "reset" };
    case "overloaded_stream":
      return { pieces: [...half, errorEvent(OVERLOADED, exchange.requestId)], ending: "whole", stop: OVERLOADED.type };
    default:
      return { pieces: events, ending: "whole", stop: wire.message.stop };
  }
}

function jsonOf(request: MessagesRequest, exchange: Exchange): Sending {
  const wire = messageFor(request, exchange);
  const json = messageJson(wire);
  // Headers travel with the first byte: a space in front of JSON changes nothing.
  if (exchange.fault === "hang") return { pieces: [" "], ending: "hang", stop: "hang" };
  if (exchange.fault === "reset") return { pieces: [json.slice(0, json.length / 2)], ending: "reset", stop: "reset" };
  return { pieces: [json], ending: "whole", stop: wire.message.stop };
}

function send({ pieces, ending, stop }: Sending, { end }: Exchange): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    async pull(controller) {
      const piece = pieces[next++];
      if (piece !== undefined) {
        // Logged before the last bytes leave: whoever has the whole answer is in the log.
        if (ending === "whole" && next === pieces.length) end("answered", { status: 200, stop });
        controller.enqueue(encoder.encode(piece));
      } else if (ending === "hang") {
        await new Promise(() => {});
      } else if (ending === "reset") {
        // What was sent must leave the machine first, or the client sees no beginning at all. Several short rests: who was kept
        // busy for longer than one of them, and has the client beside it, lets that read in between.
        for (let rest = 0; rest < 4; rest++) await Bun.sleep(5);
        end("gone", { status: 200, stop });
        controller.error(new Error("reset on demand"));
      } else {
        controller.close();
      }
    },
    cancel() {
      end("gone", {});
    },
  });
}

function gone(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
