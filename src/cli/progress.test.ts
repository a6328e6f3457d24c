/** The forms of progress through the real command line: JSON lines on stdout, plain lines on stderr, neither coloured. */

import { expect, test } from "bun:test";
import type { StoredEvent } from "../domain/event.ts";
import { cli, command, tempDir } from "../test/cli.ts";

const GOAL = "Increase signup conversion by 20%";
const LIMIT_MS = 30_000;

test(
  "--events prints each event as it is stored, and nothing else",
  async () => {
    await using dir = await tempDir();
    const run = await cli(["--rehearse", "--events", "--workspace", dir.path, GOAL]);
    expect(run.code).toBe(0);
    const printed = run.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as StoredEvent);
    const kept = await command(["events", "--json", "--limit", "10000", "--workspace", dir.path]);
    const { events } = JSON.parse(kept.stdout) as { events: object[] };
    expect(printed.length).toBeGreaterThan(20);
    expect<object[]>(printed).toEqual(events.slice(-printed.length));
    expect(printed.at(-1)?.type).toBe("goal.completed");
    expect(Object.keys(printed[0] ?? {}).slice(0, 3)).toEqual(["seq", "at", "type"]);
  },
  LIMIT_MS,
);

test(
  "without a terminal there are plain lines on stderr, and with --json none",
  async () => {
    await using dir = await tempDir();
    const run = await cli(["--rehearse", "--workspace", dir.path, GOAL]);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/^\d\d:\d\d:\d\d {2}plan {2,}\d+ tasks in \d+ phases: /m);
    expect(run.stderr).toMatch(/^\d\d:\d\d:\d\d {2}\S+ +done, score \d/m);
    expect(run.stderr).toMatch(/^\d\d:\d\d:\d\d {2}goal +completed$/m);
    expect(run.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    const json = await command(["--rehearse", "--json", "--workspace", dir.path, GOAL]);
    expect(json.stderr).not.toMatch(/^\d\d:\d\d:\d\d/m);
  },
  LIMIT_MS,
);
