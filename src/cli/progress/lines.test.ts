/** Progress as lines: what each event says, and which say nothing. */

import { expect, test } from "bun:test";
import type { StoredEvent } from "../../domain/event.ts";
import { nano } from "../../domain/money.ts";
import { lineOf } from "./lines.ts";
import { planned, record, START } from "./recorded.ts";
import { reduce } from "./state.ts";

/** The lines of a goal, without their times. */
function lines(events: readonly StoredEvent[]): string[] {
  let state = planned();
  return events.flatMap((event) => {
    state = reduce(state, event);
    return (
      lineOf(event, state)
        ?.replace(/^\d\d:\d\d:\d\d {2}/, "")
        .replace(/ {2,}/, "  ") ?? []
    );
  });
}

test("a line has the time, the task in a column, and what happened", () => {
  const tape = record();
  tape.started("landing-page");
  const [event] = tape.events;
  if (!event) throw new Error("no event");
  const time = new Date(START + 1_000).toTimeString().slice(0, 8);
  expect(lineOf(event, planned())).toBe(`${time}  landing-page          started`);
});

test("a task that goes well, one that is sent back", () => {
  const tape = record();
  tape.say("goal.planned", null, { version: 1, title: "Grow\u001b[31m signups", tasks: 3, pipeline: null, why: null });
  tape.done("customer-research");
  tape.started("landing-page");
  tape.say("task.delivered", "landing-page", { revision: 0, chars: 999 });
  tape.say("task.reviewed", "landing-page", { revision: 0, reviewer: "director", verdict: "REVISE", score: 6.1 });
  tape.say("task.returned", "landing-page", { revision: 1, why: "no\nprices" });
  tape.say("task.ready", "landing-page", { revision: 1 });
  tape.started("landing-page", 1);
  tape.say("gate.decided", "gate-1", { phase: "Research", changed: false, note: "" });
  tape.say("goal.completed", null, { open: 1 });
  expect(lines(tape.events)).toEqual([
    "plan  3 tasks in 2 phases: Grow[31m signups",
    "customer-research  started",
    "customer-research  delivered version 1 (3,214 characters)",
    "customer-research  done, score 8.4, $0.06",
    "landing-page  started",
    "landing-page  delivered version 1 (999 characters)",
    "landing-page  sent back (6.1): no prices",
    "landing-page  started on version 2",
    "gate of Research  goes on as planned",
    "goal  completed, 1 left open",
  ]);
});

test("trouble: retries of the model, refusals, questions, failures, pauses", () => {
  const tape = record();
  const call = { step: "make", model: "claude-opus-5-5" };
  tape.started("customer-research", 0, 2);
  tape.say("call.held", "customer-research", { ...call, callId: "a", hold: 5, attempt: 1 });
  tape.say("call.settled", "customer-research", { ...call, callId: "a", stop: "overloaded", cost: 0, tokens: 0, ms: 1 });
  tape.say("call.held", "customer-research", { ...call, callId: "b", hold: nano(0.5), attempt: 2 });
  tape.say("call.unknown", "customer-research", { callId: "b", step: "make", hold: nano(0.5) });
  tape.say("call.refused", "customer-research", { scope: "goal", cap: nano(2), needed: nano(1) });
  tape.say("question.asked", "customer-research", { questionId: "ask_1", kind: "quality", title: "Take it?" });
  tape.say("task.blocked", "customer-research", { reason: "Take it?", questionId: "ask_1" });
  tape.say("task.failed", "landing-page", { reason: "x".repeat(500) });
  tape.say("budget.level", null, { level: "normal", scope: "day 2026-11-21", share: 0.7 });
  tape.say("budget.level", null, { level: "warning", scope: "day 2026-11-21", share: 0.83 });
  tape.say("goal.paused", null, { pause: "budget", reason: "too little is left" });
  tape.say("goal.planned", null, { version: 2, title: "Grow", tasks: 4, pipeline: null, why: "one more" });
  const told = lines(tape.events);
  expect(told.map((line) => line.slice(0, 90))).toEqual([
    "customer-research  started again (attempt 2)",
    "customer-research  model called again, attempt 2 (overloaded)",
    "customer-research  answer lost: make, $0.50 stay held until it is settled (b)",
    "customer-research  call refused: the cap of the goal is $2.00",
    "customer-research  question for you: Take it? (ask_1)",
    `landing-page  failed: ${"x".repeat(68)}`,
    "budget  budget of the day 2026-11-21 is warning, 83 % used",
    "goal  paused (budget): too little is left",
    "plan  changed (version 2): one more",
  ]);
  expect(Math.max(...told.map((line) => line.length))).toBeLessThan(240);
});
