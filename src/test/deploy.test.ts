/** The files that put the daemon on a server: that they are well-formed and safe, agree with each other and the code, and that the page tells the truth. */

import { Ajv } from "ajv";
import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { parse } from "yaml";
import { z } from "zod";
import { engines } from "../../package.json";
import { loadConfig } from "../config.ts";
import { tempDir } from "./cli.ts";

const ROOT = resolve(import.meta.dir, "../..");
const read = (path: string) => Bun.file(join(ROOT, path)).text();
const [composeText, dockerfile, dockerignore, unitText, page] = (await Promise.all(
  ["docker-compose.yml", "Dockerfile", ".dockerignore", "deploy/marketeam.service", "docs/operations.md"].map(read),
)) as [string, string, string, string, string];
const examples = parseEnv(
  `${await read("deploy/env.example")}\n${(await read(".env.example")).replace(/^# ?(?=[A-Z_]+=)/gm, "")}`,
);

/** The keys and forms that our file may use: narrower than the Compose schema, which also knows what we do not want. */
const duration = z.string().regex(/^(?:\d+(?:ms|s|m|h))+$/);
const bytes = z.string().regex(/^\d+[kmg]$/);
const service = z.strictObject({
  image: z.string(),
  build: z.string().optional(),
  profiles: z.array(z.string()).min(1).optional(),
  user: z.string().optional(),
  init: z.boolean().optional(),
  env_file: z.string().optional(),
  environment: z.record(z.string().regex(/^[A-Z_]+$/), z.string()),
  command: z.array(z.string()).optional(),
  volumes: z.array(z.string().regex(/^(?:\.\/[\w./-]+|[a-z]+):\/[\w./-]+(?::ro)?$/)),
  tmpfs: z.array(z.string().regex(/^\/[\w/]+:size=\d+m,mode=1777$/)),
  ports: z.array(z.string()),
  networks: z.array(z.string()),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.literal("service_healthy") })).optional(),
  healthcheck: z.strictObject({
    test: z.tuple([z.enum(["CMD", "CMD-SHELL"])], z.string()),
    interval: duration,
    timeout: duration,
    retries: z.int().positive(),
    start_period: duration,
  }),
  restart: z.enum(["unless-stopped", "always"]),
  stop_grace_period: duration,
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  mem_limit: bytes,
  shm_size: bytes.optional(),
  pids_limit: z.int().positive(),
  cpus: z.number().positive(),
  logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), z.string()) }),
});
const composeFile = z.strictObject({
  name: z.string(),
  "x-hardened": z.unknown(),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
  networks: z.record(
    z.string(),
    z.strictObject({ internal: z.boolean().optional(), driver_opts: z.record(z.string(), z.string()).optional() }),
  ),
});
const compose = composeFile.parse(parse(composeText, { merge: true }));
const services = Object.entries(compose.services);
const named = (name: string) => {
  const found = compose.services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
};

