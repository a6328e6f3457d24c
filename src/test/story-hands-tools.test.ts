/** Stories: `tools test` and `tools call` with real servers: what is accepted, what asks, what is refused, and that nothing stays running. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LOCK_FILE } from "../tools/lock.ts";
import { command, lanes, ROOT, tempDir, type CliResult } from "./cli.ts";
import { BAD_SERVER, leftOf, makeHandsTeam, type ServerEntry, writeTools } from "./hands-team.ts";

const LIMIT_MS = 120_000;
const turn = lanes(3);
const story = (name: string, run: () => Promise<void>) => test.concurrent(name, () => turn(run), LIMIT_MS);
const lines = (text: string) => text.split("\n").filter(Boolean);
const json = <T>({ stdout }: CliResult) => JSON.parse(stdout) as T;
type Tested = {
  server: string;
  tools: { tool: string; class: string; permission: string; lock: string; offered: boolean }[];
  added: string[];
  changed: string[];
  gone: string[];
  same: number;
  accepted: boolean;
};

/** A team of its own in a folder of its own; `left` are the servers that still run. */
async function scene(tools: (folder: string) => Readonly<Record<string, ServerEntry>>) {
  const dir = await tempDir();
  const root = join(dir.path, "team");
  const marked = (entries: Readonly<Record<string, ServerEntry>>) =>
    Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [name, { ...entry, env: { ...entry.env, MARK: dir.path } }]),
    );
  await makeHandsTeam(root, { tools: marked(tools(dir.path)) });
  await mkdir(join(dir.path, "workspace"));
  return {
    path: dir.path,
    root,
    at: (...args: string[]) => command(["tools", ...args, "--workspace", join(dir.path, "workspace")], { cwd: root }),
    change: (entries: Readonly<Record<string, ServerEntry>>) => writeTools(root, marked(entries)),
    lock: () => readFile(join(root, LOCK_FILE), "utf8").catch(() => null),
    left: () => leftOf(dir.path),
    [Symbol.asyncDispose]: dir[Symbol.asyncDispose],
  };
}

const installed = (path: string, ...args: string[]): ServerEntry => ({
  command: "bun",
  args: [join(ROOT, "node_modules", path), ...args],
  skills: ["copywriting"],
});
const everything = installed("@modelcontextprotocol/server-everything/dist/index.js", "stdio");
/** The bad server of the MCP client's tests, on its good days. */
const bad = (more: Partial<ServerEntry> = {}, mode = "normal"): ServerEntry => ({
  command: "bun",
  args: [BAD_SERVER, mode],
  skills: ["copywriting"],
  ...more,
});

