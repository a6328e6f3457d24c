/** What an event means by the team's files alone: which mapping answers it, whether its condition holds, what tells it apart. */

import { hashOf } from "../domain/deliverable.ts";
import { checkGoalText, priority as priorityOf, type Priority } from "../domain/goal.ts";
import { GOAL_EVENT, GOAL_TEXT_MAX_CHARS, OWN_EVENTS, OWN_SOURCE, type InboxDecision } from "../domain/inbox.ts";
import { nearest, suggest } from "../domain/problem.ts";
import type { EventsFile, Registry } from "../domain/registry.ts";

export type Match =
  | { readonly fits: false; readonly decision: InboxDecision; readonly reason: string; readonly pipeline: string | null }
  | {
      readonly fits: true;
      /** What cooldown and debounce count for; null for a goal in words, which has neither. */
      readonly topic: string | null;
      readonly pipeline: string | null;
      readonly priority: Priority;
      readonly cooldownMs: number;
      readonly debounceMs: number;
      /** Why it fits, in a few words; empty when it always does. */
      readonly because: string;
      /** The goal in words, of an event that says one. */
      readonly text: string | null;
    };

export type ToMatch = {
  readonly source: string;
  readonly type: string;
  /** The sender may say a goal in words. */
  readonly mayAsk: boolean;
  readonly data: unknown;
};

type Mapping = EventsFile["events"][string];

export function matchEvent(event: ToMatch, registry: Pick<Registry, "events" | "pipelines">): Match {
  const { type } = event;
  if (type === GOAL_EVENT) return matchGoal(event, registry);
  if (event.source !== OWN_SOURCE && (OWN_EVENTS as readonly string[]).includes(type))
    return no("refused", `${type} is told by the team itself and by nobody outside`);
  const mapping = Object.hasOwn(registry.events, type) ? registry.events[type] : undefined;
  if (mapping === undefined) return no("unmapped", unmapped(type, registry));
  if (!mapping.enabled) return no("ignored", "it is switched off in .agents/events.yaml", mapping.pipeline);
  const held = holds(mapping, event.data);
  if ("no" in held) return no(held.no, held.reason, mapping.pipeline);
  const topic = topicOf(type, mapping, event.data);
  if ("problem" in topic) return no("refused", topic.problem, mapping.pipeline);
  return {
    fits: true,
    topic: topic.topic,
    pipeline: mapping.pipeline,
    priority: mapping.priority,
    cooldownMs: mapping.cooldown * 1000,
    debounceMs: mapping.debounce * 1000,
    because: held.because,
    text: null,
  };
}

function no(decision: InboxDecision, reason: string, pipeline: string | null = null): Match {
  return { fits: false, decision, reason, pipeline };
}

function unmapped(type: string, { events }: Pick<Registry, "events">): string {
  const near = nearest(type, [...Object.keys(events), GOAL_EVENT]);
  return `nothing is mapped to it${near === null ? "" : `: did you mean "${near}"?`}`;
}

/** Whether the mapping's condition holds. */
function holds({ when }: Mapping, data: unknown): { because: string } | { no: "ignored" | "refused"; reason: string } {
  if (when === undefined) return { because: "" };
  const found = firstOf(when.field, data);
  if (found === null) return { no: "refused", reason: `${anyOf(when.field)} is missing` };
  const { path, value } = found;
  if (typeof value !== "number") return { no: "refused", reason: `data.${path} is ${kindOf(value)}, not a number` };
  if (!Number.isFinite(value)) return { no: "refused", reason: `data.${path} is too large a number` };
  if (value > when.above) return { because: `${path} is ${value}, above ${when.above}` };
  return { no: "ignored", reason: `${path} is ${value}, not above ${when.above}` };
}

const LONGEST_KEY = 200;

/** The type, with the value that tells its events apart. */
function topicOf(type: string, { key }: Mapping, data: unknown): { topic: string } | { problem: string } {
  if (key === undefined) return { topic: type };
  const found = firstOf(key, data);
  if (found === null) return { problem: `${anyOf(key)} is missing, which tells these events apart` };
  const { path, value } = found;
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
    return { problem: `data.${path} is ${kindOf(value)}, and cannot tell events apart` };
  const text = JSON.stringify(value);
  return { topic: `${type} ${text.length <= LONGEST_KEY ? text : hashOf(text)}` };
}

type Paths = string | readonly string[];

const listed = (paths: Paths) => (typeof paths === "string" ? [paths] : paths);
const anyOf = (paths: Paths) =>
  listed(paths)
    .map((path) => `data.${below(path)}`)
    .join(" or ");
const below = (path: string) => path.replace(/^data\./, "");

/** The first of the places that the data have. */
function firstOf(paths: Paths, data: unknown): { path: string; value: unknown } | null {
  for (const written of listed(paths)) {
    const path = below(written);
    const value = valueAt(data, path);
    if (value !== undefined) return { path, value };
  }
  return null;
}

/** The value at `a.b.0`, own keys only; undefined when there is none. */
export function valueAt(data: unknown, path: string): unknown {
  let value = data;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    if (Array.isArray(value) && !/^\d+$/.test(step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

export function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? "text" : typeof value === "number" ? "a number" : "true or false";
}

/** An event that says a goal: `text`, and where wanted `priority` and `pipeline`. */
function matchGoal({ mayAsk, data }: ToMatch, { pipelines }: Pick<Registry, "pipelines">): Match {
  const refused = (reason: string) => no("refused", reason);
  if (!mayAsk)
    return refused("this source may not say goals in words: its map in .agents/events.yaml would have to name the event goal");
  const fields = data as Readonly<Record<string, unknown>>;
  const known = ["text", "priority", "pipeline"];
  const stray = Object.keys(fields).find((name) => !known.includes(name));
  if (stray !== undefined) return refused(`data has an unknown field: ${suggest(stray.slice(0, 60), known)}`);
  const { text, priority = "P1", pipeline = null } = fields;
  if (text === undefined) return refused("data.text is missing: the goal in words");
  if (typeof text !== "string") return refused(`data.text is ${kindOf(text)}, not text`);
  if (text.length > GOAL_TEXT_MAX_CHARS)
    return refused(
      `data.text is ${text.length.toLocaleString("en")} characters long, the limit is ${GOAL_TEXT_MAX_CHARS.toLocaleString("en")}`,
    );
  const checked = checkGoalText(text);
  if ("problem" in checked) return refused(checked.problem);
  const wanted = priorityOf.safeParse(priority);
  if (!wanted.success) return refused(`data.priority is none of ${priorityOf.options.join(", ")}`);
  if (pipeline !== null && typeof pipeline !== "string") return refused(`data.pipeline is ${kindOf(pipeline)}, not text`);
  const name =
    pipeline === null ? null : [...pipelines.keys()].find((one) => one.toLowerCase() === pipeline.trim().toLowerCase());
  if (name === undefined) {
    const near = nearest((pipeline ?? "").slice(0, 100), pipelines.keys());
    return refused(`data.pipeline: there is no such pipeline${near === null ? "" : `; did you mean "${near}"?`}`);
  }
  return {
    fits: true,
    topic: null,
    pipeline: name,
    priority: wanted.data,
    cooldownMs: 0,
    debounceMs: 0,
    because: "a goal in words",
    text: checked.text,
  };
}
