/** Story: the first signal, while a read and an action outside hang: the daemon ends in time, asks the read again, and says that nobody knows of the action. */

import { expect, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startRehearsal } from "../../model/rehearsal/server.ts";
import { silentLog } from "../../log/log.ts";
import { approveEffect } from "../../store/effect-answers.ts";
import { openSqliteStore } from "../../store/sqlite/store.ts";
import { LOCK_FILE } from "../../tools/lock.ts";
import { cli, tempDir } from "../cli.ts";
import { fileTruth } from "../daemon/places.ts";
import { pollUntil } from "../daemon/poll.ts";
import { startDaemonProcess } from "../daemon/program.ts";
import { post, TOKEN } from "../daemon/world.ts";
import { DATABASE } from "../kill/books.ts";
import { BAD_SERVER, leftOf, makeHandsTeam, stepsOf } from "../hands-team.ts";

/** What supervisors wait before they kill is 30 s; a busy machine takes its time for the rest. */
const IN_TIME_MS = 25_000;

test("one signal is enough", async () => {
  await using dir = await tempDir();
  const [root, workspace] = [join(dir.path, "team"), join(dir.path, "workspace")];
  const witness = (name: string) => join(dir.path, `${name}.txt`);
  const entry = (name: string, skill: string, of: string) => ({
    ...{ command: "bun", args: [BAD_SERVER, "normal"], env: { MARK: dir.path, WITNESS: witness(name) } },
    ...{ skills: [skill], actions: { hang: of } },
  });
  await makeHandsTeam(root, {
    tools: { reads: entry("reads", "copywriting", "read"), acts: entry("acts", "page-cro", "write") },
    pipelines: [
      stepsOf("Reads", [{ skill: "copywriting", brief: "Write one page. First ask `reads__hang`." }]),
      stepsOf("Acts", [{ skill: "page-cro", brief: "Write one page. First ask `acts__hang`." }]),
    ].join(""),
    events: "events:\n  reads: { pipeline: Reads, cooldown: 0 }\n  acts: { pipeline: Acts, cooldown: 0 }\n",
  });
  await mkdir(workspace);
  expect(await cli(["tools", "test", "reads", "--workspace", workspace], { cwd: root })).toMatchObject({ code: 0 });
  // They are one program and list the same tools: what is accepted of one is accepted of both.
  const lock = JSON.parse(await readFile(join(root, LOCK_FILE), "utf8")) as { servers: Record<string, unknown> };
  lock.servers["acts"] = lock.servers["reads"];
  await writeFile(join(root, LOCK_FILE), JSON.stringify(lock));

  const model = startRehearsal({ seed: 1, latencyMs: 0 });
  const { ask } = fileTruth(workspace);
  const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "any", WEBHOOK_TOKEN: TOKEN };
  const start = () => startDaemonProcess({ root, workspace, env });
  const heard = async (name: string) =>
    (await readFile(witness(name), "utf8").catch(() => "")).split("\n").filter(Boolean).length;
  const daemons = [start()];
  try {
    const [first] = daemons;
    const url = (await first?.ready) ?? "";
    for (const type of ["reads", "acts"])
      expect(await post(url, { id: type, type, data: {} })).toMatchObject({ body: { decision: "started" } });
    const effect = await pollUntil(
      "the work that asked for it is done",
      async () =>
        (
          await ask<{ id: string; hash: string }>(
            "select e.id, e.hash from effects e join tasks t on t.id = e.task_id where t.status = 'done' and e.state = 'intent'",
          )
        )[0],
      { limitMs: 60_000 },
    );
    const store = await openSqliteStore({
      path: join(workspace, DATABASE),
      tenant: "default",
      now: Date.now,
      log: silentLog,
      reached() {},
    });
    expect(
      await store.write("test.approve", (tx) => approveEffect(tx, effect.id, { hash: effect.hash, by: "a person" })),
    ).toMatchObject({ effect: { state: "approved" } });
    await store.close();
    await pollUntil("both hang", async () => (await heard("reads")) === 1 && (await heard("acts")) === 1, {
      limitMs: 90_000,
      seen: () => first?.stderr().slice(-2_000),
    });
    const began = performance.now();
    first?.signal("SIGTERM");
    expect(await first?.exited).toBe(0);
    expect(performance.now() - began).toBeLessThan(IN_TIME_MS);
    expect(await leftOf(dir.path)).toEqual([]);
    // That it was stopped is no answer of the tool's.
    expect(await ask("select tool from tool_reads")).toEqual([]);
    expect(await ask("select tool, state, note from effects where state <> 'withdrawn'")).toEqual([
      { tool: "hang", state: "unknown", note: "no answer came: it was stopped while the server worked on it" },
    ]);

    const second = start();
    daemons.push(second);
    await second.ready;
    await pollUntil("the read is asked again", async () => (await heard("reads")) === 2, { limitMs: 60_000 });
    const then = performance.now();
    second.signal("SIGTERM");
    expect(await second.exited).toBe(0);
    // Nothing but a read hangs: that is not waited for.
    expect(performance.now() - then).toBeLessThan(IN_TIME_MS / 2);
    expect(await heard("acts")).toBe(1);
    expect(await leftOf(dir.path)).toEqual([]);
  } finally {
    for (const daemon of daemons) if (daemon.alive()) daemon.signal("SIGKILL");
    await Promise.all(daemons.map((daemon) => daemon.exited));
    await model.stop();
  }
}, 180_000);
