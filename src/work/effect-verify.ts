/** Did it happen? The rule of the catalogue reads the vendor's side, and says where the proof must stand. */

import type { VerifyRule } from "../domain/tool-catalogue.ts";

/** What the rule's texts are filled in with: `{id}`, and `{arg:a.b}`. */
type Values = { readonly id: string; readonly args: Readonly<Record<string, unknown>> };

/** The arguments of the read, filled in; null when the effect lacks one that they need. */
export function verifyArgs(rule: VerifyRule, values: Values): Record<string, unknown> | null {
  const filled = fill(rule.args, values);
  return filled === MISSING ? null : (filled as Record<string, unknown>);
}

/** What an answer says of the effect. `unclear`: neither; a person must look. */
export function readVerdict(rule: VerifyRule, values: Values, text: string): "happened" | "did_not" | "unclear" {
  const pattern = patternOf(rule.found.matches, values);
  if (pattern === null) return "unclear";
  let candidates = [text];
  if (rule.found.path !== undefined) {
    const answer = parsed(text);
    if (answer === undefined) return "unclear";
    candidates = valuesAt(answer, rule.found.path.split(".")).map((value) =>
      typeof value === "string" ? value : JSON.stringify(value),
    );
  }
  if (candidates.some((candidate) => pattern.test(candidate))) return "happened";
  return rule.absent === "failed" ? "did_not" : "unclear";
}

const MISSING = Symbol("an argument that is not there");
const HOLE = /\{(id|arg:[^{}]+)\}/g;

function fill(value: unknown, values: Values): unknown {
  if (typeof value === "string") {
    const whole = /^\{(id|arg:[^{}]+)\}$/.exec(value)?.[1];
    // Alone, it keeps its kind: a number stays a number.
    if (whole !== undefined) return valueOf(whole, values) ?? MISSING;
    let missing = false;
    const text = value.replace(HOLE, (_, name: string) => {
      const found = valueOf(name, values);
      missing ||= found === undefined || found === null;
      return typeof found === "string" ? found : JSON.stringify(found);
    });
    return missing ? MISSING : text;
  }
  if (Array.isArray(value)) {
    const list = value.map((entry) => fill(entry, values));
    return list.includes(MISSING) ? MISSING : list;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, entry]) => [key, fill(entry, values)] as const);
    return entries.some(([, entry]) => entry === MISSING) ? MISSING : Object.fromEntries(entries);
  }
  return value;
}

function patternOf(matches: string, values: Values): RegExp | null {
  const filled = fill(
    matches,
    // What is filled in comes from an agent: it is words, never a pattern.
    { id: escaped(values.id), args: escapedIn(values.args) },
  );
  if (typeof filled !== "string" || filled === "") return null;
  try {
    return new RegExp(filled);
  } catch {
    return null;
  }
}

function escapedIn(value: unknown): Record<string, unknown> {
  const walk = (inner: unknown): unknown =>
    typeof inner === "string" || typeof inner === "number" || typeof inner === "boolean"
      ? escaped(String(inner))
      : Array.isArray(inner)
        ? inner.map(walk)
        : typeof inner === "object" && inner !== null
          ? Object.fromEntries(Object.entries(inner).map(([key, entry]) => [key, walk(entry)]))
          : inner;
  return walk(value) as Record<string, unknown>;
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

function valueOf(name: string, { id, args }: Values): unknown {
  return name === "id" ? id : valuesAt(args, name.slice("arg:".length).split("."))[0];
}

/** The values at a path; `*` stands for every entry of a list or map. */
function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  const [step, ...rest] = path;
  if (step === undefined) return value === undefined ? [] : [value];
  if (typeof value !== "object" || value === null) return [];
  if (step === "*") return Object.values(value).flatMap((inner) => valuesAt(inner, rest));
  return Object.hasOwn(value, step) ? valuesAt((value as Record<string, unknown>)[step], rest) : [];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
