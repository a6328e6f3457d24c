/** Fuzz of every file that people edit: a value or problems in words, in time, whatever stands in it; and nothing half-written. */

import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigError, loadConfig } from "../../config.ts";
import { readAddressList } from "../../domain/address-list.ts";
import { formatProblem, type Problem } from "../../domain/problem.ts";
import { toolsFile } from "../../domain/tools-file.ts";
import { loadRegistry } from "../../skills/registry.ts";
import { smallTeam } from "../../skills/registry.fixture.ts";
import { parseSkill } from "../../skills/skill-file.ts";
import { loadToolCatalogue } from "../../skills/tool-catalogue.ts";
import { readYamlFile } from "../../skills/yaml-file.ts";
import { parseYaml } from "../../skills/yaml-text.ts";
import { notifySettings, resolveSettings } from "../../notify/settings.ts";
import { importServers, exportServers, HOSTS } from "../../tools/convert.ts";
import { readEntries } from "../../tools/entries.ts";
import { acceptTools, LOCK_FILE, lockChange, readLock, writeLock } from "../../tools/lock.ts";
import { addSchedule, readSchedules, removeSchedule, SCHEDULES_FILE } from "../../triggers/schedule-file.ts";
import { bodyOf, formatDocument } from "../../workspace/document.ts";
import { createWorkspace, WorkspaceError } from "../../workspace/workspace.ts";
import { ROOT, tempDir } from "../cli.ts";
import { harmless, NASTY, runs, spoilt, spoiltBytes, spoiltValue } from "../fuzz.ts";

const shipped = (path: string) => readFile(join(ROOT, path), "utf8");
const files = await smallTeam();
afterAll(() => rm(files.root, { recursive: true, force: true }));

/** A problem is one line for a terminal: it says something, and can move no cursor. */
function expectInWords(problems: readonly Problem[], root: string): void {
  for (const problem of problems) {
    const line = formatProblem(problem);
    expect(line.length).toBeGreaterThan(5);
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(line).not.toContain(root);
  }
}

const FILES = [
  "skills.yaml",
  "tools.yaml",
  ".agents/pipelines.yaml",
  ".agents/routing.yaml",
  ".agents/schedules.yaml",
  ".agents/events.yaml",
  ".agents/models.yaml",
  ".agents/tools/catalogue.yaml",
  ".agents/charter.md",
  ".agents/skills/writer/SKILL.md",
  ".agents/skills/writer/references/styles.md",
];
const TOOLS = `approval: { send: ask }
roles: { analytics: ga }
mcpServers:
  ga:
    command: npx
    args: [-y, some-server@1.2.3]
    env: { KEY: "\${GA_KEY}" }
    role: analytics
    allow: ["run_*"]
    actions: { run_report: read, "drop_*": delete }
  far: { type: http, url: "https://mcp.example.com/mcp", headers: { Authorization: "Bearer \${FAR}" }, enabled: false }
email: { provider: resend, key: "\${RESEND}", from: "Acme <news@acme.example>", quietHours: { from: "20:00", to: "08:00", zone: UTC } }
`;
const EVENTS = `events:
  drop: { pipeline: Write And Check, when: { field: [drop, data.drop], above: 20 }, key: page, cooldown: 60, debounce: 5 }
sources:
  github: { kind: github, secret: "\${HOOK}", map: { push: drop } }
`;
const CATALOGUE = await shipped(".agents/tools/analytics.yaml");
await files.write("tools.yaml", TOOLS);
await files.write(".agents/events.yaml", EVENTS);
await files.write(".agents/tools/catalogue.yaml", CATALOGUE);
const sound = new Map(
  await Promise.all(FILES.map(async (file) => [file, await readFile(join(files.root, file), "utf8")] as const)),
);

