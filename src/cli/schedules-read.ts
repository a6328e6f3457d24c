/** What the `schedules` commands share: their options, the entries of the file, and the next firings of one. */

import { RegistryError } from "../bootstrap.ts";
import type { RuntimeConfig } from "../config.ts";
import type { Registry } from "../domain/registry.ts";
import { loadRegistry } from "../skills/registry.ts";
import { readSchedules } from "../triggers/schedule-file.ts";
import { loadTimes } from "../triggers/schedule-times.ts";
import { note } from "./output.ts";
import type { RunFlags } from "./session.ts";

export type SchedulesOptions = RunFlags & {
  readonly cron?: string;
  readonly pipeline?: string;
  readonly zone?: string;
  readonly priority?: string;
  readonly catchUp?: string;
  readonly force?: boolean;
  readonly work?: boolean;
};

const NEXT_SHOWN = 2;

/** The team's files, and the schedules with those whose pipeline cannot be used. Faults in the file are told on stderr. */
export async function loadSchedules(
  config: Pick<RuntimeConfig, "root">,
): Promise<{ registry: Registry; all: Registry["schedules"] }> {
  const { registry, problems } = await loadRegistry({ root: config.root });
  if (registry === null) throw new RegistryError(problems);
  const faulty = problems.filter((problem) => problem.file.endsWith("schedules.yaml") && problem.severity === "error").length;
  if (faulty > 0)
    note(`${faulty} ${faulty === 1 ? "error" : "errors"} in the schedules' file: see \`validate\`. What is wrong fires nothing.`);
  return { registry, all: await readSchedules(config.root) };
}

/** The next two firings after an instant; none for a schedule that is off. */
export async function nextFirings(
  schedule: { readonly cron: string; readonly zone: string; readonly enabled: boolean },
  after: Date,
): Promise<Date[]> {
  if (!schedule.enabled) return [];
  const times = (await loadTimes())(schedule);
  const found: Date[] = [];
  for (let at = times.next(after.getTime()); at !== null && found.length < NEXT_SHOWN; at = times.next(at))
    found.push(new Date(at));
  return found;
}
