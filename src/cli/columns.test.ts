import { describe, expect, test } from "bun:test";
import { sizeText } from "./backup.ts";
import { age, columns, indent, stamp } from "./columns.ts";
import { styles } from "./output.ts";

describe("columns", () => {
  test("figures stand to the right, words to the left, colours have no width", () => {
    const { red } = styles(true);
    expect(
      columns(
        [
          ["a", "1", "x"],
          ["bb", "22", "y"],
        ],
        [1],
      ),
    ).toBe("a    1  x\nbb  22  y");
    expect(
      Bun.stripANSI(
        columns(
          [
            ["a", red("1"), "x"],
            ["bb", "22", "y"],
          ],
          [1],
        ),
      ),
    ).toBe("a    1  x\nbb  22  y");
  });

  test("rows may differ in length", () => {
    expect(columns([["a"], ["b", "2"]], [1])).toBe("a\nb  2");
    expect(columns([], [0])).toBe("");
  });

  test("indent leaves empty lines empty", () => {
    expect(indent("a\n\nb")).toBe("  a\n\n  b");
  });

  test("ages in one unit, sizes in words, times in UTC", () => {
    const seconds = [0, 59, 60, 3599, 3600, 86_400, 2 * 86_400, -5];
    expect(seconds.map((s) => age(s * 1000))).toEqual(["0 s", "59 s", "1 min", "59 min", "1 h", "24 h", "2 d", "0 s"]);
    expect([812, 2048, 3_500_000].map(sizeText)).toEqual(["812 bytes", "2 KB", "3.3 MB"]);
    expect(stamp(Date.UTC(2026, 10, 21, 13, 36, 5))).toBe("2026-11-21 13:36:05");
  });
});