describe("the registry", () => {
  test("is sound before anybody spoils it", async () => {
    const { problems, fatal } = await loadRegistry({ root: files.root, lints: true });
    expect([fatal, problems.filter((problem) => problem.severity === "error")]).toEqual([false, []]);
  });

  test("a spoilt file of it, whichever: a team or none, and every fault in one line", async () => {
    const any = fc.constantFrom(...FILES).chain((file) => fc.tuple(fc.constant(file), spoiltBytes(sound.get(file) ?? "")));
    await fc.assert(
      fc.asyncProperty(any, async ([file, bytes]) => {
        await files.write(file, bytes);
        try {
          const loaded = await harmless(() => loadRegistry({ root: files.root, lints: true }));
          expectInWords(loaded.problems, files.root);
          expect(loaded.registry === null).toBe(loaded.fatal);
          if (loaded.fatal) expect(loaded.problems.some((problem) => problem.severity === "error")).toBe(true);
          const { registry } = loaded;
          if (!registry) return;
          // What comes out can be asked for any name from outside.
          for (const name of ["__proto__", "constructor", "toString"]) {
            expect(registry.events[name]).toBeUndefined();
            expect(registry.schedules[name]).toBeUndefined();
            expect(registry.skills.has(name)).toBe(false);
          }
          for (const entry of readEntries({ file: registry.tools, skills: [], catalogue: {}, variable: () => null }))
            expect(entry.off === null || !/[\u0000-\u001f]/.test(entry.off)).toBe(true);
        } finally {
          await files.write(file, sound.get(file) ?? "");
        }
      }),
      runs(100),
    );
  }, 120_000);

  test("the shipped files, spoilt: the reader's answer is data or problems", async () => {
    const texts = await Promise.all(
      ["skills.yaml", ".agents/pipelines.yaml", ".agents/models.yaml", ".agents/tools/email.yaml"].map(shipped),
    );
    await fc.assert(
      fc.asyncProperty(spoilt(...texts, TOOLS, EVENTS), async (text) => {
        const { source, problems } = await harmless(() => parseYaml("a.yaml", text));
        expectInWords(problems, ROOT);
        if (source === null) expect(problems.length).toBeGreaterThan(0);
        else {
          // Plain data: it can be written down again, and any path in it has a line or none.
          expect(() => JSON.stringify(source.data)).not.toThrow();
          for (const path of [[], ["__proto__"], ["skills", "nobody"], [0, 1, 2]]) {
            const line = source.lineOf(path);
            if (line !== undefined) expect(line).toBeGreaterThan(0);
          }
        }
      }),
      runs(80),
    );
  }, 120_000);

  test("a SKILL.md from anywhere", async () => {
    const texts = await Promise.all(
      ["copywriting", "seo-audit"].map((name) => shipped(`.agents/skills/${name}/SKILL.md`).catch(() => "")),
    );
    const small = "---\nname: writer\ndescription: Writes: well.\nmetadata:\n  version: 2\n---\n\n# Do it\n";
    await fc.assert(
      fc.asyncProperty(spoilt(small, small.replaceAll("\n", "\r\n"), ...texts.filter((text) => text !== "")), async (text) => {
        const { skill, off, problems } = await harmless(() => parseSkill("SKILL.md", "writer", text));
        expectInWords(problems, ROOT);
        expect(skill === null).toBe(off !== null);
        if (skill) expect([skill.name, skill.body.trim() !== "", skill.description !== ""]).toEqual(["writer", true, true]);
      }),
      runs(500),
    );
  }, 120_000);

  test("the catalogue of tools alone", async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, ".agents/tools"), { recursive: true });
    await fc.assert(
      fc.asyncProperty(spoiltBytes(CATALOGUE), async (bytes) => {
        await writeFile(join(dir.path, ".agents/tools/a.yaml"), bytes);
        const { catalogue, problems } = await harmless(() => loadToolCatalogue(dir.path));
        expectInWords(problems, dir.path);
        expect(Object.getPrototypeOf(catalogue)).toBe(Object.prototype);
      }),
      runs(150),
    );
  }, 120_000);
});

