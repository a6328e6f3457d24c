/** tools.lock.json: which tools a person has accepted, each by the hash of what it says of itself. */

import { readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { actionClass, type ActionClass } from "../domain/action.ts";
import { canonical } from "../domain/effect.ts";
import { hashOf } from "../domain/deliverable.ts";
import type { ToolInfo } from "./server.ts";

export const LOCK_FILE = "tools.lock.json";
const MAX_BYTES = 4_000_000;

const lockFile = z.strictObject({
  version: z.literal(1),
  servers: z.record(
    z.string(),
    z.strictObject({ tools: z.record(z.string(), z.strictObject({ hash: z.string().min(8), class: actionClass })) }),
  ),
});
export type ToolsLock = z.infer<typeof lockFile>;
export const EMPTY_LOCK: ToolsLock = { version: 1, servers: {} };

/** `same`: as it was accepted. `changed`: it says something else now. `new`: nobody has accepted it. */
export type LockState = "same" | "new" | "changed";
export type LockedTool = { readonly hash: string; readonly state: LockState };

/** Of what a model is told of a tool and what a person was shown. A changed word is another tool. */
export function toolHash({ name, description, inputSchema, annotations }: ToolInfo): string {
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
  const said = { readOnlyHint, destructiveHint, idempotentHint, openWorldHint };
  return hashOf(canonical({ name, description, inputSchema, annotations: said }));
}

/** The hash as which a person has accepted a tool; null when nobody has. */
export function acceptedHash(lock: ToolsLock, server: string, tool: string): string | null {
  const pinned = Object.hasOwn(lock.servers, server) ? (lock.servers[server]?.tools ?? {}) : {};
  return Object.hasOwn(pinned, tool) ? (pinned[tool]?.hash ?? null) : null;
}

/** What the lock says of each tool that a server lists now, by name. A name that is listed twice is never the same. */
export function lockedTools(lock: ToolsLock, server: string, infos: readonly ToolInfo[]): Map<string, LockedTool> {
  const pinned = Object.hasOwn(lock.servers, server) ? (lock.servers[server]?.tools ?? {}) : {};
  const found = new Map<string, LockedTool>();
  for (const info of infos) {
    const hash = toolHash(info);
    const known = Object.hasOwn(pinned, info.name) ? pinned[info.name] : undefined;
    const twice = found.has(info.name);
    const state = known === undefined ? "new" : known.hash === hash && !twice ? "same" : "changed";
    found.set(info.name, { hash, state });
  }
  return found;
}

export type LockChange = { readonly added: string[]; readonly changed: string[]; readonly gone: string[]; readonly same: number };

/** What accepting a server's list would change. */
export function lockChange(lock: ToolsLock, server: string, infos: readonly ToolInfo[]): LockChange {
  const states = lockedTools(lock, server, infos);
  const named = (state: LockState) =>
    [...states]
      .filter(([, tool]) => tool.state === state)
      .map(([name]) => name)
      .sort();
  const before = Object.keys(lock.servers[server]?.tools ?? {});
  return {
    added: named("new"),
    changed: named("changed"),
    gone: before.filter((name) => !states.has(name)).sort(),
    same: named("same").length,
  };
}

/** The lock with a server's list accepted as it is now; what the server no longer has goes. */
export function acceptTools(
  lock: ToolsLock,
  server: string,
  infos: readonly ToolInfo[],
  classOf: (info: ToolInfo) => ActionClass,
): ToolsLock {
  const tools = Object.fromEntries(infos.map((info) => [info.name, { hash: toolHash(info), class: classOf(info) }]));
  return { ...lock, servers: { ...lock.servers, [server]: { tools } } };
}

/** The lock without servers that tools.yaml no longer names. */
export function pruneLock(lock: ToolsLock, servers: readonly string[]): ToolsLock {
  return { ...lock, servers: Object.fromEntries(Object.entries(lock.servers).filter(([name]) => servers.includes(name))) };
}

/** Reads the lock below `root`. A file that cannot be read accepts nothing, and says why. */
export async function readLock(root: string): Promise<{ readonly lock: ToolsLock; readonly fault: string | null }> {
  const path = join(root, LOCK_FILE);
  try {
    if ((await stat(path)).size > MAX_BYTES) return { lock: EMPTY_LOCK, fault: `${LOCK_FILE} is too large` };
    const parsed = lockFile.safeParse(JSON.parse(await readFile(path, "utf8")));
    if (parsed.success) return { lock: parsed.data, fault: null };
    return { lock: EMPTY_LOCK, fault: `${LOCK_FILE} does not have the form of a lock: every tool asks again` };
  } catch (error) {
    if (error instanceof SyntaxError) return { lock: EMPTY_LOCK, fault: `${LOCK_FILE} is not JSON: every tool asks again` };
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { lock: EMPTY_LOCK, fault: code === "ENOENT" ? null : `${LOCK_FILE} cannot be read (${code}): every tool asks again` };
  }
}

/** The lock as text: sorted, a tool a line, so that a difference reads as one. */
export function lockText(lock: ToolsLock): string {
  const sorted = <T>(map: Readonly<Record<string, T>>) =>
    Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const servers = sorted(lock.servers).map(([name, { tools }]) => {
    const lines = sorted(tools).map(
      ([tool, { hash, class: of }]) => `        ${JSON.stringify(tool)}: { "hash": "${hash}", "class": "${of}" }`,
    );
    const inside = lines.length === 0 ? "{}" : `{\n${lines.join(",\n")}\n      }`;
    return `    ${JSON.stringify(name)}: {\n      "tools": ${inside}\n    }`;
  });
  return `{\n  "version": 1,\n  "servers": ${servers.length === 0 ? "{}" : `{\n${servers.join(",\n")}\n  }`}\n}\n`;
}

/** Writes the lock whole, or not at all. Throws what the disk says. */
export async function writeLock(root: string, lock: ToolsLock): Promise<void> {
  const path = await realpath(join(root, LOCK_FILE)).catch(() => join(root, LOCK_FILE));
  const temporary = join(dirname(path), `.${LOCK_FILE}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    await Bun.write(temporary, lockText(lock));
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
