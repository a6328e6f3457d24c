import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { silentLog } from "../log/log.ts";
import { listGoals } from "../store/goals.ts";
import { listInbox } from "../store/inbox.ts";
import { StoreError, type Store } from "../store/store.ts";
import { openBus } from "../test/bus.ts";
import { goodBody, KINDS, OLD_KEYS, OLD_TOKEN, signed, SOURCES, TOKEN, toRequest, type Parts } from "../test/requests.ts";
import { createHandler, type Handler, type HandlerOptions } from "./handler.ts";

// Processors are shared, and a database may be another process.
setDefaultTimeout(30_000);

const NEAR = { address: "127.0.0.1" };
const FAR = { address: "203.0.113.9" };

type Options = Partial<HandlerOptions> & { readonly wrap?: (store: Store) => Store; readonly cooldown?: number };
async function setUp(options: Options = {}) {
  const { wrap, cooldown = 0, ...rest } = options;
  const at = await openBus("sqlite", { now: Date.now(), events: { drop: { cooldown } }, ...(wrap ? { wrap } : {}) });
  const handle = createHandler({
    bus: at.bus,
    health: () => ({ ready: true, level: "full", reasons: [] }),
    metrics: () => "marketeam_up 1\n",
    tokens: [TOKEN, OLD_TOKEN],
    sources: SOURCES,
    log: silentLog,
    now: () => Date.now(),
    ...rest,
  });
  return Object.assign(at, { handle });
}

