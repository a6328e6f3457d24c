/** Reads one YAML file of the registry against its schema, and keeps what is sound of a faulty one for further checks. */

import { join } from "node:path";
import type { z } from "zod";
import type { Problem } from "../domain/problem.ts";
import { keepSoundEntries, schemaProblems } from "./schema-problems.ts";
import { readTextFile } from "./text-file.ts";
import { parseYaml } from "./yaml-text.ts";

export type YamlFile<T> = {
  readonly file: string;
  readonly missing: boolean;
  /** The data when the whole file is sound, else null. */
  readonly value: T | null;
  /** The data without its faulty entries, so that the rest can still be checked; null when nothing can be saved. */
  readonly partial: T | null;
  readonly problems: readonly Problem[];
  /** Every name that stands under a top-level key, of faulty entries too. */
  names(section: string): string[];
  lineOf(path: readonly PropertyKey[]): number | undefined;
};

/** Reads and checks one YAML file below `root`. A missing file is a problem only when it is `required`. */
export async function readYamlFile<S extends z.ZodType>(
  options: { root: string; file: string; required: boolean; hint?: string },
  schema: S,
): Promise<YamlFile<z.output<S>>> {
  const { root, file, required } = options;
  const read = await readTextFile(join(root, file));
  if ("fault" in read) {
    const { missing, message, line, hint = options.hint } = read.fault;
    const problems: Problem[] = missing && !required ? [] : [{ severity: "error", file, line, message, hint }];
    return { file, missing, value: null, partial: null, problems, names: () => [], lineOf: () => undefined };
  }
  const { source, problems } = await parseYaml(file, read.text);
  if (source === null) {
    return { file, missing: false, value: null, partial: null, problems, names: () => [], lineOf: () => undefined };
  }
  const names = (section: string) => Object.keys(asRecord(asRecord(source.data)[section]));
  const result = schema.safeParse(source.data);
  if (result.success) {
    return { file, missing: false, value: result.data, partial: result.data, problems, names, lineOf: source.lineOf };
  }
  const partial = schema.safeParse(keepSoundEntries(source.data, result.error.issues));
  return {
    file,
    missing: false,
    value: null,
    partial: partial.success ? partial.data : null,
    problems: [...problems, ...schemaProblems(result.error.issues, schema, source)],
    names,
    lineOf: source.lineOf,
  };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
