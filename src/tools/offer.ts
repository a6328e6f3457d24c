/** What a skill is offered: its tools as the model sees them, within a weight, the heavy ones by name first. */

import type { ToolSpec } from "../journal/request.ts";
import type { LockState } from "./lock.ts";
import type { ToolInfo } from "./server.ts";
import { wordsOf } from "./verbs.ts";

/** How much of the prompt the tools may be, in tokens. */
export const TOOL_BUDGET = 6_000;
export const FIND_TOOL = "find_tool";
export const CALL_TOOL = "call_tool";
const FOUND_AT_ONCE = 5;
const MAX_DESCRIPTION = 2_000;

/** A tool that the skill may use, with what the lock says of it. */
export type OfferedTool = { readonly server: string; readonly info: ToolInfo; readonly locked: LockState };

export type ToolOffer = {
  /** What the prompt holds, the offer's own two included where something is deferred. */
  readonly specs: readonly ToolSpec[];
  /** By the name that the model sees. */
  readonly tools: ReadonlyMap<string, OfferedTool>;
  /** Names whose schema is not in the prompt. */
  readonly deferred: readonly string[];
  /** The weight of `specs`: bytes of their JSON by four. */
  readonly tokens: number;
  /** What it would have been with everything written out. */
  readonly fullTokens: number;
  /** Answers `find_tool`; null for any other name. */
  lookUp(name: string, args: Arguments): string | null;
  /** `call_tool` as the call that it stands for; what is wrong with it, for the model; any other call as it is. */
  unwrap(name: string, args: Arguments): { readonly name: string; readonly args: Arguments } | { readonly problem: string };
};

type Arguments = Readonly<Record<string, unknown>>;
type Named = OfferedTool & { readonly name: string; readonly spec: ToolSpec; readonly tokens: number };

/** Tokens of something in a prompt, by its bytes as JSON over four: what the provider counts differs by up to a third. */
export function weightOf(value: unknown): number {
  return Math.ceil(Buffer.byteLength(JSON.stringify(value) ?? "") / 4);
}

/**
 * All of it, while it fits the budget. Else whole servers are written out, the lightest first, and the tools of the others stand
 * by name in the description of `find_tool`, which gives their schema, and are called by `call_tool`. The same input gives the
 * same bytes. Two tools that would have one name are told apart by a hash.
 */
export function offerTools(tools: readonly OfferedTool[], budget = TOOL_BUDGET): ToolOffer {
  const named = nameAll(tools);
  const byName = new Map(named.map((tool) => [tool.name, tool]));
  const full = named.map((tool) => tool.spec);
  const fullTokens = full.length === 0 ? 0 : weightOf(full);
  const written = fullTokens <= budget ? new Set(named) : writtenOut(named, budget);
  const deferred = named.filter((tool) => !written.has(tool));
  const specs = [...named.filter((tool) => written.has(tool)).map((tool) => tool.spec)];
  if (deferred.length > 0) specs.push(...finders(deferred, budget - weightOf(specs)));
  const offer: Omit<ToolOffer, "lookUp" | "unwrap"> = {
    specs,
    tools: byName,
    deferred: deferred.map((tool) => tool.name),
    tokens: specs.length === 0 ? 0 : weightOf(specs),
    fullTokens,
  };
  return {
    ...offer,
    lookUp: (name, args) => (name === FIND_TOOL && deferred.length > 0 ? found(deferred, args) : null),
    unwrap(name, args) {
      if (name !== CALL_TOOL || deferred.length === 0) return { name, args };
      const wanted = typeof args["name"] === "string" ? args["name"] : "";
      const inner = args["arguments"] ?? {};
      if (!byName.has(wanted)) return { problem: `there is no tool "${wanted.slice(0, 80)}": look for one with ${FIND_TOOL}` };
      if (typeof inner !== "object" || Array.isArray(inner)) return { problem: "`arguments` must be an object" };
      return { name: wanted, args: inner as Arguments };
    },
  };
}

