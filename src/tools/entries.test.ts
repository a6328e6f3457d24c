/** Entries as they can be used: variables, who may use what, policy, one account for one secret. */

import { describe, expect, test } from "bun:test";
import { toolsFile } from "../domain/tools-file.ts";
import { loadToolCatalogue } from "../skills/tool-catalogue.ts";
import { ROOT } from "../test/cli.ts";
import { capsOf, durationMs, emailSkills, isAllowed, policyOf, readEntries } from "./entries.ts";

const { catalogue } = await loadToolCatalogue(ROOT);
const SKILLS = [
  { name: "seo", tools: ["search", "browser"] },
  { name: "mailer", tools: ["email"] },
  { name: "writer", tools: [] },
];
const read = (file: object, variables: Record<string, string> = {}) =>
  readEntries({ file: toolsFile.parse(file), skills: SKILLS, catalogue, variable: (name) => variables[name] ?? null });
const one = (entry: object, variables: Record<string, string> = {}) => read({ mcpServers: { s: entry } }, variables)[0]!;

describe("variables", () => {
  test("filled in where they may stand; the values are secrets", () => {
    const entry = one(
      {
        command: "${BIN:-npx}",
        args: ["--key", "${KEY}"],
        env: { TOKEN: "${TOKEN}", PORT: 80, LEFT: "${NONE:-}" },
        description: "${KEY}",
      },
      { KEY: "k-secret", TOKEN: "t-secret" },
    );
    expect(entry.way).toEqual({
      type: "stdio",
      command: "npx",
      args: ["--key", "k-secret"],
      env: { TOKEN: "t-secret", PORT: "80" },
    });
    expect([...entry.secrets].sort()).toEqual(["k-secret", "t-secret"]);
    expect(entry.description).toBe("${KEY}");
    expect(JSON.stringify({ ...entry, way: null, secrets: [] })).not.toContain("-secret");
  });

  test("one that is not set turns its server off, and no other", () => {
    const [a, b] = read(
      { mcpServers: { a: { url: "https://a.example/${A}", headers: { X: "${B}" } }, b: { command: "run" } } },
      { B: "x" },
    );
    expect(a).toMatchObject({ way: null, off: "${A} is not set", unset: ["A"] });
    expect(b).toMatchObject({ off: null, way: { type: "stdio" } });
  });

  test.each([
    [{ command: "x", enabled: false }, "enabled is false"],
    [{ command: "x", disabled: true }, "disabled is true"],
    [{ role: "search" }, "it has neither a command nor a usable url"],
    [{ url: "ftp://x" }, "it has neither a command nor a usable url"],
  ])("%j is off", (entry, reason) => expect(one(entry)).toMatchObject({ way: null, off: reason }));

  test("what the catalogue says is no secret is none", () => {
    const entry = one({ ...catalogue["resend"]!.server }, { RESEND_API_KEY: "re_x", SENDER_EMAIL_ADDRESS: "news@acme.example" });
    expect(entry.secrets).toEqual(["re_x"]);
  });

  test("one account for one secret, whatever the servers are called", () => {
    const both = (a: string, b: string) =>
      read(
        {
          mcpServers: {
            x: { url: "https://mcp.stripe.com", headers: { A: "Bearer ${K1}" } },
            y: { url: "https://mcp.stripe.com", headers: { A: "${K2}" } },
          },
        },
        { K1: a, K2: b },
      ).map((entry) => entry.credential);
    expect(new Set(both("same-key", "same-key")).size).toBe(1);
    expect(new Set(both("one-key", "two-key")).size).toBe(2);
    expect(both("same-key", "same-key").join()).not.toContain("same-key");
  });
});

describe("who may use it", () => {
  const users = (file: object) => Object.fromEntries(read(file).map(({ name, skills }) => [name, skills]));

  test("named skills; everyone; those that ask for the role; else nobody", () => {
    expect(
      users({
        mcpServers: {
          a: { command: "x", skills: ["writer"], role: "search" },
          b: { command: "x", skills: ["*"] },
          c: { command: "x", role: "search" },
          d: { command: "x" },
          e: { command: "x", skills: [] },
        },
      }),
    ).toEqual({ a: ["writer"], b: ["seo", "mailer", "writer"], c: ["seo"], d: [], e: [] });
  });

  test("of two with one role the first that is on; `roles` chooses", () => {
    const mcpServers = {
      a: { command: "x", role: "search", enabled: false },
      b: { command: "x", role: "search" },
      c: { command: "x", role: "search" },
    };
    expect(users({ mcpServers })).toEqual({ a: [], b: ["seo"], c: [] });
    expect(users({ mcpServers, roles: { search: "c" } })).toEqual({ a: [], b: [], c: ["seo"] });
  });

  test("the role of what the catalogue knows need not be written", () => {
    expect(one({ command: "npx", args: ["mcp-server-gsc@0.3.0"] })).toMatchObject({
      role: "search",
      skills: ["seo"],
      catalogueName: "search-console",
    });
  });

  test("the section email: comes before a server of that role, unless roles says otherwise", () => {
    const email = { provider: "resend", key: "${K}", from: "a@b.example" };
    const file = { email, mcpServers: { m: { command: "x", role: "email" } } };
    expect(users(file)).toEqual({ m: [] });
    expect(emailSkills(toolsFile.parse(file), SKILLS)).toEqual(["mailer"]);
    const other = toolsFile.parse({ ...file, roles: { email: "m" } });
    expect([users(other), emailSkills(other, SKILLS)]).toEqual([{ m: ["mailer"] }, []]);
    expect(emailSkills(toolsFile.parse({ ...file, email: { ...email, enabled: false } }), SKILLS)).toEqual([]);
  });
});

describe("policy", () => {
  test("the file's, and a server's own on top; caps beside it", () => {
    const all = toolsFile.parse({ approval: { write: "deny", send: { ttl: "2h", maxRecipients: 50 } } }).approval;
    const own = toolsFile.parse({ approval: { write: "auto", send: { mode: "deny", perDay: 3 } } }).approval;
    expect(policyOf()).toMatchObject({ read: "auto", write: "ask", delete: "deny" });
    expect(policyOf(all)).toMatchObject({ write: "deny", send: "ask" });
    expect(policyOf(all, own)).toMatchObject({ write: "auto", send: "deny", read: "auto" });
    expect(capsOf(all, own).send).toEqual({ ttlMs: 7_200_000, maxRecipients: 50, perDay: 3 });
    expect(capsOf().send).toEqual({ ttlMs: durationMs("3d"), maxRecipients: null, perDay: null });
  });

  test("allow and deny are globs; the file's allow takes the place of the catalogue's", () => {
    const github = { url: "https://api.githubcopilot.com/mcp/" };
    expect(isAllowed(one(github), "issue_read")).toBe(true);
    expect(isAllowed(one(github), "delete_repository")).toBe(false);
    expect(isAllowed(one({ ...github, allow: ["*"] }), "delete_repository")).toBe(true);
    expect(isAllowed(one({ ...github, allow: ["*"], deny: ["delete_*"] }), "delete_repository")).toBe(false);
  });
});
