/** The client against servers that people use, started as they are started: children of ours, on their standard streams and over HTTP. */

import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { ToolAnswer, ToolServer } from "../server.ts";
import type { McpEntry, StdioWay } from "./entry.ts";
import { bench } from "./fixtures/harness.ts";
import { processes, remaining } from "./fixtures/processes.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const never = () => new AbortController().signal;
const call = (server: ToolServer, tool: string, args: Record<string, unknown> = {}) =>
  server.call(tool, args, { signal: never() });
const textOf = (answer: ToolAnswer) => (answer.kind === "answered" ? answer.text : `${answer.kind}: ${answer.detail}`);

/** The program of an installed package, run by Bun: no package runner, no network. */
async function way(name: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<StdioWay> {
  const manifest = join(ROOT, "node_modules", name, "package.json");
  const { bin } = JSON.parse(await readFile(manifest, "utf8")) as { bin: Record<string, string> };
  return { type: "stdio", command: "bun", args: [join(dirname(manifest), Object.values(bin)[0] ?? ""), ...args], env };
}

async function namesOf(server: ToolServer): Promise<string[]> {
  const listed = await server.list(never());
  if (!("tools" in listed)) throw new Error(`${listed.away}\n${server.state().stderr.join("\n")}`);
  return listed.tools.map((tool) => tool.name);
}

/** What runs with `word` on its command line. */
const running = (word: string) => processes().flatMap(({ command, pid }) => (command.includes(word) ? [pid] : []));

const entry = async (name: string, of: Promise<StdioWay>, caps: McpEntry["caps"] = {}): Promise<McpEntry> => ({
  name,
  way: await of,
  caps,
});

describe("real servers", () => {
  test("everything: text, images, links, structure, errors, progress", async () => {
    await using b = await bench(process.env);
    const server = b.server(await entry("everything", way("@modelcontextprotocol/server-everything", ["stdio"])));
    const names = await namesOf(server);
    expect(names).toContain("echo");
    expect(textOf(await call(server, "echo", { message: "hello" }))).toContain("hello");
    expect(textOf(await call(server, "get-sum", { a: 2, b: 3 }))).toContain("5");
    expect(textOf(await call(server, "get-tiny-image"))).toMatch(/\[image not shown: image\/png, \d+ (?:KB|bytes)\]/);
    expect(textOf(await call(server, "get-structured-content", { location: "New York" }))).toContain("temperature");
    expect(textOf(await call(server, "get-resource-links", { count: 2 }))).toContain("[link: ");
    // The children of others hold nothing of ours.
    expect(textOf(await call(server, "get-env"))).not.toContain("ANTHROPIC");
    expect(await call(server, "echo", { wrong: 1 })).toMatchObject({ kind: "answered", isError: true });
    expect(await call(server, "no-such-tool")).toMatchObject({ kind: "answered", isError: true });
    expect(textOf(await call(server, "trigger-long-running-operation", { duration: 0.2, steps: 2 }))).toContain("completed");
  });

  test("everything over streamable HTTP, and again after its restart", async () => {
    await using b = await bench(process.env);
    const { args } = await way("@modelcontextprotocol/server-everything", ["streamableHttp"]);
    const port = freePort();
    const start = async () => {
      const child = Bun.spawn(["bun", ...args], {
        env: { PATH: process.env["PATH"] ?? "", PORT: String(port) },
        stdout: "ignore",
        stderr: "pipe",
      });
      const reader = child.stderr.getReader();
      for (let said = ""; !said.includes("listening");) said += new TextDecoder().decode((await reader.read()).value);
      return child;
    };
    let child = await start();
    const server = b.server({ name: "http", way: { type: "http", url: `http://127.0.0.1:${port}/mcp`, headers: {} } });
    expect(textOf(await call(server, "echo", { message: "one" }))).toContain("one");
    child.kill("SIGKILL");
    await child.exited;
    child = await start();
    // Whether the old connection breaks is the network's affair; the session is begun anew without a word.
    await call(server, "echo", { message: "two" });
    expect(textOf(await call(server, "echo", { message: "three" }))).toContain("three");
    child.kill("SIGKILL");
    await child.exited;
  });

  test("filesystem: reads and writes in its folder, and nowhere else", async () => {
    await using b = await bench(process.env);
    const folder = join(b.dir, "files");
    await mkdir(folder);
    const server = b.server(await entry("files", way("@modelcontextprotocol/server-filesystem", [folder])));
    expect(await namesOf(server)).toContain("read_text_file");
    expect(await call(server, "write_file", { path: join(folder, "a.md"), content: "# A" })).toMatchObject({ isError: false });
    expect(await readFile(join(folder, "a.md"), "utf8")).toBe("# A");
    expect(await call(server, "read_text_file", { path: "/etc/passwd" })).toMatchObject({ kind: "answered", isError: true });
    // 1 MB comes whole into a file, and cut into the prompt.
    await writeFile(join(folder, "long.txt"), "0123456789\n".repeat(100_000));
    const long = await call(server, "read_text_file", { path: join(folder, "long.txt") });
    if (long.kind !== "answered") throw new Error(long.detail);
    expect(Buffer.byteLength(long.text)).toBeLessThan(66_000);
    expect(Bun.file(long.spilled ?? "").size).toBeGreaterThanOrEqual(1_100_000);
  });

  test("search console, mail and notes: they start with keys of their own, list their tools, and do not tell the keys", async () => {
    const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
    await using b = await bench(process.env, ["re_secret_canary", "ntn_secret_canary"]);
    const account = join(b.dir, "account.json");
    await writeFile(
      account,
      JSON.stringify({ type: "service_account", client_email: "a@b.iam.gserviceaccount.com", private_key: key }),
    );
    const servers = {
      gsc: b.server(await entry("gsc", way("mcp-server-gsc", [], { GOOGLE_APPLICATION_CREDENTIALS: account }))),
      resend: b.server(
        await entry(
          "resend",
          way("resend-mcp", [], { RESEND_API_KEY: "re_secret_canary", SENDER_EMAIL_ADDRESS: "a@example.com" }),
        ),
      ),
      notion: b.server(await entry("notion", way("@notionhq/notion-mcp-server", [], { NOTION_TOKEN: "ntn_secret_canary" }))),
    };
    const [gsc, resend, notion] = await Promise.all(Object.values(servers).map(namesOf));
    expect(gsc).toEqual(expect.arrayContaining(["search_analytics", "submit_sitemap"]));
    expect(resend).toEqual(expect.arrayContaining(["send-email", "send-broadcast"]));
    expect(resend?.length).toBeGreaterThan(50);
    expect(notion?.length).toBeGreaterThan(10);
    for (const server of Object.values(servers)) expect(JSON.stringify(server.state())).not.toContain("secret_canary");
  });

  test("playwright reads a page through a real browser, and leaves no browser behind", async () => {
    const chromium = Bun.which("chromium");
    if (chromium === null) return absent("chromium", "it is not installed");
    await using b = await bench(process.env);
    await using site = page("<!doctype html><title>Prices</title><h1>Prices from $19</h1><p>No card needed.</p>");
    const profile = join(b.dir, "profile");
    const args = ["--headless", "--no-sandbox", "--executable-path", chromium, "--user-data-dir", profile];
    const server = b.server(await entry("browser", way("@playwright/mcp", args)));
    expect(await namesOf(server)).toContain("browser_navigate");
    expect(await call(server, "browser_navigate", { url: site.url })).toMatchObject({ kind: "answered", isError: false });
    expect(textOf(await call(server, "browser_snapshot"))).toContain("Prices from $19");
    expect(textOf(await call(server, "browser_take_screenshot", {}))).toContain("[image not shown: image/");
    expect(running(profile).length).toBeGreaterThan(1);
    await server.close();
    expect(await remaining(() => running(profile))).toEqual([]);
  });
});

function absent(name: string, why: string): void {
  if (process.env["REQUIRE_SERVICES"] === "1") throw new Error(`${name} is required by REQUIRE_SERVICES=1, but: ${why}`);
  console.error(`SKIP ${name}: ${why}`);
}

function freePort(): number {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return port ?? 0;
}

function page(html: string): AsyncDisposable & { readonly url: string } {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(html, { headers: { "content-type": "text/html" } }),
  });
  return { url: `http://127.0.0.1:${server.port}/`, [Symbol.asyncDispose]: () => server.stop(true) };
}
