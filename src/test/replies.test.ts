/** A bad reply never ends a goal silently: each has a typed outcome, a journal row, and words for a person. */

import { describe, expect, test } from "bun:test";
import { summaryText } from "../cli/summary-text.ts";
import type { Goal } from "../domain/goal.ts";
import type { Plan } from "../domain/plan.ts";
import { callsOfGoal } from "../store/calls.ts";
import { listScopes } from "../store/scopes.ts";
import { versionsOf } from "../store/deliverables.ts";
import { listQuestions } from "../store/questions.ts";
import { listEvents } from "../store/events.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { goalResultOf } from "../work/goal-result.ts";
import { testTeam, type TestTeam } from "./team.ts";

const ONE: Plan = {
  title: "One task",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks: [
    {
      key: "write",
      phase: "Create",
      skill: "copywriting",
      brief: "Write the page.",
      criteria: ["It has a headline."],
      needs: [],
    },
  ],
  assumptions: [],
  missing: [],
};

async function outcome(faults: string[], options: { plan?: Plan | null; attempts?: number } = {}) {
  const it = await testTeam({ faults, ...(options.attempts ? { attempts: options.attempts } : {}) });
  const goal = await it.run("Write a page", { plan: options.plan === undefined ? ONE : options.plan });
  const seen = await it.store.read(async (read) => ({
    calls: await callsOfGoal(read, goal.id),
    tasks: (await tasksOfGoal(read, goal.id)).filter((task) => task.kind === "work"),
    questions: await listQuestions(read, { goalId: goal.id, status: "open" }),
    events: await listEvents(read, { goalId: goal.id }),
    result: await goalResultOf(read, "w", goal.id),
  }));
  await invariants(it, goal);
  return { it, goal, ...seen, text: summaryText(seen.result, goal, seen.questions) };
}

/** Whatever came over the wire: counters equal the rows, and no hold is left open. */
async function invariants(it: TestTeam, goal: Goal) {
  const { calls, scopes } = await it.store.read(async (read) => ({
    calls: await callsOfGoal(read, goal.id),
    scopes: await listScopes(read, "goal", false),
  }));
  const scope = scopes.find((entry) => entry.id === goal.id);
  expect(calls.filter((call) => call.state === "held")).toEqual([]);
  expect(scope?.spent ?? 0).toBe(calls.filter((call) => call.state === "settled").reduce((sum, call) => sum + call.cost, 0));
  expect(scope?.held ?? 0).toBe(calls.filter((call) => call.state === "unknown").reduce((sum, call) => sum + call.hold, 0));
}

describe("decisions", () => {
  for (const fault of ["broken_json@plan", "wrong_schema@plan", "empty@plan", "whitespace@plan"]) {
    test(`${fault} once: repaired with the reasons, the goal completes`, async () => {
      const { it, goal, calls } = await outcome([fault], { plan: null });
      await using _ = it;
      expect(goal.status).toBe("completed");
      expect(calls.filter((call) => call.step === "plan").map((call) => [call.round, call.state])).toEqual([
        [0, "settled"],
        [1, "settled"],
      ]);
      expect(it.asked[1]?.text).toContain("<problems>");
    });

    test(`${fault} for ever: the goal fails with the reason, after two repairs`, async () => {
      const { it, goal, calls, text } = await outcome([`${fault}x*`], { plan: null });
      await using _ = it;
      expect(goal.status).toBe("failed");
      expect(goal.reason).toStartWith("no usable plan (broken)");
      expect(calls.length).toBe(3);
      expect(text).toContain("failed, no usable plan");
    });
  }

  test("prose around the JSON is tolerated: nothing is asked again", async () => {
    const { it, goal, calls } = await outcome(["prose_json@planx*", "prose_json@reviewx*"], { plan: null });
    await using _ = it;
    expect(goal.status).toBe("completed");
    expect(calls.filter((call) => call.round > 0 && call.step !== "make")).toEqual([]);
  });

  test("a cut-off plan is asked for again with twice the room", async () => {
    const { it, goal, calls } = await outcome(["truncate@plan"], { plan: null });
    await using _ = it;
    expect(goal.status).toBe("completed");
    const [first, second] = calls;
    expect(first?.stop).toBe("truncated");
    expect(second?.hold ?? 0).toBeGreaterThan(first?.hold ?? 0);
  });

  test("a refused plan fails the goal in words", async () => {
    const { it, goal } = await outcome(["refusal@planx*"], { plan: null });
    await using _ = it;
    expect([goal.status, goal.reason?.startsWith("no usable plan (refusal)")]).toEqual(["failed", true]);
  });

  for (const fault of ["broken_json", "wrong_schema", "empty", "truncate", "refusal"]) {
    test(`a review that is ${fault} for ever is never an approval: a person decides`, async () => {
      const { it, goal, tasks, questions, text } = await outcome([`${fault}@reviewx*`]);
      await using _ = it;
      expect([goal.status, goal.pause]).toEqual(["paused", "question"]);
      expect(tasks[0]?.status).toBe("blocked");
      expect(tasks[0]?.verdict).toBeNull();
      expect(questions[0]?.title).toContain("could not be read");
      expect(text).toContain("approve ask_");
    });
  }
});

