/** Ids and slugs: order by time, their kind, beginnings of one, and whatever a person may type. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ID_KINDS, idPrefix, newId, SLUG, slug } from "./id.ts";

const kind = fc.constantFrom(...ID_KINDS);

describe("ids", () => {
  test("those of one process sort in the order they were made, and none comes twice", () => {
    const ids = Array.from({ length: 5_000 }, () => newId("task"));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("each carries its kind and 26 characters that cannot be misread", () => {
    for (const each of ID_KINDS) expect(newId(each)).toMatch(new RegExp(`^${each}_[0-9a-hjkmnp-tv-z]{26}$`));
  });

  test("any beginning of an id names it, with or without the kind, in any case", () => {
    fc.assert(
      fc.property(kind, fc.integer({ min: 1, max: 26 }), fc.boolean(), fc.boolean(), (of, length, withKind, upper) => {
        const id = newId(of);
        const bare = id.slice(of.length + 1, of.length + 1 + length);
        const typed = `${withKind ? `${of}_` : ""}${bare}`;
        const prefix = idPrefix(of, upper ? ` ${typed.toUpperCase()} ` : typed);
        expect(prefix).toBe(`${of}_${bare}`);
        expect(id.startsWith(prefix ?? "never")).toBe(true);
      }),
    );
  });

  test("the kind alone, another kind and too long a text are none", () => {
    for (const typed of ["", " ", "goal_", "task_0123", "goal_goal_1", "0".repeat(27), "a b", "a%", "a*", "../x"])
      expect(idPrefix("goal", typed)).toBeNull();
  });

  test("fuzz: what comes back is safe to compare with, or null", () => {
    fc.assert(
      fc.property(kind, fc.oneof(fc.string({ unit: "binary-ascii" }), fc.string({ unit: "grapheme" })), (of, typed) => {
        const prefix = idPrefix(of, typed);
        if (prefix !== null) expect(prefix).toMatch(/^[a-z]+_[0-9a-z]{1,26}$/);
      }),
    );
  });
});

describe("slug", () => {
  test("accents go, words stay whole", () => {
    expect(slug("Crème brûlée & Café")).toBe("creme-brulee-cafe");
    expect(slug("日本")).toBe("untitled");
  });

  test("fuzz: always a name that is safe for a file, never longer than asked for", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 8, max: 60 }), (text, max) => {
        const name = slug(text, max);
        expect(name).toMatch(SLUG);
        expect(name.length).toBeLessThanOrEqual(max);
        expect(slug(name, max)).toBe(name);
      }),
    );
  });
});
