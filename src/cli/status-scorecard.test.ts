/** `status --scorecard` on the real command line: an empty place, a known store, and its JSON. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DATABASE } from "../bootstrap/store.ts";
import { silentLog } from "../log/log.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { scorecardResult } from "../telemetry/scorecard.ts";
import { command, tempDir } from "../test/cli.ts";
import { addGoal, addQuestion, HOUR } from "../test/small-store.ts";

async function scorecard(workspace: string, ...more: string[]) {
  const run = await command(["status", "--scorecard", "--workspace", workspace, ...more]);
  expect([run.code, run.stderr]).toEqual([0, ""]);
  return run.stdout;
}

describe("status --scorecard", () => {
  test("before anything was done it has dashes, and makes no store", async () => {
    await using dir = await tempDir();
    const workspace = join(dir.path, "workspace");
    const text = await scorecard(workspace);
    expect(text).toContain("The last 30 days");
    expect(text).toMatch(/Goals completed +–/);
    expect(scorecardResult.parse(JSON.parse(await scorecard(workspace, "--json")))).toMatchObject({ rehearsal: null });
    expect(await Bun.file(join(workspace, DATABASE)).exists()).toBe(false);
  });

  test("real work and rehearsals in columns of their own", async () => {
    await using dir = await tempDir();
    const path = join(dir.path, DATABASE);
    const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached: () => {} });
    const now = Date.now();
    await store.write("test.fill", async (tx) => {
      await addGoal(tx, { id: "goal_1", status: "completed", created_at: now - HOUR, ended_at: now - 1000 });
      await addGoal(tx, { id: "goal_2", status: "failed", created_at: now - HOUR, ended_at: now - 1000 });
      await addGoal(tx, { id: "goal_3", status: "completed", rehearsal: 1, created_at: now - HOUR, ended_at: now - 1000 });
      await addQuestion(tx, { id: "ask_1", goal_id: "goal_1", created_at: now - 1000 });
    });
    await store.close();
    const text = await scorecard(dir.path);
    expect(text).toMatch(/real work +rehearsals/);
    expect(text).toMatch(/Goals completed +1 of 2 that ended +1 of 1 that ended/);
    const card = scorecardResult.parse(JSON.parse(await scorecard(dir.path, "--json")));
    expect(card.real).toMatchObject({ goalsEnded: 2, goalsCompleted: 1, questions: 1 });
    expect(card.rehearsal).toMatchObject({ goalsEnded: 1, questions: 0 });
  });
});
