/** Skills from elsewhere: odd ones load with a warning, unusable ones are told and left out, and the team works on. */

import { describe, expect, test } from "bun:test";
import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { formatProblem } from "../domain/problem.ts";
import { roleOf } from "./external.ts";
import { loadRegistry } from "./registry.ts";
import { playbookText, skillText, smallTeam, type Team } from "./registry.fixture.ts";

const DEFAULTS = "squad: makers, tier: light, rubric: text";
const PIPELINES = ".agents/pipelines.yaml";

/** The small team with `external`, and a way to put skills into its folder. */
async function teamWith(folders = "[vendor]") {
  const team = await smallTeam();
  await mkdir(join(team.root, "vendor"));
  await team.change("skills.yaml", "skills:\n", `external: { folders: ${folders}, ${DEFAULTS} }\nskills:\n`);
  return team;
}

async function load(team: Team, lints = true) {
  const loaded = await loadRegistry({ root: team.root, lints });
  return { ...loaded, lines: loaded.problems.map((problem) => `${problem.severity} ${formatProblem(problem)}`) };
}

test("without the key nothing outside .agents/skills is loaded", async () => {
  await using team = await smallTeam();
  await team.write("vendor/stranger/SKILL.md", skillText("stranger"));
  const { registry, lines } = await load(team);
  expect(lines).toEqual([]);
  expect(registry?.skills.size).toBe(3);
});

test("a stranger joins unedited, with the defaults and the first sentence of its description", async () => {
  await using team = await teamWith();
  const description = "Reads PDF files, e.g. price lists. Use it for tables.";
  await team.write(
    "vendor/pdf/SKILL.md",
    `---\nname: pdf\ndescription: ${description}\n---\nRead it. See [more](references/more.md).\n`,
  );
  await team.write("vendor/pdf/references/more.md", "More.\n");
  await team.write("vendor/pdf/scripts/run.sh", "touch ran\n");
  const { registry, lines } = await load(team);
  expect(lines).toEqual([]);
  expect(registry?.skills.get("pdf")).toEqual({
    name: "pdf",
    squad: "makers",
    role: "Reads PDF files, e.g. price lists.",
    tier: "light",
    rubric: "text",
    needs: [],
    feeds: [],
    sections: [],
    tools: [],
    description,
    body: "Read it. See [more](references/more.md).",
    references: [{ path: "references/more.md", chars: 6 }],
  });
  expect(await registry?.readReference("pdf", "references/more.md")).toBe("More.\n");
  for (const path of ["scripts/run.sh", "references/../scripts/run.sh", "../pdf/references/more.md", "SKILL.md"])
    expect(await registry?.readReference("pdf", path)).toBeNull();
});

test("ten odd folders: what can be read works, the rest is told in a line each, and the team is whole", async () => {
  await using team = await teamWith();
  await team.write("vendor/bom/SKILL.md", `\uFEFF${skillText("bom")}`);
  await team.write("vendor/crlf/SKILL.md", skillText("crlf").replaceAll("\n", "\r\n"));
  await team.write("vendor/bare/SKILL.md", "# No frontmatter\n");
  await team.write("vendor/huge/SKILL.md", skillText("huge", "x".repeat(1_000_001)));
  await team.write("vendor/binary/SKILL.md", new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x00, 0xff]));
  await team.write("secret/SKILL.md", skillText("out", "the secret"));
  await symlink(join(team.root, "secret"), join(team.root, "vendor/out"));
  await team.write("vendor/keys/SKILL.md", skillText("keys").replace("\n---\n\n", "\nversion: 2\nmodel: opus\n---\n\n"));
  await team.write(
    "vendor/nested/SKILL.md",
    skillText("nested").replace("\n---\n\n", "\nmetadata:\n  tags:\n    - deep: [1, 2]\n---\n\n"),
  );
  await team.write("vendor/other-name/SKILL.md", skillText("somebody"));
  await mkdir(join(team.root, "vendor/empty"));
  await mkdir(join(team.root, "vendor/Not A Name"));
  await mkdir(join(team.root, "vendor/.git"));
  await team.write("vendor/README.md", "loose");
  const { fatal, registry, lines, off } = await load(team);
  expect(fatal).toBeFalse();
  expect(lines).toEqual([
    'warning vendor: left out: "Not A Name" is not a usable name (lower-case words joined by hyphens: rename the folder)',
    "warning vendor/out: left out: it is a link that leads out of its folder (put the skill itself there)",
    'warning vendor/bare/SKILL.md:1: left out: SKILL.md has no frontmatter (it begins with a line "---", then name and description, then a line "---")',
    "warning vendor/binary/SKILL.md: left out: SKILL.md is not UTF-8 text (save it as UTF-8)",
    "warning vendor/empty/SKILL.md: left out: SKILL.md is missing (write it, or remove the folder)",
    "warning vendor/huge/SKILL.md: left out: SKILL.md is 1,000,051 bytes long, the limit is 1,000,000",
    'warning vendor/keys/SKILL.md:4: unknown frontmatter key "version" (the format knows name, description, license, compatibility, metadata, allowed-tools)',
    'warning vendor/keys/SKILL.md:5: unknown frontmatter key "model" (the format knows name, description, license, compatibility, metadata, allowed-tools)',
    "warning vendor/nested/SKILL.md:4: metadata is not a map of texts (it is not used)",
    'warning vendor/other-name/SKILL.md:2: the name "somebody" is not the folder\'s name (write "name: other-name"; the folder\'s name counts)',
  ]);
  expect([...(registry?.skills.keys() ?? [])]).toEqual([
    "basics",
    "writer",
    "checker",
    "bom",
    "crlf",
    "keys",
    "nested",
    "other-name",
  ]);
  expect([...off.skills.keys()].sort()).toEqual(["bare", "binary", "empty", "huge"]);
  // A run is told who is left out; what is merely odd is for `validate`.
  const ofRun = await load(team, false);
  expect(ofRun.lines).toEqual(lines.filter((line) => line.includes("left out")));
});