/** The name that a model sees for a tool: `<server>__<tool>`, within what the API takes; otherwise shortened, with a hash. */
export function offeredName(server: string, tool: string): string {
  const plain = `${server}__${tool}`;
  // With these, two pairs could give one name.
  const unclear = server.includes("__") || server.endsWith("_") || tool.startsWith("_");
  if (!unclear && /^[A-Za-z0-9_-]{1,64}$/.test(plain)) return plain;
  const hash = new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([server, tool]))
    .digest("hex")
    .slice(0, 10);
  const clean = (text: string, length: number) => text.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, length);
  const head = clean(server, 20);
  return `${head}__${clean(tool, 64 - head.length - 2 - 11)}_${hash}`;
}

function nameAll(tools: readonly OfferedTool[]): Named[] {
  const seen = new Map<string, Named>();
  for (const tool of tools) {
    const name = offeredName(tool.server, tool.info.name);
    // A server that lists a name twice has one tool of it: the first.
    if (seen.has(name)) continue;
    const spec = specOf(name, tool);
    seen.set(name, { ...tool, name, spec, tokens: weightOf(spec) });
  }
  return [...seen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A tool that nobody has accepted as it is now says nothing in the prompt: its words are a stranger's. */
function specOf(name: string, { info, locked }: OfferedTool): ToolSpec {
  if (locked === "same") return { name, description: clipped(info.description), inputSchema: withoutMeta(info.inputSchema) };
  const why = locked === "new" ? "Nobody has accepted this tool yet" : "This tool has changed since it was accepted";
  return {
    name,
    description: `${why}: its own words are left out, and each use of it waits for a person.`,
    inputSchema: bare(info.inputSchema),
  };
}

function clipped(text: string): string {
  return text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION - 1)}…`;
}

function withoutMeta(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { $schema: _schema, $id: _id, ...rest } = schema;
  return { type: "object", ...rest };
}

/** A schema without any text in it: names of properties, kinds, what is required. */
function bare(schema: unknown, depth = 0): Record<string, unknown> {
  if (typeof schema !== "object" || schema === null || depth > 4) return {};
  const { type, properties, required, items } = schema as Record<string, unknown>;
  const kind = typeof type === "string" && /^[a-z]{1,10}$/.test(type) ? { type } : {};
  const plain = (text: unknown): text is string => typeof text === "string" && /^[A-Za-z0-9_$.-]{1,40}$/.test(text);
  return {
    ...(depth === 0 ? { type: "object" } : kind),
    ...(typeof properties === "object" && properties !== null
      ? {
          properties: Object.fromEntries(
            Object.entries(properties)
              .filter(([key]) => plain(key))
              .slice(0, 60)
              .map(([key, value]) => [key, bare(value, depth + 1)]),
          ),
        }
      : {}),
    ...(Array.isArray(required) ? { required: required.filter(plain).slice(0, 60) } : {}),
    ...(items === undefined ? {} : { items: bare(items, depth + 1) }),
  };
}

/** Whole servers while they fit beside what is said of the tools of the others. */
function writtenOut(named: readonly Named[], budget: number): Set<Named> {
  const how =
    (["lines", "names"] as const).find((one) => weightOf(findersText(named, one)) + 200 <= (budget * 3) / 4) ?? "numbers";
  const servers = new Map<string, Named[]>();
  for (const tool of named) servers.set(tool.server, [...(servers.get(tool.server) ?? []), tool]);
  const weight = (tools: readonly Named[]) => tools.reduce((sum, tool) => sum + tool.tokens, 0);
  const lightest = [...servers].toSorted(([a, left], [b, right]) => weight(left) - weight(right) || (a < b ? -1 : 1));
  const chosen = new Set<Named>();
  for (const [, tools] of lightest) {
    const next = new Set([...chosen, ...tools]);
    const rest = named.filter((tool) => !next.has(tool));
    const lines = rest.length === 0 ? 0 : weightOf(findersText(rest, how)) + 200;
    if (weightOf([...next].map((tool) => tool.spec)) + lines > budget) break;
    for (const tool of tools) chosen.add(tool);
  }
  return chosen;
}

/** The two small tools. Their text says as much of the deferred ones as the room allows: lines, else names, else numbers. */
function finders(deferred: readonly Named[], room: number): ToolSpec[] {
  const made = (["lines", "names", "numbers"] as const).map((how) => findersFor(findersText(deferred, how)));
  return made.find((specs) => weightOf(specs) <= room) ?? made.at(-1) ?? [];
}

function findersFor(list: string): ToolSpec[] {
  return [
    {
      name: FIND_TOOL,
      description: `More tools, not written out here. Give words or exact names; you get up to ${FOUND_AT_ONCE} with their description and arguments, to be used by ${CALL_TOOL}.\n${list}`,
      inputSchema: {
        type: "object",
        properties: { query: { type: "string", description: "words of what you want to do, or names of tools" } },
        required: ["query"],
        additionalProperties: false,
      },
    },
    {
      name: CALL_TOOL,
      description: `Uses a tool that ${FIND_TOOL} has shown you, with the arguments that it says.`,
      inputSchema: {
        type: "object",
        properties: { name: { type: "string" }, arguments: { type: "object" } },
        required: ["name", "arguments"],
        additionalProperties: false,
      },
    },
  ];
}

function findersText(deferred: readonly Named[], how: "lines" | "names" | "numbers"): string {
  if (how === "lines") return deferred.map((tool) => `${tool.name}: ${firstLine(tool)}`).join("\n");
  if (how === "names") return deferred.map((tool) => tool.name).join(" ");
  const counts = new Map<string, number>();
  for (const tool of deferred) counts.set(tool.server, (counts.get(tool.server) ?? 0) + 1);
  return [...counts]
    .slice(0, 100)
    .map(([server, count]) => `${server}: ${count} ${count === 1 ? "tool" : "tools"}`)
    .join("\n");
}

function firstLine({ spec }: Named): string {
  const line = spec.description
    .replace(/[*#>`_]+/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  const sentence = /^(.+?[.!?])(?:\s|$)/.exec(line)?.[1] ?? line;
  return sentence.length <= 90 ? sentence : `${sentence.slice(0, 89)}…`;
}

