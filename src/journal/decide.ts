/** A structured decision: one call, its reply checked in code, repaired at most twice, and a typed outcome whatever comes. */

import { z } from "zod";
import type { Journal } from "./journal.ts";
import type { Answer, Stopped } from "./outcome.ts";
import type { CallSpec, Turn } from "./request.ts";

export type Decision<T> =
  | { readonly kind: "decided"; readonly value: T; readonly model: string }
  | {
      readonly kind: "unreadable";
      readonly why: "refusal" | "broken" | "truncated" | "context_too_long";
      readonly detail: string;
    }
  | Stopped;

const MAX_REPAIRS = 2;

/**
 * Asks for a value of `schema`. `check` returns what is wrong with a value that fits the schema; that is repaired once.
 * Truncated replies are asked for again with twice the room. Never approves, plans or invents in the model's place.
 */
export async function decide<S extends z.ZodType>(
  journal: Journal,
  spec: Omit<CallSpec, "format" | "turns">,
  schema: S,
  signal: AbortSignal,
  check: (value: z.infer<S>) => string[] = () => [],
): Promise<Decision<z.infer<S>>> {
  const format = formatOf(schema);
  let turns: Turn[] = [];
  let maxTokens = spec.maxTokens;
  let repairs = 0;
  let meaningRepairs = 0;
  for (let round = spec.key.round; ; round++) {
    const outcome = await journal.call({ ...spec, key: { ...spec.key, round }, maxTokens, format, turns }, signal);
    if (outcome.kind === "stopped") return outcome;
    if (outcome.stop === "refusal" || outcome.stop === "context_too_long") {
      return { kind: "unreadable", why: outcome.stop, detail: outcome.detail ?? `the model ended with ${outcome.stop}` };
    }
    if (outcome.stop === "truncated") {
      if (repairs++ >= MAX_REPAIRS)
        return { kind: "unreadable", why: "truncated", detail: `the reply was cut off at ${maxTokens} tokens` };
      maxTokens *= 2;
      continue;
    }
    const read = parseReply(outcome.text, schema);
    const problems = read.ok ? check(read.value) : read.problems;
    if (read.ok && problems.length === 0) return { kind: "decided", value: read.value, model: outcome.model };
    if (repairs++ >= MAX_REPAIRS || (read.ok && meaningRepairs++ >= 1)) {
      return { kind: "unreadable", why: "broken", detail: problems.slice(0, 5).join("; ") };
    }
    turns = [repairTurn(outcome, problems)];
  }
}

const formats = new WeakMap<z.ZodType, Record<string, unknown>>();

/** The schema as JSON, made once for each: that takes longer than all else of a decision that is ours. */
function formatOf(schema: z.ZodType): Record<string, unknown> {
  const format = formats.get(schema) ?? (z.toJSONSchema(schema) as Record<string, unknown>);
  formats.set(schema, format);
  return format;
}

function repairTurn(answer: Answer, problems: readonly string[]): Turn {
  return {
    // An empty assistant message is not allowed on the wire.
    assistant: { text: answer.text.trim() === "" ? "(no reply)" : answer.text, uses: [] },
    user: {
      text: `<problems>\n${problems.map((problem) => `- ${problem}`).join("\n")}\n</problems>\nThat reply cannot be used. Reply again with the whole corrected JSON object, and nothing else.`,
      results: [],
    },
  };
}

/** The JSON object of a reply, checked. Prose around it and a code fence are tolerated; anything else is a list of problems. */
export function parseReply<S extends z.ZodType>(
  text: string,
  schema: S,
): { ok: true; value: z.infer<S> } | { ok: false; problems: string[] } {
  if (text.trim() === "") return { ok: false, problems: ["the reply is empty"] };
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (whole) {
    const inner = outermostObject(text);
    try {
      raw = inner === null ? undefined : JSON.parse(inner);
    } catch {
      raw = undefined;
    }
    if (raw === undefined)
      return { ok: false, problems: [`the reply is not JSON: ${whole instanceof Error ? whole.message : String(whole)}`] };
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, problems: parsed.error.issues.map((issue) => `${issue.path.join(".") || "the reply"}: ${issue.message}`) };
}

function outermostObject(text: string): string | null {
  const start = text.indexOf("{");
  const end = text.lastIndexOf("}");
  return start !== -1 && end > start ? text.slice(start, end + 1) : null;
}
