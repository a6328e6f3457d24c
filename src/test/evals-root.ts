/** Test fixture: the shipped team in a folder of its own, with a few evals that are ours and no recordings. */

import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Registry } from "../domain/registry.ts";
import { loadEvals, type LoadedEvals } from "../evals/load.ts";
import { shippedShelf } from "../evals/recording.ts";
import { standingOf } from "../evals/standing.ts";
import { ROOT, tempDir } from "./cli.ts";

export const CONTEXT = "examples/acme/product-marketing-context.md";

export const ROUTING = {
  copywriting: `- ask: write me a landing page for our tea shop
- ask: the headline should sell, the page exists but the words are bad. new words pls
  near: copy-editing
`,
  "copy-editing": `- ask: proofread this draft before it goes out, keep my voice
  near: copywriting
- ask: quarkwhistle
`,
};

const brief = (id: string, more: object = {}) => ({
  id,
  prompt: `Write the home page of Acme (${id}). The reader runs a small clinic. One action: start the trial.`,
  files: [CONTEXT],
  expected_output: "A page with one promise.",
  assertions: ["The page names the price of 49 EUR.", "The page has one button text."],
  checks: [
    { must: "\\brehearsal\\b", why: "the fixture's text" },
    { must_not: "\\bguaranteed\\b", why: "no promise of results" },
  ],
  ...more,
});

export const EVALS = {
  copywriting: { skill_name: "copywriting", evals: [brief("home-page"), brief("price-page")] },
  "copy-editing": { skill_name: "copy-editing", evals: [brief("a-draft", { files: [CONTEXT, "notes/draft.md"] })] },
};

/** Writes files below a folder, making folders as needed. */
export async function write(root: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** Only evals and their files: enough with a registry that is loaded from elsewhere. */
export function evalFiles(): Record<string, string> {
  return {
    [CONTEXT]: "# Product context\n\n## Overview\n\nAcme is booking software for clinics. It costs 49 EUR a month.\n",
    "notes/draft.md": "# Draft\n\nAcme helps clinics to fill free slots within a minute.\n",
    ...Object.fromEntries(Object.entries(ROUTING).map(([skill, text]) => [`.agents/skills/${skill}/evals/routing.yaml`, text])),
    ...Object.fromEntries(
      Object.entries(EVALS).map(([skill, data]) => [`.agents/skills/${skill}/evals/evals.json`, JSON.stringify(data, null, 2)]),
    ),
  };
}

/** A copy of the team's files whose evals are these alone. */
export async function evalsRoot(): Promise<Awaited<ReturnType<typeof tempDir>>> {
  const dir = await tempDir();
  for (const name of ["skills.yaml", "tools.yaml", ".agents"])
    await cp(join(ROOT, name), join(dir.path, name), {
      recursive: true,
      filter: (path) => !/[\\/]evals(?:[\\/]|$)/.test(path.slice(ROOT.length)),
    });
  await write(dir.path, evalFiles());
  return dir;
}

/** A folder with the evals alone, and what stands of its recordings with a registry. */
export async function evalsFolderWith(registry: Registry, files = evalFiles()) {
  const dir = await tempDir();
  await write(dir.path, files);
  const shelf = shippedShelf(dir.path);
  const load = (): Promise<LoadedEvals> => loadEvals(dir.path, registry);
  return {
    path: dir.path,
    shelf,
    load,
    stand: async (rehearsal = false, team = registry) => standingOf(shelf, (await load()).sets, team, rehearsal),
    write: (changed: Record<string, string>) => write(dir.path, changed),
    remove: (path: string) => rm(join(dir.path, path), { recursive: true }),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}
