/** `tools` through the real command line: what is written, what is refused, and that nothing is half-written. */

import { describe, expect, test } from "bun:test";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { smallTeam, type Team } from "../skills/registry.fixture.ts";
import { acceptTools, EMPTY_LOCK, writeLock } from "../tools/lock.ts";
import { listOf } from "../tools/lists.fixture.ts";
import { classifiedTools } from "../tools/classified.ts";
import { readEntries } from "../tools/entries.ts";
import { loadToolCatalogue } from "../skills/tool-catalogue.ts";
import { toolsFile } from "../domain/tools-file.ts";
import { command, ROOT } from "../test/cli.ts";
import { styles } from "./output.ts";
import { classifiedText } from "./tools-text.ts";

const HEAD = "# Ours. Keep this line.\n\n";
async function team(tools: string | null = `${HEAD}mcpServers: {} # none yet\n`): Promise<Team> {
  const made = await smallTeam();
  await made.change("skills.yaml", "sections: [Text]", "sections: [Text], tools: [search]");
  await cp(join(ROOT, ".agents/tools"), join(made.root, ".agents/tools"), { recursive: true });
  if (tools !== null) await made.write("tools.yaml", tools);
  return made;
}
const at = (some: Team, ...args: string[]) => command(["tools", ...args], { cwd: some.root });
const text = (some: Team, file = "tools.yaml") => Bun.file(join(some.root, file)).text();
const json = <T>(out: { stdout: string }) => JSON.parse(out.stdout) as T;
const leftovers = async (some: Team) => (await readdir(some.root)).filter((name) => name.endsWith(".tmp"));

