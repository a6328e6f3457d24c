/** Files of other programs, there and back; no secret comes along. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { toolsFile } from "../domain/tools-file.ts";
import { exportServers, HOSTS, importServers, type Imported } from "./convert.ts";

const take = (data: unknown) => importServers(typeof data === "string" ? data : JSON.stringify(data)) as Imported;

describe("import", () => {
  test(".mcp.json as it is, with other programs' spelling of variables", () => {
    const { servers } = take({
      mcpServers: {
        a: { command: "npx", args: ["-y", "p@1.0.0"], env: { K: "${env:K}" } },
        b: { type: "http", url: "https://x/mcp", headers: { Authorization: "Bearer ${T}" } },
      },
    });
    expect(servers).toEqual({
      a: { command: "npx", args: ["-y", "p@1.0.0"], env: { K: "${K}" } },
      b: { type: "http", url: "https://x/mcp", headers: { Authorization: "Bearer ${T}" } },
    });
  });

  test("VS Code, with comments and inputs", () => {
    const { servers, from } = take(
      '{ // mine\n "inputs": [{"id":"my-key"}], "servers": { "a": { "url": "https://x", "headers": { "K": "${input:my-key}" }, }, } }',
    );
    expect([from, servers]).toEqual(["VS Code", { a: { url: "https://x", headers: { K: "${MY_KEY}" } } }]);
  });

  test("opencode", () => {
    const { servers } = take({
      mcp: {
        a: { type: "local", command: ["npx", "-y", "p@1.0.0"], environment: { K: "{env:K}" }, enabled: false },
        b: { type: "remote", url: "https://x" },
      },
    });
    expect(servers).toEqual({
      a: { command: "npx", args: ["-y", "p@1.0.0"], env: { K: "${K}" }, enabled: false },
      b: { type: "http", url: "https://x" },
    });
  });

  test("a registry's server.json: an address before a package", () => {
    const base = {
      name: "io.github.acme/mail",
      packages: [
        {
          registryType: "npm",
          identifier: "@acme/mail",
          version: "1.2.3",
          environmentVariables: [
            { name: "ACME_KEY", isSecret: true, isRequired: true },
            { name: "REGION", default: "eu" },
            { name: "MAYBE" },
          ],
        },
      ],
    };
    expect(take(base).servers).toEqual({
      mail: {
        command: "npx",
        args: ["-y", "@acme/mail@1.2.3"],
        env: { ACME_KEY: "${ACME_KEY}", REGION: "${REGION:-eu}" },
        registry: "io.github.acme/mail",
      },
    });
    const remote = {
      ...base,
      remotes: [{ type: "streamable-http", url: "https://x/{tenant}/mcp", headers: [{ name: "Authorization", isSecret: true }] }],
    };
    expect(take(remote).servers).toEqual({
      mail: {
        type: "http",
        url: "https://x/${TENANT}/mcp",
        headers: { Authorization: "Bearer ${AUTHORIZATION}" },
        registry: "io.github.acme/mail",
      },
    });
    for (const identifier of ["p; rm -rf /", "p && x", "--eval=1 2"])
      expect(take({ ...base, packages: [{ ...base.packages[0], identifier }] }).servers).toEqual({});
  });

  test("no secret is taken over, and no note holds one", () => {
    const secret = "re_hushHush0123456789abcd";
    const result = take({
      mcpServers: {
        mail: { command: "npx", args: ["p@1.0.0", `--api-key=${secret}`, "--token", secret], env: { RESEND_API_KEY: secret } },
        web: {
          url: `https://x/mcp?token=${secret}`,
          headers: { Authorization: `Bearer ${secret}` },
          oauth: { clientId: "me", clientSecret: secret },
        },
      },
    });
    expect(JSON.stringify(result)).not.toContain("hushHush");
    expect(result.servers["mail"]).toMatchObject({
      args: ["p@1.0.0", "--api-key=${MAIL_API_KEY}", "--token", "${MAIL_TOKEN}"],
      env: { RESEND_API_KEY: "${RESEND_API_KEY}" },
    });
    expect(result.servers["web"]).toMatchObject({
      url: "https://x/mcp?token=${WEB_TOKEN}",
      headers: { Authorization: "Bearer ${WEB_TOKEN}" },
    });
    expect(result.notes.join()).toContain("RESEND_API_KEY");
  });

  test("disabled stays disabled; names become usable; keys that mean nothing here are told", () => {
    const { servers, notes } = take({
      mcpServers: {
        "my server!": { command: "x", disabled: true, autoApprove: ["*"] },
        "my server?": { command: "y" },
        none: {},
        bad: 3,
      },
    });
    expect(servers).toEqual({ "my-server": { command: "x", enabled: false }, "my-server-2": { command: "y" } });
    expect(notes.join("\n")).toContain("autoApprove");
  });

  test.each(["", "[]", "3", "{}", '{"mcpServers":[]}', "not json", '{"mcpServers":{}'])(
    "%j is refused or empty, never a crash",
    (text) => {
      const result = importServers(text);
      expect("problem" in result || Object.keys(result.servers).length === 0).toBe(true);
    },
  );

  test("any JSON: never throws, and what comes out is an entry", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom("mcpServers", "servers", "mcp"), (text, key) => {
        const result = importServers(`{"${key}":${text}}`);
        if (!("problem" in result)) for (const entry of Object.values(result.servers)) expect(typeof entry).toBe("object");
      }),
    );
  });
});

describe("export", () => {
  const file = toolsFile.parse({
    mcpServers: {
      a: {
        command: "npx",
        args: ["p@1.0.0"],
        env: { K: "${K}", D: "${D:-x}" },
        role: "search",
        skills: ["seo"],
        allow: ["*"],
        description: "mine",
      },
      b: { type: "http", url: "https://x/mcp", headers: { Authorization: "Bearer ${T}" }, limits: { perSecond: 1 } },
      off: { command: "x", enabled: false },
    },
  });

  test("Claude Code", () => {
    const { file: out, path, notes } = exportServers(file, "claude");
    expect([path, out]).toEqual([
      ".mcp.json",
      {
        mcpServers: {
          a: { type: "stdio", command: "npx", args: ["p@1.0.0"], env: { K: "${K}", D: "${D:-x}" } },
          b: { type: "http", url: "https://x/mcp", headers: { Authorization: "Bearer ${T}" } },
        },
      },
    ]);
    expect(notes.join("\n")).toContain("do not hold");
  });

  test("Cursor, VS Code, opencode", () => {
    expect(exportServers(file, "cursor").file).toEqual({
      mcpServers: {
        a: { command: "npx", args: ["p@1.0.0"], env: { K: "${env:K}", D: "${env:D}" } },
        b: { url: "https://x/mcp", headers: { Authorization: "Bearer ${env:T}" } },
      },
    });
    expect(exportServers(file, "vscode").file).toMatchObject({
      inputs: [{ id: "D" }, { id: "K", password: true }, { id: "T" }],
      servers: { b: { headers: { Authorization: "Bearer ${input:T}" } } },
    });
    expect(exportServers(file, "opencode").file).toMatchObject({
      mcp: {
        a: { type: "local", command: ["npx", "p@1.0.0"], environment: { K: "{env:K}" }, enabled: true },
        b: { type: "remote" },
        off: { enabled: false },
      },
    });
  });

  test.each([...HOSTS])("%s: what goes out comes back, without our keys", (host) => {
    const back = take(exportServers(file, host).file).servers;
    expect(back["a"]).toMatchObject({ command: "npx", args: ["p@1.0.0"] });
    expect((back["a"]?.["env"] as Record<string, string>)["K"]).toBe("${K}");
    expect(back["b"]).toMatchObject({ url: "https://x/mcp", headers: { Authorization: "Bearer ${T}" } });
    expect(JSON.stringify(exportServers(file, host).file)).not.toMatch(/role|skills|allow|limits|description"?:"mine/);
  });
});
