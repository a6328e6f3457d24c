/** What `approvals` prints: the list in a line or two each, one question whole for people and for programs. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { z } from "zod";
import { cleanEnv, command, ROOT, tempDir } from "../test/cli.ts";

const listed = z.strictObject({
  approvals: z.array(
    z.strictObject({
      id: z.string(),
      goal: z.string(),
      task: z.string().nullable(),
      kind: z.string(),
      title: z.string(),
      detail: z.string(),
      approveMeans: z.string(),
      rejectMeans: z.string(),
      askedAt: z.iso.datetime(),
    }),
  ),
  // Actions outside: see effects-cli.test.ts.
  effects: z.tuple([]),
});
const whole = z.strictObject({
  approvals: z.tuple([
    z.strictObject({
      ...listed.shape.approvals.element.shape,
      status: z.enum(["open", "answered", "withdrawn"]),
      asked: z.strictObject({ of: z.string(), brief: z.string(), criteria: z.array(z.string()) }),
      happened: z.string().nullable(),
      versions: z.array(
        z.strictObject({
          version: z.number(),
          score: z.number().nullable(),
          origin: z.enum(["agent", "person"]),
          best: z.boolean(),
          newest: z.boolean(),
        }),
      ),
      diff: z.strictObject({ from: z.number(), to: z.number(), text: z.string() }).nullable(),
      findings: z.array(
        z.strictObject({
          severity: z.string(),
          quote: z.string(),
          problem: z.string(),
          request: z.string(),
          reviewer: z.string(),
          declined: z.string().nullable(),
        }),
      ),
      costUsd: z.number(),
      lostUsd: z.number(),
      ahead: z.string().nullable(),
      choices: z.array(
        z.strictObject({ answer: z.string(), command: z.string(), costUsd: z.number().nullable(), means: z.string() }),
      ),
    }),
  ]),
});

let dir: Awaited<ReturnType<typeof tempDir>>;
let workspace = "";

beforeAll(async () => {
  dir = await tempDir();
  workspace = join(dir.path, "team");
  // The text holds filler that the structural check finds in every version.
  const brief = ["--pipeline", "Email Health", "Explain the new price, the date is TBD"];
  const run = await command(["--rehearse", "--seed", "3", "--workspace", workspace, ...brief]);
  expect(run.code).toBe(4);
}, 60_000);
afterAll(() => dir[Symbol.asyncDispose]());

/** `approval` as a command would call it. */
async function one(typed: string | undefined, json: boolean, place = workspace) {
  const code = `import { approval } from "${join(ROOT, "src/cli/approvals.ts")}";
    import { reportError } from "${join(ROOT, "src/cli/errors.ts")}";
    process.exitCode = await approval(${JSON.stringify(typed)}, ${JSON.stringify({ workspace: place, json })}).catch(reportError);`;
  const child = Bun.spawn([process.execPath, "-e", code], { cwd: ROOT, env: cleanEnv(), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, stdout, stderr };
}

test("the list has a line or two for each question, and says how to see one whole", async () => {
  const json = listed.parse(JSON.parse((await command(["approvals", "--json", "--workspace", workspace])).stdout));
  const [asked] = json.approvals;
  const { stdout } = await command(["approvals", "--workspace", workspace]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.length).toBe(json.approvals.length * 2 + 2);
  expect(lines[0]).toBe(asked?.title ?? "none");
  expect(lines[1]).toStartWith(`  ${asked?.id}  ${asked?.goal}  `);
  expect(lines.at(-1)).toBe("1 question. One with all you need to decide: bun run start approvals <id>");
  expect((await one(undefined, false)).stdout.split("\n")[0]).toBe(lines[0] ?? "none");
});

test("one question fits on a screen of 80 x 40, and has its parts as fields", async () => {
  const [asked] = listed.parse(JSON.parse((await command(["approvals", "--json", "--workspace", workspace])).stdout)).approvals;
  const beginning = asked?.id.slice(0, 20) ?? "";
  const rows = (await one(beginning, false)).stdout.trimEnd().split("\n");
  expect(rows.length).toBeLessThanOrEqual(39);
  expect(Math.max(...rows.map((row) => Bun.stringWidth(row)))).toBeLessThanOrEqual(80);
  expect(rows.slice(3).join("\n")).toBe(asked?.detail ?? "none");
  const [parts] = whole.parse(JSON.parse((await one(beginning, true)).stdout)).approvals;
  expect(parts).toMatchObject(asked ?? {});
  expect(parts.versions.length).toBe(4);
  expect(parts.findings.length).toBeGreaterThan(0);
  expect(parts.costUsd).toBeGreaterThan(0);
  for (const choice of parts.choices) expect(choice.command).toMatch(/^bun run start (?:approve|reject) ask_/);
});

test("an id that is none, and a question that was answered", async () => {
  const wrong = await one("ask_zz", false);
  expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([2, "", expect.stringContaining("approvals")]);
  await using other = await tempDir();
  const copy = join(other.path, "team");
  await Bun.$`cp -r ${workspace} ${copy}`.quiet();
  const [asked] = listed.parse(JSON.parse((await command(["approvals", "--json", "--workspace", copy])).stdout)).approvals;
  const id = asked?.id ?? "";
  expect((await command(["reject", id, "--drop", "--note", "No dates yet", "--no-run", "--workspace", copy])).code).toBe(0);
  expect((await command(["approvals", "--workspace", copy])).stdout).toBe("Nothing waits for you.\n");
  expect((await one(id, false, copy)).stdout).toEndWith("Answered: reject (No dates yet)\n");
  expect(JSON.parse((await one(id, true, copy)).stdout)).toMatchObject({ approvals: [{ id, status: "answered" }] });
});
