/** Decisions: a reply is read or its problems are listed, never thrown; repairs are counted, and nothing is decided in the model's place. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { planReply } from "../director/plan/plan.ts";
import { reviewReply } from "../domain/review.ts";
import { decide, parseReply } from "./decide.ts";
import type { Journal } from "./journal.ts";
import type { Answer, CallOutcome } from "./outcome.ts";
import type { CallSpec } from "./request.ts";

const schema = z.object({ name: z.string(), count: z.number(), tags: z.array(z.string()) });
const VALUE = { name: "tea", count: 2, tags: ["a"] };

describe("parseReply", () => {
  test("plain, in prose, in a fence, with space around", () => {
    const text = JSON.stringify(VALUE, null, 2);
    for (const reply of [text, ` \n${text}\n`, `Here it is:\n${text}\nDone.`, `\`\`\`json\n${text}\n\`\`\``, `\uFEFF${text}`])
      expect(parseReply(reply, schema)).toEqual({ ok: true, value: VALUE });
  });

  test("what is no object of this shape is a list of problems with their place", () => {
    const problems = (reply: string) => {
      const read = parseReply(reply, schema);
      return read.ok ? [] : read.problems;
    };
    expect(problems(" \n")).toEqual(["the reply is empty"]);
    expect(problems("no JSON at all")[0]).toStartWith("the reply is not JSON");
    expect(problems('{"name": ')[0]).toStartWith("the reply is not JSON");
    for (const reply of ["null", "[]", "7", '"text"', "true"]) expect(problems(reply)[0]).toStartWith("the reply: ");
    const wrong = problems('{"name": 1, "tags": ["a", 2]}');
    expect(wrong.map((line) => line.split(":")[0])).toEqual(["name", "count", "tags.1"]);
  });

  test("2,000 mutations of real replies never throw, and what is read fits the schema", () => {
    const plan = JSON.stringify({
      title: "T",
      category: "content",
      pipeline: null,
      phases: [{ name: "P", gate: false }],
      tasks: [{ key: "a", phase: "P", skill: "s", brief: "b", criteria: ["c"], needs: [], reviewers: [], variants: 1 }],
      assumptions: [],
      missing: ["m"],
    });
    const review = JSON.stringify({
      scores: [{ criterion: "c", score: 8, evidence: "e" }],
      findings: [{ severity: "minor", quote: "q", problem: "p", request: "r" }],
      wrong_work: false,
      summary: "s",
      facts: [{ kind: "price", subject: "s", value: "5", quote: "q" }],
      claims: [{ id: "C1", status: "no_claim", source: "" }],
      learnings: [{ statement: "s", tags: [] }],
    });
    const junk = [
      "{",
      "}",
      "[",
      "]",
      '"',
      ",",
      ":",
      "\\",
      "null",
      "-1e999",
      "\u0000",
      "\ud800",
      "1e400",
      "}{",
      "\n",
      "true",
      "{}",
      '"__proto__":{"x":1},',
    ];
    const mutation = fc.record({
      at: fc.nat(),
      drop: fc.nat(20),
      put: fc.oneof(fc.constantFrom(...junk), fc.string({ unit: "binary-ascii", maxLength: 3 })),
    });
    let read = 0;
    fc.assert(
      fc.property(
        fc.constantFrom([plan, planReply] as const, [review, reviewReply] as const),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        ([text, of], list) => {
          let reply: string = text;
          for (const { at, drop, put } of list) {
            const i = at % (reply.length + 1);
            reply = reply.slice(0, i) + put + reply.slice(i + drop);
          }
          const parsed = parseReply(reply, of as z.ZodType);
          if (parsed.ok) {
            read++;
            expect(of.safeParse(parsed.value).success).toBe(true);
          } else {
            expect(parsed.problems.length).toBeGreaterThan(0);
            for (const problem of parsed.problems) expect(problem.length).toBeGreaterThan(3);
          }
        },
      ),
      { numRuns: 2_000 },
    );
    // Some mutations only change a word: a test in which nothing passes would prove little.
    expect(read).toBeGreaterThan(0);
  });

  test("keys that reach for the prototype change nothing and come through nowhere", () => {
    const reply = `{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "name": "tea", "count": 2, "tags": ["a"]}`;
    const parsed = parseReply(reply, schema);
    expect(parsed).toEqual({ ok: true, value: VALUE });
    expect(parsed.ok && Object.keys(parsed.value)).toEqual(["name", "count", "tags"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(parseReply('{"__proto__": {"name": "x", "count": 1, "tags": []}}', schema).ok).toBe(false);
  });

  test("a nesting without end is a problem, not a crash", () => {
    expect(parseReply("[".repeat(200_000), schema).ok).toBe(false);
    expect(parseReply(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, schema).ok).toBe(false);
  });
});

describe("decide", () => {
  const spec: Omit<CallSpec, "format" | "turns"> = {
    key: { goalId: "goal_1", subject: "plan", revision: 0, step: "plan", round: 0 },
    lease: null,
    goal: { id: "goal_1", priority: "P1", cap: 1, allowed: 0, rehearsal: false },
    skill: null,
    tier: "strong",
    maxTokens: 100,
    system: [],
    user: [{ kind: "inputs", text: "Decide." }],
  };
  const answer = (text: string, stop: Answer["stop"] = "end"): Answer => ({
    kind: "answer",
    stop,
    text,
    uses: [],
    blocks: [],
    model: "m",
    detail: null,
    replayed: false,
  });
  function scripted(...outcomes: CallOutcome[]) {
    const calls: CallSpec[] = [];
    const journal: Journal = {
      async call(call) {
        calls.push(call);
        return outcomes[calls.length - 1] ?? { kind: "stopped", why: "aborted", detail: "the script is at its end" };
      },
      refuseNew() {},
    };
    return { journal, calls };
  }
  const never = new AbortController().signal;
  const good = answer(JSON.stringify(VALUE));
  const run = (outcomes: CallOutcome[], check?: (value: typeof VALUE) => string[]) => {
    const { journal, calls } = scripted(...outcomes);
    return decide(journal, spec, schema, never, check).then((decision) => ({ decision, calls }));
  };

  test("a sound reply is one call, with the schema as its format", async () => {
    const { decision, calls } = await run([good]);
    expect(decision).toEqual({ kind: "decided", value: VALUE, model: "m" });
    expect(calls.map((call) => [call.key.round, call.turns])).toEqual([[0, []]]);
    expect(calls[0]?.format).toMatchObject({ type: "object", required: ["name", "count", "tags"] });
  });

  test("a broken reply is repaired with its problems, twice at most; rounds count up", async () => {
    const { decision, calls } = await run([answer("{"), answer(""), answer("x"), good]);
    expect(decision).toMatchObject({ kind: "unreadable", why: "broken" });
    expect(calls.map((call) => call.key.round)).toEqual([0, 1, 2]);
    expect(calls[1]?.turns?.[0]?.user.text).toContain("<problems>\n- the reply is not JSON");
    // An empty assistant message is not allowed on the wire.
    expect(calls[2]?.turns?.map((turn) => turn.assistant.text)).toEqual(["(no reply)"]);
  });

  test("a fault of meaning is repaired once only", async () => {
    const { decision, calls } = await run([good, good, good], () => ["too little tea"]);
    expect(decision).toEqual({ kind: "unreadable", why: "broken", detail: "too little tea" });
    expect(calls.length).toBe(2);
    expect((await run([answer("{"), good])).decision.kind).toBe("decided");
  });

  test("a cut-off reply is asked for again with twice the room, its text never used", async () => {
    const cut = answer(JSON.stringify(VALUE), "truncated");
    const { decision, calls } = await run([cut, cut, cut, good]);
    expect(decision).toMatchObject({ kind: "unreadable", why: "truncated", detail: expect.stringContaining("400 tokens") });
    expect(calls.map((call) => call.maxTokens)).toEqual([100, 200, 400]);
  });

  test("a refusal, too long a context and a stop end it at once", async () => {
    for (const stop of ["refusal", "context_too_long"] as const)
      expect((await run([answer(JSON.stringify(VALUE), stop), good])).decision).toMatchObject({ kind: "unreadable", why: stop });
    const stopped = { kind: "stopped", why: "budget", detail: "no money" } as const;
    const { decision, calls } = await run([stopped, good]);
    expect([decision, calls.length]).toEqual([stopped, 1]);
  });
});
