/**
 * Skills from elsewhere: folders that skills.yaml names under `external`, whose sub-folders are skills in the open format. They
 * join the team unedited; one that cannot be used is told and left out. Their texts are read, nothing of theirs is ever run.
 */

import type { Dirent } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import type { Problem } from "../domain/problem.ts";
import { type ExternalSkills, type SkillEntry, type SkillsFile, slugName } from "../domain/registry.ts";
import { isReserved } from "./cross-checks.ts";
import { loadSkillFile, ownPlace, type SkillFile, type SkillPlace } from "./skill-file.ts";
import type { YamlFile } from "./yaml-file.ts";

const MAX_FOLDERS = 200;
const MAX_ROLE = 160;

export type External = {
  /** Where the skills lie that have an entry in skills.yaml and no folder in .agents/skills. */
  readonly places: ReadonlyMap<string, SkillPlace>;
  /** Skills without an entry: the entry that the defaults make of each, and its file. */
  readonly members: ReadonlyMap<string, { readonly entry: SkillEntry; readonly file: SkillFile; readonly place: SkillPlace }>;
  /** Warnings that change who is in the team. */
  readonly problems: readonly Problem[];
  /** Warnings about what is odd in a skill and does no harm. */
  readonly oddities: readonly Problem[];
};

const NONE: External = { places: new Map(), members: new Map(), problems: [], oddities: [] };

/**
 * Finds and loads what `external` names; without that key nothing outside `.agents/skills` is looked at. `ownFolders`: the
 * names of the folders in `.agents/skills`, which win against all others. Never throws for what a disk may hold.
 */
export async function loadExternal(root: string, skills: YamlFile<SkillsFile>, ownFolders: readonly string[]): Promise<External> {
  const external = skills.partial?.external;
  if (external === undefined) return NONE;
  const entries = skills.names("skills");
  const problems: Problem[] = [];
  const warn = (file: string, message: string, hint: string) => problems.push({ severity: "warning", file, message, hint });
  const found = new Map<string, SkillPlace>();
  for (const [i, typed] of external.folders.entries()) {
    // Lines cost a second reading of the file: only asked for when there is something to say.
    const at = { file: skills.file, line: () => skills.lineOf(["external", "folders", i]) };
    for (const place of await placesIn(root, typed, at, problems)) {
      const { name, shownAs } = place;
      const other = entries.includes(name) && ownFolders.includes(name) ? ownPlace(root, name) : found.get(name);
      if (other !== undefined) {
        if (!(await isSame(other.folder, place.folder)))
          warn(shownAs, `there is a skill "${name}" already: ${other.shownAs} is used`, "rename one of the folders to use both");
      } else if (isReserved(name)) {
        warn(shownAs, `"${name}" cannot be a skill's name: the skill is left out`, "the engine uses it: rename the folder");
      } else found.set(name, place);
    }
  }
  const places = new Map([...found].filter(([name]) => entries.includes(name)));
  // Defaults that name nobody are told by the checks of skills.yaml, once.
  const usable = skills.names("squads").includes(external.squad) && skills.names("rubrics").includes(external.rubric);
  const strangers = usable ? [...found.values()].filter(({ name }) => !places.has(name)) : [];
  const loaded = await Promise.all(
    strangers.map(async (place) => {
      const file = await loadSkillFile(place);
      return [place.name, { entry: entryOf(external, place.name, file), file, place }] as const;
    }),
  );
  const oddities: Problem[] = [];
  for (const [, { file }] of loaded) {
    if (file.off === null) oddities.push(...file.problems);
    else {
      problems.push(
        ...file.problems.map((one) => ({ ...one, severity: "warning" as const, message: `left out: ${one.message}` })),
      );
    }
  }
  return { places, members: new Map(loaded), problems, oddities };
}

/** skills.yaml as if the strangers had entries: so that routes, pipelines and tools may name them. */
export function withMembers(skills: YamlFile<SkillsFile>, { members }: External): YamlFile<SkillsFile> {
  if (members.size === 0) return skills;
  const joined = Object.fromEntries([...members].map(([name, { entry }]) => [name, entry]));
  const joinTo = (file: SkillsFile | null) => file && { ...file, skills: { ...file.skills, ...joined } };
  return {
    ...skills,
    value: joinTo(skills.value),
    partial: joinTo(skills.partial),
    names: (section) => (section === "skills" ? [...skills.names(section), ...members.keys()] : skills.names(section)),
  };
}

function entryOf({ squad, tier, rubric }: ExternalSkills, name: string, { skill }: SkillFile): SkillEntry {
  const role = roleOf(skill?.description ?? name);
  return { squad, role, tier, rubric, needs: [], feeds: [], sections: [], tools: [] };
}

/** The first sentence of a description on one line, at most 160 characters. */
export function roleOf(description: string): string {
  const line = description.replace(/\s+/g, " ").trim();
  // A stop inside of "e.g. this" ends no sentence.
  const sentence = /^.*?[.!?](?=\s+[\p{Lu}\p{N}"'(]|$)/u.exec(line)?.[0] ?? line;
  if (sentence.length <= MAX_ROLE) return sentence;
  const cut = sentence.slice(0, MAX_ROLE - 1);
  return `${(/^(.+)\s/s.exec(cut)?.[1] ?? cut).replace(/[\ud800-\udbff]$/, "").replace(/[,;:\s]+$/, "")}…`;
}

/** The skills' folders in one directory, by name. What cannot be one is told; hidden folders and loose files are passed over. */
async function placesIn(
  root: string,
  typed: string,
  at: { readonly file: string; readonly line: () => number | undefined },
  problems: Problem[],
): Promise<SkillPlace[]> {
  const directory = resolve(root, typed);
  const shown = typed.replace(/(?<=.)\/+$/, "");
  const warn = (message: string, hint: string, file?: string) =>
    problems.push({
      severity: "warning",
      ...(file === undefined ? { file: at.file, line: at.line() } : { file }),
      message,
      hint,
    });
  let real: string;
  let names: Dirent[];
  try {
    real = await realpath(directory);
    names = (await readdir(directory, { withFileTypes: true })).filter((entry) => !entry.name.startsWith("."));
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    const what = code === "ENOENT" ? "is not there" : code === "ENOTDIR" ? "is not a folder" : `cannot be read (${String(code)})`;
    warn(`external: the folder ${shown} ${what}`, "its skills are left out; paths are relative to skills.yaml, or absolute");
    return [];
  }
  const folders = names
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (folders.length > MAX_FOLDERS) {
    warn(
      `external: ${shown} has ${folders.length} folders`,
      `the first ${MAX_FOLDERS} are read: name a folder that holds only skills`,
    );
  }
  const places: SkillPlace[] = [];
  for (const { name } of folders.slice(0, MAX_FOLDERS)) {
    const folder = await realpath(join(directory, name)).catch(() => null);
    if (!slugName.safeParse(name).success) {
      warn(
        `left out: ${JSON.stringify(name)} is not a usable name`,
        "lower-case words joined by hyphens: rename the folder",
        shown,
      );
    } else if (folder === null || !folder.startsWith(real.endsWith(sep) ? real : real + sep)) {
      warn("left out: it is a link that leads out of its folder", "put the skill itself there", `${shown}/${name}`);
    } else places.push({ name, folder, shownAs: `${shown}/${name}`, ifMissing: "write it, or remove the folder" });
  }
  return places;
}

async function isSame(a: string, b: string): Promise<boolean> {
  try {
    return (await realpath(a)) === (await realpath(b));
  } catch {
    return false;
  }
}
