/** Evals as people write them: what is read, and what a mistake is told as. */

import { describe, expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { loadRegistry } from "../skills/registry.ts";
import { ROOT } from "../test/cli.ts";
import { CONTEXT, evalFiles, EVALS, evalsFolderWith } from "../test/evals-root.ts";
import { normalised } from "./data.ts";

const { registry } = await loadRegistry({ root: ROOT });
if (!registry) throw new Error("the shipped registry does not load");
const routing = ".agents/skills/copywriting/evals/routing.yaml";
const json = ".agents/skills/copywriting/evals/evals.json";

async function problemsWith(changed: Record<string, string>): Promise<string[]> {
  await using at = await evalsFolderWith(registry!, { ...evalFiles(), ...changed });
  const { problems } = await at.load();
  return problems.map(({ file, line, message, hint }) => `${file}:${line ?? "?"}: ${message}${hint ? ` (${hint})` : ""}`);
}

test("sound evals are read whole; skills without any are named", async () => {
  await using at = await evalsFolderWith(registry);
  const { sets, without, problems } = await at.load();
  expect(problems).toEqual([]);
  expect(sets.map((set) => set.skill).sort()).toEqual(["copy-editing", "copywriting"]);
  const copy = sets.find((set) => set.skill === "copywriting");
  expect(copy?.requests.map((request) => request.near)).toEqual([null, "copy-editing"]);
  expect(copy?.briefs[0]?.files[0]).toMatchObject({ path: CONTEXT });
  expect(copy?.briefs[0]?.files[0]?.text).toContain("49 EUR");
  expect(without.length).toBe(registry.skills.size - 2);
});

describe("a mistake is told with its line and what was meant", () => {
  const entry = { ...EVALS.copywriting, evals: [EVALS.copywriting.evals[0]!] };
  const changed = (more: object) => JSON.stringify({ ...entry, evals: [{ ...entry.evals[0], ...more }] }, null, 2);
  const cases: [string, Record<string, string>, ...string[]][] = [
    ["a mistyped key", { [routing]: "- ask: one\n- asks: two\n" }, `${routing}:2`, 'unknown key "asks"', 'did you mean "ask"?'],
    ["an unknown neighbour", { [routing]: "- ask: one\n  near: copy-edting\n" }, `${routing}:2`, 'did you mean "copy-editing"?'],
    ["itself as neighbour", { [routing]: "- ask: one\n  near: copywriting\n" }, `${routing}:2`, "the skill itself"],
    ["a number as request", { [routing]: "- ask: 404\n" }, `${routing}:1`, "must be text"],
    ["an empty list", { [routing]: "[]\n" }, routing, "at least 1 item"],
    ["bad YAML", { [routing]: "- ask: [\n" }, routing, "not valid YAML"],
    [
      "a request that another skill has",
      { [routing]: "- ask: Proofread this draft, before it goes out; keep my VOICE!\n" },
      "the same request stands in",
      "one right answer",
    ],
    ["bad JSON", { [json]: '{\n  "skill_name": "copywriting",\n  "evals": [,]\n}' }, json, "is not JSON"],
    ["another skill's name", { [json]: JSON.stringify({ ...entry, skill_name: "page-cro" }) }, json, 'skill_name is "page-cro"'],
    ["a mistyped key of a brief", { [json]: changed({ asertions: [] }) }, json, 'did you mean "assertions"?'],
    ["no assertion", { [json]: changed({ assertions: [] }) }, json, "at least 1 item"],
    [
      "an expression that does not compile",
      { [json]: changed({ checks: [{ must: "(", why: "x" }] }) },
      "not a regular expression",
    ],
    ["an expression that fits all", { [json]: changed({ checks: [{ must_not: "", why: "x" }] }) }, "it fits every text"],
    ["neither must nor must_not", { [json]: changed({ checks: [{ why: "x" }] }) }, json, "checks › item 1"],
    ["a file that is not there", { [json]: changed({ files: ["notes/none.md"] }) }, '"notes/none.md" is not there'],
    ["a file outside", { [json]: changed({ files: ["../secret.md"] }) }, "leads out of the repository"],
    ["an absolute file", { [json]: changed({ files: ["/etc/hostname"] }) }, "leads out of the repository"],
    ["an id that is no file name", { [json]: changed({ id: "../x" }) }, json, "id"],
    ["an id twice", { [json]: JSON.stringify({ ...entry, evals: [entry.evals[0], entry.evals[0]] }) }, "is there twice"],
  ];
  for (const [name, files, ...said] of cases)
    test(name, async () => {
      const problems = await problemsWith(files);
      expect(problems.length).toBe(1);
      for (const words of said) expect(problems[0]).toContain(words);
    });

  test("a link that leads out is not followed", async () => {
    await using at = await evalsFolderWith(registry!, { ...evalFiles(), [json]: changed({ files: ["notes/link.md"] }) });
    await symlink("/etc/hostname", join(at.path, "notes/link.md"));
    expect((await at.load()).problems.map((problem) => problem.message)).toEqual([
      'home-page: the file "notes/link.md" leads out of the repository',
    ]);
  });
});

test("requests that differ in case, signs and spaces are one", () => {
  expect(normalised("  Why DON'T they sign-up?! ")).toBe(normalised("why don’t they sign up"));
  expect(normalised("sign up")).not.toBe(normalised("sign off"));
});
