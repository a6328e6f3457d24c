/** Doctor's checks of everything but the store: each looks, says what it found and what to do, and changes nothing. */

import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { engines } from "../../package.json";
import type { RuntimeConfig, Setting } from "../config.ts";
import { isRehearsal } from "../director/context/document.ts";
import type { Caps } from "../domain/budget.ts";
import { dollars } from "../domain/money.ts";
import { filledSections } from "../domain/product-context.ts";
import { loadRegistry } from "../skills/registry.ts";
import { readContext } from "../work/accept.ts";
import { readEntries } from "../tools/entries.ts";
import { LOCK_FILE, readLock } from "../tools/lock.ts";
import { createWorkspace } from "../workspace/workspace.ts";
import { printable } from "./errors.ts";
import { catalogueOf } from "./tools-catalogue.ts";
import { emailRow } from "./tools.ts";
import { countsText, countTeam } from "./validate.ts";

export type Check = {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do, for `warn` and `fail`. */
  readonly hint: string | null;
};

export const passed = (name: string, detail: string): Check => ({ name, state: "ok", detail, hint: null });

const REACH_MS = 3_000;
const LITTLE_DISK = 500 * 1024 ** 2;
const NO_DISK = 50 * 1024 ** 2;

export function bunCheck(): Check {
  return Bun.semver.satisfies(Bun.version, engines.bun)
    ? passed("Bun", Bun.version)
    : { name: "Bun", state: "fail", detail: `${Bun.version}, needed is ${engines.bun}`, hint: "update it: bun upgrade" };
}

export function settingChecks(settings: readonly Setting[]): Check[] {
  return settings.map(({ name, value, origin, secret }) =>
    passed(name, `${secret ? "set" : printable(withoutPassword(value))} (${origin})`),
  );
}

export function keyCheck(config: Pick<RuntimeConfig, "apiKey">): Check {
  if (config.apiKey !== null) return passed("key", "there; it was not tried");
  return {
    name: "key",
    state: "warn",
    detail: "ANTHROPIC_API_KEY is not set: only --rehearse works",
    hint: "set it in the environment or in .env",
  };
}

/** Asks the address in ANTHROPIC_BASE_URL for any answer at all. Without one, or for Anthropic's own, nothing goes out. */
export async function endpointCheck(baseURL: string | null): Promise<Check[]> {
  if (baseURL === null) return [];
  const name = "base URL";
  const url = new URL(baseURL);
  if (url.hostname === "api.anthropic.com") return [passed(name, `${url.origin}: Anthropic's own, not contacted`)];
  try {
    const answer = await fetch(url, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(REACH_MS) });
    return [passed(name, `${url.origin} answers (${answer.status})`)];
  } catch (error) {
    const late = error instanceof Error && error.name === "TimeoutError";
    const why = late
      ? `no answer within ${REACH_MS / 1000} s`
      : error instanceof Error && "code" in error
        ? String(error.code)
        : "no connection";
    return [
      {
        name,
        state: "fail",
        detail: `${url.origin} cannot be reached: ${why}`,
        hint: "start what listens there, or correct ANTHROPIC_BASE_URL",
      },
    ];
  }
}

export async function teamCheck(root: string): Promise<Check> {
  const counts = countTeam(await loadRegistry({ root }));
  const state = counts.errors > 0 ? "fail" : counts.warnings > 0 ? "warn" : "ok";
  return {
    name: "team files",
    state,
    detail: `${countsText(counts)} (${root})`,
    hint: state === "ok" ? null : "see each with `validate`",
  };
}

