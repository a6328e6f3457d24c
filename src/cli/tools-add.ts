/** `marketeam tools add`: an entry of the catalogue into tools.yaml, and what it needs from the user. */

import { EXIT } from "../domain/exit.ts";
import { nearest } from "../domain/problem.ts";
import type { Catalogue, CatalogueEntry } from "../domain/tool-catalogue.ts";
import { serverName } from "../domain/tools-file.ts";
import { catalogued, variablesIn } from "../domain/tool-transport.ts";
import { loadRegistry } from "../skills/registry.ts";
import { UsageError } from "./errors.ts";
import { oneLine, print, printJson, table } from "./output.ts";
import { configFor, stylesFor } from "./session.ts";
import { catalogueOf, type ToolsOptions } from "./tools-catalogue.ts";
import { addServers, readTools, TOOLS_FILE } from "./tools-change.ts";

export async function add(typed: string | undefined, options: ToolsOptions): Promise<number> {
  const config = configFor({});
  const catalogue = await catalogueOf(config);
  if (typed === undefined) return showCatalogue(catalogue, options);
  const name = typed.trim().toLowerCase();
  const entry = Object.hasOwn(catalogue, name) ? catalogue[name] : undefined;
  if (entry === undefined) {
    const near = nearest(name, Object.keys(catalogue));
    throw new UsageError(
      `the catalogue has no "${oneLine(typed, 60)}"`,
      near !== null
        ? `did you mean "${near}"?`
        : `\`tools add\` lists what it has; \`tools import <file>\` takes a block from elsewhere`,
    );
  }
  if (entry.server === null)
    throw new UsageError(`there is no server for ${entry.title} that can be vouched for`, entry.instead ?? null);
  const as = options.as ?? name;
  if (!serverName.safeParse(as).success)
    throw new UsageError(
      `"${oneLine(as, 60)}" cannot be a server's name`,
      "letters, digits, hyphens and underscores, at most 40",
    );
  const there = await readTools(config.root);
  if (Object.hasOwn(there.mcpServers, as))
    throw new UsageError(
      `there is a server "${as}" already in ${TOOLS_FILE}`,
      `edit it, or add a second one: tools add ${name} --as ${name}-2`,
    );
  // Where neither package nor address says whose it is (a server on this machine), the entry does.
  const provider = catalogued(entry.server, catalogue) === null ? { provider: name } : {};
  const written = { ...entry.server, role: entry.role, ...provider, ...(entry.skills ? { skills: entry.skills } : {}) };
  await addServers(config.root, [{ name: as, entry: written, comment: `${entry.title}, from the catalogue (${entry.checked})` }]);

  const needs = variablesOf(entry).map((variable) => ({
    variable,
    set: config.variable(variable) !== null,
    ...describe(entry, variable),
  }));
  const { registry } = await loadRegistry({ root: config.root });
  const skills =
    entry.skills ??
    [...(registry?.skills.values() ?? [])].filter((skill) => skill.tools.includes(entry.role)).map(({ name: skill }) => skill);
  if (options.json) {
    printJson({
      added: as,
      catalogue: name,
      file: TOOLS_FILE,
      role: entry.role,
      skills,
      needs,
      headless: entry.headless,
      unsure: entry.unsure,
      instead: entry.instead ?? null,
    });
    return EXIT.done;
  }
  const { dim, yellow } = stylesFor(config);
  const out = [
    `Added ${as} to ${TOOLS_FILE}: ${entry.title}, for ${skills.length === 0 ? "no skill yet (name them under skills:)" : skills.join(", ")}.`,
  ];
  for (const { variable, set, where, least } of needs) {
    out.push(`  ${set ? "" : yellow("set ")}${variable}${set ? dim(" (is set)") : ` in .env: ${where}`}`);
    if (least !== null && !set) out.push(dim(`    enough: ${least}`));
  }
  if (entry.headless === "no")
    out.push("  It needs a login in the browser: a daemon can use it only after you have logged in here.");
  for (const line of entry.unsure) out.push(dim(`  not sure: ${line}`));
  if (entry.instead !== undefined) out.push(`  ${entry.instead}`);
  out.push(`  Next: bun run start tools test ${as}`);
  print(out.join("\n"));
  return EXIT.done;
}

function showCatalogue(catalogue: Catalogue, options: ToolsOptions): number {
  const entries = Object.entries(catalogue).toSorted(([a, left], [b, right]) =>
    left.role === right.role ? (a < b ? -1 : 1) : left.role < right.role ? -1 : 1,
  );
  if (options.json) {
    printJson({
      catalogue: entries.map(([name, entry]) => ({
        name,
        title: entry.title,
        role: entry.role,
        server: entry.server !== null,
        headless: entry.headless,
        needs: variablesOf(entry),
        unsure: entry.unsure,
        instead: entry.instead ?? null,
        source: entry.source,
        checked: entry.checked,
      })),
    });
    return EXIT.done;
  }
  if (entries.length === 0)
    throw new UsageError("there is no catalogue here", "tools import <file> takes a block from elsewhere");
  const { bold, dim } = stylesFor(configFor({}));
  const rows = entries.map(([name, entry]) => [
    entry.role,
    name,
    entry.title,
    entry.server === null
      ? dim("no server to vouch for")
      : variablesOf(entry).join(" ") ||
        { yes: "nothing", no: "a login in the browser", unknown: "a login, or a start by hand" }[entry.headless],
  ]);
  print(
    `${table([["role", "name", "", "needs"].map(bold), ...rows])}\n\nAdd one: bun run start tools add <name>. Not here? tools import <file>, or paste its block into ${TOOLS_FILE}.`,
  );
  return EXIT.done;
}

/** The variables that a new entry refers to, in their order. */
function variablesOf({ server }: CatalogueEntry): string[] {
  return server === null ? [] : [...new Set(variablesIn(JSON.stringify(server)))];
}

function describe(entry: CatalogueEntry, variable: string): { where: string; least: string | null } {
  const known = Object.hasOwn(entry.variables, variable) ? entry.variables[variable] : undefined;
  return { where: known?.where ?? "see its documentation", least: known?.least ?? null };
}
