/** What `validate` says of tools.yaml, each with its line and what to do. */

import { describe, expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { formatProblem } from "../domain/problem.ts";
import { ROOT } from "../test/cli.ts";
import { smallTeam } from "./registry.fixture.ts";
import { loadRegistry } from "./registry.ts";

async function problems(text: string, role = "search"): Promise<string[]> {
  await using team = await smallTeam();
  await team.change("skills.yaml", "sections: [Text]", `sections: [Text], tools: [${role}]`);
  await cp(join(ROOT, ".agents/tools"), join(team.root, ".agents/tools"), { recursive: true });
  await team.write("tools.yaml", text);
  const { problems: found } = await loadRegistry({ root: team.root });
  return found.map((problem) => `${problem.severity} ${formatProblem(problem)}`);
}
const entry = (lines: string) =>
  problems(`version: 1\nmcpServers:\n  s:\n    skills: [writer]\n${lines.replace(/^/gm, "    ")}\n`);

describe("sound", () => {
  test("a pasted block with three lines of ours", async () => {
    expect(
      await problems(`{"mcpServers": {"gsc": {
  "command": "npx", "args": ["-y", "mcp-server-gsc@0.3.0"], "env": {"GOOGLE_APPLICATION_CREDENTIALS": "\${KEY_FILE}", "PORT": 1},
  "role": "search", "actions": {"submit_sitemap": "publish"}, "limits": {"perMinute": 60} } }}`),
    ).toEqual([]);
  });

  test("everything that there is", async () => {
    expect(
      await problems(`version: 1
approval: { read: auto, send: { mode: ask, ttl: 24h, maxRecipients: 500, perDay: 2 } }
roles: { search: c }
mcpServers:
  c:
    type: http
    url: https://mcp.customer.io/mcp
    headers: { Authorization: "Bearer \${T}" }
    oauth: { clientId: x, scopes: [a] }
    role: search
    provider: customerio
    skills: ["*"]
    allow: ["cio_*"]
    deny: [cio_delete_api]
    actions: { cio_write_api: { class: write, when: [{ arg: path, match: "/send", class: send }] } }
    approval: { write: deny }
    limits: { concurrency: 2, perSecond: 1, perDay: 5 }
    enabled: false
    registry: io.customer/mcp
    pinned: true
    description: Ours.
email: { provider: resend, key: "\${K}", from: a@b.example, postalAddress: "Acme Ltd, 1 Main Street" }
`),
    ).toEqual([]);
  });
});

describe("errors, which turn off what they concern", () => {
  test.each([
    ["command: npx\nurl: https://x", "6: server s: it has both a command and a url"],
    ["role: search", "3: server s: it has neither a command nor a url"],
    [
      "command: x\nenv: { API_KEY: re_0123456789abcdef }",
      '6: server s: env › API_KEY looks like a secret in the file (put it into .env and write "${S_API_KEY}" here)',
    ],
    [
      "url: https://x\nheaders:\n  Authorization: Bearer abcdefghijklmnop",
      "7: server s: headers › Authorization looks like a secret",
    ],
    ['command: x\nargs: ["--token", "abcdefghijklmnop"]', "6: server s: args hold what looks like a secret"],
    ["url: https://x/?api_key=abcdefghijkl", "5: server s: the url holds what looks like a secret"],
    ["command: x\nactions: { send: sends }", 'unknown value "sends" (did you mean "send"?)'],
    [
      'command: x\nactions: { t: { class: read, when: [{ arg: a, match: "(", class: send }] } }',
      "not a usable regular expression",
    ],
    ["command: x\napproval: { sends: ask }", 'unknown key "sends" (did you mean "send"?)'],
    ["command: x\nlimits: { perMinutes: 3 }", 'unknown key "perMinutes" (did you mean "perMinute"?)'],
    ["command: x\nlimits: { perMinute: 0 }", "must be above 0"],
    ["command: x\napproval: { send: { ttl: soon } }", "a duration like 30m, 24h or 7d"],
    ["command: [x]", "command must be text"],
  ])("%s", async (lines, wanted) => {
    const found = await entry(lines);
    expect(found.filter((line) => line.startsWith("error")).join("\n")).toContain(wanted);
    expect(found.join("\n")).not.toMatch(/0123456789abcdef|abcdefghijkl/);
  });

  test.each([
    ["mcpServers:\n  email: { command: x, skills: [writer] }\n", "belongs to the section email:"],
    ["mcpServers:\n  a b: { command: x }\n", "letters, digits, hyphens and underscores"],
    ["mcpServer: {}\n", 'unknown key "mcpServer" (did you mean "mcpServers"?)'],
    ["mcpServers: {}\nroles: { search: gsc }\n", 'there is no server "gsc"'],
    ["version: 2\nmcpServers: {}\n", "version"],
    ['mcpServers: {}\nemail: { provider: mailchip, key: "${K}", from: a@b.example }\n', 'did you mean "mailchimp"?'],
    [
      "mcpServers: {}\nemail: { provider: resend, key: re_0123456789abcdef, from: a@b.example }\n",
      "write the name of an environment variable",
    ],
  ])("%j", async (text, wanted) => {
    const found = (await problems(text)).filter((line) => line.startsWith("error")).join("\n");
    expect(found).toContain(wanted);
    expect(found).not.toContain("0123456789abcdef");
  });
});

describe("warnings", () => {
  test.each([
    ["command: npx\nargs: [pkg@latest]", '"pkg@latest" has no fixed version'],
    ["command: uvx\nargs: [pkg]", '"pkg" has no fixed version'],
    ['command: x\nargs: ["--api-key=${K}"]', "a secret in args can be seen by every process here"],
    ["command: x\nrolle: search", 'the key "rolle" is not used (did you mean "role"?)'],
    ["command: x\nautoApprove: [a]", 'the key "autoApprove" is not used (here it is called "approval")'],
    ["command: x\napproval: { delete: auto }", "approval › delete: auto has no effect"],
    ["url: http://x.example/mcp", "the address is not encrypted"],
    ["url: https://x\ntype: sse", "type sse"],
    ['command: x\nactions: { "*": read }', "name each tool itself"],
    ["command: x\nprovider: resnd", 'did you mean "resend"?'],
    ["command: npx\nargs: [resend-mcp@2.22.0]\nactions: { send-email: draft }", '"send-email" stays send, as the catalogue says'],
    ["command: x\nlimits: { usd: { perMonth: 10 } }", "limits › usd counts no read, without what a call costs"],
    ["url: https://mcp.posthog.com/mcp", "one tool wraps everything"],
  ])("%s", async (lines, wanted) => {
    const found = await entry(lines);
    expect(found.filter((line) => line.startsWith("error"))).toEqual([]);
    expect(found.join("\n")).toContain(wanted);
  });

  test("one tool that wraps everything, tamed by its address or by rules, is none", async () => {
    expect(await entry("url: https://mcp.posthog.com/mcp?mode=tools&features=sql")).toEqual([]);
    expect(
      await entry(
        "url: https://mcp.posthog.com/mcp\nactions: { exec: { class: admin, when: [{ arg: a, match: b, class: read }] } }",
      ),
    ).toEqual([]);
  });

  test("a role that nobody has, in skills.yaml and here", async () => {
    expect(await problems("mcpServers: {}\n", "serch")).toEqual([
      expect.stringContaining('skill writer: no tool has the role "serch" (did you mean "search"?'),
    ]);
    expect(await problems("mcpServers:\n  s: { command: x, role: podcast }\n", "podcast")).toEqual([]);
    expect(await problems("mcpServers:\n  s: { command: x, role: analitics }\n")).toEqual([
      expect.stringContaining('did you mean "analytics"?'),
    ]);
  });

  test("mail without a postal address", async () => {
    expect(await problems('mcpServers: {}\nemail: { provider: resend, key: "${K}", from: a@b.example }\n')).toEqual([
      expect.stringContaining("postalAddress"),
    ]);
  });
});

test("a broken server is off and its neighbour is not", async () => {
  await using team = await smallTeam();
  await team.write(
    "tools.yaml",
    "mcpServers:\n  a: { command: x, skills: [writer], enabled: yes please }\n  b: { command: y, skills: [writer] }\n",
  );
  const { registry } = await loadRegistry({ root: team.root });
  expect(Object.keys(registry?.tools.mcpServers ?? {})).toEqual(["b"]);
});

test("an error in the catalogue is told with its place", async () => {
  await using team = await smallTeam();
  await team.write("tools.yaml", "mcpServers:\n  a: { command: x, skills: [writer] }\n");
  await team.write(
    ".agents/tools/a.yaml",
    'catalogue:\n  x: { title: X, role: search, server: null, headless: maybe, source: s, checked: "2026-11-21" }\n',
  );
  const { problems: found } = await loadRegistry({ root: team.root });
  expect(found.map(formatProblem).join()).toContain(".agents/tools/a.yaml:2:");
});

describe("what is broken fails towards the closed side", () => {
  const policyAfter = async (text: string) => {
    await using team = await smallTeam();
    await team.write("tools.yaml", text);
    const { registry } = await loadRegistry({ root: team.root });
    return registry?.tools;
  };
  test("a permission that does not exist is the default of its class; a broken email section leaves no tool at all", async () => {
    const server = "mcpServers:\n  a: { command: x, skills: [writer] }\n";
    expect((await policyAfter(`approval: { write: atuo, publish: deny }\n${server}`))?.approval).toEqual({ publish: "deny" });
    expect(await policyAfter(`email: { provider: nobody }\n${server}`)).toEqual({ mcpServers: {} });
    expect(await policyAfter(`version: 3\n${server}`)).toEqual({ mcpServers: {} });
  });
});
