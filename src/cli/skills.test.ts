/** The team's table and the scores over time: what is counted, what is flagged, and that it fits 80 columns. */

import { describe, expect, test } from "bun:test";
import type { Registry, Skill } from "../domain/registry.ts";
import type { Work } from "../store/scores.ts";
import { styles } from "./output.ts";
import { criteriaOf, scoresResultOf, teamResultOf, weekOf } from "./skills.ts";
import { scoresResult, scoresText, spark, teamResult, teamText } from "./skills-text.ts";

const plain = styles(false);
const look = { style: plain, blocks: true, floor: 4 };
const WEEK = 7 * 86_400_000;
const MONDAY = Date.UTC(2026, 10, 16);

type Scores = { readonly first?: number | null; readonly score?: number | null; readonly atOnce?: boolean; readonly at?: number };

function work(skill: string, { first = 7, score = 8, atOnce = false, at = MONDAY }: Scores = {}, i = 0): Work {
  return { taskId: `task_${skill}_${i}`, skill, at, first, accepted: { revision: atOnce ? 0 : 1, score, atOnce } };
}

const works = (skill: string, scores: readonly number[]) =>
  scores.map((score, i) => work(skill, { score, at: MONDAY + i * (WEEK / 4) }, i));
const around = (centre: number, n: number) => Array.from({ length: n }, (_, i) => centre + (i % 2 === 0 ? 0.2 : -0.2));
const reviewer = { reviewer: "editor", reviews: 12, mean: 9.04, revise: 0, reject: 0 };

const skill = (name: string, squad: string): Skill => ({
  ...{ name, squad, role: "r", tier: "standard", rubric: "copy", description: "d", body: "text" },
  ...{ needs: [], feeds: [], sections: [], tools: [], references: [] },
});
const registry: Pick<Registry, "skills" | "squads"> = {
  squads: new Map([
    ["first", { title: "First", does: "d" }],
    ["second", { title: "Second", does: "d" }],
  ]),
  skills: new Map([skill("late", "second"), skill("early", "first")].map((entry) => [entry.name, entry])),
};

const textOf = (found: Parameters<typeof scoresResultOf>[0], one?: string, change: object = {}) =>
  scoresText(scoresResultOf(found, { rehearsal: false, ...(one === undefined ? {} : { skill: one }) }), { ...look, ...change });
const widthOf = (text: string) => Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));

describe("the team", () => {
  test("by squad; score and share are those of the last 20 accepted works, a person's own text has no score", () => {
    const older = Array.from({ length: 10 }, (_, i) => work("early", { score: 1, atOnce: true }, i));
    const latest = Array.from({ length: 18 }, (_, i) => work("early", { score: 8, atOnce: i < 5 }, 10 + i));
    const own = work("early", { score: null }, 30);
    const open: Work = { taskId: "task_open", skill: "early", at: MONDAY, first: 2, accepted: null };
    const result = teamResult.parse(teamResultOf(registry, [...older, ...latest, own, open], false));
    expect(result.skills.map((entry) => [entry.squad, entry.skill, entry.finished])).toEqual([
      ["first", "early", 29],
      ["second", "late", 0],
    ]);
    // The last 20: one of the older ones, 18 later ones, and a text without a score.
    expect(result.skills[0]).toMatchObject({ score: Math.round(((18 * 8 + 1) / 19) * 100) / 100, approvedAtOnce: 6 / 20 });
    expect(result.skills[1]).toMatchObject({ score: null, approvedAtOnce: null });
    expect(result.skills[0]?.promptChars).toBeGreaterThan(0);
  });

  test("as text: squads as headings, a dash where nothing is known, and a word when nobody has finished anything", () => {
    const text = teamText(teamResultOf(registry, [work("early", { atOnce: true })], false), plain);
    expect(text.split("\n").map((line) => line.trim().split(/\s+/).slice(0, 6).join(" "))).toMatchObject([
      "squad, skill tier rubric done score",
      "first",
      "early standard copy 1 8.0 100",
      "second",
      "late standard copy 0 - -",
      expect.any(String),
      expect.any(String),
    ]);
    expect(teamText(teamResultOf(registry, [], false), plain)).toContain("No work was finished yet");
    expect(teamText(teamResultOf(registry, [], true), plain)).toContain("rehearsals");
  });
});

