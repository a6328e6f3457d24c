/** What the report says first, and that what is missing is said once. */

import { expect, test } from "bun:test";
import { missingInputs, opening } from "./report-file.ts";

test("the closing word stands in paragraphs under its headline, which is not the title again", () => {
  const summary = ["Two pages are written.", "The price is open."];
  const paragraphs = ["Two pages are written.", "", "The price is open.", ""];
  expect(opening("Pages", { headline: "Two pages, one open price", summary })).toEqual([
    "**Two pages, one open price**",
    "",
    ...paragraphs,
  ]);
  expect(opening("Pages", { headline: "Pages", summary })).toEqual(paragraphs);
});

test("the same missing thing in other spelling is said once, in the first words", () => {
  expect(missingInputs(["The price list"], [{ missing: ["the price list.", "A date"] }, { missing: ["a  DATE"] }])).toEqual([
    "The price list",
    "A date",
  ]);
});
