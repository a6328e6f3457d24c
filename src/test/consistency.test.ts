/** The yardstick of contradictions found by code: seeded campaigns, their clean twins, and what holds of any texts. */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { z } from "zod";
import { findContradictions } from "../director/consistency/find.ts";
import { CONTEXT, type Found, type Text } from "../director/consistency/text.ts";
import { ROOT } from "./cli.ts";

const SET = join(ROOT, ".agents", "evals", "consistency");
const entries = z.array(
  z.object({
    id: z.string(),
    kind: z.string(),
    file: z.string(),
    replace: z.string(),
    with: z.string(),
    against: z.object({ file: z.string(), quote: z.string() }),
    wrong: z.string(),
    twin: z.string(),
  }),
);
type Entry = z.infer<typeof entries>[number];
type Campaign = { readonly name: string; readonly texts: readonly Text[]; readonly entries: readonly Entry[] };

/** As work/check.ts ranks them: the context, strategies, copy, then what is made from it. */
function rankOf(name: string, place: number): number {
  const source = name === CONTEXT ? -1 : name.endsWith("-strategy") ? 1 : name === "copywriting" ? 2 : 3;
  return source === -1 ? -1 : source * 1e6 + place;
}

function campaigns(set = SET): Campaign[] {
  return readdirSync(set, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const files = readdirSync(join(set, name)).sort();
      const read = (file: string) => readFileSync(join(set, name, file), "utf8");
      const texts = files
        .filter((file) => file.endsWith(".md"))
        .map((file) => file.slice(0, -3))
        .map((text, i) => ({ name: text, rank: rankOf(text, i), body: read(`${text}.md`) }));
      return { name, texts, entries: entries.parse(parse(read("contradictions.yaml"))) };
    });
}

function edited(texts: readonly Text[], { file, replace }: Entry, to: string): Text[] {
  return texts.map((text) => (`${text.name}.md` === file ? { ...text, body: text.body.replace(replace, () => to) } : text));
}

function overlaps(body: string, quote: string, passage: string): boolean {
  const start = body.indexOf(passage);
  if (start === -1) return false;
  for (let at = body.indexOf(quote); at !== -1; at = body.indexOf(quote, at + 1))
    if (at < start + passage.length && start < at + quote.length) return true;
  return false;
}

/** The wrong side is the right one to blame, and one quote touches the edit (or, where a strategy was edited, what now contradicts it). */
function hits(found: Found, texts: readonly Text[], entry: Entry): boolean {
  if (`${found.wrong.name}.md` !== entry.wrong) return false;
  return [found.wrong, found.right].some(({ name, quote }) => {
    const body = texts.find((text) => text.name === name)?.body ?? "";
    return (
      (`${name}.md` === entry.file && overlaps(body, quote, entry.with)) ||
      (entry.file !== entry.wrong && `${name}.md` === entry.against.file && overlaps(body, quote, entry.against.quote))
    );
  });
}

const line = (found: Found) =>
  `${found.kind}, ${found.subject}: ${found.wrong.name} "${found.wrong.quote}" / ${found.right.name} "${found.right.quote}"`;

describe("the seeded campaigns", () => {
  test("code finds at least 0.9 of the contradictions, with at most 2 false alarms on all clean twins", () => {
    const missed: string[] = [];
    const alarms: string[] = [];
    const strays: string[] = [];
    let all = 0;
    for (const { texts, entries: seeded } of campaigns()) {
      for (const entry of seeded) {
        all += 1;
        const spoiled = edited(texts, entry, entry.with);
        const found = findContradictions(spoiled);
        if (!found.some((one) => hits(one, spoiled, entry))) missed.push(`${entry.id} (${entry.kind}): ${entry.with}`);
        for (const one of found) {
          for (const side of [one.wrong, one.right])
            if (!spoiled.find(({ name }) => name === side.name)?.body.includes(side.quote)) strays.push(line(one));
        }
        alarms.push(...findContradictions(edited(texts, entry, entry.twin)).map((one) => `${entry.id}: ${line(one)}`));
      }
    }
    const share = (all - missed.length) / all;
    const table = [
      `found ${all - missed.length} of ${all}; ${alarms.length} false alarms`,
      "missed:",
      ...missed,
      "alarms:",
      ...alarms,
    ];
    expect(all).toBe(72);
    expect(strays).toEqual([]);
    if (share < 0.9 || alarms.length > 2) throw new Error(table.join("\n"));
  }, 120_000);

  test("no clean campaign contradicts itself, in whatever order its texts come", () => {
    for (const { name, texts } of campaigns()) {
      expect([name, findContradictions(texts).map(line)]).toEqual([name, []]);
      expect([name, findContradictions([...texts].reverse()).map(line)]).toEqual([name, []]);
    }
  }, 30_000);
});

