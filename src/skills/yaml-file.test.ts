import { describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { formatProblem } from "../domain/problem.ts";
import { pipelinesFile, schedulesFile, skillsFile } from "../domain/registry.ts";
import { readYamlFile } from "./yaml-file.ts";
import { parseYaml } from "./yaml-text.ts";

async function problemsOf(text: string): Promise<string[]> {
  const { source, problems } = await parseYaml("f.yaml", text);
  if (problems.some((problem) => problem.severity === "error")) expect(source).toBeNull();
  return problems.map(formatProblem);
}

async function readText<S extends z.ZodType>(content: string | Uint8Array | null, schema: S, required = true) {
  const root = await mkdtemp(join(tmpdir(), "marketeam-yaml-"));
  try {
    if (content !== null) await writeFile(join(root, "f.yaml"), content);
    const file = await readYamlFile({ root, file: "f.yaml", required }, schema);
    return { ...file, lines: file.problems.map(formatProblem) };
  } finally {
    await rm(root, { recursive: true });
  }
}

const anything = z.record(z.string(), z.unknown());

describe("YAML text", () => {
  test("good text gives data and the line of each path", async () => {
    const { source, problems } = await parseYaml(
      "f.yaml",
      "# team\na:\n  b:\n    - x\n    - c: 1\n      d: |\n        long\n        text\n",
    );
    expect(problems).toEqual([]);
    expect(source?.data).toEqual({ a: { b: ["x", { c: 1, d: "long\ntext\n" }] } });
    expect(source?.lineOf(["a"])).toBe(2);
    expect(source?.lineOf(["a", "b", 1, "c"])).toBe(5);
    expect(source?.lineOf(["a", "b", 1, "d"])).toBe(6);
    // What does not exist is shown at the nearest thing above it.
    expect(source?.lineOf(["a", "b", 1, "nothing"])).toBe(5);
    expect(source?.lineOf([])).toBe(2);
  });

  test("lines are counted from where the text stands in its file", async () => {
    const { source } = await parseYaml("f.yaml", "a: 1\nb: 2\n", 10);
    expect(source?.lineOf(["b"])).toBe(12);
  });

  test.each([
    ["a tab", "a:\n\tb: 1\n", "f.yaml:2: not valid YAML: a tab is used for indentation (use spaces)"],
    ["a key twice", "a: 1\nb: 2\na: 3\n", 'f.yaml:3: the key "a" is given twice (first on line 1)'],
    ["a key twice, deep", "x:\n  - {a: 1, a: 2}\n", 'f.yaml:2: the key "a" is given twice (first on line 2)'],
    ["1 and '1'", "1: a\n'1': b\n", 'f.yaml:2: the key "1" is given twice (first on line 1)'],
    [
      "an unquoted colon",
      "a: use when: x\n",
      'f.yaml:1: not valid YAML: a second ": " on one line (put the text in double quotes)',
    ],
    ["two documents", "a: 1\n---\nb: 1\n", 'f.yaml:2: not valid here: more than one YAML document (remove the line "---")'],
    ["nothing", "", "f.yaml: is empty"],
    ["only a comment", "# nothing\n", "f.yaml: is empty"],
    ["an alias of nothing", "a: *b\n", "f.yaml:1: unknown alias *b (a text that begins with * needs quotes)"],
    ["a circle of aliases", "a: &x\n  - *x\n", "f.yaml:2: the alias *x stands inside of what it names"],
  ])("%s is one clear line", async (_name, text, line) => {
    expect(await problemsOf(text)).toEqual([line]);
  });

  test("only the first fault of a line is told, and at most five lines", async () => {
    const lines = await problemsOf(Array.from({ length: 50 }, (_, i) => `\tk${i}: : [`).join("\n"));
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain("f.yaml:1: ");
    expect(new Set(lines.map((line) => line.split(": ")[0])).size).toBe(5);
  });

  test("twenty aliases are fine, one more is not", async () => {
    const text = (n: number) => `a: &a 1\n${Array.from({ length: n }, (_, i) => `k${i}: *a`).join("\n")}\n`;
    expect(await problemsOf(text(20))).toEqual([]);
    expect(await problemsOf(text(21))).toEqual(["f.yaml:22: uses 21 aliases (*name), the limit is 20 (write the values out)"]);
  });

  test("a bomb of few aliases that multiply is refused before it goes off", async () => {
    const level = (name: string, of: string) => `${name}: &${name} [*${of}, *${of}, *${of}]\n`;
    const bomb = `a: &a [x, x, x]\n${level("b", "a")}${level("c", "b")}${level("d", "c")}${level("e", "d")}${level("f", "e")}`;
    expect(await problemsOf(bomb)).toEqual(["f.yaml: its aliases (*name) multiply too far (write the values out)"]);
  });

  test.each([
    ["closed brackets", `a: ${"[".repeat(3000)}${"]".repeat(3000)}`],
    ["open brackets", "[".repeat(100_000)],
    ["dashes", "- ".repeat(20_000)],
    ["maps", "{a: ".repeat(300) + "}".repeat(300)],
  ])("a wall of %s is one problem", async (_name, text) => {
    const lines = await problemsOf(text);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("nested too deeply");
  });

  test("twenty thousand keys are read in one pass", async () => {
    const { source, problems } = await parseYaml("f.yaml", Array.from({ length: 20_000 }, (_, i) => `k${i}: ${i}`).join("\n"));
    expect(problems).toEqual([]);
    expect(Object.keys(source?.data as object)).toHaveLength(20_000);
  });

  test("unknown tags warn, and a key named __proto__ is a key", async () => {
    const { source, problems } = await parseYaml("f.yaml", "a: !!js/function 'x'\n__proto__: {b: 1}\n");
    expect(problems.map((problem) => [problem.severity, problem.line])).toEqual([["warning", 1]]);
    expect(Object.getPrototypeOf(source?.data)).toBe(Object.prototype);
    expect(Object.keys(source?.data as object)).toEqual(["a", "__proto__"]);
  });
});

describe("the file", () => {
  test("a byte order mark and Windows line ends are read", async () => {
    const { value, lineOf } = await readText("\uFEFFa: 1\r\nb:\r\n  c: 2\r\n", anything);
    expect(value).toEqual({ a: 1, b: { c: 2 } });
    expect(lineOf(["b", "c"])).toBe(3);
  });

  test("a missing file is a problem only when it is required", async () => {
    expect((await readText(null, anything)).lines).toEqual(["f.yaml: is missing"]);
    const optional = await readText(null, anything, false);
    expect(optional.lines).toEqual([]);
    expect(optional.missing).toBe(true);
  });

  test.each([
    ["a NUL byte", "a: 1\nb: \0\n", "f.yaml:2: contains a NUL byte (is this a text file?)"],
    ["not UTF-8", new Uint8Array([0x61, 0x3a, 0x20, 0xe4, 0x0a]), "f.yaml: is not UTF-8 text (save it as UTF-8)"],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3a, 0]), "f.yaml: is not UTF-8 text (save it as UTF-8)"],
    ["over a megabyte", `a: ${"x".repeat(1_000_000)}`, "f.yaml: is 1,000,003 bytes long, the limit is 1,000,000"],
    ["a list", "- a\n", "f.yaml:1: the file must be a map (key: value), not a list"],
    ["a text", "hello\n", "f.yaml:1: the file must be a map (key: value), not text"],
  ])("%s is one clear line", async (_name, content, line) => {
    const { lines, value, partial } = await readText(content, anything);
    expect(lines).toEqual([line]);
    expect(value).toBeNull();
    expect(partial).toBeNull();
  });

  test("a folder and a pipe are no files, and the pipe does not keep us waiting", async () => {
    const root = await mkdtemp(join(tmpdir(), "marketeam-yaml-"));
    try {
      await mkdir(join(root, "folder"));
      await Bun.$`mkfifo ${join(root, "pipe")}`.quiet();
      for (const file of ["folder", "pipe"]) {
        const { problems } = await readYamlFile({ root, file, required: true }, anything);
        expect(problems.map(formatProblem)).toEqual([`${file}: is not a file (put a text file there)`]);
      }
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

describe("the schema", () => {
  const schedule = (entry: string) =>
    readText(`schedules:\n  good: { cron: "0 6 * * *", pipeline: P }\n  x:\n${entry}`, schedulesFile);

  test.each([
    ["    cron: 5\n    pipeline: P\n", ["f.yaml:4: schedules › x › cron must be text, not the number 5"]],
    ["    cron: a\n", ["f.yaml:3: schedules › x › pipeline is missing"]],
    ["    cron: a\n    pipeline:\n", ["f.yaml:5: schedules › x › pipeline must be text, not empty"]],
    ["    cron: a\n    pipline: P\n", ['f.yaml:5: schedules › x: unknown key "pipline" (did you mean "pipeline"?)']],
    [
      "    cron: a\n    pipeline: P\n    priority: p1\n",
      ['f.yaml:6: schedules › x › priority: unknown value "p1" (did you mean "P1"?)'],
    ],
    ["    cron: a\n    pipeline: P\n    catch_up: 40\n", ["f.yaml:6: schedules › x › catch_up is 40, it must be at most 31"]],
    ["    cron: a\n    pipeline: P\n    enabled: 'yes'\n", ["f.yaml:6: schedules › x › enabled must be true or false, not text"]],
    ['    cron: ""\n    pipeline: P\n', ["f.yaml:4: schedules › x › cron is empty"]],
    ["    - a\n", ["f.yaml:3: schedules › x must be a map (key: value), not a list"]],
  ])("%j", async (entry, lines) => {
    const file = await schedule(entry);
    expect(file.lines).toEqual(lines);
    expect(file.value).toBeNull();
    // The sound entry is kept for checks, the faulty one's name is still known.
    expect(Object.keys(file.partial?.schedules ?? {})).toEqual(["good"]);
    expect(file.names("schedules")).toEqual(["good", "x"]);
  });

  test.each(["../x", "a/b", "a\\b", "..", "Big", "a b", "-a", ""])("the key %j is not a name", async (key) => {
    const file = await readText(`schedules:\n  ${JSON.stringify(key)}: { cron: a, pipeline: P }\n`, schedulesFile);
    expect(file.lines).toEqual([`f.yaml:2: schedules › ${key}: not a usable name (lower-case words joined by hyphens)`]);
    expect(file.partial?.schedules).toEqual({});
  });

  test("nothing where a map belongs says what to write", async () => {
    expect((await readText("schedules:\n", schedulesFile)).lines).toEqual([
      "f.yaml:1: schedules must be a map (key: value), not empty (write {} for none)",
    ]);
  });

  const steps = (text: string) =>
    readText(`pipelines:\n  P:\n    category: c\n    fits: f\n    steps:\n${text}`, pipelinesFile).then((file) => file.lines);

  test("of the kinds of steps, the one that was meant speaks", async () => {
    expect(await steps("      - { skil: a, phase: b, brief: c }\n")).toEqual([
      'f.yaml:6: pipelines › P › steps › item 1: unknown key "skil" (did you mean "skill"?)',
    ]);
    expect(await steps("      - { skill: a, phase: b }\n")).toEqual([
      "f.yaml:6: pipelines › P › steps › item 1 › brief is missing",
    ]);
    expect(await steps("      - { review: A B }\n")).toEqual([
      'f.yaml:6: pipelines › P › steps › item 1 › review: "A B" has the wrong form (lower-case words joined by hyphens)',
    ]);
    expect(
      await steps("      - parallel:\n          - { skill: a, phase: b, brief: c }\n          - { skill: b, phase: b }\n"),
    ).toEqual(["f.yaml:8: pipelines › P › steps › item 1 › parallel › item 2 › brief is missing"]);
    expect(await steps("      - parallel: [{ skill: a, phase: b, brief: c }]\n")).toEqual([
      "f.yaml:6: pipelines › P › steps › item 1 › parallel needs at least 2 items",
    ]);
  });

  test("every fault of a file is told in one run", async () => {
    const file = await readText(
      "foundation: A!\nreview: { approve: 11, reject: 4 }\nsquads: []\nrubric: {}\nskills: {}\n",
      skillsFile,
    );
    expect(file.lines).toEqual([
      'f.yaml:1: foundation: "A!" has the wrong form (lower-case words joined by hyphens)',
      "f.yaml:2: review › approve is 11, it must be at most 10",
      "f.yaml:2: review › rounds is missing",
      "f.yaml:3: squads must be a map (key: value), not a list",
      'f.yaml:4: unknown key "rubric" (did you mean "rubrics"?)',
    ]);
  });
});
