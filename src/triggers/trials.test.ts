/** Trials by the clock: one process takes a tick, within its budget, and nothing is made up for. */

import { expect, test } from "bun:test";
import { newId } from "../domain/id.ts";
import type { Plan } from "../domain/plan.ts";
import { addLearning, getLearning } from "../store/learnings.ts";
import { trialsOf } from "../store/trials.ts";
import { ENGINES } from "../test/engines.ts";
import { json, reviewReplyFor, testTeam, type TestTeam } from "../test/team.ts";
import { createTrials } from "./trials.ts";

const never = new AbortController().signal;
const HOUR = 3_600_000;
const PLAN: Plan = {
  title: "Pages",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks: Array.from({ length: 6 }, (_, i) => ({
    key: `page-${i}`,
    phase: "Create",
    skill: "copywriting",
    brief: `Write page ${i}.`,
    criteria: ["x"],
    needs: [],
  })),
  assumptions: [],
  missing: [],
};

/** Six finished pages, and a hypothesis whose every trial is lost. */
async function scene() {
  const it = await testTeam({
    registry: (registry) => ({
      ...registry,
      skills: new Map([...registry.skills].map(([name, skill]) => [name, { ...skill, sections: [] }])),
    }),
    override: (asked) => {
      if (asked.text.includes("<second>"))
        return json({ better: /<first>[\s\S]*harmful[\s\S]*<\/first>/.test(asked.text) ? "second" : "first", reason: "Plain." });
      if (asked.kind === "make")
        return { text: `# Page\n\n${"A sentence. ".repeat(30)}${asked.text.includes("Planted") ? "harmful" : ""}` };
      return asked.kind === "review" ? reviewReplyFor(asked, 9) : null;
    },
  });
  await it.run("Write pages", { plan: PLAN });
  const id = newId("learn");
  const learning = {
    id,
    statement: "Planted advice",
    skill: "copywriting",
    category: null,
    tags: [],
    confidence: 0.5,
    evidence: "",
    status: "hypothesis",
    origin: "review",
    rehearsal: false,
  } as const;
  await it.store.write("learning.add", (tx) => addLearning(tx, learning, null));
  return { it, id };
}

const clocked = (it: TestTeam, now: () => number, budget = 5) =>
  createTrials({
    team: { ...it.team, now },
    plan: { cron: "0 * * * *", zone: "UTC", budget, enabled: true },
    rehearsal: false,
    stop: never,
    abort: never,
  });

test("the first look only begins to count; a tick is taken by one of two, and decides; what was missed is not made up for", async () => {
  const { it, id } = await scene();
  await using team = it;
  let clock = Date.now();
  const [one, other] = [clocked(team, () => clock), clocked(team, () => clock)];
  const first = await one.look();
  expect(first).toBeGreaterThan(clock);
  expect(await team.store.read((read) => trialsOf(read, [id]))).toEqual([]);
  clock += 5 * HOUR;
  await Promise.all([one.look(), other.look()]);
  expect((await team.store.read((read) => trialsOf(read, [id]))).length).toBe(6);
  expect((await team.store.read((read) => getLearning(read, id)))?.status).toBe("pruned");
  const asked = team.asked.length;
  await one.look();
  expect(team.asked.length).toBe(asked);
}, 20_000);

test("it spends no more than its budget, and says why it stopped", async () => {
  const { it, id } = await scene();
  await using team = it;
  let clock = Date.now();
  const trials = clocked(team, () => clock, 0.001);
  await trials.look();
  clock += 2 * HOUR;
  await trials.look();
  expect(await team.store.read((read) => trialsOf(read, [id]))).toEqual([]);
}, 20_000);

for (const engine of ENGINES)
  test.skipIf(!engine.ok)(`${engine.name}: of many processes at one tick, one takes it`, async () => {
    await using store = await engine.open();
    await using team = await testTeam({});
    let clock = Date.now();
    let taken = 0;
    const log = { ...team.team.log, child: () => log, info: () => void taken++ };
    const all = Array.from({ length: 8 }, () =>
      createTrials({
        team: { ...team.team, store, log, now: () => clock },
        plan: { cron: "0 * * * *", zone: "UTC", budget: 5, enabled: true },
        rehearsal: false,
        stop: never,
        abort: never,
      }),
    );
    await Promise.all(all.map((one) => one.look()));
    expect(taken).toBe(0);
    for (let tick = 1; tick <= 3; tick++) {
      clock += HOUR;
      await Promise.all(all.map((one) => one.look()));
      expect(taken).toBe(tick);
    }
  });