describe("names", () => {
  test("a stranger with the name of one of ours is a warning, and ours works", async () => {
    await using team = await teamWith();
    await team.write("vendor/writer/SKILL.md", skillText("writer", "Not ours."));
    const { registry, lines } = await load(team);
    expect(lines).toEqual([
      'warning vendor/writer: there is a skill "writer" already: .agents/skills/writer is used (rename one of the folders to use both)',
    ]);
    expect(registry?.skills.get("writer")?.body).toStartWith("Do it well.");
    expect(await registry?.readReference("writer", "references/styles.md")).toBe("# Styles\n");
  });

  test("of two strangers with a name the first folder's counts", async () => {
    await using team = await teamWith("[vendor, more/skills/, ./vendor]");
    await team.write("vendor/one/SKILL.md", skillText("one", "First."));
    await team.write("more/skills/one/SKILL.md", skillText("one", "Second."));
    const { registry, lines } = await load(team);
    expect(lines).toEqual([
      'warning more/skills/one: there is a skill "one" already: vendor/one is used (rename one of the folders to use both)',
    ]);
    expect(registry?.skills.get("one")?.body).toBe("First.");
  });

  test("a name that means something to the engine is left out", async () => {
    await using team = await teamWith();
    await team.write("vendor/director/SKILL.md", skillText("director"));
    const { fatal, registry, lines } = await load(team);
    expect([fatal, registry?.skills.has("director")]).toEqual([false, false]);
    expect(lines).toEqual([
      'warning vendor/director: "director" cannot be a skill\'s name: the skill is left out (the engine uses it: rename the folder)',
    ]);
  });

  test("an entry in skills.yaml for a skill from elsewhere counts instead of the defaults", async () => {
    await using team = await teamWith();
    await team.write("vendor/poet/SKILL.md", skillText("poet"));
    await team.write("vendor/poet/references/forms.md", "Forms.");
    await team.change(
      "skills.yaml",
      "  checker:\n",
      "  poet: { squad: checkers, role: Rhymes., tier: strong, rubric: text, needs: [basics], sections: [Poem] }\n  checker:\n",
    );
    const { registry, lines } = await load(team);
    // Its form is nobody's but its author's: no warning about a deliverable or criteria.
    expect(lines).toEqual([
      "warning vendor/poet/references/forms.md: is mentioned nowhere in SKILL.md (say there when to read it)",
    ]);
    expect(registry?.skills.get("poet")).toMatchObject({
      squad: "checkers",
      role: "Rhymes.",
      needs: ["basics"],
      sections: ["Poem"],
    });
    expect(await registry?.readReference("poet", "references/forms.md")).toBe("Forms.");
  });

  test("pipelines, routes and tools may name strangers; one that cannot be used turns off what needs it and no more", async () => {
    await using team = await teamWith();
    await team.write("vendor/poet/SKILL.md", skillText("poet"));
    await team.change(PIPELINES, "skill: writer", "skill: poet");
    await team.change(".agents/routing.yaml", "skills: [basics]", "skills: [poet]");
    await team.write("tools.yaml", "mcpServers:\n  a: { command: x, skills: [poet] }\n");
    const { registry, lines } = await load(team);
    expect(lines).toEqual([]);
    expect([...(registry?.pipelines.keys() ?? [])]).toEqual(["Write And Check", "Look Back"]);
    await team.write("vendor/poet/SKILL.md", "nothing to read");
    const broken = await load(team);
    expect(broken.fatal).toBeFalse();
    expect([...(broken.registry?.pipelines.keys() ?? [])]).toEqual(["Look Back"]);
    expect(broken.registry?.skills.size).toBe(3);
  });
});

