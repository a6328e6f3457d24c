/** The catalogue as the command line knows it: this team's, or the program's own. */

import { PACKAGE_ROOT, type RuntimeConfig } from "../config.ts";
import type { Catalogue } from "../domain/tool-catalogue.ts";
import { loadToolCatalogue } from "../skills/tool-catalogue.ts";
import { table } from "./output.ts";

export type ToolsOptions = {
  readonly json?: boolean;
  /** export: the program it is for. */
  readonly for?: string;
  /** add: the name in tools.yaml. */
  readonly as?: string;
};

/** The catalogue of this team; a team that has none of its own has the program's. */
export async function catalogueOf(config: Pick<RuntimeConfig, "root">): Promise<Catalogue> {
  const own = await loadToolCatalogue(config.root);
  return own.there || config.root === PACKAGE_ROOT ? own.catalogue : (await loadToolCatalogue(PACKAGE_ROOT)).catalogue;
}

/** What the catalogue has, a role a line. */
export function rolesText(catalogue: Catalogue): string {
  const roles = new Map<string, string[]>();
  for (const [name, { role }] of Object.entries(catalogue)) roles.set(role, [...(roles.get(role) ?? []), name]);
  return table([...roles].sort(([a], [b]) => (a < b ? -1 : 1)).map(([role, names]) => [`  ${role}`, names.sort().join(", ")]));
}