describe("campaigns that the code was not written against", () => {
  const FRESH = join(ROOT, ".agents", "evals", "consistency-fresh");

  // How it does on strangers' texts, as measured when the set came: worse is a step back, and a reader confirms every find.
  test("code finds at least 8 of 21, with at most 34 false alarms in the three clean campaigns", () => {
    let [found, all, alarms] = [0, 0, 0];
    for (const { texts, entries: seeded } of campaigns(FRESH)) {
      alarms += findContradictions(texts).length;
      for (const entry of seeded) {
        all += 1;
        const spoiled = edited(texts, entry, entry.with);
        if (findContradictions(spoiled).some((one) => hits(one, spoiled, entry))) found += 1;
      }
    }
    expect(all).toBe(21);
    expect(found).toBeGreaterThanOrEqual(8);
    expect(alarms).toBeLessThanOrEqual(34);
  }, 60_000);
});

const BASE = `# Hearth: product context

## Overview
Hearth plans shifts for bakeries. It is sold on two plans: Crumb at $29 a month and Loaf at $79 a month. Loaf can be tried for 14 days without a card.
Crumb covers up to 10 bakers, Loaf up to 40 bakers. The kneading timer is called Rise Timer. The name is written Hearth; until 2024 Loaf was called Premium.

## Audience
Owners of bakeries with 3 to 40 bakers. Not for supermarkets, and not for home bakers who bake alone.

## Competition
- Dienstplan: $95 a month, with a contract of twelve months.

## Proof points
- 2,140 bakeries use Hearth (billing, March 1, 2026).
- Missed shifts fell from 12 to 9 a month at the median of 80 bakeries. Never say "mistake-free".
`;
const PLAN = `# Plan

## Launch facts
| Fact | Value |
|---|---|
| Available | Tuesday, June 9, 2026 |
| Launch offer | 20% off the first year of Loaf, until June 30, 2026 |
| Webinar | Thursday, June 4, 2026, 4:00 pm CET |
| Call to action | Try Loaf for 14 days; only the webinar invitation has its own |
`;
const texts = (mail: string): Text[] => [
  { name: CONTEXT, rank: -1, body: BASE },
  { name: "plan", rank: 1, body: PLAN },
  { name: "mail", rank: 3, body: `# Mails\n\n## Emails\n\n### E1: news\n${mail}\n` },
];

