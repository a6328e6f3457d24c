/** Changes tools.yaml by program: comments stay, and it is written whole or not at all. */

import { access, constants, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Document } from "yaml";
import { toolsFile, type ToolsFile } from "../domain/tools-file.ts";
import { checkTools } from "../skills/tool-checks.ts";
import { readYamlFile, type YamlFile } from "../skills/yaml-file.ts";
import { UsageError } from "./errors.ts";
import { oneLine } from "./output.ts";

export const TOOLS_FILE = "tools.yaml";
const NEW_FILE = "# The tools that your team may use: see docs/tools.md.\n\nmcpServers: {}\n";

export type NewServer = { readonly name: string; readonly entry: Readonly<Record<string, unknown>>; readonly comment?: string };

/** What stands in tools.yaml now. Throws UsageError when it cannot be changed because it cannot be read. */
export async function readTools(root: string): Promise<ToolsFile> {
  const file = await readYamlFile({ root, file: TOOLS_FILE, required: false }, toolsFile);
  if (file.missing) return { mcpServers: {} };
  if (file.partial === null) throw broken(file);
  return file.partial;
}

/** Writes new servers behind those that are there. Throws UsageError, and then nothing was written. */
export async function addServers(root: string, servers: readonly NewServer[]): Promise<void> {
  const path = (await realpath(join(root, TOOLS_FILE)).catch(() => null)) ?? join(root, TOOLS_FILE);
  const before = await readYamlFile({ root: dirname(path), file: basename(path), required: false }, toolsFile);
  if (!before.missing && before.partial === null) throw broken(before);
  const text = before.missing ? null : await readFile(path, "utf8");
  await put(path, text, await withServers(text ?? NEW_FILE, servers), before);
}

/** The text with new servers behind those that are there. What stands there stays as it was typed, where that is possible. */
async function withServers(text: string, servers: readonly NewServer[]): Promise<string> {
  const yaml = await import("yaml");
  const document = yaml.parseDocument(text);
  const wanted = document.toJS() as { mcpServers?: Record<string, unknown> } | null;
  const all = {
    ...wanted,
    mcpServers: { ...wanted?.mcpServers, ...Object.fromEntries(servers.map(({ name, entry }) => [name, entry])) },
  };
  const map = document.get("mcpServers", true);
  const lines = (indent: string) =>
    servers.map(({ name, entry, comment }) => {
      const one = new yaml.Document({ [name]: entry });
      likePrinted(yaml, one);
      const written = one.toString({ lineWidth: 0, flowCollectionPadding: false });
      return `${comment === undefined ? "" : `# ${comment}\n`}${written}`.replace(/^(?=.)/gm, indent);
    });
  const spliced = splice(yaml, text, map, lines);
  if (spliced !== null && Bun.deepEquals(yaml.parseDocument(spliced).toJS(), JSON.parse(JSON.stringify(all)))) return spliced;
  // A map on one line (pasted JSON), or something else that one cannot write behind: the whole text is set anew, comments stay.
  if (!yaml.isMap(map)) document.set("mcpServers", document.createNode({}));
  for (const { name, entry } of servers) document.setIn(["mcpServers", name], document.createNode(entry));
  return document.toString({ lineWidth: 0 });
}

function splice(yaml: typeof import("yaml"), text: string, map: unknown, lines: (indent: string) => string[]): string | null {
  if (map === undefined) return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}mcpServers:\n${lines("  ").join("")}`;
  if (!yaml.isMap(map) || !map.range) return null;
  const [start, , end] = map.range;
  if (map.items.length === 0) {
    // `mcpServers: {}` stands on a line; an entry deserves lines of its own.
    const stop = text.indexOf("\n", start) === -1 ? text.length : text.indexOf("\n", start);
    const rest = text
      .slice(start, stop)
      .replace(/^\{\s*\}/, "")
      .trimEnd();
    return `${text.slice(0, start).trimEnd()}${rest}\n${lines("  ").join("")}${text.slice(stop + 1)}`;
  }
  if (map.flow === true) return null;
  const indent = " ".repeat(start - (text.lastIndexOf("\n", start - 1) + 1));
  const head = text.slice(0, end);
  return `${head}${head.endsWith("\n") ? "" : "\n"}${lines(indent).join("")}${text.slice(end)}`;
}

async function put(path: string, text: string | null, fresh: string, before: YamlFile<ToolsFile>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    if (text !== null) await access(path, constants.W_OK);
    const file = await open(temporary, "wx", text === null ? 0o644 : (await stat(path)).mode);
    try {
      await file.writeFile(fresh);
      await file.sync();
    } finally {
      await file.close();
    }
    const after = await readYamlFile({ root: dirname(path), file: basename(temporary), required: true }, toolsFile);
    // What was wrong before is not this change's.
    const old = new Set(errorsOf(before).map(({ message }) => message));
    const fault = errorsOf(after).find(({ message }) => !old.has(message));
    if (fault) throw new UsageError(`${TOOLS_FILE} was not changed: ${oneLine(fault.message, 200)}`, fault.hint ?? null);
    const now = await readFile(path, "utf8").catch(() => null);
    if (now !== text) throw new UsageError(`${TOOLS_FILE} was changed by somebody else just now`, "try again");
    await rename(temporary, path);
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error && "code" in error)) throw error;
    throw new UsageError(`${path} cannot be written: ${error.message}`, "make the file and its folder writable");
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Of the file by itself: skills and the catalogue are `validate`'s. */
function errorsOf(file: YamlFile<ToolsFile>) {
  const known = { skills: [], squads: [], rubrics: [], categories: [], pipelines: [] };
  const nobody = { ...file, value: null, partial: null };
  const found = [...file.problems, ...checkTools(file, known, nobody)];
  return found.filter(({ severity, message }) => severity === "error" && !/: unknown skill "/.test(message));
}

/** Lists on one line, in quotes as vendors print them; texts with a variable in quotes too: without, they look like a map. */
function likePrinted(yaml: typeof import("yaml"), document: Document): void {
  yaml.visit(document, {
    Scalar(key, scalar) {
      if (typeof scalar.value === "string" && key !== "key" && (scalar.value.includes("${") || typeof key === "number"))
        scalar.type = "QUOTE_DOUBLE";
    },
    Seq(_key, list) {
      if (list.items.every((item) => yaml.isScalar(item))) list.flow = true;
    },
  });
}

function broken(file: YamlFile<unknown>): UsageError {
  const [first] = file.problems;
  const where = first?.line === undefined ? TOOLS_FILE : `${TOOLS_FILE}:${first.line}`;
  return new UsageError(`${where}: ${first?.message ?? "cannot be used"}`, "mend it first: see `validate`");
}
