/** Stories: every pipeline of .agents/pipelines.yaml runs to its end from the command line, with its own steps and reviewers. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { StoredEvent } from "../domain/event.ts";
import { DIRECTOR } from "../domain/plan.ts";
import { goalResult, type GoalResult } from "../domain/result.ts";
import { silentLog } from "../log/log.ts";
import { listEvents } from "../store/events.ts";
import { openSqliteStore } from "../store/sqlite/store.ts";
import { command, lanes, ROOT, tempDir } from "./cli.ts";

const BRIEF = "For project managers who are new to OKRs";
const LIMIT_MS = 60_000;

type Step = { skill?: string; director?: string; review?: string; phase?: string; gate?: boolean; parallel?: Step[] };
/** A step of work as the file says it: who does it, who reviews it, which steps stand before it. */
type Work = { readonly skill: string; readonly phase: string; readonly reviewers: string[]; readonly after: readonly Work[] };
type Written = { readonly steps: readonly Work[]; readonly gates: readonly string[] };

// Read apart from the program's own loader: the test must not believe what it tests.
const file = parse(readFileSync(join(ROOT, ".agents/pipelines.yaml"), "utf8")) as {
  pipelines: Record<string, { steps: Step[] }>;
};
const PIPELINES = Object.entries(file.pipelines).map(([name, { steps }]) => [name, written(steps)] as const);
const turn = lanes(2);

test("there are pipelines to run", () => {
  expect(PIPELINES.length).toBeGreaterThan(5);
  expect(new Set(PIPELINES.flatMap(([, { steps }]) => steps.map((step) => step.reviewers.length))).size).toBeGreaterThan(1);
});

for (const [name, expected] of PIPELINES) {
  test.concurrent(
    `pipeline ${name}`,
    () =>
      turn(async () => {
        await using dir = await tempDir();
        const run = await rehearse(dir.path, ["--pipeline", name, BRIEF]);
        expect(run.title).toContain(name);
        const events = await eventsOf(dir.path);
        expect(faultsOf(run, expected, events)).toEqual([]);
        for (const task of run.plan.phases.flatMap((phase) => phase.tasks)) expect(task.brief).toContain(BRIEF);
        expect(events.find((event) => event.type === "goal.planned")).toMatchObject({ pipeline: name });
      }),
    LIMIT_MS,
  );
}

const [SHORTEST] = PIPELINES.toSorted((a, b) => a[1].steps.length - b[1].steps.length);

test.concurrent(
  "a pipeline needs no brief, and its name may be typed in any case",
  () =>
    turn(async () => {
      const [name = "", expected] = SHORTEST ?? [];
      await using dir = await tempDir();
      const run = await rehearse(dir.path, ["--pipeline", name.toUpperCase()]);
      expect(run.title).toBe(name);
      expect(run.plan.phases.flatMap((phase) => phase.tasks.map((task) => task.skill))).toEqual(
        expected?.steps.map((step) => step.skill) ?? [],
      );
      const other = await rehearse(dir.path, ["--pipeline", ` ${name.toLowerCase()} `, BRIEF]);
      expect(other.title).toContain(name);
      expect(other.goal).not.toBe(run.goal);
    }),
  LIMIT_MS,
);

/** The steps of a pipeline as a person reads them. */
function written(steps: readonly Step[]): Written {
  const all: Work[] = [];
  const gated = new Set<string>();
  let before: Work[] = [];
  const add = (step: Step, after: readonly Work[]): Work => {
    const work = { skill: step.skill ?? DIRECTOR, phase: step.phase ?? "", reviewers: [], after };
    if (step.gate) gated.add(work.phase);
    all.push(work);
    return work;
  };
  for (const step of steps) {
    if (step.review !== undefined) for (const work of before) work.reviewers.push(step.review);
    else if (step.parallel) {
      const members: Work[] = [];
      for (const member of step.parallel) {
        if (member.review === undefined) members.push(add(member, before));
        else members.at(-1)?.reviewers.push(member.review);
      }
      before = members;
    } else before = [add(step, before)];
  }
  const gates = [...gated].filter((phase) =>
    all.some((work) => work.phase !== phase && work.after.some((need) => need.phase === phase)),
  );
  return { steps: all, gates };
}

