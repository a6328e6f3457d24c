/** Story: a tool server repeats the tokens it was shown, also those that came while we worked: they stand in their own file and nowhere else. */

import { expect, test } from "bun:test";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startRehearsal } from "../model/rehearsal/server.ts";
import { authorizationServer } from "../tools/mcp/fixtures/authorization-server.ts";
import { httpServer } from "../tools/mcp/fixtures/http-server.ts";
import { tokenFile } from "../tools/mcp/tokens.ts";
import { command, tempDir } from "./cli.ts";
import { makeHandsTeam, stepsOf, type ServerEntry } from "./hands-team.ts";

const BRIEF = "Write one page. First ask `web__tell`, then `web__forbidden`.";

/** A model on the wire that keeps every byte it was sent. */
function startModel() {
  const model = startRehearsal({ seed: 1, latencyMs: 0 });
  const prompts: string[] = [];
  const wire = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const body = await request.text();
      prompts.push(body);
      const { pathname, search } = new URL(request.url);
      return fetch(`${model.url}${pathname}${search}`, { method: request.method, headers: request.headers, body });
    },
  });
  return {
    url: wire.url.origin,
    prompts,
    async [Symbol.asyncDispose]() {
      await wire.stop(true);
      await model.stop();
    },
  };
}

/** As it is, and as base64 shows it. */
const spellings = (token: string) => [token, Buffer.from(token).toString("base64").replace(/=+$/, "")];

function expectClean(places: Readonly<Record<string, string>>, secrets: readonly string[]): void {
  for (const [place, text] of Object.entries(places)) {
    expect([place, text.includes("I know [redacted].")]).toEqual([place, true]);
    const found = secrets.filter((token) => spellings(token).some((word) => text.includes(word)));
    expect([place, found]).toEqual([place, []]);
  }
}

test("in no prompt, no document, no store, no log and no message", async () => {
  await using dir = await tempDir();
  await using model = startModel();
  let address = "";
  await using authority = authorizationServer(() => address);
  await using server = await httpServer(
    () => `Bearer resource_metadata="${authority.origin}/.well-known/oauth-protected-resource"`,
  );
  address = server.url;
  const shown = new Set<string>();
  const secret = `client-secret-${crypto.randomUUID()}`;
  const idToken = `id-token-${crypto.randomUUID()}`;
  server.admits = (authorization) => authority.good.has(authorization?.replace("Bearer ", "") ?? "");
  server.words = (authorization) =>
    [...shown, secret, authorization.replace("Bearer ", "")]
      .flatMap(spellings)
      .map((word) => `I know ${word}.`)
      .join("\n");

  const [root, workspace] = [join(dir.path, "team"), join(dir.path, "workspace")];
  const entry = { url: server.url, skills: ["copywriting"], actions: { tell: "read", forbidden: "read" } };
  await makeHandsTeam(root, {
    tools: { web: entry as unknown as ServerEntry },
    pipelines: stepsOf("Tell All", [{ skill: "copywriting", brief: BRIEF }]),
  });
  await mkdir(workspace);
  const file = tokenFile(join(workspace, ".marketeam/tokens"), "web", server.url, () => {});
  const first = authority.grant();
  shown.add(first.access_token).add(first.refresh_token).add(idToken);
  await file.write({
    version: 1,
    url: server.url,
    authorizationServer: authority.origin,
    client: { client_id: "given-1", client_secret: secret },
    tokens: { ...first, token_type: "Bearer", id_token: idToken },
    // Both commands below refresh it: what the server repeats then came while they ran.
    expiresAt: 1,
  });
  const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "any", LOG_LEVEL: "debug" };
  const at = (...args: string[]) => command([...args, "--workspace", workspace], { cwd: root, env });
  const said: string[] = [];
  const heard = async (...args: string[]) => {
    const { code, stdout, stderr } = await at(...args);
    said.push(stdout, stderr);
    const login = await file.read();
    shown.add(login?.tokens?.access_token ?? "").add(login?.tokens?.refresh_token ?? "");
    return code;
  };
  expect(await heard("tools", "test", "web", "--json")).toBe(0);
  expectClean({ said: said.join("\n") }, [...shown, secret]);
  // What is spent is no secret any more, and nobody knows it.
  shown.clear();
  expect(await heard("tools", "call", "web", "tell")).toBe(0);
  const before = await file.read();
  if (before) await file.write({ ...before, expiresAt: 1 });
  expect(await heard("--json", "--pipeline", "Tell All", "Tell all")).toBe(0);
  expect(await heard("show", "last", "--reads", "--json")).toBe(0);
  expect(authority.counts.refreshed).toBe(2);
  expect(server.heard.filter((tool) => tool === "tell").length).toBeGreaterThan(1);
  expect(shown.size).toBe(4);

  const written = (await readdir(dir.path, { recursive: true, withFileTypes: true })).filter(
    (one) => one.isFile() && !one.parentPath.endsWith(".marketeam/tokens"),
  );
  const files = await Promise.all(written.map((one) => readFile(join(one.parentPath, one.name), "latin1")));
  const places = { prompts: model.prompts.join("\n"), files: files.join("\n"), said: said.join("\n") };
  expectClean(places, [...shown, secret]);
}, 120_000);
