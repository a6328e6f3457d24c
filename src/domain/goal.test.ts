/** The text of a goal: what may be typed, what is refused and in which words, and its short title. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkGoalText, GOAL_MAX_CHARS, titleOf } from "./goal.ts";

const problemOf = (typed: string) => {
  const checked = checkGoalText(typed);
  return "problem" in checked ? checked.problem : null;
};

describe("checkGoalText", () => {
  test("newlines and tabs stay, ends and carriage returns go", () => {
    expect(checkGoalText("  More\tsignups\r\nplease\r \n")).toEqual({ text: "More\tsignups\nplease" });
  });

  test("nothing but space is empty", () => {
    for (const typed of ["", " ", "\n\t \r\n"]) expect(problemOf(typed)).toContain("the goal is empty");
  });

  test("the limit itself passes, one more does not, and the message says both figures", () => {
    expect(problemOf("a".repeat(GOAL_MAX_CHARS))).toBeNull();
    expect(problemOf("a".repeat(GOAL_MAX_CHARS + 1))).toContain("20,001 characters long, the limit is 20,000");
  });

  test("every control character but newline and tab is refused with its code and place", () => {
    const codes = [...Array.from({ length: 32 }, (_, i) => i), ...Array.from({ length: 33 }, (_, i) => 127 + i), 0x2028, 0x2029];
    for (const code of codes) {
      const character = String.fromCharCode(code);
      const problem = problemOf(`a${character}b`);
      if ("\n\t\r".includes(character)) expect(problem).toBeNull();
      else expect(problem).toContain(`U+${code.toString(16).padStart(4, "0")}) at position 2`);
    }
  });

  test("fuzz: never throws; a text that passes is clean, within the limit, and passes again as it is", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary-ascii", maxLength: 300 }), fc.string({ unit: "grapheme", maxLength: 100 })),
        (typed) => {
          const checked = checkGoalText(typed);
          if ("problem" in checked) return expect(checked.problem.split("\n").length).toBe(1);
          expect(checked.text).toBe(checked.text.trim());
          expect(checkGoalText(checked.text)).toEqual(checked);
        },
      ),
    );
  });
});

describe("titleOf", () => {
  test("the first line, shortened", () => {
    expect(titleOf("More signups\nand more")).toBe("More signups");
    expect(titleOf("a".repeat(80))).toBe("a".repeat(80));
    expect(titleOf("a".repeat(81))).toBe(`${"a".repeat(77)}…`);
  });

  test("fuzz: one line of at most 80 characters that never ends in half an emoji", () => {
    expect(titleOf(`${"a".repeat(76)}😀 and so on`)).toBe(`${"a".repeat(76)}…`);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        const title = titleOf(text);
        expect(title.length).toBeLessThanOrEqual(80);
        expect(title).not.toContain("\n");
        expect(title.isWellFormed()).toBe(true);
      }),
    );
  });
});