/** Where a run is not what the file says, in plain words. */
function faultsOf(run: GoalResult, expected: Written, events: readonly StoredEvent[]): string[] {
  const faults: string[] = [];
  if (run.status !== "completed") faults.push(`it is ${run.status}`);
  const made = run.tasks.map((task) => task.skill).toSorted();
  const wanted = expected.steps.map((step) => step.skill).toSorted();
  if (made.join() !== wanted.join()) faults.push(`it did ${made.join()}, not ${wanted.join()}`);
  for (const task of run.tasks)
    if (task.status !== "done" || task.output === null) faults.push(`${task.skill} is ${task.status}`);

  // The plan keeps the order of the file, so that its nth task is the file's nth step.
  const planned = run.plan.phases.flatMap((phase) => phase.tasks);
  const seen = new Map<string, { id: string; started: number; done: number; reviewers: Set<string> }>();
  for (const event of events) {
    if (event.type === "task.started" && event.taskId !== null && !seen.has(event.key))
      seen.set(event.key, { id: event.taskId, started: event.seq, done: Number.POSITIVE_INFINITY, reviewers: new Set() });
    const task = [...seen.values()].find((entry) => entry.id === event.taskId);
    if (task && event.type === "task.done") task.done = event.seq;
    if (task && event.type === "task.reviewed") task.reviewers.add(event.reviewer);
  }
  const ran = new Map<Work, { started: number; done: number; reviewers: Set<string> }>();
  for (const step of expected.steps) {
    const key = planned.find((task) => task.skill === step.skill && !used(ran, seen.get(task.key)))?.key ?? "";
    const entry = seen.get(key);
    if (!entry) {
      faults.push(`${step.skill} never began`);
      continue;
    }
    ran.set(step, entry);
    for (const need of step.after) {
      const before = ran.get(need);
      if (!before || !(entry.started > before.done)) faults.push(`${step.skill} began before ${need.skill} was done`);
    }
    const reviewers = [...entry.reviewers].filter((name) => name !== "structure");
    // Without a review in the file the Director reviews, but nobody stands above it.
    const wantedReviewers = step.reviewers.length > 0 || step.skill === DIRECTOR ? step.reviewers : [DIRECTOR];
    if (reviewers.toSorted().join() !== wantedReviewers.toSorted().join())
      faults.push(`${step.skill} was reviewed by ${reviewers.join() || "nobody"}, not ${wantedReviewers.join()}`);
  }
  for (const phase of expected.gates)
    if (!events.some((event) => event.type === "gate.decided" && event.phase === phase))
      faults.push(`the gate of ${phase} never opened`);
  return faults;
}

function used(ran: ReadonlyMap<Work, unknown>, entry: unknown): boolean {
  return entry !== undefined && [...ran.values()].includes(entry);
}

async function rehearse(workspace: string, args: readonly string[]): Promise<GoalResult> {
  const { stdout } = await ran([...args, "--rehearse", "--json", "--workspace", workspace]);
  return goalResult.parse(JSON.parse(stdout));
}

/** Read from the store itself: fourteen more processes would tell the same. */
async function eventsOf(workspace: string): Promise<StoredEvent[]> {
  const path = join(workspace, ".marketeam/marketeam.db");
  const store = await openSqliteStore({ path, tenant: "default", now: Date.now, log: silentLog, reached: () => {} });
  try {
    return await store.read((read) => listEvents(read, { limit: 10_000 }));
  } finally {
    await store.close();
  }
}

async function ran(args: readonly string[]) {
  const run = await command(args);
  if (run.code !== 0) throw new Error(`exit ${run.code} of ${args.join(" ")}\n${run.stderr}\n${run.stdout}`);
  return run;
}
