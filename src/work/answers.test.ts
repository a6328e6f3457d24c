/** What a person's word does in the store: more money wherever it is short, and an answer counts once. */

import { expect, test } from "bun:test";
import { periods } from "../domain/budget.ts";
import { needGoal } from "../store/goals.ts";
import { askQuestion, getQuestion } from "../store/questions.ts";
import { listScopes } from "../store/scopes.ts";
import { ENGINES } from "../test/engines.ts";
import { addGoal } from "../test/small-store.ts";
import { answerQuestion, resumeGoal } from "./answers.ts";

const engines = ENGINES.filter(({ ok }) => ok);

test.each(engines)("an allowance lifts the goal, the day and the month: $name", async ({ open }) => {
  await using store = await open();
  await store.write("t.goal", (tx) =>
    addGoal(tx, { id: "goal_a", status: "paused", pause: "budget", reason: "the day is spent" }),
  );
  expect(await resumeGoal(store, "goal_a", null)).toContain("--allow");
  expect(await resumeGoal(store, "goal_a", 500)).toBeNull();
  const allowed = await store.read(async (read) => {
    const { day, month } = periods(read.now);
    const of = async (kind: "goal" | "day" | "month", id: string) =>
      (await listScopes(read, kind, false)).find((scope) => scope.id === id)?.allowed;
    return [await of("goal", "goal_a"), await of("day", day), await of("month", month)];
  });
  expect(allowed).toEqual([500, 500, 500]);
  expect(await store.read((read) => needGoal(read, "goal_a"))).toMatchObject({ status: "running", allowed: 500 });
});

test.each(engines)("of two answers to one question the first counts: $name", async ({ open }) => {
  await using store = await open();
  const about = { title: "Go on?", detail: "…", approveMeans: "go on", rejectMeans: "cancel" };
  await store.write("t.ask", async (tx) => {
    await addGoal(tx, { id: "goal_a", status: "paused", pause: "question", reason: "r" });
    await askQuestion(tx, { id: "ask_a", goalId: "goal_a", taskId: null, kind: "budget", ...about }, false);
  });
  const question = await store.read((read) => getQuestion(read, "ask_a"));
  if (!question) throw new Error("there is no question");
  const yes = { choice: "approve", note: null, version: null, drop: false, body: null } as const;
  expect(await answerQuestion(store, question, yes)).toBeNull();
  const { allowed } = await store.read((read) => needGoal(read, "goal_a"));
  expect(await answerQuestion(store, question, yes)).toBe("this question was answered already");
  expect((await store.read((read) => needGoal(read, "goal_a"))).allowed).toBe(allowed);
});