/** The Compose Specification's own schema, as the package dclint carries it. */
async function composeSchema(): Promise<(text: string) => string[]> {
  const at = join(dirname(Bun.resolveSync("dclint/package.json", import.meta.dir)), "schemas/compose.schema.json");
  const { $schema, ...schema } = (await Bun.file(at).json()) as Record<string, unknown>;
  expect([$schema, schema.title]).toEqual(["https://json-schema.org/draft-07/schema", "Compose Specification"]);
  // Draft 7 is what Ajv knows without being told; under this address, with https, it looks for another one.
  const valid = new Ajv({ strict: true, strictTypes: false, allErrors: true }).compile(schema);
  return (text) => {
    valid(parse(text, { merge: true }));
    return (valid.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  };
}

describe("docker-compose.yml", () => {
  test("is what the Compose schema allows", async () => {
    const problems = await composeSchema();
    expect(problems(composeText)).toEqual([]);
  });

  // Each is a slip of the hand: a key, a place, a form. The last column is where the schema sees it.
  test.each([
    ["services:\n", "servics:\n", "servics"],
    ["    healthcheck:\n", "    healthchek:\n", "healthchek"],
    ["      start_period: 10s", "      start_periode: 10s", "start_periode"],
    ["  read_only: true", "  readonly: true", "readonly"],
    ["  cap_drop: [ALL]", "  cap_drop: ALL", "/services/redis/cap_drop"],
    ["condition: service_healthy", "condition: healthy", "depends_on"],
    ["    internal: true", "    internall: true", "internall"],
    ["    pids_limit: 64", "    pids_limit: [64]", "pids_limit"],
    ["    driver: local", "    drivers: local", "drivers"],
    ['    ports: ["127.0.0.1:${REDIS_PORT:-6379}:6379"]', "    ports: { redis: 6379 }", "/services/redis/ports"],
  ])("with %j written as %j it is not", async (right, wrong, where) => {
    const problems = await composeSchema();
    expect(composeText).toContain(right);
    expect(problems(composeText.replace(right, wrong)).join("\n")).toContain(where);
  });

  test("has Redis and PostgreSQL by default, the daemon in a profile, and names only what it defines", async () => {
    expect(services.filter(([, { profiles }]) => !profiles).map(([name]) => name)).toEqual(["redis", "postgres"]);
    expect(named("daemon").profiles).toEqual(["daemon"]);
    expect(Object.keys(named("daemon").depends_on ?? {})).toEqual(["redis", "postgres"]);
    for (const [, { networks, volumes }] of services) {
      for (const network of networks) expect(Object.keys(compose.networks)).toContain(network);
      for (const source of volumes.map((volume) => volume.split(":")[0] ?? "")) {
        if (!source.startsWith("./")) expect(Object.keys(compose.volumes)).toContain(source);
        else
          expect([
            source,
            await Bun.$`test -e ${join(ROOT, source)}`
              .nothrow()
              .quiet()
              .then(({ exitCode }) => exitCode),
          ]).toEqual([source, 0]);
      }
    }
  });

  test.each(services)("%s has the least privilege, and limits", (name, entry) => {
    expect(entry).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
    // Ours is in the Dockerfile.
    if (name !== "daemon") expect(entry.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    for (const port of entry.ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(Number.parseInt(entry.stop_grace_period, 10)).toBeGreaterThanOrEqual(30);
    expect(composeText).not.toMatch(/privileged:\s*true|docker\.sock|network_mode|cap_add|pid:\s*host/);
    if (entry.build === undefined) expect(entry.image).toMatch(/^[a-z]+:\d+\.\d+[\w.-]*$/);
  });

  test("Redis and PostgreSQL meet the daemon on a network without a way out, and are published all the same", () => {
    expect(compose.networks.data).toEqual({ internal: true });
    expect(compose.networks.ports?.driver_opts).toEqual({ "com.docker.network.bridge.enable_ip_masquerade": "false" });
    for (const name of ["redis", "postgres"]) expect(named(name).networks).toEqual(["data", "ports"]);
    expect(named("daemon").networks).toEqual(["data", "out"]);
  });

  test("holds no secret: what is secret comes from a variable, and every variable is explained or has a default", () => {
    for (const [, { environment }] of services)
      for (const [name, value] of Object.entries(environment))
        if (/PASSWORD|TOKEN|SECRET|KEY|AUTH/.test(name)) expect(value).toMatch(/^\$\{[A-Z_]+(?::\?[^}]*)?\}$/);
    for (const [, password] of composeText.matchAll(/:\/\/\w*:([^@\s]+)@/g)) expect(password).toMatch(/^\$\{[A-Z_]+\}$/);
    const used = [...composeText.replaceAll("$$", "").matchAll(/\$\{([A-Z_]+)(:-)?/g)];
    expect(used.length).toBeGreaterThan(5);
    for (const [, name = "", fallback] of used) if (fallback === undefined) expect(Object.keys(examples)).toContain(name);
    for (const text of [composeText, dockerfile, unitText]) expect(text).not.toMatch(/[0-9a-f]{24,}|sk-ant-/i);
    for (const [name, value] of Object.entries(examples))
      if (/PASSWORD|TOKEN|SECRET|KEY/.test(name)) expect([name, value]).toEqual([name, expect.stringMatching(/^(?:<[a-z]+>)?$/)]);
  });

  const redis = Bun.which("redis-server");
  if (!redis && process.env.REQUIRE_SERVICES === "1") throw new Error("redis-server is required by REQUIRE_SERVICES=1");
  if (!redis) console.error("SKIP the compose file's Redis: there is no redis-server here");
  test.skipIf(!redis)(
    "its Redis command starts a server that keeps what it is given, evicts nothing and wants the password",
    async () => {
      await using dir = await tempDir();
      const socket = join(dir.path, "socket");
      const command = (named("redis").command ?? []).map((word) => (word === "/data" ? dir.path : word.replaceAll("$$", "$")));
      const env = { PATH: process.env.PATH, TMPDIR: dir.path, REDISCLI_AUTH: "pass # word" };
      const server = Bun.spawn([...command, "--port", "0", "--unixsocket", socket], { env, stdout: "pipe", stderr: "inherit" });
      let said = "";
      for await (const chunk of server.stdout.pipeThrough(new TextDecoderStream()))
        if ((said += chunk).includes("ready to accept")) break;
      const ask = (auth: string, ...words: string[]) => {
        const { stdout } = Bun.spawnSync(["redis-cli", "-s", socket, ...words], { env: { ...env, REDISCLI_AUTH: auth } });
        return stdout.toString().trim();
      };
      try {
        expect(ask("", "ping")).toContain("NOAUTH");
        const setting = (name: string) => ask(env.REDISCLI_AUTH, "config", "get", name).split("\n")[1];
        expect(["appendonly", "appendfsync", "maxmemory-policy", "maxmemory"].map(setting)).toEqual([
          "yes",
          "everysec",
          "noeviction",
          String(200 * 1024 ** 2),
        ]);
        expect(
          await Bun.file(`/proc/${server.pid}/cmdline`)
            .text()
            .catch(() => ""),
        ).not.toContain("pass # word");
      } finally {
        server.kill("SIGTERM");
      }
      expect(await server.exited).toBe(0);
    },
  );
});

const lines = dockerfile.replaceAll("\\\n", " ").split("\n");
const instruction = (name: string) =>
  lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
const start = [
  ...(JSON.parse(instruction("ENTRYPOINT")[0] ?? "[]") as string[]),
  ...(JSON.parse(instruction("CMD")[0] ?? "[]") as string[]),
];
const unit = new Map(
  unitText
    .split("\n")
    .filter((line) => /^\w+=/.test(line))
    .map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]),
);

describe("Dockerfile and .dockerignore", () => {
  test("Bun's version is the one of package.json and CI, in every stage", async () => {
    const version = /^BUN_VERSION=(\d+\.\d+\.\d+)$/.exec(instruction("ARG")[0] ?? "")?.[1] ?? "";
    expect(engines.bun).toBe(`>=${version}`);
    expect(await read(".ci/run")).toContain(`bun@${version}`);
    expect(page).toContain(`bun@${version}`);
    expect(instruction("FROM").map((image) => image.split(" ")[0])).toEqual(Array(2).fill("oven/bun:${BUN_VERSION}-slim"));
  });

  test("installs by the lockfile, runs as a user without rights, and gets its signals itself", () => {
    expect(dockerfile).toContain("bun install --frozen-lockfile --production --ignore-scripts");
    expect(instruction("USER")).toEqual(["10001:10001"]);
    expect(instruction("STOPSIGNAL")).toEqual(["SIGTERM"]);
    expect(start).toEqual(["bun", "--no-install", "src/cli.ts", "--daemon", "--yes"]);
    expect(instruction("HEALTHCHECK")[0]).toEndWith(
      `CMD ${JSON.stringify(named("daemon").healthcheck.test.slice(1)).replaceAll(",", ", ")}`,
    );
  });

  test("no secret, no data and no test gets in; the program does", () => {
    const patterns = dockerignore.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const within = (path: string) => {
      const parts = path.split("/").map((_, i, all) => all.slice(0, i + 1).join("/"));
      const last = patterns.findLast((pattern) =>
        parts.some((part) => new Glob(pattern.replace(/^!/, "")).match(part) || pattern === "*"),
      );
      return last?.startsWith("!") ?? true;
    };
    const out = [
      ".env",
      ".env.local",
      "src/.env",
      ".git/config",
      "workspace/.marketeam/marketeam.db",
      "backups/a.db",
      "node_modules/zod/package.json",
      "src/test/cli.ts",
      "src/domain/money.test.ts",
      "deploy/env.example",
      "docs/operations.md",
    ];
    expect(out.filter(within)).toEqual([]);
    const needed = [
      "package.json",
      "bun.lock",
      "bunfig.toml",
      "skills.yaml",
      "tools.yaml",
      "tools.lock.json",
      "src/cli.ts",
      "src/store/migrations.ts",
      ".agents/charter.md",
      "deploy/live.ts",
    ];
    expect(needed.filter(within)).toEqual(needed);
  });

  test("the health check is well when the daemon is alive, and only then", async () => {
    let status = 200;
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) => new Response("", { status: new URL(url).pathname === "/health/live" ? status : 404 }),
    });
    const check = (port: number) =>
      Bun.spawn([process.execPath, join(ROOT, "deploy/live.ts")], {
        env: { PATH: process.env.PATH, PORT: String(port) },
        stderr: "ignore",
      }).exited;
    expect(await check(server.port ?? 0)).toBe(0);
    status = 503;
    expect(await check(server.port ?? 0)).toBe(1);
    await server.stop(true);
    expect(await check(server.port ?? 0)).toBe(1);
  });
});

