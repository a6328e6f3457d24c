/** What progress knows after events: hand-made stories, and a whole run whose events must lead to what the store says. */

import { describe, expect, test } from "bun:test";
import { nano } from "../../domain/money.ts";
import type { StoredEvent } from "../../domain/event.ts";
import { silentLog } from "../../log/log.ts";
import { testTeam } from "../../test/team.ts";
import { follow } from "./follow.ts";
import { planned, play, record, START, task } from "./recorded.ts";
import { readSnapshot } from "./snapshot.ts";
import { isActive, reduce, renew, spending, workedMs, type ProgressState } from "./state.ts";

const of = (state: ProgressState, key: string) => {
  const found = state.tasks.find((entry) => entry.key === key);
  if (!found) throw new Error(`no task ${key}`);
  return found;
};

describe("a task's life", () => {
  test("a version that is sent back keeps its score and the reason while the next one is made", () => {
    const tape = record();
    tape.started("customer-research");
    tape.call("customer-research", "make", "claude-sonnet-5-5", 0.04, 9_000);
    tape.say("task.delivered", "customer-research", { revision: 0, chars: 10 });
    tape.call("customer-research", "review:director", "claude-opus-5-5", 0.02, 3_000);
    for (const [reviewer, score] of [
      ["director", 7],
      ["copy-editing", 5.3],
    ] as const)
      tape.say("task.reviewed", "customer-research", { revision: 0, reviewer, verdict: "REVISE", score });
    tape.say("task.returned", "customer-research", { revision: 1, why: "too long" });
    const back = play(planned(), tape.events);
    expect(of(back, "customer-research")).toMatchObject({
      status: "ready",
      revision: 1,
      score: 6.2,
      note: "too long",
      scores: [],
    });
    expect(of(back, "customer-research").model).toBe("claude-sonnet-5-5");
    // Started at second 1, returned at second 9.
    expect(workedMs(of(back, "customer-research"), START + 100_000)).toBe(8_000);

    tape.started("customer-research", 1);
    const again = play(planned(), tape.events);
    expect(of(again, "customer-research")).toMatchObject({ status: "running", revision: 1, note: "too long" });
    expect(workedMs(of(again, "customer-research"), START + 15_000)).toBe(8_000 + 5_000);

    tape.say("task.done", "customer-research", { revision: 1, score: 8.8 });
    const done = play(planned(), tape.events);
    expect(of(done, "customer-research")).toMatchObject({ status: "done", score: 8.8, note: null, since: null });
    expect(isActive(done, of(done, "customer-research"))).toBe(false);
    expect(spending(done)).toEqual({ tokens: 12_000, cost: nano(0.06), unknown: 0 });
    expect(spending(done, "task_landing-page")).toEqual({ tokens: 0, cost: 0, unknown: 0 });
  });

  test("a failure carries its reason to what needed it", () => {
    const tape = record();
    tape.started("customer-research");
    tape.say("task.failed", "customer-research", { reason: "no usable deliverable" });
    tape.say("task.cancelled", "landing-page", { reason: "needs customer-research" });
    tape.say("goal.failed", null, { reason: "nothing remains" });
    const state = play(planned(), tape.events);
    expect(of(state, "customer-research")).toMatchObject({ status: "failed", note: "no usable deliverable" });
    expect(of(state, "landing-page")).toMatchObject({ status: "cancelled", note: "needs customer-research" });
    expect(state).toMatchObject({ status: "failed", reason: "nothing remains" });
  });

  test("a question blocks its task until it is answered", () => {
    const tape = record();
    tape.say("question.asked", "customer-research", { questionId: "ask_1", kind: "quality", title: "Take it?" });
    tape.say("task.blocked", "customer-research", { reason: "Take it?", questionId: "ask_1" });
    tape.say("goal.paused", null, { pause: "question", reason: "Take it?" });
    const asked = play(planned(), tape.events);
    expect(asked).toMatchObject({ status: "paused", reason: "Take it?" });
    expect(asked.questions).toEqual([{ id: "ask_1", title: "Take it?", taskId: "task_customer-research" }]);
    expect(of(asked, "customer-research").status).toBe("blocked");
    tape.say("question.answered", "customer-research", { questionId: "ask_1", choice: "approve" });
    tape.say("goal.resumed", null, { by: "an answer" });
    expect(play(planned(), tape.events)).toMatchObject({ status: "running", reason: null, questions: [] });
  });

  test("when the goal pauses, only a call in flight keeps a task at work", () => {
    const tape = record();
    tape.started("customer-research");
    tape.started("competitor-profiling");
    tape.say("call.held", "competitor-profiling", { callId: "c", step: "make", model: "m", hold: 1, attempt: 1 });
    tape.say("goal.paused", null, { pause: "interrupted", reason: "interrupted" });
    const state = play(planned(), tape.events);
    expect(isActive(state, of(state, "customer-research"))).toBe(false);
    expect(isActive(state, of(state, "competitor-profiling"))).toBe(true);
  });
});

