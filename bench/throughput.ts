/** How many goals and tasks a process can do when the model answers at once: with the wire, and growing with what is stored. */

import type { Call } from "../src/domain/call.ts";
import type { Plan, PlanTask } from "../src/domain/plan.ts";
import type { Registry } from "../src/domain/registry.ts";
import { createClaude } from "../src/model/claude/claude.ts";
import type { ModelRequest } from "../src/model/model.ts";
import { silentLog } from "../src/log/log.ts";
import { callsOfGoal } from "../src/store/calls.ts";
import { tasksOfGoal } from "../src/store/tasks.ts";
import { sample, type Figure } from "./figure.ts";
import { openTeam, startServer, type BenchTeam } from "./team.ts";

const GOALS = 200;
const STORED = 1000;
const SIDE_BY_SIDE = 8;
const CONCURRENCY = 4;

export async function throughput(): Promise<Figure[]> {
  await using server = await startServer({ latencyMs: 0 });
  await using team = await openTeam(server.url, { concurrency: CONCURRENCY });
  const plan = smallPlan(team.app.registry);
  await team.run("warm up", plan);
  const first = await goals(team, plan, GOALS);
  const seconds = first.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  const { calls, tasks } = await sizeOf(
    team,
    first.map((goal) => goal.id),
  );
  const bare = await bareCalls(server.url, team.app.registry.models.tiers.light, calls);
  const memory = process.memoryUsage.rss() / 2 ** 20;
  // Only there to be stored: several side by side.
  for (let stored = GOALS; stored < STORED; stored += SIDE_BY_SIDE)
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => team.run("A goal among many", plan)));
  const last = await goals(team, plan, GOALS);
  const perTask = (runs: readonly Timed[], what: "ms" | "cpuMs" = "ms") => sample(runs.map((run) => (run[what] * GOALS) / tasks));
  return [
    {
      key: "goals",
      better: "higher",
      what: `goals a second, one after the other (${tasks / GOALS} tasks, ${calls / GOALS} calls each)`,
      unit: "goals/s",
      value: sample([GOALS / seconds]),
    },
    {
      key: "task",
      what: "a task, with review and documents",
      unit: "ms a task",
      value: perTask(first),
      base: {
        what: "its calls alone: the same number through the same client, one at a time",
        value: sample(bare.map((ms) => (ms * calls) / tasks)),
      },
    },
    {
      key: "tasks",
      better: "higher",
      what: "tasks a second",
      unit: "tasks/s",
      value: sample([tasks / seconds]),
    },
    {
      key: "flat",
      what: `processor time with ${STORED} goals stored`,
      unit: "ms a task",
      value: perTask(last, "cpuMs"),
      base: { what: `the first ${GOALS} goals`, value: perTask(first, "cpuMs") },
      bar: { of: "ratio", atMost: 1.2, from: "flat" },
    },
    { key: "memory.few", what: `memory after ${GOALS} goals`, unit: "MiB", value: sample([memory]) },
    {
      key: "memory.many",
      what: `memory after ${STORED} goals`,
      unit: "MiB",
      value: sample([process.memoryUsage.rss() / 2 ** 20]),
      base: { what: `after ${GOALS}`, value: sample([memory]) },
    },
  ];
}

/** Three tasks of the first two skills, the last of which needs both others: no planning, no gate. */
export function smallPlan(registry: Registry): Plan {
  const [first = "", second = first] = [...registry.skills.keys()];
  const task = (key: string, skill: string, needs: string[]): PlanTask => ({
    key,
    skill,
    phase: "Work",
    brief: "Write one page about the goal.",
    criteria: ["It is one page"],
    needs,
  });
  return {
    title: "A small plan",
    category: Object.keys(registry.routing.categories)[0] ?? "",
    pipeline: null,
    phases: [{ name: "Work", gate: false }],
    tasks: [task("one", first, []), task("two", second, []), task("three", first, ["one", "two"])],
    assumptions: [],
    missing: [],
  };
}

type Timed = { readonly id: string; readonly ms: number; readonly cpuMs: number };

async function goals(team: BenchTeam, plan: Plan, count: number): Promise<Timed[]> {
  const runs: Timed[] = [];
  for (let run = 0; run < count; run++) {
    const before = process.cpuUsage();
    const goal = await team.run(`Goal ${run}`, plan);
    const { user, system } = process.cpuUsage(before);
    runs.push({ ...goal, cpuMs: (user + system) / 1000 });
  }
  return runs;
}

async function sizeOf(team: BenchTeam, ids: readonly string[]): Promise<{ calls: number; tasks: number }> {
  return await team.app.store.read(async (read) => {
    let [calls, tasks]: [number, number] = [0, 0];
    for (const id of ids) {
      const made: Call[] = await callsOfGoal(read, id);
      calls += made.length;
      tasks += (await tasksOfGoal(read, id)).length;
    }
    return { calls, tasks };
  });
}

/** Calls without anything around them. Their prompt is short, so this is less than what the team's own calls take. */
async function bareCalls(url: string, modelId: string, count: number): Promise<number[]> {
  const model = createClaude({ apiKey: "bench", baseURL: url, log: silentLog });
  const request: ModelRequest = {
    model: modelId,
    maxTokens: 1000,
    system: [{ text: "Work." }],
    messages: [{ role: "user", parts: [{ text: "<task>Write one page.</task>" }] }],
  };
  const times: number[] = [];
  for (let call = 0; call < count; call++) {
    const began = performance.now();
    await model.respond(request, { signal: new AbortController().signal });
    times.push(performance.now() - began);
  }
  return times;
}
