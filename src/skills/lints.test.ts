/** The warnings of `validate` for those who write skills: each finds its fault, says where, and is silent about what is sound. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { formatProblem } from "../domain/problem.ts";
import { contentWords, MAX_OVERLAP, overlap } from "./description-checks.ts";
import { loadRegistry } from "./registry.ts";
import { playbookText, skillText, smallTeam } from "./registry.fixture.ts";
import { skillSizes } from "./skill-size.ts";

const WRITER = ".agents/skills/writer/SKILL.md";
const MENTIONED = "\nSee references/styles.md.";

/** The lints of the small team after the writer's text was replaced; all of them must be warnings. */
async function lintsOf(body: string, change?: readonly [file: string, from: string, to: string]) {
  await using team = await smallTeam();
  await team.write(WRITER, skillText("writer", `${body}${MENTIONED}`));
  if (change) await team.change(...change);
  const { fatal, problems } = await loadRegistry({ root: team.root, lints: true });
  expect([fatal, problems.every((problem) => problem.severity === "warning")]).toEqual([false, true]);
  return problems.map(formatProblem);
}

test("a sound team has none, and a run without lints looks for none", async () => {
  expect(await lintsOf(playbookText("Text"))).toEqual([]);
  await using team = await smallTeam();
  await team.write(WRITER, skillText("writer", "Nothing of the form."));
  expect((await loadRegistry({ root: team.root })).problems).toEqual([]);
  expect((await loadRegistry({ root: team.root, lints: true })).problems.length).toBeGreaterThan(1);
});

describe("the deliverable", () => {
  test("an entry without sections is told at its line", async () => {
    expect(await lintsOf(playbookText("Text"), ["skills.yaml", ", sections: [Text]", ""])).toEqual([
      "skills.yaml:13: skill writer has no sections (name the headings of its deliverable: without them nobody sees that a part is missing)",
    ]);
  });

  test.each([
    [
      "no part",
      playbookText("Text").replace("## Deliverable", "## Result"),
      [': has no "## Deliverable" (say there, under ### names, what each section in skills.yaml holds)'],
    ],
    [
      "a mistyped name, told once",
      playbookText("Texts"),
      [':14: "### Texts" is none of its sections in skills.yaml (did you mean "Text"?)'],
    ],
    [
      "a name too many",
      playbookText("Text", "Appendix"),
      [':17: "### Appendix" is none of its sections in skills.yaml (add it there, or drop it here)'],
    ],
    ["none", playbookText(), [':12: "## Deliverable" has no "### Text" (skills.yaml requires it: write it, or drop it there)']],
    ["a name twice", playbookText("Text", "Text"), [':12: "### Text" stands twice (one heading a section)']],
  ])("%s", async (_name, body, lines) => {
    expect(await lintsOf(body)).toEqual(lines.map((line) => WRITER + line));
  });

  test("another order", async () => {
    const two: [string, string, string] = ["skills.yaml", "sections: [Text]", "sections: [Text, Notes]"];
    expect(await lintsOf(playbookText("Text", "Notes"), two)).toEqual([]);
    expect(await lintsOf(playbookText("Notes", "Text"), two)).toEqual([
      `${WRITER}:12: its ### names stand in another order than in skills.yaml (there: Text, Notes)`,
    ]);
  });

  test("headings in code fences and in other parts are none", async () => {
    const body = playbookText("Text").replace("What it holds.", "What it holds.\n\n```md\n### Sample\n## Inputs\n```\n");
    expect(await lintsOf(`${body}\n\n## References\n\n### Styles\n\nWhen in doubt.`)).toEqual([]);
  });
});

describe("quality criteria", () => {
  test("no part, and a part without a criterion of the rubric", async () => {
    expect(await lintsOf(playbookText("Text").replace("## Quality criteria", "## Quality"))).toEqual([
      `${WRITER}: has no "## Quality criteria" (say there what good is for this skill: reviewers read it)`,
    ]);
    expect(await lintsOf(playbookText("Text").replace("`clarity`", "clarity"))).toEqual([
      `${WRITER}:17: "## Quality criteria" says nothing of \`clarity\` (the rubric text scores it by that)`,
    ]);
  });
});

