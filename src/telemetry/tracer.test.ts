/** Traces on a collector of our own: what a rehearsed goal leaves there, once, whatever stops and starts in between. */

import { describe, expect, test } from "bun:test";
import type { Log, LogFields } from "../log/log.ts";
import { silentLog } from "../log/log.ts";
import { READ_REFERENCE } from "../skills/prompt.ts";
import { proposeEffect } from "../store/effects.ts";
import type { Store } from "../store/store.ts";
import { storeRead } from "../store/tool-reads.ts";
import { ENGINES } from "../test/engines.ts";
import { addCall, addGoal, addTask, NOON } from "../test/small-store.ts";
import { testTeam } from "../test/team.ts";
import { parseOtlpHeaders, tracesUrl } from "./collector.ts";
import { spanIdOf, traceIdOf } from "./spans.ts";
import { createTracer, OWN_TOOLS, type TracerOptions } from "./tracer.ts";

type Attribute = { key: string; value: { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean } };
type Received = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  status: { code?: number };
};

/** A collector that checks what OTLP's JSON asks for and keeps the spans; `answer` may refuse. */
function collector(answer: () => Response | Promise<Response> = () => Response.json({})) {
  const spans: Received[] = [];
  const headers: Headers[] = [];
  let posts = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      posts++;
      expect([request.method, new URL(request.url).pathname]).toEqual(["POST", "/v1/traces"]);
      expect(request.headers.get("content-type")).toBe("application/json");
      headers.push(request.headers);
      const body = (await request.json()) as { resourceSpans: { scopeSpans: { spans: Received[] }[] }[] };
      const response = await answer();
      if (response.ok)
        spans.push(...body.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((scope) => scope.spans)));
      return response;
    },
  });
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    spans,
    headers,
    posts: () => posts,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

const noted = () => {
  const lines: { level: string; message: string; fields: LogFields | undefined }[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields });
  const log: Log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child: () => log };
  return { log, lines };
};

function tracerOf(store: Pick<Store, "read" | "write">, endpoint: string, change: Partial<TracerOptions> = {}) {
  return createTracer({
    store,
    collector: { endpoint, headers: {} },
    service: { name: "marketeam", version: "0.0.0" },
    processId: "proc_a",
    now: Date.now,
    log: silentLog,
    ...change,
  });
}

const text = (span: Received, key: string) => span.attributes.find((entry) => entry.key === key)?.value.stringValue;
const whole = (span: Received, key: string) => Number(span.attributes.find((entry) => entry.key === key)?.value.intValue ?? NaN);

