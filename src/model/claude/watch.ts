/** Watches one call on the wire: whether it went out, whether it is silent for too long, whether somebody stopped it. */

import type { Middleware } from "@anthropic-ai/sdk/core/middleware";

export type Watch = {
  readonly signal: AbortSignal;
  readonly observe: Middleware;
  /** The answer is whole: wait only a moment for the connection to end, so that it can be used again. */
  expectEnd(): void;
  end(): void;
  /** Whether the request was handed to the network. */
  readonly sent: boolean;
  readonly stopped: "idle" | "aborted" | null;
  readonly requestId: string | null;
};

/** Watches one call: ends it when the caller aborts or the wire is silent for too long, and remembers what went out. */
export function watchCall(caller: AbortSignal, idleMs: number): Watch {
  const controller = new AbortController();
  let sent = false;
  let stopped: Watch["stopped"] = null;
  let requestId: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let patience = idleMs;
  let ended = false;

  const stop = (why: "idle" | "aborted") => {
    stopped ??= why;
    controller.abort();
  };
  const kick = () => {
    clearTimeout(timer);
    if (!ended) timer = setTimeout(stop, patience, "idle");
  };
  const abort = () => stop("aborted");
  if (caller.aborted) abort();
  caller.addEventListener("abort", abort, { once: true });

  return {
    signal: controller.signal,
    // The bytes are watched, not the SDK's events: it swallows the pings that a thinking model sends.
    observe: async (request, next) => {
      sent = true;
      kick();
      const response = await next(request);
      requestId = response.headers.get("request-id");
      kick();
      if (!response.ok || !response.body) return response;
      const watched = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, out) {
          kick();
          out.enqueue(chunk);
        },
      });
      return new Response(response.body.pipeThrough(watched), response);
    },
    expectEnd() {
      patience = Math.min(idleMs, 1000);
      kick();
    },
    end() {
      ended = true;
      clearTimeout(timer);
      caller.removeEventListener("abort", abort);
    },
    get sent() {
      return sent;
    },
    get stopped() {
      return stopped;
    },
    get requestId() {
      return requestId;
    },
  };
}
