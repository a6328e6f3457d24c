/** Completion: what stands at the cursor, and the three shells for real, where they are installed. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cleanEnv, command, ROOT, tempDir } from "../test/cli.ts";
import { WORDS } from "./completion-words.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
let goal = "";

beforeAll(async () => {
  dir = await tempDir();
  const made = await command([
    "--rehearse",
    "--json",
    "--pipeline",
    "Social Content",
    "A brief",
    "--workspace",
    join(dir.path, "there"),
  ]);
  goal = JSON.parse(made.stdout).goal;
  await mkdir(join(dir.path, "bin"));
  await writeFile(join(dir.path, "bin/marketeam"), `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, "src/cli.ts")}" "$@"\n`);
  await chmod(join(dir.path, "bin/marketeam"), 0o755);
}, 60_000);
afterAll(() => dir[Symbol.asyncDispose]());

const env = () => ({ WORKSPACE_DIR: join(dir.path, "there"), PATH: `${join(dir.path, "bin")}:${process.env.PATH}` });

async function words(typed: readonly string[], given: Record<string, string> = env()): Promise<string[]> {
  const { code, stdout, stderr } = await command(["complete", "--", ...typed], { env: given });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [kind, ...lines] = stdout.trimEnd().split("\n");
  return kind === "words" ? lines.map((line) => line.split("\t")[0] ?? "") : [kind ?? ""];
}

describe("what stands at the cursor", () => {
  test.each<[string[], string[]]>([
    [["sta"], ["status"]],
    [["compl"], ["completion"]],
    [["status", "--sc"], ["--scorecard"]],
    [["--dr"], ["--dry-run"]],
    [
      ["--priority", "P"],
      ["P0", "P1", "P2", "P3"],
    ],
    [["--pipeline", "Social"], ["Social Content"]],
    [["--pipeline", '"Social C'], ["Social Content"]],
    [["--rehearse", "--pipeline=Social"], ["--pipeline=Social Content"]],
    [["--rehearse", "--pipeline", "=", "Social"], ["Social Content"]],
    [["--rehearse", "--pipeline", "=", "Page"], ["Page Launch"]],
    [
      ["approvals", "--all", "--class", "d"],
      ["draft", "delete"],
    ],
    [["learnings", "r"], ["retire"]],
    [["learnings", "add", "a statement", "--skill", "copyw"], ["copywriting"]],
    [["schedules", "pause", "daily-s"], ["daily-social"]],
    [["schedules", "add", "x", "--zone", "Europe/Berl"], ["Europe/Berlin"]],
    [["tools", "add", "ga"], ["ga4"]],
    [["notify", "test", ""], ["log"]],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["backup", "/tm"], ["files"]],
    [["init", "--from", "RE"], ["files"]],
    [["status", "--workspace", ""], ["dirs"]],
    [["status", ""], []],
    [["no-such-command", ""], []],
    [["rehearsal", "--seed", ""], []],
  ])("%p", async (typed, expected) => expect(await words(typed)).toEqual(expected));

  test("ids of goals, newest first, and `last`", async () => {
    expect(await words(["show", ""])).toEqual(["last", goal]);
    expect(await words(["resume", goal.slice(0, 9)])).toEqual([goal]);
    expect(await words(["show", "--workspace", join(dir.path, "nothing"), ""])).toEqual([]);
    expect(await words(["show", "--workspace", join(dir.path, "there"), "--calls", "goal"], {})).toEqual([goal]);
  });

  test("hidden commands and hidden flags stay hidden", async () => {
    expect(await words([""])).not.toContain("complete");
    expect(await words(["--"])).not.toContain("--latency");
  });

  test("opens nothing where there is no store, and is silent about one that cannot be read", async () => {
    const empty = join(dir.path, "empty");
    expect(await words(["show", ""], { WORKSPACE_DIR: empty })).toEqual([]);
    expect((await readdir(dir.path)).includes("empty")).toBe(false);
    const broken = join(dir.path, "broken");
    await mkdir(join(broken, ".marketeam"), { recursive: true });
    await writeFile(join(broken, ".marketeam/marketeam.db"), "this is no database");
    expect(await words(["show", ""], { WORKSPACE_DIR: broken })).toEqual([]);
    expect(await words(["show", ""], { BUDGET_GOAL: "many" })).toEqual([]);
    expect(await words(["show", ""], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" })).toEqual([]);
  });

  test("looking changes nothing in the store", async () => {
    const count = () => {
      using db = new Database(join(dir.path, "there/.marketeam/marketeam.db"), { readonly: true });
      return db.query("select count(*) as n, max(seq) as last from events").get();
    };
    const before = count();
    await words(["effects", ""]);
    await words(["approvals", ""]);
    await words(["events", "show", ""]);
    await words(["learnings", "retire", ""]);
    expect(count()).toEqual(before);
  });

  test("knows every action of every command", async () => {
    for (const file of (await readdir(import.meta.dir)).filter((name) => name.endsWith(".ts"))) {
      const known = (await Bun.file(join(import.meta.dir, file)).text()).match(/^const ACTIONS = (\[[^\]]+\])/m)?.[1];
      if (known === undefined) continue;
      expect([file, WORDS[file.replace(/\.ts$/, "")]?.first as string[]]).toEqual([
        file,
        JSON.parse(known.replace(/,\s*\]/, "]")),
      ]);
    }
  });
});

test("a shell without a script is named with those that have one", async () => {
  const { code, stdout, stderr } = await command(["completion", "tcsh"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain('no completion for "tcsh"');
  expect(stderr).toContain("bash, zsh, fish");
});

/** Types keys into a shell that believes in a terminal, until the screen shows what is expected, or 20 seconds are over. */
async function typed(command: readonly string[], first: string, keys: string, expected: RegExp): Promise<string> {
  let screen = "";
  const seen = (what: RegExp) =>
    new Promise<void>((resolve) => {
      check = () => void (what.test(screen) && resolve());
      check();
    });
  let check = () => {};
  const decoder = new TextDecoder();
  const child = Bun.spawn([...command], {
    cwd: ROOT,
    env: cleanEnv({ ...env(), TERM: "xterm", ZDOTDIR: dir.path, PS1: "> " }),
    terminal: {
      cols: 100,
      rows: 30,
      data(_terminal, bytes) {
        screen = Bun.stripANSI(screen + decoder.decode(bytes, { stream: true }));
        check();
      },
    },
  });
  const late = AbortSignal.timeout(20_000);
  const ended = new Promise<void>((resolve) => late.addEventListener("abort", () => resolve()));
  try {
    child.terminal?.write(`${first}; echo re''ady\n`);
    await Promise.race([seen(/ready\r?\n/), ended]);
    child.terminal?.write(keys);
    await Promise.race([seen(expected), ended]);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    child.terminal?.close();
  }
  return screen;
}

