/** A damaged page, a refusal in words, and the way back: the steps of docs/operations.md on a copy made in the middle of a goal. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { EXIT } from "../../domain/exit.ts";
import { cli, tempDir } from "../cli.ts";
import { readDaemonBooks } from "../daemon/books.ts";
import { pollUntil } from "../daemon/poll.ts";
import { endedBy, openScene } from "../daemon/scene.ts";
import { DATABASE } from "../kill/books.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir[Symbol.asyncDispose]());

test("damaged pages are refused with the way out; the copy that is put back goes on with its goals, and forgets only what came after it", async () => {
  await using it = await openScene({ latencyMs: 300 });
  const daemon = it.start();
  const url = (await daemon.ready) ?? "";
  for (const id of ["a", "b", "c"]) expect(await it.tell(url, id)).toBe(202);
  await pollUntil("a goal is at work", () => it.requests() > 1);
  const copy = join(dir.path, "copy.db");
  const backup = await cli(["backup", copy, "--workspace", it.workspace]);
  expect([backup.code, backup.stderr]).toEqual([EXIT.done, backup.stderr]);
  // What comes after the copy is what a restore forgets.
  expect((await it.tell(url, "later")) ?? 0).toBe(202);
  await it.until("all is done", "select count(*) as n from goals where status <> 'completed'", 0);
  expect(await endedBy(daemon)).toBe(0);

  const path = join(it.workspace, DATABASE);
  const file = openSync(path, "r+");
  const middle = Math.floor(statSync(path).size / 2 / 4096) * 4096;
  writeSync(file, Buffer.alloc(3 * 4096, 0x5a), 0, 3 * 4096, middle);
  closeSync(file);
  // Neither a look nor a daemon works on it, and both say what to do.
  const look = await cli(["doctor", "--workspace", it.workspace]);
  expect([look.code === EXIT.done, look.stdout + look.stderr]).toEqual([false, expect.stringMatching(/damaged|malformed/)]);
  expect(look.stdout + look.stderr).toContain("backup");

  renameSync(join(it.workspace, ".marketeam"), join(it.workspace, ".marketeam.broken"));
  mkdirSync(join(it.workspace, ".marketeam"));
  await cp(copy, path);
  const doctor = await cli(["doctor", "--workspace", it.workspace], {
    env: { ANTHROPIC_API_KEY: "any", ANTHROPIC_BASE_URL: it.model.url },
  });
  expect(doctor.stdout + doctor.stderr).not.toMatch(/damaged|malformed/);
  const next = it.start();
  const again = (await next.ready) ?? "";
  await it.until("the copy's goals are done", "select count(*) as n from goals where status <> 'completed'", 0);
  // A sender that repeats what the copy does not know starts it again; what it knows, not.
  expect(await it.tell(again, "a")).toBe(200);
  expect(await it.tell(again, "later")).toBe(202);
  await it.until("that too", "select count(*) as n from goals where status = 'completed'", 4);
  expect(await endedBy(next)).toBe(0);
  const { inbox } = await readDaemonBooks(it.truth.ask);
  expect(inbox.map((row) => row.key).sort()).toEqual(["a", "b", "c", "later"]);
}, 120_000);
