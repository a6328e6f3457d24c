/** `validate` beyond what is broken: its lints in text and in `--json`, and the sizes of skills. */

import { describe, expect, test } from "bun:test";
import { smallTeam } from "../skills/registry.fixture.ts";
import { MAX_BODY } from "../skills/skill-file.ts";
import type { SkillSize } from "../skills/skill-size.ts";
import { command } from "../test/cli.ts";
import { styles } from "./output.ts";
import { sizesLine, sizesTable } from "./validate-sizes.ts";

const size = (skill: string, body: number): SkillSize => ({
  skill,
  body,
  call: { chars: body + 100, tokens: Math.ceil((body + 100) / 4) },
  references: { files: 2, chars: 8000, tokens: 2000 },
});

test("lints are warnings with file, line and hint, in text and in --json, and the exit code stays 0", async () => {
  await using team = await smallTeam();
  await team.change("skills.yaml", ", sections: [Text]", "");
  await team.change(".agents/skills/checker/SKILL.md", "The brief.", "**Txt** of `writer` and **Basic** of `basics`.");
  const text = await command(["validate"], { cwd: team.root });
  expect(text.code).toBe(0);
  expect(text.stdout).toContain("skills.yaml:13: skill writer has no sections\n         name the headings");
  expect(text.stdout).toContain(
    '.agents/skills/checker/SKILL.md:10: basics has no section "Basic"\n         did you mean "Basics"?',
  );
  expect(text.stdout).toContain("0 errors, 3 warnings");
  const asJson = JSON.parse((await command(["validate", "--json"], { cwd: team.root })).stdout) as {
    ok: boolean;
    problems: { severity: string; file: string; line: number | null; hint: string | null }[];
    counts: { warnings: number };
    sizes: SkillSize[];
  };
  expect([asJson.ok, asJson.counts.warnings]).toEqual([true, 3]);
  expect(asJson.problems.map(({ file, line, hint }) => [file, line, hint !== null])).toEqual([
    [".agents/skills/checker/SKILL.md", 10, true],
    [".agents/skills/checker/SKILL.md", 10, true],
    ["skills.yaml", 13, true],
  ]);
  expect(asJson.sizes.map(({ skill }) => skill).toSorted()).toEqual(["basics", "checker", "writer"]);
});

test("a text over the budget is a warning with its size", async () => {
  await using team = await smallTeam();
  await team.change(".agents/skills/writer/SKILL.md", "The brief.", "x".repeat(MAX_BODY));
  const { code, stdout } = await command(["validate"], { cwd: team.root });
  expect(code).toBe(0);
  expect(stdout).toMatch(/writer\/SKILL\.md: the text is 20,\d{3} characters long\n\s+over 20,000 costs in every call/);
});

describe("sizes", () => {
  const all = [size("large", 20_001), size("middle", 9_000), size("small", 400)];

  test("one line names the smallest and the largest", () => {
    expect(sizesLine(all)).toBe(
      "In every call of a skill: from 500 characters, about 125 tokens (small) to 20,101 characters, about 5,026 tokens (large); all: --sizes",
    );
    expect(sizesLine(all.slice(0, 1))).toBe("In every call of the skill: 20,101 characters, about 5,026 tokens (large)");
    expect(sizesLine([])).toBeNull();
  });

  test("the table has a row for each, the largest first, and marks what is over the budget", () => {
    const lines = sizesTable(all, styles(false)).split("\n");
    expect(lines[0]).toMatch(/^skill +text +in every call +tokens +references +on demand +tokens$/);
    expect(lines.slice(1, 4).map((line) => line.split(/\s+/))).toEqual([
      ["large", "20,001", "20,101", "5,026", "2", "8,000", "2,000"],
      ["middle", "9,000", "9,100", "2,275", "2", "8,000", "2,000"],
      ["small", "400", "500", "125", "2", "8,000", "2,000"],
    ]);
    const coloured = sizesTable(all, styles(true)).split("\n");
    expect(coloured[1]).toContain("\x1b[33m20,001");
    expect(coloured[2]).not.toContain("\x1b[33m");
  });
});

test("without a team there are no sizes, and the problems are told as ever", async () => {
  await using team = await smallTeam();
  await team.write("skills.yaml", "skills: [\n");
  const { code, stdout } = await command(["validate", "--json"], { cwd: team.root });
  const result = JSON.parse(stdout) as { ok: boolean; sizes: unknown };
  expect([code, result.ok, result.sizes]).toEqual([3, false, []]);
});
