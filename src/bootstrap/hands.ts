/** The team's hands, composed: the servers of tools.yaml, the mail vendor, and the ledger of what is done with them. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PACKAGE_ROOT, type RuntimeConfig } from "../config.ts";
import { DEFAULT_POLICY, type ActionClass } from "../domain/action.ts";
import { newId } from "../domain/id.ts";
import type { Problem } from "../domain/problem.ts";
import type { Registry } from "../domain/registry.ts";
import type { Log } from "../log/log.ts";
import { createRedactor } from "../log/redact.ts";
import { loadToolCatalogue } from "../skills/tool-catalogue.ts";
import type { Store } from "../store/store.ts";
import { capsOf, emailSkills, policyOf, readEntries, type ToolEntry } from "../tools/entries.ts";
import { limitedServer, useOf } from "../tools/limits.ts";
import { LOCK_FILE, readLock, toolHash } from "../tools/lock.ts";
import { hasSession, sourceOf } from "../tools/mcp-source.ts";
import { createToolbox, type ToolSource } from "../tools/toolbox.ts";
import { createEffects } from "../work/effects.ts";
import type { Hands } from "../work/hands.ts";

/** What tools.yaml says, with its variables filled in: read before the log is opened, so that no secret reaches it. */
export type ToolSettings = {
  readonly entries: readonly ToolEntry[];
  /** The value behind `email.key`; null when mail is not set up, or its variable is not set. */
  readonly emailKey: string | null;
  readonly secrets: readonly string[];
  readonly problems: readonly Problem[];
};

/** Null when tools.yaml names nothing: the team advises. */
export async function toolSettings(config: RuntimeConfig, registry: Registry): Promise<ToolSettings | null> {
  const { tools: file } = registry;
  if (Object.keys(file.mcpServers).length === 0 && file.email === undefined) return null;
  const own = await loadToolCatalogue(config.root);
  // A team that has no catalogue of its own has the program's.
  const { catalogue, problems } = own.there ? own : await loadToolCatalogue(PACKAGE_ROOT);
  const entries = readEntries({ file, skills: [...registry.skills.values()], catalogue, variable: config.variable });
  const emailKey = file.email ? config.variable(file.email.key.slice(2, -1)) : null;
  const secrets = [...entries.flatMap((entry) => entry.secrets), ...(emailKey === null ? [] : [emailKey])];
  return { entries, emailKey, secrets, problems };
}

export type HandsOptions = {
  readonly config: RuntimeConfig;
  readonly registry: Registry;
  readonly settings: ToolSettings;
  readonly store: Store;
  readonly secrets: readonly string[];
  /** Adds to that list, whoever holds it: tokens come while the program runs. */
  readonly learn: (secrets: readonly string[]) => void;
  readonly processId: () => Promise<string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
  readonly reached: (point: string) => void;
};

/** A browser costs memory, and there are several: one that nobody uses for so long is ended. Models think a while between calls. */
const SESSION_REST_MS = 3 * 60_000;

/** Starts nothing: each server is started when it is first needed. */
export async function openHands(options: HandsOptions): Promise<Hands> {
  const { config, settings, store, now, log, reached } = options;
  const { lock, fault } = await readLock(config.root);
  if (fault !== null) log.warn(`${LOCK_FILE} cannot be used: every tool asks before each use`, { fault });
  const sources = [...(await mcpSources(options, lock)), ...(await emailSource(options))];
  const toolbox = createToolbox(sources);
  const redact = createRedactor(options.secrets);
  const effects = createEffects({
    store,
    server: toolbox.server,
    toolHash: (_, tool) => toolHash(tool),
    rules: ({ server, tool, toolHash: hash, class: of }) => {
      const source = toolbox.source(server);
      const caps = source?.caps ?? capsOf();
      return {
        ...caps[of],
        accepted: source?.accepts(tool, hash) ?? false,
        policy: source?.policy ?? DEFAULT_POLICY,
        verify: source?.verify(tool) ?? null,
        notBefore: source?.notBefore(tool) ?? null,
        use: (cost) => useOf(settings.entries, server, cost),
      };
    },
    processId: options.processId,
    secrets: options.secrets,
    now,
    log,
    reached,
  });
  return {
    toolbox,
    effects,
    preview: async (tool, args) => (await toolbox.source(tool.server)?.preview(tool.info.name, args)) ?? null,
    clean: (text) => redact(text),
  };
}

