/** The schedules' file: read with what cannot fire, and changed by program without losing a comment, whole or not at all. */

import { constants } from "node:fs";
import { access, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Document, YAMLMap } from "yaml";
import { suggest, type Problem } from "../domain/problem.ts";
import { schedulesFile, type Registry, type SchedulesFile } from "../domain/registry.ts";
import { checkSchedules } from "../skills/pipeline-checks.ts";
import { readYamlFile, type YamlFile } from "../skills/yaml-file.ts";
import { loadTimes } from "./schedule-times.ts";

export const SCHEDULES_FILE = ".agents/schedules.yaml";

/** An entry as it is written: what is left out has its default. */
export type NewSchedule = {
  readonly cron: string;
  readonly zone?: string;
  readonly pipeline: string;
  readonly priority?: string;
  readonly catch_up?: string | number;
};

/** What stands in the way of a change, in one line, and what to do about it. */
export type Refusal = { readonly problem: string; readonly hint: string | null };

type Place = {
  /** Where skills.yaml and .agents/ lie. */
  readonly root: string;
  /** The pipelines that there are. */
  readonly pipelines: readonly string[];
};

/** The schedules with a usable cron and zone, those too whose pipeline cannot be used: their ticks are skipped as broken. */
export async function readSchedules(root: string): Promise<Registry["schedules"]> {
  const file = await readYamlFile({ root, file: SCHEDULES_FILE, required: false }, schedulesFile);
  const schedules = Object.entries(file.partial?.schedules ?? {});
  const faults = await faultsOf(
    file,
    schedules.map(([, schedule]) => schedule.pipeline),
  );
  return Object.fromEntries(schedules.filter(([name]) => !faults.has(name)));
}

/** Adds an entry at the end. Returns null once it is written, or why nothing was. `now`: UTC ms. */
export async function addSchedule(
  place: Place,
  { name, schedule, now }: { name: string; schedule: NewSchedule; now: number },
): Promise<Refusal | null> {
  return change(place, {
    edit(yaml, document) {
      const map = mapOf(yaml, document);
      if (map?.has(name) === true)
        return {
          problem: `there is a schedule "${name}" already`,
          hint: `take another name, or \`schedules remove ${name}\` first`,
        };
      // `schedules: {}` stands on a line; an entry deserves lines of its own.
      if (map === null || map.items.length === 0) document.set("schedules", document.createNode({}));
      const entry = document.createNode(schedule);
      const cron = entry.get("cron", true);
      if (yaml.isScalar(cron)) cron.type = "QUOTE_DOUBLE";
      document.setIn(["schedules", name], entry);
      return null;
    },
    async check(after) {
      // A name that no file can hold is passed over in silence where the file is read.
      const read = after.partial?.schedules[name];
      if (read === undefined || !Object.hasOwn(after.partial?.schedules ?? {}, name))
        return { problem: `"${name}" cannot be the name of a schedule`, hint: "lower-case words joined by hyphens" };
      const times = (await loadTimes())(read);
      if (times.next(now) !== null) return null;
      return { problem: `schedule ${name}: cron "${schedule.cron}" never fires`, hint: "no such day comes" };
    },
  });
}

/** Takes an entry out, with the comment above it. Returns null once it is written, or why nothing was. */
export async function removeSchedule(place: Place, name: string): Promise<Refusal | null> {
  return change(place, {
    edit(yaml, document) {
      const map = mapOf(yaml, document);
      const names = map?.items.map(({ key }) => String(yaml.isScalar(key) ? key.value : key)) ?? [];
      if (map === null || !names.includes(name)) return { problem: `there is no schedule "${name}"`, hint: suggest(name, names) };
      // For the parser, the comment above the first entry is the whole map's.
      if (names[0] === name) map.commentBefore = null;
      map.delete(name);
      if (map.items.length === 0) document.set("schedules", document.createNode({}));
      return null;
    },
    check: async () => null,
  });
}

type Yaml = typeof import("yaml");

function mapOf(yaml: Yaml, document: Document): YAMLMap | null {
  const map = document.get("schedules", true);
  return yaml.isMap(map) ? (map as YAMLMap) : null;
}

/** Edits the file's text, checks what came out as the registry would, and only then puts it in the old one's place. */
async function change(
  { root, pipelines }: Place,
  {
    edit,
    check,
  }: {
    edit: (yaml: Yaml, document: Document) => Refusal | null;
    check: (after: YamlFile<SchedulesFile>) => Promise<Refusal | null>;
  },
): Promise<Refusal | null> {
  const path = await realpath(join(root, SCHEDULES_FILE)).catch(() => null);
  if (path === null) return { problem: `${SCHEDULES_FILE} is missing`, hint: 'write "schedules: {}" into it' };
  const text = await readFile(path, "utf8");
  const before = await readYamlFile({ root: dirname(path), file: basename(path), required: true }, schedulesFile);
  if (before.partial === null) {
    const problem = before.problems[0]?.message ?? "cannot be used";
    return { problem: `${SCHEDULES_FILE}: ${problem}`, hint: "mend it first: see `validate`" };
  }
  const yaml = await import("yaml");
  const document = yaml.parseDocument(text);
  const [fault] = document.errors;
  if (fault) return { problem: `${SCHEDULES_FILE}: ${fault.message.split("\n", 1)[0]}`, hint: "mend it first: see `validate`" };
  const refused = edit(yaml, document);
  if (refused) return refused;

  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    await access(path, constants.W_OK);
    await writeNew(temporary, document.toString({ lineWidth: 0 }), (await stat(path)).mode);
    const after = await readYamlFile({ root: dirname(path), file: basename(temporary), required: true }, schedulesFile);
    // What was wrong before is not this change's.
    const old = new Set((await allProblems(before, pipelines)).map(({ message }) => message));
    const fresh = (await allProblems(after, pipelines)).find(({ message }) => !old.has(message));
    if (fresh) return { problem: fresh.message, hint: fresh.hint ?? null };
    const refusal = await check(after);
    if (refusal) return refusal;
    if ((await readFile(path, "utf8")) !== text)
      return { problem: `${SCHEDULES_FILE} was changed by somebody else just now`, hint: "try again" };
    await rename(temporary, path);
    return null;
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    return { problem: `${path} cannot be written: ${error.message}`, hint: "make the file and its folder writable" };
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function allProblems(file: YamlFile<SchedulesFile>, pipelines: readonly string[]): Promise<Problem[]> {
  return [...file.problems, ...[...(await faultsOf(file, pipelines)).values()].flat()];
}

function faultsOf(file: YamlFile<SchedulesFile>, pipelines: readonly string[]): Promise<Map<string, Problem[]>> {
  return checkSchedules(file, { skills: [], squads: [], rubrics: [], categories: [], pipelines });
}