/** The servers of tools.yaml: which are off and why, which nobody has accepted. None is started. */
export async function toolChecks(config: Pick<RuntimeConfig, "root" | "variable">): Promise<Check[]> {
  const { registry } = await loadRegistry({ root: config.root });
  if (registry === null) return [];
  const mail = emailRow(registry, config.variable);
  const entries =
    Object.keys(registry.tools.mcpServers).length === 0
      ? []
      : readEntries({
          file: registry.tools,
          skills: [...registry.skills.values()],
          catalogue: await catalogueOf(config),
          variable: config.variable,
        });
  const all = [
    ...entries.map(({ name, off }) => ({ name, off })),
    ...(mail === null ? [] : [{ name: mail.name, off: mail.reason }]),
  ];
  if (all.length === 0) return [passed("tools", "none: the team advises, and touches nothing outside")];
  const { lock, fault } = await readLock(config.root);
  const off = all.filter((one) => one.off !== null);
  const warned = (name: string, detail: string, hint: string): Check => ({ name, state: "warn", detail, hint });
  return [
    passed("tools", `${all.length} in tools.yaml: ${all.length - off.length} on, ${off.length} off`),
    ...(fault === null
      ? []
      : [warned("tools lock", fault, `take ${LOCK_FILE} back from your history, or accept anew: tools test <name>`)]),
    ...off
      // What somebody has switched off on purpose needs no word.
      .filter((one) => !/^(?:enabled|disabled) is /.test(one.off ?? ""))
      .map((one) =>
        warned(
          `tool ${one.name}`,
          `off: ${one.off}`,
          one.off?.includes("not set") ? "set it in the environment or in .env" : "see docs/tools.md",
        ),
      ),
    ...entries
      .filter((entry) => entry.off === null && fault === null && !Object.hasOwn(lock.servers, entry.name))
      .map(({ name }) =>
        warned(`tool ${name}`, `not in ${LOCK_FILE}: every use of its tools is asked`, `look at its tools: tools test ${name}`),
      ),
  ];
}

/** May it be written, and is there room? For a folder that is not there yet, the nearest one above it answers. */
export async function workspaceChecks(workspace: string): Promise<Check[]> {
  const place = await nearestFolder(workspace);
  const writable = await mayWrite(place);
  const there = place === workspace;
  const folder: Check = writable
    ? passed("workspace", there ? workspace : `${workspace} is not there yet: the first run makes it`)
    : {
        name: "workspace",
        state: "fail",
        detail: `${place} is not a folder that can be written`,
        hint: "give yourself write access, or choose another with --workspace or WORKSPACE_DIR",
      };
  const free = await freeBytes(place);
  if (free === null) return [folder];
  const amount = `${(free / 1024 ** 3).toFixed(1)} GB free`;
  if (free >= LITTLE_DISK) return [folder, passed("disk", amount)];
  return [
    folder,
    {
      name: "disk",
      state: free < NO_DISK ? "fail" : "warn",
      detail: amount,
      hint: "free some space: a full disk stops the work, and loses nothing",
    },
  ];
}

export function capsCheck(caps: Caps): Check {
  const { month, day, goal, task, call } = caps;
  const detail = `${dollars(month)} a month, ${dollars(day)} a day, ${dollars(goal)} a goal, ${dollars(task)} a task, ${dollars(call)} a call`;
  const zero = Object.entries(caps).filter(([, cap]) => cap === 0);
  if (zero.length > 0)
    return {
      name: "caps",
      state: "warn",
      detail,
      hint: `a cap of $0 (${zero.map(([kind]) => kind).join(", ")}) lets no call through`,
    };
  if (day > month || goal > month)
    return {
      name: "caps",
      state: "warn",
      detail,
      hint: "the month's cap is the smallest: it stops the others before they are reached",
    };
  return passed("caps", detail);
}

export async function contextCheck(workspace: string): Promise<Check> {
  const name = "product context";
  let body: string | null;
  try {
    body = await readContext({ workspace: createWorkspace({ root: workspace, reached: () => {} }) });
  } catch (error) {
    return {
      name,
      state: "fail",
      detail: `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      hint: "make the file readable",
    };
  }
  if (body === null)
    return {
      name,
      state: "warn",
      detail: "there is none: all work will be general",
      hint: "make one in a few minutes: bun run start init",
    };
  const { filled, empty } = filledSections(body);
  const detail = `${filled.length} of ${filled.length + empty.length} sections filled${empty.length > 0 ? `; empty: ${empty.join(", ")}` : ""}`;
  if (isRehearsal(body))
    return { name, state: "warn", detail: `${detail}; made in a rehearsal`, hint: "make a real one: bun run start init --force" };
  return {
    name,
    state: empty.length > 0 ? "warn" : "ok",
    detail,
    hint: empty.length > 0 ? "write what you know: every agent reads it" : null,
  };
}

/** The path itself, or the nearest above it that exists. */
async function nearestFolder(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch {
    const above = dirname(path);
    return above === path ? path : nearestFolder(above);
  }
}

async function mayWrite(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function freeBytes(path: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return null;
  }
}

/** A gateway's address may hold a password. */
function withoutPassword(value: string): string {
  return value.replace(/^(\w+:\/\/)[^/?#]*@/, "$1***@");
}
