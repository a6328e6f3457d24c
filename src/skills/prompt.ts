/** Prompt parts that several calls share. Pure functions of stored data: no clock, no path, no random number. */

import type { ProductContext } from "../domain/product-context.ts";
import { disputes, type Learning } from "../domain/learning.ts";
import type { Registry, Skill } from "../domain/registry.ts";
import type { PromptPart, ToolSpec } from "../journal/request.ts";

/**
 * How long the cache keeps a shared part. The calls of a goal at work come minutes apart and each read begins the time anew,
 * so five minutes (1.25 × to write) last where an hour costs 2 ×.
 */
export const SHARE = "5m" as const;

type Attributes = Record<string, string | number | null | undefined>;

/** `<name a="b">content</name>`; a closing tag of the same name inside the content cannot end it. */
export function tag(name: string, attributes: Attributes, content: string): string {
  const list = Object.entries(attributes).flatMap(([key, value]) =>
    value === null || value === undefined
      ? []
      : [` ${key}="${String(value).replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"`],
  );
  return `<${name}${list.join("")}>\n${content.replace(new RegExp(`<(\\s*/\\s*${name})`, "gi"), "<\\$1")}\n</${name}>`;
}

/** One JSON object a line: easy to read for a model, easy to check in a test. */
export function lines(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join("\n");
}

export function bullets(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

/**
 * The text that everyone in a role reads, and the product context: the part that all calls of a role share. `cached` where
 * another call of the same form comes soon; to write what nobody reads costs more than to send it.
 */
export function openingParts(text: string, context: ProductContext | null, cached: "cached" | "once"): PromptPart[] {
  const body =
    context === null
      ? '<product_context missing="true"/>\nThere is no product context. Work from the goal, mark what you assume, and name what is missing.'
      : tag("product_context", { version: context.version }, context.body);
  return [
    { kind: "charter", text },
    { kind: "context", text: body, ...(cached === "cached" ? { share: SHARE } : {}) },
  ];
}

/** A skill with what its deliverable must contain and the references it may ask for. */
export function skillPart(skill: Skill): PromptPart {
  const required = skill.sections.length > 0 ? `\n${tag("required_sections", {}, bullets(skill.sections))}` : "";
  const references =
    skill.references.length > 0
      ? `\n${tag("references", {}, lines(skill.references.map(({ path, chars }) => ({ path, chars }))))}`
      : "";
  return { kind: "skill", text: `${tag("skill", { name: skill.name }, skill.body)}${required}${references}`, share: SHARE };
}

export function learningsPart(learnings: readonly Learning[]): PromptPart {
  if (learnings.length === 0) return { kind: "learnings", text: "" };
  const disputed = (entry: Learning) => learnings.flatMap((other, i) => (disputes(entry, other) ? [i + 1] : []));
  const list = learnings.map((entry, i) => {
    const against = disputed(entry);
    const { statement, confidence, status, origin } = entry;
    return {
      id: i + 1,
      learning: statement,
      confidence,
      status,
      from: origin,
      ...(against.length > 0 ? { disputed_by: against } : {}),
    };
  });
  const advice = list.some((entry) => "disputed_by" in entry)
    ? " Two that dispute each other are both shown on purpose: decide which one fits this task, and do not mix them."
    : "";
  return {
    kind: "learnings",
    text: `${tag("learnings", {}, lines(list))}\nWhat earlier work taught; a hypothesis has not been put to the test yet. Use what fits this task; where a learning and the brief disagree, the brief counts.${advice}`,
  };
}

/** The team as the Director sees it: squads and specialists, from the live registry. */
export function teamText(registry: Registry): string {
  const squads = [...registry.squads].map(([squad, { title, does }]) => ({ squad, title, does }));
  const team = [...registry.skills.values()].map(({ name, squad, role, needs, feeds }) => ({
    skill: name,
    squad,
    role,
    needs,
    feeds,
  }));
  return `You lead ${team.length} specialists in ${squads.length} squads.\n${tag("squads", {}, lines(squads))}\n${tag("team", {}, lines(team))}`;
}

/** The one tool that every skill with references has: a read of its own folder. */
export const READ_REFERENCE: ToolSpec = {
  name: "read_reference",
  description:
    "Reads one of the reference files that <references> lists for your skill (templates, limits, benchmarks). Ask only for what this task really needs; ask for several at once if you need several.",
  inputSchema: {
    type: "object",
    properties: { path: { type: "string", description: "The path exactly as listed, for example references/benchmarks.md" } },
    required: ["path"],
    additionalProperties: false,
  },
};
