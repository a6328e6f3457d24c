/** What goes next, on lists made by hand. */

import { describe, expect, test } from "bun:test";
import type { OpenSend } from "../store/notices.ts";
import { BACKOFF_MS, GATHER_MS, nextStep, restUntil, retryAt, TRIES, WINDOW_MS, type Facts } from "./pace.ts";

const NOW = 1_000_000_000;
const facts: Facts = { now: NOW, outside: true, quietUntil: () => null, lately: [], restUntil: 0 };
const night: Facts = { ...facts, quietUntil: () => NOW + 999 };

type Change = {
  kind?: string;
  urgent?: boolean;
  due?: number;
  created?: number;
  message?: string;
  tries?: number;
  lease?: number;
};
const send = (id: string, change: Change = {}): OpenSend => ({
  notice: {
    id,
    key: id,
    kind: change.kind ?? "goal.done",
    subject: id,
    goalId: null,
    urgent: change.urgent ?? false,
    title: id,
    text: "",
    rehearsal: false,
    at: NOW,
  },
  createdAt: change.created ?? NOW - GATHER_MS,
  dueAt: change.due ?? NOW,
  messageId: change.message ?? null,
  attempts: change.tries ?? 0,
  leaseUntil: change.lease ?? null,
});
const many = (count: number) => Array.from({ length: count }, (_, i) => send(`n${i}`));

describe("new messages", () => {
  test("a few go one by one, many at once go together, to the log always one by one", () => {
    expect(nextStep([], facts)).toEqual({ do: "wait", until: null });
    expect(nextStep(many(3), facts)).toEqual({ do: "new", noticeIds: ["n0"] });
    const flood = nextStep(many(100), facts);
    expect(flood.do === "new" && flood.noticeIds.length).toBe(100);
    expect(nextStep(many(100), { ...facts, outside: false })).toEqual({ do: "new", noticeIds: ["n0"] });
  });

  test("one waits for others of its moment; when it goes, what still gathers goes with it", () => {
    const gathering = Array.from({ length: 5 }, (_, i) => send(`g${i}`, { due: NOW + 1 + i }));
    expect(nextStep(gathering, facts)).toEqual({ do: "wait", until: NOW + 1 });
    const step = nextStep([send("first"), ...gathering], facts);
    expect(step.do === "new" && step.noticeIds.length).toBe(6);
  });

  test("quiet hours hold back all but urgent ones, to outside only", () => {
    expect(nextStep(many(2), night)).toEqual({ do: "wait", until: NOW + 999 });
    expect(nextStep([...many(9), send("p0", { urgent: true })], night)).toEqual({ do: "new", noticeIds: ["p0"] });
    expect(nextStep(many(2), { ...night, outside: false })).toEqual({ do: "new", noticeIds: ["n0"] });
  });

  test("what was held back goes as one, however little it is", () => {
    const morning: Facts = { ...facts, quietUntil: (at) => (at < NOW - 10_000 ? NOW - 5000 : null) };
    const held = [send("a", { created: NOW - 50_000 }), send("b", { created: NOW - 40_000 })];
    expect(nextStep(held, morning)).toEqual({ do: "new", noticeIds: ["a", "b"] });
  });

  test("a digest goes alone", () => {
    expect(nextStep([...many(9), send("d", { kind: "digest.daily" })], facts)).toEqual({ do: "new", noticeIds: ["d"] });
  });

  test("after five messages in five minutes ordinary ones wait, urgent ones half a minute", () => {
    const lately = [1, 2, 3, 4, 5].map((n) => NOW - 10_000 + n);
    expect(nextStep(many(1), { ...facts, lately })).toEqual({ do: "wait", until: NOW - 9999 + WINDOW_MS });
    const urgent = [...many(1), send("p0", { urgent: true })];
    expect(nextStep(urgent, { ...facts, lately })).toEqual({ do: "wait", until: NOW - 9995 + 30_000 });
    const old = lately.map((time) => time - 40_000);
    expect(nextStep(urgent, { ...facts, lately: old })).toEqual({ do: "new", noticeIds: ["n0", "p0"] });
  });
});

describe("messages that were begun", () => {
  test("go again when their time has come and nobody is at them", () => {
    const begun = (change: Change) => nextStep([send("a", { message: "m", tries: 1, ...change })], facts);
    expect(begun({})).toEqual({ do: "again", messageId: "m" });
    expect(begun({ due: NOW + 5 })).toEqual({ do: "wait", until: NOW + 5 });
    expect(begun({ lease: NOW + 7 })).toEqual({ do: "wait", until: NOW + 7 });
  });

  test("stay quiet at night unless one of them is urgent", () => {
    const message = [send("a", { message: "m" }), send("b", { message: "m" })];
    expect(nextStep(message, night)).toEqual({ do: "wait", until: NOW + 999 });
    expect(nextStep([...message, send("c", { message: "m", urgent: true })], night)).toEqual({ do: "again", messageId: "m" });
  });

  test("are given up when the last try was never heard of again", () => {
    const lost = [send("a", { message: "m", tries: TRIES })];
    expect(nextStep(lost, facts)).toEqual({ do: "give up", messageId: "m", attempts: TRIES });
  });

  test("a channel that rests gets nothing", () => {
    expect(nextStep([...many(9), send("p0", { urgent: true })], { ...facts, restUntil: NOW + 1 })).toEqual({
      do: "wait",
      until: NOW + 1,
    });
  });
});

test("eight tries over about six hours, never before the channel asked for", () => {
  expect(TRIES).toBe(8);
  const hours = BACKOFF_MS.reduce((sum, wait) => sum + wait, 0) / 3_600_000;
  expect(hours).toBeGreaterThan(5.5);
  expect(hours).toBeLessThan(6.5);
  expect(retryAt(1, NOW, null)).toBe(NOW + 30_000);
  expect(retryAt(1, NOW, 90_000)).toBe(NOW + 90_000);
  expect(retryAt(1, NOW, 1000)).toBe(NOW + 30_000);
  expect(retryAt(TRIES, NOW, null)).toBeNull();
  expect(restUntil(NOW + 30_000, NOW, null)).toBe(NOW + 30_000);
  expect(restUntil(NOW + 7_200_000, NOW, null)).toBe(NOW + 300_000);
  expect(restUntil(NOW + 7_200_000, NOW, 600_000)).toBe(NOW + 600_000);
});
