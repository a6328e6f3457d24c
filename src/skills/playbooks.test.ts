/** What the shipped playbooks say, held against itself: sections of others, JSON-LD, sample sizes, and how large they are. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { PipelineStep, Registry } from "../domain/registry.ts";
import { loadRegistry } from "./registry.ts";
import { MAX_BODY } from "./skill-file.ts";
import { skillSizes } from "./skill-size.ts";
import { upstreamMentions } from "./upstream-checks.ts";

const root = join(import.meta.dir, "../..");
const registry = (await loadRegistry({ root })).registry as Registry;
const bodyOf = (skill: string) => registry.skills.get(skill)?.body ?? "";
const referenceOf = async (skill: string, path: string) => (await registry.readReference(skill, path)) ?? "";

describe("mentions of other skills' sections", () => {
  const mentions = [...registry.skills.values()].map(({ name, body }) => ({
    name,
    mentions: upstreamMentions({ body, bodyLine: 1 }),
  }));

  test("each names a section that its skill has", () => {
    const faults = mentions.flatMap(({ name, mentions: made }) =>
      made
        .filter(({ skill, section }) => !registry.skills.get(skill)?.sections.includes(section))
        .map(({ skill, section }) => `${name}: **${section}** of \`${skill}\``),
    );
    expect(faults).toEqual([]);
  });

  test("whoever builds on a skill names at least one section of it", () => {
    const builds = [
      ...[...registry.skills.values()].flatMap(({ name, needs }) => needs.map((need) => `${name} ← ${need}`)),
      ...[...registry.pipelines.values()].flatMap(({ steps }) => neighbours(steps)),
    ];
    expect(new Set(builds).size).toBeGreaterThan(50);
    const named = new Set(mentions.flatMap(({ name, mentions: made }) => made.map(({ skill }) => `${name} ← ${skill}`)));
    expect([...new Set(builds)].filter((pair) => !named.has(pair)).toSorted()).toEqual([]);
  });
});

/** `b ← a` for each step b that stands directly behind a; of steps side by side, all stand before the next. */
function neighbours(steps: readonly PipelineStep[]): string[] {
  const pairs: string[] = [];
  let before: string[] = [];
  for (const step of steps) {
    const parts = "parallel" in step ? step.parallel : [step];
    const skills = parts.flatMap((part) => ("skill" in part ? [part.skill] : []));
    // A review is no step of its own; the Director's own work hands on no sections.
    if (skills.length === 0 && parts.every((part) => "review" in part)) continue;
    for (const skill of skills) for (const earlier of before) if (earlier !== skill) pairs.push(`${skill} ← ${earlier}`);
    before = skills;
  }
  return pairs;
}