/** A call that ended, with the event that says so. */
async function endCall(store: Store, id: string, goal = "goal_1", subject = "task_1") {
  await store.write("test.call", async (tx) => {
    await addCall(tx, { id, goal_id: goal, subject, round: Number(id.replace(/\D/g, "")) });
    tx.emit({
      type: "call.settled",
      goalId: goal,
      taskId: subject,
      callId: id,
      step: "make",
      model: "m",
      stop: "end",
      cost: 1,
      tokens: 1,
      ms: 1,
    });
  });
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.ok)(`traces on ${engine.name}`, () => {
    test("a rehearsed goal: one root, every call under its task, no span twice after a restart", async () => {
      await using store = await engine.open();
      await using team = await testTeam({ store });
      await using sink = await collector();
      const first = tracerOf(store, sink.endpoint);
      expect((await first.look()).sent).toBe(0);
      const goal = await team.run("Increase signup conversion by 20%", { rehearsal: true });
      expect(goal.status).toBe("completed");
      await first.look();
      await first.close();
      // Another process, and this one anew: nothing is left for them.
      for (const processId of ["proc_b", "proc_a"]) {
        const again = tracerOf(store, sink.endpoint, { processId });
        expect((await again.look()).sent).toBe(0);
        await again.close();
      }

      const { spans } = sink;
      expect(new Set(spans.map((span) => span.spanId)).size).toBe(spans.length);
      expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceIdOf("default", goal.id)]));
      const roots = spans.filter((span) => span.parentSpanId === undefined);
      expect(roots.map((span) => span.spanId)).toEqual([spanIdOf("default", goal.id)]);
      const byId = new Map(spans.map((span) => [span.spanId, span]));
      const kinds = { chat: "invoke_agent", invoke_agent: "invoke_workflow", execute_tool: "chat" };
      for (const span of spans) {
        expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
        expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
        expect(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)).toBeGreaterThanOrEqual(0n);
        expect(text(span, "gen_ai.conversation.id")).toBe(goal.id);
        const operation = text(span, "gen_ai.operation.name") ?? "";
        const parent = byId.get(span.parentSpanId ?? "");
        expect(parent && text(parent, "gen_ai.operation.name")).toBe(kinds[operation as keyof typeof kinds]);
      }

      const calls = spans.filter((span) => text(span, "gen_ai.operation.name") === "chat");
      const rows = await store.read((read) =>
        read.db.selectFrom("calls").select(["id", "subject", "model", "usage"]).where("goal_id", "=", goal.id).execute(),
      );
      expect(calls.length).toBe(rows.length);
      expect(rows.length).toBeGreaterThan(5);
      for (const row of rows) {
        const span = byId.get(spanIdOf("default", row.id));
        expect(span?.parentSpanId).toBe(spanIdOf("default", row.subject));
        const used = JSON.parse(row.usage) as Record<string, number>;
        expect(span && text(span, "gen_ai.request.model")).toBe(row.model);
        expect(span && whole(span, "gen_ai.usage.output_tokens")).toBe(used.output ?? 0);
        const input = (used.input ?? 0) + (used.cacheRead ?? 0) + (used.cacheWrite5m ?? 0) + (used.cacheWrite1h ?? 0);
        expect(span && whole(span, "gen_ai.usage.input_tokens")).toBe(input);
      }
      expect(JSON.stringify(spans)).not.toContain("signup conversion");
    }, 30_000);

    test("an answer that asks for tools has them below it, until the next round begins", async () => {
      await using store = await engine.open();
      await using sink = await collector();
      const tracer = tracerOf(store, sink.endpoint);
      await tracer.look();
      const reply = JSON.stringify({
        stop: "tool_use",
        text: "",
        uses: [{ id: "use_1", name: "read_x", input: { path: "secret" } }],
      });
      await store.write("test.fill", async (tx) => {
        await addGoal(tx, { id: "goal_1", status: "completed", created_at: NOON - 9000, ended_at: NOON });
        await addTask(tx, { id: "task_1", goal_id: "goal_1", status: "done", started_at: NOON - 8000, ended_at: NOON - 1000 });
        // Cancelled before it was begun: no span.
        await addTask(tx, { id: "task_2", goal_id: "goal_1", status: "cancelled", ended_at: NOON - 1000 });
        const call = { goal_id: "goal_1", subject: "task_1" };
        await addCall(tx, { ...call, id: "call_1", stop: "tool_use", reply, started_at: NOON - 7000, ended_at: NOON - 6000 });
        await addCall(tx, { ...call, id: "call_2", round: 1, started_at: NOON - 5500, ended_at: NOON - 5000 });
        for (const callId of ["call_1", "call_2"])
          tx.emit({
            type: "call.settled",
            goalId: "goal_1",
            taskId: "task_1",
            callId,
            step: "make",
            model: "m",
            stop: "end",
            cost: 1,
            tokens: 1,
            ms: 1,
          });
        tx.emit({ type: "goal.completed", goalId: "goal_1", taskId: null, open: 0 });
      });
      expect((await tracer.look()).sent).toBe(5);
      const tool = sink.spans.find((span) => span.name === "execute_tool read_x");
      expect(tool?.parentSpanId).toBe(spanIdOf("default", "call_1"));
      expect([tool?.startTimeUnixNano, tool?.endTimeUnixNano]).toEqual([`${NOON - 6000}000000`, `${NOON - 5500}000000`]);
      expect(JSON.stringify(sink.spans)).not.toContain("secret");
    });

    test("what was read outside has its own times, server and outcome; an action comes once, when it has ended", async () => {
      await using store = await engine.open();
      await using sink = await collector();
      const tracer = tracerOf(store, sink.endpoint);
      await tracer.look();
      const uses = [
        { id: "u0", name: READ_REFERENCE.name, input: {} },
        { id: "u1", name: "call_tool", input: { query: "canary-argument" } },
        { id: "u2", name: "ga4__report", input: {} },
        { id: "u3", name: "mail__send", input: {} },
        { id: "u4", name: "mail__nothing", input: {} },
      ];
      const at1 = { goalId: "goal_1", subject: "task_1", revision: 0, step: "make", round: 0, rehearsal: false, tainted: true };
      const end = (effectId: string, type: "effect.confirmed" | "effect.unknown" | "effect.rejected") =>
        store.write("test.end", async (tx) => {
          const change = {
            state: type.slice(7),
            sent_at: type === "effect.rejected" ? null : NOON + 1000,
            ended_at: NOON + 4000,
          };
          await tx.db.updateTable("effects").set(change).where("id", "=", effectId).execute();
          const of = { goalId: "goal_1", taskId: "task_1", effectId, tool: "mail.send" };
          if (type === "effect.confirmed") tx.emit({ type, ...of, note: null });
          else if (type === "effect.rejected") tx.emit({ type, ...of, by: "a person", note: null });
          else tx.emit({ type, ...of, reason: "r" });
        });
      const ids = await store.write("test.fill", async (tx) => {
        await addGoal(tx, { id: "goal_1", status: "completed", created_at: NOON - 9000, ended_at: NOON });
        await addTask(tx, { id: "task_1", goal_id: "goal_1", status: "done", started_at: NOON - 8000, ended_at: NOON - 1000 });
        const reply = JSON.stringify({ stop: "tool_use", text: "", uses });
        const call = { goal_id: "goal_1", subject: "task_1", stop: "tool_use", reply };
        await addCall(tx, { ...call, id: "call_1", started_at: NOON - 7000, ended_at: NOON - 6000 });
        const then = { ...tx, now: NOON - 5000 };
        const read = { args: '{"query":"canary-argument"}', text: "canary-result", spilled: null };
        await storeRead(then, {
          ...at1,
          ...read,
          useIndex: 0,
          server: "ga4",
          tool: "report",
          isError: false,
          bytes: 70_000,
          ms: 250,
        });
        await storeRead(then, {
          ...at1,
          ...read,
          useIndex: 1,
          server: "ga4",
          tool: "report",
          isError: true,
          bytes: 12,
          ms: 90_000,
        });
        const made: string[] = [];
        for (const useIndex of [2, 7]) {
          const noted = await proposeEffect(tx, {
            ...{ goalId: "goal_1", taskId: "task_1", revision: 0, step: "make", round: 0, useIndex, skill: "writing" },
            ...{ server: "mail", tool: "send", toolHash: "h", args: `{"to":"canary-${useIndex}"}`, class: "send" as const },
            ...{ preview: "canary-preview", recipients: 1, cost: null, tainted: true, blocked: null },
            ...{ expiresAt: NOON + 9_000_000, rehearsal: false },
          });
          if ("refused" in noted) throw new Error(noted.refused);
          await tx.db
            .updateTable("effects")
            .set({ created_at: NOON - 5500 })
            .where("id", "=", noted.effect.id)
            .execute();
          made.push(noted.effect.id);
        }
        tx.emit({ type: "goal.completed", goalId: "goal_1", taskId: null, open: 0 });
        return made;
      });
      const [sent = "", refused = ""] = ids;
      const tools = () => sink.spans.filter((span) => span.name.startsWith("execute_tool"));
      const facts = (span: Received | undefined) =>
        span && [
          span.name,
          ...["server", "class", "outcome"].map((key) => text(span, `marketeam.tool.${key}`)),
          whole(span, "marketeam.tool.bytes"),
          Number(BigInt(span.startTimeUnixNano) / 1_000_000n) - NOON,
          Number(BigInt(span.endTimeUnixNano) / 1_000_000n) - NOON,
        ];
      await tracer.look();
      // The goal is over; the actions are not.
      expect(tools().map(facts)).toEqual([
        [`execute_tool ${READ_REFERENCE.name}`, undefined, undefined, undefined, NaN, -6000, -6000],
        ["execute_tool ga4__report", "ga4", "read", "answered", 70_000, -5250, -5000],
        // Never before the answer that asked for it.
        ["execute_tool ga4__report", "ga4", "read", "error", 12, -6000, -5000],
        ["execute_tool mail__nothing", undefined, undefined, undefined, NaN, -6000, -6000],
      ]);
      expect(tools()[2]?.status.code).toBe(2);
      await end(sent, "effect.unknown");
      expect((await tracer.look()).sent).toBe(0);
      await end(sent, "effect.confirmed");
      await end(refused, "effect.rejected");
      expect((await tracer.look()).sent).toBe(2);
      expect(tools().slice(4).map(facts)).toEqual([
        ["execute_tool mail__send", "mail", "send", "confirmed", 0, 1000, 4000],
        ["execute_tool mail__send", "mail", "send", "rejected", 0, -5500, -5500],
      ]);
      for (const span of tools()) expect(span.parentSpanId).toBe(spanIdOf("default", "call_1"));
      expect(new Set(sink.spans.map((span) => span.spanId)).size).toBe(sink.spans.length);
      expect(JSON.stringify(sink.spans)).not.toContain("canary");
      expect(OWN_TOOLS).toEqual([READ_REFERENCE.name]);
    });

    test("a lost answer has its span when it is lost, not again when a person settles it", async () => {
      await using store = await engine.open();
      await using sink = await collector();
      const tracer = tracerOf(store, sink.endpoint);
      await tracer.look();
      const of = { goalId: "goal_1", taskId: "task_1", callId: "call_1", step: "make" };
      await store.write("test.lost", async (tx) => {
        await addCall(tx, { id: "call_1", goal_id: "goal_1", subject: "task_1", state: "unknown", stop: "lost" });
        tx.emit({ type: "call.unknown", ...of, hold: 1 });
      });
      expect((await tracer.look()).sent).toBe(1);
      await store.write("test.settled", async (tx) =>
        tx.emit({ type: "call.settled", ...of, model: "m", stop: "reconciled", cost: 1, tokens: 0, ms: 1 }),
      );
      expect((await tracer.look()).sent).toBe(0);
      expect(sink.spans.map((span) => span.status)).toEqual([{ code: 2, message: "lost" }] as never);
      // A call of no goal of ours (a dry run's, a replay's) is a root of its own.
      expect(sink.spans[0]?.parentSpanId).toBeUndefined();
    });

    test("of two processes one sends; the other goes on where it left off", async () => {
      await using store = await engine.open();
      await using sink = await collector();
      let now = NOON;
      const clock = { now: () => now };
      const a = tracerOf(store, sink.endpoint, { ...clock, processId: "proc_a" });
      const b = tracerOf(store, sink.endpoint, { ...clock, processId: "proc_b" });
      await Promise.all([a.look(), b.look()]);
      for (let i = 1; i <= 20; i++) {
        await endCall(store, `call_${i}`);
        await Promise.all([a.look(), b.look()]);
      }
      expect(sink.spans).toHaveLength(20);
      await endCall(store, "call_21");
      // Whoever held the cursor is gone without a word: after its time the other one takes it.
      now += 30_001;
      const rest = tracerOf(store, sink.endpoint, { ...clock, processId: "proc_c" });
      expect((await rest.look()).sent).toBe(1);
      expect(new Set(sink.spans.map((span) => span.spanId)).size).toBe(21);
    });

    test("more events than a page holds", async () => {
      await using store = await engine.open();
      await using sink = await collector();
      const tracer = tracerOf(store, sink.endpoint);
      await tracer.look();
      await store.write("test.many", async (tx) => {
        for (let i = 0; i < 1200; i++) tx.emit({ type: "task.ready", goalId: "goal_1", taskId: "task_1", revision: i });
      });
      await endCall(store, "call_1");
      expect((await tracer.look()).sent).toBe(1);
      expect(sink.posts()).toBe(1);
    });
  });
}

