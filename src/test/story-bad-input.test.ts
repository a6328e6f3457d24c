/** Stories: what is typed wrong or lies broken ends in one clear message and the right exit code, and leaves nothing half-written. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { cp, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { EXIT } from "../domain/exit.ts";
import { GOAL_MAX_CHARS } from "../domain/goal.ts";
import { silentLog } from "../log/log.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { cleanEnv, cli, command, lanes, ROOT, spawnCli, tempDir, type CliOptions, type CliResult } from "./cli.ts";

const file = <T>(path: string) => parse(readFileSync(join(ROOT, path), "utf8")) as T;
type Steps = { skill?: string; parallel?: { skill?: string }[] }[];
const { pipelines } = file<{ pipelines: Record<string, { steps: Steps }> }>(".agents/pipelines.yaml");
const [SHORT = "", { steps } = { steps: [] }] =
  Object.entries(pipelines).toSorted((a, b) => a[1].steps.length - b[1].steps.length)[0] ?? [];
const LONG = Object.entries(pipelines).toSorted((a, b) => b[1].steps.length - a[1].steps.length)[0]?.[0] ?? "";
const GOAL = "Increase signup conversion by 20%";
const LIMIT_MS = 60_000;
const turn = lanes(3);

let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  dir = await tempDir();
  // Another user must be able to come here.
  chmodSync(dir.path, 0o755);
});
afterAll(() => dir[Symbol.asyncDispose]());

type Case = readonly [args: readonly string[], ...said: string[]];
const NO_ID = "goal_zzzzzz";

/** What is typed, and what the message must name. All of it is exit 2 and leaves no workspace. */
const TYPED: Record<string, Case> = {
  "an unknown flag": [["--piepline", SHORT, GOAL], "--piepline"],
  "an unknown flag near a known one": [["--rehearsed", GOAL], "--rehearse"],
  "an unknown flag of a command": [["status", "--colour"], "--colour"],
  "an unknown pipeline": [["--rehearse", "--pipeline", `${SHORT}x`, GOAL], `did you mean "${SHORT}"`, ...Object.keys(pipelines)],
  "a pipeline that is like none": [["--rehearse", "--pipeline", "quarkwhistle", GOAL], "quarkwhistle", ...Object.keys(pipelines)],
  "an unknown priority": [["--rehearse", "--priority", "P9", GOAL], "P9", "P0", "P3"],
  "an unknown category": [["--rehearse", "--category", "retentoin", GOAL], "retentoin", "retention"],
  "an unknown skill": [["learnings", "add", "Be kind", "--skill", "copywritting"], "copywritting", "copywriting"],
  "an empty goal": [["--rehearse", ""], "empty"],
  "a goal of white space": [["--rehearse", " \n\t "], "empty"],
  "no goal": [["--rehearse"], "say what you want"],
  "a goal of 50,000 characters": [["--rehearse", "word ".repeat(10_000)], GOAL_MAX_CHARS.toLocaleString("en"), "init --from"],
  "a bell in a goal": [["--rehearse", "Grow \u0007 signups"], "control character", "U+0007"],
  "an escape sequence in a goal": [["--rehearse", "Grow \u001b[2J signups"], "control character", "U+001b"],
  "an escape sequence in a flag": [["--rehearse", "--pipeline", "\u001b]0;owned\u0007", GOAL], "unknown pipeline"],
  "two bare words": [["increase", "signups"], "quotes", '"increase signups"'],
  "one word near a command": [["statsu"], 'did you mean "status"'],
  "a command with a word too many": [["cancel", "a", "b"], "too many"],
  "a budget of nothing": [["--budget", "0", GOAL], "--budget"],
  "a budget below nothing": [["--budget=-1", GOAL], "--budget"],
  "a budget that is no number": [["--budget", "abc", GOAL], "--budget"],
  "a budget without end": [["--budget", "Infinity", GOAL], "--budget"],
  "no agents": [["--concurrency", "0", GOAL], "--concurrency"],
  "half an agent": [["--concurrency", "1.5", GOAL], "--concurrency"],
  "--json and --events at once": [["--rehearse", "--json", "--events", GOAL], "--json", "--events"],
  "an unknown action": [["learnings", "forget", "x"], "forget", "retire"],
  "an unknown goal": [["show", NO_ID], "no goal"],
  "an unknown goal to resume": [["resume", NO_ID, "--rehearse"], "no goal"],
  "an unknown goal to cancel": [["cancel", NO_ID], "no goal"],
  "an unknown goal to export": [["export", NO_ID], "no goal"],
  "an unknown goal's events": [["events", "--goal", NO_ID], "no goal"],
  "an unknown question": [["approve", "ask_zzzzzz"], "no question"],
  "an unknown learning": [["learnings", "edit", "learn_zzzzzz", "--text", "x"], "no learning"],
  "an unknown call": [["costs", "--settle", "call_zzzzzz", "--usd", "1"], "no call"],
};

