/** Reads the catalogue of vetted tools: every YAML file below `.agents/tools`. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../domain/problem.ts";
import { type Catalogue, catalogueFile, type CatalogueEntry } from "../domain/tool-catalogue.ts";
import { readYamlFile } from "./yaml-file.ts";

const CATALOGUE_DIR = ".agents/tools";

/** Sound entries by name, and what is wrong with the others. `there` is false when the folder is missing. */
export async function loadToolCatalogue(
  root: string,
): Promise<{ readonly catalogue: Catalogue; readonly problems: readonly Problem[]; readonly there: boolean }> {
  const names = await readdir(join(root, CATALOGUE_DIR)).catch(() => null);
  if (names === null) return { catalogue: {}, problems: [], there: false };
  const files = await Promise.all(
    names
      .filter((name) => name.endsWith(".yaml"))
      .sort()
      .map((name) => readYamlFile({ root, file: `${CATALOGUE_DIR}/${name}`, required: true }, catalogueFile)),
  );
  const catalogue: Record<string, CatalogueEntry> = {};
  const problems: Problem[] = files.flatMap((file) => file.problems);
  for (const file of files)
    for (const [name, entry] of Object.entries(file.partial?.catalogue ?? {})) {
      if (Object.hasOwn(catalogue, name)) {
        const line = file.lineOf(["catalogue", name]);
        problems.push({
          severity: "error",
          file: file.file,
          line,
          message: `"${name}" stands in another file of the catalogue too`,
        });
      } else catalogue[name] = entry;
    }
  return { catalogue, problems, there: true };
}
