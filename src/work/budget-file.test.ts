/** The day's budget as a document, after a real goal; and what of its prompts came from the cache. */

import { expect, test } from "bun:test";
import { periods } from "../domain/budget.ts";
import { dollars } from "../domain/money.ts";
import { cacheShare } from "../journal/cache-share.ts";
import { callsOfGoal } from "../store/calls.ts";
import { listScopes } from "../store/scopes.ts";
import { reviewReplyFor, testTeam } from "../test/team.ts";
import { budgetPath, composeBudget } from "./budget-file.ts";

test("a real goal leaves the day's budget: what the scopes say, by goal, skill and model", async () => {
  await using it = await testTeam();
  const goal = await it.run("Increase signup conversion by 20%");
  expect(goal.status).toBe("completed");
  const { day } = periods(Date.now());
  const text = (await it.team.workspace.read(budgetPath(day))) ?? "";
  const spent = (await it.store.read((read) => listScopes(read, "day", false)))[0]?.spent ?? -1;
  expect(text).toContain(`| day ${day} | ${dollars(spent)} |`);
  expect(text).toContain(`- ${goal.title}: ${dollars(spent)} in `);
  for (const heading of ["## By goal", "## By skill", "## By model"]) expect(text).toContain(heading);
});

test("a rehearsal leaves none: it informs nothing real", async () => {
  await using it = await testTeam();
  await it.run("Increase signup conversion by 20%", { rehearsal: true });
  expect(await it.store.read((read) => composeBudget(read, it.team.caps))).toBeNull();
  expect(await it.team.workspace.read(budgetPath(periods(Date.now()).day))).toBeNull();
});

test("of calls that follow one of the same skill and model, at least 80 % of the stable parts are cache reads", async () => {
  await using it = await testTeam({
    // Every first version is sent back, so that every skill of the goal is called for again.
    override: (asked) =>
      asked.kind === "review" && asked.text.includes('<deliverable revision="0">') ? reviewReplyFor(asked, 6) : null,
  });
  const goal = await it.run("Increase signup conversion by 20%");
  const { eligible, share } = cacheShare(await it.store.read((read) => callsOfGoal(read, goal.id)));
  expect(eligible).toBeGreaterThanOrEqual(4);
  expect(share ?? 0).toBeGreaterThanOrEqual(0.8);
});
