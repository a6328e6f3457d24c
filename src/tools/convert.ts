/** tools.yaml from and to the files of other programs: Claude Code, Cursor, VS Code, opencode, and the MCP registry's server.json. */

import { looksSecret, variableFor, variablesIn } from "../domain/tool-transport.ts";
import { SERVER_NAME } from "../domain/tool-name.ts";
import { STANDARD_KEYS, type ToolServerEntry, type ToolsFile } from "../domain/tools-file.ts";

export const HOSTS = ["claude", "cursor", "vscode", "opencode"] as const;
export type Host = (typeof HOSTS)[number];

type Raw = Record<string, unknown>;

export type Imported = {
  /** By a name that tools.yaml takes; nothing but standard keys, `enabled` and `registry`. */
  readonly servers: Readonly<Record<string, Raw>>;
  /** Which kind of file it was. */
  readonly from: string;
  /** What was changed on the way or left out, a sentence each; never with a secret in it. */
  readonly notes: readonly string[];
};

/** Reads the text of another program's file. A secret that stands in it is not taken over: its variable is. */
export function importServers(text: string): Imported | { readonly problem: string; readonly hint: string | null } {
  let data: unknown;
  try {
    data = Bun.JSONC.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return { problem: "it is not JSON", hint: "a .mcp.json, .vscode/mcp.json, opencode.json or a server.json of the registry" };
  }
  if (!isRecord(data)) return { problem: "it is not a JSON object", hint: null };
  const found = sectionOf(data);
  if (found === null)
    return {
      problem: "there are no servers in it",
      hint: "looked for mcpServers, servers (VS Code), mcp (opencode), packages and remotes (registry)",
    };
  const notes: string[] = [];
  const servers: Record<string, Raw> = {};
  for (const [typed, raw] of Object.entries(found.servers)) {
    if (!isRecord(raw)) {
      notes.push(`${label(typed)}: left out, it is not a map`);
      continue;
    }
    const name = nameFor(typed, servers);
    if (name !== typed) notes.push(`${label(typed)} is called ${name} here`);
    const entry = found.read(raw, (note) => notes.push(`${name}: ${note}`));
    if (entry["command"] === undefined && entry["url"] === undefined) {
      notes.push(`${name}: left out, it has neither a command nor a url`);
      continue;
    }
    servers[name] = withoutSecrets(name, entry, (note) => notes.push(`${name}: ${note}`));
  }
  return { servers, from: found.from, notes };
}

