/** MCP over the standard streams of a child: one JSON message a line, within a cap, garbage left out. */

import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client";
import type { Child } from "./child.ts";
import { readLines } from "./lines.ts";
import { NeverSent } from "./tap.ts";

export type StdioTransport = Transport & {
  /** Why it closed, in words; null while it is open. */
  reason(): string | null;
  end(why: string | null): Promise<void>;
};

/** Closing the transport ends the child. `mostBytes` bounds one message, and also what a server may say that is none. */
export function createStdioTransport(start: () => Child, mostBytes: number): StdioTransport {
  let child: Child | null = null;
  let reason: string | null = null;
  let garbage = 0;
  /** It took nothing any more, and how it ended is not known yet. */
  let deaf = false;

  const give = (line: string) => {
    const message = messageOf(line);
    if (message === null) {
      garbage += line.length;
      if (garbage > mostBytes) endWith("it wrote too much to stdout that is no message");
      return;
    }
    transport.onmessage?.(message);
  };
  const endWith = (why: string) => {
    reason ??= why;
    child?.kill();
  };
  const follow = async (of: Child) => {
    const read = await readLines(of.stdout, mostBytes, give).catch(() => "ended" as const);
    if (read === "too long")
      endWith(`it sent a message of more than ${Math.round(mostBytes / 1024 / 1024)} MB, and reading stopped`);
    // An end of stdout alone is the end too: no answer can come any more.
    if (read === "ended" && reason === null) await of.end();
    const how = await of.ended;
    reason ??= how;
    transport.onclose?.();
  };

  const transport: StdioTransport = {
    async start() {
      child = start();
      void follow(child);
    },
    async send(message) {
      if (child === null || reason !== null) throw new NeverSent("the server is not running");
      deaf = !child.write(`${JSON.stringify(message)}\n`);
      if (deaf) throw new NeverSent("the server is not running");
    },
    close: () => transport.end(null),
    async end(why) {
      if (why !== null || !deaf) reason ??= why ?? "it was closed";
      await child?.end();
      reason ??= (await child?.ended) ?? "it was closed";
    },
    reason: () => reason,
  };
  return transport;
}

function messageOf(line: string): JSONRPCMessage | null {
  if (!line.startsWith("{")) return null;
  try {
    const message = JSON.parse(line) as { jsonrpc?: unknown };
    return message.jsonrpc === "2.0" ? (message as JSONRPCMessage) : null;
  } catch {
    return null;
  }
}
