/** `marketeam backup`: a verified copy of the store, made while others may work on it. */

import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EXIT } from "../domain/exit.ts";
import { START_HINT } from "./columns.ts";
import { UsageError } from "./errors.ts";
import { print, printJson } from "./output.ts";
import { configFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

export async function backup(file: string, options: CommonOptions): Promise<number> {
  const path = resolve(file);
  if (existsSync(path)) throw new UsageError(`${path} is there already`, "name a new file: a backup never overwrites one");
  if (!existsSync(dirname(path)))
    throw new UsageError(`there is no folder ${dirname(path)}`, "make it first, or name another place");
  const store = await openStoreThere(configFor(options));
  if (store === null) throw new UsageError("there is nothing to back up yet", START_HINT);
  try {
    await store.backup(path);
  } finally {
    await store.close();
  }
  const bytes = statSync(path).size;
  if (options.json) printJson({ backup: path, bytes, engine: store.engine });
  else print(`Backup: ${path} (${sizeText(bytes)})`);
  return EXIT.done;
}

/** `812 bytes`, `196 KB`, `3.4 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
