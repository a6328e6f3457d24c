/** Configuration: the environment and .env become one frozen value. The only reader of the environment. */

import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import type { Caps } from "./domain/budget.ts";
import { parseOtlpHeaders } from "./telemetry/collector.ts";
import { dollars, nano } from "./domain/money.ts";

/** A fault of the installation: one line, what to do, exit code 3. */
export class ConfigError extends Error {
  readonly code = "config";
  readonly hint: string;
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

export type Origin = "environment" | ".env" | "default";
export type Setting = { readonly name: string; readonly value: string; readonly origin: Origin; readonly secret: boolean };

export type RuntimeConfig = {
  /** Where skills.yaml and .agents/ lie. */
  readonly root: string;
  readonly workspace: string;
  readonly apiKey: string | null;
  readonly baseURL: string | null;
  readonly databaseUrl: string | null;
  readonly caps: Caps;
  readonly concurrency: number;
  /** Where the daemon's queue and its door are to be. One-shot commands need none of it. */
  readonly daemon: {
    readonly redisUrl: string | null;
    readonly host: string;
    readonly port: number;
    readonly webhookToken: string | null;
    /** Where people reach the door from outside: signed links begin so. Null: no links are sent. */
    readonly publicUrl: string | null;
    /** Where traces go (OTLP over HTTP), and with what headers; null: nowhere. */
    readonly otlp: { readonly endpoint: string; readonly headers: Readonly<Record<string, string>> } | null;
  };
  /** The value of a variable that a file of the team names as ${NAME}: from the environment or .env; null when it is not set. */
  readonly variable: (name: string) => string | null;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  readonly logFormat: "json" | "pretty" | null;
  readonly host: string;
  readonly home: string;
  readonly noColor: boolean;
  readonly ci: boolean;
  /** Where each setting came from, for `doctor`; secrets are not shown. */
  readonly settings: readonly Setting[];
  /** Texts that no log, file or prompt may hold. */
  readonly secrets: readonly string[];
  /** For tests: the named point at which the process kills itself, and at which passing of it (`point#3`). */
  readonly crashAt: string | null;
};

export type ConfigInput = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Overrides from the command line. */
  readonly workspace?: string | undefined;
  readonly concurrency?: number | undefined;
};

/** The process's own environment and folder, for the CLI. */
export function processInput(): Pick<ConfigInput, "env" | "cwd"> {
  return { env: process.env, cwd: process.cwd() };
}

/** The arguments that `bun run` was given, without the program itself. */
export const PACKAGE_ROOT = dirname(import.meta.dir);

/** Reads the settings. Throws ConfigError for a value that cannot be used, naming the variable and where it came from. */
export function loadConfig(input: ConfigInput): RuntimeConfig {
  const root = hasTeam(input.cwd) ? input.cwd : PACKAGE_ROOT;
  const file = readEnvFile(join(input.cwd, ".env"));
  const settings: Setting[] = [];

  function get(name: string, fallback: string | null, secret = false): string | null {
    const fromEnv = input.env[name]?.trim();
    const fromFile = file[name]?.trim();
    const [value, origin]: [string | null, Origin] = fromEnv
      ? [fromEnv, "environment"]
      : fromFile
        ? [fromFile, ".env"]
        : [fallback, "default"];
    if (value !== null) settings.push({ name, value: secret ? "(set)" : withoutUser(value), origin, secret });
    return value;
  }
  const where = (name: string) => settings.find((setting) => setting.name === name)?.origin ?? "default";

  function amount(name: string, fallback: number): number {
    const text = get(name, null);
    if (text === null) {
      settings.push({ name, value: dollars(fallback), origin: "default", secret: false });
      return fallback;
    }
    const value = Number(text.replace(/^\$/, ""));
    if (!/^\$?\.?\d/.test(text) || !Number.isFinite(value))
      throw new ConfigError(`${name} is ${shown(text)} (${where(name)}): not an amount in USD`, `write a number like 50 or 2.50`);
    // Nano-dollars are whole numbers up to 2^53.
    if (value > MAX_USD)
      throw new ConfigError(`${name} is ${shown(text)} (${where(name)}): too large`, `the largest amount is ${MAX_USD} USD`);
    return nano(value);
  }

  const apiKey = get("ANTHROPIC_API_KEY", null, true);
  const baseURL = get("ANTHROPIC_BASE_URL", null);
  if (baseURL !== null) checkUrl("ANTHROPIC_BASE_URL", baseURL, where("ANTHROPIC_BASE_URL"), ["http:", "https:"]);
  const databaseUrl = get("DATABASE_URL", null, true);
  if (databaseUrl !== null) checkUrl("DATABASE_URL", databaseUrl, where("DATABASE_URL"), ["postgres:", "postgresql:"]);
  const workspace = resolve(input.cwd, input.workspace ?? get("WORKSPACE_DIR", join(root, "workspace")) ?? "workspace");
  const month = amount("BUDGET_MONTHLY", nano(50));
  const goal = amount("BUDGET_GOAL", Math.round(month / 10));
  const caps: Caps = {
    month,
    day: amount("BUDGET_DAILY", Math.round(month / 5)),
    goal,
    task: amount("BUDGET_TASK", Math.round(goal / 2)),
    call: amount("BUDGET_CALL", nano(2)),
  };
  const agents = get("MAX_PARALLEL_AGENTS", "4") ?? "4";
  if (!/^[1-9]\d?$/.test(agents))
    throw new ConfigError(
      `MAX_PARALLEL_AGENTS is ${shown(agents)} (${where("MAX_PARALLEL_AGENTS")})`,
      "write a whole number from 1 to 99",
    );
  const daemon = daemonSettings(get, where);
  const level = get("LOG_LEVEL", "warn") ?? "warn";
  const logLevel = oneOf("LOG_LEVEL", level, where("LOG_LEVEL"), ["debug", "info", "warn", "error", "silent"] as const);
  const format = get("LOG_FORMAT", null);
  return Object.freeze({
    root,
    workspace,
    apiKey,
    baseURL,
    databaseUrl,
    caps,
    concurrency: input.concurrency ?? Number(agents),
    daemon,
    variable: (name: string) => ownText(input.env, name)?.trim() || ownText(file, name)?.trim() || null,
    logLevel,
    logFormat: format === null ? null : oneOf("LOG_FORMAT", format, where("LOG_FORMAT"), ["json", "pretty"] as const),
    host: hostname(),
    home: homedir(),
    noColor: Boolean(input.env.NO_COLOR),
    ci: Boolean(input.env.CI),
    settings,
    secrets: [
      apiKey,
      databaseUrl,
      daemon.redisUrl,
      // Two values while one takes the other's place.
      ...(daemon.webhookToken?.split(",").map((token) => token.trim()) ?? []),
      ...Object.values(daemon.otlp?.headers ?? {}),
      ...[databaseUrl, baseURL, daemon.redisUrl, daemon.otlp?.endpoint ?? null].flatMap(passwords),
    ].filter((secret) => secret !== null),
    crashAt: input.env.MARKETEAM_CRASH_AT ?? null,
  });
}

