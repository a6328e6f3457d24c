/** The workspace's documents: written again from the store with the same bytes, and never over what a person wrote. */

import { newId } from "../domain/id.ts";
import { addLearning } from "../store/learnings.ts";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import type { Plan } from "../domain/plan.ts";
import { versionsOf } from "../store/deliverables.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { testTeam, type TestTeam } from "../test/team.ts";
import { bodyOf } from "../workspace/document.ts";
import { outputPath } from "./output-file.ts";
import { reportPath } from "./report-file.ts";
import { writeGoal, writeLearnings } from "./scribe.ts";

const PLAN: Plan = {
  title: "One task",
  category: "content",
  pipeline: null,
  phases: [{ name: "Create", gate: false }],
  tasks: [{ key: "write", phase: "Create", skill: "copywriting", brief: "Write the page.", criteria: [], needs: [] }],
  assumptions: [],
  missing: [],
};

let it: TestTeam;
beforeAll(async () => {
  it = await testTeam();
});
afterAll(() => it[Symbol.asyncDispose]());

/** A finished goal of one task with its files. */
async function finished() {
  const goal = await it.run("Write a page", { plan: PLAN });
  const [task] = (await it.store.read((read) => tasksOfGoal(read, goal.id))).filter((entry) => entry.kind === "work");
  if (!task) throw new Error("no task");
  const { workspace } = it.team;
  const output = outputPath(it.team.registry, task);
  const report = reportPath(goal.id);
  const versions = () => it.store.read((read) => versionsOf(read, task.id));
  const text = async (path: string) => (await workspace.read(path)) ?? "(no file)";
  const edit = (path: string, words: string) => writeFile(workspace.resolve(path), words);
  return { goal, task, output, report, versions, text, edit, again: () => writeGoal(it.team, goal.id) };
}
const allFiles = (): Promise<string[]> =>
  Array.fromAsync(new Bun.Glob("{goals,outputs,reviews,memory}/**/*.md").scan({ cwd: it.team.workspace.root }));

describe("from the store", () => {
  test("what was deleted comes back with the same bytes, all of it", async () => {
    const { goal, output, report, again } = await finished();
    const { workspace } = it.team;
    await it.store.write("learning.add", (tx) =>
      addLearning(
        tx,
        {
          id: newId("learn"),
          statement: "Say the price.",
          skill: null,
          category: null,
          tags: [],
          confidence: 0.9,
          evidence: "a person",
          status: "active",
          origin: "person",
          rehearsal: false,
        },
        null,
      ),
    );
    await writeLearnings(it.team);
    const before = new Map<string, string | null>();
    for (const path of await allFiles()) before.set(path, await workspace.read(path));
    for (const path of [output, report, `reviews/write-${goal.id.slice(-8)}.md`, "memory/learnings.md"])
      expect(before.has(path)).toBe(true);
    for (const path of before.keys())
      if (path.includes(goal.id.slice(-8)) || path === "memory/learnings.md") await rm(workspace.resolve(path));
    await again();
    await writeLearnings(it.team);
    for (const [path, text] of before) expect([path, await workspace.read(path)]).toEqual([path, text]);
    expect((await allFiles()).sort()).toEqual([...before.keys()].sort());
  });

  test("writing again what is there changes nothing and makes no version", async () => {
    const { output, report, versions, text, again } = await finished();
    const before = [await text(output), await text(report)];
    await again();
    await again();
    expect([await text(output), await text(report)]).toEqual(before);
    expect((await versions()).length).toBe(1);
  });
});

describe("a person's edit", () => {
  test("of a report stays, and the new text goes beside it", async () => {
    const { report, text, edit, again } = await finished();
    const ours = await text(report);
    await edit(report, "My own report.\n");
    await again();
    expect(await text(report)).toBe("My own report.\n");
    expect(await text(report.replace(/\.md$/, ".new.md"))).toBe(ours);
  });

  test("of an output becomes a version of theirs and stays to the last byte", async () => {
    const { output, versions, text, edit, again } = await finished();
    const mine = "No frontmatter.\r\n\r\n# Mine\r\n\r\n";
    await edit(output, mine);
    await again();
    await again();
    expect(await text(output)).toBe(mine);
    const [, person, ...more] = await versions();
    expect([person?.origin, person?.body, more]).toEqual(["person", "No frontmatter.\n\n# Mine", []]);
  });

  test("that was deleted after it was taken in comes back with their words", async () => {
    const { output, text, edit, again } = await finished();
    await edit(output, "# Mine\n\nWords.\n");
    await again();
    await rm(it.team.workspace.resolve(output));
    await again();
    const written = await text(output);
    expect(written).toContain("by: person");
    expect(bodyOf(written)).toBe("# Mine\n\nWords.");
    await again();
    expect(await text(output)).toBe(written);
  });

  test("a second edit is a second version", async () => {
    const { output, versions, text, edit, again } = await finished();
    for (const words of ["# First\n", "# Second\n"]) {
      await edit(output, words);
      await again();
    }
    expect((await versions()).map((version) => [version.origin, version.revision])).toEqual([
      ["agent", 0],
      ["person", 1],
      ["person", 2],
    ]);
    expect(await text(output)).toBe("# Second\n");
  });

  test("an emptied file is no version: it stays empty, the approved text stays what counts", async () => {
    const { output, versions, text, edit, again } = await finished();
    for (const nothing of ["", "---\ngoal: x\n---\n\n"]) {
      await edit(output, nothing);
      await again();
      expect([await text(output), (await versions()).length]).toEqual([nothing, 1]);
    }
  });

  test("readers at once make one version of it", async () => {
    const { output, versions, edit, again } = await finished();
    await edit(output, "# Mine\n");
    await Promise.all([again(), again(), again(), again()]);
    expect((await versions()).length).toBe(2);
  });
});
