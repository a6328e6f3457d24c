/** Over HTTP: what never left, what was refused, what is lost, to the letter; the server's own list is the witness. */

import { describe, expect, test } from "bun:test";
import type { ToolAnswer, ToolServer } from "../server.ts";
import { bench, QUICK } from "./fixtures/harness.ts";
import { httpServer } from "./fixtures/http-server.ts";
import { retryAfter } from "./http.ts";

const never = () => new AbortController().signal;
const call = (server: ToolServer, tool: string) => server.call(tool, {}, { signal: never() });
const textOf = (answer: ToolAnswer) => (answer.kind === "answered" ? answer.text : `${answer.kind}: ${answer.detail}`);
const way = (url: string, headers: Record<string, string> = { Authorization: "Bearer key-12345" }) =>
  ({ type: "http", url, headers }) as const;

describe("over HTTP", () => {
  test("answers come as JSON or as a stream, with the entry's headers", async () => {
    await using fixture = await httpServer();
    await using b = await bench({});
    const server = b.server({ name: "web", way: way(fixture.url), caps: QUICK });
    expect(textOf(await call(server, "echo"))).toBe("heard");
    expect(textOf(await call(server, "stream"))).toBe("streamed");
    expect(fixture.headers[0]?.authorization).toBe("Bearer key-12345");
    expect(await server.list(never())).toMatchObject({
      tools: expect.arrayContaining([expect.objectContaining({ name: "echo" })]),
    });
    expect(server.state().state).toBe("ready");
  });

  for (const [tool, kind, detail] of [
    ["drop", "lost", /./],
    ["half", "lost", /./],
    ["silent", "lost", /^no answer within 0.8 s$/],
    ["broken", "lost", /502/],
    ["huge", "lost", /./],
    ["forbidden", "unsent", /^the server refused the request with HTTP 403$/],
  ] as const)
    test(`${tool}: ${kind}, and heard once`, async () => {
      await using fixture = await httpServer();
      await using b = await bench({});
      const server = b.server({
        name: "web",
        way: way(fixture.url),
        caps: { ...QUICK, callMs: tool === "silent" ? 800 : 20_000, mostBytes: 1024 * 1024 },
      });
      const answer = await call(server, tool);
      expect(answer).toEqual({ kind, detail: expect.stringMatching(detail) });
      expect(fixture.heard).toEqual([tool]);
      // The server is not to blame for one call.
      expect(textOf(await call(server, "echo"))).toBe("heard");
    });

  test("nobody there: unsent, and a pause before the next try", async () => {
    const fixture = await httpServer();
    await using b = await bench({});
    const server = b.server({ name: "web", way: way(fixture.url), caps: { ...QUICK, patienceMs: 0 } });
    expect(textOf(await call(server, "echo"))).toBe("heard");
    await fixture[Symbol.asyncDispose]();
    // The kept connection breaks at this one, or a new one is refused.
    const after = [await call(server, "echo"), await call(server, "echo")];
    expect(after.at(-1)?.kind).toBe("unsent");
    expect(server.state().state).toBe("waiting");
    expect(fixture.heard).toEqual(["echo"]);
    const absent = b.server({ name: "absent", way: way("http://127.0.0.1:1/mcp"), caps: { ...QUICK, patienceMs: 0 } });
    expect(await call(absent, "echo")).toMatchObject({ kind: "unsent" });
  });

  test("the revision without a handshake: lists, answers; what asks for input in the middle is declined; nothing is said twice", async () => {
    await using fixture = await httpServer();
    fixture.modern = true;
    await using b = await bench({});
    const server = b.server({ name: "web", way: way(fixture.url), caps: QUICK });
    expect(await server.list(never())).toHaveProperty("tools");
    expect(textOf(await call(server, "echo"))).toBe("heard");
    expect(await call(server, "ask")).toMatchObject({
      kind: "answered",
      isError: true,
      text: expect.stringContaining("That is declined"),
    });
    expect(await call(server, "mismatch")).toMatchObject({ kind: "answered", isError: true });
    expect(await call(server, "drop")).toMatchObject({ kind: "lost" });
    expect(fixture.heard).toEqual(["echo", "ask", "mismatch", "drop"]);
    expect(fixture.headers[0]?.["mcp-protocol-version"]).toBe("2026-07-28");
  });

  test("a server that was away while its tools were asked for is asked again", async () => {
    await using fixture = await httpServer();
    await using b = await bench({});
    const server = b.server({ name: "web", way: way(fixture.url), caps: { ...QUICK, patienceMs: 0 } });
    await call(server, "echo");
    fixture.restart();
    expect(await server.list(never())).toHaveProperty("tools");
  });

  test("a forgotten session is begun anew, the refused request sent again", async () => {
    await using fixture = await httpServer();
    await using b = await bench({});
    const server = b.server({ name: "web", way: way(fixture.url), caps: QUICK });
    await call(server, "echo");
    fixture.restart();
    expect(textOf(await call(server, "echo"))).toBe("heard");
    expect(fixture.heard).toEqual(["echo", "echo"]);
  });

  test("who is refused breaks nothing for who still waits", async () => {
    await using fixture = await httpServer();
    await using b = await bench({});
    const server = b.server({ name: "web", way: way(fixture.url), caps: QUICK });
    const slow = call(server, "slow");
    while (fixture.heard.length === 0) await Bun.sleep(1);
    fixture.restart();
    expect(textOf(await call(server, "echo"))).toBe("heard");
    fixture.finish();
    expect(textOf(await slow)).toBe("slow, but there");
    expect(fixture.heard).toEqual(["slow", "echo"]);
  });

  test("too many requests: the pause that the vendor asks for, then again; or unsent when it is too long", async () => {
    await using fixture = await httpServer();
    await using b = await bench({});
    const server = b.server({ name: "web", way: way(fixture.url), caps: QUICK });
    const busy = call(server, "busy");
    expect(await b.clock.asleep()).toBe(7_000);
    expect(fixture.heard).toEqual(["busy"]);
    b.clock.advance(7_000);
    expect(textOf(await busy)).toBe("at last");
    expect(textOf(await call(server, "busier"))).toBe("unsent: the vendor asked to wait; again in 3600 s");
    // Another server with the same credential waits too; one with its own does not.
    const same = b.server({ name: "other", way: way(fixture.url), caps: QUICK, credential: "server web" });
    expect(textOf(await call(same, "echo"))).toBe("unsent: the vendor asked to wait; again in 3600 s");
    expect(textOf(await call(b.server({ name: "own", way: way(fixture.url), caps: QUICK }), "echo"))).toBe("heard");
  });

  test("a key that is refused is told as that", async () => {
    await using fixture = await httpServer();
    fixture.admits = (authorization) => authorization === "Bearer right-key";
    await using b = await bench({});
    const server = b.server({
      name: "web",
      way: way(fixture.url, { Authorization: "Bearer wrong-key" }),
      caps: { ...QUICK, patienceMs: 0 },
    });
    expect(textOf(await call(server, "echo"))).toContain("401");
    expect(textOf(await call(server, "echo"))).not.toContain("log in");
  });
});

test("Retry-After in seconds, as a date, as nonsense", () => {
  const now = Date.parse("2026-11-21T10:00:00Z");
  expect([null, "", "5", "0.5", "-3", "Sat, 21 Nov 2026 10:00:30 GMT", "soon"].map((header) => retryAfter(header, now))).toEqual([
    null,
    null,
    5_000,
    500,
    0,
    30_000,
    null,
  ]);
});
