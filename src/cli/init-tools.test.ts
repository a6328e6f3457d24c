/** The question for tools at the end of `init`. */

import { describe, expect, test } from "bun:test";
import { loadToolCatalogue } from "../skills/tool-catalogue.ts";
import { ROOT } from "../test/cli.ts";
import { askForTools } from "./init-tools.ts";

const { catalogue } = await loadToolCatalogue(ROOT);
function asker(...answers: (string | null)[]) {
  const shown: string[][] = [];
  return {
    shown,
    choose: async (_title: string, choices: readonly { value: string; label: string }[]) => {
      shown.push(choices.map(({ value }) => value));
      return answers.shift() ?? null;
    },
  };
}

describe("askForTools", () => {
  test("one after the other, none twice, nothing that is there or cannot be vouched for", async () => {
    const person = asker("ga4", "browser", "");
    expect(await askForTools(person, catalogue, ["stripe"])).toEqual(["ga4", "browser"]);
    expect(person.shown[0]?.slice(0, 2)).toEqual(["", "ga4"]);
    expect(person.shown[0]).not.toContain("linkedin");
    expect(person.shown[0]).not.toContain("stripe");
    expect(person.shown[1]).not.toContain("ga4");
  });

  test("none, and Ctrl-C", async () => {
    expect(await askForTools(asker(""), catalogue, [])).toEqual([]);
    expect(await askForTools(asker("ga4", null), catalogue, [])).toBeNull();
    expect(await askForTools(asker(), {}, [])).toEqual([]);
  });
});
