/** The servers of tools.yaml as they can be used now: variables filled in, the catalogue's knowledge beside, who may use each. */

import { ACTION_CLASSES, type ActionClass, DEFAULT_POLICY, type Policy } from "../domain/action.ts";
import type { Catalogue, CatalogueEntry } from "../domain/tool-catalogue.ts";
import { matchesGlob } from "../domain/tool-name.ts";
import { catalogued, expandText, originOf } from "../domain/tool-transport.ts";
import {
  type ApprovalSetting,
  type Approvals,
  type ClassRule,
  EMAIL_SERVER,
  type ToolLimits,
  type ToolServerEntry,
  type ToolsFile,
} from "../domain/tools-file.ts";

export type Way =
  | {
      readonly type: "stdio";
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd?: string;
    }
  | {
      readonly type: "http";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly oauth?: {
        readonly clientId?: string;
        readonly clientSecret?: string;
        readonly scopes?: readonly string[];
        readonly callbackPort?: number;
      };
    };

/** Caps of what is approved, beside the yes. */
export type ApprovalCaps = {
  /** How long it can be answered and sent, ms. */
  readonly ttlMs: number;
  readonly maxRecipients: number | null;
  readonly perDay: number | null;
};

export type ToolEntry = {
  readonly name: string;
  /** Null when it is off. */
  readonly way: Way | null;
  /** Why it is off, in a sentence; null when it is on. */
  readonly off: string | null;
  readonly unset: readonly string[];
  readonly role: string | null;
  /** The skills that may use it: named in its entry, or asking for its role. */
  readonly skills: readonly string[];
  readonly description: string | null;
  /** What the catalogue knows of what it really runs. */
  readonly catalogue: CatalogueEntry | null;
  readonly catalogueName: string | null;
  /** Package or address, without version. */
  readonly origin: string | null;
  /** Servers with the same one share their limits: vendors count per account. */
  readonly credential: string;
  readonly limits: ToolLimits;
  readonly actions: Readonly<Record<string, ClassRule>>;
  readonly policy: Policy;
  readonly caps: Readonly<Record<ActionClass, ApprovalCaps>>;
  /** Globs; null: everything. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
  /** Variable values that came in; no text that leaves this process may hold one. */
  readonly secrets: readonly string[];
};

type Team = readonly { readonly name: string; readonly tools: readonly string[] }[];
export type EntriesInput = {
  readonly file: ToolsFile;
  readonly skills: Team;
  readonly catalogue: Catalogue;
  /** The environment and .env; null for what is not set. */
  readonly variable: (name: string) => string | null;
};

const DAY_MS = 24 * 3_600_000;
const UNITS = { m: 60_000, h: 3_600_000, d: DAY_MS } as const;

/** Every server in the order of the file. The direct way to send mail is none of them: see `emailSkills`. */
export function readEntries({ file, skills, catalogue, variable }: EntriesInput): ToolEntry[] {
  const drafts = Object.entries(file.mcpServers).map(([name, entry]) => oneEntry(name, entry, file, catalogue, variable));
  return drafts.map(({ name, entry, ...rest }) => ({
    name,
    ...rest,
    skills: usersOf(name, entry, rest.role, file, drafts, skills),
  }));
}

/** The skills that reach the `email` section: those that ask for the role, unless the role is another server's. */
export function emailSkills(file: Pick<ToolsFile, "email" | "roles">, skills: Team): string[] {
  if (file.email === undefined || !file.email.enabled) return [];
  const holder = file.roles?.[EMAIL_SERVER] ?? EMAIL_SERVER;
  return holder === EMAIL_SERVER ? skills.filter((skill) => skill.tools.includes(EMAIL_SERVER)).map((skill) => skill.name) : [];
}

/** The policy of the whole file with a server's own on top of it; what always asks is seen to by `permissionFor`. */
export function policyOf(...layers: readonly (Approvals | undefined)[]): Policy {
  const policy = { ...DEFAULT_POLICY };
  for (const layer of layers)
    for (const of of ACTION_CLASSES) {
      const setting = layer?.[of];
      if (setting !== undefined) policy[of] = typeof setting === "string" ? setting : setting.mode;
    }
  return policy;
}

export function capsOf(...layers: readonly (Approvals | undefined)[]): Record<ActionClass, ApprovalCaps> {
  return Object.fromEntries(
    ACTION_CLASSES.map((of) => {
      const settings = layers.map((layer) => layer?.[of]).filter((setting) => typeof setting === "object");
      const last = <K extends keyof Exclude<ApprovalSetting, string>>(key: K) =>
        settings.map((setting) => setting[key]).findLast((value) => value !== undefined);
      const caps: ApprovalCaps = {
        ttlMs: durationMs(last("ttl") ?? "3d"),
        maxRecipients: last("maxRecipients") ?? null,
        perDay: last("perDay") ?? null,
      };
      return [of, caps];
    }),
  ) as Record<ActionClass, ApprovalCaps>;
}

/** Whether a tool may be used at all: within `allow` (the file's, else the catalogue's) and not in `deny`. */
export function isAllowed({ allow, deny }: Pick<ToolEntry, "allow" | "deny">, tool: string): boolean {
  return (allow === null || allow.some((glob) => matchesGlob(tool, glob))) && !deny.some((glob) => matchesGlob(tool, glob));
}

