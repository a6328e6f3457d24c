/** Did it happen? Looks for an action whose answer was lost: a rule of the catalogue says what to read, and where the proof must stand. */

import type { Effect } from "../domain/effect.ts";
import type { VerifyRule } from "../domain/tool-catalogue.ts";
import type { Log } from "../log/log.ts";
import { endSending } from "../store/effect-sends.ts";
import type { Store } from "../store/store.ts";
import type { ToolServer } from "../tools/server.ts";

const VERIFY_MS = 60_000;
const UNREAD_MS = 5 * 60_000;
/**
 * Before this "it is not there" proves nothing: the vendor's list may lag, its work may go on after our time-out, and a sender that
 * was cut off from the others may still have it in hand.
 */
const SETTLED_MS = 15 * 60_000;
/** When an unknown effect is looked for, after it was found so by this process: a vendor's list may lag. */
const VERIFY_AFTER_MS = [0, 30_000, 5 * 60_000, 3_600_000, 6 * 3_600_000] as const;

/** Of an unknown effect: settles it when a read tells. Returns when to try again (UTC ms), or null when only a person can say. */
export type Verify = (effect: Effect) => Promise<number | null>;

export function createVerifier(options: {
  readonly store: Store;
  readonly server: (name: string) => ToolServer | null;
  readonly rules: (effect: Effect) => { readonly verify: VerifyRule | null };
  readonly now: () => number;
  readonly log: Log;
}): Verify {
  const { store, rules, now, log } = options;
  const looks = new Map<string, { tries: number; nextAt: number }>();
  return async function verify(effect) {
    const { verify: rule } = rules(effect);
    const server = rule && options.server(effect.server);
    if (!rule || !server) return null;
    const known = looks.get(effect.id) ?? { tries: 0, nextAt: now() };
    if (known.tries >= VERIFY_AFTER_MS.length) return null;
    if (known.nextAt > now()) return known.nextAt;
    const values = { id: effect.id, args: JSON.parse(effect.args) as Record<string, unknown> };
    const args = verifyArgs(rule, values);
    if (args === null) return null;
    const answer = await careful(server.call(rule.tool, args, { signal: AbortSignal.timeout(VERIFY_MS) }), log);
    // What could not be asked has not been looked for.
    if (!("kind" in answer) || answer.kind !== "answered" || answer.isError) {
      looks.set(effect.id, { ...known, nextAt: now() + UNREAD_MS });
      return now() + UNREAD_MS;
    }
    const verdict = readVerdict(rule, values, answer.text);
    const settled = effect.sentAt !== null && now() - effect.sentAt >= SETTLED_MS;
    if (verdict === "happened" || (verdict === "did_not" && settled)) {
      const state = verdict === "happened" ? "confirmed" : "failed";
      const note = `${rule.tool} says that it ${state === "confirmed" ? "happened" : "did not happen"}`;
      await store.write("effect.verify", (tx) => endSending(tx, effect.id, { state, result: null, note }));
      looks.delete(effect.id);
      return null;
    }
    const tries = known.tries + 1;
    const wait = VERIFY_AFTER_MS[tries];
    const nextAt = now() + (wait ?? 0);
    looks.set(effect.id, { tries, nextAt });
    return wait === undefined ? null : nextAt;
  };
}

/** A server that throws has a bug. For calls of which nothing must be told apart: lists and reads. */
export async function careful<T>(asked: Promise<T>, log: Log): Promise<T | { readonly away: string }> {
  try {
    return await asked;
  } catch (error) {
    log.error("a tool server broke its promise", { error });
    return { away: error instanceof Error ? error.message : String(error) };
  }
}

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
