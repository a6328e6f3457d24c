/** What servers leave where they start: the old goes, then the oldest of too much; nothing that is no scratch, nothing that is new. */

import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bench } from "./fixtures/harness.ts";
import { tidyScratch } from "./scratch.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const [HOUR, DAY] = [3_600_000, 86_400_000];

/** Files by name: age in ms and size in bytes. */
async function folder(files: Readonly<Record<string, readonly [number, number]>>) {
  const dir = await mkdtemp(join(tmpdir(), "scratch-"));
  for (const [name, [age, size]] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), "x".repeat(size));
    const at = (NOW - age) / 1000;
    await utimes(join(dir, name), at, at);
  }
  const left = async () =>
    (await Array.fromAsync(new Bun.Glob("**").scan({ cwd: dir, dot: true, onlyFiles: true, followSymlinks: false }))).sort();
  return { dir, left, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

test("by age: in hidden folders, at any depth; a server's own files beside them stay", async () => {
  await using it = await folder({
    ".browser/page-1.yml": [8 * DAY, 1],
    ".browser/deep/er/page-2.png": [30 * DAY, 1],
    ".browser/page-3.yml": [6 * DAY, 1],
    "data.db": [400 * DAY, 1],
    "visible/data.db": [400 * DAY, 1],
    ".hidden-file": [400 * DAY, 1],
  });
  await tidyScratch(it.dir, NOW);
  expect(await it.left()).toEqual([".browser/page-3.yml", ".hidden-file", "data.db", "visible/data.db"]);
});

test("by size: the oldest go until the rest fits, but none of the last hour, who may still be at work with it", async () => {
  await using it = await folder({
    ".browser/a": [5 * HOUR, 40],
    ".browser/b": [4 * HOUR, 40],
    ".other/c": [3 * HOUR, 40],
    ".other/d": [HOUR / 2, 500],
  });
  await tidyScratch(it.dir, NOW, { ageMs: 7 * DAY, bytes: 580 });
  expect(await it.left()).toEqual([".browser/b", ".other/c", ".other/d"]);
  await tidyScratch(it.dir, NOW, { ageMs: 7 * DAY, bytes: 10 });
  expect(await it.left()).toEqual([".other/d"]);
});

test("links are not followed, and a folder that is not there is no fault", async () => {
  await using elsewhere = await folder({ "mine.txt": [400 * DAY, 1] });
  await using it = await folder({ ".browser/old": [8 * DAY, 1] });
  await symlink(elsewhere.dir, join(it.dir, ".link"));
  await symlink(elsewhere.dir, join(it.dir, ".browser/link"));
  await tidyScratch(it.dir, NOW);
  expect(await elsewhere.left()).toEqual(["mine.txt"]);
  expect(await it.left()).toEqual([]);
  await tidyScratch(join(it.dir, "none"), NOW);
});

test("it is done when a server starts", async () => {
  await using b = await bench(process.env);
  const old = join(b.options.cwd, ".browser/page.yml");
  await mkdir(dirname(old), { recursive: true });
  await writeFile(old, "old");
  b.clock.advance(30 * DAY);
  await utimes(old, 0, 0);
  const server = b.bad("bad");
  expect(await server.call("echo", {}, { signal: AbortSignal.timeout(20_000) })).toMatchObject({ kind: "answered" });
  expect(await readdir(dirname(old))).toEqual([]);
});