describe("schema-markup", async () => {
  const SKILL = "schema-markup";
  const TYPES = "references/types-and-status.md";
  const texts: [string, string][] = [["SKILL.md", bodyOf(SKILL)]];
  for (const { path } of registry.skills.get(SKILL)?.references ?? []) texts.push([path, await referenceOf(SKILL, path)]);
  const blocks = texts.flatMap(([file, text]) => {
    const parts = text.split(/^(?=## )/m);
    return parts.flatMap((part) =>
      [...part.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map((match) => ({
        name: `${file}, ${part.split("\n", 1)[0]}`,
        part,
        json: match[1] ?? "",
      })),
    );
  });

  /**
   * What Google's features require, as the state of November 2026 in our sources says: every group needs one of its paths. `says` is
   * how the playbook's own table puts it, so that the table and this list cannot part.
   */
  const REQUIRED: Readonly<Record<string, { readonly row: string; readonly groups: readonly (readonly string[])[] }>> = {
    Product: { row: "Merchant listing", groups: [["name"], ["image"], ["offers.price"], ["offers.priceCurrency"]] },
    SoftwareApplication: { row: "SoftwareApplication", groups: [["name"], ["offers.price"], ["aggregateRating", "review"]] },
    WebApplication: { row: "SoftwareApplication", groups: [["name"], ["offers.price"], ["aggregateRating", "review"]] },
    AggregateRating: { row: "AggregateRating", groups: [["ratingValue"], ["ratingCount", "reviewCount"]] },
    Review: { row: "Review", groups: [["author"], ["reviewRating.ratingValue"]] },
    BreadcrumbList: { row: "BreadcrumbList", groups: [["itemListElement"]] },
    LocalBusiness: { row: "LocalBusiness", groups: [["name"], ["address"]] },
    Event: { row: "Event", groups: [["name"], ["startDate"], ["location.address", "location.url"]] },
    VideoObject: { row: "VideoObject", groups: [["name"], ["thumbnailUrl"], ["uploadDate"]] },
    JobPosting: {
      row: "JobPosting",
      groups: [
        ["title"],
        ["description"],
        ["datePosted"],
        ["hiringOrganization"],
        ["jobLocation", "applicantLocationRequirements"],
      ],
    },
    MerchantReturnPolicy: {
      row: "MerchantReturnPolicy",
      groups: [["applicableCountry"], ["returnPolicyCountry"], ["returnPolicyCategory", "merchantReturnLink"]],
    },
    AggregateOffer: { row: "AggregateOffer", groups: [["lowPrice"], ["priceCurrency"]] },
    Offer: { row: "Offer in a snippet", groups: [["price", "priceSpecification.price"]] },
  };
  /** Types whose features Google has withdrawn, or that need no property of their own. */
  const WITHDRAWN = ["FAQPage", "HowTo", "ClaimReview", "SpecialAnnouncement", "Course", "Quiz", "SearchAction"];
  const FREE = [
    "Organization",
    "WebSite",
    "WebPage",
    "BlogPosting",
    "Article",
    "NewsArticle",
    "ImageObject",
    "ContactPoint",
    "Person",
    "ListItem",
    "Brand",
    "Place",
    "VirtualLocation",
    "PostalAddress",
    "GeoCoordinates",
    "OpeningHoursSpecification",
    "Rating",
  ];

  test("there are examples to look at, of the kinds that matter", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(8);
    const types = new Set(blocks.flatMap(({ json }) => nodesOf(JSON.parse(json)).flatMap(typesOf)));
    for (const type of [
      "Organization",
      "Product",
      "SoftwareApplication",
      "BreadcrumbList",
      "Event",
      "VideoObject",
      "LocalBusiness",
    ])
      expect(types).toContain(type);
  });

  test("the playbook's table requires what this test requires", async () => {
    const table = new Map(
      [...(await referenceOf(SKILL, TYPES)).matchAll(/^\| ([^|]+) \| ([^|]+) \| [^|]*\|/gm)].map((row) => [
        row[1]?.trim() ?? "",
        row[2] ?? "",
      ]),
    );
    for (const { row, groups } of Object.values(REQUIRED)) {
      const required = [...table].find(([name]) => name.startsWith(row))?.[1] ?? "";
      for (const group of groups) {
        const said = group.some((path) => path.split(".").every((key) => required.toLowerCase().includes(wordOf(key))));
        expect([row, group, required, said]).toEqual([row, group, required, true]);
      }
    }
  });

  test.each(blocks.map((block) => [block.name, block] as const))(
    "%s is JSON-LD that its features can use",
    (_name, { json, part }) => {
      const data = JSON.parse(json) as Record<string, unknown>;
      expect(data["@context"]).toBe("https://schema.org");
      const nodes = nodesOf(data);
      expect(nodes.length).toBeGreaterThan(0);
      for (const node of nodes) {
        const types = typesOf(node);
        expect([types.length > 0, JSON.stringify(node)]).toEqual([true, JSON.stringify(node)]);
        for (const type of types) {
          expect(WITHDRAWN).not.toContain(type);
          // A type that neither list knows is one that nobody has looked up: do so, then add it.
          expect([type, type in REQUIRED || FREE.includes(type)]).toEqual([type, true]);
          const missing = (REQUIRED[type]?.groups ?? []).filter((group) => !group.some((path) => has(node, path.split("."))));
          // An example may do without ratings when it says that it earns no result by it.
          const excused = missing.every((group) => group.includes("aggregateRating")) && part.includes("no result expected");
          expect([type, excused ? [] : missing]).toEqual([type, []]);
        }
        expect(Object.values(node).filter((value) => value === null || value === "")).toEqual([]);
        for (const [key, value] of Object.entries(node))
          if (/^(start|end|upload)Date$|^date/.test(key)) expect(value).toMatch(ZONED);
      }
      for (const node of nodes.filter((one) => typesOf(one).includes("BreadcrumbList"))) {
        const items = node["itemListElement"] as Record<string, unknown>[];
        expect(items.length).toBeGreaterThanOrEqual(2);
        items.forEach((item, i) => {
          expect(item).toMatchObject({ "@type": "ListItem", position: i + 1, name: expect.any(String) });
          if (i < items.length - 1) expect(item["item"]).toMatch(/^https:/);
        });
      }
      for (const node of nodes.filter((one) => typesOf(one).includes("Product"))) {
        const offer = node["offers"] as Record<string, unknown>;
        expect([offer["@type"], Number(offer["price"]) > 0]).toEqual(["Offer", true]);
        expect(offer["priceCurrency"]).toMatch(/^[A-Z]{3}$/);
      }
    },
  );
});

const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/;

/** Every object with content of its own; a bare reference ({ "@id": … }) points to one. */
function nodesOf(value: unknown): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  if (typeof value !== "object" || value === null) return [];
  const node = value as Record<string, unknown>;
  const { "@context": _context, "@graph": graph, ...own } = node;
  const keys = Object.keys(own);
  const inner = [...Object.values(own).flatMap(nodesOf), ...nodesOf(graph)];
  return keys.length === 0 || (keys.length === 1 && keys[0] === "@id") ? inner : [own, ...inner];
}

function typesOf(node: Record<string, unknown>): string[] {
  return [node["@type"]].flat().filter((type): type is string => typeof type === "string");
}

function has(node: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return node !== undefined && node !== null && node !== "";
  if (Array.isArray(node)) return node.length > 0 && node.every((item) => has(item, [key, ...rest]));
  return typeof node === "object" && node !== null && has((node as Record<string, unknown>)[key], rest);
}

/** How a table for people writes a property: "offers" may stand as "Offer". */
function wordOf(key: string): string {
  const words: Readonly<Record<string, string>> = { offers: "offer", url: "location", merchantReturnLink: "link" };
  return (words[key] ?? key).toLowerCase();
}

describe("ab-test-setup", async () => {
  const SKILL = "ab-test-setup";
  const REFERENCE = "references/sample-size-and-statistics.md";
  const playbook = bodyOf(SKILL);
  const reference = await referenceOf(SKILL, REFERENCE);
  const number = (text: string) => Number(text.replaceAll(",", ""));
  const within1Percent = (said: number, right: number) => Math.abs(said - right) <= right / 100;

  test("the formula is the one this test computes", () => {
    expect(playbook.replace(/\s+/g, " ")).toContain(
      "n per arm = ( 1.96 x sqrt(2 pbar (1 - pbar)) + 0.8416 x sqrt(p1 (1 - p1) + p2 (1 - p2)) )^2 / (p2 - p1)^2",
    );
    expect(reference).toContain("z(.975) = 1.9600");
    expect(reference).toContain("z(.80) = 0.8416");
    // A textbook's figure (Fleiss: 10 % against 20 %, two-sided .05, power .80, without correction).
    expect(Math.ceil(perArm(0.1, 0.2))).toBe(199);
  });

  test.each([
    ["SKILL.md", playbook],
    [REFERENCE, reference],
  ])("%s: every figure of the table by baseline is within 1 %% of the formula", (_file, text) => {
    const cells = [...text.matchAll(/^ *\| Baseline \|(.+)\|\n *\|[-| ]+\|\n((?: *\|.+\|\n)+)/gm)].flatMap((table) => {
      const effects = cellsOf(table[1] ?? "").map((cell) => Number(/^\+(\d+(?:\.\d+)?)%$/.exec(cell)?.[1]) / 100);
      return (table[2] ?? "")
        .trimEnd()
        .split("\n")
        .flatMap((row) => {
          const [head = "", ...figures] = cellsOf(row);
          const baseline = Number.parseFloat(head) / 100;
          return figures.map((figure, i) => ({ baseline, effect: effects[i] ?? Number.NaN, said: number(figure) }));
        });
    });
    expect(cells.length).toBeGreaterThanOrEqual(18);
    const wrong = cells.filter(({ baseline, effect, said }) => !within1Percent(said, perArm(baseline, baseline * (1 + effect))));
    expect(wrong).toEqual([]);
  });

  test("the worked example's sample sizes and weeks follow from its baseline and traffic", () => {
    const example = /^## Worked example$([\s\S]*?)^## /m.exec(playbook)?.[1] ?? "";
    const baseline = Number(/baseline ([\d.]+) percent/.exec(example)?.[1]) / 100;
    const weekly = number(/([\d,]+) eligible visitors a week/.exec(example)?.[1] ?? "");
    const rows = [...example.matchAll(/^\| \+(\d+)% \| ([\d,]+) \| (\d+)/gm)];
    expect(rows.length).toBeGreaterThanOrEqual(3);
    for (const [, effect, n = "", weeks] of rows) {
      const right = perArm(baseline, baseline * (1 + Number(effect) / 100));
      expect([effect, within1Percent(number(n), right)]).toEqual([effect, true]);
      expect([effect, Number(weeks)]).toEqual([effect, Math.ceil((2 * right) / weekly)]);
    }
  });

  // Figures in prose: where in the text, and what it must be. A text that was put otherwise needs its pattern here put otherwise.
  test.each<[string, string, RegExp, number]>([
    ["power .90", reference, /Power \.90 at 3 percent, \+10: ([\d,]+)/, perArm(0.03, 0.033, { power: Z90 })],
    ["two variants", reference, /3\s+percent, \+20, two variants: ([\d,]+) per arm/, perArm(0.03, 0.036, { alpha: 2.2414 })],
    ["a guard, in the playbook", playbook, /Base 40 percent, margin 0\.8 points: ([\d,]+)/, guard(0.4, 0.008)],
    ["a guard", reference, /40 percent, m = 0\.8 points \(2 percent relative\): ([\d,]+)/, guard(0.4, 0.008)],
    ["a wide guard", reference, /35 percent, 3\.5 points: ([\d,]+)/, guard(0.35, 0.035)],
    ["a continuous metric", reference, /sd 60, d 2\.5: ([\d,]+) per arm/, (2 * 7.8489 * 60 ** 2) / 2.5 ** 2],
    ["revenue per visitor", reference, /percent needs ([\d,]+) per arm, 2\.37 times/, (2 * 7.8489 * 13.44 ** 2) / 0.15 ** 2],
    ["CUPED", reference, /\.5 0\.75 \(53,211 becomes ([\d,]+)\)/, perArm(0.03, 0.033) * 0.75],
  ])("%s is within 1 %%", (_name, text, pattern, right) => {
    const said = number(pattern.exec(text)?.[1] ?? "");
    expect([said, within1Percent(said, right)]).toEqual([said, true]);
  });
});

const Z90 = 1.2816;

/** Two proportions by the normal approximation, two-sided .05 and power .80 unless told. */
function perArm(p1: number, p2: number, { alpha = 1.96, power = 0.8416 } = {}): number {
  const mean = (p1 + p2) / 2;
  const root = alpha * Math.sqrt(2 * mean * (1 - mean)) + power * Math.sqrt(p1 * (1 - p1) + p2 * (1 - p2));
  return root ** 2 / (p2 - p1) ** 2;
}

/** Non-inferiority by a margin: one-sided .05, power .80. */
function guard(p: number, margin: number): number {
  return (6.1826 * 2 * p * (1 - p)) / margin ** 2;
}

function cellsOf(row: string): string[] {
  return row
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => cell.trim());
}

describe("sizes", () => {
  test("every text is within its budget, and so is what stands around it", () => {
    for (const { skill, body, call } of skillSizes(registry)) {
      expect([skill, body <= MAX_BODY]).toEqual([skill, true]);
      expect([skill, call.chars - body < 2_000]).toEqual([skill, true]);
    }
  });

  // Rounded, so that an edit of a sentence seldom shows and growth does. To renew: bun test src/skills/playbooks.test.ts -t sizes -u
  test("characters in every call, to the nearest 500", () => {
    const rounded = skillSizes(registry).map(({ skill, call }) => [skill, Math.round(call.chars / 500) * 500] as const);
    expect(Object.fromEntries(rounded.toSorted(([a], [b]) => (a < b ? -1 : 1)))).toMatchSnapshot();
  });
});
