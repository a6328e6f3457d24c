/** Recordings: what a live run got, as plain files beside the evals, each with the hash of what it was asked with. */

import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { hashOf } from "../domain/deliverable.ts";
import type { Problem } from "../domain/problem.ts";
import { schemaProblems } from "../skills/schema-problems.ts";
import { readTextFile } from "../skills/text-file.ts";
import { evalsFolder } from "./load.ts";

const made = {
  /** SHA-256 of all that the answer depends on: prompt texts, descriptions or playbook, files, model. */
  hash: z.string(),
  model: z.string(),
  /** The address that was asked, when it was not Anthropic's own. */
  endpoint: z.string().nullable(),
  /** UTC day. */
  date: z.string(),
  costUsd: z.number().nonnegative(),
};
const routedAnswer = z.strictObject({ ask: z.string(), given: z.string(), ...made });
export type RoutedAnswer = z.infer<typeof routedAnswer>;

const judgement = z.strictObject({
  verdicts: z.array(z.strictObject({ assertion: z.string(), pass: z.boolean(), quote: z.string(), reason: z.string() })),
  ...made,
});
export type Judgement = z.infer<typeof judgement>;

const arm = z.strictObject({ body: z.string(), judgement, ...made });
export type RecordedArm = z.infer<typeof arm>;

/** `rehearsal`: no model answered. Such a recording is never counted. */
export const recording = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("routing"), skill: z.string(), rehearsal: z.boolean(), answers: z.array(routedAnswer) }),
  z.strictObject({
    kind: z.literal("quality"),
    skill: z.string(),
    id: z.string(),
    rehearsal: z.boolean(),
    with: arm,
    without: arm,
  }),
]);
export type Recording = z.infer<typeof recording>;

/** The hash of anything that has a JSON text. */
export function inputsHash(value: unknown): string {
  return hashOf(JSON.stringify(value));
}

/** Where recordings lie: a skill's folder of them, by the skill's name. */
export type Shelf = (skill: string) => string;

/** Beside the evals of the skill, below the repository's root. */
export function shippedShelf(root: string): Shelf {
  return (skill) => join(root, evalsFolder(skill), "recordings");
}

/** In a workspace: where a rehearsal's recordings go, so that none ever lies beside the real ones. */
export function rehearsalShelf(workspace: string): Shelf {
  return (skill) => join(workspace, "evals-rehearsal", skill);
}

/** The recordings of a skill, and those that cannot be read, as errors: a number must not rest on half of them. */
export async function readRecordings(shelf: Shelf, skill: string): Promise<{ recordings: Recording[]; problems: Problem[] }> {
  const recordings: Recording[] = [];
  const problems: Problem[] = [];
  for (const name of await filesIn(shelf(skill))) {
    const file = join(shelf(skill), name);
    const fail = (message: string) =>
      problems.push({ severity: "error", file, message, hint: "remove it; `evals --live` makes a new one" });
    const read = await readTextFile(file);
    if ("fault" in read) {
      fail(read.fault.message);
      continue;
    }
    let data: unknown;
    try {
      data = JSON.parse(read.text);
    } catch (error) {
      fail(`is not JSON: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    const result = recording.safeParse(data);
    if (!result.success) {
      const [first] = schemaProblems(result.error.issues, recording, { file, data, lineOf: () => undefined });
      fail(`is no recording: ${first?.message ?? "another form"}`);
    } else if (result.data.skill !== skill) fail(`is a recording of "${result.data.skill}"`);
    else recordings.push(result.data);
  }
  return { recordings, problems };
}

/** Writes one whole: a reader sees the old file or the new one. */
export async function writeRecording(shelf: Shelf, entry: Recording): Promise<void> {
  const folder = shelf(entry.skill);
  await mkdir(folder, { recursive: true });
  const file = join(folder, entry.kind === "routing" ? "routing.json" : `quality-${entry.id}.json`);
  await writeFile(`${file}.part`, `${JSON.stringify(entry, null, 2)}\n`);
  await rename(`${file}.part`, file);
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  } catch {
    return []; // Nothing was recorded yet.
  }
}
