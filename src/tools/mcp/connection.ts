/** One connection to a server, from the handshake to its end: lists its tools, makes calls, knows what became of each. */

import type { Client, Transport } from "@modelcontextprotocol/client";
import type { ToolInfo } from "../server.ts";
import type { Caps } from "./entry.ts";
import { tap, tracked, type Track } from "./tap.ts";

export type CallEnd =
  | { readonly kind: "answered"; readonly answer: NonNullable<Track["answer"]> }
  /** `status` is the HTTP status of a refusal, null when there is none. */
  | { readonly kind: "unsent"; readonly detail: string; readonly status: number | null }
  | { readonly kind: "lost"; readonly detail: string };

export type Connection = {
  /** Asks once and remembers, until the server says that its tools have changed. Throws when it does not answer. */
  list(signal: AbortSignal): Promise<readonly ToolInfo[]>;
  /** Never rejects. */
  call(tool: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<CallEnd>;
  /** Resolves when it is over, whoever ended it, with why in words. */
  readonly ended: Promise<string>;
  /** How many calls wait for an answer. */
  waiting(): number;
  close(): Promise<void>;
  /** As soon as nothing waits for an answer on it any more. */
  closeWhenQuiet(): Promise<void>;
};

export type Wire = {
  readonly transport: Transport;
  /** Whether a handed over message is on the wire at once (`tap.ts`), and the server lives and dies with the connection. */
  readonly child: boolean;
  /** Why it closed, as the transport knows it. */
  readonly reason: () => string | null;
  /** Ends the transport; `why` in words when it is no orderly end. */
  readonly end: (why: string | null) => Promise<void>;
};

/** Throws when the handshake fails; nothing is left running then. */
export async function connect(wire: Wire, caps: Caps): Promise<Connection> {
  const { Client: SdkClient } = await import("@modelcontextprotocol/client");
  let tools: Promise<readonly ToolInfo[]> | null = null;
  const client = new SdkClient(
    { name: "marketeam", version: "1" },
    {
      // No elicitation, sampling or roots: who asks for them is told that there are none.
      capabilities: {},
      inputRequired: { autoFulfill: false },
      // Over HTTP newer servers know no handshake; a child speaks the older one, which needs no second process to find out.
      versionNegotiation: wire.child ? { mode: "legacy" } : { mode: "auto", probe: { timeoutMs: caps.connectMs } },
      // An answer that does not fit the server's own promise has still come.
      jsonSchemaValidator: {
        getValidator: () => (input: unknown) => ({ valid: true, data: input as never, errorMessage: undefined }),
      },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => void (tools = null) } },
    },
  );
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  client.onclose = () => resolve(wire.reason() ?? "the connection was closed");
  // Garbage and answers nobody waits for: what it means for a call is known from the call.
  client.onerror = () => {};
  try {
    await client.connect(wire.transport, { timeout: caps.connectMs });
    tap(wire.transport, wire.child);
  } catch (error) {
    const reason = wire.reason();
    await wire.end(null).catch(() => {});
    if (isTimeout(error)) throw new Error(`it did not start within ${inSeconds(caps.connectMs)} s`, { cause: error });
    throw reason === null ? error : new Error(reason, { cause: error });
  }
  let waiting = 0;
  let quiet = Promise.withResolvers<void>();
  const close = async () => {
    await wire.end(null).catch(() => {});
    await client.close().catch(() => {});
    resolve("it was closed");
  };
  return {
    list(signal) {
      tools ??= listTools(client, caps).catch((error: unknown) => {
        tools = null;
        throw error;
      });
      return untilAborted(tools, signal);
    },
    async call(tool, args, signal) {
      waiting++;
      try {
        return await call(client, wire, caps, tool, args, signal);
      } finally {
        if (--waiting === 0) {
          quiet.resolve();
          quiet = Promise.withResolvers<void>();
        }
      }
    },
    ended,
    waiting: () => waiting,
    close,
    async closeWhenQuiet() {
      if (waiting > 0) await Promise.race([quiet.promise, ended]);
      await close();
    },
  };
}

/** Rejects early on an abort; the asking itself goes on for whoever else waits. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new Error("stopped"));
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", stop));
}

async function listTools(client: Client, caps: Caps): Promise<ToolInfo[]> {
  // The library would say so on stdout.
  if (client.getServerCapabilities()?.tools === undefined) return [];
  const { tools } = await client.listTools(undefined, { timeout: caps.callMs, cacheMode: "refresh" });
  return tools.map(({ name, description = "", inputSchema, annotations = {} }) => ({
    name,
    description,
    inputSchema,
    annotations: {
      readOnlyHint: annotations.readOnlyHint,
      destructiveHint: annotations.destructiveHint,
      idempotentHint: annotations.idempotentHint,
      openWorldHint: annotations.openWorldHint,
    },
  }));
}

async function call(
  client: Client,
  wire: Wire,
  caps: Caps,
  tool: string,
  args: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<CallEnd> {
  if (signal.aborted) return { kind: "unsent", detail: "it was stopped before it was sent", status: null };
  const { track, error } = await tracked(() =>
    client.callTool(
      { name: tool, arguments: { ...args } },
      // Only who listens for progress is sent any; it shows that the server still works.
      { signal, timeout: caps.callMs, maxTotalTimeout: caps.longestCallMs, resetTimeoutOnProgress: true, onprogress: () => {} },
    ),
  );
  if (track.answer !== null) return { kind: "answered", answer: track.answer };
  if (!track.written)
    return { kind: "unsent", detail: track.refused?.detail ?? messageOf(error), status: track.refused?.status ?? null };
  if (signal.aborted) return { kind: "lost", detail: "it was stopped while the server worked on it" };
  if (isTimeout(error)) {
    if (!wire.child || (await alive(client, caps)))
      return { kind: "lost", detail: `no answer within ${inSeconds(caps.callMs)} s` };
    await wire.end("it hung and was ended");
    return { kind: "lost", detail: `no answer within ${inSeconds(caps.callMs)} s; the server hung and was ended` };
  }
  return { kind: "lost", detail: track.failure ?? wire.reason() ?? messageOf(error) };
}

/** Whether a child that owes an answer still answers anything. */
async function alive(client: Client, caps: Caps): Promise<boolean> {
  try {
    await client.ping({ timeout: caps.pingMs });
    return true;
  } catch {
    return false;
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "REQUEST_TIMEOUT";
}

function inSeconds(ms: number): string {
  return (ms / 1000).toLocaleString("en");
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
