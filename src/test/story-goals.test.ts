/** Stories: one sentence in, reviewed work out, through the real command line: every category of goal against the rehearsal. */

import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoredEvent } from "../domain/event.ts";
import { goalResult, type GoalResult } from "../domain/result.ts";
import { command, lanes, tempDir } from "./cli.ts";

const GOALS: Record<string, readonly [category: string, goal: string]> = {
  "the README's goal": ["optimization", "Increase signup conversion by 20%"],
  optimization: ["optimization", "Cut the drop-off on our checkout and the demo request form by a third"],
  strategic: ["strategic", "Reposition the product for mid-market buyers and plan the launch of our new pricing"],
  content: ["content", "Publish a blog article and a newsletter that bring organic traffic for project templates"],
  retention: ["retention", "Reduce churn of trial users with better onboarding and a win-back email sequence"],
  competitive: ["competitive", "Our rival cut its price: write a comparison page for people who look for an alternative"],
  measurement: ["measurement", "Set up a tracking plan with GA4 events and a dashboard for attribution"],
};
const LIMIT_MS = 60_000;
const turn = lanes(2);

for (const [name, [category, goal]] of Object.entries(GOALS)) {
  test.concurrent(
    `a goal runs to its end: ${name}`,
    () =>
      turn(async () => {
        await using dir = await tempDir();
        const result = await rehearse(dir.path, [goal]);
        expect(result).toMatchObject({ status: "completed", rehearsal: true, workspace: dir.path });
        expect(result.tasks.length).toBeGreaterThan(0);
        for (const task of result.tasks) {
          expect(task.status).toBe("done");
          expect(task.score).toBeGreaterThan(0);
          expect(task.model).toBeString();
          await expectDocument(dir.path, task.output);
        }
        const report = await expectDocument(dir.path, result.report);
        expect(report).toContain(`category: ${category}\n`);
        expect(report).toContain("nothing was spent");
        const { events } = JSON.parse((await ran(["events", "--json", "--limit", "10000", "--workspace", dir.path])).stdout) as {
          events: StoredEvent[];
        };
        expect(orderFaults(result, events)).toEqual([]);
        expect(events.at(-1)?.type).toBe("goal.completed");
      }),
    LIMIT_MS,
  );
}

test.concurrent(
  "--category is honoured where the text says something else",
  () =>
    turn(async () => {
      await using dir = await tempDir();
      const result = await rehearse(dir.path, ["--category", "retention", "Increase signup conversion by 20%"]);
      expect(result.status).toBe("completed");
      expect(await expectDocument(dir.path, result.report)).toContain("category: retention\n");
      const routed = await rehearse(dir.path, ["--dry-run", "Increase signup conversion by 20%"]);
      const skills = (of: GoalResult) => of.plan.phases.flatMap((phase) => phase.tasks.map((task) => task.skill));
      // Else the flag would be a word in a file and nothing else.
      expect(skills(result)).not.toEqual(skills(routed));
    }),
  LIMIT_MS,
);

describe("the order that these stories look for", () => {
  const plan = (needs: string[], gate = false): GoalResult =>
    ({
      plan: {
        phases: [
          { name: "One", gate, tasks: [{ key: "a", needs: [] }] },
          { name: "Two", gate: false, tasks: [{ key: "b", needs }] },
        ],
      },
    }) as unknown as GoalResult;
  const happened = (...words: string[]) =>
    words.map((word, i) => {
      const [type, key] = word.split(" ");
      return {
        seq: i + 1,
        type,
        taskId: key,
        ...(type === "task.started" ? { key } : {}),
        ...(type === "gate.decided" ? { phase: key } : {}),
      };
    }) as unknown as StoredEvent[];

  test("is broken by a task that begins before what it needs is done", () => {
    const events = happened("task.started a", "task.started b", "task.done a", "task.done b");
    expect(orderFaults(plan(["a"]), events)).toEqual(["b began before a was done"]);
    expect(orderFaults(plan([]), events)).toEqual([]);
  });
  test("is broken by a task that never began, and by one that runs ahead of its gate", () => {
    expect(orderFaults(plan([]), happened("task.started a", "task.done a"))).toEqual(["b never began"]);
    const ahead = happened("task.started a", "task.done a", "task.started b", "gate.decided One");
    expect(orderFaults(plan(["a"], true), ahead)).toEqual(["b began before the gate of One"]);
  });
});

/** Runs the real command line: exit 0, one JSON object on stdout and nothing else. */
async function rehearse(workspace: string, args: readonly string[]): Promise<GoalResult> {
  const { stdout } = await ran([...args, "--rehearse", "--json", "--workspace", workspace]);
  return goalResult.parse(JSON.parse(stdout));
}

async function ran(args: readonly string[]) {
  const run = await command(args);
  if (run.code !== 0) throw new Error(`exit ${run.code} of ${args.join(" ")}\n${run.stderr}\n${run.stdout}`);
  return run;
}

/** A file of the workspace that is whole and says that it is a rehearsal. */
async function expectDocument(workspace: string, path: string | null): Promise<string> {
  if (path === null) throw new Error("a document is missing");
  const text = await readFile(join(workspace, path), "utf8");
  expect(text).toMatch(/^---\n[^]*?\nrehearsal: true\n[^]*?---\n\n# [^\n]+\n\n> \**Rehearsal[:.]/);
  expect(text).toEndWith("\n");
  expect(text.length).toBeGreaterThan(400);
  return text;
}

/** Where the events contradict the plan's needs and gates. */
function orderFaults({ plan }: GoalResult, events: readonly StoredEvent[]): string[] {
  const started = new Map<string, number>();
  const keys = new Map<string, string>();
  const done = new Map<string, number>();
  const gates = new Map<string, number>();
  for (const event of events) {
    if (event.type === "task.started" && event.taskId !== null) {
      keys.set(event.taskId, event.key);
      if (!started.has(event.key)) started.set(event.key, event.seq);
    }
    if (event.type === "task.done" && event.taskId !== null) done.set(keys.get(event.taskId) ?? "", event.seq);
    if (event.type === "gate.decided") gates.set(event.phase, event.seq);
  }
  const faults: string[] = [];
  const phaseOf = new Map(plan.phases.flatMap((phase) => phase.tasks.map((task) => [task.key, phase] as const)));
  for (const phase of plan.phases) {
    for (const task of phase.tasks) {
      const began = started.get(task.key);
      if (began === undefined) {
        faults.push(`${task.key} never began`);
        continue;
      }
      for (const need of task.needs) {
        if (!(began > (done.get(need) ?? Number.POSITIVE_INFINITY))) faults.push(`${task.key} began before ${need} was done`);
        const before = phaseOf.get(need);
        if (before?.gate && before !== phase && !(began > (gates.get(before.name) ?? Number.POSITIVE_INFINITY)))
          faults.push(`${task.key} began before the gate of ${before.name}`);
      }
    }
  }
  return faults;
}