describe("scores", () => {
  test("nothing yet is one plain line, of real work and of rehearsals", () => {
    for (const rehearsal of [false, true]) {
      const result = scoresResult.parse(scoresResultOf({ works: [], reviewers: [], criteria: [] }, { rehearsal }));
      const text = scoresText(result, look);
      expect(text.split("\n")).toHaveLength(1);
      expect(text).toContain("No scores");
    }
  });

  test("a fall is flagged, steady work is not, few works are said to be few", () => {
    const all = [
      ...works("falling", [...around(8.5, 30), ...around(7.5, 10)]),
      ...works("rising", [...around(7.5, 30), ...around(8.5, 10)]),
      ...works("even", around(8, 40)),
      ...works("few", around(8, 9)),
    ];
    const found = { works: all, reviewers: [reviewer], criteria: [] };
    const result = scoresResult.parse(scoresResultOf(found, { rehearsal: false }));
    expect(result.skills.map((entry) => [entry.skill, entry.drift.state])).toEqual([
      ["even", "steady"],
      ["falling", "down"],
      ["few", "unknown"],
      ["rising", "up"],
    ]);
    const lines = textOf(found).split("\n");
    const ends = Object.fromEntries(lines.map((line) => [line.split(/\s+/)[0], line.trim()]));
    expect(ends.falling).toEndWith("  -1.0");
    expect(ends.rising).toEndWith("  +1.0");
    expect(ends.even).toEndWith("  none");
    expect(ends.few).toEndWith("  9 of 16");
    expect(lines).toContain("n of 16: not enough works yet.");
    // The flag stands out in a terminal.
    expect(textOf(found, undefined, { style: styles(true) })).toContain("\x1b[31m-1.0");
  });

  test("one skill: the drift in a sentence, weeks with their first and accepted scores, criteria", () => {
    const falling = { works: works("falling", [...around(8.5, 30), ...around(7.5, 10)]), reviewers: [], criteria: [] };
    const text = textOf(falling, "falling");
    expect(text).toContain("falling: 40 works with a score");
    expect(text).toMatch(
      /Drift down 1\.0: last 10 works 7\.5, the 30 before 8\.5\.\nBeyond chance: Welch's t -\d+\.\d, \d+ degrees of freedom\./,
    );
    expect(text).toMatch(/\n {2}2026-11-16 +4 +7\.0 +8\.5\n/);
    const criteria = [{ rubric: "copy", criterion: "clarity", scores: 12, recent: 6.5, before: 8 }];
    const few = textOf({ works: works("few", [8, 8]), reviewers: [], criteria }, "few");
    expect(few).toContain("not enough works yet (2 of 16)");
    expect(few).toMatch(/\n {2}clarity +copy +12 +6\.5 +8\.0$/);
    expect(textOf({ works: works("even", around(8, 20)), reviewers: [], criteria }, "even")).toContain("No drift: last 10");
  });

  test("only the newest weeks are shown, all are in --json", () => {
    const found = { works: works("long", around(8, 80)), reviewers: [], criteria: [] };
    expect(scoresResultOf(found, { rehearsal: false, skill: "long" }).skills[0]?.weeks).toHaveLength(20);
    const text = textOf(found, "long");
    expect(text).toContain("By week (the last 12 of 20)");
    expect(text.match(/^ {2}\d{4}-\d\d-\d\d /gm)).toHaveLength(12);
  });

  test("works without a score are no works; a first score alone is shown", () => {
    const open: Work = { taskId: "task_open", skill: "open", at: MONDAY, first: 5, accepted: null };
    const own = work("person", { first: null, score: null });
    const found = { works: [open, own], reviewers: [], criteria: [] };
    expect(scoresResultOf(found, { rehearsal: false }).skills).toMatchObject([
      { skill: "open", works: 0, first: 5, accepted: null },
    ]);
  });

  test("a reviewer who approves everything is seen, once there is enough to see", () => {
    const reviewers = [
      reviewer,
      { reviewer: "strict", reviews: 40, mean: 6.2, revise: 10, reject: 2 },
      { reviewer: "new", reviews: 9, mean: 9, revise: 0, reject: 0 },
    ];
    const lines = textOf({ works: works("few", [8]), reviewers, criteria: [] }).split("\n");
    const of = (name: string) =>
      lines
        .find((line) => line.trim().startsWith(name))
        ?.trim()
        .replace(/\s+/g, " ");
    expect(of("editor")).toBe("editor 12 9.0 0 % 0 % approves everything");
    expect(of("strict")).toBe("strict 40 6.2 25 % 5 %");
    expect(of("new")).toBe("new 9 9.0 0 % 0 %");
  });

  test("everything fits 80 columns, also with long names and large numbers", () => {
    const long = "a-very-long-name-of-a-skill-from-elsewhere";
    const reviewers = [{ ...reviewer, reviewer: long, reviews: 12_345 }];
    const criteria = [{ rubric: long, criterion: long, scores: 1_234, recent: 10, before: 10 }];
    const found = { works: works(long, [...around(3, 3000), ...around(9.8, 10)]), reviewers, criteria };
    expect(widthOf(textOf(found))).toBeLessThanOrEqual(80);
    expect(widthOf(textOf({ ...found, works: works(long, around(8, 9)) }))).toBeLessThanOrEqual(80);
    const [head = "", ...rest] = textOf(found, long).split("\n");
    expect(head).toContain(long);
    expect(widthOf(rest.join("\n"))).toBeLessThanOrEqual(80);
    const team = { squads: registry.squads, skills: new Map([[long, { ...skill(long, "first"), rubric: long }]]) };
    expect(widthOf(teamText(teamResultOf(team, works(long, around(10, 3000)), false), plain))).toBeLessThanOrEqual(80);
  });
});

