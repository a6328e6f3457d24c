/** The Director's reviews: what it reads, the dated report, five lines, and the goals that it may start, never another review. */

import { describe, expect, test } from "bun:test";
import { planFromPipeline } from "../skills/pipeline-plan.ts";
import { silentLog } from "../log/log.ts";
import type { Message } from "../notify/channel.ts";
import { createNotifier } from "../notify/notifier.ts";
import { nano } from "../domain/money.ts";
import { versionsOf } from "../store/deliverables.ts";
import { listGoals, needGoal } from "../store/goals.ts";
import { listQuestions } from "../store/questions.ts";
import { listEvents } from "../store/events.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { json, testTeam, type Asked, type TestTeam } from "./team.ts";

const REVIEW = "Director Morning Review";
const isLook = (asked: Asked) => asked.text.includes("<state_of_work>");
const reply = (goals: object[] = [], lines = ["All is well."]) =>
  json({ report: "## What is done\n\nA page.", five_lines: lines, goals });
const wish = (text: string, more: object = {}) => ({ text, category: null, priority: "P2", why: "The page waits.", ...more });

function reviewPlan(it: TestTeam) {
  const pipeline = it.team.registry.pipelines.get(REVIEW);
  if (!pipeline) throw new Error("no such pipeline");
  return planFromPipeline(REVIEW, pipeline, null);
}
const review = (it: TestTeam, more: object = {}) => it.run(REVIEW, { plan: reviewPlan(it), ...more });
const startedBy = async (it: TestTeam, id: string) =>
  (await it.store.read((read) => listGoals(read, { limit: 50 }))).filter((goal) => goal.source === `review:${id}`);

describe("a review", () => {
  test("reads goals, works, questions, money and learnings since the last one, and hands in a report with five lines", async () => {
    await using it = await testTeam({ override: (asked) => (isLook(asked) ? reply() : null) });
    await it.run("Write one post", { plan: null });
    const goal = await review(it);
    expect(goal.status).toBe("completed");
    const asked = it.asked.find(isLook)?.text ?? "";
    for (const heading of ["Period", "Goals, newest first", "Works by skill", "Open questions", "Money", "New learnings"])
      expect(asked).toContain(`## ${heading}`);
    expect(asked).toContain("the first review of this kind");
    expect(asked).toMatch(/month \d{4}-\d{2}: \$/);
    const [task] = (await it.store.read((read) => tasksOfGoal(read, goal.id))).filter((entry) => entry.kind === "work");
    const [version] = await it.store.read((read) => versionsOf(read, task?.id ?? ""));
    expect(version?.body).toStartWith(`# ${REVIEW}\n\n## In five lines\n\n- All is well.`);
    expect(version?.body).toEndWith("## Goals started\n\nNone.");
    const written = (await it.store.read((read) => listEvents(read, { goalId: goal.id }))).find(
      (event) => event.type === "review.written",
    );
    expect(written).toMatchObject({ lines: ["All is well."], started: [] });
    // The next one begins where this one ended.
    const second = await review(it);
    expect(it.asked.filter(isLook).at(-1)?.text).toContain(`since the last review of this kind (${goal.id})`);
    expect(second.status).toBe("completed");
  });

  test("starts at most three goals, inside a purse of their own, and says which", async () => {
    await using it = await testTeam({
      override: (asked) => (isLook(asked) ? reply([wish("Mend the page"), wish("Ask ten users")]) : null),
    });
    const goal = await review(it);
    const started = await startedBy(it, goal.id);
    expect(started.map((entry) => entry.text.split("\n")[0]).sort()).toEqual(["Ask ten users", "Mend the page"]);
    // Together not more than one goal's cap.
    expect(started.reduce((sum, entry) => sum + entry.cap, 0)).toBeLessThanOrEqual(nano(20));
    expect(started.every((entry) => entry.status === "running" && entry.priority === "P2")).toBe(true);
    expect(started[0]?.text).toContain("Started by the Director: The page waits.");
  });

  test("four goals, six lines or an unknown category are repaired once, then a person is asked", async () => {
    const four = Array.from({ length: 4 }, (_, i) => wish(`Goal ${i}`));
    await using it = await testTeam({
      override: (asked) =>
        isLook(asked)
          ? reply(
              [...four, wish("x", { category: "nonsense" })],
              Array.from({ length: 6 }, () => "line"),
            )
          : null,
    });
    const goal = await review(it);
    expect([goal.status, goal.pause]).toEqual(["paused", "question"]);
    const looks = it.asked.filter(isLook);
    expect(looks.length).toBe(2);
    for (const problem of ["at most 3", "at most 5", 'no category "nonsense"']) expect(looks[1]?.text).toContain(problem);
    expect(await startedBy(it, goal.id)).toEqual([]);
    expect((await it.store.read((read) => listQuestions(read, { goalId: goal.id, status: "open" }))).length).toBe(1);
  });

  test("a goal that a review started starts none itself, and cannot be planned as a review", async () => {
    await using it = await testTeam({
      override: (asked) => {
        if (isLook(asked)) return reply([wish("Look once more")]);
        if (asked.kind !== "plan") return null;
        return json({ ...reviewPlan(it), tasks: reviewPlan(it).tasks.map((task) => ({ ...task, reviewers: [], variants: 1 })) });
      },
    });
    const asReview = await review(it, { source: "review:goal_x" });
    expect(await startedBy(it, asReview.id)).toEqual([]);
    const planned = await it.accept("Look once more", { source: "review:goal_x" });
    const ended = await it.work(planned);
    expect(ended.status).toBe("failed");
    expect((await it.store.read((read) => needGoal(read, planned))).reason).toContain("cannot be a review itself");
  });

  test("the person is told of it in its five lines", async () => {
    await using it = await testTeam({
      override: (asked) => (isLook(asked) ? reply([], ["Signups fell by 3 %.", "One question waits."]) : null),
    });
    const told: Message[] = [];
    const notifier = createNotifier({
      store: it.store,
      channels: [{ name: "team", outside: false, send: async (message) => (told.push(message), { ok: true }) }],
      route: () => ["team"],
      quiet: null,
      digest: null,
      secrets: [],
      now: Date.now,
      log: silentLog,
    });
    await notifier.look();
    await review(it);
    for (let next = (await notifier.look()).next; told.length === 0 && next !== null; next = (await notifier.look()).next)
      await Bun.sleep(Math.max(1, next - Date.now()));
    await notifier.close();
    expect(told[0]?.title).toBe(REVIEW);
    expect(told[0]?.text).toStartWith("Signups fell by 3 %.\nOne question waits.");
  });

  test("on the rehearsal: one goal where something came to a stop, none where all is quiet", async () => {
    await using it = await testTeam();
    const quiet = await review(it);
    expect([quiet.status, (await startedBy(it, quiet.id)).length]).toEqual(["completed", 0]);
  });
});
