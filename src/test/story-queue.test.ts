/** Stories of `queue` and `queue redrive` through the real command line: without Redis, and with a real one that holds dead letters. */

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DATABASE } from "../bootstrap/store.ts";
import { silentLog, type Log } from "../log/log.ts";
import { createBullmqQueue, queuePrefix } from "../queue/bullmq/bullmq.ts";
import { ownRedis, startRedis } from "../queue/bullmq/test-server.ts";
import { initMeta } from "../store/meta.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { command, tempDir } from "./cli.ts";
import { addGoal, addTask, NOON } from "./small-store.ts";

const REASON = "the handler broke \u001b[2Jon purpose";
const story = (name: string, body: () => Promise<void>) => test(name, body, 60_000);

/** A workspace with a running goal: one task is ready, one has failed. */
async function makeWorkspace() {
  const dir = await tempDir();
  const workspace = join(dir.path, "workspace");
  const path = join(workspace, DATABASE);
  const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached() {} });
  const project = await store.write("test.fill", async (tx) => {
    await addGoal(tx, { id: "goal_a", title: "More signups" });
    await addTask(tx, { id: "task_ready", goal_id: "goal_a", key: "write-1" });
    const failed = { status: "failed", reason: "it ended in an error 5 times", ended_at: NOON };
    await addTask(tx, { id: "task_failed", goal_id: "goal_a", key: "write-2", ...failed });
    await addTask(tx, { id: "task_played", goal_id: "goal_a", key: "write-3", rehearsal: 1, ...failed });
    return initMeta(tx, "project", "test-project");
  });
  await store.close();
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    command(["queue", ...args, "--workspace", workspace], { env, cwd: dir.path });
  return { prefix: queuePrefix({ tenant: "default", project }), run, [Symbol.asyncDispose]: dir[Symbol.asyncDispose] };
}

describe("without Redis", () => {
  story(
    "the queue says in one line that it has no dead letters; what failed is listed with what `resume` does about it",
    async () => {
      await using at = await makeWorkspace();
      const list = await at.run([]);
      expect(list).toMatchObject({ code: 0, stderr: "" });
      expect(list.stdout).toStartWith("No Redis is set, so there are no dead letters:");
      expect(list.stdout).toMatch(/task_failed +write-2 +goal_a \(running\) +it ended in an error 5 times/);
      expect(list.stdout).toContain("`resume` does not try it again");
      expect(list.stdout).not.toContain("task_played");
      expect(JSON.parse((await at.run(["--json"])).stdout)).toEqual({
        ...{ path: "embedded", held: null, deadLetters: [] },
        failedTasks: [
          {
            ...{ task: "task_failed", key: "write-2", goal: "goal_a", title: "More signups", goalStatus: "running" },
            ...{ reason: "it ended in an error 5 times", at: new Date(NOON).toISOString() },
          },
        ],
      });
      const redrive = await at.run(["redrive"]);
      expect(redrive).toMatchObject({ code: 0, stderr: "" });
      expect(redrive.stdout.trimEnd().split("\n")).toHaveLength(1);
      expect(JSON.parse((await at.run(["redrive", "--json"])).stdout)).toEqual({ path: "embedded", redriven: 0 });
    },
  );

  story("an empty workspace has nothing to list and gets no store; a wrong word is told in one line", async () => {
    await using dir = await tempDir();
    const workspace = join(dir.path, "workspace");
    const run = (...args: string[]) => command(["queue", ...args, "--workspace", workspace], { cwd: dir.path });
    expect(await run()).toMatchObject({ code: 0, stderr: "" });
    expect(await Bun.file(join(workspace, DATABASE)).exists()).toBe(false);
    const wrong = await run("redrve");
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toBe('error: queue cannot "redrve"\n  did you mean "redrive"?\n');
  });
});

const redis = ownRedis(process.env) ? await startRedis() : null;
afterAll(() => redis?.[Symbol.asyncDispose]());

