/** Why a server's wire closed, in the order in which its end and our closing are noticed. */

import { expect, test } from "bun:test";
import type { Child } from "./child.ts";
import { createStdioTransport } from "./stdio-transport.ts";

/** A child that ends when the test says so. */
function childOf(takes: boolean) {
  const { promise, resolve } = Promise.withResolvers<string>();
  const child: Child = {
    pid: 1,
    stdout: new ReadableStream(),
    ended: promise,
    write: () => takes,
    end: async () => void (await promise),
    kill: () => {},
  };
  return { child, ends: resolve };
}

test("a server that was gone before anything was said: how it ended is told, not that it was closed then", async () => {
  const { child, ends } = childOf(false);
  const transport = createStdioTransport(() => child, 1_000);
  await transport.start();
  expect(transport.send({ jsonrpc: "2.0", method: "x" })).rejects.toThrow("the server is not running");
  const closed = transport.close();
  ends("it ended with exit code 3");
  await closed;
  expect(transport.reason()).toBe("it ended with exit code 3");
});

test("a server that is closed while it runs was closed, however it ends then", async () => {
  const { child, ends } = childOf(true);
  const transport = createStdioTransport(() => child, 1_000);
  await transport.start();
  await transport.send({ jsonrpc: "2.0", method: "x" });
  const closed = transport.close();
  ends("it was ended by SIGTERM");
  await closed;
  expect(transport.reason()).toBe("it was closed");
  expect(transport.send({ jsonrpc: "2.0", method: "x" })).rejects.toThrow("the server is not running");
});