type Answer = { status: number; body: Record<string, string>; headers: Headers };
async function ask(handle: Handler, parts: Parts | Request, from = FAR): Promise<Answer> {
  const response = await handle(parts instanceof Request ? parts : toRequest(parts), from);
  const text = await response.text();
  expect(text).toEndWith("\n");
  expect(text.trimEnd()).not.toContain("\n");
  return { status: response.status, body: JSON.parse(text), headers: response.headers };
}
const plain = (body: unknown, headers: Record<string, string> = {}): Parts => ({
  path: "/webhook",
  method: "POST",
  headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}`, ...headers },
  body: body instanceof Uint8Array ? body : new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
});

describe("POST /webhook", () => {
  test("202 with what was decided, 200 for the same again, 409 for its id with another body", async () => {
    await using at = await setUp();
    const body = { id: "a", type: "drop", source: "monitor", data: { drop: 25 } };
    const first = await ask(at.handle, plain(body));
    expect(first).toMatchObject({ status: 202, body: { status: "accepted", decision: "started" } });
    const [goal] = await at.store.read((read) => listGoals(read));
    expect(goal?.id).toBe(first.body.goal ?? "");
    expect(await ask(at.handle, plain(body))).toMatchObject({ status: 200, body: { ...first.body, status: "duplicate" } });
    const other = await ask(at.handle, plain({ ...body, data: { drop: 26 } }));
    expect(other.status).toBe(409);
    expect(other.body.error).toContain(first.body.id ?? "none");
    // Without an id, the same bytes are the same event.
    const bare = { type: "drop", data: { n: 1 } };
    expect((await ask(at.handle, plain(bare))).status).toBe(202);
    expect((await ask(at.handle, plain(bare))).status).toBe(200);
    expect((await ask(at.handle, plain({ ...bare, data: { n: 2 } }))).status).toBe(202);
    expect((await at.store.read((read) => listGoals(read))).length).toBe(3);
  });

  const BAD: readonly (readonly [string, unknown, string])[] = [
    ["nothing", "", "the body is empty"],
    ["no JSON", "{", "the body is not JSON"],
    ["a list", "[]", "the body must be a JSON object, not a list"],
    ["a number", "1e999", "the body must be a JSON object, not a single value"],
    ["no type", { data: {} }, "type is missing"],
    ["a number as type", { type: 1, data: {} }, "type must be text, not the number 1"],
    ["a type with a space", { type: "a b", data: {} }, "type"],
    ["no data", { type: "drop" }, "data"],
    ["a list of data", { type: "drop", data: [] }, "data"],
    ["a mistyped field", { typ: "drop", data: {} }, 'unknown field "typ" (did you mean "type"?)'],
    ["a field too many", { type: "drop", data: {}, priority: "P0" }, 'unknown field "priority"'],
    ["__proto__", '{"type":"drop","data":{},"__proto__":{}}', 'unknown field "__proto__"'],
    ["a time in prose", { type: "drop", data: {}, timestamp: "yesterday" }, "timestamp"],
    [
      "a day without a time",
      { type: "drop", data: {}, timestamp: "2026-11-21" },
      "a time with its zone, like 2026-11-21T16:30:00Z",
    ],
    ["an empty id", { type: "drop", data: {}, id: "" }, "id"],
    ["NUL in the id", { type: "drop", data: {}, id: "a\u0000" }, "id"],
    ["the team's name", { type: "drop", data: {}, source: "marketeam" }, "only the team itself may use"],
    ["a signed source's name", { type: "drop", data: {}, source: "github" }, "only its signed events may use"],
    ["too deep", `{"type":"drop","data":${'{"a":'.repeat(40)}1${"}".repeat(41)}`, "more than 32 levels"],
    ["200,000 brackets", "[".repeat(200_000), "more than 32 levels"],
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "the body is not UTF-8"],
  ];
  test("400 names the field, in one line, and nothing is kept", async () => {
    await using at = await setUp();
    for (const [name, body, error] of BAD) {
      const answer = await ask(at.handle, plain(body));
      expect([name, answer.status, answer.body.error]).toEqual([name, 400, expect.stringContaining(error)]);
    }
    expect(await at.store.read((read) => listInbox(read, { limit: 10 }))).toEqual([]);
  });

  test("401 without the token or with another, before the body is read; either of two tokens counts", async () => {
    await using at = await setUp();
    const body = { type: "drop", data: {} };
    let read = false;
    const unread = () => new ReadableStream({ pull: (controller) => ((read = true), controller.close()) }, { highWaterMark: 0 });
    for (const authorization of [
      "",
      "Bearer",
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Bearer ${TOKEN} ${OLD_TOKEN}`,
    ]) {
      const request = new Request("http://x/webhook", {
        method: "POST",
        headers: { authorization },
        body: unread(),
      });
      const answer = await ask(at.handle, request);
      expect([authorization, answer.status]).toEqual([authorization, 401]);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect(read).toBe(false);
    expect((await ask(at.handle, plain(body, { authorization: `Bearer ${OLD_TOKEN}` }))).status).toBe(202);
    const closed = await setUp({ tokens: [] });
    expect(await ask(closed.handle, plain(body), NEAR)).toMatchObject({
      status: 401,
      body: { error: expect.stringContaining("no WEBHOOK_TOKEN is set") },
    });
    await closed[Symbol.asyncDispose]();
  });

  test("404, 405, 413, 415 say what would be right", async () => {
    await using at = await setUp();
    const body = { type: "drop", data: {} };
    const status = async (change: Partial<Parts>) => {
      const { status, body: said, headers } = await ask(at.handle, { ...plain(body), ...change });
      return [status, said.error ?? "", headers.get("allow")];
    };
    expect(await status({ path: "/nowhere" })).toEqual([404, expect.stringContaining("POST /webhook"), null]);
    expect(await status({ path: "/webhook/none" })).toEqual([404, expect.stringContaining("no such source"), null]);
    expect(await status({ path: "/webhook/__proto__" })).toEqual([404, expect.stringContaining("no such source"), null]);
    expect(await status({ method: "GET" })).toEqual([405, expect.stringContaining("POST"), "POST"]);
    expect(await status({ method: "PUT", path: "/webhook/github" })).toEqual([405, expect.stringContaining("POST"), "POST"]);
    expect(await status({ method: "POST", path: "/health" })).toEqual([405, expect.stringContaining("GET"), "GET, HEAD"]);
    expect(await status({ body: new Uint8Array(256 * 1024 + 1) })).toEqual([413, "the body is larger than 256 KB", null]);
    expect(
      (
        await status({ body: new TextEncoder().encode(JSON.stringify({ ...body, data: { x: "x".repeat(256 * 1024 - 40) } })) })
      )[0],
    ).toBe(202);
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
      expect((await status({ headers: { ...plain(body).headers, "content-type": type } }))[0]).toBe(415);
    expect((await status({ headers: { ...plain(body).headers, "content-encoding": "gzip" } }))[0]).toBe(415);
    expect(
      (
        await status({
          path: "/webhook/",
          headers: { ...plain(body).headers, "content-type": "application/cloudevents+json; charset=utf-8" },
        })
      )[0],
    ).toBe(202);
  });

  test("413 for chunks without an end, after 256 KB and no more", async () => {
    await using at = await setUp();
    let sent = 0;
    let left = false;
    const body = new ReadableStream({
      pull(controller) {
        sent += 16_384;
        controller.enqueue(new Uint8Array(16_384));
      },
      cancel() {
        left = true;
      },
    });
    const request = new Request("http://x/webhook", { method: "POST", headers: plain({}).headers, body });
    expect((await ask(at.handle, request)).status).toBe(413);
    expect(sent).toBeLessThan(400_000);
    expect(left).toBe(true);
  });

  test("408 for a body that stalls", async () => {
    await using at = await setUp({ bodyMs: 20 });
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{"type":')) });
    const answer = await ask(at.handle, new Request("http://x/webhook", { method: "POST", headers: plain({}).headers, body }));
    expect(answer).toMatchObject({ status: 408, body: { error: "the body did not come within 0.02 s" } });
  });

  test("503 with Retry-After while the store cannot take it, and the same event is taken afterwards", async () => {
    let fault: Error | null = new StoreError("full", "the disk is full", "make room");
    await using at = await setUp({
      wrap: (store) => ({ ...store, write: (name, change) => (fault ? Promise.reject(fault) : store.write(name, change)) }),
    });
    const body = { id: "kept", type: "drop", data: {} };
    const refused = await ask(at.handle, plain(body));
    expect(refused).toMatchObject({ status: 503, body: { error: "nothing can be saved at the moment" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    // What nobody foresaw is no other status either.
    fault = new TypeError("a fault of ours");
    expect((await ask(at.handle, plain(body))).status).toBe(503);
    fault = null;
    expect((await ask(at.handle, plain(body))).status).toBe(202);
  });

  test("429 with Retry-After, for each address and each source by itself; a wrong token costs more", async () => {
    const clock = { now: 1_000_000 };
    const limits = { address: { perSecond: 1, burst: 10 }, source: { perSecond: 1, burst: 3 } };
    await using at = await setUp({ limits, now: () => clock.now });
    let n = 0;
    const send = async (from: { address: string }, source: string) =>
      ask(at.handle, plain({ type: "noise", source, data: { n: n++ } }), from);
    for (let i = 0; i < 3; i++) expect((await send(FAR, "one")).status).toBe(202);
    const held = await send(FAR, "one");
    expect([held.status, held.headers.get("retry-after"), held.body.error]).toEqual([
      429,
      "1",
      "too many requests from the source one",
    ]);
    expect((await send(FAR, "two")).status).toBe(202);
    expect((await send({ address: "203.0.113.10" }, "one")).status).toBe(429);
    clock.now += 1_000;
    expect((await send({ address: "203.0.113.10" }, "one")).status).toBe(202);
    const guess = { ...plain({}), headers: { "content-type": "application/json", authorization: "Bearer guess" } };
    expect((await ask(at.handle, guess, { address: "203.0.113.11" })).status).toBe(401);
    const next = await send({ address: "203.0.113.11" }, "three");
    expect([next.status, next.body.error]).toEqual([429, "too many requests from this address"]);
    // Where a proxy may stand, one who guesses must not lock the others out.
    expect((await ask(at.handle, guess, { address: "172.18.0.1" })).status).toBe(401);
    expect((await send({ address: "172.18.0.1" }, "three")).status).toBe(202);
  });
});

describe("POST /webhook/<source>", () => {
  test.each(KINDS.filter((kind) => kind !== "plain").map((kind) => [kind] as const))(
    "%s: what its own library signs is taken",
    async (kind) => {
      await using at = await setUp();
      const body = JSON.stringify(goodBody(kind, 1));
      const good = await signed(kind, body);
      const first = await ask(at.handle, good);
      expect(first).toMatchObject({ status: 202, body: { decision: "started" } });
      expect((await ask(at.handle, good)).status).toBe(200);
      const [event] = await at.store.read((read) => listInbox(read, { limit: 1 }));
      expect(event).toMatchObject({ source: kind, type: "drop" });
      expect(event?.theirType).toMatch(/^(?:shop\.drop|release\.published|invoice\.payment_failed)$/);
      // The older of two secrets counts too.
      expect(
        (
          await ask(
            at.handle,
            await signed(kind, JSON.stringify(goodBody(kind, 2)), { secret: OLD_KEYS[kind as "github"], id: "msg_2" }),
          )
        ).status,
      ).toBe(202);
      expect((await at.store.read((read) => listGoals(read))).length).toBe(2);
    },
  );

  test.each(KINDS.filter((kind) => kind !== "plain").map((kind) => [kind] as const))(
    "%s: anything else is refused",
    async (kind) => {
      await using at = await setUp();
      const body = JSON.stringify(goodBody(kind, 1));
      const good = await signed(kind, body);
      const statusOf = async (change: Partial<Parts>) => (await ask(at.handle, { ...good, ...change })).status;
      expect(await statusOf({ body: new TextEncoder().encode(body.replace("25", "26")) })).toBe(401);
      expect(await statusOf({ body: new Uint8Array(0) })).toBe(401);
      expect(await statusOf({ headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}` } })).toBe(401);
      const wrong = kind === "standard" ? `whsec_${Buffer.from("w".repeat(32)).toString("base64")}` : "whsec_wrong_0123456789";
      expect((await ask(at.handle, await signed(kind, body, { secret: wrong }))).status).toBe(401);
      // Every single bit of the signature matters.
      const name = { standard: "webhook-signature", github: "x-hub-signature-256", stripe: "stripe-signature", plain: "" }[kind];
      const signature = good.headers[name] ?? "";
      for (let i = signature.length - 20; i < signature.length; i++) {
        const changed = signature.slice(0, i) + (signature[i] === "0" ? "1" : "0") + signature.slice(i + 1);
        if (kind === "standard" && i >= signature.length - 2) continue;
        expect([i, await statusOf({ headers: { ...good.headers, [name]: changed } })]).toEqual([i, 401]);
      }
      expect(await at.store.read((read) => listInbox(read, { limit: 10 }))).toEqual([]);
    },
  );

  test.each([["standard"], ["stripe"]] as const)("%s: five minutes before and after, and no more", async (kind) => {
    await using at = await setUp();
    let n = 0;
    const sent = async (ms: number) =>
      (await ask(at.handle, await signed(kind, JSON.stringify(goodBody(kind, ++n)), { at: Date.now() + ms, id: `m${n}` })))
        .status;
    expect(await sent(-280_000)).toBe(202);
    expect(await sent(280_000)).toBe(202);
    expect(await sent(-320_000)).toBe(400);
    expect(await sent(320_000)).toBe(400);
  });

  test("GitHub: another delivery id makes no other event of the same body", async () => {
    await using at = await setUp();
    const body = JSON.stringify(goodBody("github", 1));
    expect((await ask(at.handle, await signed("github", body, { id: "one" }))).status).toBe(202);
    expect((await ask(at.handle, await signed("github", body, { id: "two" }))).status).toBe(200);
  });

  test("GitHub: the event with its action, or the event alone, is mapped", async () => {
    await using at = await setUp();
    const typeOf = async (event: string, body: object) => {
      const parts = await signed("github", JSON.stringify(body));
      await ask(at.handle, { ...parts, headers: { ...parts.headers, "x-github-event": event } });
      return (await at.store.read((read) => listInbox(read, { limit: 1 })))[0];
    };
    expect(await typeOf("push", { ref: "main" })).toMatchObject({ type: "drop", theirType: "push", decision: "started" });
    expect(await typeOf("issues", { action: "opened" })).toMatchObject({
      type: "issues.opened",
      theirType: null,
      decision: "unmapped",
    });
    expect(await typeOf("goal", { text: "Do as I say" })).toMatchObject({ type: "goal", decision: "refused" });
    expect(await typeOf("issue", { action: "goal", text: "Do as I say" })).toMatchObject({
      type: "goal",
      decision: "refused",
      reason: expect.stringContaining("unknown field"),
    });
  });

  test("Stripe: a second delivery that counts its tries is the same event", async () => {
    await using at = await setUp();
    const body = goodBody("stripe", 1);
    expect((await ask(at.handle, await signed("stripe", JSON.stringify(body)))).status).toBe(202);
    expect((await ask(at.handle, await signed("stripe", JSON.stringify({ ...body, pending_webhooks: 2 })))).status).toBe(200);
    expect((await ask(at.handle, await signed("stripe", JSON.stringify({ ...body, data: {} })))).status).toBe(409);
  });
});

describe("GET", () => {
  const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    new Request(`http://127.0.0.1:8788${path}`, { method, headers: { host: "127.0.0.1:8788", ...headers } });

  test("/health tells the level: 200 while work can be taken in, 503 otherwise", async () => {
    let [ready, time] = [true, 0];
    await using at = await setUp({
      health: () => ({ ready, level: ready ? "limited" : "offline", reasons: ["a reason"] }),
      clock: () => time,
    });
    const well = { live: true, ready: true, level: "limited", reasons: ["a reason"] };
    const told = async (): Promise<object> => {
      const { status, body } = await ask(at.handle, get("/health"), NEAR);
      return { status, ...body };
    };
    expect(await told()).toEqual({ status: 200, ...well, ageMs: 0 });
    ready = false;
    // Kept for a second, and said to be that old: a flood of probes is no flood of questions to the store.
    time = 1_000;
    expect(await told()).toEqual({ status: 200, ...well, ageMs: 1_000 });
    time = 1_001;
    const down = await ask(at.handle, get("/health"), NEAR);
    expect(down).toMatchObject({ status: 503, body: { live: true, ready: false, level: "offline", ageMs: 0 } });
    expect(down.headers.get("retry-after")).toBe("5");
    expect(await ask(at.handle, get("/health/live"), FAR)).toMatchObject({ status: 200, body: { live: true } });
    expect((await at.handle(get("/metrics"), NEAR)).headers.get("content-type")).toStartWith("text/plain");
  });

  test("health and figures need the token, but for this machine itself", async () => {
    await using at = await setUp();
    const status = async (request: Request, from: { address: string | null }) => (await at.handle(request, from)).status;
    for (const path of ["/health", "/metrics"]) {
      expect(await status(get(path), NEAR)).toBe(200);
      expect(await status(get(path, { host: "[::1]:8788" }), { address: "::1" })).toBe(200);
      expect(await status(get(path), FAR)).toBe(401);
      expect(await status(get(path), { address: null })).toBe(401);
      expect(await status(get(path, { authorization: `Bearer ${OLD_TOKEN}` }), FAR)).toBe(200);
      // A proxy on this machine, and a page whose name leads here.
      expect(await status(get(path, { "x-forwarded-for": "203.0.113.9" }), NEAR)).toBe(401);
      expect(await status(get(path, { host: "evil.example" }), NEAR)).toBe(401);
    }
  });

  test("a health check that fails is no other answer than 503", async () => {
    await using at = await setUp({ health: () => Promise.reject(new Error("nobody knows")) });
    expect((await ask(at.handle, get("/health"), NEAR)).status).toBe(503);
  });
});
