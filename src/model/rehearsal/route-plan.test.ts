/** Routes: who is chosen for a phase, and that squads that come last stay behind all others. */

import { expect, test } from "bun:test";
import { planRoute } from "./route-plan.ts";
import type { RouteStep } from "./team-shown.ts";

const step = (phase: string, ...squads: string[]): RouteStep => ({ phase, squads, skills: [], gate: false });
const member = (skill: string, squad: string, needs: string[] = [], feeds: string[] = []) => ({
  skill,
  squad,
  role: skill,
  needs,
  feeds,
});
const shown = (team: ReturnType<typeof member>[]) => ({ team, categories: [], templates: [], lastSquads: ["last"] });

test("nobody outside the last squads waits for them, even when a skill builds on one", () => {
  const team = [member("count", "last"), member("cook", "first", ["count"]), member("serve", "first", ["cook"])];
  const { tasks } = planRoute("cook and serve and count", [step("All", "first", "last")], shown(team), 1);
  expect(tasks.map(({ key, needs }) => [key, needs])).toEqual([
    ["count", []],
    ["cook", []],
    ["serve", ["cook"]],
  ]);
});

test("a phase of last squads goes to the end, wherever the route has it", () => {
  const team = [member("count", "last"), member("cook", "first"), member("serve", "second")];
  const { phases, tasks } = planRoute(
    "x",
    [step("Count", "last"), step("Cook", "first"), step("Serve", "second")],
    shown(team),
    1,
  );
  expect(phases.map((phase) => phase.name)).toEqual(["Cook", "Serve", "Count"]);
  expect(tasks.map((task) => task.needs)).toEqual([[], ["cook"], ["serve"]]);
});

test("where the goal's words say nothing, a skill that the chosen ones feed is taken", () => {
  const team = [
    member("audit", "first", [], ["mend"]),
    member("paint", "second"),
    member("mend", "second"),
    member("sell", "second"),
  ];
  for (let seed = 0; seed < 30; seed++) {
    const { tasks } = planRoute(
      "audit",
      [step("Audit", "first"), step("Create", "second"), step("End", "none")],
      shown(team),
      seed,
    );
    expect(tasks.find((task) => task.key === "mend")?.needs).toEqual(["audit"]);
  }
});

test("skills that need each other still make an order, and keys are never used twice", () => {
  const team = [member("a_b", "first", ["a-b"]), member("a-b", "first", ["a_b"]), member("c", "first")];
  const { tasks } = planRoute("a b c", [step("All", "first")], shown(team), 1);
  expect(new Set(tasks.map((task) => task.key)).size).toBe(3);
  expect(tasks.every((task, i) => task.needs.every((need) => tasks.slice(0, i).some((other) => other.key === need)))).toBe(true);
});
