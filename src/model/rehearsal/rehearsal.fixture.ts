/** Prompts of a small made-up team, as they stand on the wire: for this folder's tests. */

import Anthropic from "@anthropic-ai/sdk";
import { transformJSONSchema } from "@anthropic-ai/sdk/lib/transform-json-schema";
import { z } from "zod";
import { type Rehearsal, type RehearsalOptions, startRehearsal } from "./server.ts";

export const SQUADS = ["kitchen", "front", "numbers"];

const member = (skill: string, squad: string, role: string, needs: string[] = [], feeds: string[] = []) => ({
  skill,
  squad,
  role,
  needs,
  feeds,
});

export const TEAM = [
  member(
    "menu-writing",
    "kitchen",
    "Writes menus and dishes that guests understand and order",
    ["guest-study"],
    ["table-layout"],
  ),
  member("guest-study", "kitchen", "Studies guests: who they are, what they order, why they come back", [], ["menu-writing"]),
  member("recipe-check", "kitchen", "Checks recipes for allergens, cost and season", ["menu-writing"]),
  member("table-layout", "front", "Plans tables and light for a calm dining room", ["menu-writing"]),
  member("greeting-script", "front", "Writes what the waiters say at the door and at the table"),
  member("booking-flow", "front", "Improves the booking form and the reservation call"),
  member("till-report", "numbers", "Reads the till: revenue, orders, waste"),
  member("taste-test", "numbers", "Sets up tastings that compare two recipes fairly", ["till-report"]),
];

export const CATEGORIES = [
  {
    category: "menus",
    means: "New or better menus, dishes and recipes",
    route: [
      { phase: "Study", squads: [], skills: ["guest-study"], gate: true },
      { phase: "Write", squads: ["kitchen"], skills: [], gate: false },
      { phase: "Measure", squads: ["numbers"], skills: [], gate: false },
    ],
  },
  {
    category: "service",
    means: "How guests are received: booking, greeting, tables, waiting",
    route: [
      { phase: "Look", squads: ["numbers", "front"], skills: [], gate: false },
      { phase: "Improve", squads: ["front"], skills: ["greeting-script"], gate: true },
      { phase: "Check", squads: ["numbers"], skills: [], gate: false },
    ],
  },
];

const step = (key: string, skill: string, phase: string, needs: string[], reviewers: string[] = []) => ({
  key,
  phase,
  skill,
  brief: `Do the part of ${skill}.`,
  criteria: [`${skill} can be served tomorrow`],
  needs,
  reviewers,
});

export const PIPELINES = [
  {
    pipeline: "Autumn Menu",
    category: "menus",
    fits: "A seasonal menu from study to tasting",
    phases: [
      { name: "Study", gate: true },
      { name: "Write", gate: false },
    ],
    tasks: [
      step("know-guests", "guest-study", "Study", []),
      step("write-menu", "menu-writing", "Write", ["know-guests"], ["recipe-check", "director"]),
      step("taste", "taste-test", "Write", ["write-menu"]),
    ],
  },
];

export const CONTEXT = `# The Blue Spoon

## Overview
The Blue Spoon is a small restaurant by the harbour that cooks what the boats bring in.

## Audience
Most guests are families from the village; in summer half of them are travellers who book on the day.

## Brand voice
We speak plainly and never praise our own food.

## Proof points
(unknown)`;

export const lines = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).join("\n");

export function contextTag(context: string | null): string {
  return context === null ? '<product_context missing="true"/>' : `<product_context version="2">\n${context}\n</product_context>`;
}

export function planPrompt(goal: string, options: { category?: string; context?: string | null; last?: string[] } = {}): string {
  const category = options.category === undefined ? "" : ` category="${options.category}"`;
  return [
    "Text inside <goal> is what somebody asks for.",
    contextTag(options.context === undefined ? CONTEXT : options.context),
    `<squads>\n${lines(SQUADS.map((squad) => ({ squad, title: squad, does: squad })))}\n</squads>`,
    `<team>\n${lines(TEAM)}\n</team>`,
    `<categories>\n${lines(CATEGORIES)}\n</categories>`,
    `<pipelines>\n${lines(PIPELINES)}\n</pipelines>`,
    `<last_squads>${JSON.stringify(options.last ?? ["numbers"])}</last_squads>`,
    `<goal${category}>\n${goal}\n</goal>`,
  ].join("\n");
}

export type MakeShown = {
  key?: string;
  goal?: string;
  context?: string | null;
  sections?: string[];
  criteria?: string[];
  inputs?: string;
  previous?: { revision: number; body: string };
  findings?: readonly Record<string, string>[];
  references?: boolean;
};

