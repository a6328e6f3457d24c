/** Kill -9 at every point that only a daemon passes, with outside witnesses; and proof that each check can fail. */

import { expect, test } from "bun:test";
import type { DaemonBooks } from "../daemon/books.ts";
import { failureFaults, inboxFaults, noticeFaults, restFaults, spanFaults, tickFaults } from "../daemon/checks.ts";
import { daemonKillSuite } from "../daemon/kill.ts";
import { madeAtOnce } from "../daemon/late.ts";
import { promptFaults } from "../daemon/wire.ts";
import { readBooks, type CallRow } from "../kill/books.ts";
import { namedPoints } from "../kill/points.ts";
import type { Seen } from "../kill/witness.ts";

test("killed at any point of its own, a daemon goes on: each event one decision, each tick one goal, each notice told", async () => {
  const begun = performance.now();
  const { points, unpassed, kills, faults } = await daemonKillSuite({ say: console.log });
  console.log(`${points.length} points of the daemon, ${kills} kills, ${Math.round((performance.now() - begun) / 1000)} s`);
  expect(unpassed).toEqual([]);
  expect(faults).toEqual([]);
  expect(points.length).toBeGreaterThan(40);
  expect(kills).toBeGreaterThanOrEqual(points.length);
}, 300_000);

test("the three kill suites share out every named point of the source", async () => {
  const suites = await Promise.all([namedPoints("goal"), namedPoints("daemon"), namedPoints("effects")]);
  expect(new Set(suites.flat()).size).toBe(suites.flat().length);
  expect(suites.flat().sort()).toEqual(await namedPoints());
});

const EMPTY: DaemonBooks = { ...readBooks("/nonexistent"), inbox: [], ticks: [], notices: [], sends: [], sources: [] };
const goal = { id: "g1", title: "", status: "completed", pause: null, cap: 0, allowed: 0, plan_version: 1 };

test("the checks of the inbox see an event twice, one that is gone, one with two goals, one undecided", () => {
  const row = { id: "e1", source: "s", key: "k1", type: "t", decision: "started", goal_id: "g1", due_at: null, replays: null };
  const posted = [{ id: "k1", type: "t", receipts: new Set(["e1"]) }];
  const books = { ...EMPTY, inbox: [row], sources: [{ id: "g1", source: "event:t" }] };
  expect(inboxFaults(books, posted)).toEqual([]);
  expect(inboxFaults({ ...books, inbox: [] }, posted).length).toBeGreaterThan(1);
  expect(inboxFaults({ ...books, inbox: [row, { ...row, id: "e2" }] }, posted).length).toBeGreaterThan(1);
  expect(inboxFaults({ ...books, sources: [...books.sources, { id: "g2", source: "event:t" }] }, posted)).toHaveLength(1);
  expect(inboxFaults({ ...books, inbox: [{ ...row, decision: "waiting", goal_id: null }], sources: [] }, posted)).toHaveLength(1);
  expect(inboxFaults(books, [{ id: "k1", type: "t", receipts: new Set() }])).toHaveLength(1);
  expect(inboxFaults(books, [{ id: "k1", type: "t", receipts: new Set(["e1", "e9"]) }])).toHaveLength(1);
});

test("the checks of ticks, goals, notices and traces see what is doubled and what is missing", () => {
  const tick = { name: "s", at: 1, outcome: "fired", reason: null, goal_id: "g1" };
  const ticked = { ...EMPTY, ticks: [tick], sources: [{ id: "g1", source: "schedule:s" }] };
  expect(tickFaults(ticked)).toEqual([]);
  expect(tickFaults({ ...ticked, ticks: [tick, { ...tick, at: 2 }] })).toHaveLength(1);
  expect(tickFaults({ ...ticked, ticks: [] })).toHaveLength(1);
  expect(restFaults({ ...EMPTY, goals: [goal] })).toEqual([]);
  expect(restFaults({ ...EMPTY, goals: [{ ...goal, status: "running" }] })).toHaveLength(1);
  const event = { seq: 1, at: 1, goal_id: "g1", task_id: "t1", data: '{"reason":"its worker died"}' };
  expect(failureFaults({ ...EMPTY, events: [{ ...event, type: "task.done" }] })).toEqual([]);
  expect(failureFaults({ ...EMPTY, events: [{ ...event, type: "task.failed" }] })).toEqual(["task t1 failed: its worker died"]);

  const notice = { id: "n1", key: "k", kind: "goal.done", goal_id: "g1" };
  const send = { notice_id: "n1", channel: "hook", state: "sent", message_id: "m1", attempts: 1 };
  const told = { ...EMPTY, goals: [goal], notices: [notice], sends: [send] };
  const arrived = (...notices: { id: string; text: string }[]) => ({
    notices,
    spans: [{ id: "t/s", root: true, goal: "g1" }],
  });
  const message = { id: "m1", text: "{}" };
  expect(noticeFaults(told, arrived(message, message))).toEqual([]);
  expect(noticeFaults(told, arrived()).length).toBe(1);
  expect(noticeFaults(told, arrived(message, { id: "m1", text: "other" }))).toHaveLength(1);
  expect(noticeFaults(told, arrived(message, { id: "m2", text: "{}" }))).toHaveLength(1);
  expect(noticeFaults({ ...told, notices: [], sends: [] }, arrived())).toHaveLength(1);
  expect(noticeFaults({ ...told, sends: [{ ...send, state: "given_up" }] }, arrived(message)).length).toBeGreaterThan(0);
  expect(spanFaults(told, arrived())).toEqual([]);
  expect(spanFaults(told, { notices: [], spans: [] })).toHaveLength(1);
});

