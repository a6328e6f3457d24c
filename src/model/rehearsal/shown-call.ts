/** What a request is about: its kind, the skill it speaks of, and what its prompt shows. */

import { type Json, isRecord, listOf, recordOf, textOf } from "./json.ts";
import { type Element, element, readElements } from "./prompt.ts";
import type { MessagesRequest } from "./request.ts";

export const CALL_KINDS = [
  "make",
  "plan",
  "review",
  "gate",
  "rebrief",
  "report",
  "context",
  "route",
  "judge",
  "compare",
  "consistency",
  "look-back",
  "other",
] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** Top-level properties by which a structured reply's schema is recognised; the first that fits counts. */
const SIGNS: readonly (readonly [CallKind, readonly string[]])[] = [
  ["plan", ["phases", "tasks", "assumptions", "missing"]],
  ["review", ["scores", "findings", "summary"]],
  ["gate", ["decision", "note", "rebrief"]],
  ["rebrief", ["skill", "brief", "criteria", "reason"]],
  ["report", ["headline", "summary", "next_steps"]],
  ["context", ["sections", "missing"]],
  ["route", ["answers"]],
  ["judge", ["verdicts"]],
  ["look-back", ["report", "five_lines", "goals"]],
  ["compare", ["better", "reason"]],
  ["consistency", ["contradictions"]],
];

export type ShownCall = {
  readonly kind: CallKind;
  /** The skill whose work is made or judged; null when the call is about no single skill. */
  readonly skill: string | null;
  readonly model: string | null;
  /** True when the reply must follow a JSON schema. */
  readonly structured: boolean;
};

export function kindOf(schema: Json | null, elements: readonly Element[]): CallKind {
  if (schema === null) return element(elements, "task") ? "make" : "other";
  const properties = recordOf(schema.properties);
  return SIGNS.find(([, names]) => names.every((name) => name in properties))?.[0] ?? "other";
}

/** Kind, skill and model of any body, valid or not: for faults and the log. */
export function showCall(body: unknown): ShownCall {
  const json = recordOf(body);
  const contents = [
    json.system,
    ...listOf(json.messages).map((turn) => (recordOf(turn).role === "user" ? recordOf(turn).content : "")),
  ];
  const elements = contents.flatMap(textsOf).flatMap((text) => readElements(text));
  const schema = recordOf(recordOf(json.output_config).format).schema;
  // A review does not say who made the work: it is known by the playbook that it is read by.
  const skill =
    element(elements, "task")?.attrs.skill ??
    element(elements, "skill")?.attrs.name ??
    element(elements, "quality_criteria")?.attrs.skill;
  return {
    kind: kindOf(isRecord(schema) ? schema : null, elements),
    skill: skill ?? null,
    model: typeof json.model === "string" ? json.model : null,
    structured: isRecord(schema),
  };
}

function textsOf(content: unknown): string[] {
  if (typeof content === "string") return [content];
  return listOf(content).map((block) => textOf(recordOf(block).text));
}

/** A valid request, taken apart: what it shows, and where in the conversation it stands. */
export type Scene = {
  readonly kind: CallKind;
  readonly elements: readonly Element[];
  readonly schema: Json | null;
  /** What the model said so far in this reply: pieces that were cut off by max_tokens, in order. */
  readonly partial: string;
  /** The bad reply that a repair asks to mend. */
  readonly badReply: string | null;
  readonly toolResults: readonly string[];
  readonly tools: readonly ShownTool[];
  /** Names of the tools that were used so far, in order. */
  readonly used: readonly string[];
};

export type ShownTool = { readonly name: string; readonly schema: Json };

export function readScene(request: MessagesRequest): Scene {
  const textBlocks = [...request.system, ...request.turns.filter((turn) => turn.role === "user").flatMap((turn) => turn.blocks)];
  const elements = textBlocks.flatMap((block) => (block.type === "text" ? readElements(textOf(block.json.text)) : []));
  let partial = "";
  let badReply: string | null = null;
  for (const [i, turn] of request.turns.entries()) {
    if (turn.role !== "assistant") continue;
    const said = turn.blocks.map((block) => (block.type === "text" ? textOf(block.json.text) : "")).join("");
    const answer = (request.turns[i + 1]?.blocks ?? []).flatMap((block) => readElements(textOf(block.json.text)));
    if (element(answer, "continue")) partial += said;
    if (element(answer, "problems")) badReply = said;
  }
  return {
    kind: kindOf(request.schema, elements),
    elements,
    schema: request.schema,
    partial,
    badReply,
    toolResults: request.turns
      .flatMap((turn) => turn.blocks)
      .filter((block) => block.type === "tool_result")
      .map((block) => textsOf(block.json.content).join("\n")),
    tools: request.tools.map(({ json }) => ({ name: textOf(json.name), schema: recordOf(json.input_schema) })),
    used: request.turns
      .flatMap((turn) => turn.blocks)
      .filter((block) => block.type === "tool_use")
      .map((block) => textOf(block.json.name)),
  };
}