async function mcpSources(options: HandsOptions, lock: Parameters<typeof sourceOf>[1]): Promise<ToolSource[]> {
  const { config, settings, log, now, sleep, secrets, learn, environment } = options;
  if (settings.entries.length === 0) return [];
  const [{ createMcpServer }, { createRateLimiter }] = await Promise.all([
    import("../tools/mcp/mcp-server.ts"),
    import("../tools/mcp/rate-limits.ts"),
  ]);
  await knownTokens(options);
  const limits = createRateLimiter({ now, sleep });
  return settings.entries.map((entry) =>
    sourceOf(entry, lock, () => {
      if (entry.way === null) throw new Error(`${entry.name} is off`);
      const { name, way, credential, catalogue } = entry;
      const use = useOf(settings.entries, name);
      const server = createMcpServer(
        {
          ...{ name, way, credential, limits: entry.limits, idempotency: catalogue?.idempotency ?? {} },
          caps: hasSession(entry) ? { restMs: SESSION_REST_MS } : {},
        },
        {
          ...{ log, secrets, learn, now, sleep, limits, environment, fetch: globalThis.fetch },
          spill: (text, of) => spill(config.workspace, text, of),
          cwd: join(config.workspace, ".marketeam/tools"),
          tokensDir: tokensDir(config.workspace),
        },
      );
      return use === null ? server : limitedServer(server, use, options.store);
    }),
  );
}

/** Logins of earlier days are secret before the first of them is used: a server that reads files may come upon theirs. */
async function knownTokens({ config, settings, learn }: HandsOptions): Promise<void> {
  const { tokenFile } = await import("../tools/mcp/tokens.ts");
  await Promise.all(
    settings.entries.map(async ({ name, way }) => {
      if (way?.type === "http") await tokenFile(tokensDir(config.workspace), name, way.url, learn).read();
    }),
  );
}

const tokensDir = (workspace: string) => join(workspace, ".marketeam/tokens");
const LOGIN_MS = 5 * 60_000;

/** The login of a person in a browser; `show` is given the address. Rejects with a sentence when it came to nothing in five minutes. */
export async function loginTo(entry: ToolEntry, workspace: string, show: (url: string) => void): Promise<void> {
  if (entry.way?.type !== "http") throw new Error(`${entry.name} needs no login`);
  const [{ login }, { tokenFile }] = await Promise.all([import("../tools/mcp/login.ts"), import("../tools/mcp/tokens.ts")]);
  await login({
    way: entry.way,
    // Learned when the server reads the file; until then nothing is said with them.
    file: tokenFile(tokensDir(workspace), entry.name, entry.way.url, () => {}),
    show: async (url) => show(url),
    now: () => Date.now(),
    fetch: globalThis.fetch,
    signal: AbortSignal.timeout(LOGIN_MS),
  });
}

/** An answer that is too long for a prompt lies whole in the workspace. Null when it could not be written. */
async function spill(workspace: string, text: string, of: { server: string; tool: string }): Promise<string | null> {
  const folder = join("tools", of.server.replace(/[^A-Za-z0-9_-]/g, "_"));
  const path = join(folder, `${newId("act").slice(4)}-${of.tool.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 60)}.txt`);
  try {
    await mkdir(join(workspace, folder), { recursive: true });
    await writeFile(join(workspace, path), text, { mode: 0o600 });
    return path;
  } catch {
    return null;
  }
}

async function emailSource(options: HandsOptions): Promise<ToolSource[]> {
  const { registry, settings, store, now, sleep } = options;
  const { email, ...file } = registry.tools;
  if (!email) return [];
  const [{ createEmailServer }, { createGuard }, { EMAIL_CLASSES, EMAIL_SERVER, EMAIL_VERIFY }] = await Promise.all([
    import("../tools/email/server.ts"),
    import("../tools/email/guard.ts"),
    import("../tools/email/catalogue.ts"),
  ]);
  const off = !email.enabled ? "enabled is false" : settings.emailKey === null ? `${email.key} is not set` : null;
  const make = () =>
    createEmailServer({
      ...{ settings: email, key: settings.emailKey ?? "", now, sleep, fetch: globalThis.fetch },
      guard: createGuard({ store, settings: email, now }),
    });
  let made: ReturnType<typeof make> | null = null;
  const server = () => (made ??= make());
  const classes: Readonly<Record<string, ActionClass>> = EMAIL_CLASSES;
  const verify: Readonly<Record<string, (typeof EMAIL_VERIFY)[keyof typeof EMAIL_VERIFY]>> = EMAIL_VERIFY;
  return [
    {
      name: EMAIL_SERVER,
      skills: emailSkills({ ...file, email }, [...registry.skills.values()]),
      off,
      connect: server,
      allowed: () => true,
      classOf: (info) => classes[info.name] ?? "admin",
      // Our own tools, which change only with a new version of the program.
      lockedOf: (infos) => new Map(infos.map((info) => [info.name, { hash: toolHash(info), state: "same" }])),
      accepts: () => true,
      policy: policyOf(file.approval),
      caps: capsOf(file.approval),
      verify: (tool) => verify[tool] ?? null,
      async preview(tool, args) {
        const seen = await server().preview(tool, args, AbortSignal.timeout(60_000));
        return seen && { preview: seen.markdown, recipients: seen.recipients, cost: null, blocked: seen.blocked };
      },
      notBefore: (tool) => server().notBefore(tool),
    },
  ];
}