test("criteria are told apart by the rubric of who scored, and by recent and before", () => {
  const clarity = (score: number) => [{ criterion: "clarity", score, evidence: "" }];
  const given = [
    { taskId: "new", reviewer: "director", scores: clarity(6) },
    { taskId: "new", reviewer: "editor", scores: clarity(2) },
    { taskId: "old", reviewer: "director", scores: clarity(9) },
    { taskId: "older", reviewer: "director", scores: clarity(8) },
  ];
  const rubricOf = (name: string) => (name === "director" ? "copy" : "edit");
  expect(criteriaOf(given, rubricOf, { recent: new Set(["new"]), before: new Set(["old", "older"]) })).toEqual([
    { rubric: "copy", criterion: "clarity", scores: 3, recent: 6, before: 8.5 },
    { rubric: "edit", criterion: "clarity", scores: 1, recent: 2, before: null },
  ]);
});

test("one character a work: blocks from what is rejected to 10, or digits", () => {
  expect(spark([1, 4, 7, 10], { blocks: true, floor: 4 })).toBe("▁▁▅█");
  expect(spark([3.9, 7.9, 10], { blocks: false, floor: 4 })).toBe("37X");
  expect(spark([], { blocks: true, floor: 4 })).toBe("");
});

test("a week begins on Monday, in UTC", () => {
  expect([MONDAY - 1, MONDAY, MONDAY + WEEK - 1, MONDAY + WEEK].map(weekOf)).toEqual([
    "2026-11-09",
    "2026-11-16",
    "2026-11-16",
    "2026-11-23",
  ]);
});