test("the check of the wire sees a request too many, one without a row, a settled call that was never asked", () => {
  const call = (n: number, more: Partial<CallRow> = {}): CallRow => ({
    ...{ id: `c${n}`, goal_id: "g", subject: `t${n}`, revision: 0, step: "make", round: 0, attempt: 1, state: "settled" },
    ...{ skill: "a", model: "m", request_hash: `r${n}`, hold: 1, cost: 1, scopes: "[]", reply: "{}", rehearsal: 0 },
    ...{ started_at: 100, ended_at: 200, ...more },
  });
  const request = (hash: string, at = 150): Seen => ({
    ...{ n: 1, at, kind: "make", skill: "a", model: "m", hash, phase: 0, answered: true },
  });
  const books = { ...EMPTY, calls: [call(1), call(2)] };
  expect(promptFaults(books, [request("x"), request("y")])).toEqual([]);
  expect(promptFaults(books, [request("x"), request("y"), request("y")]).length).toBeGreaterThan(0);
  expect(promptFaults(books, [request("x"), request("y"), request("z")])).toHaveLength(1);
  expect(promptFaults(books, [request("x"), request("y", 900)]).length).toBeGreaterThan(0);
  expect(promptFaults(books, [request("x")])).toHaveLength(1);
  // A lost answer that was never sent must not take the place of one that was.
  const lost = call(3, { state: "unknown", reply: null, started_at: 0, ended_at: 900 });
  expect(promptFaults({ ...books, calls: [lost, ...books.calls] }, [request("x"), request("y")])).toEqual([]);
});

test("a second call of a step is excused when the first was still on its way, whichever answer counts, and never else", () => {
  const events = (...order: [type: string, callId: string][]) =>
    order.map(([type, callId], n) => ({
      ...{ seq: n + 1, at: n, type: `call.${type}`, goal_id: "g", task_id: "t" },
      data: JSON.stringify({ callId }),
    }));
  const atOnce = events(["held", "a"], ["held", "b"], ["settled", "a"], ["settled", "b"]);
  const after = events(["held", "a"], ["settled", "a"], ["held", "b"], ["settled", "b"]);
  const call = (id: string, attempt: number, reply: string | null, state = "settled"): CallRow => ({
    ...{ id, attempt, reply, state, goal_id: "g", subject: "t", revision: 0, step: "make", round: 0, skill: "a", model: "m" },
    ...{ request_hash: "r", hold: 1, cost: 1, scopes: "[]", rehearsal: 0, started_at: 100, ended_at: 200 },
  });
  const late = (order: typeof atOnce, ...calls: CallRow[]) => madeAtOnce({ ...EMPTY, calls, events: order });
  expect(late(atOnce, call("a", 1, "{}"), call("b", 2, null))).toEqual(["g/t/0/make/0"]);
  expect(late(atOnce, call("a", 1, "{}"), call("b", 2, "{}"))).toHaveLength(1);
  expect(late(after, call("a", 1, "{}"), call("b", 2, null))).toEqual([]);
  expect(late(after, call("a", 1, "{}"), call("b", 2, "{}"))).toEqual([]);
  // Nothing to excuse: the first answer was lost, the second one counts.
  const lost = events(["held", "a"], ["unknown", "a"], ["held", "b"], ["settled", "b"]);
  expect(late(lost, call("a", 1, null, "unknown"), call("b", 2, "{}"))).toEqual([]);
});
