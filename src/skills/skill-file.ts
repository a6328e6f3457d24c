/** Reads a skill's folder in the open Agent Skills format: SKILL.md with frontmatter, and `references/*.md`. Lenient with strangers. */

import { readdir, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import type { Problem } from "../domain/problem.ts";
import { danglingReferences } from "./reference-checks.ts";
import { listReferences, type Reference } from "./references.ts";
import { readTextFile } from "./text-file.ts";
import { parseYaml, type YamlSource } from "./yaml-text.ts";

export const SKILLS_DIR = ".agents/skills";
const MAX_DESCRIPTION = 1024;
const MAX_LINES = 500;
/** Characters of a skill's text: it is part of every call of the skill. */
export const MAX_BODY = 20_000;
/** The frontmatter of a folder from outside is parsed before anybody has read it: it gets less room than our own files. */
const MAX_FRONTMATTER = 20_000;
const KNOWN_KEYS = ["name", "description", "license", "compatibility", "metadata", "allowed-tools"];

export type SkillText = {
  readonly name: string;
  readonly description: string;
  readonly body: string;
  readonly references: readonly Reference[];
};

/** A skill's text, or why the skill is off; what is odd about it; and where in SKILL.md its parts begin. */
export type SkillFile = {
  readonly skill: SkillText | null;
  readonly off: string | null;
  readonly problems: readonly Problem[];
  readonly bodyLine: number;
  readonly descriptionLine: () => number | undefined;
};

/** Where a skill lies: its name, its folder, how the folder is called in problems, and what to do when there is no SKILL.md. */
export type SkillPlace = {
  readonly name: string;
  readonly folder: string;
  readonly shownAs: string;
  readonly ifMissing: string;
};

/** The place of a skill that belongs to the team. */
export function ownPlace(root: string, name: string): SkillPlace {
  const ifMissing = `write it, or remove "${name}" from skills.yaml`;
  return { name, folder: join(root, SKILLS_DIR, name), shownAs: `${SKILLS_DIR}/${name}`, ifMissing };
}

/**
 * Loads a skill's folder; its name must be a slug. A fault that leaves nothing to work with turns the skill off with one
 * error; everything else is a warning. Never reads outside the skill's folder, never runs what lies in it.
 */
export async function loadSkillFile({ name, folder, shownAs, ifMissing }: SkillPlace): Promise<SkillFile> {
  const file = `${shownAs}/SKILL.md`;
  if (!(await liesWithin(folder, join(folder, "SKILL.md")))) {
    return turnedOff(file, "SKILL.md is a link that leads out of the skill's folder", "put the file itself there");
  }
  const read = await readTextFile(join(folder, "SKILL.md"));
  if ("fault" in read) {
    const { missing, message, line, hint } = read.fault;
    return turnedOff(file, `SKILL.md ${message}`, missing ? ifMissing : hint, line);
  }
  const parsed = await parseSkill(file, name, read.text);
  if (parsed.skill === null) return parsed;
  const { references, problems } = await listReferences(folder, shownAs);
  const skill = { ...parsed.skill, references };
  return { ...parsed, skill, problems: [...parsed.problems, ...problems, ...danglingReferences(file, read.text, references)] };
}

/** The text of a SKILL.md (with `\n` line ends, without byte order mark), without its references. */
export async function parseSkill(file: string, folderName: string, text: string): Promise<SkillFile> {
  const parts = /^---[ \t]*\n([\s\S]*?)(?<=\n)(?:---|\.\.\.)[ \t]*(?:\n|$)/.exec(text);
  if (parts === null) {
    const opened = /^---[ \t]*\n/.test(text);
    const what = opened ? "the frontmatter is not closed" : "SKILL.md has no frontmatter";
    return turnedOff(file, what, 'it begins with a line "---", then name and description, then a line "---"', 1);
  }
  const frontmatter = parts[1] ?? "";
  const rest = text.slice(parts[0].length);
  const body = rest.trim();
  if (frontmatter.length > MAX_FRONTMATTER) {
    const what = `the frontmatter is ${frontmatter.length.toLocaleString("en")} characters long`;
    return turnedOff(file, what, `the limit is ${MAX_FRONTMATTER.toLocaleString("en")}`, 1);
  }
  const { source, problems } = await parseFrontmatter(file, frontmatter);
  if (source === null) {
    const [first] = problems;
    return turnedOff(file, `frontmatter: ${first?.message ?? "cannot be read"}`, first?.hint, first?.line ?? 1);
  }
  if (!isMap(source.data)) return turnedOff(file, "the frontmatter is not a map of keys", "name: … and description: …", 2);
  const { description: typed } = source.data;
  const description = isScalar(typed) ? String(typed).trim() : "";
  if (description === "") {
    const what = typed === undefined || typed === null ? "has no description" : "needs a description of text";
    return turnedOff(
      file,
      `SKILL.md ${what}`,
      "say in a line or two what it does and when to use it",
      source.lineOf(["description"]),
    );
  }
  if (body === "") return turnedOff(file, "SKILL.md has no text below its frontmatter", "the text is what the agent works by");
  const odd = oddities(source.data, folderName, description, body, text);
  const above = text.slice(0, text.length - rest.trimStart().length);
  return {
    skill: { name: folderName, description, body, references: [] },
    off: null,
    bodyLine: above.split("\n").length,
    descriptionLine: () => source.lineOf(["description"]),
    problems: [
      ...problems,
      ...odd.map(({ key, ...rest }) => ({ ...rest, file, line: key === undefined ? undefined : source.lineOf([key]) })),
    ],
  };
}

type Oddity = { key?: string; severity: "warning"; message: string; hint?: string };

/** What is not as the format says, and does no harm. */
function oddities(data: Record<string, unknown>, folderName: string, description: string, body: string, text: string): Oddity[] {
  const found: Oddity[] = [];
  const warn = (message: string, hint: string, key?: string) =>
    found.push({ severity: "warning", message, hint, ...(key === undefined ? {} : { key }) });
  const { name, metadata } = data;
  if (name === undefined || name === null) warn("SKILL.md has no name", `add "name: ${folderName}"`);
  else if (name !== folderName) {
    warn(
      `the name ${JSON.stringify(name)} is not the folder's name`,
      `write "name: ${folderName}"; the folder's name counts`,
      "name",
    );
  }
  if (description.length > MAX_DESCRIPTION) {
    warn(`the description is ${description.length} characters long`, `the format allows ${MAX_DESCRIPTION}`, "description");
  }
  for (const key of Object.keys(data)) {
    if (!KNOWN_KEYS.includes(key)) warn(`unknown frontmatter key "${key}"`, `the format knows ${KNOWN_KEYS.join(", ")}`, key);
  }
  // Values of metadata are texts by the format; `version: 2.0` reads as a number and is as good.
  if (metadata !== undefined && !(isMap(metadata) && Object.values(metadata).every(isScalar))) {
    warn("metadata is not a map of texts", "it is not used", "metadata");
  }
  const lines = text.split("\n").length;
  if (lines > MAX_LINES) warn(`SKILL.md has ${lines} lines`, `move detail to references/: the format says under ${MAX_LINES}`);
  if (body.length > MAX_BODY) {
    warn(
      `the text is ${body.length.toLocaleString("en")} characters long`,
      `over ${MAX_BODY.toLocaleString("en")} costs in every call`,
    );
  }
  return found;
}

/** As written; and when that is no YAML because of `: ` in an unquoted text, once more with such texts quoted. */
async function parseFrontmatter(file: string, text: string): Promise<{ source: YamlSource | null; problems: Problem[] }> {
  const first = await parseYaml(file, text, 1);
  if (first.source !== null) return first;
  const quoted = quoteColons(text);
  if (quoted === text) return first;
  const second = await parseYaml(file, quoted, 1);
  if (second.source === null) return first;
  const problem: Problem = {
    severity: "warning",
    file,
    line: first.problems[0]?.line,
    message: 'an unquoted text contains ": "',
    hint: "put it in double quotes",
  };
  return { source: second.source, problems: [problem, ...second.problems] };
}

/** Quotes plain one-paragraph values of top-level keys; the lines after them keep their numbers. */
function quoteColons(frontmatter: string): string {
  return frontmatter.replace(
    /^([A-Za-z][\w-]*):[ \t]+([^\s"'|>[{&*!%@`#][^\n]*(?:\n[ \t]+[^\n]+)*)$/gm,
    (whole, key: string, value: string) => {
      if (!/:(?:\s|$)/.test(value)) return whole;
      const lines = value.split("\n");
      return `${key}: ${JSON.stringify(lines.map((part) => part.trim()).join(" "))}${"\n".repeat(lines.length - 1)}`;
    },
  );
}

/** Folders below `.agents/skills`, by name; hidden ones are not skills. */
export async function skillFolders(root: string): Promise<string[]> {
  try {
    const entries = await readdir(join(root, SKILLS_DIR), { withFileTypes: true });
    return entries
      .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
      .map((entry) => entry.name)
      .sort();
  } catch {
    return []; // No such folder: then each skill's missing SKILL.md is told by itself.
  }
}

/** True when the path, links resolved, lies in the folder, links resolved; and when there is nothing at the path. */
async function liesWithin(folder: string, path: string): Promise<boolean> {
  try {
    return (await realpath(path)).startsWith((await realpath(folder)) + sep);
  } catch {
    return true; // Reading it says what is wrong.
  }
}

function turnedOff(file: string, reason: string, hint?: string, line?: number): SkillFile {
  const problems = [{ severity: "error" as const, file, line, message: reason, hint }];
  return { skill: null, off: reason, problems, bodyLine: 1, descriptionLine: () => undefined };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