/** Exact names first, then the tools whose name and description hold most of the words. */
function found(deferred: readonly Named[], args: Arguments): string {
  const query = typeof args["query"] === "string" ? args["query"].slice(0, 500) : "";
  const names = query.split(/[\s,]+/);
  const words = [...new Set(wordsOf(query))].filter((word) => word.length > 1);
  const scored = deferred.map((tool) => {
    if (names.includes(tool.name) || names.includes(tool.info.name)) return { tool, score: 1_000 };
    const own = new Set(wordsOf(tool.name));
    const said = tool.spec.description.toLowerCase();
    const score = words.reduce(
      (sum, word) => sum + (own.has(word) ? 5 : [...own].some((one) => one.startsWith(word)) ? 3 : said.includes(word) ? 1 : 0),
      0,
    );
    return { tool, score };
  });
  const best = scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score || (a.tool.name < b.tool.name ? -1 : 1));
  if (best.length === 0) {
    const all = deferred.map((tool) => tool.name).join(" ");
    return `Nothing fits. These are there: ${all.length <= 6_000 ? all : `${all.slice(0, 6_000)}…`}`;
  }
  const exact = best.filter(({ score }) => score === 1_000).length;
  return best
    .slice(0, Math.max(exact, FOUND_AT_ONCE))
    .map(({ tool: { spec } }) => JSON.stringify({ name: spec.name, description: spec.description, arguments: spec.inputSchema }))
    .join("\n");
}
