/** What an entry of tools.yaml runs: the package or address behind it, its variables, and what is unwise about it. */

import type { CatalogueEntry } from "./tool-catalogue.ts";
import type { ToolServerEntry } from "./tools-file.ts";

type Ways = Pick<ToolServerEntry, "command" | "args" | "url">;

/** `${NAME}`, `${NAME:-default}`; `${env:NAME}` is the spelling of other hosts. */
const VARIABLE = /\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}/g;

/** A text with its variables filled in. `unset`: those without a value and without a default; `used`: values that came in. */
export function expandText(
  text: string,
  variable: (name: string) => string | null,
): { readonly text: string; readonly unset: readonly string[]; readonly used: ReadonlyMap<string, string> } {
  const unset: string[] = [];
  const used = new Map<string, string>();
  const out = text.replace(VARIABLE, (_, name: string, fallback: string | undefined) => {
    const value = variable(name);
    if (value !== null && value !== "") {
      used.set(name, value);
      return value;
    }
    if (fallback === undefined) unset.push(name);
    return fallback ?? "";
  });
  return { text: out, unset, used };
}

/** The names of the variables that a text refers to. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(VARIABLE)].map((match) => match[1] ?? "");
}

export const withoutVariables = (text: string): string => text.replace(VARIABLE, "");

/** Runs a package of npm: behind these the package's name comes. */
const NPM = new Set(["npx", "bunx", "pnpx"]);
const NPM_TWO = new Set(["bun x", "npm exec", "pnpm dlx", "yarn dlx"]);
const PYPI = new Set(["uvx", "pipx"]);

export type Origin = {
  /** `npm:name`, `pypi:name`, `docker:image`, or `https://host/`; null for a program of one's own. */
  readonly id: string | null;
  /** Whether the version is fixed; null where that means nothing. */
  readonly pinned: boolean | null;
  /** As it is written: `name@latest`. */
  readonly written: string;
};

/** Whose server an entry runs, by its package or its address, whatever it is called. */
export function originOf({ command, args = [], url }: Ways): Origin {
  if (url !== undefined) {
    const found = /^https?:\/\/(?:[^/@]*@)?([^/?#:]+)(?::\d+)?/i.exec(url);
    return { id: found ? `https://${(found[1] ?? "").toLowerCase()}/` : null, pinned: null, written: url };
  }
  if (command === undefined) return { id: null, pinned: null, written: "" };
  const program = (command.split("/").at(-1) ?? "").replace(/\.(?:cmd|exe)$/i, "");
  const two = `${program} ${args[0] ?? ""}`;
  if (NPM.has(program) || NPM_TWO.has(two)) {
    const named = packageOf(NPM.has(program) ? args : args.slice(1), ["-p", "--package"], []);
    if (named === null) return { id: null, pinned: null, written: "" };
    const at = named.lastIndexOf("@");
    const version = at > 0 ? named.slice(at + 1) : "";
    return { id: `npm:${at > 0 ? named.slice(0, at) : named}`, pinned: /^\d+\.\d+\.\d+/.test(version), written: named };
  }
  if (PYPI.has(program) || two === "uv tool") {
    const rest = args.filter((arg) => arg !== "run" && arg !== "tool");
    const named = packageOf(rest, ["--from", "--spec"], ["--python", "-p", "--with", "--index-url"]);
    if (named === null) return { id: null, pinned: null, written: "" };
    if (named.startsWith("git+")) {
      const hash = /@[0-9a-f]{7,40}$/.test(named) || /@v?\d+\.\d+/.test(named);
      return {
        id: `git:${named
          .replace(/^git\+/, "")
          .replace(/@[^@/]*$/, "")
          .replace(/\.git$/, "")}`,
        pinned: hash,
        written: named,
      };
    }
    const match = /^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:(?:==|@)(.+))?/.exec(named);
    return { id: `pypi:${(match?.[1] ?? named).toLowerCase()}`, pinned: /^\d/.test(match?.[2] ?? ""), written: named };
  }
  if (program === "docker" || program === "podman") {
    const image = args.find((arg, i) => i > 0 && /^[a-z0-9.-]+(?::\d+)?\/[^\s=]+/.test(arg) && !/^-/.test(args[i - 1] ?? ""));
    const found = image ?? args.at(-1) ?? "";
    const tag = /(?:@sha256:[0-9a-f]+|:([^/:]+))$/.exec(found);
    return {
      id: `docker:${found.replace(/(?:@sha256:[0-9a-f]+|:[^/:]+)$/, "")}`,
      pinned: tag !== null && tag[1] !== "latest",
      written: found,
    };
  }
  return { id: null, pinned: null, written: command };
}

/** The first word that is no flag; behind `--package` it is the one that counts. */
function packageOf(args: readonly string[], naming: readonly string[], takesValue: readonly string[]): string | null {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const [flag, given] = arg.split("=", 2);
    if (naming.includes(flag ?? "")) return given ?? args[i + 1] ?? null;
    if (takesValue.includes(arg)) i++;
    else if (!arg.startsWith("-")) return arg;
  }
  return null;
}