describe("one mail against its campaign", () => {
  test.each([
    ["another price", "Loaf is $69 a month."],
    ["a price for the wrong plan", "Crumb is $79 a month."],
    ["another discount", "Until June 30 you get 25% off the first year of Loaf."],
    ["another discount in other words", "Until June 30 the first year of Loaf costs a third less."],
    ["another end", "Until July 15 you get 20% off the first year of Loaf."],
    ["another day", "Join our webinar on Friday, June 5 at 4:00 pm."],
    ["another trial", "Try Loaf free for 30 days."],
    ["another limit", "Loaf covers up to 50 bakers."],
    ["another count", "Over 3,000 bakeries use Hearth."],
    ["another change", "At 80 bakeries missed shifts fell by a half at the median."],
    ["a rival's price", "Dienstplan costs $120 a month."],
    ["an old name", "Most bakeries take Premium."],
    ["an unknown plan", "You are on the Basket plan."],
    ["a near miss of a name", "With the Yeast Timer you see when the dough is ready."],
    ["another step", "Come and see.\n**Button** Book a tour of our office"],
    ["people sent away", "This page is written for home bakers who bake alone on Sundays."],
    ["a card", "For the trial you need a card: enter your card and begin."],
    ["a forbidden word", "Rosters that are mistake-free."],
  ])("finds %s", (_, mail) => {
    const found = findContradictions(texts(mail));
    expect(found.map(({ wrong }) => wrong.name)).toContain("mail");
    for (const { wrong, right } of found) {
      expect(mail).toContain(wrong.quote);
      expect(`${BASE}${PLAN}`).toContain(right.quote);
    }
  });

  test.each([
    ["the same price, written otherwise", "Loaf costs USD 79.00 per month, Crumb 29 dollars."],
    ["twelve months of it", "Crumb is $29 a month, so twelve months are $348."],
    ["a discounted price", "With 20% off, Loaf is $63.20 a month in the first year instead of $79."],
    ["an old price that is said to be old", "Last year Loaf was $59 a month."],
    ["a rival's own price", "Dienstplan takes $95 a month."],
    ["the same days in weeks", "Loaf is yours to try for two weeks, without a card."],
    ["the same date, written otherwise", "Our webinar is on Thu, 4 June, at 4 in the afternoon."],
    ["a rounded count", "Over 2,100 bakeries use Hearth."],
    ["the same change", "At 80 bakeries missed shifts fell by a quarter at the median."],
    ["another day for another thing", "We write again on June 12."],
    ["a placeholder", "Loaf is [NEEDS: price of Loaf, $99 or less, from finance]."],
    ["its own button", "You are invited to the webinar.\n**Button** Save my chair"],
    ["an old name that is said to be old", "Loaf was called Premium until 2024."],
    ["readers as described", "This page is written for owners of bakeries."],
  ])("lets %s pass", (_, mail) => {
    expect(findContradictions(texts(mail)).map(line)).toEqual([]);
  });
});

describe("whatever the texts are", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom(
      ...'$29 a month|until March 3|20% off|**Button** Try it|Loaf|Hearth|Rise Timer|from 12 to 9|\n|\n\n|## Audience|### E1|- |two weeks|not for|we call it a Ray|Never say "|called Premium|. |, |(|)|`|[NEEDS: x]|```'
        .split("|")
        .concat(["| Plan | Price |\n|---|---|\n| Loaf | $79 |\n", "|", "\n| a | b\n|-"]),
    ),
  );
  const body = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(" "));

  test("property: a text says nothing against itself or its copy, and texts of one rank are not compared", () => {
    fc.assert(
      fc.property(body, (text) => {
        expect(findContradictions([{ name: "a", rank: 1, body: text }])).toEqual([]);
        const copies = [1, 2, 3].map((rank) => ({ name: `t${rank}`, rank, body: text }));
        expect(findContradictions(copies)).toEqual([]);
        expect(
          findContradictions([
            { name: "a", rank: 1, body: text },
            { name: "b", rank: 1, body: `${text} ${BASE}` },
          ]),
        ).toEqual([]);
      }),
    );
  });

  test("property: never throws, quotes word for word, blames the lower text, and the order of texts does not matter", () => {
    fc.assert(
      fc.property(body, body, (one, other) => {
        const all = [...texts(one), { name: "ad", rank: 4, body: other }];
        const found = findContradictions(all);
        expect(findContradictions([...all].reverse())).toEqual(found);
        for (const { wrong, right } of found) {
          const [low, high] = [wrong, right].map(({ name }) => all.find((text) => text.name === name));
          expect(low?.body).toContain(wrong.quote);
          expect(high?.body).toContain(right.quote);
          expect(low?.rank ?? 0).toBeGreaterThan(high?.rank ?? 0);
        }
      }),
    );
  });

  test("long lines of one character, and a hundred times the text, take no unreasonable time", () => {
    for (const character of [" ", "|", "-", "*", "1", "$", "a", "A ", "1 ", "one ", "“", "(", "| 1 ", "$1, "])
      findContradictions(texts(character.repeat(40_000)));
    const started = performance.now();
    findContradictions([...texts(""), { name: "long", rank: 5, body: BASE.repeat(100) }]);
    // About 40 times less on an idle machine; the square of the length would be far more.
    expect(performance.now() - started).toBeLessThan(20_000);
  }, 60_000);
});