describe("files beside it", () => {
  const NOTIFY = `zone: Europe/Berlin
quiet: { from: "22:00", to: "07:00" }
digest: "08:00"
channels:
  team: { type: slack, url: "\${SLACK_URL}" }
  hook: { type: webhook, url: "https://hook.example.com/x", secret: "\${HOOK_SECRET}" }
send: { question: [team], digest: [hook] }
`;

  test("notify.yaml: channels or problems, and no problem repeats a secret", async () => {
    await using dir = await tempDir();
    const secret = "whsec_c2VjcmV0LWNhbmFyeS0wMTIzNDU2Nzg5MDEyMzQ1";
    await fc.assert(
      fc.asyncProperty(spoiltBytes(NOTIFY), fc.oneof(fc.constant(secret), fc.string()), async (bytes, value) => {
        await writeFile(join(dir.path, "notify.yaml"), bytes);
        const file = await harmless(() => readYamlFile({ root: dir.path, file: "notify.yaml", required: false }, notifySettings));
        expectInWords(file.problems, dir.path);
        if (file.value === null) return;
        const settings = file.value;
        const resolved = await harmless(() => resolveSettings(settings, { file: "notify.yaml", variable: () => value }));
        expectInWords(resolved.problems, dir.path);
        expect(JSON.stringify(resolved.problems)).not.toContain(secret);
        expect(Array.isArray(resolved.route("question.waiting"))).toBe(true);
      }),
      runs(150),
    );
  }, 120_000);

  test("schedules.yaml by program: a change is whole or not there, and nothing lies beside it", async () => {
    const text =
      '# kept\nschedules:\n  # the first\n  daily: { cron: "0 6 * * *", pipeline: P }\n  weekly:\n    cron: "0 9 * * 1"\n    pipeline: P\n';
    await using dir = await tempDir();
    const path = join(dir.path, SCHEDULES_FILE);
    await mkdir(dirname(path), { recursive: true });
    const place = { root: dir.path, pipelines: ["P"] };
    const now = Date.UTC(2026, 10, 21);
    const word = fc.oneof(
      fc.constantFrom("daily", "weekly", "other", "0 6 * * *", "UTC", "P", "Europe/Berlin"),
      fc.constantFrom(...NASTY),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant(text), spoilt(text)),
        word,
        word,
        word,
        fc.boolean(),
        async (before, name, cron, zone, add) => {
          await writeFile(path, before);
          const stands = await readFile(path, "utf8");
          const known = Object.keys(await readSchedules(dir.path));
          const refusal = await harmless(() =>
            add ? addSchedule(place, { name, schedule: { cron, zone, pipeline: "P" }, now }) : removeSchedule(place, name),
          );
          const after = await readFile(path, "utf8");
          expect(await readdir(dirname(path))).toEqual(["schedules.yaml"]);
          if (refusal) expect([after, refusal.problem.length > 3]).toEqual([stands, true]);
          else {
            const left = Object.keys(await readSchedules(dir.path));
            expect(left.filter((each) => each !== name).sort()).toEqual(known.filter((each) => each !== name).sort());
            expect(left.includes(name)).toBe(add);
          }
        },
      ),
      runs(120),
    );
  }, 120_000);

  test("tools.lock.json: accepts nothing that it cannot read, and what it writes it reads", async () => {
    await using dir = await tempDir();
    const path = join(dir.path, LOCK_FILE);
    const info = (name: string) => ({
      name,
      title: null,
      description: "d",
      inputSchema: { type: "object" },
      outputSchema: null,
      annotations: {},
    });
    const lock = acceptTools({ version: 1, servers: {} }, "ga", [info("run"), info("drop")], () => "read");
    await writeLock(dir.path, lock);
    const text = await readFile(path, "utf8");
    expect((await readLock(dir.path)).lock).toEqual(lock);
    await fc.assert(
      fc.asyncProperty(
        spoiltBytes(text),
        fc.oneof(fc.constantFrom("ga", "__proto__", "constructor"), fc.string()),
        async (bytes, name) => {
          await writeFile(path, bytes);
          const { lock: found, fault } = await harmless(() => readLock(dir.path));
          if (fault !== null) expect([found.servers, /[\u0000-\u001f]/.test(fault)]).toEqual([{}, false]);
          const change = await harmless(() => lockChange(found, name, [info("run"), info(name)] as never));
          // Nobody has accepted a tool of such a name: whatever the file says, it is not the one that was accepted.
          if (name !== "ga") expect(change.same).toBe(0);
          const taken = acceptTools(found, "s", [info("one"), info(name)] as never, () => "send");
          await writeLock(dir.path, taken);
          expect((await readLock(dir.path)).fault).toBeNull();
          expect(await readdir(dir.path)).toEqual([LOCK_FILE]);
        },
      ),
      runs(200),
    );
  }, 120_000);

  test("another program's servers: taken over without a secret, or refused in a sentence", async () => {
    const secret = "sk-live-0123456789abcdefCANARY";
    const claude = {
      mcpServers: {
        ga: { command: "npx", args: ["-y", "x@1"], env: { API_KEY: secret } },
        far: { url: "https://x.example/mcp", headers: { Authorization: `Bearer ${secret}` } },
      },
    };
    const vscode = {
      servers: { one: { type: "stdio", command: "a", args: ["b"] } },
      inputs: [{ id: "k", type: "promptString" }],
    };
    const opencode = { mcp: { two: { type: "local", command: ["a", "b"], environment: { K: "v" }, enabled: true } } };
    const registry = {
      name: "io.x/y",
      packages: [{ registryType: "npm", identifier: "x", version: "1", environmentVariables: [{ name: "K", isSecret: true }] }],
      remotes: [{ type: "sse", url: "https://y.example" }],
    };
    const texts = [claude, vscode, opencode, registry].map((each) => JSON.stringify(each));
    const values = fc
      .oneof(...[claude, vscode, opencode, registry].map((each) => spoiltValue(each)))
      .map((each) => JSON.stringify(each) ?? "");
    await fc.assert(
      fc.asyncProperty(fc.oneof(spoilt(...texts), values), async (text) => {
        const read = await harmless(() => importServers(text));
        if ("problem" in read) return expect(read.problem.length).toBeGreaterThan(5);
        expect(Object.getPrototypeOf(read.servers)).toBe(Object.prototype);
        const file = toolsFile.safeParse({ mcpServers: read.servers });
        if (!file.success) return;
        for (const host of HOSTS) await harmless(() => exportServers(file.data, host));
        await harmless(() => readEntries({ file: file.data, skills: [], catalogue: {}, variable: () => null }));
      }),
      runs(600),
    );
  }, 120_000);

  test("a list of addresses", async () => {
    await fc.assert(
      fc.asyncProperty(spoilt("email,name\njo@example.com,Jo\nName <a@b.example>;x\n@example.org\n# no\n"), async (text) => {
        const { addresses, unreadable } = await harmless(() => readAddressList(text));
        expect(new Set(addresses).size).toBe(addresses.length);
        for (const address of addresses) expect(address).toMatch(/^[\x21-\x7e]*@[a-z0-9.-]+$/);
        expect(unreadable.every((line) => line > 0)).toBe(true);
      }),
      runs(500),
    );
  }, 120_000);
});

