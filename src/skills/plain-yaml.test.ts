/** The fast parser never says anything else than the slow one. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Glob } from "bun";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { ROOT } from "../test/cli.ts";
import { isPlain, parsePlainYaml } from "./plain-yaml.ts";

const files = ["skills.yaml", "tools.yaml", ...new Glob(".agents/*.yaml").scanSync({ cwd: ROOT, dot: true })];
const texts = await Promise.all(files.map((file) => Bun.file(join(ROOT, file)).text()));

/** What the slow parser makes of a text: its data, or undefined when it finds a fault. */
function slowly(text: string): unknown {
  const document = parseDocument(text, { strict: true, schema: "core", uniqueKeys: true, prettyErrors: false });
  return document.errors.length > 0 || document.warnings.length > 0 ? undefined : document.toJS();
}

describe("plain YAML", () => {
  test.each(files.map((file, i) => [file, texts[i] ?? ""] as const))("the shipped %s is plain, and read alike", (_file, text) => {
    expect(isPlain(text)).toBe(true);
    expect(parsePlainYaml(text)).toEqual(slowly(text));
  });

  test.each([
    ["a key twice", "a: 1\nb: 2\na: 3\n"],
    ["a key twice, once quoted", 'a: 1\n"a": 2\n'],
    ["a key twice in an item", "list:\n  - a: 1\n    b: 2\n    a: 3\n"],
    ["a key twice in a flow map", "x: { a: 1, a: 2 }\n"],
    ["a key twice below", "x:\n  a: 1\n  a: 2\n"],
    ["an alias", "a: &x 1\nb: *x\n"],
    ["a merge", "a: &x { b: 1 }\nc:\n  <<: *x\n"],
    ["a tag", "a: !!str 1\n"],
    ["a tab", "a:\n\tb: 1\n"],
    ["a value over two lines", "a: one\n  two\n"],
    ["a value with a colon", "a: one: two\n"],
    ["an open quote", 'a: "one\n'],
    ["an escape", 'a: "one\\n"\n'],
    ["an open list", "a: [b,\n  c]\n"],
    ["two documents", "a: 1\n---\nb: 2\n"],
    ["nothing", "# only a comment\n"],
    ["a list of lists", "- - a\n"],
  ])("%s is left to the slow parser", (_what, text) => {
    expect(parsePlainYaml(text)).toBeUndefined();
  });

  test("whatever happens to a text: what counts as plain is read alike", () => {
    const lines = texts.flatMap((text) => text.split("\n"));
    const pieces = [
      ": ",
      "- ",
      "#",
      " #",
      '"',
      "'",
      "{",
      "}",
      "[",
      "]",
      ",",
      "&a",
      "*a",
      "!t",
      "|",
      ">-",
      "  ",
      "a: 1",
      "key",
      "\n",
      "\n  ",
      "~",
      "null",
      "yes",
      "0x1f",
      "1e3",
      "2026-11-21",
      ".5",
      "- - x",
      "? a",
      "<<: x",
    ];
    let plain = 0;
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...lines) }, { weight: 1, arbitrary: fc.constantFrom(...pieces) }),
          { minLength: 1, maxLength: 12 },
        ),
        fc.array(fc.tuple(fc.nat(400), fc.constantFrom(...pieces)), { maxLength: 3 }),
        (chosen, edits) => {
          let text = `${chosen.join("\n")}\n`;
          for (const [at, piece] of edits) text = text.slice(0, at % text.length) + piece + text.slice(at % text.length);
          const fast = parsePlainYaml(text);
          if (fast === undefined) return;
          plain += 1;
          expect(fast).toEqual(slowly(text) as object);
        },
      ),
      { numRuns: 4_000 },
    );
    // The property says nothing if hardly any text got that far.
    expect(plain).toBeGreaterThan(50);
  });
});
