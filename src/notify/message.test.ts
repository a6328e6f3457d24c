/** Notices as messages: one, many, and text that wants to be something else. */

import { expect, test } from "bun:test";
import type { Notice } from "../store/notices.ts";
import { cleanText, cleanTitle, cut, messageOf } from "./message.ts";

const notice = (id: string, change: Partial<Notice> = {}): Notice => ({
  id,
  key: id,
  kind: "goal.done",
  subject: `goal ${id}`,
  goalId: id,
  urgent: false,
  title: `Goal done: ${id}`,
  text: "All of it.",
  rehearsal: false,
  at: 5,
  ...change,
});
const asked = (id: string) => notice(id, { kind: "question.waiting", subject: `question ask_${id}`, title: `A question: ${id}` });

test("one notice is the message; a rehearsal says so", () => {
  expect(messageOf("msg_1", [notice("a")])).toEqual({
    id: "msg_1",
    type: "goal.done",
    at: 5,
    goal: "a",
    title: "Goal done: a",
    text: "All of it.",
    urgent: false,
    rehearsal: false,
  });
  expect(messageOf("msg_1", [notice("a", { rehearsal: true })]).title).toBe("[rehearsal] Goal done: a");
});

test("several are counted, the pressing ones stand first, the rest is a number", () => {
  const failed = notice("x", { kind: "goal.failed", title: "Goal failed: x", urgent: true, at: 9 });
  const message = messageOf("msg_1", [notice("a"), asked("q"), failed]);
  expect(message).toMatchObject({ type: "summary", goal: null, urgent: true, at: 9 });
  expect(message.title).toBe("1 question waits, 1 goal done, 1 goal failed");
  expect(message.text.split("\n")[0]).toBe("- Goal failed: x");
  expect(message.text).toContain("`approvals ask_q`");
  const many = messageOf(
    "msg_1",
    Array.from({ length: 100 }, (_, i) => asked(String(i))),
  );
  expect(many.title).toBe("100 questions wait");
  expect(many.text).toContain("and 80 more");
  expect(many.text.length).toBeLessThanOrEqual(2500);
});

test("a kind from a newer version is told, not counted", () => {
  expect(messageOf("m", [notice("a", { kind: "moon.phase" })])).toMatchObject({ type: "summary", title: "Goal done: a" });
  expect(messageOf("m", [notice("a", { kind: "moon.phase" }), notice("b", { kind: "moon.phase" })]).title).toBe("2 notices");
});

test("control characters and hidden ones go, long text is cut between characters", () => {
  expect(cleanTitle("a\nb\u001b[31m\u202ec\u200b  d")).toBe("a b [31m c d");
  expect(cleanText("a\r\nb\u0000")).toBe("a\nb");
  expect(cut("😀".repeat(10), 6)).toBe("😀😀…");
  expect(cleanTitle("x".repeat(999))).toHaveLength(200);
});
