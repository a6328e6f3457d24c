/** Structural checks: what is unfinished is found, what only looks like it is not, and no text takes long. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { structureFindings } from "./structure.ts";

const FILL = "This is a finished sentence of a finished text. ".repeat(6);
const findings = (text: string, change: { requiredSections?: string[]; secrets?: string[] } = {}) =>
  structureFindings({ body: `${FILL}\n\n${text}`, requiredSections: [], secrets: [], ...change });
const quotes = (text: string) => findings(text).map((entry) => entry.quote);

describe("length", () => {
  test("an empty text is a blocker and nothing else, a short one is not finished", () => {
    const of = (body: string) => structureFindings({ body, requiredSections: ["Summary"], secrets: [] });
    expect(of(" \n\t").map((entry) => entry.severity)).toEqual(["blocker"]);
    expect(of("## Summary\nShort.").map((entry) => entry.problem)).toEqual([expect.stringContaining("has 17 characters")]);
    expect(of(`## Summary\n${FILL}`)).toEqual([]);
  });
});

describe("placeholders", () => {
  for (const text of [
    "Welcome to [Company].",
    "Dear [Name],",
    "[Your product] is here",
    "[insert the price here]",
    "[XX] % faster",
    "On [date] in [TBD]",
    "Click [link] now",
    "- [ ] call [customer name]",
    "| [Product Name] | 5 |",
    "[Company][Brand]",
  ])
    test(`counts: ${text}`, () => expect(quotes(text)[0]).toStartWith("["));

  for (const text of [
    "[link](https://example.com) and [Company](/about)",
    "![name](a.png)",
    "[link][1] and [date][when]\n\n[1]: https://example.com\n[when]: /calendar",
    "See [link].\n\n[link]: <https://example.com>",
    "- [ ] open\n- [x] done\n- [X] done",
    "A claim.[^1]\n\n[^1]: The source.",
    "[NEEDS: the date, TBD by the product owner] and [UNVERIFIED: twice as fast]",
    "[NEEDS: company name]",
    "Write `[name]` where the mail tool puts the first name.",
    "Use row[name] and $[date].",
    "The array [1, 2] and [a, b].",
  ])
    test(`does not count: ${text.split("\n")[0]}`, () => expect(quotes(text)).toEqual([]));

  test("each is said once, five at most", () => {
    expect(quotes("[Name] [Name] [Name]")).toEqual(["[Name]"]);
    expect(quotes("[Name] [Date] [URL] [Link] [TBD] [Product] [Brand]").length).toBeLessThanOrEqual(6);
  });
});

describe("in code fences", () => {
  const fence = (language: string, code: string) => `\`\`\`${language}\n${code}\n\`\`\``;
  test("JSON-LD and HTML are content: a placeholder in them counts", () => {
    expect(quotes(fence("json", '{ "@type": "Organization", "name": "[Company]" }'))).toEqual(["[Company]"]);
    expect(quotes(fence("html", "<h1>[Product name]</h1>"))).toEqual(["[Product name]"]);
    expect(quotes(fence("", "Hello [Name],"))).toEqual(["[Name]"]);
  });

  test("brackets of a program do not, unless they stand in a string", () => {
    expect(quotes(fence("js", "const [name] = data[date];\nlet x = [url, 1];\nf([name]);"))).toEqual([]);
    expect(quotes(fence("css", "input[name] { color: red }\n[date] { color: red }"))).toEqual([]);
    expect(quotes(fence("ts", 'const title = "Welcome to [Company]";'))).toEqual(["[Company]"]);
  });

  test("sound JSON-LD has no fault", () => {
    const json =
      '{\n  "@context": "https://schema.org",\n  "sameAs": ["https://a.example", "https://b.example"],\n  "price": 5\n}';
    expect(findings(fence("json", json))).toEqual([]);
  });

  test("a heading in a fence is no section", () => {
    expect(findings(fence("bash", "## Summary"), { requiredSections: ["Summary"] }).length).toBe(1);
  });
});

describe("filler", () => {
  test("counts in any usual spelling", () => {
    for (const text of ["Lorem ipsum dolor", "lorem ipsum", "Price: TBD", "TODO: write", "FIXME"])
      expect([text, findings(text).length]).toEqual([text, 1]);
    expect(findings("```js\n// TODO: set the key\nrun();\n```").length).toBe(1);
  });

  test("words that only hold it, and code spans, do not", () => {
    for (const text of ["A todo list for teams", "Todos", "the `TODO` column", "[NEEDS: price TBD]"])
      expect([text, findings(text)]).toEqual([text, []]);
  });
});

describe("fences left open", () => {
  test("count, whatever their marks; closed ones do not", () => {
    for (const text of ["```\ncode", "~~~\ncode", "```js\na\n```\n\n```\nb", "  ```\n  code", "````\n```\ncode\n```"])
      expect([text, findings(text).map((entry) => entry.quote)]).toEqual([text, ["```"]]);
    for (const text of [
      "```\ncode\n```",
      "~~~\n```\n~~~",
      "````md\n```\nnot closed inside\n````",
      "- item\n\n  ```js\n  code\n  ```",
      "> ```\n> quoted\n> ```",
      "``` not a fence ```",
      "```js\r\ncode\r\n```\r\nText.",
    ])
      expect([text, findings(text)]).toEqual([text, []]);
  });
});

describe("required sections", () => {
  const missing = (text: string, section = "Summary") => findings(text, { requiredSections: [section] }).length;

  test("are found with numbers, emphasis, ornament, a colon or more words, in any case and rank", () => {
    for (const heading of [
      "## Summary",
      "# SUMMARY",
      "#### Summary",
      "## 1. Summary",
      "## 2) Summary",
      "## 1.2 Summary",
      "## **Summary**",
      "## **1. Summary**",
      "## _Summary_:",
      "## 📊 Summary",
      "## Summary of findings",
      "## Summary: what we saw",
      "## Summary (short)",
      "## Summary ##",
    ])
      expect([heading, missing(`${heading}\n\nText.`)]).toEqual([heading, 0]);
    expect(missing("## Summary\r\n\r\nText.")).toBe(0);
    expect(missing("## 3 offers\n", "3 offers")).toBe(0);
  });

  test("are missing when only a sentence, another word or a code span says them", () => {
    for (const text of ["Summary", "**Summary**", "##Summary", "## Summaryless", "## In summary", "##### Summary"])
      expect([text, missing(text)]).toEqual([text, 1]);
  });
});

describe("secrets", () => {
  test("one anywhere is a blocker that does not repeat it; short words are none", () => {
    const [found] = findings("the key is abc-SECRET-1.", { secrets: ["abc-SECRET-1"] });
    expect(found?.severity).toBe("blocker");
    expect(JSON.stringify(found)).not.toContain("SECRET");
    expect(findings("abc", { secrets: ["abc", ""] })).toEqual([]);
  });

  test("property: a secret is found wherever it stands, with whatever characters", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, maxLength: 40 }), fc.string(), fc.string(), (secret, before, after) => {
        expect(findings(`${before}${secret}${after}`, { secrets: [secret] }).some((entry) => entry.severity === "blocker")).toBe(
          true,
        );
      }),
    );
  });
});

test("a sound text has no finding, whatever its words", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z ,.;'äöü-]{0,80}$/), { maxLength: 20 }), (lines) => {
      expect(findings(lines.join("\n\n"))).toEqual([]);
    }),
  );
});

describe("long texts", () => {
  // What would take minutes if any pattern were quadratic.
  for (const unit of [
    "# ",
    "#",
    "[",
    "[your ",
    "[insert ",
    "`",
    "```\n",
    "~~~\n",
    " ",
    "\n",
    "## a  \n",
    "[name][",
    "[NEEDS: ",
    "TODO ",
    "[x]: ",
    "'\"`",
  ])
    test(`one of ${JSON.stringify(unit)} is read to its end`, () => {
      const long = unit.repeat(Math.ceil(300_000 / unit.length));
      for (const body of [`${long}x`, `## a${long}b`, `\`\`\`js\n${long}\n\`\`\``])
        expect(structureFindings({ body, requiredSections: ["Summary", "Offer"], secrets: ["sk-something-long"] })).toBeArray();
    });
});
