/** Which sections of a product context say something. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { CONTEXT_SECTIONS, filledSections } from "./product-context.ts";

const NAMES = CONTEXT_SECTIONS.map(([name]) => name);

test("there are twelve, and an empty document has none", () => {
  expect(NAMES.length).toBe(12);
  expect(filledSections("")).toEqual({ filled: [], empty: [...NAMES] });
});

test("headings are known with numbers, emphasis, a colon, in any case and with Windows line ends", () => {
  for (const heading of ["## Overview", "## 1. Overview", "## 2) OVERVIEW", "## **Overview**", "##  Overview: ", "## `overview`"])
    for (const end of ["\n", "\r\n"])
      expect([heading, filledSections(`# X${end}${heading}${end}${end}Tea.${end}`).filled]).toEqual([heading, ["Overview"]]);
});

test("a section that only says that nothing is known is empty", () => {
  for (const text of ["", "  \n\n", "Not known yet.", "unknown", "(none)", "To be filled in."])
    expect([text, filledSections(`## Overview\n${text}\n## Goals\nMore.`).filled]).toEqual([text, ["Goals"]]);
  expect(filledSections("## Overview\nUnknown to most, loved by few.").filled).toEqual(["Overview"]);
});

test("smaller headings belong to the section; other headings of its rank and an empty one do not", () => {
  expect(filledSections("## Pains\n### First\nSlow.\n##\n## Notes\nx\n## Goals\n## Personas\nAnna.").filled).toEqual([
    "Personas",
    "Pains",
  ]);
});

test("property: exactly the sections with a text are filled, in the document's own order of sections", () => {
  fc.assert(
    fc.property(fc.subarray([...NAMES]), fc.subarray([...NAMES]), (there, withText) => {
      const body = there.toReversed().map((name) => `## ${name}\n\n${withText.includes(name) ? "Words." : ""}\n`);
      const { filled, empty } = filledSections(body.join("\n"));
      expect(filled).toEqual(NAMES.filter((name) => there.includes(name) && withText.includes(name)));
      expect([...filled, ...empty].sort()).toEqual([...NAMES].sort());
    }),
  );
});

test("a long line of spaces takes no time", () => {
  const started = performance.now();
  filledSections(`## a${" ".repeat(1_000_000)}b`);
  expect(performance.now() - started).toBeLessThan(5_000);
}, 60_000);
