/** The way out: what is refused, and that nothing of the address is told. */

import { describe, expect, test } from "bun:test";
import { addressProblem, post } from "./post.ts";

function server(answer: (request: Request) => Response | Promise<Response>) {
  const running = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  return { url: `http://127.0.0.1:${running.port}/in/SECRETPATH`, [Symbol.asyncDispose]: () => running.stop(true) };
}
const send = (url: string, timeoutMs?: number) => post({ url, headers: {}, body: "{}", ...(timeoutMs && { timeoutMs }) });

describe("post", () => {
  test("a redirect is not followed", async () => {
    let followed = false;
    await using there = server(() => {
      followed = true;
      return new Response("");
    });
    await using here = server(() => Response.redirect(there.url, 307));
    const answer = await send(here.url);
    expect(answer).toEqual({ problem: "the address answers with a redirect (307), which is not followed" });
    expect(followed).toBe(false);
  });

  test("no answer, and an answer that does not end, stop at the limit", async () => {
    await using silent = server(() => new Promise<Response>(() => {}));
    expect(await send(silent.url, 40)).toEqual({ problem: "no answer within 0.04 s" });
    await using dripping = server(() => new Response(new ReadableStream({ start: (stream) => stream.enqueue("x") })));
    expect(await send(dripping.url, 40)).toEqual({ problem: "no answer within 0.04 s" });
  });

  test("of a large answer only the beginning is read", async () => {
    await using large = server(() => new Response("y".repeat(5_000_000)));
    const answer = await send(large.url);
    expect("body" in answer && answer.body.length).toBe(16 * 1024);
  });

  test("nobody there: the problem does not hold the address", async () => {
    let url = "";
    {
      await using gone = server(() => new Response(""));
      url = gone.url;
    }
    const answer = await send(url);
    expect("problem" in answer && answer.problem).toStartWith("the connection failed");
    expect(JSON.stringify(answer)).not.toMatch(/SECRETPATH|127\.0\.0\.1/);
  });

  test("Retry-After in seconds, as a date, absurd, and as nonsense", async () => {
    const waits: (number | null)[] = [];
    for (const header of ["7", new Date(Date.now() + 60_000).toUTCString(), "99999999", "soon"]) {
      await using busy = server(() => new Response("", { status: 429, headers: { "retry-after": header } }));
      const answer = await send(busy.url);
      waits.push("status" in answer ? answer.retryAfterMs : -1);
    }
    expect(waits[0]).toBe(7000);
    expect(waits[1]).toBeGreaterThan(50_000);
    expect(waits.slice(2)).toEqual([6 * 3_600_000, null]);
  });
});

test("addresses: https, or http to this machine; no password in them", () => {
  const good = ["https://example.org/x", "http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:9/"];
  expect(good.map(addressProblem)).toEqual([null, null, null, null]);
  const bad = ["http://example.org", "http://127.0.0.1.example.org/", "ftp://localhost/", "https://u:pw@example.org/", "x"];
  for (const address of bad) expect(addressProblem(address)).not.toBeNull();
  expect(addressProblem("https://u:pw@example.org/")).not.toContain("pw@");
});
