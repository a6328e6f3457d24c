/** What servers leave in the folder where they start (a browser's snapshots, screenshots, downloads), kept within bounds. */

import { lstat, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";

export type ScratchLimits = {
  /** What is older goes. */
  readonly ageMs: number;
  /** Of what is left the oldest go until it fits. */
  readonly bytes: number;
};

const LIMITS: ScratchLimits = { ageMs: 7 * 86_400_000, bytes: 200 * 1024 * 1024 };
/** Somebody may still be at work with it. */
const FRESH_MS = 3_600_000;

/**
 * Removes files from the hidden folders of `dir`: by custom they are a program's own scratch, and what stands beside them may be a
 * server's memory. `now` in UTC ms. Never follows a link, and never fails: what cannot be removed stays.
 */
export async function tidyScratch(dir: string, now: number, { ageMs, bytes }: ScratchLimits = LIMITS): Promise<void> {
  const hidden = (await entriesOf(dir)).filter((entry) => entry.isDirectory() && entry.name.startsWith("."));
  const files = (await Promise.all(hidden.map(({ name }) => filesBelow(join(dir, name))))).flat().sort((a, b) => a.at - b.at);
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, at, size } of files) {
    const age = now - at;
    if (age < FRESH_MS || (age <= ageMs && total <= bytes)) return;
    await unlink(path).catch(() => {});
    total -= size;
  }
}

async function filesBelow(dir: string): Promise<{ readonly path: string; readonly at: number; readonly size: number }[]> {
  const found = await Promise.all(
    (await entriesOf(dir)).map(async (entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      const stat = entry.isFile() ? await lstat(path).catch(() => null) : null;
      return stat === null ? [] : [{ path, at: stat.mtimeMs, size: stat.size }];
    }),
  );
  return found.flat();
}

const entriesOf = (dir: string) => readdir(dir, { withFileTypes: true }).catch(() => []);
