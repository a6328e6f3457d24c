/** Test fixture: a team's folder with tool servers of the test's own, short pipelines, and who is left running of them. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { processes } from "../tools/mcp/fixtures/processes.ts";
import { ROOT } from "./cli.ts";

export type ServerEntry = {
  readonly command: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly provider?: string;
  readonly role?: string;
  readonly skills?: readonly string[];
  readonly actions?: Readonly<Record<string, string>>;
  readonly allow?: readonly string[];
  readonly enabled?: boolean;
};

/** The bad server of the MCP client's tests; its mode says how it misbehaves. */
export const BAD_SERVER = join(ROOT, "src/tools/mcp/fixtures/bad-server.js");

/** The shipped team, with these servers, and pipelines behind the shipped ones. Nothing is scheduled, nobody is told. */
export async function makeHandsTeam(
  root: string,
  files: { tools: Readonly<Record<string, ServerEntry>>; pipelines?: string; events?: string },
): Promise<void> {
  const { tools, pipelines = "", events } = files;
  await mkdir(root, { recursive: true });
  for (const part of ["skills.yaml", ".agents"]) await cp(join(ROOT, part), join(root, part), { recursive: true });
  const file = join(root, ".agents/pipelines.yaml");
  await writeFile(file, `${(await readFile(file, "utf8")).trimEnd()}\n${pipelines}`);
  await writeFile(join(root, ".agents/schedules.yaml"), "schedules: {}\n");
  await writeFile(join(root, ".agents/notify.yaml"), "channels: {}\n");
  if (events !== undefined) await writeFile(join(root, ".agents/events.yaml"), events);
  await writeTools(root, tools);
}

export async function writeTools(root: string, tools: Readonly<Record<string, ServerEntry>>): Promise<void> {
  // JSON is YAML.
  await writeFile(join(root, "tools.yaml"), JSON.stringify({ mcpServers: tools }, null, 2));
}

/** A pipeline whose steps do not wait for each other. */
export function stepsOf(name: string, steps: readonly { readonly skill: string; readonly brief: string }[]): string {
  const lines = steps.map(
    ({ skill, brief }) => `- { skill: ${skill}, phase: Work, brief: ${JSON.stringify(brief)}, criteria: [It is one page] }`,
  );
  const written =
    lines.length === 1 ? `      ${lines[0]}` : `      - parallel:\n${lines.map((line) => `          ${line}`).join("\n")}`;
  return `\n  ${name}:\n    category: content\n    fits: A test.\n    steps:\n${written}\n`;
}

/** What runs on this machine with this text in its environment: a server that was given it, and all that it has started. */
export function runningOf(mark: string): string[] {
  return processes().flatMap(({ pid, command }) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark) ? [command] : [];
    } catch {
      // It ended while we looked, or is somebody else's.
      return [];
    }
  });
}

/** Who still runs when those that were told to end have had ten seconds for it. */
export async function leftOf(mark: string): Promise<string[]> {
  const until = performance.now() + 10_000;
  for (;;) {
    const left = runningOf(mark);
    if (left.length === 0 || performance.now() > until) return left;
    await Bun.sleep(20);
  }
}
