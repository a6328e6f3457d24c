/** The guided tour as a program: runs every command of docs/tour.md in a fresh folder, in order, and keeps what was printed. */

import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cleanEnv, ROOT, tempDir } from "./cli.ts";

export type Step = { readonly command: string; readonly expected: readonly string[] };
export type Played = Step & { readonly output: string };

/** The commands of a page's console blocks, each with the lines that are shown below it. */
export function stepsOf(markdown: string): Step[] {
  const steps: { command: string; expected: string[] }[] = [];
  for (const [, block] of markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm))
    for (const line of (block ?? "").split("\n")) {
      if (line.startsWith("$ ")) steps.push({ command: line.slice(2), expected: [] });
      else if (line.trim() !== "" && line.trim() !== "…") steps.at(-1)?.expected.push(line);
    }
  return steps;
}

/** A line without what is another one on every day and machine: ids, times, money, ports, folders. */
export function plainLine(line: string): string {
  return line
    .replace(/\b(goal|ask|event|learn|call|task)_[0-9a-z]{26}\b/g, "$1_ID")
    .replace(/-[0-9a-z]{8}\.md\b/g, "-ID.md")
    .replace(/\d{4}-\d\d-\d\d/g, "DATE")
    .replace(/\d\d:\d\d(:\d\d)?/g, "TIME")
    .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .replace(/\$\d[\d,.]*/g, "USD")
    .replace(/\d[\d,.]* (ms|s|min|h|KB|MB)\b/g, "SO MUCH")
    .replace(/\d+ (skills|pipelines|schedules|events|tools)\b/g, "N $1")
    .replace(/score \d\.\d {2}v\d/g, "SCORE")
    .replace(/\s+/g, " ")
    .trim();
}

/** The lines that the page shows and the program did not print, in this order. */
export function missingLines({ expected, output }: Played): string[] {
  const printed = output.split("\n").map(plainLine);
  let from = 0;
  return expected.filter((line) => {
    const at = printed.indexOf(plainLine(line), from);
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

/** Plays steps in a folder that is like a fresh clone. What does not end by itself is stopped, as by Ctrl-C, after the last one. */
export async function play(steps: readonly Step[]): Promise<Played[]> {
  await using dir = await tempDir();
  const root = join(dir.path, "marketeam");
  await clone(root);
  const ports = new Map<string, string>();
  const running: { stop: () => Promise<void> }[] = [];
  const played: Played[] = [];
  const tidy = (text: string) =>
    [...ports].reduce((all, [page, real]) => all.replaceAll(real, page), text.replaceAll(dir.path, "/home/you"));
  try {
    for (const step of steps) {
      const stays = / start (rehearsal|.*--daemon)/.test(step.command);
      const own = [...ports].reduce((all, [page, real]) => all.replaceAll(page, real), step.command);
      const child = shell(step.command.endsWith(" rehearsal") ? `${own} --port 0` : own, root);
      const output = stays ? await printedUntil(child, step.expected.at(-1) ?? "") : await printedUntil(child, null);
      if (stays) running.push({ stop: () => stop(child) });
      if (stays)
        for (const [, port] of output.matchAll(/http:\/\/(127\.0\.0\.1:\d+)/g))
          ports.set(step.command.endsWith(" rehearsal") ? "127.0.0.1:8787" : "127.0.0.1:8788", port ?? "");
      played.push({ ...step, output: tidy(output) });
    }
  } finally {
    for (const { stop: end } of running.toReversed()) await end();
  }
  return played;
}

/** What a clone has, without git: the team's files are its own, the rest is shared. */
async function clone(root: string): Promise<void> {
  await mkdir(root);
  for (const name of ["skills.yaml", ".agents", "package.json", "bunfig.toml", ".env.example"])
    await cp(join(ROOT, name), join(root, name), { recursive: true });
  const tools = await readFile(join(ROOT, "tools.yaml"), "utf8");
  await writeFile(join(root, "tools.yaml"), tools);
  for (const name of ["src", "node_modules", "examples"]) await symlink(join(ROOT, name), join(root, name));
}

function shell(command: string, cwd: string) {
  return Bun.spawn(["bash", "-c", `exec 2>&1; ${command}`], {
    cwd,
    env: cleanEnv({ PORT: "0" }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    // A group of its own: `bun run` starts the program as a child.
    detached: true,
  });
}
type Child = ReturnType<typeof shell>;

/** All that was printed until the program ended, or until it printed this line. */
async function printedUntil(child: Child, last: string | null): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = child.stdout.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
    if (
      last !== null &&
      text
        .split("\n")
        .slice(0, -1)
        .some((line) => plainLine(line) === plainLine(last))
    ) {
      // Goes on reading, or a full pipe would hold the program up.
      void (async () => {
        while (!(await reader.read()).done);
      })();
      return text;
    }
  }
}

async function stop(child: Child): Promise<void> {
  process.kill(-child.pid, "SIGINT");
  await child.exited;
}

if (import.meta.main) {
  const page = await readFile(join(ROOT, "docs/tour.md"), "utf8");
  const played = await play(stepsOf(page));
  const text = played
    .map(({ command, output }) => `$ ${command}\n${output.replace(/^\$ bun src\/cli\.ts.*\n/, "").trimEnd()}\n`)
    .join("\n");
  await mkdir(join(ROOT, "docs/recordings"), { recursive: true });
  await writeFile(join(ROOT, "docs/recordings/tour.txt"), text);
  for (const step of played)
    for (const line of missingLines(step)) process.stdout.write(`not printed by ${step.command}:\n  ${line}\n`);
}
