/** What is missing is said once. */

import { expect, test } from "bun:test";
import { missingInputs } from "./report-file.ts";

test("the same missing thing in other spelling is said once, in the first words", () => {
  expect(missingInputs(["The price list"], [{ missing: ["the price list.", "A date"] }, { missing: ["a  DATE"] }])).toEqual([
    "The price list",
    "A date",
  ]);
});