/** The file of another program that holds the same servers. `notes`: what it cannot say. */
export function exportServers(
  { mcpServers, email }: Pick<ToolsFile, "mcpServers" | "email">,
  host: Host,
): { readonly file: Raw; readonly path: string; readonly notes: readonly string[] } {
  const notes: string[] = [];
  if (email !== undefined) notes.push("the section email: is no MCP server and stays here");
  const ruled = Object.values(mcpServers).some(
    (entry) => entry.allow ?? entry.deny ?? entry.actions ?? entry.approval ?? entry.limits,
  );
  if (ruled) notes.push("allow, deny, actions, approval and limits have no place there: in that program they do not hold");
  const inputs = new Set<string>();
  const servers: Record<string, Raw> = {};
  for (const [name, entry] of Object.entries(mcpServers)) {
    const off = entry.enabled === false || entry["disabled"] === true;
    if (off && host !== "opencode") {
      notes.push(`${name}: left out, it is off`);
      continue;
    }
    servers[name] = host === "opencode" ? forOpencode(entry, off) : forOthers(entry, host, inputs);
    const defaults = JSON.stringify(entry).match(/\$\{[A-Za-z_]\w*:-/g);
    if (defaults !== null && host !== "claude") notes.push(`${name}: defaults (\${NAME:-…}) are unknown there and went`);
  }
  switch (host) {
    case "claude":
      return { file: { mcpServers: servers }, path: ".mcp.json", notes };
    case "cursor":
      return { file: { mcpServers: servers }, path: ".cursor/mcp.json", notes };
    case "vscode": {
      const asked = [...inputs].sort().map((id) => ({ type: "promptString", id, description: id, password: true }));
      return { file: { ...(asked.length > 0 ? { inputs: asked } : {}), servers }, path: ".vscode/mcp.json", notes };
    }
    case "opencode":
      return { file: { $schema: "https://opencode.ai/config.json", mcp: servers }, path: "opencode.json", notes };
  }
}

type Say = (note: string) => void;
type Section = { readonly from: string; readonly servers: Raw; readonly read: (raw: Raw, say: Say) => Raw };

function sectionOf(data: Raw): Section | null {
  if (isRecord(data["mcpServers"])) return { from: "mcpServers", servers: data["mcpServers"], read: standard };
  if (isRecord(data["servers"])) return { from: "VS Code", servers: data["servers"], read: standard };
  if (isRecord(data["mcp"])) {
    // VS Code's settings.json has the same key with `servers` below it.
    if (isRecord(data["mcp"]["servers"])) return { from: "VS Code", servers: data["mcp"]["servers"], read: standard };
    return { from: "opencode", servers: data["mcp"], read: opencode };
  }
  const server = isRecord(data["server"]) ? data["server"] : data;
  if (typeof server["name"] === "string" && (Array.isArray(server["packages"]) || Array.isArray(server["remotes"])))
    return { from: "the MCP registry", servers: { [server["name"].split("/").at(-1) ?? "server"]: server }, read: registry };
  return null;
}

function standard(raw: Raw, say: Say): Raw {
  const entry: Raw = {};
  for (const key of STANDARD_KEYS) if (raw[key] !== undefined) entry[key] = ours(raw[key]);
  // Claude Desktop and Windsurf write serverUrl; Gemini httpUrl.
  const url = raw["serverUrl"] ?? raw["httpUrl"];
  if (entry["url"] === undefined && typeof url === "string") entry["url"] = ours(url);
  if (raw["disabled"] === true || raw["enabled"] === false) entry["enabled"] = false;
  const other = Object.keys(raw).filter(
    (key) => ![...STANDARD_KEYS, "disabled", "enabled", "serverUrl", "httpUrl"].includes(key as never),
  );
  if (other.length > 0) say(`left out ${other.map(label).join(", ")}`);
  return entry;
}

function opencode(raw: Raw, say: Say): Raw {
  const [command, ...args] = Array.isArray(raw["command"]) ? raw["command"].map(String) : [];
  const entry: Raw = {};
  if (command !== undefined) Object.assign(entry, { command: ours(command) }, args.length > 0 ? { args: ours(args) } : {});
  if (raw["environment"] !== undefined) entry["env"] = ours(raw["environment"]);
  if (raw["url"] !== undefined) Object.assign(entry, { type: "http", url: ours(raw["url"]) });
  if (raw["headers"] !== undefined) entry["headers"] = ours(raw["headers"]);
  if (isRecord(raw["oauth"])) entry["oauth"] = ours(raw["oauth"]);
  if (raw["enabled"] === false) entry["enabled"] = false;
  const other = Object.keys(raw).filter(
    (key) => !["type", "command", "environment", "url", "headers", "oauth", "enabled"].includes(key),
  );
  if (other.length > 0) say(`left out ${other.map(label).join(", ")}`);
  return entry;
}

/** A registry's entry as a beginning: an address before a package, because nothing has to be installed for it. */
function registry(raw: Raw, say: Say): Raw {
  const provenance = { registry: String(raw["name"]) };
  const remote = listOf(raw["remotes"]).find((one) => one["type"] === "streamable-http" && typeof one["url"] === "string");
  if (remote !== undefined) {
    const headers = variablesOf(remote["headers"], say);
    const url = String(remote["url"]).replace(/\{([A-Za-z_]\w*)\}/g, (_, name: string) => `\${${name.toUpperCase()}}`);
    const bearer = Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [
        key,
        key.toLowerCase() === "authorization" && value.startsWith("${") ? `Bearer ${value}` : value,
      ]),
    );
    return { type: "http", url, ...(Object.keys(headers).length > 0 ? { headers: bearer } : {}), ...provenance };
  }
  for (const one of listOf(raw["packages"])) {
    const [id, version] = [String(one["identifier"] ?? ""), String(one["version"] ?? "")];
    const fixed = listOf(one["packageArguments"]).flatMap((arg) => {
      if (typeof arg["value"] !== "string") return [];
      return arg["type"] === "named" ? [String(arg["name"]), arg["value"]] : [arg["value"]];
    });
    const env = variablesOf(one["environmentVariables"], say);
    const rest = { ...(Object.keys(env).length > 0 ? { env } : {}), ...provenance };
    if (!/^[\w@./-]+$/.test(id) || !/^[\w.+-]+$/.test(version)) {
      say("a package without a plain name and version was passed over");
      continue;
    }
    if (one["registryType"] === "npm") return { command: "npx", args: ["-y", `${id}@${version}`, ...fixed], ...rest };
    if (one["registryType"] === "pypi") return { command: "uvx", args: [`${id}==${version}`, ...fixed], ...rest };
    if (one["registryType"] === "oci") {
      const passed = Object.keys(env).flatMap((key) => ["-e", key]);
      return {
        command: "docker",
        args: ["run", "-i", "--rm", ...passed, id.includes(":") ? id : `${id}:${version}`, ...fixed],
        ...rest,
      };
    }
  }
  return provenance;
}

function variablesOf(list: unknown, say: Say): Record<string, string> {
  return Object.fromEntries(
    listOf(list).flatMap((one): [string, string][] => {
      const name = one["name"];
      if (typeof name !== "string" || !/^[\w-]{1,80}$/.test(name)) return [];
      const fallback = typeof one["default"] === "string" ? one["default"] : undefined;
      if (one["isRequired"] !== true && one["isSecret"] !== true && fallback === undefined) {
        say(`${name} is optional and was left out`);
        return [];
      }
      const variable = name.replaceAll("-", "_").toUpperCase();
      return [[name, fallback === undefined || /[{}]/.test(fallback) ? `\${${variable}}` : `\${${variable}:-${fallback}}`]];
    }),
  );
}

