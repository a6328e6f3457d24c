/** The HTTP door on Bun.serve: listens, says who knocks, and closes without cutting anybody off. */

import { CLOSE, refuse } from "./answer.ts";
import { createHandler, isLoopback, type HandlerOptions } from "./handler.ts";

export type DoorOptions = HandlerOptions & {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
};

export type Door = {
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, lets those in flight end within 5 s, then cuts. */
  stop(): Promise<void>;
};

/** A door that must not or cannot be opened: a fault of the settings. */
export class DoorError extends Error {
  readonly code = "door";
  readonly hint: string;
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

const STOP_MS = 5_000;
/** Of silence, also in the middle of the headers. Longer than a body may take: that is cut with words. */
const IDLE_SECONDS = 15;
/** Where Bun itself refuses a declared length. Ours is lower, and says so in words. */
const BUN_MAX_BYTES = 1024 * 1024;

/** Opens it: it listens when this returns. Throws DoorError. */
export function createDoor(options: DoorOptions): Door {
  const { host, port, tokens } = options;
  if (!isLoopback(host) && tokens.length === 0)
    throw new DoorError(
      `HOST is ${host}, which others can reach, and there is no WEBHOOK_TOKEN`,
      "set WEBHOOK_TOKEN (openssl rand -hex 32), or leave HOST at 127.0.0.1",
    );
  const handle = createHandler(options);
  const inFlight = new Set<Promise<Response>>();
  let closing = false;
  const server = open(host, port, async (request, address) => {
    if (closing) return refuse({ status: 503, error: "the daemon is stopping", headers: { "retry-after": "10", ...CLOSE } });
    const answering = handle(request, { address });
    inFlight.add(answering);
    try {
      const response = await answering;
      if (closing) response.headers.set("connection", "close");
      return response;
    } finally {
      inFlight.delete(answering);
    }
  });
  let stopped: Promise<void> | null = null;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${server.port}`,
    port: server.port ?? port,
    stop() {
      stopped ??= (async () => {
        closing = true;
        // Not awaited: it would wait for connections that are kept open and say nothing.
        const ended = server.stop(false);
        const late = Promise.withResolvers<void>();
        const timer = setTimeout(late.resolve, STOP_MS);
        await Promise.race([allOf(inFlight), late.promise]);
        // What was answered is to reach the other end.
        await Promise.race([ended, late.promise, Bun.sleep(50)]);
        clearTimeout(timer);
        await server.stop(true);
      })();
      return stopped;
    },
  };
}

async function allOf(inFlight: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (inFlight.size > 0) await Promise.allSettled([...inFlight]);
}

function open(host: string, port: number, fetch: (request: Request, address: string | null) => Promise<Response>) {
  try {
    return Bun.serve({
      hostname: host,
      port,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: BUN_MAX_BYTES,
      // Otherwise Bun prints a trace for each connection that breaks.
      development: false,
      // Which development: false would turn on: two daemons would share a port, and each would get some of the events.
      reusePort: false,
      fetch: (request, server) => fetch(request, server.requestIP(request)?.address ?? null),
      error: () => refuse({ status: 503, error: "the request could not be answered", headers: { "retry-after": "5" } }),
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const hint = code === "EADDRINUSE" ? "another daemon may run already; or choose another PORT" : "check HOST and PORT";
    throw new DoorError(`cannot listen on ${host}:${port}${code === "" ? "" : ` (${code})`}`, hint, { cause: error });
  }
}