for (const [name, [args, ...said]] of Object.entries(TYPED)) {
  test.concurrent(
    `typed: ${name}`,
    () =>
      turn(async () => {
        const workspace = join(dir.path, name.replace(/\W/g, "-"));
        const run = await command(args.includes("status") ? args : [...args, "--workspace", workspace], { cwd: dir.path });
        expectOneMessage(run, EXIT.usage, said);
        expect(existsSync(workspace)).toBe(false);
      }),
    LIMIT_MS,
  );
}

describe("with a workspace", () => {
  let workspace = "";
  beforeAll(async () => {
    workspace = join(dir.path, "workspace");
    const run = await command(["--rehearse", "--json", "--pipeline", SHORT, "--workspace", workspace]);
    expect(run.code).toBe(0);
  }, LIMIT_MS);

  test(
    "an id that is none, or leads elsewhere, names nothing and changes nothing",
    async () => {
      const before = await picture(workspace);
      const ids = ["../../x", "goal_../../../etc/passwd", "%2e%2e%2f", "' or 1=1 --", "goal_%", "", "\u001b[31mx"];
      const commands = [
        ["show"],
        ["cancel"],
        ["resume", "--rehearse"],
        ["export"],
        ["approve"],
        ["reject"],
        ["events", "--goal"],
      ];
      // Each id once, each command at least once: what they share is one function.
      const tries = ids.map((id, i) => [...(commands[i % commands.length] ?? []), id]);
      const runs = await Promise.all(
        [...tries, ["show", "--prompt", "../../x"], ["learnings", "retire", "../x"]].map((args) =>
          turn(() => command([...args, "--workspace", workspace])),
        ),
      );
      for (const run of runs) expectOneMessage(run, EXIT.usage, ["is not the id of a"]);
      expect(await picture(workspace)).toEqual(before);
    },
    LIMIT_MS,
  );

  test(
    "unknown ids beside real ones",
    async () => {
      const before = await picture(workspace);
      const runs = await Promise.all(
        [
          ["show", NO_ID],
          ["cancel", NO_ID],
          ["approve", "ask_zzzzzz"],
          ["show", "--prompt", "call_zzzzzz"],
        ].map((args) => turn(() => command([...args, "--workspace", workspace]))),
      );
      for (const run of runs) expectOneMessage(run, EXIT.usage, ["there is no", "see `"]);
      expect(await picture(workspace)).toEqual(before);
    },
    LIMIT_MS,
  );

  test(
    "a database of a newer version is left as it is",
    async () => {
      const mine = await copyOf(workspace, "newer");
      {
        using database = new Database(join(mine, ".marketeam/marketeam.db"));
        database.run("insert into migrations (name, sha256, applied_at) values ('9999-later', 'x', 1)");
      }
      await expectLeftAlone(mine, ["another version", "9999-later", "newer"]);
    },
    LIMIT_MS,
  );

  test(
    "a truncated database is said to be damaged, and not written over",
    async () => {
      const mine = await copyOf(workspace, "cut");
      const path = join(mine, ".marketeam/marketeam.db");
      truncateSync(path, Math.floor((await stat(path)).size / 2 / 4096) * 4096);
      await expectLeftAlone(mine, ["damaged", path, "backup"]);
    },
    LIMIT_MS,
  );

  test(
    "a text in the place of the database is said to be none",
    async () => {
      const mine = await copyOf(workspace, "text");
      writeFileSync(join(mine, ".marketeam/marketeam.db"), "This is a note, not a database.\n".repeat(200));
      await expectLeftAlone(mine, ["damaged", join(mine, ".marketeam/marketeam.db")]);
    },
    LIMIT_MS,
  );

  const other = otherUser();
  test.skipIf(other === null)(
    `a workspace that may not be written${other === null ? " (skipped: needs root and setpriv)" : ""}`,
    async () => {
      const mine = await copyOf(workspace, "read-only");
      const before = await picture(mine);
      for (const place of [mine, join(mine, "below")]) {
        const child = Bun.spawn([...(other ?? []), "--rehearse", "--pipeline", SHORT, "--workspace", place], {
          env: cleanEnv(),
          cwd: ROOT,
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe",
        });
        const [stdout, stderr, code] = await Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
          child.exited,
        ]);
        expectOneMessage({ stdout, stderr, code }, EXIT.config, [place, "write"]);
      }
      expect(await picture(mine)).toEqual(before);
    },
    LIMIT_MS,
  );
});

