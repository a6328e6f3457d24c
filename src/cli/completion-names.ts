/** Names and ids for completion, the cheap way: keys of the team's files, and the newest rows of a store on this machine. */

import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DATABASE, storedNames, type NamedRows } from "../bootstrap/store.ts";
import { loadConfig, processInput, type RuntimeConfig } from "../config.ts";

type Name = readonly [value: string, means: string];
/** Words that are known beforehand, or where to look for them. */
export type Names = readonly string[] | "files" | "dirs" | Looked;
type Looked = InFiles | NamedRows | "zones";
type InFiles = "pipelines" | "skills" | "categories" | "schedules" | "channels" | "servers" | "catalogue";

/** At most so many rows of the store: a list to choose from, not a report. */
const MOST = 50;
/** Each file is read as plain YAML: what the registry would check costs more than a key press may. */
const FILES: Readonly<Record<Exclude<InFiles, "catalogue">, readonly [file: string, key: string]>> = {
  pipelines: [".agents/pipelines.yaml", "pipelines"],
  skills: ["skills.yaml", "skills"],
  categories: [".agents/routing.yaml", "categories"],
  schedules: [".agents/schedules.yaml", "schedules"],
  channels: [".agents/notify.yaml", "channels"],
  servers: ["tools.yaml", "mcpServers"],
};

/** What is there of a kind, ids the newest first. Empty where nothing is there or it cannot be read. Throws for broken files or stores. */
export async function namesOf(what: Looked, workspace: string | undefined): Promise<Name[]> {
  if (what === "zones") return Intl.supportedValuesOf("timeZone").map((zone) => [zone, ""]);
  const config = loadConfig({ ...processInput(), workspace });
  if (what === "catalogue") {
    const folder = join(config.root, ".agents/tools");
    const files = (await readdir(folder)).filter((file) => file.endsWith(".yaml"));
    return (await Promise.all(files.map((file) => keysOf(join(folder, file), "catalogue")))).flat().toSorted(byValue);
  }
  if (what in FILES) {
    const [file, key] = FILES[what as keyof typeof FILES];
    return keysOf(join(config.root, file), key);
  }
  return rowsOf(what as NamedRows, config);
}

const byValue = (a: Name, b: Name) => (a[0] < b[0] ? -1 : 1);

async function keysOf(path: string, key: string): Promise<Name[]> {
  const file = Bun.YAML.parse(await readFile(path, "utf8")) as Record<string, unknown> | null;
  const entries = file?.[key];
  if (typeof entries !== "object" || entries === null) return [];
  return Object.entries(entries).map(([name, entry]) => [name, meaning(entry)]);
}

/** A few words of an entry that tell what it is. */
function meaning(entry: unknown): string {
  if (typeof entry !== "object" || entry === null) return "";
  const { description, fits, title, pipeline, means, role, type } = entry as Record<string, unknown>;
  return String(description ?? fits ?? title ?? pipeline ?? means ?? role ?? type ?? "");
}

/** A server's store is not asked: a key press must not wait for a network. */
async function rowsOf(rows: NamedRows, config: RuntimeConfig): Promise<Name[]> {
  // Asked before anything else is loaded.
  if (config.databaseUrl !== null || !existsSync(join(config.workspace, DATABASE))) return [];
  const found = await storedNames(config, rows, MOST);
  return rows === "goals" && found.length > 0 ? [["last", "the newest goal"], ...found.slice(0, MOST - 1)] : found;
}