describe.skipIf(redis === null)("with Redis", () => {
  const url = redis?.url ?? "";

  story("a dead letter is listed with its task, goal and reason; redriven, a listening process gets it again", async () => {
    await using at = await makeWorkspace();
    const env = { REDIS_URL: url, LOG_LEVEL: "error" };
    const dead = Promise.withResolvers<void>();
    const again = Promise.withResolvers<readonly string[] | null>();
    let [broken, left] = [true, 2];
    const log: Log = {
      ...silentLog,
      error: (message) => void (message.includes("dead letter") && --left === 0 && dead.resolve()),
    };
    const process = await createBullmqQueue({ url, prefix: at.prefix, attempts: 1, log });
    try {
      const heard: string[] = [];
      process.listen((ids) => {
        if (ids === null) return;
        if (broken) throw new Error(REASON);
        heard.push(...ids);
        if (heard.length === 2) again.resolve(heard);
      });
      process.signal(["task_ready", "task_gone"]);
      await dead.promise;
      broken = false;

      const list = await at.run([], env);
      expect(list).toMatchObject({ code: 0, stderr: "" });
      expect(list.stdout).toContain("In Redis: 0 waiting, 0 for later, 0 being handled, 2 dead.");
      expect(list.stdout).toMatch(/task_ready +write-1 \(ready\) +goal_a +the handler broke \[2Jon purpose +1 ×/);
      expect(list.stdout).toMatch(/task_gone +unknown here/);
      expect(list.stdout).not.toContain("\u001b");
      const told = JSON.parse((await at.run(["--json"], env)).stdout) as { deadLetters: object[] };
      expect(told).toMatchObject({ path: "redis", held: { dead: 2 } });
      expect(told.deadLetters).toContainEqual({
        ...{ task: "task_ready", key: "write-1", status: "ready", goal: "goal_a", title: "More signups" },
        ...{ reason: REASON, attempts: 1, at: expect.stringMatching(/^2\d{3}-.*Z$/) },
      });

      expect(await at.run(["redrive", "task_x"], env)).toMatchObject({
        code: 2,
        stderr: 'error: there is no dead letter of "task_x"\n  see `bun run start queue`\n',
      });
      expect((await at.run(["redrive", "task_"], env)).code).toBe(2);
      const one = await at.run(["redrive", "rea"], env);
      expect(one).toMatchObject({ code: 0, stderr: "", stdout: "1 signal sent again: a daemon looks at the task now.\n" });
      const redrive = await at.run(["redrive"], env);
      expect(redrive).toMatchObject({ code: 0, stderr: "", stdout: "1 signal sent again: a daemon looks at the task now.\n" });
      expect((await again.promise)?.toSorted()).toEqual(["task_gone", "task_ready"]);
      expect((await at.run(["redrive"], env)).stdout).toBe("There are no dead letters.\n");
      expect(JSON.parse((await at.run(["redrive", "--json"], env)).stdout)).toEqual({ path: "redis", redriven: 0 });
    } finally {
      await process.close();
    }
  });

  story("a Redis that is away or does not let us in is one line, and no signal is lost by asking", async () => {
    await using at = await makeWorkspace();
    await using other = await startRedis(["--requirepass", "secret-word"]);
    const refused = await at.run([], { REDIS_URL: other.url, LOG_LEVEL: "error" });
    expect(refused).toMatchObject({ code: 3, stdout: "" });
    expect(refused.stderr).toContain("does not let us in");
    await other.kill();
    const away = await at.run(["redrive"], { REDIS_URL: other.url, LOG_LEVEL: "error" });
    expect(away).toMatchObject({ code: 1, stdout: "" });
    expect(away.stderr).toMatch(
      /^error: Redis at \S+ is away: .*\n {2}is it running\?; work goes on without it, and nothing is lost\n$/,
    );
  });
});