test(
  "a workspace below a file",
  async () => {
    const note = join(dir.path, "note.txt");
    writeFileSync(note, "mine");
    const runs = await Promise.all(
      [join(note, "workspace"), note].map((place) => cli(["--rehearse", "--pipeline", SHORT, "--workspace", place])),
    );
    for (const run of runs) expectOneMessage(run, EXIT.config, [note]);
    expect(await readFile(note, "utf8")).toBe("mine");
  },
  LIMIT_MS,
);

test(
  "a disk that is full at the start: one message, and the work goes on when there is room",
  () =>
    withSmallDisk("128k", async (workspace, makeRoom) => {
      const args = ["--rehearse", "--json", "--pipeline", SHORT, "--workspace", workspace];
      expectOneMessage(await cli(args), EXIT.failed, ["full", "free some space"]);
      await makeRoom();
      expect((await cli(args)).code).toBe(EXIT.done);
    }),
  LIMIT_MS,
);

test(
  "a disk that fills up in the middle of a goal ends the run with one message, and resume completes it",
  async () =>
    // Room for the tables, and for less than the whole goal.
    withSmallDisk(`${Math.ceil((await freshStoreBytes()) / 1024) + 128}k`, async (workspace, makeRoom) => {
      const child = spawnCli(["--rehearse", "--json", "--pipeline", LONG, "--workspace", workspace]);
      // Far longer than the whole goal takes: a run that is still there then would never end.
      const hangs = setTimeout(() => child.kill("SIGKILL"), 15_000);
      const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
      clearTimeout(hangs);
      await makeRoom();
      const resumed = await cli(["resume", "last", "--rehearse", "--json", "--workspace", workspace]);
      expect(resumed.code).toBe(EXIT.done);
      expect(code).toBe(EXIT.failed);
      expect(stderr.match(/^error: .*full/gm)).toHaveLength(1);
      expect(stderr).toContain("free some space");
    }),
  LIMIT_MS,
);

/** What a new store takes on the disk before anything is saved in it. */
async function freshStoreBytes(): Promise<number> {
  const path = join(dir.path, "fresh", "store.db");
  const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached() {} });
  const bytes = statSync(path).size + statSync(`${path}-wal`).size;
  await store.close();
  return bytes;
}

