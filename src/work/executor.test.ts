/** Making a version: a revision as edits, and what is sent again while an agent looks things up. */

import { describe, expect, test } from "bun:test";
import type { Plan } from "../domain/plan.ts";
import { toWire } from "../model/claude/wire.ts";
import type { ModelRequest } from "../model/model.ts";
import { createPromptCache } from "../model/rehearsal/cache.ts";
import { readRequest } from "../model/rehearsal/request.ts";
import { reviewsOf, versionsOf } from "../store/deliverables.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { fakeHands, said, type FakeTool } from "../test/hands-fixture.ts";
import { reviewReplyFor, testTeam, type TestTeam } from "../test/team.ts";

const ONE: Plan = {
  title: "One page",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks: [{ key: "write", phase: "Create", skill: "copywriting", brief: "Write the page.", criteria: ["It is one."], needs: [] }],
  assumptions: [],
  missing: [],
};
const edit = (find: string, replace: string) => `<edit>\n<find>\n${find}\n</find>\n<replace>\n${replace}\n</replace>\n</edit>`;
const note = (answer: string) => `<handoff>\nanswers:\n- F1: ${answer}\nmissing:\n- the price\nassumed:\n- none\n</handoff>`;

/** One task whose first version is sent back; its revision is handed in as told, call by call, then the rehearsal writes. */
async function revised(replies: readonly ((before: string) => string)[]) {
  let before = "";
  let calls = 0;
  const it = await testTeam({
    override(asked, request) {
      if (asked.kind === "review") return reviewReplyFor(asked, asked.text.includes('<deliverable revision="0">') ? 6 : 9);
      if (asked.kind !== "make" || !asked.text.includes("<previous_version")) return null;
      before = /<previous_version[^>]*>\n([\s\S]*?)\n<\/previous_version>/.exec(textOf(request))?.[1] ?? "";
      const reply = replies[calls++]?.(before);
      return reply === undefined ? null : { text: reply };
    },
  });
  const goal = await it.run("Write a page", { plan: ONE });
  const task = (await it.store.read((read) => tasksOfGoal(read, goal.id))).find((entry) => entry.key === "write");
  if (!task) throw new Error("no task");
  const versions = await it.store.read((read) => versionsOf(read, task.id));
  return { it, goal, task, versions };
}

function textOf(request: ModelRequest): string {
  return request.messages
    .flatMap((message) => (message.role === "user" ? message.parts.map((part) => part.text) : []))
    .join("\n");
}

describe("a revision", () => {
  test("handed in as edits is the whole text with its passages replaced; its notes and answers count", async () => {
    const { it, goal, task, versions } = await revised([
      (before) => `${edit(before.split("\n")[0] ?? "", "# A page with a price")}\n\n${note("done")}`,
    ]);
    await using _ = it;
    expect([goal.status, task.status, task.revision]).toEqual(["completed", "done", 1]);
    const [first, second] = versions;
    expect(second?.body).toBe(`# A page with a price\n${first?.body.split("\n").slice(1).join("\n")}`);
    expect([second?.missing, second?.answers.map((entry) => entry.answer)]).toEqual([["the price"], ["done"]]);
    // Its reader sees the whole text.
    expect(it.asked.filter((asked) => asked.kind === "review").at(-1)?.text).toContain(second?.body ?? "never");
  });

  test("with an edit that has no place is asked for whole, once", async () => {
    const { it, task, versions } = await revised([() => `${edit("words that are not there", "x")}\n\n${note("done")}`]);
    await using _ = it;
    expect(task.status).toBe("done");
    const asked = it.asked.filter((entry) => entry.kind === "make").at(-1)?.text;
    expect(asked).toContain('not in the previous version: "words that are not there"');
    expect(versions.at(-1)?.body).not.toContain("<edit>");
    expect(versions).toHaveLength(2);
  });

  test("with misplaced edits time and again is no version: the task fails, and says why", async () => {
    const wrong = () => edit("words that are not there", "x");
    const { it, task, versions } = await revised([wrong, wrong, wrong]);
    await using _ = it;
    expect([task.status, versions.length]).toEqual(["failed", 1]);
    expect(task.reason).toContain("not in the previous version");
    expect(await it.store.read((read) => reviewsOf(read, task.id))).toHaveLength(1);
  });
});

/** The requests of one making call whose agent looks so often, with answers of so many characters. */
async function lookedUp(looks: number, chars: number): Promise<ModelRequest[]> {
  const requests: ModelRequest[] = [];
  const look: FakeTool = { name: "look", class: "read", answer: () => said("Visits by page and week. ".repeat(chars / 25)) };
  await using it: TestTeam = await testTeam({
    override(asked, request) {
      if (asked.kind !== "make") return asked.kind === "review" ? reviewReplyFor(asked, 9) : null;
      requests.push(request);
      const turn = requests.length - 1;
      return turn < looks ? { stop: "tool_use", uses: [{ id: `use_${turn}`, name: "web__look", input: { page: turn } }] } : null;
    },
  });
  Object.assign(it.team, { hands: fakeHands(it.store, it.presence.processId, [look], { secrets: [] }) });
  await it.run("Write a page", { plan: ONE });
  // What it writes then, the rehearsal says: it may look into a reference first.
  return requests.slice(0, looks + 1);
}

test("what was said before is read from the cache at each look, not sent anew", async () => {
  const cache = createPromptCache({ minTokens: 1_024 });
  const usage = (await lookedUp(8, 8_000)).map((request, i) => {
    const read = readRequest(
      toWire(request, (schema) => schema),
      { counting: false },
    );
    if ("error" in read) throw new Error(read.error.message);
    const looked = cache.lookUp(read.request, i);
    looked.begin(i);
    return looked.usage;
  });
  expect(usage).toHaveLength(9);
  const rest = usage.slice(1);
  const whole = rest.reduce((sum, entry) => sum + entry.input + entry.read + entry.write5m + entry.write1h, 0);
  const read = rest.reduce((sum, entry) => sum + entry.read, 0);
  expect(read / whole).toBeGreaterThan(0.8);
  // The prompt in five-minute prices: a write 1.25, a read 0.05. Without the turns' breakpoints it is 0.67 of the full rate.
  const paid = rest.reduce((sum, entry) => sum + entry.input + 1.25 * entry.write5m + 0.05 * entry.read, 0);
  expect(paid / whole).toBeLessThan(0.3);
});
