/** Configuration: where each setting came from, what a bad value says, and that no secret is ever repeated. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { ConfigError, loadConfig, type Origin, type RuntimeConfig } from "./config.ts";
import { nano } from "./domain/money.ts";
import { tempDir } from "./test/cli.ts";

const dir = await tempDir();
afterAll(() => dir[Symbol.asyncDispose]());
let count = 0;

async function folder(env: string | null): Promise<string> {
  const cwd = join(dir.path, `case-${count++}`);
  await mkdir(cwd);
  if (env !== null) await writeFile(join(cwd, ".env"), env);
  return cwd;
}
const empty = await folder(null);
const load = (env: Record<string, string>, cwd = empty) => loadConfig({ env, cwd });
const origin = (config: RuntimeConfig, name: string): Origin | undefined =>
  config.settings.find((entry) => entry.name === name)?.origin;

function fault(env: Record<string, string>, cwd = empty): ConfigError {
  try {
    load(env, cwd);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message, hint } = error as ConfigError;
    expect([message.split("\n").length, hint.split("\n").length, hint.length > 5]).toEqual([1, 1, true]);
    return error as ConfigError;
  }
  throw new Error("nothing was refused");
}

describe("origins", () => {
  test("the environment counts before .env, .env before the default; each setting says which", async () => {
    const cwd = await folder("BUDGET_DAILY=7\nLOG_LEVEL=info\nMAX_PARALLEL_AGENTS=2 # as many as it can bear\n");
    const config = load({ LOG_LEVEL: "debug" }, cwd);
    expect([config.logLevel, config.concurrency, config.caps.day, config.caps.call]).toEqual(["debug", 2, nano(7), nano(2)]);
    expect(["LOG_LEVEL", "MAX_PARALLEL_AGENTS", "BUDGET_DAILY", "BUDGET_CALL"].map((name) => origin(config, name))).toEqual([
      "environment",
      ".env",
      ".env",
      "default",
    ]);
  });

  test("an empty or blank variable is one that is not set", async () => {
    const cwd = await folder("BUDGET_DAILY=\nLOG_LEVEL=info");
    const config = load({ LOG_LEVEL: "  ", BUDGET_DAILY: "" }, cwd);
    expect([config.logLevel, origin(config, "LOG_LEVEL"), origin(config, "BUDGET_DAILY")]).toEqual(["info", ".env", "default"]);
  });

  test("every setting is listed once, and nothing is taken from anywhere else", () => {
    const names = load({ HOME: "/x", ANTHROPIC_API_KEY: "k", PATH: "/y" }).settings.map((entry) => entry.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain("HOME");
  });

  test("quotes, export and comments of a .env are understood; a folder of that name is one clear fault", async () => {
    const cwd = await folder("# ours\nexport LOG_LEVEL=\"error\"\nWORKSPACE_DIR='my work'\n");
    expect(load({}, cwd)).toMatchObject({ logLevel: "error", workspace: join(cwd, "my work") });
    const bad = await folder(null);
    await mkdir(join(bad, ".env"));
    expect(fault({}, bad).message).toStartWith(`cannot read ${join(bad, ".env")}`);
  });
});

describe("values", () => {
  test("the caps follow from the month's, unless they are said", () => {
    expect(load({}).caps).toEqual({ month: nano(50), day: nano(10), goal: nano(5), task: nano(2.5), call: nano(2) });
    expect(load({ BUDGET_MONTHLY: "$100", BUDGET_GOAL: "8" }).caps).toEqual({
      month: nano(100),
      day: nano(20),
      goal: nano(8),
      task: nano(4),
      call: nano(2),
    });
    expect(load({ BUDGET_MONTHLY: "0" }).caps).toMatchObject({ month: 0, day: 0, goal: 0, task: 0 });
    expect(load({ BUDGET_CALL: ".5" }).caps.call).toBe(nano(0.5));
  });

  test("property: any amount in dollars is that cap to the nano-dollar", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000_000 }), (cents) => {
        const written = (cents / 100).toFixed(2);
        expect(load({ BUDGET_MONTHLY: written }).caps.month).toBe(cents * 10_000_000);
      }),
    );
  });

  test("the command line counts before all; paths are whole", () => {
    const config = loadConfig({
      env: { WORKSPACE_DIR: "w", MAX_PARALLEL_AGENTS: "9" },
      cwd: empty,
      workspace: "mine",
      concurrency: 1,
    });
    expect([config.workspace, config.concurrency]).toEqual([join(empty, "mine"), 1]);
    expect(load({ WORKSPACE_DIR: "w" }).workspace).toBe(join(empty, "w"));
    expect(load({ WORKSPACE_DIR: "/srv/w" }).workspace).toBe("/srv/w");
  });

  test("a folder with a team of its own is the root", async () => {
    const cwd = await folder(null);
    await writeFile(join(cwd, "skills.yaml"), "");
    expect(load({}, cwd).root).toBe(cwd);
    expect(load({}).root).not.toBe(empty);
  });
});

describe("bad values", () => {
  const cases: readonly [string, string[]][] = [
    ["BUDGET_MONTHLY", ["abc", "-1", "1,50", "$", "Infinity", "NaN", "1e999", "5 USD", "a\nb"]],
    ["BUDGET_DAILY", ["--", "1000001"]],
    ["MAX_PARALLEL_AGENTS", ["0", "100", "1.5", "-1", "many"]],
    ["LOG_LEVEL", ["loud", "x".repeat(5_000), "a\u001b[31m"]],
    ["LOG_FORMAT", ["xml"]],
    ["DATABASE_URL", ["nonsense", "mysql://localhost/x", "http://localhost"]],
    ["ANTHROPIC_BASE_URL", ["nonsense", "ftp://localhost"]],
  ];
  for (const [name, values] of cases)
    test(`${name}: one line that names it and where it came from`, async () => {
      for (const value of values) {
        const { message } = fault({ [name]: value });
        expect(message).toStartWith(name);
        expect(message).toContain("(environment)");
        expect(message.length).toBeLessThan(200);
        expect(message).not.toMatch(/[\u0000-\u001f]/);
      }
      const cwd = await folder(`${name}=nonsense!\n`);
      expect(fault({}, cwd).message).toContain("(.env)");
    });
});

describe("secrets", () => {
  const KEY = "sk-ant-canary-0123456789";
  const URL_WITH = "postgres://me:p%40ss-canary@db.example/x";

  test("are known to those who must hide them, and shown to nobody", () => {
    const config = load({
      ANTHROPIC_API_KEY: KEY,
      DATABASE_URL: URL_WITH,
      ANTHROPIC_BASE_URL: "https://me:proxy-canary@proxy.example/v1",
    });
    for (const secret of [KEY, URL_WITH, "p%40ss-canary", "p@ss-canary", "proxy-canary"])
      expect(config.secrets).toContain(secret);
    expect(JSON.stringify(config.settings)).not.toContain("canary");
    expect(config.settings.find((entry) => entry.name === "ANTHROPIC_API_KEY")).toMatchObject({ value: "(set)", secret: true });
    expect(config.settings.find((entry) => entry.name === "ANTHROPIC_BASE_URL")?.value).toBe("https://…@proxy.example/v1");
    expect(config.baseURL).toBe("https://me:proxy-canary@proxy.example/v1");
  });

  test("none at all is none", () => {
    expect(load({}).secrets).toEqual([]);
    expect(load({ DATABASE_URL: "postgres://db.example/x" }).secrets).toEqual(["postgres://db.example/x"]);
  });

  test("a password with a lone % is no fault of the program", () => {
    expect(load({ DATABASE_URL: "postgres://me:100%canary@db.example/x" }).secrets).toContain("100%canary");
  });

  test("an address that is refused is not repeated: it may hold a password", () => {
    for (const name of ["DATABASE_URL", "ANTHROPIC_BASE_URL"]) {
      const { message, hint } = fault({ [name]: "mysql://me:canary@db.example/x" });
      expect(message + hint).not.toContain("canary");
    }
  });

  test("fuzz: whatever is set, it loads or it is one ConfigError, and keys stay out of it", () => {
    const value = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.constantFrom("postgres://a:b@c/d", "postgres://", "http://[", "%", "\n", "5", "0x10"),
    );
    const names = [
      "BUDGET_MONTHLY",
      "BUDGET_CALL",
      "DATABASE_URL",
      "ANTHROPIC_BASE_URL",
      "LOG_LEVEL",
      "LOG_FORMAT",
      "MAX_PARALLEL_AGENTS",
      "WORKSPACE_DIR",
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (env) => {
        try {
          const config = load({ ...env, ANTHROPIC_API_KEY: KEY });
          for (const cap of Object.values(config.caps)) expect(Number.isSafeInteger(cap)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect(`${(error as ConfigError).message}${(error as ConfigError).hint}`).not.toContain("canary");
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("the daemon's settings", () => {
  test("REDIS_URL, or its parts; loopback and no token unless told", () => {
    const none = { redisUrl: null, webhookToken: null, publicUrl: null, otlp: null };
    expect(load({}).daemon).toEqual({ ...none, host: "127.0.0.1", port: 8788 });
    expect(load({ PUBLIC_URL: "https://m.example.com" }).daemon.publicUrl).toBe("https://m.example.com");
    expect(fault({ PUBLIC_URL: "m.example.com" }).message).toContain("PUBLIC_URL (environment) is not an address");
    expect(load({ REDIS_URL: "redis://r:1/0", REDIS_HOST: "other" }).daemon.redisUrl).toBe("redis://r:1/0");
    expect(load({ REDIS_HOST: "r", REDIS_PASSWORD: "p@ss" }).daemon.redisUrl).toBe("redis://:p%40ss@r:6379");
    expect(load({ HOST: "0.0.0.0", PORT: "80" }).daemon).toMatchObject({ host: "0.0.0.0", port: 80 });
  });

  test("their secrets are known, and never shown", () => {
    const config = load({
      REDIS_URL: "redis://:canary-pass@r:1",
      WEBHOOK_TOKEN: "canary-token, canary-old",
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://me:canary-otlp@collector:4318",
      OTEL_EXPORTER_OTLP_HEADERS: "x-key=canary%20header",
    });
    expect(config.secrets).toEqual(
      expect.arrayContaining(["canary-pass", "canary-token", "canary-old", "canary-otlp", "canary header"]),
    );
    expect(config.daemon.otlp?.headers).toEqual({ "x-key": "canary header" });
    expect(() => load({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c", OTEL_EXPORTER_OTLP_HEADERS: "canary" })).toThrow(
      /OTEL_EXPORTER_OTLP_HEADERS \(environment\) is not a list of headers/,
    );
    expect(JSON.stringify(config.settings)).not.toContain("canary");
    expect(fault({ REDIS_URL: "http://:canary@r" }).message).not.toContain("canary");
    expect(fault({ PORT: "70000" }).message).toContain("PORT");
  });
});
