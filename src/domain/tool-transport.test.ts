/** What an entry runs, its variables, and secrets in plain sight. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { matchesGlob } from "./tool-name.ts";
import { catalogued, expandText, looksSecret, originOf, variableFor, variablesIn } from "./tool-transport.ts";

describe("variables", () => {
  const known: Record<string, string> = { A: "one", EMPTY: "" };
  const fill = (text: string) => expandText(text, (name) => known[name] ?? null);

  test("set, unset, default, the other spelling", () => {
    expect(fill("x ${A} y")).toMatchObject({ text: "x one y", unset: [] });
    expect(fill("${B}")).toMatchObject({ text: "", unset: ["B"] });
    expect(fill("${EMPTY}").unset).toEqual(["EMPTY"]);
    expect(fill("${B:-two}/${EMPTY:-three}")).toMatchObject({ text: "two/three", unset: [] });
    expect(fill("${B:-}")).toMatchObject({ text: "", unset: [] });
    expect(fill("${env:A}").text).toBe("one");
  });

  test("a default is no secret, a value is", () => {
    expect([...fill("${A} ${B:-two}").used]).toEqual([["A", "one"]]);
  });

  test("what is no variable stays", () => {
    for (const text of ["$A", "{A}", "$${", "${1A}", "${A", "a$b{c}", "${A-x}"]) expect(fill(text).text).toBe(text);
  });

  test("a value is never read again", () => {
    expect(expandText("${X}", (name) => (name === "X" ? "${A}" : "secret")).text).toBe("${A}");
  });

  test("names", () => {
    expect(variablesIn("${A} ${env:B} ${C:-d}")).toEqual(["A", "B", "C"]);
  });
});

describe("where it comes from", () => {
  test.each([
    [{ command: "npx", args: ["-y", "resend-mcp@2.22.0"] }, "npm:resend-mcp", true],
    [{ command: "npx", args: ["-y", "@playwright/mcp@latest"] }, "npm:@playwright/mcp", false],
    [{ command: "/usr/local/bin/npx", args: ["--yes", "@playwright/mcp"] }, "npm:@playwright/mcp", false],
    [{ command: "npx.cmd", args: ["-p", "real@1.0.0", "other"] }, "npm:real", true],
    [{ command: "npx", args: ["--package=real@1.0.0", "-c", "x"] }, "npm:real", true],
    [{ command: "bun", args: ["x", "pkg@1.2.3"] }, "npm:pkg", true],
    [{ command: "npx", args: ["pkg@^1.2.3"] }, "npm:pkg", false],
    [{ command: "uvx", args: ["analytics-mcp==0.7.0"] }, "pypi:analytics-mcp", true],
    [{ command: "uvx", args: ["--from", "analytics-mcp@0.7.0", "run-it"] }, "pypi:analytics-mcp", true],
    [{ command: "uvx", args: ["--python", "3.12", "Analytics-MCP"] }, "pypi:analytics-mcp", false],
    [
      { command: "pipx", args: ["run", "--spec", "git+https://github.com/a/b.git@6f88c49", "b"] },
      "git:https://github.com/a/b",
      true,
    ],
    [{ command: "pipx", args: ["run", "--spec", "git+https://github.com/a/b.git", "b"] }, "git:https://github.com/a/b", false],
    [
      { command: "docker", args: ["run", "-i", "--rm", "-e", "TOKEN", "ghcr.io/github/github-mcp-server:1.10.1"] },
      "docker:ghcr.io/github/github-mcp-server",
      true,
    ],
    [
      { command: "docker", args: ["run", "-i", "ghcr.io/github/github-mcp-server"] },
      "docker:ghcr.io/github/github-mcp-server",
      false,
    ],
    [{ url: "https://MCP.resend.com/mcp?x=1" }, "https://mcp.resend.com/", null],
    [{ url: "https://user@mcp.resend.com:443/mcp" }, "https://mcp.resend.com/", null],
    [{ command: "node", args: ["server.js"] }, null, null],
    [{}, null, null],
  ] as const)("%j", (entry, id, pinned) => {
    expect(originOf(entry as never)).toMatchObject({ id, pinned });
  });

  const entry = (server: object | null, also: string[] = []) => ({ server, also }) as never;
  const catalogue = {
    mail: entry({ command: "npx", args: ["resend-mcp@1.0.0"] }, ["https://mcp.resend.com/"]),
    here: entry({ url: "http://127.0.0.1:8000/mcp" }),
  };
  const named = (some: object) => catalogued(some as never, catalogue)?.name ?? null;

  test("what runs decides, not what it is called; or the user's own word", () => {
    expect(named({ command: "npx", args: ["resend-mcp@9.9.9"] })).toBe("mail");
    expect(named({ url: "https://mcp.resend.com/mcp" })).toBe("mail");
    expect(named({ url: "https://mcp.resend.com.evil.example/mcp" })).toBeNull();
    expect(named({ url: "https://evil.example/?https://mcp.resend.com/" })).toBeNull();
    expect(named({ url: "https://mcp.resend.com@evil.example/" })).toBeNull();
    expect(named({ command: "npx", args: ["resend-mcp-evil@1.0.0"] })).toBeNull();
    expect(named({ url: "http://127.0.0.1:8000/mcp" })).toBeNull();
    expect(named({ url: "http://127.0.0.1:8000/mcp", provider: "here" })).toBe("here");
    expect(named({ command: "x", provider: "constructor" })).toBeNull();
  });
});

describe("secrets in plain sight", () => {
  test.each([
    ["RESEND_API_KEY", "re_123456789abcdefghi"],
    ["anything", "sk-ant-api03-abcdefghijkl"],
    ["Authorization", "Bearer abcdefghijklmnop"],
    ["--api-key", "0123456789abcdef"],
    ["accessToken", "zzzzzzzzzz"],
    ["X", "ghp_abcdefghijklmnopqrst"],
  ])("%s: %s", (name, value) => expect(looksSecret(name, value)).toBe(true));
  test.each([
    ["Authorization", "Bearer ${TOKEN}"],
    ["KEY", "${KEY}"],
    ["GOOGLE_APPLICATION_CREDENTIALS", "/home/me/key.json"],
    ["KEY_FILE", "./keys/service.json"],
    ["USE_TOKEN", "true"],
    ["PROJECT_ID", "my-project-123456"],
    ["", "--headless"],
    ["", "@playwright/mcp@0.0.83"],
    ["", "mcp-server-gsc@0.3.0"],
  ])("not %s: %s", (name, value) => expect(looksSecret(name, value)).toBe(false));

  test("the variable that takes its place", () => {
    expect(variableFor("my-mail", "Authorization")).toBe("MY_MAIL_TOKEN");
    expect(variableFor("my-mail", "--api-key")).toBe("MY_MAIL_API_KEY");
    expect(variableFor("x", "RESEND_API_KEY")).toBe("RESEND_API_KEY");
  });
});

describe("globs", () => {
  test.each([
    ["list-emails", "list-*", true],
    ["list", "list-*", false],
    ["a", "*", true],
    ["", "*", true],
    ["create_live_x", "*_live_*", true],
    ["_live", "*_live_*", false],
    ["aba", "a*a", true],
    ["a", "a*a", false],
    ["a.b", "a?b", false],
  ])("%s in %s: %p", (name, glob, wanted) => expect(matchesGlob(name, glob)).toBe(wanted));

  test("says what a regular expression would", () => {
    const text = fc.stringMatching(/^[ab*]{0,8}$/);
    fc.assert(
      fc.property(fc.stringMatching(/^[ab]{0,8}$/), text, (name, glob) => {
        expect(matchesGlob(name, glob)).toBe(new RegExp(`^${glob.replaceAll("*", ".*")}$`).test(name));
      }),
      { numRuns: 1_000 },
    );
  });
});