describe("folders", () => {
  test("one that is missing or no folder is a warning at its line, and the others load", async () => {
    await using team = await teamWith("[gone, skills.yaml, vendor]");
    await team.write("vendor/one/SKILL.md", skillText("one"));
    const { fatal, registry, lines } = await load(team);
    expect(fatal).toBeFalse();
    const hint = "(its skills are left out; paths are relative to skills.yaml, or absolute)";
    expect(lines).toEqual([
      `warning skills.yaml:11: external: the folder gone is not there ${hint}`,
      `warning skills.yaml:11: external: the folder skills.yaml is not a folder ${hint}`,
    ]);
    expect(registry?.skills.has("one")).toBeTrue();
  });

  test("an absolute path, and .agents/skills itself: what has no entry there joins, what has one is told nothing", async () => {
    await using elsewhere = await smallTeam();
    await elsewhere.write("far/away/SKILL.md", skillText("away"));
    await using team = await teamWith(`[${join(elsewhere.root, "far")}, .agents/skills]`);
    await team.write(".agents/skills/guest/SKILL.md", skillText("guest"));
    const { registry, lines } = await load(team);
    expect(lines).toEqual([]);
    expect(registry?.skills.has("away")).toBeTrue();
    expect(registry?.skills.get("guest")?.role).toBe("Does guest work.");
  });

  test.each([
    ["[~/skills]", 'external › folders › item 1: "~/skills" has the wrong form (write the whole path: ~ is not expanded)'],
    ["[]", "external › folders needs at least 1 item"],
    ["vendor", "external › folders must be a list, not text"],
  ])("folders: %s is an error", async (folders, message) => {
    await using team = await teamWith(folders);
    const { fatal, lines } = await load(team);
    expect(fatal).toBeTrue();
    expect(lines).toContain(`error skills.yaml:11: ${message}`);
  });

  test("defaults that name nobody are told once, however many strangers there are", async () => {
    await using team = await teamWith();
    for (const name of ["one", "two"]) await team.write(`vendor/${name}/SKILL.md`, skillText(name));
    await team.change("skills.yaml", "squad: makers, tier: light", "squad: maker, tier: light");
    const { fatal, lines } = await load(team);
    expect(fatal).toBeTrue();
    expect(lines).toEqual(['error skills.yaml:11: external: unknown squad "maker" (did you mean "makers"?)']);
  });

  test("more folders than anybody has skills are cut, and told", async () => {
    await using team = await teamWith();
    for (let i = 0; i < 201; i++) await mkdir(join(team.root, `vendor/s${i}`));
    const { lines } = await load(team);
    expect(lines).toHaveLength(201);
    expect(lines[0]).toBe(
      "warning skills.yaml:11: external: vendor has 201 folders (the first 200 are read: name a folder that holds only skills)",
    );
  });
});

test("a reference that became a link out of the stranger's folder is not read", async () => {
  await using team = await teamWith();
  await team.write("vendor/one/SKILL.md", skillText("one", "See references/a.md."));
  await team.write("vendor/one/references/a.md", "a");
  await team.write("secret.md", "secret");
  const { registry } = await load(team);
  expect(await registry?.readReference("one", "references/a.md")).toBe("a");
  await rm(join(team.root, "vendor/one/references/a.md"));
  await symlink(join(team.root, "secret.md"), join(team.root, "vendor/one/references/a.md"));
  expect(await registry?.readReference("one", "references/a.md")).toBeNull();
});

test("a stranger's playbook of our own form may have other sections than its entry: only ours are held to it", async () => {
  await using team = await teamWith();
  await team.write("vendor/one/SKILL.md", skillText("one", playbookText("Anything")));
  expect((await load(team)).lines).toEqual([]);
});

test.each([
  ["Does it.", "Does it."],
  ["Does it.\n  Then more.", "Does it."],
  ["Works with v2.0 and e.g. tables. Not for text.", "Works with v2.0 and e.g. tables."],
  ["no stop at all", "no stop at all"],
  [`${"word ".repeat(40)}end.`, `${"word ".repeat(30)}word…`],
  ["x".repeat(200), `${"x".repeat(159)}…`],
  [`${"x".repeat(158)}😀${"x".repeat(9)}`, `${"x".repeat(158)}…`],
])("the role of %j", (description, role) => {
  expect(roleOf(description)).toBe(role);
  expect(role.length).toBeLessThanOrEqual(160);
});
