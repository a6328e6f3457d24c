/** The examples that we ship: finished work passes the structural check, and product contexts are complete. */

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { structureFindings } from "../director/review/structure.ts";
import { filledSections } from "../domain/product-context.ts";
import { loadRegistry } from "../skills/registry.ts";
import { missingLines, play, stepsOf } from "./tour.ts";

const root = join(import.meta.dir, "../..");
const { registry } = await loadRegistry({ root });
const read = (...path: string[]) => Bun.file(join(root, ...path)).text();

test.each(["copywriting", "seo-audit", "ab-test-setup"])("the %s example passes the structural check", async (name) => {
  const body = await read("docs", "examples", `${name}.md`);
  const sections = registry?.skills.get(name)?.sections ?? [];
  expect(sections.length).toBeGreaterThan(3);
  expect(structureFindings({ body, requiredSections: sections, secrets: [] })).toEqual([]);
  const headings = [...body.matchAll(/^## (.+)$/gm)].map((match) => match[1] ?? "");
  expect(headings).toEqual([...sections]);
  expect(body.trimEnd()).toMatch(/<handoff>\nmissing:\n(?:- .+\n)+assumed:\n(?:- .+\n)+<\/handoff>$/);
});

test.each(["umami", "payload", "calcom"])("the product context of %s is complete and says what it is", async (name) => {
  const body = await read("examples", name, "product-marketing-context.md");
  expect(filledSections(body).empty).toEqual([]);
  expect(body.split("\n", 1)[0]).toContain("example made from public sources");
});

test.each(["umami", "payload"])(
  "the goals on %s run as their page says, and what they left behind is there",
  async (name) => {
    const steps = stepsOf(await read("examples", name, "README.md"));
    expect(steps).toHaveLength(3);
    for (const step of await play(steps)) expect({ ...step, missing: missingLines(step) }).toEqual({ ...step, missing: [] });
    const left = steps.flatMap((step) => step.expected.flatMap((line) => line.match(/outputs\/\S+$/) ?? []));
    expect(left.length).toBeGreaterThan(6);
    for (const path of left) {
      expect([path, existsSync(join(root, "examples", name, "workspace", path))]).toEqual([path, true]);
      const review = `reviews/${path.split("/").at(-1)}`;
      expect([review, existsSync(join(root, "examples", name, "workspace", review))]).toEqual([review, true]);
    }
    const transcript = await read("examples", name, "transcript.txt");
    for (const { command } of steps) expect(transcript).toContain(`$ ${command}\n`);
  },
  60_000,
);
