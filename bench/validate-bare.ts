/** The bare baseline of `validate`: reads the same files and parses their YAML, and looks at nothing. As a program: once, and ends. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const YAML = [
  "skills.yaml",
  "tools.yaml",
  ...["pipelines", "routing", "schedules", "events", "models"].map((name) => `.agents/${name}.yaml`),
];
const TEXTS = ["charter", "house-rules", "reviewer"].map((name) => `.agents/${name}.md`);

/** Reads and parses what stands below `root`; comes back with the number of characters, so that nothing is left out as unused. */
export async function readBare(root: string): Promise<number> {
  const read = (file: string) => readFile(join(root, file), "utf8");
  const skills = await readdir(join(root, ".agents/skills"));
  const files = await Promise.all([...YAML, ...TEXTS, ...skills.map((name) => `.agents/skills/${name}/SKILL.md`)].map(read));
  files.forEach((text, i) => {
    const yaml = i < YAML.length ? text : /^---\n([\s\S]*?\n)---\n/.exec(text)?.[1];
    if (yaml !== undefined) Bun.YAML.parse(yaml);
  });
  return files.reduce((sum, text) => sum + text.length, 0);
}

if (import.meta.main) await readBare(process.argv[2] ?? ".");
