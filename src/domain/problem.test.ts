/** Problems in files as people read them, and the known word that somebody meant. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatProblem, nearest, suggest } from "./problem.ts";

const word = fc.stringMatching(/^[a-z][a-z-]{3,15}$/);

test("a problem says where, what, and what to do", () => {
  const base = { severity: "error", file: "a.yaml", message: "is wrong" } as const;
  expect(formatProblem(base)).toBe("a.yaml: is wrong");
  expect(formatProblem({ ...base, line: 3, hint: "mend it" })).toBe("a.yaml:3: is wrong (mend it)");
});

test("a word with one wrong, missing or added letter is found again", () => {
  fc.assert(
    fc.property(word, fc.nat(), fc.constantFrom("change", "drop", "add"), (known, at, how) => {
      const i = at % known.length;
      const typed = known.slice(0, i) + (how === "drop" ? "" : how === "change" ? "#" : `#${known[i]}`) + known.slice(i + 1);
      expect(nearest(typed, [known])).toBe(known);
    }),
  );
});

test("the nearest of several, whatever the case", () => {
  expect(nearest("Copywritting", ["copy-editing", "copywriting", "page-cro"])).toBe("copywriting");
  expect(nearest("PAGE-CRO", ["page-cro"])).toBe("page-cro");
});

test("what is far from everything is nothing", () => {
  expect(nearest("zebra", ["copywriting", "page-cro"])).toBeNull();
  expect(nearest("anything", [])).toBeNull();
  fc.assert(fc.property(word, (known) => expect(nearest("#".repeat(20), [known])).toBeNull()));
});

test("a suggestion always says something to do", () => {
  expect(suggest("writter", ["writer", "checker"])).toBe('did you mean "writer"?');
  expect(suggest("zebra", ["writer", "checker"])).toBe("known: writer, checker");
  expect(suggest("zebra", [])).toBe("there are none");
});
