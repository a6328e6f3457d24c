/** What counts as a person's edit, also while we write the same file ourselves. */

import { expect, test } from "bun:test";
import { versionsOf } from "../store/deliverables.ts";
import { noteFile } from "../store/files.ts";
import { tasksOfGoal } from "../store/tasks.ts";
import { testTeam } from "../test/team.ts";
import { takeInEdit } from "./inputs.ts";
import type { Team } from "./team.ts";

test("a text of ours that is replaced while it is being read is no person's edit", async () => {
  await using it = await testTeam();
  const goal = await it.run("Increase signup conversion by 20%");
  const task = (await it.store.read((read) => tasksOfGoal(read, goal.id))).find((entry) => entry.kind === "work");
  if (!task) throw new Error("no work");
  const before = (await it.store.read((read) => versionsOf(read, task.id))).length;
  const racing: Team = {
    ...it.team,
    workspace: {
      ...it.team.workspace,
      // The old text has been read; before anything else happens the scribe has written and noted a newer one.
      async read(path) {
        const text = await it.team.workspace.read(path);
        await it.store.write("file.note", (tx) => noteFile(tx, { path, hashes: ["the-newer-one"], taskId: task.id }));
        return text;
      },
    },
  };
  expect(await takeInEdit(racing, task)).toBe(false);
  expect((await it.store.read((read) => versionsOf(read, task.id))).length).toBe(before);
});