/** Other programs' ways to name a variable, as ours. */
function ours(value: unknown): unknown {
  if (typeof value === "string")
    return value
      .replace(/\$\{env:([A-Za-z_]\w*)\}/g, "${$1}")
      .replace(/(^|[^$])\{env:([A-Za-z_]\w*)\}/g, "$1${$2}")
      .replace(/\$\{input:([\w.-]+)\}/g, (_, id: string) => `\${${id.replace(/[^A-Za-z0-9]+/g, "_").toUpperCase()}}`);
  if (Array.isArray(value)) return value.map(ours);
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, ours(inner)]));
  return value;
}

function withoutSecrets(server: string, entry: Raw, say: Say): Raw {
  const hidden = (key: string, value: string): string => {
    const variable = variableFor(server, key);
    say(`the value of ${label(key)} was not taken over: put it into .env as ${variable}`);
    const scheme = /^(?:Bearer|Basic|Token)\s+/i.exec(value)?.[0] ?? "";
    return `${scheme}\${${variable}}`;
  };
  const out = { ...entry };
  for (const section of ["env", "headers"])
    if (isRecord(out[section]))
      out[section] = Object.fromEntries(
        Object.entries(out[section]).map(([key, value]) => [
          key,
          typeof value === "string" && looksSecret(key, value) ? hidden(key, value) : value,
        ]),
      );
  if (Array.isArray(out["args"])) {
    const args = out["args"].map(String);
    out["args"] = args.map((arg, i) => {
      const [flag = "", ...rest] = arg.split("=");
      if (rest.length > 0) return looksSecret(flag, rest.join("=")) ? `${flag}=${hidden(flag, rest.join("="))}` : arg;
      const before = args[i - 1] ?? "";
      return looksSecret(/^--?\w/.test(before) ? before : "", arg)
        ? hidden(/^--?\w/.test(before) ? before : `${server}-key`, arg)
        : arg;
    });
  }
  if (typeof out["url"] === "string")
    out["url"] = out["url"].replace(
      /([?&](api_?key|token|access_token|key|secret)=)([^&$]{8,})/gi,
      (_, head: string, key: string, value: string) => head + hidden(key, value),
    );
  if (isRecord(out["oauth"])) {
    const oauth = out["oauth"];
    out["oauth"] = Object.fromEntries(
      Object.entries(oauth).map(([key, value]) =>
        /secret/i.test(key) && typeof value === "string" && variablesIn(value).length === 0
          ? [key, hidden(`${server}-client-secret`, value)]
          : [key, value],
      ),
    );
  }
  return out;
}

function forOthers(entry: ToolServerEntry, host: Host, inputs: Set<string>): Raw {
  const spelled = (text: string) =>
    host === "claude"
      ? text.replaceAll("${env:", "${")
      : text.replace(/\$\{(?:env:)?([A-Za-z_]\w*)(?::-[^{}]*)?\}/g, (_, name: string) => {
          if (host === "vscode") inputs.add(name);
          return host === "vscode" ? `\${input:${name}}` : `\${env:${name}}`;
        });
  const type =
    entry.url === undefined
      ? host === "cursor"
        ? {}
        : { type: "stdio" }
      : host === "cursor"
        ? {}
        : { type: entry.type === "sse" ? "sse" : "http" };
  return { ...type, ...(mapped(standardOf(entry), spelled) as Raw) };
}

function forOpencode(entry: ToolServerEntry, off: boolean): Raw {
  const spelled = (text: string) => text.replace(/\$\{(?:env:)?([A-Za-z_]\w*)(?::-[^{}]*)?\}/g, "{env:$1}");
  const { command, args = [], env, url, headers, oauth } = entry;
  const raw =
    url === undefined
      ? { type: "local", command: [command ?? "", ...args], ...(env ? { environment: env } : {}) }
      : { type: "remote", url, ...(headers ? { headers } : {}), ...(oauth ? { oauth } : {}) };
  return { ...(mapped(raw, spelled) as Raw), enabled: !off };
}

function standardOf(entry: ToolServerEntry): Raw {
  return Object.fromEntries(
    STANDARD_KEYS.filter((key) => key !== "type").flatMap((key) => (entry[key] === undefined ? [] : [[key, entry[key]]])),
  );
}

function mapped(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((inner) => mapped(inner, change));
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapped(inner, change)]));
  return value;
}

function nameFor(typed: string, taken: Raw): string {
  const clean = typed
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|-+$/g, "")
    .slice(0, 40);
  const base = SERVER_NAME.test(clean) ? clean : "server";
  let name = base;
  for (let i = 2; Object.hasOwn(taken, name); i++) name = `${base.slice(0, 36)}-${i}`;
  return name;
}

function listOf(value: unknown): Raw[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function isRecord(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function label(text: string): string {
  return `"${text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "").slice(0, 60)}"`;
}
