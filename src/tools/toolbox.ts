/** What the team can touch, as the work sees it: the tools that a skill is offered now, and each call judged before it happens. */

import type { ActionClass, Permission, Policy } from "../domain/action.ts";
import type { VerifyRule } from "../domain/tool-catalogue.ts";
import type { ToolSpec } from "../journal/request.ts";
import type { ApprovalCaps } from "./entries.ts";
import type { LockedTool } from "./lock.ts";
import { offerTools, type OfferedTool } from "./offer.ts";
import type { ToolInfo, ToolServer } from "./server.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** One connected server, with all that is known of its tools. */
export type ToolSource = {
  readonly name: string;
  /** The skills that may use it. */
  readonly skills: readonly string[];
  /** Why it is off, in a sentence; null when it is on. */
  readonly off: string | null;
  /** Made when it is first asked for. */
  readonly connect: () => ToolServer;
  readonly allowed: (tool: string) => boolean;
  readonly classOf: (info: ToolInfo, args: Arguments) => ActionClass;
  readonly lockedOf: (infos: readonly ToolInfo[]) => ReadonlyMap<string, LockedTool>;
  /** Whether a person has accepted the tool as this hash. */
  readonly accepts: (tool: string, hash: string) => boolean;
  readonly policy: Policy;
  readonly caps: Readonly<Record<ActionClass, ApprovalCaps>>;
  /** How a lost effect of this tool is looked for; null where there is no way. */
  readonly verify: (tool: string) => VerifyRule | null;
  /** What will happen, where the server can say more than the arguments; null where it cannot. */
  readonly preview: (tool: string, args: Arguments) => Promise<ActionPreview | null>;
  /** Until when (UTC ms) an approved call of the tool waits; null: it may go now. */
  readonly notBefore: (tool: string) => number | null;
};

export type ActionPreview = {
  /** Markdown. */
  readonly preview: string;
  readonly recipients: number | null;
  /** Nano-dollars. */
  readonly cost: number | null;
  /** Why it may not be approved as it is, in a sentence; null when it may. */
  readonly blocked: string | null;
};

export type UsableTool = {
  readonly server: string;
  readonly info: ToolInfo;
  /** Of its name, description, schema and annotations: what an approval is bound to. */
  readonly hash: string;
  /** What a call with these arguments does. */
  readonly classOf: (args: Arguments) => ActionClass;
  readonly policy: Policy;
  /** At least this, whatever the policy says: `ask` for a tool that is new or has changed. */
  readonly floor: Permission;
};

/** A use that an agent made, as what it stands for: an answer of the offer itself, a problem with it, or a tool's call. */
export type Resolved =
  | { readonly kind: "answer"; readonly text: string }
  | { readonly kind: "problem"; readonly text: string }
  | { readonly kind: "call"; readonly tool: UsableTool; readonly args: Arguments };

export type Offer = {
  /** What the prompt holds. Empty: nothing is connected for this skill. */
  readonly specs: readonly ToolSpec[];
  readonly resolve: (name: string, args: Arguments) => Resolved;
  /** Servers that should be here and are not, a sentence each. */
  readonly away: readonly string[];
};

export interface Toolbox {
  readonly sources: readonly ToolSource[];
  /** What a skill may use. Starts the servers it needs; one that is away is left out, and named. */
  offer(skill: { readonly name: string; readonly tools: readonly string[] }, signal: AbortSignal): Promise<Offer>;
  /** Null when it is off, or not there. */
  server(name: string): ToolServer | null;
  source(name: string): ToolSource | null;
  close(): Promise<void>;
}

/** A server that takes longer to say what it offers is away for this time. */
const LIST_MS = 35_000;

/** Two sources of one name: the first counts. */
export function createToolbox(sources: readonly ToolSource[]): Toolbox {
  const byName = new Map<string, ToolSource>();
  for (const source of sources) if (!byName.has(source.name)) byName.set(source.name, source);
  const servers = new Map<string, ToolServer>();
  let closed = false;

  function server(name: string): ToolServer | null {
    const source = byName.get(name);
    if (!source || source.off !== null || closed) return null;
    const known = servers.get(name);
    if (known) return known;
    const made = source.connect();
    servers.set(name, made);
    return made;
  }

  return {
    sources: [...byName.values()],
    server,
    source: (name) => byName.get(name) ?? null,
    async offer(skill, signal) {
      const mine = [...byName.values()].filter((source) => source.skills.includes(skill.name));
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LIST_MS)]);
      const listed = await Promise.all(
        mine.map(async (source) => {
          if (source.off !== null) return { source, away: source.off };
          const list = await server(source.name)?.list(limit);
          if (!list) return { source, away: "it is not connected" };
          return "away" in list ? { source, away: list.away } : { source, tools: list.tools };
        }),
      );
      const away = listed.flatMap((entry) => (entry.away === undefined ? [] : [`${entry.source.name}: ${entry.away}`]));
      const usable = listed.flatMap((entry) => (entry.tools === undefined ? [] : usableOf(entry.source, entry.tools)));
      return { ...offerOf(usable), away };
    },
    async close() {
      closed = true;
      await Promise.all([...servers.values()].map((one) => one.close()));
    },
  };
}

type Usable = OfferedTool & { readonly tool: UsableTool };

function usableOf(source: ToolSource, infos: readonly ToolInfo[]): Usable[] {
  const locked = source.lockedOf(infos);
  return infos.flatMap((info) => {
    const lock = locked.get(info.name);
    if (!lock || !source.allowed(info.name)) return [];
    const tool: UsableTool = {
      server: source.name,
      info,
      hash: lock.hash,
      classOf: (args) => source.classOf(info, args),
      policy: source.policy,
      floor: lock.state === "same" ? "auto" : "ask",
    };
    return [{ server: source.name, info, locked: lock.state, tool }];
  });
}

function offerOf(usable: readonly Usable[]): Omit<Offer, "away"> {
  const offer = offerTools(usable);
  return {
    specs: offer.specs,
    resolve(name, args) {
      const text = offer.lookUp(name, args);
      if (text !== null) return { kind: "answer", text };
      const call = offer.unwrap(name, args);
      if ("problem" in call) return { kind: "problem", text: call.problem };
      const found = offer.tools.get(call.name);
      const tool = found && usable.find((one) => one.server === found.server && one.info === found.info)?.tool;
      return tool
        ? { kind: "call", tool, args: call.args }
        : { kind: "problem", text: `there is no tool "${call.name.slice(0, 80)}" here` };
    },
  };
}
