/** The workspace's files after everything: each whole, and each what the store says it should be. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Registry } from "../../domain/registry.ts";
import type { Journal } from "../../journal/journal.ts";
import { silentLog } from "../../log/log.ts";
import { loadRegistry } from "../../skills/registry.ts";
import { openSqliteStore } from "../../store/sqlite/store.ts";
import { writeGoal, writeLearnings } from "../../work/scribe.ts";
import { bodyOf } from "../../workspace/document.ts";
import { createWorkspace } from "../../workspace/workspace.ts";
import { copyDatabase, DATABASE, type Books } from "./books.ts";
import { CLI } from "./program.ts";

const ROOT = join(CLI, "../..");
/** What a process that was killed while writing leaves behind: hidden, and read by nobody. */
const LEFTOVER = /^\.\d+-[0-9a-f]{12}\.tmp$/;

/** Faults of single files: these hold at any moment, right after a kill too. */
export async function wholeFaults(workspace: string): Promise<string[]> {
  const faults: string[] = [];
  for (const [path, text] of await documents(workspace)) {
    if (!text.endsWith("\n")) faults.push(`${path} does not end with a newline`);
    if (!/^---\n[^]*?\n---\n\n/.test(text)) faults.push(`${path} has no whole frontmatter`);
  }
  return faults;
}

/** How the documents differ from what an export into an empty folder would write now. */
export async function exportFaults(workspace: string, books: Books, edited: ReadonlySet<string>): Promise<string[]> {
  const faults = await wholeFaults(workspace);
  const there = await documents(workspace);
  const wanted = await exported(workspace, books);
  for (const [path, text] of wanted) {
    const found = there.get(path);
    if (found === undefined) faults.push(`${path} is missing`);
    // The caps in it are those of the process that wrote it.
    else if (path.startsWith("metrics/")) continue;
    else if (edited.has(path) ? bodyOf(found) !== bodyOf(text) : found !== text)
      faults.push(`${path} differs from its export: ${difference(found, text)}`);
  }
  for (const path of there.keys()) if (!wanted.has(path)) faults.push(`${path} is not of the export`);
  return faults;
}

/** How many unfinished temporary files lie about. */
export async function leftovers(workspace: string): Promise<number> {
  return (await filesIn(workspace)).filter((path) => LEFTOVER.test(path.split("/").at(-1) ?? "")).length;
}

let registry: Promise<Registry> | null = null;

async function exported(workspace: string, books: Books): Promise<Map<string, string>> {
  registry ??= loadRegistry({ root: ROOT }).then((loaded) => {
    if (!loaded.registry) throw new Error("the team's files cannot be used");
    return loaded.registry;
  });
  const folder = await mkdtemp(join(workspace, "../export-"));
  copyDatabase(workspace, folder);
  const store = await openSqliteStore({
    path: join(folder, DATABASE),
    tenant: "default",
    now: Date.now,
    log: silentLog,
    reached: () => {},
  });
  try {
    const team = {
      store,
      journal: noJournal,
      registry: await registry,
      workspace: createWorkspace({ root: folder, reached: () => {} }),
      secrets: [],
      caps: { call: 0, task: 0, goal: 0, day: 0, month: 0 },
      now: Date.now,
      log: silentLog,
    };
    for (const goal of books.goals) await writeGoal(team, goal.id);
    if (books.learnings.length > 0) await writeLearnings(team);
  } finally {
    await store.close();
  }
  const wanted = await documents(folder);
  await rm(folder, { recursive: true });
  return wanted;
}

/** An export makes no call. */
const noJournal: Journal = {
  call: () => Promise.reject(new Error("an export made a model call")),
  refuseNew: () => {},
};

async function documents(workspace: string): Promise<Map<string, string>> {
  const paths = (await filesIn(workspace)).filter(
    (path) => !LEFTOVER.test(path.split("/").at(-1) ?? "") && !path.startsWith("context/"),
  );
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(workspace, path), "utf8")] as const)));
}

async function filesIn(workspace: string): Promise<string[]> {
  const entries = await readdir(workspace, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(workspace.length + 1))
    .filter((path) => !path.startsWith(".marketeam/"))
    .sort();
}

function difference(found: string, wanted: string): string {
  const [a, b] = [found.split("\n"), wanted.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  return `line ${at + 1} is "${a[at]?.slice(0, 100)}", not "${b[at]?.slice(0, 100)}"`;
}
