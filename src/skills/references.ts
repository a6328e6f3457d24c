/** A skill's reference files: what there is, and the text of one on demand. Nothing outside the skill's folder is ever read. */

import { readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import type { Problem } from "../domain/problem.ts";
import { readTextFile } from "./text-file.ts";

export const MAX_REFERENCE_CHARS = 60_000;
const MAX_REFERENCES = 100;
const DIR = "references";
const FILE_NAME = /^[A-Za-z0-9][\w.-]*\.md$/;

/** `path` is relative to the skill's folder; `chars` is the file's size, an upper bound of its characters. */
export type Reference = { readonly path: string; readonly chars: number };

/** The `references/*.md` of a skill's folder, by name, and warnings (their file below `shownAs`) for what is left out or cut. */
export async function listReferences(folder: string, shownAs: string): Promise<{ references: Reference[]; problems: Problem[] }> {
  const references: Reference[] = [];
  const problems: Problem[] = [];
  for (const name of (await namesIn(join(folder, DIR))).filter((entry) => entry.endsWith(".md"))) {
    const path = `${DIR}/${name}`;
    const warn = (message: string, hint: string) =>
      problems.push({ severity: "warning", file: `${shownAs}/${path}`, message, hint });
    const size = FILE_NAME.test(name) ? await sizeInside(folder, path) : null;
    if (size === null) {
      warn("is left out", "a reference is a regular file in the skill's folder, named in letters, digits, dots and hyphens");
    } else if (references.length === MAX_REFERENCES) {
      warn("is left out", `a skill may have ${MAX_REFERENCES} references`);
      break;
    } else {
      references.push({ path, chars: size });
      if (size > MAX_REFERENCE_CHARS)
        warn("is long", `only the first ${MAX_REFERENCE_CHARS.toLocaleString("en")} characters are read`);
    }
  }
  return { references, problems };
}

/**
 * The text of a reference that `listReferences` found, cut at 60,000 characters with a line that says so; null for every other
 * path (absolute, with `..`, not listed), and for a file that is gone, unreadable or now leads out of the folder.
 */
export async function readReferenceText(folder: string, references: readonly Reference[], path: string): Promise<string | null> {
  if (!references.some((reference) => reference.path === path)) return null;
  if ((await sizeInside(folder, path)) === null) return null;
  const read = await readTextFile(join(folder, path));
  if ("fault" in read) return null;
  if (read.text.length <= MAX_REFERENCE_CHARS) return read.text;
  return `${read.text.slice(0, MAX_REFERENCE_CHARS)}\n\n(cut here: the file is longer)`;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch {
    return []; // A skill needs no references.
  }
}

/** The file's size in bytes when it is a regular file whose real place is in the folder; else null. */
async function sizeInside(folder: string, path: string): Promise<number | null> {
  try {
    const real = await realpath(join(folder, path));
    if (!real.startsWith((await realpath(folder)) + sep)) return null;
    const entry = await stat(real);
    return entry.isFile() ? entry.size : null;
  } catch {
    return null;
  }
}
