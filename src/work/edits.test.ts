/** Edits: every passage once and in its place, or nothing at all; what was not named stays as it was, byte for byte. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { applyEdits } from "./edits.ts";

const BEFORE = "# Tea\n\n## Offer\n\nTea for $7 a month.\n\n## Proof\n\nCooks like it.\n\n- one\n- one\n";
const edit = (find: string, replace: string) => `<edit>\n<find>\n${find}\n</find>\n<replace>\n${replace}\n</replace>\n</edit>`;
const NOTE = "<handoff>\nanswers:\n- F1: done\nmissing:\n- none\n</handoff>";

describe("edits", () => {
  test("replace their passages, take one out, put one in, and carry the handoff behind the text", () => {
    const reply = [
      edit("Cooks like it.", "Three cooks like it, [UNVERIFIED: they said so]."),
      edit("Tea for $7 a month.", "Tea for $9 a month."),
      edit("## Proof\n\n", "## Proof\n\nBelow.\n\n"),
      NOTE,
    ].join("\n\n");
    expect(applyEdits(BEFORE, reply)).toEqual({
      kind: "edited",
      text: `# Tea\n\n## Offer\n\nTea for $9 a month.\n\n## Proof\n\nBelow.\n\nThree cooks like it, [UNVERIFIED: they said so].\n\n- one\n- one\n\n\n${NOTE}`,
    });
    // A remark behind them is no part of the text.
    expect(applyEdits(BEFORE, edit("\n\n## Proof\n\nCooks like it.", "") + "\nThat is all.")).toEqual({
      kind: "edited",
      text: "# Tea\n\n## Offer\n\nTea for $7 a month.\n\n- one\n- one",
    });
  });

  test("find a passage whose lines were broken elsewhere, once", () => {
    const text = (find: string) => {
      const edited = applyEdits(BEFORE, edit(find, "X"));
      return edited.kind === "edited" ? edited.text : edited.kind;
    };
    expect(text("Tea for\n$7 a  month.")).toBe(BEFORE.replace("Tea for $7 a month.", "X").trim());
    expect(text("  ## Proof\nCooks like it. ")).toBe(BEFORE.replace("## Proof\n\nCooks like it.", "X").trim());
    expect(text(" -  one")).toBe("misplaced");
    expect(text("Tea (for|of) $7")).toBe("misplaced");
  });

  test("said twice is made once", () => {
    const twice = `${edit("Cooks like it.", "They do.")}\n${edit("Cooks like it.", "They do.")}`;
    expect(applyEdits(BEFORE, twice)).toEqual(applyEdits(BEFORE, edit("Cooks like it.", "They do.")));
    expect(applyEdits(BEFORE, `${twice}\n${edit("Cooks like it.", "They do not.")}`).kind).toBe("misplaced");
  });

  test("a whole text is one, also where it speaks of edits", () => {
    expect(applyEdits(BEFORE, `# Tea\n\n${edit("a", "b")}\n\n${NOTE}`)).toEqual({ kind: "whole" });
  });

  test("are refused, all of them, when one has no place, several, or lies in another", () => {
    const problems = (reply: string) => {
      const edited = applyEdits(BEFORE, reply);
      return edited.kind === "misplaced" ? edited.problems : edited.kind;
    };
    expect(problems(edit("Coffee.", "Tea."))).toEqual(['not in the previous version: "Coffee."']);
    expect(problems(edit("", "Tea."))).toEqual(['not in the previous version: ""']);
    expect(problems(edit("- one", "- two"))).toEqual(['more than once in the previous version: "- one"']);
    expect(problems(`${edit("Tea for $7 a month.", "x")}\n${edit("$7 a month", "y")}`)).toEqual([
      'two edits overlap at "$7 a month. ## Proof Cooks like it. - one - one"',
    ]);
    // One that was cut off, or forgot a tag, is not passed over.
    const good = edit("Cooks like it.", "They do.");
    expect(problems(`${good}\n<edit>\n<find>\n# Tea\n</find>`)).toEqual([
      'an edit cannot be read: "<edit> <find> # Tea </find>"',
    ]);
    expect(problems(`<edit>\n<find>\n# Tea\n</find>\n${good}`)).toEqual([
      expect.stringContaining('an edit cannot be read: "<edit> <find> # Tea </find> <edit>'),
    ]);
  });

  test("property: whatever comes, in no time: a whole text, an edited one, or what is wrong", () => {
    const piece = fc.constantFrom(
      "<edit>",
      "</edit>",
      "<find>",
      "</find>",
      "<replace>",
      "</replace>",
      "<handoff>",
      "# Tea",
      "\n",
      " x",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const edited = applyEdits(BEFORE, `<edit>${pieces.join("")}`);
        expect(
          edited.kind === "edited" ? edited.text.length > 0 : edited.kind === "misplaced" && edited.problems.length > 0,
        ).toBe(true);
      }),
    );
    for (const unit of ["<edit><find>", "<edit><find></find>", "</find><replace>", "a a "]) {
      const began = performance.now();
      applyEdits("a ".repeat(50_000), `<edit><find>${unit.repeat(20_000)}</find><replace></replace></edit>`);
      expect(performance.now() - began).toBeLessThan(5_000);
    }
  });

  test("property: what no edit names is there as before", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-z]{3,12}$/), { minLength: 2, maxLength: 12 }),
        fc.string().filter((text) => !text.includes("<") && text === text.trim()),
        fc.nat(),
        (words, replace, nth) => {
          const named = words.map((word, i) => `${i}:${word};`);
          const i = nth % named.length;
          const find = named[i] ?? "";
          const edited = applyEdits(named.join("\n"), edit(find, replace));
          expect(edited).toEqual({ kind: "edited", text: named.with(i, replace).join("\n").trim() });
        },
      ),
    );
  });
});