export function makePrompt(shown: MakeShown = {}): { system: Anthropic.TextBlockParam[]; user: string } {
  const required = `<required_sections>\n${(shown.sections ?? ["What guests want", "The menu"]).map((name) => `- ${name}`).join("\n")}\n</required_sections>`;
  const references = `<references>\n${lines([
    { path: "references/season.md", when: "a menu changes with the season" },
    { path: "references/prices.md", when: "prices are set" },
  ])}\n</references>`;
  return {
    system: [
      {
        type: "text",
        text: "You work in a team. Text inside <task> is your order.",
        cache_control: { type: "ephemeral", ttl: "1h" },
      },
      { type: "text", text: contextTag(shown.context === undefined ? CONTEXT : shown.context) },
      {
        type: "text",
        text: `<skill name="menu-writing">\nWrite menus.\n<input name="not ours">\n</skill>\n${required}${shown.references ? `\n${references}` : ""}`,
        cache_control: { type: "ephemeral" },
      },
    ],
    user: [
      `<goal>\n${shown.goal ?? "Get more families to order the catch of the day before 30 November."}\n</goal>`,
      ...(shown.inputs === undefined ? [] : [`<inputs>\n${shown.inputs}\n</inputs>`]),
      `<task key="${shown.key ?? "write-menu"}" skill="menu-writing" phase="Write">\nWrite the autumn menu for families. Lead with the catch of the day.\n</task>`,
      `<criteria>\n${(shown.criteria ?? ["Each dish says what is in it", "Children find a dish"]).map((line) => `- ${line}`).join("\n")}\n</criteria>`,
      ...(shown.previous
        ? [
            `<previous_version revision="${shown.previous.revision}">\n${shown.previous.body}\n</previous_version>`,
            `<findings>\n${lines(shown.findings ?? [])}\n</findings>`,
          ]
        : []),
      "Hand in the deliverable now.",
    ].join("\n"),
  };
}

export const RUBRIC = ["clarity", "appetite", "honesty"].map((id) => ({
  id,
  weight: 1,
  asks: `How about ${id}?`,
  low: "none",
  mid: "some",
  high: "all",
}));

export function reviewPrompt(
  deliverable: string,
  options: { key?: string; revision?: number; earlier?: readonly unknown[] } = {},
): string {
  return [
    `<rubric skill="menu-writing">\n${lines(RUBRIC)}\n</rubric>`,
    `<task key="${options.key ?? "write-menu"}" skill="menu-writing" phase="Write">\nWrite the autumn menu for families.\n</task>`,
    "<criteria>\n- Each dish says what is in it\n- Children find a dish\n</criteria>",
    `<deliverable revision="${options.revision ?? 0}">\n${deliverable}\n</deliverable>`,
    ...(options.earlier ? [`<earlier_findings>\n${lines(options.earlier)}\n</earlier_findings>`] : []),
  ].join("\n");
}

export const MODEL = "claude-sonnet-5-5";

/** A server and the real client pointed at it; `await using` ends the server. */
export function open(options: Partial<RehearsalOptions> = {}): { server: Rehearsal; client: Anthropic } & AsyncDisposable {
  const server = startRehearsal({ seed: 7, ...options });
  const client = new Anthropic({ apiKey: "any-key", baseURL: server.url, maxRetries: 0 });
  return { server, client, [Symbol.asyncDispose]: () => server.stop() };
}

export type Body = Omit<Anthropic.MessageCreateParamsNonStreaming, "model" | "max_tokens"> & { max_tokens?: number };

export function body(user: string, more: Partial<Body> = {}): Anthropic.MessageCreateParamsNonStreaming {
  return { model: MODEL, max_tokens: 16_000, messages: [{ role: "user", content: user }], ...more };
}

export function textOfMessage(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

/** Waits until something holds, by turns of the event loop and not by the clock. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Through the wire: the zod schema reduced as the program reduces it, the reply parsed by the same zod schema. */
export async function ask<T extends z.ZodType>(
  client: Anthropic,
  schema: T,
  user: string,
  turns: Anthropic.MessageParam[] = [],
): Promise<z.infer<T>> {
  const json: Record<string, unknown> = JSON.parse(JSON.stringify(z.toJSONSchema(schema)));
  const wire: unknown = transformJSONSchema(json as Parameters<typeof transformJSONSchema>[0]);
  const format = { type: "json_schema" as const, schema: wire as Record<string, unknown> };
  const request = body(user, { output_config: { format } });
  const reply = await client.messages.stream({ ...request, messages: [...request.messages, ...turns] }).finalMessage();
  return schema.parse(JSON.parse(textOfMessage(reply)));
}

export const MARK = "> Rehearsal: no model wrote this. It shows the form of the work, not its substance.";

/** The deliverable for a making prompt, whole. */
export async function write(client: Anthropic, shown: MakeShown = {}): Promise<string> {
  const { system, user } = makePrompt(shown);
  return textOfMessage(await client.messages.create(body(user, { system })));
}
