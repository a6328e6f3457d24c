/** YAML with positions: text to plain data, every fault of the text as a problem, and the line of any value. */

import type { Alias, Document, LineCounter, Node, ParsedNode, YAMLError, YAMLMap } from "yaml";
import type { Problem } from "../domain/problem.ts";
import { parsePlainYaml } from "./plain-yaml.ts";

/** More aliases than any honest file of ours needs; each can multiply what it points to. */
const MAX_ALIASES = 20;
const MAX_DEPTH = 100;
const MAX_SYNTAX_PROBLEMS = 5;

export type YamlSource = {
  readonly file: string;
  readonly data: unknown;
  /** The 1-based line of the key or item at this path, or of the nearest thing above it that exists. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
};

/**
 * One YAML 1.2 document (core schema) as plain data. `source` is null when any fault makes the data unreliable: bad syntax,
 * a key given twice, too many or circular aliases, too deep nesting, an empty text. `lineOffset`: lines that stand above the text.
 */
export async function parseYaml(
  file: string,
  text: string,
  lineOffset = 0,
): Promise<{ source: YamlSource | null; problems: Problem[] }> {
  const plain = parsePlainYaml(text);
  if (plain !== undefined) {
    // Positions are only asked for when there is something to say: then the slow parser reads the text once more.
    let positions: YamlSource["lineOf"] | null = null;
    const lineOf: YamlSource["lineOf"] = (path) => (positions ??= linesOf(text, lineOffset))(path);
    return { source: { file, data: plain, lineOf }, problems: [] };
  }
  const yaml = await import("yaml");
  const counter = new yaml.LineCounter();
  const at = (offset: number) => lineAt(counter, offset) + lineOffset;
  const problem = (message: string, offset: number | undefined, hint?: string): Problem => ({
    severity: "error",
    file,
    line: offset === undefined ? undefined : at(offset),
    message,
    hint,
  });
  try {
    const document = yaml.parseDocument(text, {
      lineCounter: counter,
      strict: true,
      schema: "core",
      prettyErrors: false,
      // Else a `!!binary` or `!!set` is bytes or a Set, and everybody else takes what comes for plain data.
      resolveKnownTags: false,
      // It would write to stderr by itself.
      logLevel: "error",
      // The package compares each key with each other one; `structureProblems` does it in one pass.
      uniqueKeys: false,
    });
    if (document.errors.length > 0) return { source: null, problems: syntaxProblems(file, document.errors, at) };
    if (document.contents === null) return { source: null, problems: [problem("is empty", undefined)] };
    const found = structureProblems(yaml, document, problem);
    if (found.length > 0) return { source: null, problems: found };
    // The package counts uses times what each brings with it, and the anchor as one use.
    const data: unknown = document.toJS({ maxAliasCount: MAX_ALIASES + 1 });
    const warnings = document.warnings.map((warning): Problem => ({
      severity: "warning",
      file,
      line: at(warning.pos[0]),
      message: warning.message,
      hint: "tags mean nothing in this file, remove it",
    }));
    return { source: { file, data, lineOf: (path) => lineOfPath(yaml, document, path, at) }, problems: warnings };
  } catch (error) {
    // The package and our walk recurse: a text of brackets ends the stack, a bomb of aliases ends in a ReferenceError.
    if (error instanceof RangeError) return { source: null, problems: [problem("is nested too deeply", undefined)] };
    if (error instanceof ReferenceError) {
      return { source: null, problems: [problem("its aliases (*name) multiply too far", undefined, "write the values out")] };
    }
    throw error;
  }
}

/** Finds lines by path in a text that is known to be sound. */
function linesOf(text: string, lineOffset: number): YamlSource["lineOf"] {
  const yaml = require("yaml") as Yaml;
  const counter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: counter,
    schema: "core",
    prettyErrors: false,
    resolveKnownTags: false,
    uniqueKeys: false,
  });
  return (path) =>
    lineOfPath(yaml, document as Document.Parsed<ParsedNode>, path, (offset) => lineAt(counter, offset) + lineOffset);
}

function syntaxProblems(file: string, errors: readonly YAMLError[], at: (offset: number) => number): Problem[] {
  // One slip makes the parser stumble many times: the first fault of a line is the one to read.
  const byLine = new Map<number, YAMLError>();
  // A tab shifts all that stands behind it: a wrong indentation there is the same fault again.
  const tab = errors.find((error) => error.code === "TAB_AS_INDENT")?.pos[0] ?? Number.POSITIVE_INFINITY;
  for (const error of errors) {
    if (error.code === "BAD_INDENT" && error.pos[0] > tab) continue;
    const line = at(error.pos[0]);
    if (!byLine.has(line)) byLine.set(line, error);
  }
  return [...byLine].slice(0, MAX_SYNTAX_PROBLEMS).map(([line, error]) => ({ severity: "error", file, line, ...inWords(error) }));
}

