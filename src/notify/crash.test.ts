/** Kill -9 of a real process at every point of a notice's way: the receiver gets it, and twice only under the same id. */

import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { tempDir } from "../test/cli.ts";

const SRC = resolve(import.meta.dir, "..");
const SECRET = Buffer.from("0123456789abcdef0123456789abcdef").toString("base64");

/** A program that records one ended goal and tells of it; it kills itself at the given passing of the given point. */
const PROGRAM = `
import { openSqliteStore } from "${SRC}/store/sqlite/store.ts";
import { insertGoal } from "${SRC}/store/goals.ts";
import { silentLog } from "${SRC}/log/log.ts";
import { createNotifier } from "${SRC}/notify/notifier.ts";
import { createWebhookChannel } from "${SRC}/notify/webhook/webhook.ts";
const [path, url, ahead, point, passing] = process.argv.slice(2);
let offset = Number(ahead);
let left = Number(passing);
const now = () => Date.now() + offset;
const reached = (name) => { if (name === point && --left === 0) process.kill(process.pid, "SIGKILL"); };
const store = await openSqliteStore({ path, tenant: "default", now, log: silentLog, reached });
const channels = [createWebhookChannel({ name: "hook", url, secret: "${SECRET}", now })];
const notifier = createNotifier({ store, channels, route: () => ["hook"], quiet: null, digest: null, secrets: [], now, log: silentLog });
await notifier.look();
if (point !== "none") {
  const goal = { id: "goal_1", title: "One", text: "One", category: null, source: "cli", pipeline: null, priority: "P1", rehearsal: false, cap: 1, contextVersion: 0 };
  await store.write("goal.test", async (tx) => {
    await insertGoal(tx, goal);
    tx.emit({ type: "goal.completed", goalId: "goal_1", taskId: null, open: 0 });
  });
}
await notifier.look();
offset += 3000;
await notifier.look();
await store.close();
`;

const POINTS = [
  { point: "notice.want:before-commit", passing: 2, received: 1 },
  { point: "notice.want:after-commit", passing: 2, received: 1 },
  { point: "notice.claim:before-commit", passing: 1, received: 1 },
  { point: "notice.claim:after-commit", passing: 1, received: 1 },
  { point: "notice.settle:before-commit", passing: 1, received: 2 },
  { point: "notice.settle:after-commit", passing: 1, received: 1 },
];

for (const { point, passing, received } of POINTS) {
  test(`killed at ${point}: the receiver gets it${received === 2 ? " twice, under one id" : " once"}`, async () => {
    await using dir = await tempDir();
    const ids: (string | null)[] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        ids.push(request.headers.get("webhook-id"));
        return new Response("");
      },
    });
    const program = join(dir.path, "program.ts");
    await Bun.write(program, PROGRAM);
    const run = (...args: string[]) =>
      Bun.spawn([process.execPath, program, join(dir.path, "test.db"), `http://127.0.0.1:${server.port}/`, ...args], {
        stdout: "inherit",
        stderr: "inherit",
      });
    const first = run("0", point, String(passing));
    await first.exited;
    expect(first.signalCode).toBe("SIGKILL");
    // The next process comes when the dead one's claim has run out.
    expect(await run("120000", "none", "0").exited).toBe(0);
    expect(await run("240000", "none", "0").exited).toBe(0);
    await server.stop(true);
    expect(ids).toHaveLength(received);
    expect(new Set(ids).size).toBe(1);
  });
}
