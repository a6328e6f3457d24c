/** Login with PKCE, tokens in a file for the owner alone, and a refresh token that is spent once, by many processes and after a crash. */

import { describe, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ToolServer } from "../server.ts";
import type { HttpWay } from "./entry.ts";
import { withFileLock } from "./file-lock.ts";
import { authorizationServer } from "./fixtures/authorization-server.ts";
import { bench, QUICK } from "./fixtures/harness.ts";
import { httpServer } from "./fixtures/http-server.ts";
import { login } from "./login.ts";
import { tokenFile, type StoredLogin } from "./tokens.ts";

const never = () => new AbortController().signal;
const call = (server: ToolServer) => server.call("echo", {}, { signal: never() });

async function world() {
  let url = "";
  const authority = authorizationServer(() => url);
  const fixture = await httpServer(() => `Bearer resource_metadata="${authority.origin}/.well-known/oauth-protected-resource"`);
  url = fixture.url;
  fixture.admits = (authorization) => authority.good.has(authorization?.replace("Bearer ", "") ?? "");
  const b = await bench({});
  const way: HttpWay = { type: "http", url, headers: {} };
  const file = tokenFile(b.options.tokensDir, "web", url, () => {});
  return {
    authority,
    fixture,
    b,
    way,
    file,
    server: () => b.server({ name: "web", way, caps: QUICK }),
    /** What a browser does: it follows the redirect to the loopback. */
    login: (of: HttpWay = way, show = async (address: string) => void (await fetch(address))) =>
      login({ way: of, file, show, now: b.clock.now, fetch, signal: AbortSignal.timeout(10_000) }),
    /** As after a login, the access token ending at `expiresAt`. */
    async granted(expiresAt: number | null): Promise<StoredLogin> {
      const stored: StoredLogin = {
        version: 1,
        url,
        authorizationServer: authority.origin,
        client: { client_id: "given-1" },
        tokens: { ...authority.grant(), token_type: "Bearer" },
        expiresAt,
      };
      await file.write(stored);
      return stored;
    },
    async [Symbol.asyncDispose]() {
      await b[Symbol.asyncDispose]();
      await fixture[Symbol.asyncDispose]();
      await authority[Symbol.asyncDispose]();
    },
  };
}

describe("without a login", () => {
  test("the state says how to log in; a login in another process is noticed", async () => {
    await using w = await world();
    const server = w.server();
    expect(await server.list(never())).toEqual({ away: "log in with: tools test web" });
    expect(await call(server)).toEqual({ kind: "unsent", detail: "log in with: tools test web" });
    expect(server.state()).toMatchObject({ state: "off", detail: "log in with: tools test web" });
    await w.login();
    expect(await call(server)).toMatchObject({ kind: "answered", text: "heard" });
    expect(server.state().state).toBe("ready");
  });
});

describe("the login", () => {
  test("discovers, registers, keeps tokens in a file for the owner alone", async () => {
    await using w = await world();
    await w.login();
    const path = join(w.b.options.tokensDir, "web.json");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(w.b.options.tokensDir)).mode & 0o777).toBe(0o700);
    expect(w.authority.counts.registered).toBe(1);
    expect(await w.file.read()).toMatchObject({ url: w.fixture.url, expiresAt: w.b.clock.now() + 3_600_000 });
    expect(await call(w.server())).toMatchObject({ kind: "answered" });
  });

  test("uses a given client id without registering", async () => {
    await using w = await world();
    await w.login({ ...w.way, oauth: { clientId: "given-7", scopes: ["read"] } });
    expect(w.authority.counts.registered).toBe(0);
    expect((await w.file.read())?.client).toEqual({ client_id: "given-7" });
  });

  test("a refusal, a stranger at the callback, and no answer at all", async () => {
    await using w = await world();
    w.authority.consents = false;
    await expect(w.login()).rejects.toThrow("the login was refused: access_denied");
    expect(await w.file.read()).toBeNull();
    w.authority.consents = true;
    // An answer without our state is not taken; the right one afterwards is.
    await w.login(w.way, async (address) => {
      const redirect = new URL(address).searchParams.get("redirect_uri") ?? "";
      expect((await fetch(`${redirect}?code=stolen&state=guessed`)).status).toBe(404);
      await fetch(address);
    });
    expect(await w.file.read()).not.toBeNull();
    const given = { way: w.way, file: w.file, show: async () => {}, now: Date.now, fetch };
    await expect(login({ ...given, signal: AbortSignal.timeout(50) })).rejects.toThrow("the login was not finished");
  });

  test("tokens of another address are not sent to this one", async () => {
    await using w = await world();
    await w.granted(null);
    expect(await tokenFile(w.b.options.tokensDir, "web", "https://elsewhere.example/mcp", () => {}).read()).toBeNull();
  });
});

