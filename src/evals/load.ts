/** Reads the evals of every skill, with all that is wrong with them in one run. */

import { realpath } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import type { z } from "zod";
import { suggest, type Problem } from "../domain/problem.ts";
import type { Registry } from "../domain/registry.ts";
import { schemaProblems } from "../skills/schema-problems.ts";
import { SKILLS_DIR } from "../skills/skill-file.ts";
import { readTextFile } from "../skills/text-file.ts";
import { parseYaml } from "../skills/yaml-text.ts";
import { evalsFile, normalised, routingFile, type Brief, type BriefFile, type EvalSet, type Request } from "./data.ts";

export type LoadedEvals = {
  /** Skills that have evals, in the registry's order. */
  readonly sets: readonly EvalSet[];
  /** Skills without any: nothing is measured of them. */
  readonly without: readonly string[];
  readonly problems: readonly Problem[];
};

type Parsed<T> = { readonly value: T | null; readonly lineOf: (path: readonly PropertyKey[]) => number | undefined };

/** The folder of a skill's evals, from the repository's root. */
export function evalsFolder(skill: string): string {
  return `${SKILLS_DIR}/${skill}/evals`;
}

/** Reads the evals below `root` of the skills of the registry. Never throws for what the files hold; reads nothing outside of `root`. */
export async function loadEvals(root: string, registry: Registry): Promise<LoadedEvals> {
  const problems: Problem[] = [];
  const known = [...registry.skills.keys()];
  const sets: EvalSet[] = [];
  const without: string[] = [];
  const seen = new Map<string, string>();
  const texts = fileReader(root);
  for (const skill of known) {
    const requests = await readRouting(root, skill, known, seen, problems);
    const briefs = await readBriefs(root, skill, texts, problems);
    if (requests === null && briefs === null) without.push(skill);
    else sets.push({ skill, requests: requests ?? [], briefs: briefs ?? [] });
  }
  return { sets, without, problems };
}

/** Null when there is no such file; empty when it cannot be used. */
async function readRouting(
  root: string,
  skill: string,
  known: readonly string[],
  seen: Map<string, string>,
  problems: Problem[],
): Promise<Request[] | null> {
  const file = `${evalsFolder(skill)}/routing.yaml`;
  const read = await readTextFile(join(root, file));
  if ("fault" in read) return faulty(file, read.fault, problems);
  const { source, problems: syntax } = await parseYaml(file, read.text);
  problems.push(...syntax);
  const parsed = source === null ? NOTHING : fitted(routingFile, { ...source, file }, problems);
  return (parsed.value ?? []).map(({ ask, near }, i) => {
    const fail = (key: string, message: string, hint: string) =>
      problems.push({ severity: "error", file, line: parsed.lineOf([i, key]), message: `item ${i + 1}: ${message}`, hint });
    if (near === skill) fail("near", "its neighbour is the skill itself", "name the skill that it is mistaken for, or none");
    else if (near !== undefined && !known.includes(near)) fail("near", `unknown skill "${near}"`, suggest(near, known));
    const form = normalised(ask);
    const first = seen.get(form);
    if (first !== undefined)
      fail("ask", `the same request stands in ${first}`, "a request has one right answer: keep one of them");
    else seen.set(form, file);
    return { skill, ask, near: near ?? null };
  });
}

async function readBriefs(root: string, skill: string, texts: FileReader, problems: Problem[]): Promise<Brief[] | null> {
  const file = `${evalsFolder(skill)}/evals.json`;
  const read = await readTextFile(join(root, file));
  if ("fault" in read) return faulty(file, read.fault, problems);
  const parsed = await parseJson(file, read.text, problems);
  if (parsed.value === null) return [];
  const { skill_name: named, evals } = parsed.value;
  const fail = (path: readonly PropertyKey[], message: string, hint?: string) =>
    problems.push({ severity: "error", file, line: parsed.lineOf(path), message, hint });
  if (named !== skill) fail(["skill_name"], `skill_name is "${named}"`, `it lies in the folder of "${skill}"`);
  const briefs: Brief[] = [];
  for (const [i, entry] of evals.entries()) {
    if (evals.findIndex((other) => other.id === entry.id) < i)
      fail(["evals", i, "id"], `the id "${entry.id}" is there twice`, "recordings are kept by it: give each its own");
    const files: BriefFile[] = [];
    for (const [j, path] of entry.files.entries()) {
      const found = await texts(path);
      if ("text" in found) files.push({ path, text: found.text });
      else
        fail(["evals", i, "files", j], `${entry.id}: the file "${path}" ${found.problem}`, "a path from the repository's root");
    }
    const { id, prompt, assertions, checks } = entry;
    briefs.push({ skill, id, prompt, files, assertions, checks });
  }
  return briefs;
}

type Fault = { readonly missing: boolean; readonly message: string; readonly line?: number; readonly hint?: string };

function faulty(file: string, { missing, message, line, hint }: Fault, problems: Problem[]): [] | null {
  if (missing) return null;
  problems.push({ severity: "error", file, line, message, hint });
  return [];
}

const NOTHING = { value: null, lineOf: () => undefined };

type Source = { readonly file: string; readonly data: unknown; lineOf(path: readonly PropertyKey[]): number | undefined };

function fitted<S extends z.ZodType>(schema: S, source: Source, problems: Problem[]): Parsed<z.output<S>> {
  const result = schema.safeParse(source.data);
  if (!result.success) problems.push(...schemaProblems(result.error.issues, schema, source));
  return { value: result.success ? result.data : null, lineOf: source.lineOf };
}

/** JSON is YAML too: the YAML parser says where a thing stands. */
async function parseJson(file: string, text: string, problems: Problem[]): Promise<Parsed<z.output<typeof evalsFile>>> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const { problems: found } = await parseYaml(file, text);
    const message = `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
    problems.push({ severity: "error", file, line: found[0]?.line, message, hint: "a comma too many, or a quote not closed?" });
    return NOTHING;
  }
  const positions = (await parseYaml(file, text)).source;
  return fitted(evalsFile, { file, data, lineOf: (path) => positions?.lineOf(path) }, problems);
}

type FileReader = (path: string) => Promise<{ text: string } | { problem: string }>;

/** Reads each file once, and only what lies below the root, links resolved. */
function fileReader(root: string): FileReader {
  const read = new Map<string, ReturnType<FileReader>>();
  const one: FileReader = async (path) => {
    if (isAbsolute(path) || path.split(/[\\/]/).includes("..")) return { problem: "leads out of the repository" };
    try {
      if (!(await realpath(join(root, path))).startsWith((await realpath(root)) + sep))
        return { problem: "leads out of the repository" };
    } catch {
      return { problem: "is not there" };
    }
    const found = await readTextFile(join(root, path));
    return "fault" in found ? { problem: found.fault.message } : found;
  };
  return (path) => {
    const known = read.get(path) ?? one(path);
    read.set(path, known);
    return known;
  };
}
