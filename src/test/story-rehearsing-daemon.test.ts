/** Story: a daemon that rehearses does nothing outside, also not what a person has approved for real work; a real one does it then, once. */

import { expect, test } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { silentLog } from "../log/log.ts";
import { startRehearsal } from "../model/rehearsal/server.ts";
import { approveEffect } from "../store/effect-answers.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { cli, tempDir } from "./cli.ts";
import { fileTruth } from "./daemon/places.ts";
import { pollUntil } from "./daemon/poll.ts";
import { startDaemonProcess } from "./daemon/program.ts";
import { post, TOKEN } from "./daemon/world.ts";
import { BAD_SERVER, leftOf, makeHandsTeam, stepsOf } from "./hands-team.ts";
import { DATABASE } from "./kill/books.ts";

test("what is approved waits for a real daemon", async () => {
  await using dir = await tempDir();
  const [root, workspace, witness] = ["team", "workspace", "witness.txt"].map((name) => join(dir.path, name)) as [
    string,
    string,
    string,
  ];
  const acts = {
    ...{ command: "bun", args: [BAD_SERVER, "normal"], env: { MARK: dir.path, WITNESS: witness } },
    ...{ skills: ["page-cro"], actions: { echo: "write" } },
  };
  await makeHandsTeam(root, {
    tools: { acts },
    pipelines: stepsOf("Acts", [{ skill: "page-cro", brief: "Write one page. First ask `acts__echo`." }]),
    events: "events:\n  acts: { pipeline: Acts, cooldown: 0 }\n",
  });
  await mkdir(workspace);
  expect(await cli(["tools", "test", "acts", "--workspace", workspace], { cwd: root })).toMatchObject({ code: 0 });
  const model = startRehearsal({ seed: 1, latencyMs: 0 });
  const { ask } = fileTruth(workspace);
  const heard = async () => (await readFile(witness, "utf8").catch(() => "")).split("\n").filter(Boolean);
  const effects = () =>
    ask<{ id: string; hash: string; state: string; rehearsal: number }>(
      "select id, hash, state, rehearsal from effects where state <> 'withdrawn' order by rehearsal",
    );
  const done = async (rehearsal: number) =>
    (await ask(`select 1 from goals where status = 'completed' and rehearsal = ${rehearsal}`)).length > 0;
  /** A daemon for as long as the work takes; it ends in order. */
  async function withDaemon(args: readonly string[], work: (url: string) => Promise<void>): Promise<void> {
    const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "any", WEBHOOK_TOKEN: TOKEN };
    const daemon = startDaemonProcess({ root, workspace, env, args });
    try {
      await work((await daemon.ready) ?? "");
      daemon.signal("SIGTERM");
      expect(await daemon.exited).toBe(0);
    } finally {
      if (daemon.alive()) daemon.signal("SIGKILL");
      await daemon.exited;
    }
  }
  try {
    await withDaemon(["--yes"], async (url) => {
      expect(await post(url, { id: "real", type: "acts", data: {} })).toMatchObject({ body: { decision: "started" } });
      await pollUntil("the real work is done", () => done(0), { limitMs: 60_000 });
    });
    const [effect] = await effects();
    if (!effect) throw new Error("nothing was asked for");
    const store = await openSqliteStore({
      ...{ path: join(workspace, DATABASE), tenant: "default", now: Date.now, log: silentLog, reached() {} },
    });
    const answer = { hash: effect.hash, by: "a person" };
    expect(await store.write("test.approve", (tx) => approveEffect(tx, effect.id, answer))).toMatchObject({
      effect: { state: "approved" },
    });
    await store.close();

    await withDaemon(["--rehearse"], async (url) => {
      expect(await post(url, { id: "rehearsed", type: "acts", data: {} })).toMatchObject({ body: { decision: "started" } });
      // It works, and looks around, and its own wish is noted too.
      await pollUntil("the rehearsed work is done", () => done(1), { limitMs: 60_000 });
    });
    expect(await heard()).toEqual([]);
    expect(await effects()).toMatchObject([
      { id: effect.id, state: "approved", rehearsal: 0 },
      { state: "intent", rehearsal: 1 },
    ]);

    await withDaemon(["--yes"], async () => {
      await pollUntil("the real daemon does it", async () => (await effects())[0]?.state === "confirmed", { limitMs: 60_000 });
    });
    expect(await heard()).toEqual(["echo"]);
    expect(await effects()).toMatchObject([{ state: "confirmed" }, { state: "intent", rehearsal: 1 }]);
    expect(await leftOf(dir.path)).toEqual([]);
  } finally {
    await model.stop();
  }
}, 180_000);
