import { describe, expect, test } from "bun:test";
import { NO_USAGE, PART_KINDS, type Call } from "../domain/call.ts";
import { nano } from "../domain/money.ts";
import { styles } from "./output.ts";
import { callsJson, callsText, type CallsView } from "./show-calls.ts";
import { promptJson, promptText } from "./show-prompt.ts";

const START = Date.UTC(2026, 10, 21);
const plain = styles(false);

function call(change: Partial<Call> = {}): Call {
  return {
    id: "call_01k9x7h3zqf0v8w2m4n6p8r0t2",
    goalId: "goal_1",
    subject: "task_1",
    revision: 1,
    step: "make",
    round: 0,
    attempt: 2,
    state: "settled",
    skill: "writing",
    model: "model-x",
    requestHash: "abc123",
    parts: [
      { kind: "tools", chars: 100 },
      { kind: "charter", chars: 500 },
      { kind: "skill", chars: 200 },
      { kind: "inputs", chars: 200 },
    ],
    hold: nano(2),
    cost: nano(0.5),
    usage: { input: 500, output: 77, cacheRead: 400, cacheWrite5m: 60, cacheWrite1h: 40 },
    batchShare: null,
    stop: "end",
    flags: [],
    rehearsal: false,
    learnings: [],
    startedAt: START + 2500,
    answeredAt: START + 3000,
    endedAt: START + 4000,
    ...change,
  };
}

const view = (calls: readonly Call[]): CallsView => ({
  calls,
  startedAt: START,
  keys: new Map([["task_1", "page-copy"]]),
  rehearsal: false,
});
const GOAL = { id: "goal_1", title: "Sell more" };

describe("calls", () => {
  test("a call's prompt tokens are what the provider counted, shared out over its parts without loss", () => {
    const [json] = callsJson(view([call()]));
    expect(json).toMatchObject({
      promptTokens: 1000,
      inputTokens: 500,
      cacheReadTokens: 400,
      cacheWriteTokens: 100,
      outputTokens: 77,
    });
    expect(json?.partTokens).toEqual({ tools: 100, charter: 500, context: 0, skill: 200, learnings: 0, inputs: 200 });
    expect(PART_KINDS.reduce((sum, kind) => sum + (json?.partTokens[kind] ?? 0), 0)).toBe(1000);
  });

  test("offset, task key, cost and time; a call on its way has no time yet", () => {
    const [json, held] = callsJson(
      view([call(), call({ state: "held", endedAt: null, stop: null, usage: NO_USAGE, subject: "plan" })]),
    );
    expect(json).toMatchObject({ offsetMs: 2500, task: "page-copy", costUsd: 0.5, holdUsd: 2, durationMs: 1500, attempt: 2 });
    expect(held).toMatchObject({ task: "plan", durationMs: null, promptTokens: 0 });
  });

  test("a call that a person settled days later took no days", () => {
    expect(callsJson(view([call({ flags: ["reconciled"], endedAt: START + 9e8 })]))[0]?.durationMs).toBeNull();
  });

  test("the table has one row a call with its whole id, flags and how many learnings it used", () => {
    const text = callsText(GOAL, view([call({ flags: ["over_hold"], learnings: ["learn_1", "learn_2"] })]), plain);
    const row = text.split("\n").find((line) => line.includes("call_01k9x7h3zqf0v8w2m4n6p8r0t2"));
    expect(row).toMatch(
      /^\+2\.5s {2}page-copy +make +2\/0\/2 +model-x +end +500 +- +200 +- +200 +100 +400 +100 +77 +\$0\.50 +1\.5s +call_/,
    );
    expect(row).toEndWith("2 learnings  over_hold");
  });

  test("a call without an answer shows its state and what is held", () => {
    const text = callsText(GOAL, view([call({ state: "unknown", stop: "lost", cost: 0, usage: NO_USAGE })]), plain);
    expect(text).toContain("unknown (lost)");
    expect(text).toContain("held $2.00");
    expect(text).toContain("and $2.00 held.");
  });

  test("the totals say what share of the stable parts was read, over the calls that could have read", () => {
    const calls = [call(), call({ startedAt: START + 5000 })];
    // 800 of a call's 1000 tokens are stable, 400 were reads; the first call could read nothing.
    expect(callsText(GOAL, view(calls), plain)).toContain("Cache: 50.0 % of the tokens of the stable parts");
    expect(callsText(GOAL, view(calls), plain)).toContain("over 1 call that began");
    expect(callsText(GOAL, view(calls), plain)).toContain(
      "2 calls: 2,000 prompt tokens (800 read from the cache, 200 written to it), 154 output tokens, $1.00.",
    );
    expect(callsText(GOAL, view([call()]), plain)).toContain("none could read from it");
  });

  test("a rehearsal's calls cost nothing; no calls are said in words", () => {
    expect(callsText(GOAL, { ...view([call()]), rehearsal: true }, plain)).toContain("nothing spent");
    expect(callsText(GOAL, view([]), plain)).toContain("No model call was made yet.");
  });
});

describe("prompt", () => {
  const prompt = (change: Partial<Call>) => ({
    call: call(change),
    goal: GOAL,
    task: "page-copy",
    learnings: [
      { id: "learn_1", statement: "Say the price" },
      { id: "learn_2", statement: null },
    ],
  });

  test("parts with characters and tokens, hash, hold, cost and the learnings' words", () => {
    const json = promptJson(prompt({}));
    expect(json).toMatchObject({ hash: "abc123", holdUsd: 2, costUsd: 0.5, counted: true, stop: "end" });
    expect(json.parts[1]).toEqual({ kind: "charter", chars: 500, tokens: 500 });
    const text = promptText(prompt({}), plain);
    for (const words of ["abc123", "$2.00", "$0.50", "model-x", "Say the price", "no longer there", "page-copy, version 2"])
      expect(text).toContain(words);
  });

  test("without the provider's count the tokens are estimated, and the words say so", () => {
    const lost = prompt({ state: "unknown", usage: NO_USAGE });
    expect(promptJson(lost).parts.reduce((sum, part) => sum + part.tokens, 0)).toBe(250);
    expect(promptText(lost, plain)).toContain("a token for four characters");
  });
});
