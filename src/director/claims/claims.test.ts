/** Claims: what counts as one, what ties it to a source, what a reviewer's word makes of the rest. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { claimsOf, judgedClaims, unpublishable, unsupportedFindings } from "./claims.ts";

const CONTEXT = {
  name: "context",
  text: `## Proof points

- 2,140 support teams use Relay (billing, Nov 2026).
- Answering takes 34 % less time than with a shared mailbox (own study, 2025, n = 120).
- "We answer before lunch now" said Ana Ruiz, head of support at Northwind.

## Prices

The Team plan costs $29 a month for each seat.`,
};
const found = (body: string) =>
  claimsOf(body, [CONTEXT]).map(({ kind, status, source, quote }) => ({ kind, status, source, quote }));

describe("tied to a source", () => {
  test.each([
    ["number", "More than 2140 teams answer their support mail with Relay."],
    ["number", "The Team plan is 29 USD per seat and month."],
    ["comparison", "Answering takes 34 percent less time than with a shared mailbox."],
    ["testimonial", "“We answer before lunch now”, says Ana Ruiz of Northwind."],
  ])("%s: %s", (kind, quote) => {
    expect(found(quote)).toEqual([{ kind: kind as never, status: "tied", source: "context", quote }]);
  });
});

describe("open, because nothing here says so", () => {
  test.each([
    ["number", "Relay cuts your costs by 40 %."],
    ["number", "Used by 20,000 companies."],
    ["number", "The Team plan costs $49 a month."],
    ["number", "You answer 3x as often."],
    ["comparison", "Relay is faster than any other inbox."],
    ["superlative", "The best inbox for support teams."],
    ["superlative", "An award-winning tool."],
    ["testimonial", "“The best tool we ever bought for our team” — Jo Smith, CEO"],
    // The number is there, said of something else.
    ["number", "2,140 badgers live in Norfolk."],
  ])("%s: %s", (kind, quote) => {
    expect(found(quote)).toEqual([{ kind: kind as never, status: "open", source: "", quote }]);
  });
});

describe("no claim", () => {
  test.each([
    ["small numbers, dates and durations of a plan", "Send 3 mails in 14 days, the first on 3 March 2026 at 10:30."],
    ["what the text itself marks", "Trusted by [NEEDS: number of teams, from billing] teams. [UNVERIFIED: 40 % faster]"],
    ["headings", "# The best 100 % page"],
    ["code", 'Set `limit = 5000`.\n\n```json\n{ "price": 4900, "share": "40%" }\n```'],
    ["plain statements", "Relay routes each message to the person who can answer it."],
  ])("%s", (_name, body) => {
    expect(found(body)).toEqual([]);
  });

  test("text in a fence that is ready to paste is read like any other", () => {
    expect(found("```\nUsed by 20,000 companies.\n```").map((claim) => claim.kind)).toEqual(["number"]);
  });
});

test("the weightiest first, each once", () => {
  const body =
    "Used by 20,000 companies. The best inbox. Used by 20,000 companies.\n\n“It changed how our whole team works” — Jo Smith";
  expect(found(body).map((claim) => claim.kind)).toEqual(["testimonial", "superlative", "number"]);
});

describe("a reviewer's word", () => {
  const asked = claimsOf("Used by 20,000 companies. The best inbox. Relay cuts your costs by 40 %.", [CONTEXT]);

  test("support needs a source; what is not said stays open; the unsupported is a major finding with its quote", () => {
    const judged = judgedClaims(asked, [
      { id: "C1", status: "unsupported", source: "" },
      { id: "C2", status: "supported", source: "" },
    ]);
    expect(judged.map((claim) => claim.status)).toEqual(["unsupported", "unsupported", "open"]);
    const findings = unsupportedFindings(judged);
    expect(findings.map(({ severity, quote }) => [severity, quote])).toEqual([
      ["major", "The best inbox."],
      ["major", "Used by 20,000 companies."],
    ]);
    expect(unpublishable(judged).length).toBe(3);
  });

  test("supported with its source, and what is no claim, may go out", () => {
    const judged = judgedClaims(asked, [
      { id: "C1", status: "no_claim", source: "" },
      { id: "C2", status: "supported", source: "context: billing" },
      { id: "C3", status: "supported", source: "the arithmetic beside it" },
    ]);
    expect(unpublishable(judged)).toEqual([]);
    expect(unsupportedFindings(judged)).toEqual([]);
  });
});

test("property: quotes are words of the text, no claim is tied without a source", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "The best ",
      "40 % ",
      "“a quote of many words here” — X",
      "\n",
      "| a | 2,000 |\n",
      "```\n",
      "faster than ",
      "$9",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const body = pieces.join("");
      for (const claim of claimsOf(body, [])) {
        expect(body).toContain(claim.quote);
        expect(claim.status).toBe("open");
      }
    }),
  );
});

test("a long text that almost matches everywhere is read to its end", () => {
  const long = "The best a faster than “ ".repeat(20_000);
  expect(claimsOf(long, [{ name: "context", text: long.slice(0, 100_000) }]).length).toBeGreaterThan(0);
});
