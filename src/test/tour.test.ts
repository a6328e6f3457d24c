/** The guided tour: every command of docs/tour.md still works, and every line that the page shows is still printed. */

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./cli.ts";
import { missingLines, play, stepsOf } from "./tour.ts";

const page = await readFile(join(ROOT, "docs/tour.md"), "utf8");
const steps = stepsOf(page);

test("the tour can be followed literally, from the first goal to the backup", async () => {
  const played = await play(steps);
  expect(played.map((step) => step.command)).toEqual(steps.map((step) => step.command));
  for (const step of played) expect({ ...step, missing: missingLines(step) }).toEqual({ ...step, missing: [] });
}, 180_000);

test("it walks through all that a first hour needs, and shows what each command prints", () => {
  const commands = steps.map((step) => step.command).join("\n");
  for (const word of ["--rehearse", "init", "doctor", "--dry-run", "approvals", "resume", "learnings", "tools add", "tools test"])
    expect(commands).toContain(word);
  for (const word of ["--daemon", "schedules", "/webhook", "status", "--scorecard", "backup"]) expect(commands).toContain(word);
  const mute = steps.filter((step) => step.expected.length === 0).map((step) => step.command.split(" ")[0] ?? "");
  expect(mute).toEqual(["printf", "echo"]);
});

test("the recording holds the same commands in the same order", async () => {
  const recording = await readFile(join(ROOT, "docs/recordings/tour.txt"), "utf8");
  let from = 0;
  for (const { command } of steps) {
    const at = recording.indexOf(`$ ${command}\n`, from);
    expect([command, at >= 0]).toEqual([command, true]);
    from = at + 1;
  }
  expect(recording).not.toMatch(/\/tmp\/|\/root\/|\/work\//);
});

test("a line that is no longer printed is found, whatever its ids, times and amounts were", () => {
  const output = "goal_01m7zvgd35e2e8w3trpbbwmvm2  done in 12 s for $0.40\nReport\n";
  const step = (...expected: string[]) => ({ command: "x", expected, output });
  expect(missingLines(step("goal_01m7zvggr4es5rb2fdptgb9jfw  done in 3.4 s for $1.20", "Report"))).toEqual([]);
  expect(missingLines(step("Report", "goal_01m7zvggr4es5rb2fdptgb9jfw  done in 3.4 s for $1.20"))).toHaveLength(1);
  expect(missingLines(step("goal_01m7zvggr4es5rb2fdptgb9jfw  failed in 3.4 s for $1.20"))).toHaveLength(1);
});
