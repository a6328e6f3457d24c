/** The class of a tool, and of one call of it: from the user's file, the catalogue, the tool's name and what the server says of it. */

import {
  type ActionClass,
  ALWAYS_ASKED,
  mostSevere,
  permissionFor,
  type Permission,
  type Policy,
  stricter,
} from "../domain/action.ts";
import type { CatalogueEntry } from "../domain/tool-catalogue.ts";
import { isGlob, matchesGlob } from "../domain/tool-name.ts";
import type { ClassRule } from "../domain/tools-file.ts";
import type { LockState } from "./lock.ts";
import type { ToolInfo } from "./server.ts";
import { guessClass } from "./verbs.ts";

export type ClassSources = {
  /** The name of the server in tools.yaml. */
  readonly server: string;
  /** `actions` of the user's file. */
  readonly actions: Readonly<Record<string, ClassRule>>;
  /** The catalogue's entry for what the server really runs; null for a server that nobody has looked at. */
  readonly catalogue: Pick<CatalogueEntry, "tools"> | null;
};

export type Classified = {
  /** The gravest that a call of it can be: what a list shows and the lock keeps. */
  readonly class: ActionClass;
  /** Whether single calls can be less, by their arguments. */
  readonly byArguments: boolean;
  /** Where the class comes from. */
  readonly from: "file" | "catalogue" | "name" | "server";
  /** In a few words, for a person. */
  readonly why: string;
};

type Arguments = Readonly<Record<string, unknown>>;
const MAX_MATCHED_CHARS = 10_000;

/** The class of a tool as it is listed, whatever its arguments will be. */
export function classifyTool(tool: Pick<ToolInfo, "name" | "annotations">, sources: ClassSources): Classified {
  return decide(tool, sources, gravestOf);
}

/** The class of one call: never graver than `classifyTool` says of its tool. */
export function classifyCall(tool: Pick<ToolInfo, "name" | "annotations">, args: Arguments, sources: ClassSources): Classified {
  return decide(tool, sources, (rule) => classByArguments(rule, args));
}

/**
 * What stands before a call: the policy of its class, and a question where the tool is not the one that a person has accepted.
 * `locked`: what the lock says of it.
 */
export function permissionOfCall(of: ActionClass, policy: Policy, tainted: boolean, locked: LockState): Permission {
  return stricter(permissionFor(of, policy, tainted), locked === "same" ? "auto" : "ask");
}

/** The class that a rule gives these arguments. What cannot be compared (missing, not a text) counts as the rule's gravest. */
export function classByArguments(rule: ClassRule, args: Arguments): ActionClass {
  if (typeof rule === "string") return rule;
  const found: ActionClass[] = [];
  for (const { arg, match, class: of, missing } of rule.when) {
    const value = valueAt(args, arg);
    if (value === undefined && missing !== undefined) {
      found.push(missing);
      continue;
    }
    if (typeof value !== "string" || value.length > MAX_MATCHED_CHARS) return gravestOf(rule);
    if (matches(value, match)) found.push(of);
  }
  const [first, ...rest] = found;
  return first === undefined ? rule.class : mostSevere(first, ...rest);
}

function decide(
  tool: Pick<ToolInfo, "name" | "annotations">,
  { server, actions, catalogue }: ClassSources,
  classOf: (rule: ClassRule) => ActionClass,
): Classified {
  const listed = catalogue?.tools ?? {};
  const known = exact(listed, tool.name);
  const own = exact(actions, tool.name);
  const base =
    known === undefined ? guessed(tool, server, catalogue === null ? null : listed, classOf) : fromCatalogue(known, classOf);
  if (own !== undefined) {
    const wanted = classOf(own);
    const floor = floorOf(tool.name, listed, known, classOf);
    const lifted = floor === null ? wanted : mostSevere(wanted, floor);
    return lifted === wanted
      ? { class: wanted, byArguments: typeof own !== "string", from: "file", why: "actions names it" }
      : {
          class: lifted,
          byArguments: base.byArguments,
          from: "catalogue",
          why: `${lifted} in the catalogue: no file lowers that`,
        };
  }
  // A glob of the user's may say that a whole server is graver, never that it is less.
  const globs = Object.entries(actions).filter(([pattern]) => isGlob(pattern) && matchesGlob(tool.name, pattern));
  const raised = globs.reduce((worst, [, rule]) => mostSevere(worst, classOf(rule)), base.class);
  if (raised === base.class) return base;
  return {
    class: raised,
    byArguments: globs.some(([, rule]) => typeof rule !== "string"),
    from: "file",
    why: "a pattern in actions",
  };
}