describe("calls", () => {
  test("a busy model shows as trouble until an answer comes, and a lost answer as held money", () => {
    const tape = record();
    const call = { step: "make", model: "claude-opus-5-5" };
    tape.started("customer-research");
    tape.say("call.held", "customer-research", { ...call, callId: "a", hold: 5, attempt: 1 });
    tape.say("call.settled", "customer-research", { ...call, callId: "a", stop: "rate_limited", cost: 0, tokens: 0, ms: 1 });
    expect(of(play(planned(), tape.events), "customer-research")).toMatchObject({ step: null, trouble: "rate limited" });
    tape.say("call.held", "customer-research", { ...call, callId: "b", hold: 5, attempt: 2 });
    expect(of(play(planned(), tape.events), "customer-research")).toMatchObject({
      step: "make",
      attempt: 2,
      trouble: "rate limited",
    });
    tape.say("call.unknown", "customer-research", { callId: "b", step: "make", hold: 5 });
    const lost = play(planned(), tape.events);
    expect(of(lost, "customer-research").trouble).toBe("answer lost");
    expect(spending(lost)).toEqual({ tokens: 0, cost: 0, unknown: 5 });
  });

  test("an event that comes twice, or behind a reading of the store, counts once", () => {
    const tape = record();
    tape.call("customer-research", "make", "claude-opus-5-5", 0.1, 500);
    const once = play(planned(), tape.events);
    expect(spending(play(once, tape.events))).toEqual(spending(once));
  });
});

describe("a new reading of the store", () => {
  test("brings a changed plan's tasks and keeps what only events told", () => {
    const tape = record();
    tape.started("customer-research");
    tape.say("call.held", "customer-research", { callId: "a", step: "make", model: "claude-opus-5-5", hold: 5, attempt: 1 });
    tape.say("gate.decided", "gate-1", { phase: "Research", changed: true, note: "one more" });
    const before = play(planned(), tape.events);
    const snapshot = planned();
    const after = renew(before, {
      ...snapshot,
      calls: before.calls,
      tasks: [
        task("customer-research", "Research", { status: "running", since: START }),
        task("gate-1", "Research", { kind: "gate", status: "done", note: "one more" }),
        task("new-one", "Draft"),
      ],
    });
    expect(after.tasks.map((entry) => entry.key)).toEqual(["customer-research", "gate-1", "new-one"]);
    expect(of(after, "customer-research")).toMatchObject({ step: "make", model: "claude-opus-5-5", since: START + 1_000 });
    expect(of(after, "gate-1").note).toBe("plan changed: one more");
  });

  test("tells when a task went back to rest without an event", () => {
    const tape = record();
    tape.started("customer-research");
    const before = play(planned(), tape.events);
    expect(of(renew(before, planned()), "customer-research")).toMatchObject({ status: "ready", since: null });
  });
});

test("an event of no known task changes nothing but the sums", () => {
  const tape = record();
  tape.say("task.ready", "elsewhere", { revision: 3 });
  const [event] = tape.events;
  if (!event) throw new Error("no event");
  expect(reduce(planned(), event)).toEqual(planned());
});

test("the events of a whole run, with a version sent back, lead to what the store says", async () => {
  await using team = await testTeam({ returns: 1 });
  const goalId = await team.accept("Increase signup conversion by 20%");
  const types: string[] = [];
  const { store } = team;
  const ended = Promise.withResolvers<void>();
  const heard = (event: StoredEvent) => {
    types.push(event.type);
    if (event.type === "goal.completed") ended.resolve();
  };
  const follower = await follow({ store, log: silentLog, now: Date.now, heard }, goalId);
  expect(follower.state().tasks.map((entry) => entry.kind)).toEqual(["plan"]);
  const goal = await team.work(goalId);
  expect(goal.status).toBe("completed");
  await ended.promise;
  const told = follower.state();
  const stored = await store.read((read) => readSnapshot(read, goalId));
  expect(types).toContain("task.returned");
  expect(told).toMatchObject({ title: stored.title, status: "completed", cap: goal.cap, phases: stored.phases });
  const facts = ({ tasks }: Pick<ProgressState, "tasks">) =>
    tasks.map(({ key, kind, phase, skill, status, revision, model, score }) => ({
      key,
      kind,
      phase,
      skill,
      status,
      revision,
      model: kind === "work" ? model : null,
      score,
    }));
  expect(facts(told)).toEqual(facts(stored));
  expect(told.calls).toEqual(stored.calls);
  await follower.close();
  expect(facts(follower.state())).toEqual(facts(stored));
}, 30_000);

test("following a goal that is not there fails, and leaves no subscriber behind", async () => {
  await using team = await testTeam();
  let listening = 0;
  const store = {
    read: team.store.read.bind(team.store),
    subscribe(handler: Parameters<typeof team.store.subscribe>[0]) {
      const stop = team.store.subscribe(handler);
      listening++;
      return () => {
        listening--;
        stop();
      };
    },
  };
  const heard = () => {};
  await expect(follow({ store, log: silentLog, now: Date.now, heard }, "goal_none")).rejects.toThrow("no goal goal_none");
  expect(listening).toBe(0);
}, 30_000);