describe("a collector in trouble", () => {
  const sqlite = () => {
    const engine = ENGINES[0];
    if (!engine) throw new Error("no engine");
    return engine.open();
  };

  test("unreachable: one line in the log, longer and longer pauses, and everything comes when it is back", async () => {
    await using store = await sqlite();
    let up = false;
    await using sink = await collector(() => (up ? Response.json({}) : new Response("later", { status: 503 })));
    let now = NOON;
    const { log, lines } = noted();
    const tracer = tracerOf(store, sink.endpoint, { now: () => now, log });
    await tracer.look();
    await endCall(store, "call_1");
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const { sent, nextAt } = await tracer.look();
      expect(sent).toBe(0);
      // Looked at before its time, it does nothing.
      expect(await tracer.look()).toEqual({ sent: 0, nextAt });
      waits.push(nextAt - now);
      now = nextAt;
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1000));
    expect(sink.posts()).toBe(9);
    expect(lines.filter((line) => line.level === "warn")).toHaveLength(1);
    await endCall(store, "call_2");
    up = true;
    expect((await tracer.look()).sent).toBe(2);
    expect(lines.filter((line) => line.level === "info")).toHaveLength(1);
  });

  test("an address where nobody listens, and one that answers with something else", async () => {
    await using store = await sqlite();
    await using sink = await collector(() => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }));
    const closed = await collector();
    await closed[Symbol.asyncDispose]();
    for (const endpoint of [closed.endpoint, sink.endpoint]) {
      const tracer = tracerOf(store, endpoint, { now: () => NOON });
      await tracer.look();
      await endCall(store, endpoint === sink.endpoint ? "call_1" : "call_2");
      expect((await tracer.look()).nextAt).toBe(NOON + 5_000);
    }
  });

  test("Retry-After is kept", async () => {
    await using store = await sqlite();
    await using sink = await collector(() => new Response("", { status: 429, headers: { "retry-after": "70" } }));
    const tracer = tracerOf(store, sink.endpoint, { now: () => NOON });
    await tracer.look();
    await endCall(store, "call_1");
    expect((await tracer.look()).nextAt).toBe(NOON + 70_000);
  });

  test("spans that it will never take are left out, with a word; those it rejects in part are counted", async () => {
    await using store = await sqlite();
    const answers = [
      new Response("bad span", { status: 400 }),
      Response.json({ partialSuccess: { rejectedSpans: "1", errorMessage: "too old" } }),
      new Response(""),
    ];
    await using sink = await collector(() => answers.shift() ?? Response.json({}));
    const { log, lines } = noted();
    const tracer = tracerOf(store, sink.endpoint, { log });
    await tracer.look();
    const sent: number[] = [];
    for (const id of ["call_1", "call_2", "call_3"]) {
      await endCall(store, id);
      sent.push((await tracer.look()).sent);
    }
    expect(sent).toEqual([0, 0, 1]);
    expect(lines.map((line) => [line.level, line.fields?.detail])).toEqual([
      ["warn", "it answers 400: bad span"],
      ["warn", "too old"],
    ]);
  });

  test("neither a key nor a name in the address comes into the log; the headers go out", async () => {
    await using store = await sqlite();
    await using sink = await collector(() => new Response("", { status: 401 }));
    const { log, lines } = noted();
    const endpoint = sink.endpoint.replace("http://", "http://user:pass-word@");
    const tracer = tracerOf(store, endpoint, { log, collector: { endpoint, headers: { "x-key": "canary-key" } } });
    await tracer.look();
    await endCall(store, "call_1");
    await tracer.look();
    expect(sink.headers[0]?.get("x-key")).toBe("canary-key");
    expect(JSON.stringify(lines)).not.toMatch(/pass-word|canary-key/);
    expect(lines).toHaveLength(1);
  });
});

describe("the settings", () => {
  test("the address is the collector's, with or without a path and a slash", () => {
    expect(tracesUrl("http://localhost:4318")).toBe("http://localhost:4318/v1/traces");
    expect(tracesUrl("https://otlp.example.com/otlp/")).toBe("https://otlp.example.com/otlp/v1/traces");
  });

  test("headers as OTEL_EXPORTER_OTLP_HEADERS has them", () => {
    expect(parseOtlpHeaders("Authorization=Basic%20abc=,x-team = a")).toEqual({ authorization: "Basic abc=", "x-team": "a" });
    expect(parseOtlpHeaders("")).toEqual({});
    for (const wrong of ["novalue", "=x", "a b=c", "a=%zz", "a=b%0Ac"])
      expect([wrong, parseOtlpHeaders(wrong)]).toEqual([wrong, null]);
  });
});