describe("what is secret", () => {
  test("a token server that repeats what it was sent: neither its reason for a login nor that for a refresh holds it", async () => {
    await using w = await world();
    w.authority.repeats = true;
    const clientSecret = `s3cret-${crypto.randomUUID()}`;
    const refused = await w.login({ ...w.way, oauth: { clientId: "given-1", clientSecret } }).then(
      () => "logged in",
      (error: unknown) => Bun.inspect(error),
    );
    expect(refused).toContain("code=[redacted]");
    expect(refused).not.toContain(clientSecret);
    const { tokens } = await w.granted(1);
    const server = w.b.server({ name: "web", way: w.way, caps: { ...QUICK, patienceMs: 0 } });
    const answer = await call(server);
    expect(answer).toEqual({ kind: "unsent", detail: expect.stringContaining("refresh_token=[redacted]") });
    expect(JSON.stringify([answer, server.state()])).not.toContain(tokens?.refresh_token ?? "none");
  });

  test("every secret of a login is learned before it is used or lies in the file, also one for another address", async () => {
    await using w = await world();
    const learned: string[] = [];
    const file = tokenFile(w.b.options.tokensDir, "web", "https://elsewhere.example/mcp", (texts) => learned.push(...texts));
    const login_: StoredLogin = {
      version: 1,
      url: "https://here.example/mcp",
      authorizationServer: w.authority.origin,
      client: { client_id: "given-1", client_secret: "the client's", registration_access_token: "the registration's" } as never,
      tokens: { access_token: "to come in", refresh_token: "to come in again", id_token: "who it is", token_type: "Bearer" },
      expiresAt: null,
    };
    const all = ["to come in", "to come in again", "who it is", "the client's", "the registration's"];
    await file.write(login_);
    expect(learned).toEqual(all);
    expect(await file.read()).toBeNull();
    expect(learned).toEqual([...all, ...all]);
  });
});

describe("the refresh", () => {
  test("before the end, and after a 401, without a word to anybody", async () => {
    await using w = await world();
    await w.granted(w.b.clock.now() + 30_000);
    const server = w.server();
    expect(await call(server)).toMatchObject({ kind: "answered" });
    expect(w.authority.counts.refreshed).toBe(1);
    // The server takes the token back early.
    w.authority.good.clear();
    expect(await call(server)).toMatchObject({ kind: "answered", text: "heard" });
    expect(w.authority.counts).toMatchObject({ refreshed: 2, spentShown: 0 });
    expect(w.fixture.heard.filter((tool) => tool === "echo")).toHaveLength(2);
  });

  test("a revoked login asks for a person, and shows the dead token to nobody again", async () => {
    await using w = await world();
    await w.granted(null);
    const server = w.server();
    await call(server);
    w.authority.revokeAll();
    expect(await call(server)).toEqual({ kind: "unsent", detail: expect.stringContaining("HTTP 401") });
    expect(server.state()).toMatchObject({ state: "off", detail: "log in with: tools test web" });
    expect(await call(server)).toEqual({ kind: "unsent", detail: "log in with: tools test web" });
    expect((await w.file.read())?.tokens).toBeNull();
    await w.login();
    expect(await call(server)).toMatchObject({ kind: "answered" });
  });

  test("a token server that is away costs a try, not the login", async () => {
    await using w = await world();
    await w.granted(1);
    const server = w.b.server({ name: "web", way: w.way, caps: { ...QUICK, patienceMs: 0 } });
    const { origin } = w.authority;
    const login_ = await w.file.read();
    await w.file.write({ ...(login_ as StoredLogin), authorizationServer: "http://127.0.0.1:1" });
    expect(await call(server)).toMatchObject({ kind: "unsent" });
    expect(server.state().state).toBe("waiting");
    await w.file.write({ ...(login_ as StoredLogin), authorizationServer: origin });
    w.b.clock.advance(1_000);
    expect(await call(server)).toMatchObject({ kind: "answered" });
  });

  test("four processes with two clients each spend a rotating token once, and all get the new one", async () => {
    await using w = await world();
    const before = await w.granted(1);
    w.authority.slowMs = 100;
    const processes = Array.from({ length: 4 }, () =>
      Bun.spawn(["bun", join(import.meta.dir, "fixtures/refresher.ts"), w.b.options.tokensDir, w.fixture.url], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
      }),
    );
    const readers = processes.map(({ stdout }) => stdout.getReader());
    const read = async (reader: (typeof readers)[number]) => new TextDecoder().decode((await reader.read()).value).trim();
    expect(await Promise.all(readers.map(read))).toEqual(Array(4).fill("ready"));
    for (const { stdin } of processes) {
      stdin.write("go\n");
      await stdin.flush();
    }
    const tokens = (await Promise.all(readers.map(read))).flatMap((line) => JSON.parse(line) as string[]);
    expect(w.authority.counts).toMatchObject({ refreshed: 1, spentShown: 0 });
    expect(new Set(tokens).size).toBe(1);
    expect(w.authority.good.has(tokens[0] ?? "")).toBe(true);
    expect(tokens[0]).not.toBe(before.tokens?.access_token ?? "");
    expect((await w.file.read())?.tokens?.access_token).toBe(tokens[0] ?? "");
    for (const { exited } of processes) expect(await exited).toBe(0);
  });

  test("the lock is free again when its holder is killed", async () => {
    await using w = await world();
    await w.granted(null);
    const path = join(w.b.options.tokensDir, "web.lock");
    const script = `const { withFileLock } = await import(${JSON.stringify(join(import.meta.dir, "file-lock.ts"))});
      await withFileLock(${JSON.stringify(path)}, 1000, async () => { console.log("held"); await new Promise(() => setInterval(() => {}, 1e6)); });`;
    const holder = Bun.spawn(["bun", "-e", script], { stdout: "pipe", stderr: "inherit" });
    await holder.stdout.getReader().read();
    await expect(withFileLock(path, 50, async () => "mine")).rejects.toThrow("is held by another process for too long");
    holder.kill("SIGKILL");
    await holder.exited;
    expect(await withFileLock(path, 5_000, async () => "mine")).toBe("mine");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});
