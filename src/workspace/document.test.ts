/** Documents: what is written is read back as it was, and a person's own text loses nothing. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parse } from "yaml";
import { bodyOf, formatDocument } from "./document.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom(
    "true",
    "no",
    "null",
    "~",
    "a: b",
    "a #b",
    "- x",
    "---",
    "x\n---\ny",
    " padded ",
    "1.5",
    "@a",
    "yes ",
    'a"b',
    "2026-11-21",
  ),
);
const value = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
  fc.boolean(),
  fc.constant(null),
);
const fields = fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{0,11}$/), value, { maxKeys: 6 });
const body = fc
  .array(fc.oneof(text, fc.constantFrom("---", "", "# Title", "```", "key: value", "\t x")), { maxLength: 10 })
  .map((lines) => lines.join("\n"));

describe("round trips", () => {
  test("the body comes back, apart from space at its ends", () => {
    fc.assert(
      fc.property(fields, body, (head, content) => {
        expect(bodyOf(formatDocument(head, content))).toBe(content.replace(/\r\n?/g, "\n").trim());
      }),
      { numRuns: 500 },
    );
  });

  test("the fields are YAML with the same values", () => {
    fc.assert(
      fc.property(fields, body, (head, content) => {
        const document = formatDocument(head, content);
        const front = document.slice(4, document.indexOf("\n---\n\n", 3) + 1);
        const read = (parse(front) ?? {}) as Record<string, unknown>;
        // YAML knows no -0.
        for (const [key, written] of Object.entries(head)) expect([key, read[key] === written]).toEqual([key, true]);
        expect(Object.keys(read).sort()).toEqual(Object.keys(head).sort());
      }),
      { numRuns: 500 },
    );
  });

  test("formatting what was read gives the same bytes", () => {
    fc.assert(
      fc.property(fields, body, (head, content) => {
        const once = formatDocument(head, content);
        expect(formatDocument(head, bodyOf(once))).toBe(formatDocument(head, content.replace(/\r\n/g, "\n")));
      }),
    );
  });
});

describe("what a person wrote", () => {
  test("Windows line ends, a byte order mark and trailing spaces behind the marks are understood", () => {
    expect(bodyOf("\uFEFF---\r\ngoal: g\r\n---\r\n\r\nText\r\nmore\r\n")).toBe("Text\nmore");
    expect(bodyOf("---\ngoal: g\n--- \nText")).toBe("Text");
  });

  test("a document whose body was deleted is empty, not its own frontmatter", () => {
    expect(bodyOf("---\ngoal: g\n---")).toBe("");
    expect(bodyOf("---\ngoal: g\n---\n")).toBe("");
    expect(bodyOf("---\n---\n")).toBe("");
  });

  test("a text without frontmatter is all body, also one that begins with a rule", () => {
    for (const content of [
      "Text",
      "---\nText without an end",
      "---\nOur text\n---\nmore",
      "---\n\nText\n\n---\n\nmore",
      "a\n---\nb",
    ])
      expect(bodyOf(content)).toBe(content);
  });

  test("fuzz: never throws, invents nothing", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom("---", "\n", "\r\n", "a: b", "\uFEFF"), text), { maxLength: 20 }),
        (pieces) => {
          const written = pieces.join("");
          expect(written.replace(/\r\n/g, "\n")).toContain(bodyOf(written));
        },
      ),
    );
  });
});
