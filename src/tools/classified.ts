/** A server's tools as a person judges them: each with its class, what stands before it, its weight, and what the lock says. */

import { type ActionClass, ACTION_CLASSES, type Permission } from "../domain/action.ts";
import { type Classified, classifyTool, permissionOfCall } from "./classify.ts";
import { isAllowed, type ToolEntry } from "./entries.ts";
import { lockedTools, type LockState, type ToolsLock } from "./lock.ts";
import { weightOf } from "./offer.ts";
import type { ToolInfo } from "./server.ts";

export type ClassifiedTool = {
  readonly server: string;
  readonly tool: string;
  readonly class: ActionClass;
  /** Single calls can be less, by their arguments. */
  readonly byArguments: boolean;
  readonly from: Classified["from"];
  readonly why: string;
  /** For a run that has read nothing from outside. */
  readonly permission: Permission;
  /** Within `allow` and not in `deny`. */
  readonly offered: boolean;
  readonly tokens: number;
  readonly lock: LockState;
};

/** The tools in the order in which one should look at them: the gravest first, then by name. */
export function classifiedTools(
  entry: Pick<ToolEntry, "name" | "actions" | "catalogue" | "policy" | "allow" | "deny">,
  infos: readonly ToolInfo[],
  lock: ToolsLock,
): ClassifiedTool[] {
  const locked = lockedTools(lock, entry.name, infos);
  const sources = { server: entry.name, actions: entry.actions, catalogue: entry.catalogue };
  return infos
    .map((info): ClassifiedTool => {
      const { class: of, byArguments, from, why } = classifyTool(info, sources);
      const state = locked.get(info.name)?.state ?? "new";
      return {
        server: entry.name,
        tool: info.name,
        class: of,
        byArguments,
        from,
        why,
        permission: permissionOfCall(of, entry.policy, false, state),
        offered: isAllowed(entry, info.name),
        tokens: weightOf({ name: info.name, description: info.description, inputSchema: info.inputSchema }),
        lock: state,
      };
    })
    .toSorted((a, b) => ACTION_CLASSES.indexOf(b.class) - ACTION_CLASSES.indexOf(a.class) || (a.tool < b.tool ? -1 : 1));
}
