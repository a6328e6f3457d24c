/** A server of tools.yaml as a source of tools: its entry, the catalogue's knowledge and the lock, put together. */

import { classifyCall } from "./classify.ts";
import { isAllowed, type ToolEntry } from "./entries.ts";
import { acceptedHash, lockedTools, type ToolsLock } from "./lock.ts";
import type { ToolServer } from "./server.ts";
import type { ToolSource } from "./toolbox.ts";

const WITH_A_PAGE: readonly (string | null)[] = ["browser", "performance"];

/** Whether one call sees what the one before did: servers of these roles hold a page open. */
export function hasSession({ role }: Pick<ToolEntry, "role">): boolean {
  return WITH_A_PAGE.includes(role);
}

export function sourceOf(entry: ToolEntry, lock: ToolsLock, connect: () => ToolServer): ToolSource {
  const { name, actions, catalogue } = entry;
  const verify = catalogue?.verify ?? {};
  return {
    name,
    skills: entry.skills,
    off: entry.off,
    connect,
    session: hasSession(entry),
    allowed: (tool) => isAllowed(entry, tool),
    classOf: (info, args) => classifyCall(info, args, { server: name, actions, catalogue }).class,
    lockedOf: (infos) => lockedTools(lock, name, infos),
    accepts: (tool, hash) => acceptedHash(lock, name, tool) === hash,
    policy: entry.policy,
    caps: entry.caps,
    verify: (tool) => (Object.hasOwn(verify, tool) ? (verify[tool] ?? null) : null),
    preview: async () => null,
    notBefore: () => null,
  };
}