describe("tools test", () => {
  story("new tools are accepted by being shown; the same again is nothing new", async () => {
    await using it = await scene(() => ({ everything }));
    expect(await it.lock()).toBeNull();
    const first = await it.at("test", "everything");
    expect([first.code, first.stderr]).toEqual([0, ""]);
    // Nobody vouches for this server: only a name that begins with a reading verb makes a read.
    expect(first.stdout).toMatch(/get-sum\s+read\s+auto/);
    expect(first.stdout).toMatch(/echo\s+write\s+ask/);
    expect(first.stdout).toMatch(/Noted in tools\.lock\.json: \d+ new\./);
    const locked = await it.lock();
    expect(locked).toContain('"get-sum": { "hash"');
    const again = json<Tested>(await it.at("test", "everything", "--json"));
    expect(again).toMatchObject({ server: "everything", added: [], changed: [], gone: [], accepted: true });
    expect(again.same).toBe(again.tools.length);
    expect(again.tools.every((tool) => tool.lock === "same")).toBe(true);
    expect(await it.lock()).toBe(locked);
    expect(await it.left()).toEqual([]);
    expect((await readdir(it.root)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  story("a changed tool asks, whatever it was, and the lock stays as it is until --accept", async () => {
    const entry = bad({ actions: { echo: "read" } });
    await using it = await scene(() => ({ it: entry }));
    expect(json<Tested>(await it.at("test", "it", "--json")).accepted).toBe(true);
    // What the lock holds is not what the server says now.
    const before = ((await it.lock()) ?? "").replace(/("echo": \{ "hash": ")[^"]+/, "$10000000000000000");
    await writeFile(join(it.root, LOCK_FILE), before);
    const answer = await it.at("test", "it", "--json");
    const changed = json<Tested>(answer);
    expect(answer.code).toBe(4);
    expect(changed).toMatchObject({ changed: ["echo"], accepted: false });
    expect(changed.tools.find((tool) => tool.tool === "echo")).toMatchObject({
      class: "read",
      permission: "ask",
      lock: "changed",
    });
    expect(await it.lock()).toBe(before);
    const shown = await it.at("test", "it");
    expect(shown.code).toBe(4);
    expect(shown.stdout).toContain("Changed since you accepted them: echo.");
    // Who accepts it has read what a model will read.
    expect(shown.stdout).toContain("echo says: Says what it is told.");
    expect(changed.tools.find((tool) => tool.tool === "echo")).toMatchObject({
      description: "Says what it is told.",
      inputSchema: { type: "object" },
    });
    expect(shown.stdout).toContain("`tools test it --accept`");
    const accepted = await it.at("test", "it", "--accept");
    expect([accepted.code, accepted.stdout]).toEqual([0, expect.stringContaining("Accepted as they are now: echo.")]);
    expect(json<Tested>(await it.at("test", "it", "--json"))).toMatchObject({ changed: [], accepted: true });
    expect(await it.left()).toEqual([]);
  });

  story("what a server no longer has goes from the lock, and so does a server that tools.yaml no longer names", async () => {
    await using it = await scene(() => ({ one: bad(), two: bad({}, "toolless") }));
    await it.at("test", "one");
    await it.change({ one: bad({}, "toolless"), two: bad({}, "toolless") });
    const gone = await it.at("test", "one");
    expect([gone.code, gone.stdout]).toEqual([0, expect.stringContaining("It lists no tools.")]);
    expect(gone.stdout).toContain("No longer there: ");
    await it.change({ two: bad({}, "toolless") });
    expect((await it.at("test", "two")).code).toBe(0);
    expect(JSON.parse((await it.lock()) ?? "")).toEqual({ version: 1, servers: { two: { tools: {} } } });
  });

  story(
    "away is one line with the reason and what it last said; off and unknown are one line each, and start nothing",
    async () => {
      await using it = await scene(() => ({
        crashes: bad({ env: { CANARY: "${SECRET_OF_OURS}" } }, "crash-at-start"),
        absent: { command: "no-such-program-here", skills: ["copywriting"] },
        keyless: bad({ env: { KEY: "${NO_SUCH_KEY}" } }),
        disabled: bad({ enabled: false }),
      }));
      await writeFile(join(it.root, ".env"), "SECRET_OF_OURS=canary-0123456789\n");
      const crashed = await it.at("test", "crashes");
      expect([crashed.code, crashed.stdout]).toEqual([1, ""]);
      expect(lines(crashed.stderr)[0]).toMatch(/^crashes is away: .*it last wrote: fatal: the key \S+ is not valid/);
      expect(crashed.stderr).not.toContain("canary");
      expect(json<object>(await it.at("test", "crashes", "--json"))).toMatchObject({
        server: "crashes",
        away: expect.stringContaining("it last wrote"),
        stderr: ["starting up", expect.stringContaining("fatal")],
      });
      const absent = await it.at("test", "absent");
      expect([absent.code, lines(absent.stderr)]).toEqual([
        1,
        [expect.stringContaining('"no-such-program-here" was not found in PATH')],
      ]);
      const expected: [string, number, string][] = [
        ["keyless", 3, "keyless is off: ${NO_SUCH_KEY} is not set."],
        ["disabled", 3, "disabled is off: enabled is false."],
        ["keyles", 2, 'did you mean "keyless"?'],
        ["nothing-like-it", 2, 'there is no server "nothing-like-it" in tools.yaml'],
      ];
      for (const [name, code, said] of expected) {
        const result = await it.at("test", name);
        expect([name, result.code, result.stdout, lines(result.stderr).length <= 2]).toEqual([name, code, "", true]);
        expect(result.stderr).toContain(said);
      }
      expect(json<object>(await it.at("test", "disabled", "--json"))).toEqual({ server: "disabled", off: "enabled is false" });
      expect((await it.at("test")).code).toBe(2);
      expect(await it.lock()).toBeNull();
      expect(await it.left()).toEqual([]);
    },
  );
});

describe("tools call", () => {
  let it: Awaited<ReturnType<typeof scene>>;
  beforeAll(async () => {
    it = await scene((folder) => ({
      everything,
      files: { ...installed("@modelcontextprotocol/server-filesystem/dist/index.js", join(folder, "shared")), provider: "files" },
      it: bad({ actions: { hang: "read", die: "read", refuse: "read", garbage: "draft", env: "read" } }),
    }));
    await mkdir(join(it.path, "shared"));
    await writeFile(join(it.path, "shared/prices.md"), "# Prices\n\nFrom $19 a month.\n");
  });
  afterAll(async () => {
    expect(await it.left()).toEqual([]);
    await it[Symbol.asyncDispose]();
  });

  story("a read is answered on stdout, as text or as JSON", async () => {
    const path = join(it.path, "shared/prices.md");
    const read = await it.at("call", "files", "read_text_file", "--args", JSON.stringify({ path }));
    expect(read).toEqual({ code: 0, stdout: "# Prices\n\nFrom $19 a month.\n", stderr: "" });
    const sum = await it.at("call", "everything", "get-sum", "--args", '{"a":2,"b":3}', "--json");
    expect([sum.code, json<object>(sum)]).toEqual([
      0,
      expect.objectContaining({ kind: "answered", text: expect.stringContaining("5"), isError: false, spilled: null }),
    ]);
    // Nothing of ours is in the environment of a server.
    expect((await it.at("call", "it", "env")).stdout).not.toMatch(/ANTHROPIC|BUN_|MARKETEAM/);
  });

  story("an error that the server reports, a refusal and a lost answer are exit 1, in words", async () => {
    const outside = await it.at("call", "files", "read_text_file", "--args", '{"path":"/etc/passwd"}');
    expect([outside.code, outside.stdout.includes("root:")]).toEqual([1, false]);
    expect(outside.stdout + outside.stderr).toMatch(/denied|outside/i);
    const refused = await it.at("call", "it", "refuse");
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([1, expect.stringContaining("the argument is wrong")]);
    const died = await it.at("call", "it", "die");
    expect([died.code, died.stdout, lines(died.stderr)]).toEqual([1, "", ["No answer: it ended with exit code 7"]]);
    expect(json<object>(await it.at("call", "it", "die", "--json"))).toEqual({
      kind: "lost",
      detail: "it ended with exit code 7",
    });
  });

  story("what changes something is not for this command, and is not sent", async () => {
    const path = join(it.path, "shared/new.md");
    const write = await it.at("call", "files", "write_file", "--args", JSON.stringify({ path, content: "x" }));
    expect([write.code, write.stdout]).toEqual([2, ""]);
    expect(write.stderr).toContain('write_file is a "write" action: this command only looks');
    expect(await Bun.file(path).exists()).toBe(false);
    // A draft changes something too: it is made by an agent, and stands in the ledger.
    expect((await it.at("call", "it", "garbage")).stderr).toContain('garbage is a "draft" action');
    // It calls itself read-only, and says "send" in its name.
    expect((await it.at("call", "it", "send_all")).stderr).toContain('send_all is a "send" action');
  });

  story("wrong names and wrong arguments are one line, exit 2, and nothing is sent", async () => {
    const cases: [string[], string][] = [
      [["call", "everything"], "call which tool?"],
      [["call", "everythin", "echo"], 'did you mean "everything"?'],
      [["call", "everything", "get-summ"], 'did you mean "get-sum"?'],
      [["call", "everything", "get-sum", "--args", "{a:1}"], "--args is not a JSON object"],
      [["call", "everything", "get-sum", "--args", "[1]"], "--args is not a JSON object"],
      [["call", "everything", "get-sum", "--args", '{"a":1}'], "required property 'b'"],
      [["call", "everything", "get-sum", "--args", '{"a":"one","b":2}'], "a must be number"],
    ];
    for (const [args, said] of cases) {
      const { code, stdout, stderr } = await it.at(...args);
      expect([args, code, stdout, lines(stderr).length <= 2]).toEqual([args, 2, "", true]);
      expect(stderr).toContain(said);
    }
  });
});

test("what the program imports is installed with it: nothing hangs on a package that only the tests bring", async () => {
  const { dependencies } = (await Bun.file(join(ROOT, "package.json")).json()) as { dependencies: Record<string, string> };
  const missing: string[] = [];
  for await (const path of new Bun.Glob("src/**/*.ts").scan(ROOT)) {
    if (/\.test\.ts$|^src\/test\/|fixture/.test(path)) continue;
    for (const [, from = ""] of (await Bun.file(join(ROOT, path)).text()).matchAll(/(?:\bfrom |\bimport\()"([^"./][^"]*)"/g)) {
      const name = from.split("/", from.startsWith("@") ? 2 : 1).join("/");
      if (!/^(?:node|bun)(?::|$)/.test(from) && !Object.hasOwn(dependencies, name)) missing.push(`${path}: ${name}`);
    }
  }
  expect(missing).toEqual([]);
});
