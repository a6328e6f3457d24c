/** The scripted model: what tests may rely on. */

import { describe, expect, test } from "bun:test";
import type { ModelRequest } from "../model.ts";
import { holdReply, jsonReply, scriptedModel, stopReply, textReply, toolReply } from "./scripted.ts";

const live = { signal: new AbortController().signal };

const request = (words: string): ModelRequest => ({
  model: "test-model",
  maxTokens: 100,
  system: [{ text: "Charter" }],
  messages: [{ role: "user", parts: [{ text: words }] }],
});

describe("rules", () => {
  test("answer by the words of the request, in their own order", async () => {
    const model = scriptedModel([
      { when: "plan", replies: [jsonReply({ title: "Launch" })] },
      { when: "write", replies: [textReply("one"), textReply("two")] },
    ]);
    expect((await model.respond(request("write a"), live)).text).toBe("one");
    expect((await model.respond(request("plan it"), live)).text).toBe('{"title":"Launch"}');
    expect((await model.respond(request("write b"), live)).text).toBe("two");
    model.assertComplete();
  });

  test("may ask the request, see tool results and make the reply from it", async () => {
    const model = scriptedModel([
      { when: "# Reference", replies: [textReply("read")] },
      { when: ({ format }) => format !== undefined, replies: [(seen) => textReply(seen.model)] },
    ]);
    const withResult: ModelRequest = {
      ...request(""),
      messages: [{ role: "user", parts: [], results: [{ id: "t1", text: "# Reference", isError: false }] }],
    };
    expect((await model.respond({ ...request("x"), format: { type: "object" } }, live)).text).toBe("test-model");
    expect((await model.respond(withResult, live)).text).toBe("read");
  });

  test("that ran out, or never fitted, give a bad_request that is told afterwards", async () => {
    const model = scriptedModel([{ when: "write", replies: [textReply("one")] }]);
    await model.respond(request("write a"), live);
    expect(await model.respond(request("write b"), live)).toMatchObject({ stop: "bad_request", billable: false, usage: null });
    expect(() => model.assertComplete()).toThrow("unexpected call 1 (test-model): write b");
  });

  test("whose replies were not asked for are told too", () => {
    const model = scriptedModel([{ when: "write", replies: [textReply("one"), textReply("two")] }]);
    expect(() => model.assertComplete()).toThrow("rule 0: 2 replies not asked for");
  });
});

test("a function answers every call, and null means not expected", async () => {
  const model = scriptedModel((_request, index) => (index < 1 ? textReply(`call ${index}`) : null));
  expect((await model.respond(request("a"), live)).text).toBe("call 0");
  model.assertComplete();
  expect((await model.respond(request("b"), live)).stop).toBe("bad_request");
  expect(() => model.assertComplete()).toThrow("unexpected call 1");
});

test("requests are kept as they were, and frozen", async () => {
  const model = scriptedModel(() => textReply("ok"));
  const parts = [{ text: "first" }];
  await model.respond({ ...request(""), messages: [{ role: "user", parts }] }, live);
  parts[0] = { text: "changed" };
  const [kept] = model.requests;
  expect(kept?.messages).toEqual([{ role: "user", parts: [{ text: "first" }] }]);
  expect(Object.isFrozen(kept?.messages[0])).toBe(true);
});

test("the answer's begin is told only when there is an answer", async () => {
  const model = scriptedModel([
    { when: "good", replies: [textReply("ok")] },
    { when: "bad", replies: [stopReply("overloaded")] },
  ]);
  const starts: string[] = [];
  await model.respond(request("good"), { ...live, onStart: () => starts.push("good") });
  await model.respond(request("bad"), { ...live, onStart: () => starts.push("bad") });
  expect(starts).toEqual(["good"]);
});

describe("a held reply", () => {
  test("comes when it is released, and another call passes it meanwhile", async () => {
    const held = holdReply(textReply("late"));
    const model = scriptedModel([
      { when: "slow", replies: [held.reply] },
      { when: "fast", replies: [textReply("early")] },
    ]);
    const slow = model.respond(request("slow"), live);
    expect((await held.asked).messages).toHaveLength(1);
    expect((await model.respond(request("fast"), live)).text).toBe("early");
    held.release();
    expect((await slow).text).toBe("late");
  });

  test("is aborted by the signal", async () => {
    const held = holdReply(textReply("never"));
    const model = scriptedModel([{ when: "slow", replies: [held.reply] }]);
    const controller = new AbortController();
    const slow = model.respond(request("slow"), { signal: controller.signal });
    await held.asked;
    controller.abort();
    expect(await slow).toMatchObject({ stop: "aborted", billable: true, usage: null });
  });

  test("is not even asked for when the signal was aborted before", async () => {
    const model = scriptedModel(() => textReply("never"));
    expect(await model.respond(request("a"), { signal: AbortSignal.abort() })).toMatchObject({
      stop: "aborted",
      billable: false,
    });
    expect(model.requests).toHaveLength(0);
  });
});

test("the builders give usage and billing as a provider would", () => {
  expect(textReply("12345678")).toMatchObject({ stop: "end", billable: true, usage: { output: 2 } });
  expect(toolReply([{ id: "t1", name: "read", input: {} }])).toMatchObject({ stop: "tool_use", billable: true });
  expect(stopReply("truncated")).toMatchObject({ billable: true, usage: { output: 1 } });
  expect(stopReply("lost")).toMatchObject({ billable: true, usage: null });
  expect(stopReply("rate_limited", "wait", { retryAfterMs: 50 })).toMatchObject({
    billable: false,
    usage: null,
    detail: "wait",
    retryAfterMs: 50,
  });
});
