/** The text format: what is written is read back by an independent reader, and names from outside stay bounded. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { boundedSamples, numberText, prometheusText, type Family } from "./prometheus.ts";

/** A reader of the format, written from its description and from nothing else: one sample a line, or it throws. */
function readLine(line: string): { name: string; labels: Record<string, string>; value: string } {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0];
  if (name === undefined) throw new Error(`no name: ${line}`);
  let at = name.length;
  const labels: Record<string, string> = {};
  if (line[at] === "{") {
    at++;
    while (line[at] !== "}") {
      const key = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(line.slice(at))?.[0] ?? "";
      at += key.length;
      if (line.slice(at, at + 2) !== '="') throw new Error(`no value of ${key}: ${line}`);
      at += 2;
      let value = "";
      for (; line[at] !== '"'; at++) {
        if (at >= line.length) throw new Error(`the value of ${key} does not end: ${line}`);
        if (line[at] !== "\\") value += line[at];
        else {
          at++;
          const meant = { "\\": "\\", '"': '"', n: "\n" }[line[at] ?? ""];
          if (meant === undefined) throw new Error(`unknown escape: ${line}`);
          value += meant;
        }
      }
      labels[key] = value;
      at++;
      if (line[at] === ",") at++;
    }
    at++;
  }
  if (line[at] !== " ") throw new Error(`no space before the value: ${line}`);
  return { name, labels, value: line.slice(at + 1) };
}

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc
    .array(fc.constantFrom("\\", '"', "\n", "\r", "}", "{", ",", "=", "n", "\\n", "\u2028", "\ud800", "é"), { maxLength: 12 })
    .map((list) => list.join("")),
);

describe("the text format", () => {
  test("any label and help text comes back as it was, and never makes a line of its own", () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, fc.double({ noNaN: true }), (one, two, help, value) => {
        const family: Family = { name: "thing", type: "gauge", help, samples: [{ labels: { one, two }, value }] };
        const lines = prometheusText([family]).split("\n");
        expect(lines).toHaveLength(4);
        expect(lines[0]).toStartWith("# HELP marketeam_thing ");
        expect(lines[1]).toBe("# TYPE marketeam_thing gauge");
        expect(lines[3]).toBe("");
        const read = readLine(lines[2] ?? "");
        expect(read.name).toBe("marketeam_thing");
        expect(read.labels).toEqual({ one: one.toWellFormed(), two: two.toWellFormed() });
        expect(Number(read.value.replace("Inf", "Infinity"))).toBe(value === 0 ? 0 : value);
      }),
      { numRuns: 2000 },
    );
  });

  test("numbers that JavaScript writes in its own way", () => {
    expect([Number.NaN, Infinity, -Infinity, 1e21, 0.1, -0].map(numberText)).toEqual([
      "NaN",
      "+Inf",
      "-Inf",
      "1e+21",
      "0.1",
      "0",
    ]);
  });

  test("a family without a sample is left out", () => {
    expect(prometheusText([{ name: "none", type: "counter", help: "h", samples: [] }])).toBe("");
  });
});

describe("labels from outside", () => {
  test("at most 200 series, the rest under one name, and nothing of the sum is lost", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ source: fc.string({ maxLength: 3 }), n: fc.nat(9) }), { maxLength: 400 }), (rows) => {
        const samples = boundedSamples(
          rows.map(({ source, n }) => ({ labels: { source }, n })),
          ["source"],
        );
        expect(samples.length).toBeLessThanOrEqual(201);
        expect(samples.reduce((sum, sample) => sum + sample.value, 0)).toBe(rows.reduce((sum, row) => sum + row.n, 0));
      }),
    );
    const many = Array.from({ length: 5000 }, (_, i) => ({ labels: { source: `s${i}`, decision: "fired" }, n: 1 }));
    const samples = boundedSamples(many, ["source", "decision"]);
    expect(samples).toHaveLength(201);
    expect(samples.at(-1)).toEqual({ labels: { source: "other", decision: "other" }, value: 4800 });
  });

  test("a label that is missing is empty, a long one is cut, one that nobody asked for is not shown", () => {
    const samples = boundedSamples([{ labels: { source: "x".repeat(500), goal: "goal_1" }, n: 2 }], ["source", "decision"]);
    expect(samples).toEqual([{ labels: { source: "x".repeat(120), decision: "" }, value: 2 }]);
  });
});