/** Runs a story on a tmpfs of its own; says so in plain words where that cannot be had. */
async function withSmallDisk(size: string, story: (workspace: string, makeRoom: () => Promise<void>) => Promise<void>) {
  const disk = join(dir.path, `disk-${size}`);
  await mkdir(disk);
  if ((await run(["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk])).code !== 0) {
    const why = "a small disk needs root and the right to mount a tmpfs";
    // Where everything should run, what was skipped must be seen.
    if (process.env.REQUIRE_SERVICES === "1") throw new Error(why);
    return console.log(`skipped: ${why}`);
  }
  try {
    await story(join(disk, "workspace"), async () => {
      expect((await run(["mount", "-o", "remount,size=20m", disk])).code).toBe(0);
    });
  } finally {
    await run(["umount", "-l", disk]);
  }
}

describe("the team's files", () => {
  const skillsText = readFileSync(join(ROOT, "skills.yaml"), "utf8");
  const { skills } = file<{ skills: Record<string, object> }>("skills.yaml");
  const used = new Set(steps.flatMap((step) => [step, ...(step.parallel ?? [])].flatMap((one) => one.skill ?? [])));
  /** One that the shortest pipeline gets by without. */
  const spare = Object.keys(skills).findLast((name) => !used.has(name)) ?? "";
  const first = Object.keys(skills)[0] ?? "";
  const lineOf = (text: string, wanted: string | RegExp) => text.slice(0, text.search(wanted)).split("\n").length;
  const atFirst = new RegExp(`^  ${first}:`, "m");
  const bomb = `bomb: &a [x, x, x, x, x, x, x, x, x]\n${"bcdefghij".replace(/./g, (letter, i: number) => `${letter}: &${letter} [${Array(9).fill(`*${"abcdefghij"[i]}`).join(", ")}]\n`)}`;

  const BROKEN: Record<string, readonly [text: string, ...said: string[]]> = {
    "a bomb of aliases": [bomb + skillsText, "skills.yaml:", "alias"],
    "a key given twice": [
      skillsText.replace(atFirst, `  ${first}: {}\n$&`),
      `skills.yaml:${lineOf(skillsText, atFirst) + 1}:`,
      first,
    ],
    "a tab": [skillsText.replace(atFirst, `\t$&`), `skills.yaml:${lineOf(skillsText, atFirst)}:`, "tab"],
    "a wrong type": [
      skillsText.replace(/^( {4})tier: .*$/m, "$1tier: 7"),
      `skills.yaml:${lineOf(skillsText, /^ {4}tier: /m)}:`,
      "tier",
    ],
    "a skill named ../x": [skillsText.replace(atFirst, `  ../x: ${JSON.stringify(skills[first])}\n$&`), "skills.yaml:", "../x"],
    nothing: ["", "skills.yaml", "empty"],
  };

  for (const [name, [text, ...said]] of Object.entries(BROKEN)) {
    test.concurrent(
      `skills.yaml with ${name} is named with its line`,
      () =>
        turn(async () => {
          await using root = await teamCopy();
          writeFileSync(join(root.path, "skills.yaml"), text);
          const runs = await command(["--rehearse", GOAL], { cwd: root.path });
          expectOneMessage(runs, EXIT.config, said);
          expect(existsSync(join(root.path, "workspace"))).toBe(false);
          const checked = await command(["validate"], { cwd: root.path });
          expect(checked.code).toBe(EXIT.config);
          for (const words of said) expect(checked.stdout).toContain(words);
        }),
      LIMIT_MS,
    );
  }

  test.concurrent(
    "a SKILL.md without frontmatter is off and said to be; the team still works",
    () =>
      turn(async () => {
        await using root = await teamCopy();
        const path = join(".agents/skills", spare, "SKILL.md");
        writeFileSync(join(root.path, path), "# A skill without a head\n\nDo the work.\n");
        const run = await command(["--rehearse", "--json", "--pipeline", SHORT], { cwd: root.path });
        expect(run.code).toBe(EXIT.done);
        expect(run.stderr).toContain(path);
        expect(run.stderr).toContain("frontmatter");
        expect(run.stderr).not.toContain("    at ");
        expect(JSON.parse(run.stdout)).toMatchObject({ status: "completed", workspace: join(root.path, "workspace") });
        expect((await command(["validate"], { cwd: root.path })).code).toBe(EXIT.config);
      }),
    LIMIT_MS,
  );

  async function teamCopy() {
    const root = await tempDir();
    for (const name of ["skills.yaml", "tools.yaml", ".agents"])
      if (existsSync(join(ROOT, name))) await cp(join(ROOT, name), join(root.path, name), { recursive: true });
    return root;
  }
});

/** One message for a person: what, where, what to do; not a word of ours, and nothing on stdout. */
function expectOneMessage({ code, stdout, stderr }: CliResult, exit: number, said: readonly string[]): void {
  for (const words of said) expect(stderr).toContain(words);
  expect({ code, stdout }).toEqual({ code: exit, stdout: "" });
  expect(stderr.split("\n").filter((line) => line.startsWith("error"))).toHaveLength(1);
  expect(stderr).not.toMatch(/fault of the program|^\s+at /m);
  expect(stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  expect(stderr.length).toBeLessThan(2_000);
}

/** Neither a run nor a look changes a byte of it. */
async function expectLeftAlone(workspace: string, said: readonly string[]): Promise<void> {
  const before = await picture(workspace);
  const runs = await Promise.all(
    [["--rehearse", "--pipeline", SHORT], ["show"]].map((args) => turn(() => command([...args, "--workspace", workspace]))),
  );
  for (const run of runs) expectOneMessage(run, EXIT.config, said);
  expect(await picture(workspace)).toEqual(before);
}

async function copyOf(workspace: string, name: string): Promise<string> {
  const place = join(dir.path, name);
  await cp(workspace, place, { recursive: true });
  return place;
}

/** Every file of a workspace with the hash of its bytes; SQLite's own side files come and go. */
async function picture(workspace: string): Promise<Record<string, string>> {
  const entries = await readdir(workspace, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile() && !/-(wal|shm)$/.test(entry.name));
  const hashes = found.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(workspace.length), Bun.hash(await readFile(path)).toString(36)] as const;
  });
  return Object.fromEntries((await Promise.all(hashes)).toSorted((a, b) => (a[0] < b[0] ? -1 : 1)));
}

/** How to start the command line as somebody without rights here; null where that cannot be done. */
function otherUser(): string[] | null {
  if (process.getuid?.() !== 0 || Bun.which("setpriv") === null) return null;
  const args = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, join(ROOT, "src/cli.ts")];
  return Bun.spawnSync([...args, "--version"], { env: cleanEnv() }).exitCode === 0 ? args : null;
}

async function run(command: string[], options: CliOptions = {}): Promise<{ code: number }> {
  return { code: await Bun.spawn(command, { cwd: options.cwd ?? ROOT, stdout: "ignore", stderr: "ignore" }).exited };
}