type Get = (name: string, fallback: string | null, secret?: boolean) => string | null;

/** REDIS_URL, or host, port and password apart; and the address of the HTTP door. */
function daemonSettings(get: Get, where: (name: string) => Origin): RuntimeConfig["daemon"] {
  const port = (name: string, fallback: string | null) => {
    const text = get(name, fallback);
    if (text !== null && (!/^\d{1,5}$/.test(text) || Number(text) > 65_535))
      throw new ConfigError(`${name} is ${shown(text)} (${where(name)}): not a port`, "write a whole number from 0 to 65535");
    return text;
  };
  const url = get("REDIS_URL", null, true);
  if (url !== null) checkUrl("REDIS_URL", url, where("REDIS_URL"), ["redis:", "rediss:"]);
  const host = get("REDIS_HOST", null);
  const redisPort = port("REDIS_PORT", null);
  const password = get("REDIS_PASSWORD", null, true);
  const apart =
    host === null
      ? null
      : `redis://${password === null ? "" : `:${encodeURIComponent(password)}@`}${host}:${redisPort ?? "6379"}`;
  const endpoint = get("OTEL_EXPORTER_OTLP_ENDPOINT", null);
  if (endpoint !== null)
    checkUrl("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, where("OTEL_EXPORTER_OTLP_ENDPOINT"), ["http:", "https:"]);
  const publicUrl = get("PUBLIC_URL", null);
  if (publicUrl !== null) checkUrl("PUBLIC_URL", publicUrl, where("PUBLIC_URL"), ["https:", "http:"]);
  const headers = parseOtlpHeaders(get("OTEL_EXPORTER_OTLP_HEADERS", null, true) ?? "");
  if (headers === null)
    throw new ConfigError(
      `OTEL_EXPORTER_OTLP_HEADERS (${where("OTEL_EXPORTER_OTLP_HEADERS")}) is not a list of headers`,
      "write key=value,key=value with percent-encoded values",
    );
  return {
    otlp: endpoint === null ? null : { endpoint, headers },
    redisUrl: url ?? apart,
    host: get("HOST", "127.0.0.1") ?? "127.0.0.1",
    port: Number(port("PORT", "8788")),
    webhookToken: get("WEBHOOK_TOKEN", null, true),
    publicUrl,
  };
}

const MAX_USD = 1_000_000;

/** A file of the team may ask for any name, also for one that every object has, as `constructor`. */
function ownText(from: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  return Object.hasOwn(from, name) ? from[name] : undefined;
}

function hasTeam(folder: string): boolean {
  try {
    readFileSync(join(folder, "skills.yaml"));
    return true;
  } catch {
    return false;
  }
}

/** Bun's own .env loading is switched off, so that we can say where a value came from. */
function readEnvFile(path: string): Record<string, string | undefined> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return {};
    throw new ConfigError(
      `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`,
      "make it readable or remove it",
      { cause: error },
    );
  }
  return parseEnv(text);
}

/** The password in an address, as it is written and as it is meant. */
function passwords(address: string | null): string[] {
  const written = /^[^:]+:\/\/[^:@/]*:([^@]+)@/.exec(address ?? "")?.[1];
  if (written === undefined) return [];
  try {
    return [...new Set([written, decodeURIComponent(written)])];
  } catch {
    // A lone % is no escape: the driver says what it thinks of it.
    return [written];
  }
}

/** An address without the name and password in it. */
function withoutUser(value: string): string {
  return value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/i, "$1…@");
}

/** A typed value in a message: one line, not too long, without a password that slipped in with the line below. */
function shown(typed: string): string {
  const value = typed.replace(/:[^\s:@]*@/g, ":…@");
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}

function checkUrl(name: string, value: string, origin: Origin, protocols: readonly string[]): void {
  const url = URL.canParse(value) ? new URL(value) : null;
  // The value may hold a password: it is not repeated.
  if (!url || !protocols.includes(url.protocol))
    throw new ConfigError(
      `${name} (${origin}) is not an address that begins with ${protocols.join("// or ")}//`,
      `for example ${protocols[0]}//127.0.0.1:8080`,
    );
}

function oneOf<T extends string>(name: string, value: string, origin: Origin, allowed: readonly T[]): T {
  const found = allowed.find((entry) => entry === value.toLowerCase());
  if (!found) throw new ConfigError(`${name} is ${shown(value)} (${origin})`, `use one of ${allowed.join(", ")}`);
  return found;
}
