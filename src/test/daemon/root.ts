/** A team's files for daemon tests: the shipped ones, with short pipelines and schedules, events and notices of the test's own. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../cli.ts";

/** One piece of work; two, one after the other. Short, so that a kill or an outage meets many goals and not one. */
const PIPELINES = `
  Short:
    category: content
    fits: A test.
    steps:
      - { skill: copywriting, phase: Create, brief: Write one sentence., criteria: [It is one sentence] }
  Later:
    category: content
    fits: A test that can wait.
    batch: allowed
    steps:
      - { skill: copywriting, phase: Create, brief: Write one sentence., criteria: [It is one sentence] }
  Pair:
    category: content
    fits: A test of two steps.
    steps:
      - { skill: copywriting, phase: Create, brief: Write one sentence., criteria: [It is one sentence] }
      - { skill: copy-editing, phase: Create, brief: Edit the sentence., criteria: [It is one sentence] }
`;

export type TeamFiles = { readonly schedules?: string; readonly events?: string; readonly notify?: string };

/** Copies the team's files to `root` and puts these in the place of the shipped ones; without schedules nothing is due. */
export async function makeTeam(root: string, files: TeamFiles): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const part of ["skills.yaml", "tools.yaml", ".agents"]) await cp(join(ROOT, part), join(root, part), { recursive: true });
  const pipelines = join(root, ".agents/pipelines.yaml");
  await writeFile(pipelines, `${(await readFile(pipelines, "utf8")).trimEnd()}\n${PIPELINES}`);
  await writeFile(join(root, ".agents/schedules.yaml"), files.schedules ?? "schedules: {}\n");
  if (files.events !== undefined) await writeFile(join(root, ".agents/events.yaml"), files.events);
  await writeFile(join(root, ".agents/notify.yaml"), files.notify ?? "channels: {}\n");
}