const bash = Bun.which("bash");
const zsh = Bun.which("zsh");
const fish = Bun.which("fish");
const BASH = "source <(marketeam completion bash)";
const ZSH = "autoload -Uz compinit && compinit -u -D && source <(marketeam completion zsh)";

test.skipIf(!bash)(
  "bash completes commands, names with spaces in and out of quotes, and files",
  async () => {
    const shell = [bash ?? "", "--norc", "--noprofile", "-i"];
    const done = async (keys: string, expected: RegExp) => expect(await typed(shell, BASH, keys, expected)).toMatch(expected);
    await done("marketeam stat\t--sco\t", /marketeam status --scorecard /);
    await done("marketeam --pipeline Soc\t", /--pipeline Social\\ Content /);
    await done('marketeam --pipeline "Soc\t', /--pipeline "Social Content"/);
    await done("marketeam --pipeline=Soc\t", /--pipeline=Social\\ Content /);
    await done(`marketeam show ${goal.slice(0, 8)}\t`, new RegExp(`show ${goal} `));
    await done("marketeam init --from READ\t", /--from README\.md /);
  },
  150_000,
);

test.skipIf(!zsh)(
  "zsh completes commands, names with spaces, and files",
  async () => {
    const shell = [zsh ?? "", "-f", "-i"];
    const done = async (keys: string, expected: RegExp) => expect(await typed(shell, ZSH, keys, expected)).toMatch(expected);
    await done("marketeam stat\t", /marketeam status /);
    await done("marketeam --pipeline Soc\t", /Social\\ Content /);
    await done("marketeam init --from READ\t", /README\.md /);
  },
  100_000,
);

test.skipIf(!fish)(
  "fish completes commands with their descriptions, names, ids and files",
  async () => {
    const asked = async (line: string) => {
      const child = Bun.spawn(
        [fish ?? "", "--no-config", "-c", `marketeam completion fish | source; complete -C ${JSON.stringify(line)}`],
        { cwd: ROOT, env: cleanEnv(env()), stdout: "pipe", stderr: "pipe" },
      );
      return (await new Response(child.stdout).text()).trimEnd().split("\n");
    };
    expect(await asked("marketeam stat")).toEqual(["status\tgoals and their state, newest first"]);
    expect((await asked("marketeam --pipeline Soc"))[0]).toStartWith("Social Content\t");
    expect((await asked("marketeam show goal"))[0]).toStartWith(`${goal}\tcompleted`);
    expect(await asked("marketeam init --from READ")).toEqual(["README.md"]);
  },
  60_000,
);
