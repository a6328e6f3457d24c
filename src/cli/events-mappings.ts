/** `marketeam events --mappings`: which events from outside start which pipeline. */

import { RegistryError } from "../bootstrap.ts";
import { EXIT } from "../domain/exit.ts";
import { formatProblem } from "../domain/problem.ts";
import type { EventsFile } from "../domain/registry.ts";
import { loadRegistry } from "../skills/registry.ts";
import { age, columns } from "./columns.ts";
import { note, oneLine, print, printJson, type Styles } from "./output.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";

/** From the team's files alone: no store is opened. */
export async function showMappings(options: CommonOptions): Promise<number> {
  const config = configFor(options);
  const { registry, problems } = await loadRegistry({ root: config.root });
  if (registry === null) throw new RegistryError(problems);
  for (const problem of problems)
    if (problem.file.endsWith("events.yaml")) note(`${problem.severity}: ${formatProblem(problem)}`);
  if (options.json) {
    printJson({
      mappings: Object.entries(registry.events).map(([type, { cooldown, debounce, ...entry }]) => ({
        type,
        ...entry,
        cooldownSeconds: cooldown,
        debounceSeconds: debounce,
      })),
    });
  } else print(mappingsText(registry.events, stylesFor(config)));
  return EXIT.done;
}

function mappingsText(mappings: EventsFile["events"], style: Styles): string {
  const rows = Object.entries(mappings).map(([type, entry]) => [
    entry.enabled ? type : style.dim(type),
    oneLine(entry.pipeline, 40),
    entry.priority,
    entry.when === undefined ? "always" : `${named(entry.when.field)} above ${entry.when.above}`,
    entry.key === undefined ? "" : named(entry.key),
    entry.cooldown === 0 ? "none" : age(entry.cooldown * 1000),
    entry.debounce === 0 ? "none" : age(entry.debounce * 1000),
    entry.enabled ? style.green("on") : style.dim("off"),
  ]);
  if (rows.length === 0) return "No event starts anything. Mappings stand in .agents/events.yaml.";
  return columns([["event", "pipeline", "priority", "when", "for each", "cooldown", "debounce", ""].map(style.dim), ...rows], []);
}

const named = (field: string | readonly string[]) => oneLine(typeof field === "string" ? field : field.join(" or "), 40);
