/** `marketeam tools test` and `tools call`: starts one server, shows what it offers and what each tool does, and tries one tool that only looks. */

import type { Application } from "../bootstrap.ts";
import { loginTo } from "../bootstrap/hands.ts";
import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import { argumentProblems } from "../tools/arguments.ts";
import { classifyCall, classifyTool } from "../tools/classify.ts";
import { classifiedTools } from "../tools/classified.ts";
import type { ToolEntry } from "../tools/entries.ts";
import { acceptTools, LOCK_FILE, lockChange, pruneLock, readLock, writeLock } from "../tools/lock.ts";
import type { ToolInfo, ToolServer } from "../tools/server.ts";
import { UsageError } from "./errors.ts";
import { note, oneLine, print, printJson } from "./output.ts";
import { openApplication } from "./application.ts";
import { stylesFor } from "./session.ts";
import { classifiedText } from "./tools-text.ts";

export type TestOptions = {
  readonly json?: boolean;
  readonly workspace?: string;
  /** Take tools that have changed as they are now. */
  readonly accept?: boolean;
  /** call: the arguments, as JSON. */
  readonly args?: string;
};

type Connected = { readonly app: Application; readonly entry: ToolEntry; readonly server: ToolServer };

/**
 * What a server says that it offers, with the class of each tool. Tools that nobody has seen are accepted by being shown;
 * changed ones only with --accept. Exit 1 when the server is away, 4 when changed ones wait to be accepted.
 */
export async function testServer(name: string | undefined, options: TestOptions): Promise<number> {
  return connected(name, "test", options, async ({ app, entry, server }) => {
    const listed = await list({ app, entry, server }, options);
    if (listed === null) return EXIT.failed;
    const { root } = app.config;
    const { lock } = await readLock(root);
    const tools = classifiedTools(entry, listed, lock);
    const change = lockChange(lock, entry.name, listed);
    const taken = change.changed.length === 0 || options.accept === true;
    const classOf = (info: ToolInfo) =>
      classifyTool(info, { server: entry.name, actions: entry.actions, catalogue: entry.catalogue }).class;
    const names = Object.keys(app.registry.tools.mcpServers);
    if (taken) await writeLock(root, pruneLock(acceptTools(lock, entry.name, listed, classOf), names));
    if (options.json) {
      const said = new Map(listed.map((info) => [info.name, info]));
      const shown = tools.map((tool) => {
        const { description, inputSchema } = said.get(tool.tool) ?? {};
        return { ...tool, description, inputSchema };
      });
      printJson({ server: entry.name, tools: shown, ...change, accepted: taken });
      return taken ? EXIT.done : EXIT.stopped;
    }
    print(classifiedText(taken ? classifiedTools(entry, listed, (await readLock(root)).lock) : tools, stylesFor(app.config)));
    for (const info of listed.filter(({ name }) => change.changed.includes(name))) print(wordsOf(info));
    if (change.changed.length > 0)
      print(
        taken
          ? `\nAccepted as they are now: ${change.changed.join(", ")}.`
          : `\nChanged since you accepted them: ${change.changed.join(", ")}. What they say now stands above; \`tools test ${entry.name} --accept\` takes them. Until then each use is asked.`,
      );
    else if (change.added.length > 0) print(`\nNoted in ${LOCK_FILE}: ${change.added.length} new.`);
    if (change.gone.length > 0) print(`No longer there: ${change.gone.join(", ")}.`);
    return taken ? EXIT.done : EXIT.stopped;
  });
}

/** What a model would read of a tool: whoever accepts it as it is now has seen it. */
function wordsOf({ name, description, inputSchema }: ToolInfo): string {
  const { properties } = inputSchema;
  const names = typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
  return `\n${oneLine(name, 60)} says: ${oneLine(description, 2_000)}\n  arguments: ${names.length === 0 ? "none that it names" : oneLine(names.join(", "), 600)} (in full: --json)`;
}

/** One call of a tool that only looks. What changes something is an agent's to ask for and a person's to approve. */
export async function callTool(what: string | undefined, tool: string | undefined, options: TestOptions): Promise<number> {
  if (tool === undefined) throw new UsageError("call which tool?", "tools call <server> <tool> --args '{ … }'");
  const args = parsedArgs(options.args);
  return connected(what, "call", options, async ({ app, entry, server }) => {
    const listed = await list({ app, entry, server }, options);
    if (listed === null) return EXIT.failed;
    const info = listed.find((one) => one.name === tool);
    if (!info)
      throw new UsageError(
        `${entry.name} has no tool "${oneLine(tool, 60)}"`,
        suggest(
          tool,
          listed.map((one) => one.name),
        ),
      );
    const { class: of } = classifyCall(info, args, { server: entry.name, actions: entry.actions, catalogue: entry.catalogue });
    if (of !== "read")
      throw new UsageError(
        `${tool} is a "${of}" action: this command only looks`,
        "an agent asks for it in its work, and `approvals` shows you what it would do",
      );
    const problems = await argumentProblems(info.inputSchema, args);
    if (problems.length > 0)
      throw new UsageError(
        `the arguments are not as ${tool} wants them: ${problems.join("; ")}`,
        "--args takes them as one JSON object",
      );
    const answer = await server.call(tool, args, { signal: AbortSignal.timeout(5 * 60_000) });
    if (options.json) printJson(answer);
    else if (answer.kind === "answered") print(answer.text);
    else note(`No answer: ${answer.detail}`);
    return answer.kind === "answered" && !answer.isError ? EXIT.done : EXIT.failed;
  });
}

function parsedArgs(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new UsageError("--args is not a JSON object", `--args '{"url": "https://example.com"}'`);
}

async function connected(
  name: string | undefined,
  action: string,
  options: TestOptions,
  use: (connected: Connected) => Promise<number>,
): Promise<number> {
  if (name === undefined) throw new UsageError(`${action} which server?`, "`tools list` shows them");
  await using app = await openApplication(options);
  const entries = app.tools?.entries ?? [];
  const entry = entries.find((one) => one.name === name);
  if (!entry)
    throw new UsageError(
      `there is no server "${oneLine(name, 40)}" in tools.yaml`,
      suggest(
        name,
        entries.map((one) => one.name),
      ),
    );
  if (entry.off !== null) {
    if (options.json) printJson({ server: name, off: entry.off });
    else note(`${name} is off: ${entry.off}.`);
    return EXIT.config;
  }
  const server = app.team.hands?.toolbox.server(name);
  if (!server) throw new UsageError(`${name} is not connected`, "see `tools` for why");
  // Awaited here: the application is closed when this function ends.
  return await use({ app, entry, server });
}

/** The list of tools, after a login where one is needed and somebody is there; null, and the reason told, when it is away. */
async function list({ app, entry, server }: Connected, options: TestOptions): Promise<readonly ToolInfo[] | null> {
  const limit = () => AbortSignal.timeout(120_000);
  let listed = await server.list(limit());
  if ("away" in listed && /log in/i.test(listed.away) && process.stdin.isTTY && !options.json) {
    await loginTo(entry, app.config.workspace, (url) => note(`Log in here, and come back:\n${url}`));
    listed = await server.list(limit());
  }
  if ("tools" in listed) return listed.tools;
  const { stderr } = server.state();
  if (options.json) printJson({ server: entry.name, away: listed.away, stderr });
  else {
    note(`${entry.name} is away: ${listed.away}`);
    for (const line of stderr.slice(-5)) note(`  ${oneLine(line, 200)}`);
  }
  return null;
}
