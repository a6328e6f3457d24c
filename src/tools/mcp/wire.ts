/** How a server is reached: a child on its standard streams, or HTTP with a token. */

import { mkdir } from "node:fs/promises";
import { startChild } from "./child.ts";
import type { Wire } from "./connection.ts";
import type { Caps, McpEntry } from "./entry.ts";
import { childEnvironment } from "./environment.ts";
import { guardedFetch } from "./http.ts";
import { tidyScratch } from "./scratch.ts";
import { createStdioTransport } from "./stdio-transport.ts";
import { createTokenKeeper, tokenFile } from "./tokens.ts";

export type WireOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly tokensDir: string;
  /** Told the secrets of a login before they are used: see `tokenFile`. */
  readonly learn: (secrets: readonly string[]) => void;
  readonly now: () => number;
  readonly fetch: typeof globalThis.fetch;
  readonly stderr: (chunk: Uint8Array) => void;
  readonly onTooMany: (retryAfterMs: number | null) => void;
};

/** Nothing is started or said yet: the connection does that. */
export async function openWire(entry: McpEntry, caps: Caps, options: WireOptions): Promise<Wire> {
  const { way, name } = entry;
  if (way.type === "stdio") {
    const cwd = way.cwd ?? options.cwd;
    await mkdir(options.cwd, { recursive: true });
    await tidyScratch(options.cwd, options.now());
    const start = () =>
      startChild({
        command: way.command,
        args: way.args,
        env: childEnvironment(options.environment, way.env),
        cwd,
        closeMs: caps.closeMs,
        stderr: options.stderr,
      });
    const transport = createStdioTransport(start, caps.mostBytes);
    return { transport, child: true, reason: transport.reason, end: transport.end };
  }
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const fetch = guardedFetch({ fetch: options.fetch, mostBytes: caps.mostBytes, now: options.now, onTooMany: options.onTooMany });
  const keyed = Object.keys(way.headers).some((header) => header.toLowerCase() === "authorization");
  const keeper = createTokenKeeper({
    server: name,
    file: tokenFile(options.tokensDir, name, way.url, options.learn),
    now: options.now,
    fetch: options.fetch,
  });
  const transport = new StreamableHTTPClientTransport(new URL(way.url), {
    fetch,
    requestInit: { headers: { ...way.headers } },
    ...(!keyed && { authProvider: keeper }),
  });
  const end = async () => {
    // Good manners: the server may forget us. It may also be gone.
    await Promise.race([transport.terminateSession().catch(() => {}), Bun.sleep(caps.closeMs)]);
    await transport.close();
  };
  return { transport, child: false, reason: () => null, end };
}
