/** Stories of `email`: the suppression list through the real command line. */

import { expect, test } from "bun:test";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { command, tempDir } from "./cli.ts";

const story = (name: string, body: () => Promise<void>) => test(name, body, 60_000);

story("a list from a file, looked at, and one taken off it again", async () => {
  await using dir = await tempDir();
  const workspace = join(dir.path, "workspace");
  const run = (...args: string[]) => command(["email", ...args, "--workspace", workspace]);
  const file = join(dir.path, "unsubscribed.csv");
  await writeFile(file, 'name,email\n"Doe, Jo",Jo@Example.com\nAcme,@acme.com\nno address here\n');

  const empty = await run("suppressed", "--json");
  expect([empty.code, JSON.parse(empty.stdout)]).toEqual([0, { total: 0, suppressed: [] }]);
  // Looking makes nothing.
  expect(await readdir(dir.path)).toEqual(["unsubscribed.csv"]);

  const put = await run("suppress", file, "--reason", "newsletter of May");
  expect(put.stdout).toContain("2 on the suppression list now");
  // What cannot be read is told, and the rest is safe.
  expect([put.code, put.stderr]).toEqual([1, expect.stringContaining("1 lines of")]);
  expect(put.stderr).toContain("left out: 4");
  const again = await run("suppress", "jo@example.com", "--json");
  expect([again.code, JSON.parse(again.stdout)]).toEqual([0, { read: 1, added: 0, unreadable: [] }]);

  const listed = JSON.parse((await run("--json")).stdout) as { total: number; suppressed: object[] };
  expect(listed).toMatchObject({
    total: 2,
    suppressed: [
      { address: "@acme.com", reason: "newsletter of May" },
      { address: "jo@example.com", reason: "newsletter of May" },
    ],
  });
  expect((await run("suppressed", "--limit", "1")).stdout).toContain("1 more: --limit 2");
  expect((await run("allow", "JO@example.com")).stdout).toContain("may be written to again");
  const gone = await run("allow", "jo@example.com");
  expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining("is not on the suppression list")]);
});

story("what cannot be done is refused in one line, and leaves no trace", async () => {
  await using dir = await tempDir();
  const workspace = join(dir.path, "workspace");
  const empty = join(dir.path, "empty.txt");
  await writeFile(empty, "\n\n");
  const cases: [string[], string][] = [
    [["supress", "jo@example.com"], 'did you mean "suppress"?'],
    [["suppress"], "an address, @domain, or a file"],
    [["suppress", "nowhere.csv"], "neither an address nor a file that can be read"],
    [["suppress", empty], "there is no address in it"],
    [["allow", "jo"], "neither an address nor @domain"],
    [["allow", "jo@example.com"], "is not on the suppression list"],
    [["suppressed", "jo@example.com"], "takes nothing behind it"],
    [["suppressed", "--reason", "x"], "no use for --reason"],
    [["suppress", "jo@example.com", "--limit", "3"], "no use for --limit"],
  ];
  const answers = await Promise.all(cases.map(([args]) => command(["email", ...args, "--workspace", workspace])));
  for (const [index, [args, words]] of cases.entries()) {
    const answer = answers[index];
    expect([args, answer?.code, answer?.stdout, answer?.stderr]).toEqual([args, 2, "", expect.stringContaining(words)]);
  }
  expect(await readdir(dir.path)).toEqual(["empty.txt"]);
});