function inWords(error: YAMLError): { message: string; hint?: string } {
  switch (error.code) {
    case "TAB_AS_INDENT":
      return { message: "not valid YAML: a tab is used for indentation", hint: "use spaces" };
    case "BLOCK_AS_IMPLICIT_KEY":
      return { message: 'not valid YAML: a second ": " on one line', hint: "put the text in double quotes" };
    case "MULTIPLE_DOCS":
      return { message: "not valid here: more than one YAML document", hint: 'remove the line "---"' };
    case "RESOURCE_EXHAUSTION":
      return { message: "is nested too deeply" };
    default: {
      const open = /^Flow (sequence|map) in block collection/.exec(error.message)?.[1];
      if (open === undefined) return { message: `not valid YAML: ${error.message}` };
      return { message: `not valid YAML: a "${open === "map" ? "{" : "["}" is not closed`, hint: "the lines before this one" };
    }
  }
}

type Yaml = typeof import("yaml");
type MakeProblem = (message: string, offset: number | undefined, hint?: string) => Problem;

/** Faults that are legal YAML and no use to us: a key twice, aliases without measure, walls of nesting. */
function structureProblems(yaml: Yaml, document: Document.Parsed<ParsedNode>, problem: MakeProblem): Problem[] {
  const problems: Problem[] = [];
  const aliases: { alias: Alias; inside: readonly unknown[] }[] = [];
  let tooDeep = false;
  yaml.visit(document, {
    Node(_key, node, path) {
      // Each level is a pair and its value on the path.
      if (path.length <= MAX_DEPTH * 2) return;
      tooDeep = true;
      problems.push(problem(`is nested too deeply: more than ${MAX_DEPTH} levels`, (node as Node).range?.[0]));
      return yaml.visit.BREAK;
    },
    Map(_key, map, path) {
      if (path.length > MAX_DEPTH * 2) return yaml.visit.SKIP;
      problems.push(...repeatedKeys(yaml, map, problem));
    },
    Alias(_key, alias, path) {
      aliases.push({ alias, inside: path });
    },
  });
  if (tooDeep) return problems.slice(-1);
  const last = aliases[MAX_ALIASES];
  if (last !== undefined) {
    const message = `uses ${aliases.length} aliases (*name), the limit is ${MAX_ALIASES}`;
    return [problem(message, last.alias.range?.[0], "write the values out"), ...problems];
  }
  for (const { alias, inside } of aliases) {
    const target = alias.resolve(document);
    if (target === undefined) {
      problems.push(problem(`unknown alias *${alias.source}`, alias.range?.[0], "a text that begins with * needs quotes"));
    } else if (inside.includes(target)) {
      problems.push(problem(`the alias *${alias.source} stands inside of what it names`, alias.range?.[0]));
    }
  }
  return problems;
}

function repeatedKeys(yaml: Yaml, map: YAMLMap<unknown, unknown>, problem: MakeProblem): Problem[] {
  const first = new Map<string, number | undefined>();
  return map.items.flatMap(({ key }) => {
    const name = keyName(yaml, key);
    const offset = yaml.isNode(key) ? key.range?.[0] : undefined;
    if (!first.has(name)) {
      first.set(name, offset);
      return [];
    }
    const line = problem("", first.get(name)).line;
    return [problem(`the key "${name}" is given twice`, offset, line === undefined ? undefined : `first on line ${line}`)];
  });
}

function keyName(yaml: Yaml, key: unknown): string {
  if (yaml.isScalar(key)) return key.value === null ? "" : String(key.value);
  return String(key);
}

function lineOfPath(
  yaml: Yaml,
  document: Document.Parsed<ParsedNode>,
  path: readonly PropertyKey[],
  at: (offset: number) => number,
): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0];
  for (const step of path) {
    if (yaml.isAlias(node)) node = node.resolve(document);
    if (yaml.isMap(node)) {
      const pair = node.items.find((item) => keyName(yaml, item.key) === String(step));
      if (pair === undefined) break;
      if (yaml.isNode(pair.key)) offset = pair.key.range?.[0];
      node = pair.value;
    } else if (yaml.isSeq(node)) {
      const item = node.items[Number(step)];
      if (!yaml.isNode(item)) break;
      offset = item.range?.[0];
      node = item;
    } else break;
  }
  return offset === undefined ? undefined : at(offset);
}

function lineAt(counter: LineCounter, offset: number): number {
  // The package answers line 0 for a text without line ends.
  return Math.max(1, counter.linePos(offset).line);
}
