/** What the team can touch, as the work sees it: the tools that a skill is offered now, and each call judged before it happens. */

import type { ActionClass, Permission, Policy } from "../domain/action.ts";
import type { VerifyRule } from "../domain/tool-catalogue.ts";
import type { ToolSpec } from "../journal/request.ts";
import type { ApprovalCaps } from "./entries.ts";
import type { LockedTool } from "./lock.ts";
import { createLeaving, type Graces } from "./leaving.ts";
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
  /** What one call does is seen by the next (the page that a browser has open): whoever works with it has one of its own. */
  readonly session?: boolean;
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
  /** Its server's calls see each other: of one turn they go one after the other. */
  readonly session?: boolean;
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
  /** Servers that should be here and are not, a sentence each, for the log: it may repeat what the server wrote. */
  readonly away: readonly string[];
  /** The names of those that are on and could not be reached: what prompts and people are told. */
  readonly down: readonly string[];
};

export interface Toolbox {
  readonly sources: readonly ToolSource[];
  /** What a skill may use. Starts the servers it needs; one that is away is left out, and named. */
  offer(skill: { readonly name: string; readonly tools: readonly string[] }, signal: AbortSignal): Promise<Offer>;
  /** Null when it is off, or not there. Where calls see each other, each `holder` has a server of its own. */
  server(name: string, holder?: string): ToolServer | null;
  source(name: string): ToolSource | null;
  /** The process is to end: calls under way are given up when their grace is over. Called again with less, it ends them sooner. */
  leave(graces?: Graces): void;
  close(): Promise<void>;
}

/** Longer is not waited for a server to say what it offers; less for one that has failed just before, or every task would wait for it. */
export const LIST_LIMITS = { firstMs: 35_000, againMs: 10_000 } as const;

/** So many servers of one source with a session at once. One more ends the one that has rested longest: its holder begins anew. */
export const MAX_SESSIONS = 8;

/** Two sources of one name: the first counts. */
export function createToolbox(
  sources: readonly ToolSource[],
  limits: { readonly firstMs: number; readonly againMs: number } = LIST_LIMITS,
): Toolbox {
  const byName = new Map<string, ToolSource>();
  for (const source of sources) if (!byName.has(source.name)) byName.set(source.name, source);
  const servers = new Map<string, ToolServer>();
  const sessions = new Map<string, ReturnType<typeof createSessions>>();
  const leaving = createLeaving();
  let closed = false;

  function server(name: string, holder?: string): ToolServer | null {
    const source = byName.get(name);
    if (!source || source.off !== null || closed) return null;
    if (source.session === true && holder !== undefined) {
      const held = sessions.get(name) ?? createSessions(() => leaving.wrap(source.connect()));
      sessions.set(name, held);
      return held.of(holder);
    }
    const known = servers.get(name);
    if (known) return known;
    const made = leaving.wrap(source.connect());
    servers.set(name, made);
    return made;
  }

  return {
    sources: [...byName.values()],
    server,
    source: (name) => byName.get(name) ?? null,
    leave: leaving.begin,
    async offer(skill, signal) {
      const mine = [...byName.values()].filter((source) => source.skills.includes(skill.name));
      const listed = await Promise.all(
        mine.map(async (source) => {
          if (source.off !== null) return { source, away: source.off };
          const to = server(source.name);
          if (!to) return { source, away: "it is not connected" };
          const ms = to.state().state === "waiting" ? limits.againMs : limits.firstMs;
          const list = await listWithin(to, ms, signal);
          return "away" in list ? { source, away: list.away } : { source, tools: list.tools };
        }),
      );
      const missing = listed.filter((entry) => entry.away !== undefined);
      const away = missing.map((entry) => `${entry.source.name}: ${entry.away}`);
      const down = missing.filter((entry) => entry.source.off === null).map((entry) => entry.source.name);
      const usable = listed.flatMap((entry) => (entry.tools === undefined ? [] : usableOf(entry.source, entry.tools)));
      return { ...offerOf(usable), away, down };
    },
    async close() {
      closed = true;
      await Promise.all([...servers.values(), ...sessions.values()].map((one) => one.close()));
    },
  };
}

/** The list of a server; it is away when it does not come in time, whether or not the server minds the signal. */
async function listWithin(server: ToolServer, ms: number, signal: AbortSignal): ReturnType<ToolServer["list"]> {
  const late = Promise.withResolvers<{ away: string }>();
  const limit = new AbortController();
  const end = () => {
    // First, so that these words count and not the server's own, which knows only that it was stopped.
    late.resolve({ away: signal.aborted ? "the work was stopped" : `it did not say within ${ms / 1000} s what it offers` });
    limit.abort();
  };
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([late.promise, server.list(limit.signal)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

type Session = { readonly server: ToolServer; calls: number };

/** The servers of one source by who holds them, the longest unused first. */
function createSessions(connect: () => ToolServer) {
  const held = new Map<string, Session>();
  const leaving = new Set<Promise<void>>();

  function end(holder: string, { server }: Session): void {
    held.delete(holder);
    const left = server.close().finally(() => leaving.delete(left));
    leaving.add(left);
  }

  return {
    of(holder: string): ToolServer {
      const session = held.get(holder) ?? { server: connect(), calls: 0 };
      held.delete(holder);
      const resting = [...held].find(([, other]) => other.calls === 0);
      if (held.size >= MAX_SESSIONS && resting) end(...resting);
      held.set(holder, session);
      const { server } = session;
      return {
        name: server.name,
        list: (signal) => server.list(signal),
        async call(tool, args, options) {
          session.calls++;
          try {
            return await server.call(tool, args, options);
          } finally {
            session.calls--;
          }
        },
        state: () => server.state(),
        close: async () => end(holder, session),
      };
    },
    async close(): Promise<void> {
      for (const entry of held) end(...entry);
      await Promise.all(leaving);
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
      session: source.session === true,
    };
    return [{ server: source.name, info, locked: lock.state, tool }];
  });
}

function offerOf(usable: readonly Usable[]): Omit<Offer, "away" | "down"> {
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
