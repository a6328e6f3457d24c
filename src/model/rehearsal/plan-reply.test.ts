/** Plans: valid whatever the goal, chosen by its words, adapted from a pipeline where one fits. */

import { expect, test } from "bun:test";
import { z } from "zod";
import { plan as planShape, planProblems, planTask } from "../../domain/plan.ts";
import { CATEGORIES, PIPELINES, SQUADS, TEAM, ask, open, planPrompt } from "./rehearsal.fixture.ts";

// As the Director asks for it: the list of reviewers is required on the wire, and may be empty.
const planReply = planShape.extend({ tasks: z.array(planTask.extend({ reviewers: z.array(z.string()), variants: z.number() })) });
const registry = (last: string[]) => ({
  skills: new Map(TEAM.map(({ skill, squad }) => [skill, { squad }])),
  categories: CATEGORIES.map((entry) => entry.category),
  pipelines: PIPELINES.map((entry) => entry.pipeline),
  lastSquads: last,
});

test.each([
  "A calmer dining room and a shorter wait at the door",
  "Improve the booking form so that more reservations come in",
  "Write a seasonal menu for autumn, from study to tasting",
  "New dishes for families",
  "Find out which recipe guests like better",
  "Steigere die Buchungen um 20 %",
  "x",
])("plans are valid for the goal: %s", async (goal) => {
  await using at = open();
  for (const last of [["numbers"], [], ["numbers", "front"], SQUADS])
    for (const category of [undefined, "menus", "service"]) {
      const plan = await ask(at.client, planReply, planPrompt(goal, { last, ...(category ? { category } : {}) }));
      expect(planProblems(plan, registry(last), { template: plan.pipeline !== null })).toEqual([]);
      if (category) expect(plan.category).toBe(category);
      expect(plan.title).toStartWith("Rehearsal: ");
      expect(plan.missing).toEqual(["The product context says nothing about: Proof points"]);
      for (const task of plan.tasks) {
        expect(task.brief).toContain(goal);
        expect(task.criteria.length).toBeGreaterThan(1);
      }
    }
});

test("the words of the goal choose the category, the skills and their order", async () => {
  await using at = open();
  const plan = await ask(
    at.client,
    planReply,
    planPrompt("Guests wait too long when they are received: improve booking and greeting"),
  );
  expect([plan.category, plan.pipeline]).toEqual(["service", null]);
  expect(plan.tasks.length).toBeWithin(3, 8);
  const skills = plan.tasks.map((task) => task.skill);
  expect(skills).toContain("booking-flow");
  expect(plan.phases.at(-1)).toEqual({ name: "Check", gate: false });
  const last = plan.tasks.filter((task) => task.phase === "Check");
  expect(last.every((task) => ["till-report", "taste-test"].includes(task.skill) && task.needs.length > 0)).toBe(true);
});

test("gates stand where the route has them, and skills wait for what they need", async () => {
  await using at = open();
  const plan = await ask(at.client, planReply, planPrompt("Better dishes", { category: "menus" }));
  expect(plan.pipeline).toBeNull();
  expect(plan.phases[0]).toEqual({ name: "Study", gate: true });
  expect(plan.tasks.find((task) => task.skill === "guest-study")?.needs).toEqual([]);
  const writing = plan.tasks.filter((task) => task.phase === "Write");
  expect(writing.length).toBeGreaterThan(0);
  expect(writing.every((task) => task.needs.length > 0)).toBe(true);
});

test("a pipeline that fits is adapted: its tasks, phases, gates and reviewers stay, the briefs speak of the goal", async () => {
  await using at = open();
  const goal = "A seasonal autumn menu that families order from";
  const plan = await ask(at.client, planReply, planPrompt(goal));
  const [template] = PIPELINES;
  expect(plan.pipeline).toBe("Autumn Menu");
  expect(plan.phases).toEqual(template?.phases ?? []);
  expect(plan.tasks.map(({ key, needs, reviewers }) => ({ key, needs, reviewers }))).toEqual(
    template?.tasks.map(({ key, needs, reviewers }) => ({ key, needs, reviewers })) ?? [],
  );
  expect(plan.tasks[0]?.criteria).toContain("guest-study can be served tomorrow");
  const bad = [
    { role: "assistant" as const, content: JSON.stringify(plan) },
    { role: "user" as const, content: "<problems>\nunknown skill\n</problems>\nMend it." },
  ];
  const repaired = await ask(at.client, planReply, planPrompt(goal), bad);
  expect(repaired.pipeline).toBeNull();
  expect(planProblems(repaired, registry(["numbers"]), { template: false })).toEqual([]);
});

test("a plan without a product context says so", async () => {
  await using at = open();
  const plan = await ask(at.client, planReply, planPrompt("New dishes", { context: null }));
  expect(plan.missing.join()).toContain("no product context");
});