describe("deploy/marketeam.service", () => {
  test("starts what the image starts, stops it gently, and hardens it", () => {
    expect(unit.get("ExecStart")).toBe(["/usr/local/bin/bun", ...start.slice(1)].join(" "));
    const wanted = {
      User: "marketeam",
      EnvironmentFile: "/etc/marketeam/marketeam.env",
      ReadWritePaths: "/var/lib/marketeam",
      StateDirectory: "marketeam",
      KillSignal: "SIGTERM",
      TimeoutStopSec: "30",
      Restart: "on-failure",
      UMask: "0077",
      ProtectSystem: "strict",
      CapabilityBoundingSet: "",
      SystemCallFilter: "@system-service",
      SystemCallArchitectures: "native",
    };
    const on =
      "NoNewPrivileges ProtectHome PrivateTmp PrivateDevices ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups RestrictNamespaces RestrictSUIDSGID LockPersonality".split(
        " ",
      );
    expect(Object.fromEntries(unit)).toMatchObject({ ...wanted, ...Object.fromEntries(on.map((name) => [name, "yes"])) });
  });

  test("leaves out what would break the program: no compiling at run time, no sight of other processes", () => {
    for (const name of ["MemoryDenyWriteExecute", "ProtectProc", "ProcSubset", "PrivatePIDs"]) expect(unit.has(name)).toBe(false);
  });
});

