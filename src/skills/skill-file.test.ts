import { describe, expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { formatProblem } from "../domain/problem.ts";
import { skillText, smallTeam } from "./registry.fixture.ts";
import { listReferences, MAX_REFERENCE_CHARS, readReferenceText } from "./references.ts";
import { loadSkillFile, ownPlace, parseSkill } from "./skill-file.ts";

async function parse(text: string) {
  const { skill, off, problems } = await parseSkill("SKILL.md", "writer", text);
  expect(skill === null).toBe(off !== null);
  return { skill, off, lines: problems.map((problem) => `${problem.severity} ${formatProblem(problem)}`) };
}

const head = (lines: string, body = "Do it well.") => `---\n${lines}\n---\n${body}\n`;

describe("SKILL.md", () => {
  test("a good one has a description and a body, and no problems", async () => {
    expect(await parse(head('name: writer\ndescription: "Writes: well."\nlicense: MIT\nmetadata:\n  version: 2.0'))).toEqual({
      skill: { name: "writer", description: "Writes: well.", body: "Do it well.", references: [] },
      off: null,
      lines: [],
    });
  });

  test.each([
    ["no frontmatter", "# Writer\n", "error SKILL.md:1: SKILL.md has no frontmatter"],
    ["open frontmatter", "---\nname: writer\n", "error SKILL.md:1: the frontmatter is not closed"],
    ["empty frontmatter", "---\n---\nbody\n", "error SKILL.md:1: frontmatter: is empty"],
    ["a list", head("- a"), "error SKILL.md:2: the frontmatter is not a map of keys"],
    ["no description", head("name: writer"), "error SKILL.md:2: SKILL.md has no description"],
    ["an empty description", head('name: writer\ndescription: ""'), "error SKILL.md:3: SKILL.md needs a description of text"],
    ["a description of parts", head("description: [a, b]"), "error SKILL.md:2: SKILL.md needs a description of text"],
    ["no body", head("name: writer\ndescription: d", " "), "error SKILL.md: SKILL.md has no text below its frontmatter"],
    ["bad YAML", head("name: writer\ndescription: [a"), "error SKILL.md:4: frontmatter: not valid YAML"],
    ["a tab", head("name: writer\nmetadata:\n\tversion: 1"), "error SKILL.md:4: frontmatter: not valid YAML: a tab"],
    ["a key twice", head("name: a\nname: b"), 'error SKILL.md:3: frontmatter: the key "name" is given twice'],
    ["a bomb", head(`description: d\nx: ${"[".repeat(9_000)}`), "error SKILL.md:3: frontmatter: is nested too deeply"],
    ["a novel", head(`description: ${"d".repeat(20_001)}`), "error SKILL.md:1: the frontmatter is 20,015 characters long"],
  ])("%s turns the skill off with one error", async (_name, text, start) => {
    const { off, lines } = await parse(text);
    expect(off).not.toBeNull();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toStartWith(start);
  });

  test("an unquoted colon in a text is read with a warning, and later lines keep their numbers", async () => {
    const text = head("description: Use when: the user\n  asks for: text\nname: other");
    expect(await parse(text)).toEqual({
      skill: { name: "writer", description: "Use when: the user asks for: text", body: "Do it well.", references: [] },
      off: null,
      lines: [
        'warning SKILL.md:2: an unquoted text contains ": " (put it in double quotes)',
        'warning SKILL.md:4: the name "other" is not the folder\'s name (write "name: writer"; the folder\'s name counts)',
      ],
    });
  });

  test("what is odd and does no harm is a warning", async () => {
    const { skill, lines } = await parse(
      head(`description: ${"d".repeat(1025)}\nversion: 3\nmetadata: [a]`, `${"line\n".repeat(500)}${"x".repeat(20_000)}`),
    );
    expect(skill?.name).toBe("writer");
    expect(lines.map((line) => line.split(" (")[0])).toEqual([
      "warning SKILL.md: SKILL.md has no name",
      "warning SKILL.md:2: the description is 1025 characters long",
      'warning SKILL.md:3: unknown frontmatter key "version"',
      "warning SKILL.md:4: metadata is not a map of texts",
      "warning SKILL.md: SKILL.md has 507 lines",
      "warning SKILL.md: the text is 22,500 characters long",
    ]);
  });

  test("a description that YAML reads as a number is text", async () => {
    expect((await parse(head("name: writer\ndescription: 42"))).skill?.description).toBe("42");
  });
});

describe("the folder", () => {
  test("byte order mark and Windows line ends are accepted", async () => {
    await using team = await smallTeam();
    await team.write(".agents/skills/writer/SKILL.md", `\uFEFF${skillText("writer").replaceAll("\n", "\r\n")}`);
    const { skill, problems } = await loadSkillFile(ownPlace(team.root, "writer"));
    expect(problems).toEqual([]);
    expect(skill?.body).toBe("Do it well.");
    expect(skill?.references).toEqual([{ path: "references/styles.md", chars: 9 }]);
  });

  test("a SKILL.md that leads out of its folder is not read", async () => {
    await using team = await smallTeam();
    await team.write("secret.md", skillText("writer", "the secret"));
    await team.write(".agents/skills/writer/SKILL.md", null);
    await symlink(join(team.root, "secret.md"), join(team.root, ".agents/skills/writer/SKILL.md"));
    const { skill, off } = await loadSkillFile(ownPlace(team.root, "writer"));
    expect(skill).toBeNull();
    expect(off).toBe("SKILL.md is a link that leads out of the skill's folder");
  });

  test("a skill's folder itself may be a link: people keep skills elsewhere", async () => {
    await using team = await smallTeam();
    await team.write("elsewhere/SKILL.md", skillText("linked"));
    await symlink(join(team.root, "elsewhere"), join(team.root, ".agents/skills/linked"));
    expect((await loadSkillFile(ownPlace(team.root, "linked"))).skill?.description).toBe("Does linked work.");
  });

  test("a mention of a reference that is not there is a warning at its line", async () => {
    await using team = await smallTeam();
    const body =
      "See references/styles.md and references/gone.md.\nAgain references/gone.md, https://example.com/references/x.md.\n" +
      "A [link](references/lost.md#top), [another](./references/off.md), ./references/styles.md, ../other/references/y.md.";
    await team.write(".agents/skills/writer/SKILL.md", skillText("writer", body));
    const { problems } = await loadSkillFile(ownPlace(team.root, "writer"));
    expect(problems.map(formatProblem)).toEqual([
      ".agents/skills/writer/SKILL.md:6: names references/gone.md, which the skill does not have (write it, or drop the mention)",
      ".agents/skills/writer/SKILL.md:8: names references/lost.md, which the skill does not have (write it, or drop the mention)",
      ".agents/skills/writer/SKILL.md:8: names references/off.md, which the skill does not have (write it, or drop the mention)",
    ]);
  });
});

describe("references", () => {
  test("what is no regular file of the folder is left out and told", async () => {
    await using team = await smallTeam();
    const folder = join(team.root, ".agents/skills/writer");
    await team.write("secret.md", "secret");
    await symlink(join(team.root, "secret.md"), join(folder, "references/link.md"));
    await team.write(".agents/skills/writer/references/folder.md/x.md", "x");
    await team.write(".agents/skills/writer/references/two\nlines.md", "x");
    await team.write(".agents/skills/writer/references/data.json", "{}");
    const { references, problems } = await listReferences(folder, "writer");
    expect(references.map((reference) => reference.path)).toEqual(["references/styles.md"]);
    expect(problems.map((problem) => problem.file)).toEqual([
      "writer/references/folder.md",
      "writer/references/link.md",
      "writer/references/two\nlines.md",
    ]);
  });

  test.each([
    "../writer/references/styles.md",
    "references/../references/styles.md",
    "references/../../checker/SKILL.md",
    "/etc/hostname",
    "SKILL.md",
    "references/styles.md\0",
    "references//styles.md",
    "",
  ])("%j is not read", async (path) => {
    await using team = await smallTeam();
    const folder = join(team.root, ".agents/skills/writer");
    const { references } = await listReferences(folder, "writer");
    expect(await readReferenceText(folder, references, path)).toBeNull();
    expect(await readReferenceText(folder, references, "references/styles.md")).toBe("# Styles\n");
  });

  test("a file that became a link out of the folder since it was listed is not read", async () => {
    await using team = await smallTeam();
    const folder = join(team.root, ".agents/skills/writer");
    const { references } = await listReferences(folder, "writer");
    await team.write("secret.md", "secret");
    await team.write(".agents/skills/writer/references/styles.md", null);
    expect(await readReferenceText(folder, references, "references/styles.md")).toBeNull();
    await symlink(join(team.root, "secret.md"), join(folder, "references/styles.md"));
    expect(await readReferenceText(folder, references, "references/styles.md")).toBeNull();
  });

  test("a long file is cut, and says so", async () => {
    await using team = await smallTeam();
    const folder = join(team.root, ".agents/skills/writer");
    await team.write(".agents/skills/writer/references/long.md", "x".repeat(MAX_REFERENCE_CHARS + 1));
    const { references, problems } = await listReferences(folder, "writer");
    expect(problems.map(formatProblem)).toEqual([
      "writer/references/long.md: is long (only the first 60,000 characters are read)",
    ]);
    const text = await readReferenceText(folder, references, "references/long.md");
    expect(text).toBe(`${"x".repeat(MAX_REFERENCE_CHARS)}\n\n(cut here: the file is longer)`);
  });
});
