/** The documentation hangs together: the index has every page once, and no link leads nowhere. */

import { expect, test } from "bun:test";
import { Glob } from "bun";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { ROOT } from "./cli.ts";

/** Links of a page, without those in code. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
}

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
}

test("the index has every page of docs/ once", async () => {
  const linked = linksOf(await readFile(join(ROOT, "docs/README.md"), "utf8")).map((link) => link.replace(/#.*/, ""));
  const pages = (await readdir(join(ROOT, "docs"))).filter((name) => name.endsWith(".md") && name !== "README.md");
  const rows = linked.filter((link) => pages.includes(link)).toSorted();
  // The tour stands in the first sentence as well.
  rows.splice(rows.indexOf("tour.md"), 1);
  expect(rows).toEqual(pages.toSorted());
});

test("no link leads nowhere", async () => {
  const dead: string[] = [];
  let seen = 0;
  const pages = ["README.md", "CLAUDE.md"];
  for (const folder of ["docs", "examples"])
    for await (const page of new Glob("**/*.md").scan({ cwd: join(ROOT, folder) }))
      // Texts of others and of agents speak of their own files.
      if (!/source-README|^[^/]+\/(?:workspace|runs?)\//.test(page)) pages.push(join(folder, page));
  for (const page of pages) {
    const text = await readFile(join(ROOT, page), "utf8");
    for (const link of linksOf(text)) {
      if (/^[a-z]+:/.test(link)) continue;
      seen++;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? join(ROOT, page) : resolve(ROOT, dirname(page), path);
      const there = existsSync(target) && !relative(ROOT, target).startsWith("..");
      if (!there) dead.push(`${page}: ${link}`);
      else if (anchor !== undefined && !anchorsOf(await readFile(target, "utf8")).includes(anchor)) dead.push(`${page}: ${link}`);
    }
  }
  expect(seen).toBeGreaterThan(60);
  expect(dead).toEqual([]);
});

test("links in code are no links, and headings become anchors as on GitHub", () => {
  expect(linksOf("[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n[g](#h)")).toEqual(["b.md", "#h"]);
  expect(anchorsOf("# Dead letters\n## What leaves `the` house: all?")).toEqual(["dead-letters", "what-leaves-the-house-all"]);
});
