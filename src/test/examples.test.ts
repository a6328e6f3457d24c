/** The examples that we ship: finished work passes the structural check, and product contexts are complete. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { structureFindings } from "../director/review/structure.ts";
import { filledSections } from "../domain/product-context.ts";
import { loadRegistry } from "../skills/registry.ts";

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