describe("add", () => {
  test("writes the entry, keeps the comments, says what to set and where to get it", async () => {
    await using some = await team();
    const { code, stdout } = await at(some, "add", "search-console");
    expect(code).toBe(0);
    expect(stdout).toContain("set GSC_SA_KEY_FILE in .env: Google Cloud console");
    expect(stdout).toContain("for writer");
    expect(stdout).toContain("tools test search-console");
    const written = await text(some);
    expect(written).toStartWith(HEAD);
    expect(written).toContain('args: ["-y", "mcp-server-gsc@0.3.0"]');
    expect(written).toContain('GOOGLE_APPLICATION_CREDENTIALS: "${GSC_SA_KEY_FILE}"');
    const validated = await command(["validate", "--json"], { cwd: some.root });
    expect(json<{ problems: { file: string }[] }>(validated).problems.filter(({ file }) => file === "tools.yaml")).toEqual([]);
    const listed = await at(some, "list", "--json");
    expect(json<{ tools: object[] }>(listed).tools).toMatchObject([
      {
        name: "search-console",
        role: "search",
        skills: ["writer"],
        on: false,
        reason: "${GSC_SA_KEY_FILE} is not set",
        catalogue: "search-console",
        unset: ["GSC_SA_KEY_FILE"],
      },
    ]);
    await some.write(".env", "GSC_SA_KEY_FILE=/k.json\n");
    const on = await at(some);
    expect(on.stdout).toMatch(/search-console\s+search\s+writer\s+on/);
    expect(on.stdout).toContain("Not in tools.lock.json yet: search-console");
  });

  test("a second one behind the first, under a name of its own", async () => {
    await using some = await team(`${HEAD}mcpServers:\n  # The first.\n  a: { command: x, skills: [writer] } # so\n`);
    expect((await at(some, "add", "GA4", "--as", "ga4-us", "--json")).code).toBe(0);
    expect((await at(some, "add", "ga4")).code).toBe(0);
    const written = await text(some);
    expect(written).toContain("  # The first.\n  a: { command: x, skills: [writer] } # so\n");
    expect(Object.keys(toolsFile.parse(Bun.YAML.parse(written)).mcpServers)).toEqual(["a", "ga4-us", "ga4"]);
  });

  test.each([
    ["pasted JSON", '{\n  "mcpServers": {\n    "a": { "command": "x", "skills": ["writer"] }\n  }\n}\n'],
    ["keys behind", `mcpServers:\n  a:\n    command: x\n    skills: [writer]\n\n# Who has a role.\nroles: { search: a }\n`],
    ["another indentation, no line end", "version: 1\nmcpServers:\n    a:\n        command: x"],
    ["a comment at the end", "mcpServers:\n  a: { command: x }\n  # b: { command: y }\n"],
    ["no servers yet", "version: 1 # so\n"],
    ["nothing but a comment", "# mine\nmcpServers: {}\n# the end\n"],
  ])("%s: what was there stays, comments too", async (_, before) => {
    await using some = await team(before);
    expect(await at(some, "add", "ga4")).toMatchObject({ code: 0 });
    const written = await text(some);
    const old = toolsFile.parse(Bun.YAML.parse(before));
    const now = toolsFile.parse(Bun.YAML.parse(written));
    expect(now).toMatchObject(old);
    expect(Object.keys(now.mcpServers)).toEqual([...Object.keys(old.mcpServers), "ga4"]);
    for (const comment of before.match(/# .*/g) ?? []) expect(written).toContain(comment);
  });

  test("without a tools.yaml it makes one", async () => {
    await using some = await team(null);
    expect((await at(some, "add", "browser")).code).toBe(0);
    expect(toolsFile.parse(Bun.YAML.parse(await text(some))).mcpServers).toHaveProperty("browser");
  });

  test("every entry of the catalogue that has a server can be added, and validates", async () => {
    await using some = await team();
    const { catalogue } = await loadToolCatalogue(ROOT);
    const { addServers } = await import("./tools-change.ts");
    const names = Object.entries(catalogue).flatMap(([name, entry]) => (entry.server === null ? [] : [name]));
    expect(names.length).toBeGreaterThan(20);
    await addServers(
      some.root,
      names.map((name) => ({ name, entry: { ...catalogue[name]?.server, role: catalogue[name]?.role, skills: ["writer"] } })),
    );
    const { stdout, code } = await command(["validate", "--json"], { cwd: some.root });
    const problems = (JSON.parse(stdout) as { problems: { file: string; message: string }[] }).problems.filter(
      ({ file }) => file === "tools.yaml",
    );
    expect([code, problems]).toEqual([0, []]);
  });

  test.each([
    [["add", "googel-ads"], 'did you mean "google-ads"?'],
    [["add", "linkedin"], "post through buffer"],
    [["add", "mailchimp"], "provider mailchimp"],
    [["add", "ga4", "--as", "a b"], "cannot be a server's name"],
    [["add", "ga4", "--as", "email"], "email:"],
    [["add", "ga4", "--as", "a"], 'there is a server "a" already'],
    [["ad", "ga4"], 'did you mean "add"?'],
    [["list", "x"], "takes no name"],
    [["import"], "say which file"],
    [["import", "nothing.json"], "cannot be read (ENOENT)"],
    [["export"], "claude|cursor|vscode|opencode"],
    [["export", "--for", "cursr"], 'did you mean "cursor"?'],
  ])("%j: one line, exit 2, nothing written", async (args, wanted) => {
    const before = `${HEAD}mcpServers:\n  a: { command: x, skills: [writer] }\n`;
    await using some = await team(before);
    const { code, stdout, stderr } = await at(some, ...args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(wanted);
    expect(await text(some)).toBe(before);
    expect(await leftovers(some)).toEqual([]);
  });

  test("a file that cannot be read is left alone", async () => {
    const before = "mcpServers:\n\ta: x\n";
    await using some = await team(before);
    const { code, stderr } = await at(some, "add", "ga4");
    expect([code, await text(some)]).toEqual([2, before]);
    expect(stderr).toContain("tools.yaml:2");
  });

  test("the catalogue, as a table and as JSON", async () => {
    await using some = await team();
    expect((await at(some, "add")).stdout).toMatch(/analytics\s+ga4\s+Google Analytics 4/);
    const { catalogue } = json<{ catalogue: { name: string; needs: string[] }[] }>(await at(some, "add", "--json"));
    const wanted =
      "ga4 search-console gtm pagespeed wordpress webflow github browser mailchimp customerio resend google-ads meta-ads linkedin twitter buffer stripe".split(
        " ",
      );
    expect(wanted.filter((name) => !catalogue.some((entry) => entry.name === name))).toEqual([]);
  });

  test("a team without a catalogue has the program's", async () => {
    await using some = await smallTeam();
    expect((await at(some, "add", "ga4")).code).toBe(0);
  });
});

describe("import and export", () => {
  const secret = "re_verySecret0123456789";
  test("a .mcp.json: nobody may use it yet, and no secret comes along", async () => {
    await using some = await team(`${HEAD}mcpServers:\n  old: { command: x, skills: [writer] }\n`);
    await some.write(
      ".mcp.json",
      JSON.stringify({
        mcpServers: {
          mail: { command: "npx", args: ["-y", "resend-mcp@2.22.0"], env: { RESEND_API_KEY: secret } },
          old: { command: "y" },
        },
      }),
    );
    const result = await at(some, "import", ".mcp.json");
    expect(result.code).toBe(0);
    expect(result.stdout).toContain("npx -y resend-mcp@2.22.0");
    expect(result.stdout).toContain("Kept as they are: old");
    expect(result.stdout + result.stderr + (await text(some))).not.toContain("verySecret");
    expect(toolsFile.parse(Bun.YAML.parse(await text(some))).mcpServers).toMatchObject({
      old: { command: "x" },
      mail: { env: { RESEND_API_KEY: "${RESEND_API_KEY}" } },
    });
    expect((await at(some, "import", ".mcp.json")).code).toBe(2);
  });

  test("a faulty file changes nothing", async () => {
    await using some = await team();
    const before = await text(some);
    for (const bad of [
      "{",
      "[]",
      '{"mcpServers":{"a":{}}}',
      '{"mcpServers":{"a":{"command":"x","url":"https://y"}}}',
      '{"mcpServers":{"email":{"command":"x"}}}',
      '{"mcpServers":{"a":{"command":["x"]}}}',
    ]) {
      await some.write("bad.json", bad);
      const { code, stderr } = await at(some, "import", "bad.json");
      expect([bad, code, await text(some)]).toEqual([bad, 2, before]);
      expect(stderr.split("\n").filter(Boolean).length).toBeLessThanOrEqual(2);
    }
    expect(await leftovers(some)).toEqual([]);
  });

  test("stdout is the other program's file, whole", async () => {
    await using some = await team(
      'mcpServers:\n  a: { url: "https://x/mcp", headers: { Authorization: "Bearer ${T}" }, role: search, limits: { perSecond: 1 } }\n',
    );
    const { code, stdout, stderr } = await at(some, "export", "--for", "claude");
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { mcpServers: { a: { type: "http", url: "https://x/mcp", headers: { Authorization: "Bearer ${T}" } } } },
    ]);
    expect(stderr).toContain(".mcp.json");
  });
});

describe("doctor", () => {
  type Found = { name: string; state: string; detail: string; hint: string | null };
  const doctor = async (some: Team) =>
    json<{ checks: Found[] }>(
      await command(["doctor", "--json", "--workspace", join(some.root, "w")], { cwd: some.root }),
    ).checks.filter(({ name }) => name.startsWith("tool"));

  test("says which server is off and why, and what nobody has accepted", async () => {
    await using some = await team(
      'mcpServers:\n  a: { command: x, skills: [writer], env: { K: "${NO_SUCH_KEY}" } }\n  b: { command: y, skills: [writer] }\n',
    );
    expect(await doctor(some)).toEqual([
      { name: "tools", state: "ok", detail: "2 in tools.yaml: 1 on, 1 off", hint: null },
      { name: "tool a", state: "warn", detail: "off: ${NO_SUCH_KEY} is not set", hint: "set it in the environment or in .env" },
      {
        name: "tool b",
        state: "warn",
        detail: "not in tools.lock.json: every use of its tools is asked",
        hint: "look at its tools: tools test b",
      },
    ]);
    await writeLock(
      some.root,
      acceptTools(EMPTY_LOCK, "b", [], () => "read"),
    );
    expect((await doctor(some)).map(({ name }) => name)).toEqual(["tools", "tool a"]);
    await some.write("tools.lock.json", "{");
    expect((await doctor(some)).find(({ name }) => name === "tools lock")).toMatchObject({ state: "warn" });
  });

  test("mail by the section email: is a row like others", async () => {
    await using some = await team(`mcpServers: {}\nemail: { provider: resend, key: "\${NO_SUCH_KEY}", from: a@b.example }\n`);
    await some.change("skills.yaml", "tools: [search]", "tools: [email]");
    expect((await at(some)).stdout).toMatch(/email \(resend\)\s+email\s+writer\s+off: \$\{NO_SUCH_KEY\} is not set/);
    expect((await doctor(some)).map(({ name, state }) => [name, state])).toEqual([
      ["tools", "ok"],
      ["tool email (resend)", "warn"],
    ]);
  });

  test("none is no fault", async () => {
    await using some = await team();
    expect(await doctor(some)).toEqual([
      { name: "tools", state: "ok", detail: "none: the team advises, and touches nothing outside", hint: null },
    ]);
  });
});

test("a classified list: the gravest first, with what stands before each, its weight and the lock", async () => {
  const { catalogue } = await loadToolCatalogue(ROOT);
  const file = toolsFile.parse({ mcpServers: { gsc: { command: "npx", args: ["mcp-server-gsc@0.3.0"] } } });
  const [entry] = readEntries({ file, skills: [], catalogue, variable: () => null });
  const { tools } = await listOf("gsc");
  const lock = acceptTools(EMPTY_LOCK, "gsc", tools.slice(1), () => "read");
  const rows = classifiedTools(entry!, tools, lock);
  expect(rows.map(({ tool, class: of, permission, lock: state }) => [tool, of, permission, state]).slice(0, 3)).toEqual([
    ["submit_sitemap", "write", "ask", "same"],
    ["detect_quick_wins", "read", "auto", "same"],
    ["enhanced_search_analytics", "read", "auto", "same"],
  ]);
  expect(rows.find(({ tool }) => tool === "list_sites")).toMatchObject({ permission: "ask", lock: "new" });
  const shown = classifiedText(rows, styles(false));
  expect(shown).toContain("8 tools, about");
  expect(shown).toContain("1 not accepted yet.");
});