describe("deliverables", () => {
  test("a cut-off text is continued, and the whole is one deliverable", async () => {
    const { it, goal, tasks, calls } = await outcome(["truncate@make"]);
    await using _ = it;
    expect(goal.status).toBe("completed");
    expect(calls.filter((call) => call.step === "make").map((call) => call.stop)).toContain("truncated");
    const [version] = await it.store.read((read) => versionsOf(read, tasks[0]?.id ?? ""));
    for (const section of it.team.registry.skills.get("copywriting")?.sections ?? [])
      expect(version?.body).toContain(`## ${section}`);
  });

  test("a text that never ends fails its task", async () => {
    const { it, goal } = await outcome(["truncate@makex*"]);
    await using _ = it;
    expect([goal.status, goal.reason?.includes("(truncated)")]).toEqual(["failed", true]);
  });

  test("an empty reply is asked for once more, then fails its task", async () => {
    const once = await outcome(["empty@make"]);
    await using _1 = once.it;
    expect(once.goal.status).toBe("completed");
    const ever = await outcome(["empty@makex*"]);
    await using _2 = ever.it;
    expect([ever.goal.status, ever.goal.reason?.includes("(empty)")]).toEqual(["failed", true]);
    expect(ever.calls.length).toBe(2);
  });

  test("a refusal is not tried blindly: a question to a person, the goal waits", async () => {
    const { it, goal, questions, calls } = await outcome(["refusal@makex*"]);
    await using _ = it;
    expect([goal.status, goal.pause]).toEqual(["paused", "question"]);
    expect(questions.map((question) => question.kind)).toEqual(["risk"]);
    expect(calls.length).toBe(1);
  });

  test("too long a context is handed over shorter once, then fails its task", async () => {
    const once = await outcome(["context_too_long@make"]);
    await using _1 = once.it;
    expect(once.goal.status).toBe("completed");
    const ever = await outcome(["context_too_long@makex*"]);
    await using _2 = ever.it;
    expect([ever.goal.status, ever.goal.reason?.includes("(context_too_long)")]).toEqual(["failed", true]);
  });

  test("missing usage is settled at the worst case and flagged", async () => {
    const { it, goal, calls } = await outcome(["no_usage@make"]);
    await using _ = it;
    expect(goal.status).toBe("completed");
    const flagged = calls.filter((call) => call.flags.includes("usage_missing"));
    expect(flagged.map((call) => call.cost)).toEqual(flagged.map((call) => call.hold));
    expect(flagged.length).toBe(1);
  });

  test("an absurd usage is settled as billed, with an alarm", async () => {
    const { it, events } = await outcome(["absurd_usage@make"]);
    await using _ = it;
    expect(events.map((event) => event.type)).toContain("price.mismatch");
  });
});

describe("the wire", () => {
  test("an overload storm is waited out, each attempt with a hold of its own", async () => {
    const { it, goal, calls } = await outcome(["overloaded@makex2"]);
    await using _ = it;
    expect(goal.status).toBe("completed");
    const makes = calls.filter((call) => call.step === "make" && call.round === 0);
    expect(makes.map((call) => [call.attempt, call.state])).toEqual([
      [1, "released"],
      [2, "released"],
      [3, "settled"],
    ]);
  });

  test("a storm that does not end pauses the goal, keeps it resumable, and says so", async () => {
    const { it, goal, tasks, text } = await outcome(["overloaded@makex*"]);
    await using _ = it;
    expect([goal.status, goal.pause]).toEqual(["paused", "model_away"]);
    expect(tasks[0]?.status).toBe("ready");
    expect(text).toContain(`resume ${goal.id}`);
  });

  test("a rate limit is waited for as long as the provider asks", async () => {
    const { it, goal, calls } = await outcome(["rate_limit@makex2", "server_error@review"]);
    await using _ = it;
    expect(goal.status).toBe("completed");
    expect(calls.filter((call) => call.stop === "rate_limited").length).toBe(2);
    expect(calls.filter((call) => call.stop === "server_error").length).toBe(1);
  });

  test("the provider's spend limit is one request, never repeated, and pauses the goal", async () => {
    const { it, goal, text } = await outcome(["spend_limit@makex*"]);
    await using _ = it;
    expect([goal.status, goal.pause]).toEqual(["paused", "model_away"]);
    expect(goal.reason).toContain("spend limit");
    expect(it.rehearsal.requests().filter((entry) => entry.event === "request").length).toBe(1);
    expect(text).toContain("paused");
  });

  for (const [fault, word] of [
    ["bad_key@makex*", "key"],
    ["not_found@makex*", "does not know the model"],
  ] as const) {
    test(`${fault}: one request, the goal pauses and names it`, async () => {
      const { it, goal } = await outcome([fault]);
      await using _ = it;
      expect([goal.status, goal.reason?.includes(word)]).toEqual(["paused", true]);
      expect(it.rehearsal.requests().filter((entry) => entry.event === "request").length).toBe(1);
    });
  }

  for (const fault of ["hang@make", "hang_before@make", "reset@make", "overloaded_stream@make"]) {
    test(`${fault}: the lost answer counts at its worst case, the work is done by another call`, async () => {
      const { it, goal, calls } = await outcome([fault]);
      await using _ = it;
      expect(goal.status).toBe("completed");
      const makes = calls.filter((call) => call.step === "make" && call.round === 0);
      expect(makes.map((call) => call.state)).toEqual(["unknown", "settled"]);
    });
  }
});