describe("mentions of upstream sections", () => {
  const inputs = (text: string) => playbookText("Text").replace("The brief.", text);

  test("those that exist are fine, also over a line's end and in a list", async () => {
    const text = "| a | **Basics** of `basics` |\n\nTake **Report**\nof `checker`, **Basics** and **Basics** of `basics`.";
    expect(await lintsOf(inputs(text))).toEqual([]);
  });

  test("an unknown skill and an unknown section are told with what was meant", async () => {
    const text = "Take **Basics** of `basic`.\n**Basic** of `basics`; **Basics**, **Style** of `basics`.";
    expect(await lintsOf(inputs(text))).toEqual([
      `${WRITER}:10: names a section of an unknown skill "basic" (did you mean "basics"?)`,
      `${WRITER}:11: basics has no section "Basic" (did you mean "Basics"?)`,
      `${WRITER}:11: basics has no section "Style" (known: Basics)`,
    ]);
  });

  test("outside of the inputs, and bold words without a skill, are prose", async () => {
    const body = inputs("**Basics** of the product. A **great** deal of `code`.").replace(
      "What it holds.",
      "**No** of `nobody`.",
    );
    expect(await lintsOf(body)).toEqual([]);
  });
});

describe("references", () => {
  test("one that the text never mentions is told; its bare name is a mention", async () => {
    await using team = await smallTeam();
    await team.write(".agents/skills/checker/references/list.md", "x");
    await team.write(".agents/skills/checker/references/other-list.md", "x");
    await team.change(".agents/skills/checker/SKILL.md", "The brief.", "The brief. Read [them](./references/other-list.md).");
    const { problems } = await loadRegistry({ root: team.root, lints: true });
    expect(problems.map(formatProblem)).toEqual([
      ".agents/skills/checker/references/list.md: is mentioned nowhere in SKILL.md (say there when to read it)",
    ]);
    await team.change(".agents/skills/checker/SKILL.md", "The brief.", "The brief (list.md).");
    expect((await loadRegistry({ root: team.root, lints: true })).problems).toEqual([]);
  });
});

describe("descriptions", () => {
  const LONG =
    "Writes the words of landing pages, product pages and announcements with headlines, buttons and proof. Use for new pages or a rewrite. Not for mail (checker).";

  test("two near-copies are told at the later one, with what they share", async () => {
    await using team = await smallTeam();
    await team.change(WRITER, "Does writer work.", LONG);
    await team.change(
      ".agents/skills/checker/SKILL.md",
      "Does checker work.",
      "Writing the words for a landing page, a product page and announcements with headline, button and urgency. Use it for new pages or rewrites. Not for editing (writer).",
    );
    const { problems } = await loadRegistry({ root: team.root, lints: true });
    expect(problems).toHaveLength(1);
    expect(formatProblem(problems[0] ?? { severity: "error", file: "", message: "" })).toMatch(
      /^\.agents\/skills\/checker\/SKILL\.md:3: its description and that of "writer" share \d+ % of their words: .*landing.*announcements/,
    );
  });

  test("what a skill is not for does not count, and few words are chance", async () => {
    const not = "Not for landing pages, product pages or announcements with headlines (writer).";
    expect([...contentWords(`Counts tea leaves. ${not}`).values()]).toEqual(["counts", "tea", "leaves"]);
    expect([...contentWords(`Counts tea leaves. ${not.replace("Not", "NOT")} Use daily.`).values()]).toEqual([
      "counts",
      "tea",
      "leaves",
      "daily",
    ]);
    expect([...contentWords("Designs designed designing designations").values()]).toEqual(["designs"]);
  });

  test("those that we ship stay well below the limit, and a copy of any of them with a fifth of its words changed is above it", async () => {
    const { registry } = await loadRegistry({ root: join(import.meta.dir, "../..") });
    const words = [...(registry?.skills.values() ?? [])].map((skill) => contentWords(skill.description));
    expect(words.length).toBeGreaterThan(20);
    const shares = words.flatMap((a, i) => words.slice(0, i).map((b) => overlap(a, b).share));
    expect(Math.max(...shares)).toBeLessThan(MAX_OVERLAP * 0.75);
    for (const own of words) {
      const copy = new Map([...own].map(([stem, word], i) => (i % 5 === 0 ? [`${stem}x`, word] : [stem, word])));
      expect(overlap(own, copy).share).toBeGreaterThan(MAX_OVERLAP);
    }
  });
});

test("sizes: what every call carries is more than the text, what is read on demand is not in it", async () => {
  await using team = await smallTeam();
  const { registry } = await loadRegistry({ root: team.root });
  if (!registry) throw new Error("the fixture does not load");
  const sizes = skillSizes(registry);
  const body = registry.skills.get("writer")?.body.length ?? 0;
  expect(sizes[0]).toMatchObject({ skill: "writer", body, references: { files: 1, chars: 9, tokens: 3 } });
  for (const { body: own, call } of sizes) {
    expect(call.chars).toBeGreaterThan(own);
    expect(call.tokens).toBe(Math.ceil(call.chars / 4));
  }
  expect(sizes.map(({ call }) => call.chars)).toEqual(sizes.map(({ call }) => call.chars).toSorted((a, b) => b - a));
});
