/** Help and errors: each command shows an example that works as it stands, and each refusal says what to do. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { command, lanes, ROOT, tempDir, type CliResult } from "../test/cli.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
let root = "";

/** A folder with a team of its own: examples may write its files. */
beforeAll(async () => {
  dir = await tempDir();
  root = join(dir.path, "team");
  await mkdir(root);
  for (const name of ["skills.yaml", "tools.yaml", ".agents", "examples"])
    await cp(join(ROOT, name), join(root, name), { recursive: true });
  await writeFile(join(root, "README.md"), "# Fennick\n\n412 clinics pay for it.\n");
  await writeFile(join(root, "unsubscribed.csv"), "jo@example.com\n");
});
afterAll(() => dir[Symbol.asyncDispose]());

const lane = lanes(4);
let workspaces = 0;

async function tried(args: readonly string[]): Promise<CliResult> {
  const workspace = join(dir.path, String(++workspaces));
  const filled = args.map((word) =>
    word.replace("<skill>", "copywriting").replace("<name>", "Social Content").replace("~", dir.path),
  );
  return lane(() => command(filled, { cwd: root, env: { WORKSPACE_DIR: workspace } }));
}

/** The examples in a help text, as words: quotes are the shell's, the name of the program and the remark behind are not needed. */
function examplesIn(help: string): string[][] {
  const [, examples = ""] = help.split(/^Examples?.*:$/m);
  return examples
    .split("\n")
    .filter((line) => line.startsWith("  marketeam "))
    .map((line) => line.trim().split(/ {2,}/)[0] ?? "")
    .map((line) => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "").slice(1));
}

/** What an example may end with on a machine without a key and without a goal. Anything else is a fault of the example. */
const FINE = [
  /^error: ANTHROPIC_API_KEY is not set\n/,
  /^error: there is no (goal|question|effect|learning|event) /,
  /^error: there is nothing to (back up yet|answer)\n/,
];

describe("help", () => {
  test("every command has a help with an example, and each example works", async () => {
    const listed = (await command(["complete", "--", ""])).stdout.trimEnd().split("\n").slice(1);
    const names = listed.map((line) => line.split("\t")[0] ?? "").filter((name) => name !== "help");
    expect(names.length).toBeGreaterThan(20);
    await Promise.all(
      ["", ...names].map(async (name) => {
        const help = await lane(() => command(name === "" ? ["--help"] : [name, "--help"]));
        expect([name, help.code, help.stderr]).toEqual([name, 0, ""]);
        const examples = name === "completion" ? [["completion", "bash"]] : examplesIn(help.stdout);
        expect([name, examples.length > 0]).toEqual([name, true]);
        if (name === "completion") expect(help.stdout).toContain("source <(marketeam completion bash)");
        for (const example of examples) {
          if (name !== "") expect(example[0]).toBe(name);
          // The server alone stays until it is stopped: that its example is understood is all there is to see.
          if (name === "rehearsal") expect((await tried([...example, "--help"])).code).toBe(0);
          else {
            const { code, stderr } = await tried(example);
            const fine = code === 0 || FINE.some((words) => words.test(stderr));
            expect({ example, code, stderr, fine }).toEqual({ example, code, stderr, fine: true });
          }
        }
      }),
    );
  }, 120_000);

  test("in 80 columns no line breaks in the middle of a word", async () => {
    const { stdout } = await command(["--help"]);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("a clone is told how to type them", async () => {
    expect((await command(["--help"])).stdout).toContain("bun run start");
  });
});

/** What stands between the brackets of each call, cut at the commas of its own level. */
function calls(text: string, opening: string): string[][] {
  return text
    .split(opening)
    .slice(1)
    .map((rest) => {
      const parts = [""];
      let depth = 0;
      let quote = "";
      for (const [at, letter] of [...rest].entries()) {
        if (quote !== "") quote = letter === quote && rest[at - 1] !== "\\" ? "" : quote;
        else if (`"'\``.includes(letter)) quote = letter;
        else if ("([{".includes(letter)) depth++;
        else if (")]}".includes(letter) && depth-- === 0) break;
        else if (letter === "," && depth === 0) {
          parts.push("");
          continue;
        }
        parts[parts.length - 1] += letter;
      }
      return parts.map((part) => part.trim()).filter((part) => part !== "");
    });
}

test("every usage error says what to do", async () => {
  const mute: string[] = [];
  let seen = 0;
  for await (const path of new Glob("**/*.ts").scan({ cwd: join(ROOT, "src") })) {
    if (path.endsWith(".test.ts")) continue;
    for (const [message = "", hint] of calls(await readFile(join(ROOT, "src", path), "utf8"), "new UsageError(")) {
      seen++;
      // A goal's own problem says it in its sentence.
      if (hint === undefined && message !== "checked.problem") mute.push(`${path}: ${message}`);
    }
  }
  expect(seen).toBeGreaterThan(100);
  expect(mute).toEqual([]);
  expect(calls('throw new UsageError("a, b (c)", x(1, 2)); new UsageError(`d`)', "new UsageError(")).toEqual([
    ['"a, b (c)"', "x(1, 2)"],
    ["`d`"],
  ]);
});
