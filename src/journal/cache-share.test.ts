import { describe, expect, test } from "bun:test";
import { NO_USAGE, type PartSize } from "../domain/call.ts";
import { cacheShare, promptTokens, tokensByPart } from "./cache-share.ts";

const PARTS: PartSize[] = [
  { kind: "charter", chars: 600 },
  { kind: "skill", chars: 200 },
  { kind: "inputs", chars: 200 },
];

type Given = {
  startedAt: number;
  answeredAt?: number | null;
  cacheRead?: number;
  input?: number;
  skill?: string | null;
  model?: string;
  step?: string;
  batchShare?: number | null;
};

function call({
  startedAt,
  answeredAt = startedAt + 10,
  cacheRead = 0,
  input = 1000 - cacheRead,
  skill = "s",
  model = "m",
  step = "make",
  batchShare = null,
}: Given) {
  return { batchShare, skill, model, step, parts: PARTS, startedAt, answeredAt, usage: { ...NO_USAGE, input, cacheRead } };
}

describe("tokensByPart", () => {
  test("shares by characters and loses no token to rounding", () => {
    const parts: PartSize[] = [
      { kind: "charter", chars: 1 },
      { kind: "context", chars: 1 },
      { kind: "inputs", chars: 1 },
    ];
    const tokens = tokensByPart(parts, 10);
    expect([...tokens.values()].toSorted()).toEqual([3, 3, 4]);
    expect(tokensByPart(PARTS, 1000)).toEqual(
      new Map([
        ["charter", 600],
        ["skill", 200],
        ["inputs", 200],
      ]),
    );
  });

  test("parts of one kind are one figure, and no parts hold no tokens", () => {
    const twice: PartSize[] = [
      { kind: "inputs", chars: 30 },
      { kind: "charter", chars: 40 },
      { kind: "inputs", chars: 30 },
    ];
    expect(tokensByPart(twice, 100).get("inputs")).toBe(60);
    expect(tokensByPart([], 100).size).toBe(0);
    expect(tokensByPart([{ kind: "skill", chars: 0 }], 100).get("skill")).toBe(0);
  });

  test("the prompt counts reads and writes of the cache, not the output", () => {
    expect(promptTokens({ input: 1, output: 1000, cacheRead: 20, cacheWrite5m: 300, cacheWrite1h: 4000 })).toBe(4321);
  });
});

describe("cacheShare", () => {
  test("a first call is not eligible; one that follows it is", () => {
    expect(cacheShare([call({ startedAt: 0 })])).toEqual({ eligible: 0, share: null });
    expect(cacheShare([call({ startedAt: 0 }), call({ startedAt: 20, cacheRead: 400 })])).toEqual({ eligible: 1, share: 0.5 });
  });

  test("a call that began before the first one answered could not read", () => {
    expect(cacheShare([call({ startedAt: 0 }), call({ startedAt: 9 }), call({ startedAt: 10 })]).eligible).toBe(0);
    expect(cacheShare([call({ startedAt: 0 }), call({ startedAt: 11 })]).eligible).toBe(1);
  });

  test("a call that never began to answer warms nothing", () => {
    expect(cacheShare([call({ startedAt: 0, answeredAt: null }), call({ startedAt: 50 })]).eligible).toBe(0);
  });

  test("another skill or model warms nothing; the Director's own decisions are of no skill", () => {
    const later = { startedAt: 50, cacheRead: 800 };
    expect(cacheShare([call({ startedAt: 0, skill: "other" }), call(later)]).eligible).toBe(0);
    expect(cacheShare([call({ startedAt: 0, model: "other" }), call(later)]).eligible).toBe(0);
    expect(cacheShare([call({ startedAt: 0, skill: null }), call({ ...later, skill: null })])).toEqual({
      eligible: 0,
      share: null,
    });
  });

  test("reads beyond the stable parts do not make up for another call's misses", () => {
    const calls = [call({ startedAt: 0 }), call({ startedAt: 20, cacheRead: 1000 }), call({ startedAt: 40, cacheRead: 0 })];
    expect(cacheShare(calls)).toEqual({ eligible: 2, share: 0.5 });
  });

  test("weighs by tokens, not by calls", () => {
    // 800 of 800 stable tokens, and 0 of 2400.
    const calls = [call({ startedAt: 0 }), call({ startedAt: 20, cacheRead: 1000 }), call({ startedAt: 40, input: 3000 })];
    expect(cacheShare(calls).share).toBe(0.25);
  });

  test("a call in a batch marks nothing that it could read: it is left out", () => {
    const calls = [call({ startedAt: 0 }), call({ startedAt: 20, cacheRead: 800 })];
    expect(cacheShare([...calls, call({ startedAt: 30, batchShare: 0.5 })])).toEqual(cacheShare(calls));
  });

  test("a call without token counts is left out", () => {
    expect(cacheShare([call({ startedAt: 0 }), call({ startedAt: 50, input: 0 })])).toEqual({ eligible: 0, share: null });
  });

  test("the order of the list does not matter", () => {
    const calls = [call({ startedAt: 40, cacheRead: 800 }), call({ startedAt: 0 })];
    expect(cacheShare(calls)).toEqual({ eligible: 1, share: 1 });
  });
});
