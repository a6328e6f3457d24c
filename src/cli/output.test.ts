/** Text for a terminal: prose breaks between words, paths can be opened as they are printed. */

import { expect, test } from "bun:test";
import { columnsOf, fits, openable, wrap } from "./output.ts";

test("prose breaks between words and hangs below its beginning", () => {
  const text = "  - who buys the product, what it does for them and how it speaks";
  const wrapped = wrap(text, 30, "    ");
  expect(wrapped).toBe("  - who buys the product, what\n    it does for them and how\n    it speaks");
  expect(fits(wrapped, 30)).toBe(true);
  expect(fits(text, 30)).toBe(false);
});

test("without a terminal, or where all fits, a line stays as it is", () => {
  const text = "  two  spaces and a word/that/is/longer/than/any/terminal/is/wide";
  expect(wrap(text, null)).toBe(text);
  expect(wrap(text, 200)).toBe(text);
  expect(fits(text, null)).toBe(true);
  expect(columnsOf({})).toBeNull();
  expect(columnsOf({ isTTY: true, columns: 60 })).toBe(60);
  expect(columnsOf({ isTTY: true, columns: 0 })).toBe(80);
});

test("a word that is longer than the terminal stays whole", () => {
  expect(wrap("see workspace/outputs/convert/page-cro/page.md now", 24)).toBe(
    "see\nworkspace/outputs/convert/page-cro/page.md\nnow",
  );
});

test("a path is short below one's own folder, and whole elsewhere", () => {
  expect(openable("/home/jo/team/workspace", "goals/a.md", "/home/jo/team")).toBe("workspace/goals/a.md");
  expect(openable("/home/jo/team/workspace", "goals/a.md", "/home/jo/team/workspace")).toBe("goals/a.md");
  expect(openable("/srv/w", "goals/a.md", "/home/jo")).toBe("/srv/w/goals/a.md");
  expect(openable("/home/jo/..odd", "a.md", "/home/jo")).toBe("/home/jo/..odd/a.md");
});
