/** Values in text: each way of writing one, its normal form, and that no text makes the reader stumble. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sameValue, valuesOf } from "./values.ts";

const read = (text: string) => valuesOf(text).map((value) => `${value.kind} ${value.normal}`);

describe("one value, however it is written", () => {
  test.each([
    ["money USD 29", ["$29", "US$29", "29 USD", "USD 29.00", "29 dollars", "$ 29,00"]],
    ["money EUR 1234.5", ["€1,234.50", "1.234,50 €", "EUR 1 234,50", "1'234.50 euros"]],
    ["money USD 4", ["four dollars", "$4.00"]],
    ["money GBP 0.19", ["19p", "19 pence", "£0.19"]],
    ["money GBP 1200000", ["£1.2m", "1.2 million pounds", "GBP 1,200,000"]],
    ["percent 20", ["20%", "20 %", "twenty percent", "20.0 per cent"]],
    ["percent 12.5", ["12.5%", "12,5 %"]],
    ["multiple 3", ["3x", "3×", "three times", "3 times"]],
    ["duration 14 d", ["14 days", "14-day", "two weeks", "a fortnight", "fourteen days"]],
    ["duration 2 wd", ["two working days", "2 business days"]],
    ["duration 12 mo", ["12 months", "a year", "one year", "four quarters"]],
    ["duration 90 min", ["90 minutes", "1.5 hours", "1,5 hrs"]],
    ["date 2026-03-03", ["2026-03-03", "3 March 2026", "March 3, 2026", "3rd of March, 2026", "Mar 3rd 2026", "3. Mar. 2026"]],
    ["date 2026-05-04", ["4.5.2026", "04.05.2026", "4 May 2026"]],
    ["date --03-03", ["3 March", "March 3", "Mar 3rd"]],
    ["number 2140", ["2,140", "2140", "2.140", "2 140"]],
    ["number 10000", ["10k", "10,000", "10 thousand"]],
    ["number 24", ["twenty-four", "24"]],
    ["number 50000", ["fifty thousand", "50,000", "50k"]],
    ["number 3", ["three", "3"]],
  ] as const)("%s", (normal, written) => {
    for (const text of written) expect([text, read(`So ${text} it is.`)]).toEqual([text, [normal]]);
  });
});

test("what is no value is left alone", () => {
  for (const text of ["v2.3", "#4", "10:30", "24/7", "step-3b", "a may-be", "one-off", "p95", "1080p", "tt-01 of May"])
    expect([text, read(text)]).toEqual([text, []]);
});

test("several in a sentence, each with its place", () => {
  const text = "Team costs $49 a month until 3 March; 20 % off for 2,140 teams.";
  const values = valuesOf(text);
  expect(values.map((value) => value.text)).toEqual(["$49", "a month", "3 March", "20 %", "2,140"]);
  for (const value of values) expect(text.slice(value.start, value.end)).toBe(value.text);
});

test("a date without a year is that day of any year, and nothing else is nearly the same", () => {
  const one = (text: string) => valuesOf(text)[0] ?? { kind: "number" as const, normal: "" };
  expect(sameValue(one("3 March"), one("2026-03-03"))).toBe(true);
  expect(sameValue(one("3 March 2025"), one("2026-03-03"))).toBe(false);
  expect(sameValue(one("$29"), one("€29"))).toBe(false);
  expect(sameValue(one("29 %"), one("29"))).toBe(false);
});

test("property: whatever the text, values are ordered, apart, inside it, and finite", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom("$29 ", "1.234,5", "3 March ", "20 %", "two ", "k ", "€", "31 feb", "2026-99-99"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join("");
      let end = 0;
      for (const value of valuesOf(text)) {
        expect(value.start).toBeGreaterThanOrEqual(end);
        expect(value.end).toBeGreaterThan(value.start);
        expect(text.slice(value.start, value.end)).toBe(value.text);
        expect(value.normal).not.toMatch(/NaN|Infinity|undefined/);
        end = value.end;
      }
    }),
  );
});