/** The catalogue's entry for what a server really runs; its name in the file alone proves nothing. `provider` is the user's word. */
export function catalogued(
  entry: Ways & Pick<ToolServerEntry, "provider">,
  catalogue: Readonly<Record<string, CatalogueEntry>>,
): { readonly name: string; readonly entry: CatalogueEntry } | null {
  const { id } = originOf(entry);
  if (id !== null) {
    // A local address is nobody's: everything may listen there.
    const local = /^https:\/\/(?:localhost|127\.|0\.0\.0\.0|\[::1\])/.test(id);
    for (const [name, one] of Object.entries(catalogue)) {
      if (local) break;
      if (one.server !== null && originOf(one.server).id === id) return { name, entry: one };
      if (one.also.some((other) => other === id || (other.startsWith("https://") && id.startsWith(other))))
        return { name, entry: one };
    }
  }
  const { provider } = entry;
  const named = provider !== undefined && Object.hasOwn(catalogue, provider) ? catalogue[provider] : undefined;
  return named === undefined || provider === undefined ? null : { name: provider, entry: named };
}

/** Whether a text that stands in a file looks like the secret itself instead of its variable. */
export function looksSecret(name: string, value: string): boolean {
  const bare = withoutVariables(value)
    .replace(/^(?:Bearer|Basic|Token)\s+/i, "")
    .trim();
  if (bare === "" || bare.length < 8) return false;
  if (
    /^(?:sk|pk|rk|re|xox[a-z]|ghp|gho|github_pat|phx|phc|ntn|secret|pat|key|fc|AIza|ya29|eyJ)[-_A-Za-z0-9.]*[-_A-Za-z0-9.]{12,}$/.test(
      bare,
    )
  )
    return true;
  const telling = /(?:^|[-_.])(?:token|secret|password|passwd|apikey|key|authorization|credential|auth|bearer)s?$/i.test(
    name.replace(/([a-z])([A-Z])/g, "$1_$2"),
  );
  const path = /^(?:[.~]?\/|[A-Za-z]:\\)/.test(bare) || /\.(?:json|pem|key|txt)$/.test(bare);
  return telling && !path && !/^(?:true|false|none|null|\d{1,7})$/i.test(bare) && !/\s/.test(bare);
}

/** A name for the variable that takes a secret's place. */
export function variableFor(server: string, key: string): string {
  const telling = /^-*(?:authorization|token|key|api[-_]?key|password|secret)$/i.test(key);
  const text = telling ? `${server}_${/authorization$/i.test(key) ? "token" : key}` : key;
  return text
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_+/, "")
    .replace(/^(\d)/, "_$1")
    .toUpperCase();
}
