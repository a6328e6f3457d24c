/** Names for completion: what the lists of the store say, without opening it. */

import { afterEach, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLog } from "../../log/log.ts";
import { tempDir } from "../../test/cli.ts";
import { addGoal } from "../../test/small-store.ts";
import { listGoals } from "../goals.ts";
import { addLearning, changeLearning, listLearnings } from "../learnings.ts";
import { askQuestion, listQuestions } from "../questions.ts";
import { readNames, type NamedRows } from "./names.ts";
import { openSqliteStore } from "./store.ts";

const dirs: Awaited<ReturnType<typeof tempDir>>[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await dir[Symbol.asyncDispose]();
});

async function folder() {
  const dir = await tempDir();
  dirs.push(dir);
  return dir.path;
}

const open = (path: string, tenant = "default") =>
  openSqliteStore({ path, tenant, now: Date.now, log: silentLog, reached: () => {} });
const names = (path: string, rows: NamedRows, most = 50) => readNames(path, { tenant: "default", rows, most });

test("are those that the lists have, in their order", async () => {
  const path = join(await folder(), "a.db");
  const others = await open(path, "others");
  await others.write("t.fill", (tx) => addGoal(tx, { id: "goal_x" }));
  await others.close();
  const store = await open(path);
  try {
    const learning = { skill: null, category: null, tags: [], confidence: 0.5, evidence: "seen", origin: "person" } as const;
    await store.write("t.fill", async (tx) => {
      for (const id of ["goal_a", "goal_c", "goal_b"]) await addGoal(tx, { id });
      for (const goalId of ["goal_a", "goal_b"])
        await askQuestion(
          tx,
          {
            id: `ask_${goalId}`,
            goalId,
            taskId: null,
            kind: "plan",
            title: `of ${goalId}`,
            detail: "",
            approveMeans: "",
            rejectMeans: "",
          },
          false,
        );
      const made = { ...learning, status: "active" } as const;
      await addLearning(tx, { ...made, id: "learn_a", statement: "Say the price on the button", rehearsal: false }, null);
      await addLearning(tx, { ...made, id: "learn_b", statement: "Write short subject lines", rehearsal: false }, null);
      await addLearning(tx, { ...made, id: "learn_c", statement: "Never promise a date", rehearsal: true }, null);
      await addLearning(tx, { ...made, id: "learn_d", statement: "Ask one thing a mail", rehearsal: false }, null);
      await changeLearning(tx, "learn_b", { status: "retired" });
    });
    const [goals, questions, learnings] = await store.read(async (read) => [
      await listGoals(read),
      await listQuestions(read, { status: "open" }),
      await listLearnings(read, { rehearsal: false }),
    ]);
    // Beside a store that is open, whose newest changes may stand in the -wal file alone.
    expect(names(path, "goals")).toEqual(goals.map((goal) => [goal.id, `${goal.status}: ${goal.title}`]));
    expect(names(path, "goals", 2).map(([id]) => id)).toEqual(["goal_c", "goal_b"]);
    expect(names(path, "questions")).toEqual(questions.map((question) => [question.id, question.title]));
    expect(questions).toHaveLength(2);
    expect(names(path, "learnings")).toEqual(learnings.map((one) => [one.id, one.statement]));
    expect(learnings.map((one) => one.id)).toEqual(["learn_d", "learn_a"]);
    expect(names(path, "inbox")).toEqual([]);
  } finally {
    await store.close();
  }
});

test("sees what a killed process left in the log, and leaves no file of its own", async () => {
  const from = await folder();
  const to = await folder();
  const store = await open(join(from, "a.db"));
  await store.write("t.fill", (tx) => addGoal(tx, { id: "goal_a" }));
  for (const ending of ["", "-wal"]) await copyFile(join(from, `a.db${ending}`), join(to, `a.db${ending}`));
  await store.close();
  expect(names(join(to, "a.db"), "goals").map(([id]) => id)).toEqual(["goal_a"]);
  expect(await readdir(to)).toEqual(["a.db"]);
});

test("a file that is empty beside its log is left alone: opening it would throw the log away", async () => {
  const path = await folder();
  await writeFile(join(path, "lost.db"), "");
  await writeFile(join(path, "lost.db-wal"), "all that there is");
  expect(() => names(join(path, "lost.db"), "goals")).toThrow();
  expect(await readFile(join(path, "lost.db-wal"), "utf8")).toBe("all that there is");
});

test("makes no database, and throws for what is none of ours", async () => {
  const path = await folder();
  expect(() => names(join(path, "missing.db"), "goals")).toThrow();
  expect(await readdir(path)).toEqual([]);
  await writeFile(join(path, "broken.db"), "this is no database");
  expect(() => names(join(path, "broken.db"), "goals")).toThrow();
  new Database(join(path, "strange.db")).run("create table t (a)");
  expect(() => names(join(path, "strange.db"), "goals")).toThrow();
});
