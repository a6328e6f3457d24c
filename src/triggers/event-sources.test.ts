import { expect, test } from "bun:test";
import { eventsFile } from "../domain/registry.ts";
import { resolveSources } from "./event-sources.ts";

const KEY = `whsec_${Buffer.from("k".repeat(32)).toString("base64")}`;
const resolve = (sources: object, variables: Record<string, string> = {}) =>
  resolveSources(eventsFile.parse({ events: {}, sources }).sources, {
    file: ".agents/events.yaml",
    variable: (name) => variables[name] ?? null,
  });

test("secrets come from their variables, one or two of them", () => {
  const { sources, problems, secrets } = resolve(
    {
      shop: { kind: "standard", secret: "${A}", map: { "order.lost": "drop" } },
      code: { kind: "github", secrets: ["${B}", "${C}"], type: "kind" },
      off: { kind: "stripe", secret: "${D}", enabled: false },
    },
    { A: KEY, B: "b".repeat(32), C: ` ${"c".repeat(32)} ` },
  );
  expect(problems).toEqual([]);
  expect([...sources.values()]).toEqual([
    { name: "shop", kind: "standard", secrets: [KEY], typePath: null, map: { "order.lost": "drop" } },
    { name: "code", kind: "github", secrets: ["b".repeat(32), "c".repeat(32)], typePath: "kind", map: {} },
  ]);
  expect(secrets).toEqual([KEY, "b".repeat(32), "c".repeat(32)]);
});

test("a source without a usable secret is off, and no problem repeats a value", () => {
  const { sources, problems } = resolve(
    {
      unset: { kind: "github", secret: "${NONE}" },
      half: { kind: "github", secrets: ["${NONE}", "${GOOD}"] },
      short: { kind: "stripe", secret: "${SHORT}" },
      prose: { kind: "standard", secret: "${PROSE}" },
      small: { kind: "standard", secret: "${SMALL}" },
    },
    { GOOD: "g".repeat(32), SHORT: "hush", PROSE: "not base64 at all, really", SMALL: "aGVsbG8=" },
  );
  expect([...sources.keys()]).toEqual(["half"]);
  const text = problems.map((problem) => problem.message).join("\n");
  for (const words of [
    "source unset: NONE is not set",
    "source unset is off",
    "source half: NONE is not set",
    "source short: SHORT is shorter than 16 characters",
    "source prose: PROSE is not base64",
    "source small: SMALL holds fewer than 24 bytes",
  ])
    expect(text).toContain(words);
  for (const value of ["hush", "not base64 at all", "aGVsbG8="]) expect(text).not.toContain(value);
});

test("the file wants names of variables, and one of secret and secrets", () => {
  const bad = [
    { kind: "github", secret: "hunter2hunter2hunter2" },
    { kind: "github" },
    { kind: "github", secret: "${A}", secrets: ["${B}"] },
    { kind: "gitlab", secret: "${A}" },
    { kind: "github", secret: "${A}", map: { push: "Not A Name" } },
  ];
  for (const source of bad) expect(eventsFile.safeParse({ events: {}, sources: { one: source } }).success).toBe(false);
});
