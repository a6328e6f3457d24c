/** `marketeam tools import` and `export`: servers from and for other programs. */

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { processInput } from "../config.ts";
import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import { HOSTS, exportServers, importServers } from "../tools/convert.ts";
import { UsageError } from "./errors.ts";
import { note, oneLine, print, printJson } from "./output.ts";
import { configFor } from "./session.ts";
import type { ToolsOptions } from "./tools-catalogue.ts";
import { addServers, readTools, TOOLS_FILE } from "./tools-change.ts";

const MAX_BYTES = 1_000_000;

export async function importTools(path: string | undefined, options: ToolsOptions): Promise<number> {
  if (path === undefined) throw new UsageError("say which file", "tools import .mcp.json");
  const found = importServers(await readSource(path));
  if ("problem" in found) throw new UsageError(`${oneLine(path, 80)}: ${found.problem}`, found.hint);
  const config = configFor({});
  const there = await readTools(config.root);
  const all = Object.entries(found.servers);
  const kept = all.filter(([name]) => Object.hasOwn(there.mcpServers, name)).map(([name]) => name);
  const fresh = all.filter(([name]) => !kept.includes(name));
  if (fresh.length === 0) {
    const why =
      all.length === 0
        ? "no server that can be taken over"
        : `nothing new: ${kept.join(", ")} ${kept.length === 1 ? "is" : "are"} in ${TOOLS_FILE} already`;
    throw new UsageError(
      `${oneLine(path, 80)}: ${why}`,
      all.length === 0 ? (found.notes[0] ?? null) : `take the old ones out of ${TOOLS_FILE} first`,
    );
  }
  await addServers(
    config.root,
    fresh.map(([name, entry]) => ({ name, entry, comment: `imported: say its role, or its skills` })),
  );
  const names = fresh.map(([name]) => name);
  if (options.json) {
    printJson({ imported: names, kept, from: found.from, notes: found.notes, file: TOOLS_FILE });
    return EXIT.done;
  }
  const runs = fresh.map(([name, entry]) => {
    const way =
      typeof entry["url"] === "string"
        ? entry["url"]
        : [entry["command"], ...(Array.isArray(entry["args"]) ? entry["args"] : [])].join(" ");
    return `  ${name}: ${oneLine(way, 110)}`;
  });
  print(
    [
      `Imported ${names.length} ${names.length === 1 ? "server" : "servers"} into ${TOOLS_FILE} (from ${found.from}):`,
      ...runs,
      ...(kept.length > 0 ? [`Kept as they are: ${kept.join(", ")}.`] : []),
      ...found.notes.map((line) => `  ${oneLine(line, 160)}`),
      "Nobody may use them yet: write a role or skills beside each, then `tools test <name>`.",
    ].join("\n"),
  );
  return EXIT.done;
}

/** The other program's file on stdout; what it cannot say on stderr. */
export async function exportTools(options: ToolsOptions): Promise<number> {
  const host = HOSTS.find((one) => one === options.for?.toLowerCase());
  if (host === undefined)
    throw new UsageError(
      options.for === undefined ? "say for which program" : `unknown program "${oneLine(options.for, 40)}"`,
      options.for === undefined ? `tools export --for ${HOSTS.join("|")}` : suggest(options.for, HOSTS),
    );
  const { root } = configFor({});
  const { file, path, notes } = exportServers(await readTools(root), host);
  printJson(file);
  note(`For ${path}. ${notes.map((line) => `\n  ${oneLine(line, 160)}`).join("")}`.trimEnd());
  return EXIT.done;
}

async function readSource(path: string): Promise<string> {
  const full = resolve(processInput().cwd, path);
  try {
    const { size } = await stat(full);
    if (size > MAX_BYTES)
      throw new UsageError(`${oneLine(path, 80)} is ${size.toLocaleString("en")} bytes long`, "the limit is 1,000,000");
    return await readFile(full, "utf8");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new UsageError(
      `${oneLine(path, 80)} cannot be read (${code})`,
      "a .mcp.json, .vscode/mcp.json, opencode.json or a server.json",
    );
  }
}