describe("docs/operations.md", () => {
  const part = (title: string) => page.split(/^#{2,3} /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
  const firstCells = (title: string) => [...part(title).matchAll(/^\| `([^`]+)`/gm)].map(([, cell = ""]) => cell);
  const told = [...page.matchAll(/bun (?:run start|src\/cli\.ts) ([a-z]+)([^`\n#|)]*)/g)].map(([, command = "", rest = ""]) => ({
    command,
    flags: rest.match(/--[a-z-]+/g) ?? [],
  }));
  const help = (...command: string[]) =>
    Bun.spawnSync([process.execPath, join(ROOT, "src/cli.ts"), ...command, "--help"], {
      env: { PATH: process.env.PATH },
    }).stdout.toString();

  test("its commands and their flags exist", async () => {
    const known = /const COMMANDS =\s+"([^"]+)"/.exec(await read("src/cli/run.ts"))?.[1]?.split(" ") ?? [];
    expect(told.length).toBeGreaterThan(20);
    for (const { command, flags } of told) {
      expect(known).toContain(command);
      const text = flags.length > 0 ? help(command) : "";
      for (const flag of flags) expect([command, text]).toEqual([command, expect.stringContaining(flag)]);
    }
  });

  test("the flags that image, unit and page start the daemon with exist", () => {
    const text = help();
    for (const flag of ["--daemon", "--yes"]) expect(text).toContain(flag);
  });

  test("its settings fit each other and are understood", async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, "deploy"));
    await Bun.write(join(dir.path, "deploy/env.example"), await read("deploy/env.example"));
    const script = /```sh\n(umask 077\n[\s\S]*?)```/.exec(page)?.[1] ?? "exit 1";
    expect(Bun.spawnSync(["sh", "-c", script], { cwd: dir.path }).exitCode).toBe(0);
    const settings = parseEnv(await Bun.file(join(dir.path, ".env")).text());
    const config = loadConfig({ env: {}, cwd: dir.path });
    expect(config.databaseUrl).toBe(`postgres://marketeam:${settings.POSTGRES_PASSWORD}@127.0.0.1:5432/marketeam`);
    expect(config.daemon.redisUrl).toBe(`redis://:${settings.REDIS_PASSWORD}@127.0.0.1:6379`);
    expect(
      [settings.POSTGRES_PASSWORD, settings.REDIS_PASSWORD, config.daemon.webhookToken].map((secret) => secret?.length),
    ).toEqual([48, 48, 64]);
    expect((await Bun.file(join(dir.path, ".env")).stat()).mode & 0o077).toBe(0);
  });

  test("its log lines, health reasons and metrics are those of the program", async () => {
    const sources: string[] = [];
    for await (const path of new Glob("src/**/*.ts").scan({ cwd: ROOT }))
      if (!path.endsWith(".test.ts")) sources.push(await read(path));
    const code = sources.join("\n");
    const [logLines, reasons, metrics] = [
      firstCells("Log lines"),
      firstCells("Health").filter((cell) => cell.includes(" ")),
      firstCells("What to watch"),
    ];
    expect([logLines.length > 15, reasons.length > 5, metrics.length > 8]).toEqual([true, true, true]);
    for (const line of [...logLines, ...reasons]) expect([line, code.includes(line.replace(/^… /, ""))]).toEqual([line, true]);
    const figures = await read("src/telemetry/metrics.ts");
    for (const metric of [...page.matchAll(/`marketeam_([a-z_]+)[`{]/g)].map(([, name = ""]) => name))
      expect([metric, figures.includes(`"${metric}"`)]).toEqual([metric, true]);
  });

  test("its links lead somewhere", async () => {
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    );
    for (const [, target = ""] of page.matchAll(/\]\(([^)]+)\)/g)) {
      if (target.startsWith("#")) expect(anchors).toContain(target.slice(1));
      else expect([target, await Bun.file(join(ROOT, dirname("docs/operations.md"), target)).exists()]).toEqual([target, true]);
    }
  });
});