/** `30m`, `24h`, `7d` in milliseconds. */
export function durationMs(text: string): number {
  const [, count = "0", unit = "d"] = /^(\d+)\s*([mhd])$/.exec(text) ?? [];
  return Number(count) * UNITS[unit as keyof typeof UNITS];
}

type Draft = Omit<ToolEntry, "skills"> & { readonly entry: ToolServerEntry };

function oneEntry(
  name: string,
  entry: ToolServerEntry,
  file: ToolsFile,
  catalogue: Catalogue,
  variable: (name: string) => string | null,
): Draft {
  const known = catalogued(entry, catalogue);
  const { way, unset, used } = expanded(entry, variable);
  const shown = new Set(Object.entries(known?.entry.variables ?? {}).flatMap(([key, { secret }]) => (secret ? [] : [key])));
  const secrets = [...new Set([...used].filter(([key]) => !shown.has(key)).map(([, value]) => value))];
  const off = offReason(entry, unset, way);
  const origin = originOf(entry).id;
  return {
    name,
    entry,
    way: off === null ? way : null,
    off,
    unset,
    role: entry.role ?? known?.entry.role ?? null,
    description: entry.description ?? known?.entry.title ?? null,
    catalogue: known?.entry ?? null,
    catalogueName: known?.name ?? null,
    origin,
    credential: credentialOf(name, origin, secrets),
    limits: { ...known?.entry.limits, ...entry.limits },
    actions: entry.actions ?? {},
    policy: policyOf(file.approval, entry.approval),
    caps: capsOf(file.approval, entry.approval),
    allow: entry.allow ?? known?.entry.allow ?? null,
    deny: entry.deny ?? [],
    secrets,
  };
}

function offReason(entry: ToolServerEntry, unset: readonly string[], way: Way | null): string | null {
  if (entry.enabled === false) return "enabled is false";
  // Of other hosts: somebody who pastes a block that is switched off there does not want it switched on here.
  if (entry["disabled"] === true) return "disabled is true";
  if (unset.length > 0) return `${unset.map((one) => `\${${one}}`).join(" and ")} ${unset.length === 1 ? "is" : "are"} not set`;
  return way === null ? "it has neither a command nor a usable url" : null;
}

/** Same vendor, same secret: one account. The secret itself never leaves here: its hash does. */
function credentialOf(name: string, origin: string | null, secrets: readonly string[]): string {
  if (secrets.length === 0) return name;
  const hash = new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([...secrets].sort()))
    .digest("hex")
    .slice(0, 16);
  return `${origin ?? name}#${hash}`;
}

function expanded(entry: ToolServerEntry, variable: (name: string) => string | null) {
  const unset = new Set<string>();
  const used = new Map<string, string>();
  const fill = (text: string): string => {
    const result = expandText(text, variable);
    for (const one of result.unset) unset.add(one);
    for (const [key, value] of result.used) used.set(key, value);
    return result.text;
  };
  // A variable with an empty default says "leave it out".
  const map = (values: Readonly<Record<string, string>> | undefined) =>
    Object.fromEntries(
      Object.entries(values ?? {}).flatMap(([key, text]) => {
        const value = fill(text);
        return value === "" && text !== "" ? [] : [[key, value]];
      }),
    );
  let way: Way | null = null;
  if (entry.url !== undefined) {
    const url = fill(entry.url);
    const headers = map(entry.headers);
    const oauth = oauthOf(entry.oauth, fill);
    if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))
      way = { type: "http", url, headers, ...(oauth ? { oauth } : {}) };
  } else if (entry.command !== undefined) {
    const command = fill(entry.command);
    const args = (entry.args ?? []).map(fill);
    const env = map(entry.env);
    way = { type: "stdio", command, args, env, ...(entry.cwd === undefined ? {} : { cwd: fill(entry.cwd) }) };
  }
  return { way, unset: [...unset], used };
}

function oauthOf(oauth: ToolServerEntry["oauth"], fill: (text: string) => string) {
  if (oauth === undefined) return null;
  const text = (key: string) => (typeof oauth[key] === "string" ? fill(oauth[key]) : undefined);
  const [clientId, clientSecret, scope] = [text("clientId"), text("clientSecret"), text("scope")];
  const port = oauth["callbackPort"];
  const scopes = Array.isArray(oauth["scopes"]) ? oauth["scopes"].filter((one) => typeof one === "string") : scope?.split(/\s+/);
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(typeof port === "number" ? { callbackPort: port } : {}),
  };
}

/** Named skills as they are named. By role, one server serves: the one in `roles`, else the first that is on. */
function usersOf(
  name: string,
  entry: ToolServerEntry,
  role: string | null,
  file: ToolsFile,
  all: readonly Draft[],
  skills: Team,
): string[] {
  if (entry.skills !== undefined) {
    const named: readonly string[] = entry.skills;
    return named.includes("*") ? skills.map((skill) => skill.name) : [...named];
  }
  if (role === null || holderOf(role, file, all) !== name) return [];
  return skills.filter((skill) => skill.tools.includes(role)).map((skill) => skill.name);
}

function holderOf(role: string, file: ToolsFile, all: readonly Draft[]): string | null {
  const chosen = file.roles?.[role];
  if (chosen !== undefined) return chosen;
  if (role === EMAIL_SERVER && file.email?.enabled === true) return EMAIL_SERVER;
  const able = all.filter((one) => one.role === role && one.entry.skills === undefined);
  return (able.find((one) => one.off === null) ?? able[0])?.name ?? null;
}
