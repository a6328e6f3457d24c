/** What a schema finds wrong with a file, in words a person can act on: where, what, and what was probably meant. */

import { z } from "zod";
import { nearest, type Problem, suggest } from "../domain/problem.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];
type Source = { readonly file: string; readonly data: unknown; lineOf(path: Path): number | undefined };

/** One problem for each thing to mend. A key that is missing because it was mistyped is told once, as the mistyped one. */
export function schemaProblems(issues: readonly Issue[], schema: z.ZodType, source: Source): Problem[] {
  const flat = issues.flatMap((issue) => flatten(issue, source.data, []));
  const mistyped = flat.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys") return [];
    const known = keysAt(schema, issue.path);
    return issue.keys.map((key) => pathText([...issue.path, nearest(key, known) ?? key]));
  });
  return flat.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(schema, issue.path);
      return issue.keys.map((key): Problem => ({
        severity: "error",
        file: source.file,
        line: source.lineOf([...issue.path, key]),
        message: `${within(issue.path)}unknown key "${key}"`,
        hint: suggest(key, known),
      }));
    }
    const value = valueAt(source.data, issue.path);
    if (value === undefined && mistyped.includes(pathText(issue.path))) return [];
    const { message, hint } = inWords(issue, value);
    return [{ severity: "error", file: source.file, line: source.lineOf(issue.path), message, hint } satisfies Problem];
  });
}

/**
 * A copy of the data without the entries (second level: a skill, a pipeline, a schedule) that have issues. For checking the
 * rest of a faulty file against other files; never for running.
 */
export function keepSoundEntries(data: unknown, issues: readonly Issue[]): unknown {
  const copy: unknown = structuredClone(data);
  for (const issue of issues) {
    const [section, entry] = issue.path;
    const paths =
      issue.code === "unrecognized_keys" && issue.path.length < 2 ? issue.keys.map((key) => [...issue.path, key]) : [];
    if (paths.length === 0 && section !== undefined && entry !== undefined) paths.push([section, entry]);
    for (const path of paths) {
      const parent = valueAt(copy, path.slice(0, -1));
      if (typeof parent === "object" && parent !== null) delete (parent as Record<PropertyKey, unknown>)[path.at(-1) ?? ""];
    }
  }
  return copy;
}

/** Of a union's branches, the one that the author most likely meant speaks. */
function flatten(issue: Issue, data: unknown, base: Path): Issue[] {
  const path = [...base, ...issue.path];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ ...issue, path } as Issue];
  const branches = [...issue.errors].sort((a, b) => distance(a) - distance(b));
  return (branches[0] ?? []).flatMap((inner) => flatten(inner, data, path));
}

/** How far a value is from a branch: keys that are missing or unknown at its top say that another branch was meant. */
function distance(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => {
    if (issue.code === "unrecognized_keys" && issue.path.length === 0) return sum + 100 * issue.keys.length;
    if (issue.code === "invalid_union") return sum + Math.min(...issue.errors.map(distance), 100);
    const shape = issue.code === "invalid_type" || issue.code === "invalid_value";
    return sum + (shape && issue.path.length <= 1 ? 100 : 1);
  }, 0);
}

function inWords(issue: Issue, value: unknown): { message: string; hint?: string } {
  const where = pathText(issue.path);
  const at = where === "" ? "the file" : where;
  if (value === undefined && (issue.code === "invalid_type" || issue.code === "invalid_value")) {
    return { message: `${at} is missing` };
  }
  switch (issue.code) {
    case "invalid_type": {
      const hint = value === null && where !== "" ? NOTHING[issue.expected] : undefined;
      const message = `${at} must be ${KINDS[issue.expected] ?? issue.expected}, not ${kindOf(value)}`;
      return hint === undefined ? { message } : { message, hint };
    }
    case "invalid_value":
      return { message: `${at}: unknown value ${shown(value)}`, hint: suggest(String(value), issue.values.map(String)) };
    case "invalid_key":
      return { message: `${at}: not a usable name`, hint: issue.issues.map((inner) => inner.message).join("; ") };
    case "invalid_format": {
      const date = String(issue.pattern ?? "").includes("{4}-");
      return { message: `${at}: ${shown(value)} has the wrong form`, hint: date ? "a date like 2026-11-21" : issue.message };
    }
    case "too_small":
      if (issue.origin === "string") return { message: `${at} is empty` };
      if (issue.origin === "array")
        return { message: `${at} needs at least ${issue.minimum} item${issue.minimum === 1 ? "" : "s"}` };
      return { message: `${at} is ${shown(value)}, it must be ${issue.inclusive ? "at least" : "above"} ${issue.minimum}` };
    case "too_big":
      if (issue.origin === "string") return { message: `${at} is longer than ${issue.maximum} characters`, hint: "shorten it" };
      return { message: `${at} is ${shown(value)}, it must be ${issue.inclusive ? "at most" : "below"} ${issue.maximum}` };
    default:
      return { message: `${at}: ${issue.message}` };
  }
}

const KINDS: Readonly<Record<string, string>> = {
  object: "a map (key: value)",
  record: "a map (key: value)",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};
const NOTHING: Readonly<Record<string, string>> = { record: "write {} for none", array: "write [] for none" };

function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? "text" : `${typeof value === "number" ? "the number" : "the value"} ${String(value)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

/** `skills › copywriting › tier`, items of lists counted from 1. */
function pathText(path: Path): string {
  return path.map((step) => (typeof step === "number" ? `item ${step + 1}` : String(step))).join(" › ");
}

function within(path: Path): string {
  return path.length === 0 ? "" : `${pathText(path)}: `;
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** The keys that a schema allows at a path; of a union, those of all branches. */
function keysAt(schema: unknown, path: Path): string[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return keysAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return [...new Set(schema.options.flatMap((option) => keysAt(option, path)))];
  const [step, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Record<string, unknown>;
    return step === undefined ? Object.keys(shape) : keysAt(shape[String(step)], rest);
  }
  if (step === undefined) return [];
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, rest);
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest);
  return [];
}