function fromCatalogue(rule: ClassRule, classOf: (rule: ClassRule) => ActionClass): Classified {
  return { class: classOf(rule), byArguments: typeof rule !== "string", from: "catalogue", why: "the catalogue knows it" };
}

/** What the catalogue says of a tool that always needs a yes; nobody's file makes it less. */
function floorOf(
  tool: string,
  listed: Readonly<Record<string, ClassRule>>,
  known: ClassRule | undefined,
  classOf: (rule: ClassRule) => ActionClass,
): ActionClass | null {
  const rule = known ?? longestGlob(listed, tool);
  if (rule === undefined) return null;
  const of = classOf(rule);
  return ALWAYS_ASKED.includes(of) ? of : null;
}

/** For a tool that no one has named: the catalogue's pattern, the verbs of its name, and what the server says of it. */
function guessed(
  { name, annotations }: Pick<ToolInfo, "name" | "annotations">,
  server: string,
  listed: Readonly<Record<string, ClassRule>> | null,
  classOf: (rule: ClassRule) => ActionClass,
): Classified {
  const guess = guessClass(name, server);
  const byName: Classified = {
    class: guess.class,
    byArguments: false,
    from: "name",
    why: guess.word === null ? "nothing is known of it" : `its name says "${guess.word}"`,
  };
  if (listed !== null) {
    const glob = longestGlob(listed, name);
    if (glob !== undefined) {
      const of = classOf(glob);
      const worst = guess.word === null ? of : mostSevere(of, guess.class);
      return worst === of ? { ...fromCatalogue(glob, classOf), why: "a pattern of the catalogue" } : { ...byName, class: worst };
    }
    // Of a server that has been looked at, "only reads" is believed where the name does not say otherwise.
    if (annotations.readOnlyHint === true && (guess.word === null || guess.class === "read"))
      return { class: "read", byArguments: false, from: "server", why: "the server says that it only reads" };
    return byName;
  }
  // Of anybody else's nothing is believed that makes it less.
  if (annotations.destructiveHint === true && annotations.readOnlyHint !== true) {
    const of = mostSevere(guess.class, guess.word === null ? "delete" : "write");
    if (of !== guess.class) return { class: of, byArguments: false, from: "server", why: "the server says that it destroys" };
  }
  if (annotations.readOnlyHint === false && guess.class === "read")
    return { class: "write", byArguments: false, from: "server", why: "the server says that it does more than read" };
  return byName;
}

function gravestOf(rule: ClassRule): ActionClass {
  return typeof rule === "string"
    ? rule
    : mostSevere(rule.class, ...rule.when.flatMap((one) => [one.class, one.missing ?? one.class]));
}

function exact(rules: Readonly<Record<string, ClassRule>>, name: string): ClassRule | undefined {
  return !isGlob(name) && Object.hasOwn(rules, name) ? rules[name] : undefined;
}

/** The pattern that says most: the longest. */
function longestGlob(rules: Readonly<Record<string, ClassRule>>, name: string): ClassRule | undefined {
  const fitting = Object.entries(rules).filter(([pattern]) => isGlob(pattern) && matchesGlob(name, pattern));
  return fitting.toSorted(([a], [b]) => b.length - a.length || (a < b ? -1 : 1))[0]?.[1];
}

function matches(value: string, pattern: string): boolean {
  return new RegExp(pattern, "i").test(value);
}

function valueAt(args: Arguments, path: string): unknown {
  let value: unknown = args;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
