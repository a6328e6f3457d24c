/** The shipped evals: their shape. What they measure is in a report, not in a test. */

import { describe, expect, test } from "bun:test";
import { ROOT } from "../test/cli.ts";
import { loadRegistry } from "../skills/registry.ts";
import { loadEvals } from "./load.ts";
import { readRecordings, shippedShelf } from "./recording.ts";

const { registry } = await loadRegistry({ root: ROOT });
if (!registry) throw new Error("the shipped registry does not load");
const { sets, without, problems } = await loadEvals(ROOT, registry);
const requests = sets.flatMap((set) => set.requests);
const briefs = sets.flatMap((set) => set.briefs);

test("they load without a problem: neighbours, files and ids are there, expressions compile, no request is there twice", () => {
  expect(problems).toEqual([]);
});

test("every skill has at least three briefs and ten requests", () => {
  expect(without).toEqual([]);
  expect(sets.length).toBeGreaterThanOrEqual(26);
  expect(sets.filter((set) => set.briefs.length < 3).map((set) => `${set.skill}: ${set.briefs.length} briefs`)).toEqual([]);
  expect(sets.filter((set) => set.requests.length < 10).map((set) => `${set.skill}: ${set.requests.length} requests`)).toEqual(
    [],
  );
});

test("at least 300 requests, 100 of them near-misses", () => {
  expect(requests.length).toBeGreaterThanOrEqual(300);
  expect(requests.filter((request) => request.near !== null).length).toBeGreaterThanOrEqual(100);
});

describe("a brief", () => {
  test("has assertions and checks", () => {
    const thin = briefs.filter((brief) => brief.assertions.length < 3 || brief.checks.length < 2);
    expect(thin.map((brief) => `${brief.skill}/${brief.id}`)).toEqual([]);
  });

  test("says no assertion twice: a verdict is found by it", () => {
    const doubled = briefs.filter((brief) => new Set(brief.assertions).size < brief.assertions.length);
    expect(doubled.map((brief) => `${brief.skill}/${brief.id}`)).toEqual([]);
  });

  test("has checks that an empty text cannot all pass", () => {
    const idle = briefs.filter((brief) => !brief.checks.some((check) => "must" in check));
    expect(idle.map((brief) => `${brief.skill}/${brief.id}`)).toEqual([]);
  });
});

test("no recording of a rehearsal lies among the shipped ones", async () => {
  for (const { skill } of sets) {
    const found = await readRecordings(shippedShelf(ROOT), skill);
    expect(found.problems).toEqual([]);
    expect(found.recordings.filter((entry) => entry.rehearsal)).toEqual([]);
  }
});
