/** A vendor's units through the real command line: counted over processes, refused when used up, shown by `tools list` and `costs`. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { smallTeam } from "../skills/registry.fixture.ts";
import { cli } from "../test/cli.ts";

/** The least that is an MCP server; it notes each call in a file. */
const SERVER = `
const { appendFileSync } = require("node:fs");
const say = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n");
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === "initialize")
    say(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "seo", version: "1" } });
  else if (method === "tools/list")
    say(id, { tools: [{ name: "get_rank", description: "Reads.", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } }] });
  else if (method === "tools/call") {
    appendFileSync(process.argv[2], "called\\n");
    say(id, { content: [{ type: "text", text: "rank 3" }] });
  } else if (id !== undefined) say(id, {});
});
`;

test("two uses fit into the day; the third is refused in words, and the figures stand in the list and in costs", async () => {
  await using team = await smallTeam();
  const script = join(team.root, "server.cjs");
  const calls = join(team.root, "calls.txt");
  await Bun.write(script, SERVER);
  await team.write(
    "tools.yaml",
    `mcpServers:
  seo:
    command: ${JSON.stringify(process.execPath)}
    args: ${JSON.stringify([script, calls])}
    skills: ["*"]
    actions: { get_rank: read }
    limits: { units: { perDay: 120, perCall: 50 }, usd: { perMonth: 10, perCall: 0.05 } }
`,
  );
  const run = (...args: string[]) => cli(args, { cwd: team.root });
  const before = await run("tools", "list", "--json");
  expect(JSON.parse(before.stdout).tools[0].used).toEqual({
    today: { calls: 0, units: 0, usd: 0 },
    month: { calls: 0, units: 0, usd: 0 },
  });
  for (let i = 0; i < 2; i++)
    expect(await run("tools", "call", "seo", "get_rank")).toMatchObject({ code: 0, stdout: "rank 3\n" });
  const third = await run("tools", "call", "seo", "get_rank");
  expect(third.code).not.toBe(0);
  expect(third.stderr).toContain("the day's 120 units of seo are used up (100 so far, this takes 50); tomorrow again");
  expect(await Bun.file(calls).text()).toBe("called\ncalled\n");
  expect((await run("tools", "list")).stdout).toMatch(/^seo +100 of 120 units, \$0\.10 +100 units, \$0\.10 of \$10\.00$/m);
  expect((await run("costs")).stdout).toMatch(/^ +\$0\.10 +100 units +\(2 uses\) +\$0\.10 +100 units +\(2 uses\) +seo$/m);
  expect(JSON.parse((await run("costs", "--json")).stdout).outside).toEqual([
    { server: "seo", today: { calls: 2, units: 100, costUsd: 0.1 }, month: { calls: 2, units: 100, costUsd: 0.1 } },
  ]);
}, 60_000);