describe("documents", () => {
  const DOCUMENT = formatDocument({ goal: "goal_1", score: 8, note: 'a "b": c' }, "# Title\n\nText.\n\n---\n\nMore.");

  test("what people make of a document is read as a body; what the program writes it reads back", async () => {
    await fc.assert(
      fc.asyncProperty(spoilt(DOCUMENT, DOCUMENT.replaceAll("\n", "\r\n")), async (text) => {
        const body = await harmless(() => bodyOf(text));
        expect(body).toBe(body.trim());
        // Saved again by the program, it is the same text: an edit that is taken in once is not an edit for ever.
        expect(bodyOf(formatDocument({ goal: text.slice(0, 50), n: 1, none: null }, body))).toBe(body);
      }),
      runs(2_000),
    );
  }, 120_000);

  test("a path of the workspace stays inside, or is refused; a file is written whole", async () => {
    await using dir = await tempDir();
    const root = join(dir.path, "inside");
    const workspace = createWorkspace({ root, reached: () => {} });
    const segment = fc.oneof(
      fc.constantFrom("..", ".", "", "a", "b.md", "...", "~", "\\", "C:", "con", "a\u0000b", "%2e%2e"),
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constant("x".repeat(300)),
    );
    const path = fc.array(segment, { maxLength: 5 }).map((parts) => parts.join("/"));
    await fc.assert(
      fc.asyncProperty(path, fc.string({ unit: "binary" }), async (name, text) => {
        try {
          await harmless(() => workspace.write(name, text));
        } catch (error) {
          expect(error).toBeInstanceOf(WorkspaceError);
          return;
        }
        expect(await workspace.read(name)).toBe(text.toWellFormed());
        expect(workspace.resolve(name).startsWith(`${root}/`)).toBe(true);
      }),
      runs(150),
    );
    expect(await readdir(dir.path)).toEqual(["inside"]);
    expect((await readdir(root, { recursive: true })).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  }, 120_000);
});

describe(".env", () => {
  const ENV = `ANTHROPIC_API_KEY=sk-canary-0123456789
ANTHROPIC_BASE_URL="https://user:canary-pass@proxy.example.com/"
DATABASE_URL=postgres://me:canary-pass@localhost/db
BUDGET_MONTHLY=50
BUDGET_GOAL='2.50'
MAX_PARALLEL_AGENTS=4
REDIS_URL=redis://:canary-pass@localhost
PORT=8788
LOG_LEVEL=warn
OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318
OTEL_EXPORTER_OTLP_HEADERS=api-key=canary%20key
`;
  const CANARIES = ["sk-canary-0123456789", "canary-pass", "canary%20key"];

  test("settings that can be used, or one line that names the variable; neither shows a secret", async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, "skills.yaml"), "");
    await fc.assert(
      fc.asyncProperty(spoiltBytes(ENV), async (bytes) => {
        await writeFile(join(dir.path, ".env"), bytes);
        try {
          const config = await harmless(() => loadConfig({ env: {}, cwd: dir.path }));
          for (const cap of Object.values(config.caps)) expect(Number.isSafeInteger(cap) && cap >= 0).toBe(true);
          expect(config.concurrency).toBeGreaterThan(0);
          for (const name of ["__proto__", "constructor", "toString"]) {
            const value = config.variable(name);
            expect(value === null || typeof value === "string").toBe(true);
          }
          const shown = JSON.stringify(config.settings);
          // Where nobody has written it behind another name as well.
          const once = new TextDecoder().decode(bytes).split("sk-canary-0123456789").length === 2;
          if (once && config.apiKey === "sk-canary-0123456789") expect(shown).not.toContain("sk-canary-0123456789");
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          expect(error.message).not.toMatch(/[\u0000-\u001f]/);
          if (!bytes.includes(0)) for (const canary of CANARIES) expect(error.message).not.toContain(`${canary}@`);
        }
      }),
      runs(600),
    );
  }, 120_000);
});
